"""Starts hx-engine on a free port with a fresh data directory, per test.

The program is $HX_ENGINE or build/hx-engine.  The engine itself picks the
port (HOLONOMIX_PORT=0) and names it in its first log line, so that parallel
workers cannot collide.
"""

import base64
import json
import os
import pathlib
import random
import resource
import signal
import socket
import subprocess
import time

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY = "engine-test-service-key-0123456789abcdef"
# Shadow memory, and freed memory kept for a while, are no growth of ours; 0:
# there is none; tsan has several times as much as asan.
SANITIZED = {"asan": 1, "tsan": 3}.get(os.environ.get("HX_BUILD"), 0)


def program():
    return os.environ.get("HX_ENGINE") or str(ROOT / "build" / "hx-engine")


PATIENCE = int(os.environ.get("HX_PATIENCE", "20"))


def wait_for(condition, what, seconds=PATIENCE):
    """Polls until condition() is true; fails after a bound."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "timed out waiting for " + what
        time.sleep(0.005)


def noise(n):
    """n bytes that nothing makes smaller; the same for the same n."""
    return random.Random(n).randbytes(n)


def b64(data):
    return base64.b64encode(data).decode()


class Engine:
    def __init__(self, directory, **env):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.data = self.directory / "data"
        self.log_path = self.directory / "log"
        self.env = {k: str(v) for k, v in env.items()}
        self.process = None
        self.session = None
        self.file_limit = None      # bytes; stands in for a full disk

    def environment(self):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("HOLONOMIX_", "HX_GATE_"))}
        env.update(HX_GATE_ENGINE_SERVICE_KEY=KEY, HOLONOMIX_PORT="0",
                   HOLONOMIX_DATA_DIR=str(self.data),
                   HOLONOMIX_LOG_LEVEL="debug")
        env.update(self.env)
        return {k: v for k, v in env.items() if v != ""}

    def limit(self):
        if self.file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE,
                               (self.file_limit, self.file_limit))

    def start(self):
        log = open(self.log_path, "ab")
        offset = self.log_path.stat().st_size
        self.process = subprocess.Popen([program()], env=self.environment(),
                                        stdin=subprocess.DEVNULL, stderr=log,
                                        stdout=log, preexec_fn=self.limit)
        log.close()

        def started():
            assert self.process.poll() is None, self.log_text()
            with open(self.log_path, "rb") as f:
                f.seek(offset)
                for line in f:
                    if b'"event":"started"' in line and line.endswith(b"\n"):
                        return json.loads(line)
            return None

        self.port = wait_for(started, "the start line")["port"]
        scheme = "https" if "HOLONOMIX_TLS_CERT_PATH" in self.env else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.session = requests.Session()
        self.session.headers["Authorization"] = "Bearer " + KEY
        self.session.trust_env = False
        return self

    def signal(self, sig):
        self.process.send_signal(sig)

    def wait(self, seconds=30):
        code = self.process.wait(timeout=seconds)
        self.process = None
        if self.session is not None:
            self.session.close()
        return code

    def stop(self):
        """SIGTERM; every test thereby checks that the engine ends cleanly."""
        if self.process is not None:
            self.session.close()
            self.signal(signal.SIGTERM)
            assert self.wait() == 0, self.log_text()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def log(self, event=None):
        # the engine may be about to write the rest of the last one
        whole, _, _ = self.log_text().rpartition("\n")
        lines = [json.loads(x) for x in whole.splitlines()
                 if x.startswith("{")]
        return [x for x in lines if event is None or x["event"] == event]

    def logged(self, request_id):
        """The log line of a request, once it is there."""
        def find():
            for line in self.log("request"):
                if line["request_id"] == request_id:
                    return line
            return None
        return wait_for(find, "the log line of " + request_id)

    def command(self, *words, data=None, **kw):
        """hx-engine with words, beside the one that may run."""
        env = self.environment()
        env["HOLONOMIX_DATA_DIR"] = str(data or self.data)
        return subprocess.run([program(), *map(str, words)], env=env,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False, **kw)

    def check(self, *words, **kw):
        """Nothing is wrong with the store."""
        p = self.command("check", *words, **kw)
        assert p.returncode == 0, p.stdout + p.stderr
        assert p.stdout.endswith(": nothing is wrong\n")

    # operations

    def request(self, method, path, **kw):
        kw.setdefault("timeout", 60)
        return self.session.request(method, self.url + path, **kw)

    def put(self, key, data, **fields):
        body = {"key": key, "data_b64": b64(data)}
        headers = fields.pop("headers", {})
        body.update(fields)
        return self.request("POST", "/v1/put", json=body, headers=headers)

    def serve(self, key, **fields):
        headers = fields.pop("headers", {})
        return self.request("POST", "/v1/serve", json={"key": key, **fields},
                            headers=headers)

    def get(self, key, ns="default", **kw):
        return self.request("GET", f"/v1/get/{ns}/{key}", **kw)

    def delete(self, key, ns="default", **kw):
        return self.request("DELETE", f"/v1/delete/{ns}/{key}", **kw)

    def list(self, ns="default", **params):
        return self.request("GET", f"/v1/list/{ns}", params=params)

    # raw bytes

    def connect(self, timeout=20):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def raw(self, data, timeout=20):
        """Sends bytes, reads until the engine closes."""
        with self.connect(timeout) as s:
            s.sendall(data)
            return read_all(s)


def read_all(s):
    out = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            return out
        out += piece


def read_response(s, rest=b""):
    """One response with Content-Length: (status, headers, body, rest)."""
    while b"\r\n\r\n" not in rest:
        piece = s.recv(65536)
        assert piece, "connection closed in a head: %r" % rest
        rest += piece
    head, rest = rest.split(b"\r\n\r\n", 1)
    head = head.decode()
    lines = head.split("\r\n")
    headers = {k.lower(): v for k, v in
               (line.split(": ", 1) for line in lines[1:])}
    assert len(headers) == len(lines) - 1, "a header twice: " + head
    need = int(headers.get("content-length", "0"))
    while len(rest) < need:
        piece = s.recv(65536)
        assert piece, "connection closed in a body"
        rest += piece
    return int(lines[0].split()[1]), headers, rest[:need], rest[need:]


def head(method, path, *lines, key=KEY, version="1.1"):
    out = [f"{method} {path} HTTP/{version}", "Host: x"]
    if key is not None:
        out.append("Authorization: Bearer " + key)
    out.extend(lines)
    return ("\r\n".join(out) + "\r\n\r\n").encode()


def consumed(e, s, once=False):
    """Waits until the engine has read everything that was sent on this
    connection; once: only looks."""
    local, peer = "%04X" % e.port, "%04X" % s.getsockname()[1]

    def empty():
        sent = received = False
        with open("/proc/net/tcp") as f:
            for line in f.readlines()[1:]:
                fields = line.split()
                ports = [x.split(":")[1] for x in fields[1:3]]
                queues = [int(x, 16) for x in fields[4].split(":")]
                if ports == [peer, local]:
                    sent = queues[0] == 0
                if ports == [local, peer]:
                    received = queues[1] == 0
        return sent and received

    return empty() if once else wait_for(empty, "the engine to read")


def error(response, status, word, detail=None):
    """Checks the error form of the contract."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert list(body) == ["detail", "error", "request_id"]
    assert body["error"] == word
    assert body["request_id"] == response.headers["X-Request-Id"]
    if status == 503:
        assert response.raw.headers.getlist("Retry-After") == ["1"]
    if detail is not None:
        assert body["detail"] == detail
    return body["detail"]


@pytest.fixture
def make_engine(tmp_path):
    """A function that gives engines (not started); stops them at the end."""
    engines = []

    def make(name="e", **env):
        engine = Engine(tmp_path / name, **env)
        engines.append(engine)
        return engine

    yield make
    failed = None
    for engine in engines:
        try:
            engine.stop()
        except (AssertionError, subprocess.TimeoutExpired) as e:
            failed = failed or e
            if engine.process is not None:
                engine.kill()
    if failed is not None:
        raise failed


@pytest.fixture
def engine(make_engine):
    return make_engine().start()
