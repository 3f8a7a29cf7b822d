"""A real gate for the end-to-end tests: nginx with the module and hx-engine,
started by packaging/dev/run.sh as "make run" does, on free ports."""

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests

TOP = Path(__file__).resolve().parents[2]
DATA = TOP / "t" / "data"
RUN = TOP / "packaging" / "dev" / "run.sh"

# The contract's forms, used by several files.
KEY_PATTERN = r"hx_live_[0-9A-Za-z]{49}"


def scratch():
    """A directory nginx's workers can enter."""
    if "HX_SCRATCH" in os.environ:
        return Path(os.environ["HX_SCRATCH"])
    out = subprocess.run([TOP / "packaging/dev/scratch-dir.sh", TOP / "build"],
                         check=True, capture_output=True, text=True)
    return Path(out.stdout.strip())


GIVEN = set()           # ports: nobody may listen on the last one yet


def free_port():
    """A port nobody listens on, below the range clients get theirs from."""
    for _ in range(200):
        port = random.randrange(10000, 20000)
        if port in GIVEN:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        GIVEN.add(port)
        if len(GIVEN) > 5000:
            GIVEN.clear()
        return port
    raise RuntimeError("no free port in 10000..20000")


def until(condition, seconds, what):
    """Waits for condition() to be true; its value is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def running(pid):
    """The process exists and is no zombie."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "\nState:\tZ" not in status


class Gate:
    """One running gate: where it is, its keys, and calls to it."""

    counter = itertools.count(1)

    def __init__(self, state, env):
        self.state = state
        self.env = env
        values = dict(line.split("=", 1) for line in
                      (state / "run.env").read_text().splitlines())
        self.url = values["URL"]
        self.ca = values["CA"]
        self.key = values["API_KEY"]
        self.tenant = values["TENANT"]
        self.namespace = values["NAMESPACE"]
        self.service_key = Path(values["SERVICE_KEY_FILE"]).read_text().strip()
        self.audit_log = Path(values["AUDIT_LOG"])
        self.engine_port = int(values["ENGINE_PORT"])
        self.gate_port = int(values["GATE_PORT"])
        self.session = requests.Session()
        self.session.trust_env = False      # no proxy, no other CA
        self.session.verify = self.ca

    def call(self, method, path, key=None, headers=None, **kw):
        """A request with the tenant's key (or another, or none: key='')."""
        send = dict(headers or {})
        key = self.key if key is None else key
        if key:
            send.setdefault("X-Api-Key", key)
        kw.setdefault("timeout", 60)
        return self.session.request(method, self.url + path, headers=send, **kw)

    def admin(self, method, path, key=None, **kw):
        key = self.service_key if key is None else key
        return self.call(method, path, key="",
                         headers={"Authorization": f"Bearer {key}"}, **kw)

    def onboard(self, *namespaces, **more):
        """A new tenant; the answer of create, a dict."""
        body = {"tenant_id": f"t{os.getpid()}-{next(self.counter)}",
                "plan": "pro", **more}
        if namespaces:
            body["namespaces"] = list(namespaces)
        answer = self.admin("POST", "/gate/onboard/create", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def unique(self, stem):
        """A key no other test uses."""
        return f"{stem}-{os.getpid()}-{next(self.counter)}"

    def curl(self, *args):
        """curl, as a user types it; (status, body)."""
        run = subprocess.run(
            ["curl", "-sS", "--cacert", self.ca, "-w", "\n%{http_code}", *args],
            capture_output=True, check=False, timeout=120)
        assert run.returncode == 0, run.stderr
        body, _, status = run.stdout.rpartition(b"\n")
        return int(status), body

    def audit_line(self, request_id):
        """The line of one request, as text; waits for the flush."""
        def find():
            mark = f'"{request_id}"'
            with open(self.audit_log, encoding="utf-8") as f:
                return [line for line in f if mark in line]
        found = until(find, 10, f"audit line of {request_id}")
        assert len(found) == 1, found
        return found[0]

    def pid(self, name):
        return int((self.state / f"{name}.pid").read_text())

    def workers(self):
        master = self.pid("nginx")
        text = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [int(pid) for pid in text.split()]

    def kill_engine(self):
        pid = self.pid("hx-engine")
        os.kill(pid, signal.SIGKILL)
        until(lambda: not running(pid), 10, "engine is gone")

    def start_engine(self):
        subprocess.run([RUN, "engine"], env=self.env, check=True, timeout=60)

    def stop(self):
        subprocess.run([RUN, "stop"], env=self.env, check=True, timeout=90)


def environment(state):
    """What run.sh needs to start a gate of its own in a directory."""
    env = dict(os.environ)
    env.update(STATE=str(state), DETACH="1", HX_GATE_PORT=str(free_port()),
               HX_ENGINE_PORT=str(free_port()),
               HX_METRICS_PORT=str(free_port()))
    return env


def error_of(answer, status, word):
    """The answer is our JSON error; its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"detail", "error", "request_id"}
    assert body["error"] == word
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body["detail"]


@pytest.fixture(scope="session")
def state_dirs():
    """Makes state directories; they go away with the session."""
    base = scratch() / f"e2e-{os.getpid()}"
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    counter = itertools.count(1)
    yield lambda: base / str(next(counter))
    shutil.rmtree(base)


def start(state, **more):
    """A gate, with more in the environment of both servers."""
    env = {**environment(state), **more}
    run = subprocess.run([RUN, "start"], env=env, capture_output=True,
                         text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return Gate(state, env)


@pytest.fixture(scope="session")
def gate(state_dirs):
    """The gate most tests share: each works with keys of its own."""
    running_gate = start(state_dirs())
    yield running_gate
    running_gate.stop()


@pytest.fixture
def own_gate(state_dirs):
    """A gate for one test that breaks something."""
    running_gate = start(state_dirs())
    yield running_gate
    running_gate.stop()
