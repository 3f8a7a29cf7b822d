"""A running hx-engine, and a client of one keep-alive connection that costs as
little as Python allows: it may stand in for nobody's network."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time

import common
import contest

KEY = "bench-engine-service-key-0123456789abcdef"


class Engine:
    """hx-engine on a free port, with an empty directory, on one core."""

    def __init__(self, env, name, cpu=common.MEASURED, **settings):
        self.env = env
        self.name = name
        self.dir = env.path(name)
        self.cpu = cpu
        self.settings = {k: str(v) for k, v in settings.items()}
        self.process = None
        self.port = contest.free_port()

    def environment(self):
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith(("HOLONOMIX_", "HX_GATE_"))}
        return {**keep, "HX_GATE_ENGINE_SERVICE_KEY": KEY,
                "HOLONOMIX_PORT": str(self.port), "HOLONOMIX_LOG_LEVEL": "warn",
                "HOLONOMIX_IO_THREADS": "1", "HOLONOMIX_WORKERS": "1",
                "HOLONOMIX_DATA_DIR": os.path.join(self.dir, "data"),
                **self.settings}

    def __enter__(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        log = os.path.join(self.dir, "log")
        with open(log, "wb") as err:
            self.process = subprocess.Popen(
                [self.env.engine], env=self.environment(),
                stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                preexec_fn=None if self.cpu is None
                else common.pinned(self.cpu))

        def ready():
            if self.process.poll() is not None:
                with open(log, encoding="utf-8", errors="replace") as f:
                    raise common.Trouble("hx-engine did not start: "
                                         + f.read()[-500:])
            try:
                with Client(self.port) as client:
                    return client.send(request("GET", "/ready"))[1] == 200
            except OSError:
                return False

        try:
            contest.until("hx-engine is ready", 60, ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def status(self, name):
        """Bytes of a line of /proc/<pid>/status."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024
        raise common.Trouble(f"no {name} in /proc")

    def client(self):
        return Client(self.port)


class Client:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 600)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.sock.makefile("rb", 1 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.sock.close()

    def send(self, request):
        """(nanoseconds, status, headers, body) of a whole request's bytes."""
        begin = time.perf_counter_ns()
        self.sock.sendall(request)
        line = self.stream.readline()
        if not line:
            raise common.Trouble("hx-engine closed the connection")
        status = int(line.split()[1])
        headers = {}
        while (line := self.stream.readline().rstrip(b"\r\n")):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.stream.read(int(headers.get("content-length", "0")))
        return time.perf_counter_ns() - begin, status, headers, body

    def call(self, method, path, members=None, accept=None, **headers):
        """(nanoseconds, body) of a call that has to be answered 200; the body
        as bytes where octet-stream was asked for, else what its JSON says."""
        if accept:
            headers["Accept"] = accept
        took, status, _, body = self.send(
            request(method, path, members, **headers))
        if status != 200:
            raise common.Trouble(f"{method} {path}: {status} {body[:300]!r}")
        return took, body if accept else json.loads(body)

    def put(self, key, data, **members):
        return self.call("POST", "/v1/put",
                         {"key": key, "data_b64": data, **members})

    def get(self, key, ns="default"):
        return self.call("GET", f"/v1/get/{ns}/{key}")[1]

    def serve(self, key, ns="default"):
        """(nanoseconds, the bytes of the array)"""
        return self.call("POST", "/v1/serve", {"key": key, "namespace": ns},
                         accept="application/octet-stream")


def request(method, path, members=None, **headers):
    """The bytes of a request; bytes among the members go as base64."""
    body = b""
    if members is not None:
        body = json.dumps(
            {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v
             for k, v in members.items()}).encode()
        headers = {"Content-Type": "application/json", **headers}
    lines = [f"{method} {path} HTTP/1.1", "Host: engine",
             "Authorization: Bearer " + KEY,
             f"Content-Length: {len(body)}",
             *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
