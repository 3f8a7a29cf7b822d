"""Real Redis servers for tests, started and stopped by t/lib/redis.sh: on
loopback, on free ports, in a directory of their own, ended by process id."""

import contextlib
import os
import random
import signal
import socket
import ssl
import time
from pathlib import Path

from conftest import TOP, run, running, until

SCRIPT = TOP / "t" / "lib" / "redis.sh"
ROOM = {"single": 1, "tls": 2, "sentinel": 13, "cluster": 26,
        "tls-sentinel": 13, "tls-cluster": 26}


def free_range(count):
    """The first of so many ports that nobody listens on, below those that
    clients get (other tests take theirs at random from the same thousands)."""
    for _ in range(200):
        base = random.randrange(10000, 20000 - count)
        with contextlib.ExitStack() as held:
            try:
                for port in range(base, base + count):
                    s = held.enter_context(socket.socket())
                    s.bind(("127.0.0.1", port))
                return base
            except OSError:
                continue
    raise RuntimeError(f"no {count} free ports in a row")


class RedisError(Exception):
    """An error reply; the text is its whole line."""


class Client:
    """One connection that sends commands: RESP2, blocking, for tests."""

    def __init__(self, port, timeout=10, ca=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca:
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(
                self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def send(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self.socket.sendall(b"".join(parts))

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection has ended")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            data = self.file.read(int(rest) + 2)
            if len(data) != int(rest) + 2:
                raise ConnectionError("the connection has ended")
            return data[:-2]
        assert kind == b"*", line
        return None if rest == b"-1" else [self.read()
                                           for _ in range(int(rest))]

    def __call__(self, *words):
        self.send(*words)
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def info(port, section, ca=None):
    """INFO as {name: text}."""
    with Client(port, ca=ca) as ask:
        text = ask("INFO", section).decode()
    return dict(line.split(":", 1) for line in text.splitlines()
                if ":" in line)


class Servers:
    """What one call of redis.sh has started."""

    def __init__(self, directory, mode="single", options=()):
        self.directory = Path(directory)
        self.mode = mode
        self.secure = mode.startswith("tls-")   # every port of it
        self.kind = mode.removeprefix("tls-")
        self.options = [str(o) for o in options]
        self.port = free_range(ROOM[mode])

    def start(self, options=None):
        run("bash", SCRIPT, self.mode, self.directory, self.port,
            *(self.options if options is None else options))
        return self

    def stop(self):
        run("bash", SCRIPT, "stop", self.directory)

    @property
    def tls_port(self):
        return self.port + 1

    @property
    def ca(self):
        return self.directory / "tls" / "ca.crt"

    @property
    def sentinels(self):
        return [self.port + 10 + i for i in range(3)]

    @property
    def ports(self):
        """Of the servers that keep data."""
        return [self.port + i for i in
                range({"sentinel": 3, "cluster": 6}.get(self.kind, 1))]

    def name_of(self, port):
        """The server's folder."""
        at = port - self.port
        return {"single": ["single"], "tls": ["tls"],
                "sentinel": ["master", "replica1", "replica2"],
                "cluster": [f"node{i}" for i in range(6)]}[self.kind][at]

    def pid(self, port=None):
        name = self.name_of(port or self.port)
        return int((self.directory / name / "pid").read_text())

    def client(self, port=None, **more):
        return Client(port or self.port, ca=self.ca if self.secure else None,
                      **more)

    def ask(self, *words, port=None):
        with self.client(port) as ask:
            return ask(*words)

    def kill(self, port=None):
        """kill -9; it has ended when this returns."""
        pid = self.pid(port)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not running(pid), 10, "redis is gone")

    @contextlib.contextmanager
    def stopped(self, port=None):
        """SIGSTOP: connections are taken, nothing is answered."""
        pid = self.pid(port)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def commands(self):
        """{command: calls} of all servers since they started."""
        calls = {}
        for port in self.ports:
            for name, text in info(
                    port, "commandstats",
                    self.ca if self.secure else None).items():
                name = name.removeprefix("cmdstat_")
                count = int(text.split(",")[0].removeprefix("calls="))
                calls[name] = calls.get(name, 0) + count
        return calls

    def master(self):
        """Port of the master that the sentinels name."""
        for port in self.sentinels:
            try:
                told = self.ask("SENTINEL", "get-master-addr-by-name", "hx",
                                port=port)
                return int(told[1])
            except OSError:
                continue
        raise RuntimeError("no sentinel answers")

    def owner(self, key):
        """Port of the cluster node that has the key."""
        for port in self.ports:
            try:
                slot = self.ask("CLUSTER", "KEYSLOT", key, port=port)
                for first, last, where, *_ in self.ask("CLUSTER", "SLOTS",
                                                       port=port):
                    if first <= slot <= last:
                        return where[1]
            except OSError:
                continue
        raise RuntimeError("no node of the cluster answers")


@contextlib.contextmanager
def servers(directory, mode="single", options=()):
    """Running servers; ended when the block is."""
    made = Servers(directory, mode, options)
    for _ in range(5):
        try:
            made.start()
            break
        except AssertionError:      # somebody was quicker with a port
            made.stop()
            made.port = free_range(ROOM[mode])
            time.sleep(0.1)
    else:
        raise RuntimeError(f"redis ({mode}) does not start in {directory}")
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def loading(made, seconds, keys=200):
    """The server has been started anew and answers -LOADING for about so
    long; what it had is there afterwards."""
    made.ask("CONFIG", "SET", "save", "")
    with made.client() as ask:
        for n in range(keys):
            ask("SET", f"hx-test-loading:{n}", "x" * 64)
        ask("SAVE")
        count = ask("DBSIZE")
    made.kill()
    made.start(options=[*made.options,
                        "--key-load-delay", int(seconds * 1e6 / count),
                        "--loading-process-events-interval-bytes", "1024"])
    try:
        yield
    finally:
        until(lambda: info(made.port, "persistence")["loading"] == "0",
              seconds + 20, "redis has loaded")
        with made.client() as ask:
            ask("CONFIG", "SET", "key-load-delay", "0")
            for n in range(keys):
                ask("DEL", f"hx-test-loading:{n}")

