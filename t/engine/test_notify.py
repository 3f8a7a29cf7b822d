"""NOTIFY_SOCKET: systemd hears when the engine is ready, and that it stops."""

import signal
import socket
import subprocess

import pytest
from conftest import program


@pytest.fixture
def notified(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        s.settimeout(30)
        yield s


def test_ready_and_stopping(make_engine, notified):
    e = make_engine(NOTIFY_SOCKET=notified.getsockname()).start()
    assert notified.recv(1000) == b"READY=1"
    assert e.request("GET", "/health").status_code == 200
    notified.setblocking(False)
    with pytest.raises(BlockingIOError):
        notified.recv(1000)
    notified.settimeout(30)
    e.signal(signal.SIGTERM)
    assert notified.recv(1000) == b"STOPPING=1"
    assert e.wait() == 0


def test_a_start_that_fails_is_never_ready(make_engine, notified):
    first = make_engine().start()
    second = make_engine("e2", NOTIFY_SOCKET=notified.getsockname(),
                         HOLONOMIX_DATA_DIR=str(first.data))
    p = subprocess.run([program()], env=second.environment(), timeout=20,
                       stdin=subprocess.DEVNULL, capture_output=True,
                       check=False)
    assert p.returncode == 1
    notified.setblocking(False)
    with pytest.raises(BlockingIOError):
        notified.recv(1000)


def test_nobody_listens(make_engine, tmp_path):
    e = make_engine(NOTIFY_SOCKET=str(tmp_path / "none")).start()
    assert e.request("GET", "/health").status_code == 200
    lines = e.log("notify_failed")
    assert len(lines) == 1 and lines[0]["level"] == "warn"
    assert "No such file" in lines[0]["reason"]
