"""hx_fault_proxy: a TCP proxy that fails on command.  What the commands do is
at the head of t/lib/hx_fault_proxy.c."""

import contextlib
import json
import subprocess
import time

from conftest import free_port, program


class FaultProxy:
    """One proxy, a process of its own; ends with stop()."""

    def __init__(self, target, port=None):
        self.target = target
        self.port = port or free_port()
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [program("hx_fault_proxy", "HX_FAULT_PROXY"), str(self.port),
             str(self.target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def _say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def do(self, command):
        """A command; it holds when this returns."""
        answer = self._say(command)
        assert answer == "ok\n", (command, answer)

    @contextlib.contextmanager
    def fault(self, *commands):
        """Faults, for the length of a block."""
        for command in commands:
            self.do(command)
        try:
            yield
        finally:
            self.do("pass")

    def stat(self):
        return json.loads(self._say("stat"))

    def accepts(self):
        """When the last 1000 connections came, seconds of
        time.monotonic()."""
        return [at / 1e6 for at in json.loads(self._say("accepts"))]

    def commands_during(self, seconds):
        """How many commands pass in so long a time."""
        before = self.stat()["commands"]
        time.sleep(seconds)
        return self.stat()["commands"] - before

    def stop(self):
        if self.process is not None:
            self.process.stdin.close()
            assert self.process.wait(10) == 0
            self.process.stdout.close()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
