"""make run and make stop, as a user types them."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from conftest import DATA, RUN, TOP, Gate, environment, running, until


def make(target, env):
    settings = [f"{name}={value}" for name, value in (
        ("BUILD", os.environ.get("HX_BUILD")),) if value]
    return subprocess.run(["make", "-C", TOP, target, *settings], env=env,
                          capture_output=True, text=True, timeout=300,
                          check=False)


@pytest.fixture
def env(state_dirs):
    """Of a gate that is not started yet; whatever was started is stopped."""
    settings = environment(state_dirs())
    yield settings
    subprocess.run([RUN, "stop"], env=settings, check=False, timeout=90,
                   capture_output=True)


def pids(env):
    return [int(open(f"{env['STATE']}/{name}.pid").read())
            for name in ("nginx", "hx-engine")]


def test_make_run_detached_and_make_stop(env, tmp_path):
    run = make("run", env)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("served back bit for bit") >= 2
    assert 'audit line: {"ts":"' in run.stdout

    lines = [x for x in run.stdout.splitlines() if x.startswith("  curl ")]
    assert len(lines) == 6
    for line in lines:
        pasted = subprocess.run(f"{line} --fail", shell=True, cwd=tmp_path,
                                capture_output=True, check=False, timeout=30)
        assert pasted.returncode == 0, line
    assert (tmp_path / "sunspots.npy").read_bytes() == \
        (DATA / "sunspots.npy").read_bytes()

    started = pids(env)
    assert all(running(pid) for pid in started)
    stop = make("stop", env)
    assert stop.returncode == 0, stop.stderr
    assert not any(running(pid) for pid in started)
    assert make("stop", env).returncode == 0


@pytest.mark.parametrize("setting", ["HX_GATE_PORT", "HX_ENGINE_PORT",
                                     "HX_METRICS_PORT"])
def test_port_in_use(env, setting):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        env[setting] = str(port)
        run = subprocess.run([RUN, "start"], env=env, capture_output=True,
                             text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert run.stderr == (f"run: port {port} is in use; choose another with "
                          f"{setting}=\n")


def test_state_directory_of_somebody_else(env):
    os.mkdir(env["STATE"])
    with open(env["STATE"] + "/precious", "w", encoding="ascii"):
        pass
    run = subprocess.run([RUN, "start"], env=env, capture_output=True,
                         text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert "was not made by make run" in run.stderr
    assert run.stderr.count("\n") == 1
    assert os.path.exists(env["STATE"] + "/precious")


def test_module_missing(env):
    env["HX_MODULE"] = env["STATE"] + "-no-module.so"
    run = subprocess.run([RUN, "start"], env=env, capture_output=True,
                         text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert run.stderr == f"run: no module at {env['HX_MODULE']}: run make\n"


def test_twice_in_one_directory_and_after_a_crash(env):
    first = subprocess.run([RUN, "start"], env=env, capture_output=True,
                           text=True, timeout=120, check=False)
    assert first.returncode == 0, first.stderr
    gate = Gate(Path(env["STATE"]), env)

    again = subprocess.run([RUN, "start"], env=env, capture_output=True,
                           text=True, timeout=60, check=False)
    assert again.returncode == 1
    assert "already running here" in again.stderr
    assert again.stderr.count("\n") == 1
    assert gate.call("GET", "/health").ok

    crashed = [*pids(env), *gate.workers()]     # the master starts no more
    for pid in crashed:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    until(lambda: not any(running(pid) for pid in crashed), 10, "all are gone")
    afresh = subprocess.run([RUN, "start"], env=env, capture_output=True,
                            text=True, timeout=120, check=False)
    assert afresh.returncode == 0, afresh.stderr
    assert "of an earlier run is gone" in afresh.stdout


def test_ctrl_c_stops_both(env):
    del env["DETACH"]
    # whoever runs the tests in the background ignores SIGINT, and a shell that
    # was started so cannot take that back
    run = subprocess.Popen([RUN, "start"], env=env, stdout=subprocess.PIPE,
                           text=True, start_new_session=True,
                           preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                            signal.SIG_DFL))
    try:
        out = ""
        while "Ctrl-C ends it." not in out:
            line = run.stdout.readline()
            assert line, out
            out += line
        started = pids(env)
        os.killpg(run.pid, signal.SIGINT)
        rest, _ = run.communicate(timeout=60)
    finally:
        if run.poll() is None:
            run.kill()
            run.communicate()
    assert run.returncode == 0
    assert rest == "stopped.\n"
    assert not any(running(pid) for pid in started)
