"""Compose's networks as network namespaces: "outside" and "inside" are bridges,
gate, engine and Redis are in namespaces of their own, and so is who looks from
outside.  Everything goes away with the block."""

import contextlib
import os
import subprocess
import sys

NET = {"outside": "198.51.100", "inside": "203.0.113"}
HOST = {"client": 9, "gate": 2, "engine": 3, "redis": 4}

# Tries to connect to every port of an address; prints those that answer.
SCAN = """
import resource, select, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))
address, patience = sys.argv[1], float(sys.argv[2])
ports = [int(p) for p in sys.argv[3:]] or range(1, 65536)
ports, waiting, found = iter(ports), {}, []
poll, more = select.poll(), True
while more or waiting:
    while more and len(waiting) < 1000:
        port = next(ports, None)
        if port is None:
            more = False
            break
        s = socket.socket()
        s.setblocking(False)
        rc = s.connect_ex((address, port))
        if rc == 0:
            found.append(port)
        elif rc == 115:
            waiting[s.fileno()] = (s, port)
            poll.register(s, select.POLLOUT)
    ready = poll.poll(patience * 1000)
    if not ready:
        poll = select.poll()
        waiting.clear()
    for fd, _ in ready:
        s, port = waiting.pop(fd)
        poll.unregister(fd)
        if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            found.append(port)
        s.close()
print(*sorted(found))
"""


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)


def address(network, host):
    return f"{NET[network]}.{HOST[host]}"


class Topology:
    """Namespaces with addresses, and nothing in them yet."""

    def __init__(self):
        self.tag = f"hx{os.getpid()}"
        self.stack = contextlib.ExitStack()
        self.ports = 0

    def space(self, name):
        return f"{self.tag}-{name}"

    def make(self, name):
        ip("netns", "add", self.space(name))
        self.stack.callback(ip, "netns", "del", self.space(name))
        ip("-n", self.space(name), "link", "set", "lo", "up")

    def join(self, host, network):
        """A cable from the host to the network's bridge."""
        self.ports += 1
        far = f"p{self.ports}"
        ip("-n", self.space("wire"), "link", "add", far, "type", "veth",
           "peer", network, "netns", self.space(host))
        ip("-n", self.space("wire"), "link", "set", far, "master", network,
           "up")
        ip("-n", self.space(host), "addr", "add",
           f"{address(network, host)}/24", "dev", network)
        ip("-n", self.space(host), "link", "set", network, "up")

    def __enter__(self):
        try:
            self.make("wire")
            for network in NET:
                ip("-n", self.space("wire"), "link", "add", network, "type",
                   "bridge")
                ip("-n", self.space("wire"), "link", "set", network, "up")
            for host in HOST:
                self.make(host)
            for host, network in (("client", "outside"), ("gate", "outside"),
                                  ("gate", "inside"), ("engine", "inside"),
                                  ("redis", "inside")):
                self.join(host, network)
            # who looks knows where the inner network is, and tries that way
            ip("-n", self.space("client"), "route", "add",
               f"{NET['inside']}.0/24", "via", address("outside", "gate"))
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    def command(self, host, *words):
        return ["ip", "netns", "exec", self.space(host), *map(str, words)]

    def run(self, host, *words, **more):
        return subprocess.run(self.command(host, *words), text=True,
                              capture_output=True, timeout=120, **more)

    def start(self, host, *words, **more):
        """A server; it is ended with the topology."""
        process = subprocess.Popen(self.command(host, *words), **more)

        def end():
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.stack.callback(end)
        return process

    def scan(self, target, *ports, patience=1):
        """Ports of an address that answer the client; all 65535 as a rule."""
        said = self.run("client", sys.executable, "-c", SCAN, target, patience,
                        *ports)
        assert said.returncode == 0, said.stderr
        return [int(port) for port in said.stdout.split()]
