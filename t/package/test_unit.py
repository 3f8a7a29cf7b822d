"""hx-engine.service: as closed as it is meant to be, and not too closed for
what the engine does."""

import base64
import os
import re
import signal
import subprocess
import time

import pytest
import requests

from conftest import BIN, TOP, run

UNIT = TOP / "packaging/systemd/hx-engine.service"
KEY = "0123456789abcdef0123456789abcdef"


def exposure(unit, code=0):
    out = run("systemd-analyze", "security", "--no-pager", "--offline=true",
              "--threshold=20", unit, code=code).stdout
    return float(re.search(r"exposure level for .*: ([0-9.]+)", out).group(1))


def test_hardened():
    assert exposure(UNIT) <= 2.0


def test_a_softer_unit_is_found(tmp_path):
    soft = tmp_path / "hx-engine.service"
    lines = [x for x in UNIT.read_text().splitlines(True) if not x.startswith(
        ("CapabilityBoundingSet", "SystemCallFilter", "IPAddress", "Private",
         "Restrict"))]
    soft.write_text("".join(lines))
    assert exposure(soft, code=1) > 2.0


def verify(unit):
    return subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                          capture_output=True, text=True, timeout=60,
                          check=False)


def test_systemd_knows_every_word(tmp_path):
    """With the program that was built, as /usr/sbin has none here."""
    unit = tmp_path / "hx-engine.service"
    text = UNIT.read_text().replace("/usr/sbin/hx-engine",
                                    str(BIN / "hx-engine"))
    unit.write_text(text)
    p = verify(unit)
    assert (p.returncode, p.stdout + p.stderr) == (0, "")

    unit.write_text(text.replace("ProtectClock=", "ProtectClocks="))
    assert "ProtectClocks" in verify(unit).stderr


def expand(name):
    """System calls of a group of systemd's, or the call itself."""
    if not name.startswith("@"):
        return {name}
    calls = set()
    for line in run("systemd-analyze", "syscall-filter", "--no-pager",
                    name).stdout.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            calls |= expand(word)
    return calls


def allowed():
    calls = expand("@default")      # systemd adds it
    for value in re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text(),
                            re.M):
        for word in value.lstrip("~").split():
            calls = (calls - expand(word) if value.startswith("~")
                     else calls | expand(word))
    return calls


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """What the kernel was asked for while the engine did a bit of everything:
    lines of strace."""
    place = tmp_path_factory.mktemp("traced")
    trace, log = place / "trace", place / "log"
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("HOLONOMIX_", "HX_GATE_"))}
    env.update(HX_GATE_ENGINE_SERVICE_KEY=KEY, HOLONOMIX_PORT="0",
               HOLONOMIX_DATA_DIR=str(place / "data"),
               ASAN_OPTIONS="detect_leaks=0")
    with open(log, "wb") as out:
        process = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", trace, BIN / "hx-engine"], env=env,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        end = time.monotonic() + 60
        while b'"event":"started"' not in log.read_bytes():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        exercise(int(re.search(r'"port":(\d+)', log.read_text()).group(1)))
        pid = int(trace.read_text().split(maxsplit=1)[0])
        for sig in (signal.SIGHUP, signal.SIGTERM):
            os.kill(pid, sig)
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    backup = subprocess.run(
        ["strace", "-f", "-qq", "-A", "-o", trace, BIN / "hx-engine", "check"],
        env=env, capture_output=True, timeout=60, check=False)
    assert backup.returncode == 0
    return trace.read_text().splitlines()


def exercise(port):
    url = f"http://127.0.0.1:{port}"
    s = requests.Session()
    s.trust_env = False
    s.headers["Authorization"] = "Bearer " + KEY
    for n, data in enumerate((b"x" * 100, os.urandom(3_000_000),
                              b"\0" * 8 * 4096)):
        r = s.post(url + "/v1/put", timeout=60, json={
            "namespace": "n", "key": f"k{n}", "metadata": {"a": n},
            "data_b64": base64.b64encode(data).decode()})
        assert r.status_code == 200, r.text
        r = s.post(url + "/v1/serve", timeout=60, json={
            "namespace": "n", "key": f"k{n}"})
        assert base64.b64decode(r.json()["data_b64"]) == data
    for method, path in (("GET", "/v1/list/n"), ("GET", "/metrics"),
                         ("GET", "/ready"), ("DELETE", "/v1/delete/n/k0")):
        assert s.request(method, url + path, timeout=60).status_code == 200
    r = s.post(url + "/v1/search", json={"namespace": "n", "filters": {}},
               timeout=60)
    assert r.status_code == 200, r.text


def calls_in(lines):
    found = set()
    for line in lines:
        match = re.match(r"\d+ +(?:<\.\.\. )?(\w+)[( ]", line)
        if match and "+++" not in line and "---" not in line:
            found.add(match.group(1))
    return found


def test_the_filter_lets_through_what_the_engine_asks_for(traced):
    """execve by strace itself is systemd's before the filter is there."""
    asked = calls_in(traced)
    assert {"fdatasync", "epoll_wait", "accept4"} <= asked
    assert asked - allowed() == set()


def test_the_filter_has_teeth():
    lines = ["1 reboot(1) = 0", "1 setrlimit(RLIMIT_NOFILE) = 0",
             "1 <... mount resumed>) = 0", "1 read(3) = 0"]
    assert calls_in(lines) - allowed() == {"reboot", "setrlimit", "mount"}


def test_no_memory_that_is_written_and_run(traced):
    """MemoryDenyWriteExecute, RestrictAddressFamilies: nothing of that."""
    for line in traced:
        if re.match(r"\d+ +(mmap|mprotect)\(", line):
            assert not ("PROT_WRITE" in line and "PROT_EXEC" in line), line
        found = re.match(r"\d+ +socket\((\w+)", line)
        if found:
            assert found.group(1) in ("AF_UNIX", "AF_INET", "AF_INET6"), line
