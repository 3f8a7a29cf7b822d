"""A redis-server of a test's own: free port, own directory, stopped by pid."""

import shutil
import socket
import subprocess
from pathlib import Path

from conftest import free_port, until


class Redis:
    """One server.  args: more of its configuration, as on its command line."""

    def __init__(self, where, *args, port=None, program="redis-server",
                 tls=None):
        self.dir = Path(where)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.args = list(args)
        self.program = program
        self.tls = tls
        self.process = None

    def start(self):
        listen = ["--port", str(self.port)]
        if self.tls:
            listen = ["--port", "0", "--tls-port", str(self.port)] + self.tls
        command = [self.program]
        if self.program.endswith("sentinel"):
            command += [str(self.dir / "sentinel.conf")]
        self.process = subprocess.Popen(
            command + listen + ["--bind", "127.0.0.1", "--dir", str(self.dir),
                                "--save", "", "--loglevel", "warning"]
            + self.args,
            stdout=open(self.dir / "log", "ab"), stderr=subprocess.STDOUT)
        until(self.answers, 20, "redis-server")
        return self

    def answers(self):
        assert self.process.poll() is None, (self.dir / "log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                if self.tls:
                    return True
                s.sendall(b"PING\r\n")
                return s.recv(100)[:1] in (b"+", b"-") and \
                    not self.loading()
        except OSError:
            return False

    def loading(self):
        with socket.create_connection(("127.0.0.1", self.port), 1) as s:
            s.sendall(b"PING\r\n")
            return s.recv(100).startswith(b"-LOADING")

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def ask(self, *words):
        """One command, its answer parsed (bytes, int, None, list)."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as s:
            f = s.makefile("rwb")
            out = b"*%d\r\n" % len(words)
            for word in words:
                word = word if isinstance(word, bytes) else str(word).encode()
                out += b"$%d\r\n%s\r\n" % (len(word), word)
            f.write(out)
            f.flush()
            return self.answer(f)

    def answer(self, f):
        line = f.readline()
        assert line.endswith(b"\r\n"), line
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            value = f.read(int(rest) + 2)
            return value[:-2]
        if kind == b"*":
            return [self.answer(f) for _ in range(int(rest))]
        return rest

    def save(self, name):
        """Keeps what is there under a name."""
        self.ask("SAVE")
        shutil.copy(self.dir / "dump.rdb", self.dir / name)

    def restore(self, name):
        """A server that knows nothing of what came after save()."""
        self.stop()
        shutil.copy(self.dir / name, self.dir / "dump.rdb")
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"
