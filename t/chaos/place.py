"""The place of a run: nginx with TLS and a gate as a daemon, its registry in a
real Redis, hx-engine behind it; a proxy that fails on command on each of the
three ways; what writes on a small disk has a small disk."""

import contextlib
import itertools
import os
import re
import secrets
import signal
import subprocess
from pathlib import Path

from conftest import TOP, free_port, load, until
from fault_proxy import FaultProxy
from fleet import TIMES, Node
from own_nginx import PATIENCE, give
from redis_servers import Servers
from test_clock import Clock, forget

Engine = load("engine_conftest", TOP / "t" / "engine" / "conftest.py").Engine
# room for 15 minutes of load
AUDIT_DISK, ENGINE_DISK = "160m", "384m"
ids = itertools.count(1)


class Disk:
    """A small file system of its own, which can be filled."""

    def __init__(self, directory, size, stack):
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700",
                        "hx-chaos", directory], check=True)
        stack.callback(subprocess.run, ["umount", "-l", directory], check=True)
        give(directory)
        self.directory = directory
        self.filler = directory / "filler"

    def fill(self):
        with open(self.filler, "ab", buffering=0) as out:
            for size in 1 << 20, 4096, 1:
                with contextlib.suppress(OSError):
                    while True:
                        out.write(b"x" * size)

    def clear(self):
        self.filler.unlink(missing_ok=True)


class Gate(Node):
    """A daemon: nginx takes USR2 only when it is one."""

    group = None

    def write(self, **conf):
        super().write(**conf)
        file = self.directory / "nginx.conf"
        # a log as in production: "info" has four lines of a stream reset
        file.write_text(file.read_text().replace("daemon off;", "daemon on;")
                        .replace(" info;", " notice;"))
        self.names = set()          # of the admin calls
        self.masters = set()        # all that were

    def ask(self, method, path, body=None, headers=None, fresh=False):
        name = f"admin-{next(ids)}"
        self.names.add(name)
        return super().ask(method, path, body,
                           {**(headers or {}), "X-Request-Id": name}, True)

    @property
    def master(self):
        try:
            return int((self.directory / "nginx.pid").read_text())
        except (OSError, ValueError):
            return 0

    def members(self):
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                pid = int(entry.name)
                if (os.getpgid(pid) == self.group and "\nState:\tZ" not in
                        (entry / "status").read_text()):
                    found.append(pid)
        return found

    def is_up(self):
        return (len(self.workers()) == self.workers_wanted
                and self.status_of("/health") == 200)

    def status_of(self, path):
        try:
            return self.ask("GET", path).status
        except OSError:
            return 0

    def start(self):
        with open(self.directory / "output", "ab") as output:
            subprocess.run([self.program, "-p", self.directory, "-c",
                            "nginx.conf", "-e", self.error_log], check=True,
                           stdin=subprocess.DEVNULL, stdout=output,
                           stderr=output, env={**os.environ, **self.env},
                           timeout=PATIENCE)
        until(lambda: self.master, PATIENCE, "a pid file")
        self.group = os.getpgid(self.master)
        self.masters.add(self.master)
        until(self.is_up, PATIENCE, "nginx listens")
        return self

    def kill_master(self):
        os.kill(self.master, signal.SIGKILL)

    def kill_all(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        until(lambda: not self.members(), PATIENCE, "nginx is gone")
        for pid in self.masters:
            forget(pid)

    def settled(self):
        workers = self.workers()
        return (len(workers) == self.workers_wanted
                and sorted(self.members()) == sorted([self.master, *workers]))

    def rotate_log(self, number):
        """As logrotate does: the file is moved, then USR1."""
        moved = self.audit_log.with_suffix(f".jsonl.{number}")
        self.audit_log.rename(moved)
        os.kill(self.master, signal.SIGUSR1)
        until(self.audit_log.exists, PATIENCE, "the new file")
        return moved

    def upgrade(self):
        """Another binary takes over, no connection is refused."""
        old, was = self.master, self.workers()
        os.kill(old, signal.SIGUSR2)
        until(lambda: self.master not in (0, old)
              and len(self.workers()) == self.workers_wanted, PATIENCE,
              "the new binary")
        self.masters.add(self.master)
        os.kill(old, signal.SIGWINCH)
        until(lambda: not set(was) & set(self.members()), 2 * PATIENCE,
              "the old workers go")
        os.kill(old, signal.SIGQUIT)
        until(lambda: old not in self.members(), PATIENCE,
              "the old master goes")

    def stop(self, how=signal.SIGTERM):
        if not self.members():
            return
        os.kill(self.master, how)
        try:
            until(lambda: not self.members(), 2 * PATIENCE, "nginx ends")
        finally:
            self.kill_all()


def certificate(directory):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / "tls.key",
         "-out", directory / "tls.crt", "-days", "30", "-subj",
         "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True)


def footprint(pids):
    """(kilobytes of its own memory, descriptors), of all of them."""
    memory = fds = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/status").read_text()
        memory += int(re.search(r"RssAnon:\s+(\d+) kB", text).group(1))
        fds += len(os.listdir(f"/proc/{pid}/fd"))
    return memory, fds


class Place:
    """All of it; start() and stop()."""

    def __init__(self, directory):
        self.directory = directory
        self.stack = contextlib.ExitStack()
        self.gate = None

    def start(self):
        try:
            self.build()
        except BaseException:
            self.stack.close()
            raise
        return self

    def build(self):
        top = self.directory
        self.audit_disk = Disk(top / "audit", AUDIT_DISK, self.stack)
        self.engine_disk = Disk(top / "store", ENGINE_DISK, self.stack)
        # what syncs each change shares no disk with whoever else is there
        Disk(top / "redis", "64m", self.stack)
        self.redis = Servers(top / "redis", options=[
            "--appendonly", "yes", "--appendfsync", "always"]).start()
        self.stack.callback(self.redis.stop)
        self.service_key = secrets.token_hex(24)
        port = free_port()
        self.engine = Engine(
            top / "engine", HX_GATE_ENGINE_SERVICE_KEY=self.service_key,
            HOLONOMIX_PORT=port, HOLONOMIX_DATA_DIR=top / "store" / "data")
        self.stack.callback(self.end_engine)
        self.engine.start()
        self.to_redis = self.proxy(self.redis.port)
        self.to_engine = self.proxy(port)
        self.tls_port = free_port()
        self.to_gate = self.proxy(self.tls_port)
        self.clock = Clock(top / "clock")
        self.gate = self.make_gate()
        self.stack.callback(self.gate.stop)
        self.gate.start()
        until(self.gate.ready, PATIENCE, "the gate is ready")

    def proxy(self, port):
        made = FaultProxy(port).start()
        self.stack.callback(made.stop)
        return made

    def make_gate(self):
        top = self.directory
        certificate(top)
        # longer than by default: nobody waits on a busy machine in vain
        times = " ".join(f"{name}={value}" for name, value in
                         {**TIMES, "timeout": "500ms",
                          "connect_timeout": "500ms"}.items())
        gate = Gate(
            top / "gate", 0, self.to_engine.port,
            "redis://{redis} " + times + " usage_flush=500ms "
            "replica={dir}/replica usage={dir}/usage",
            proxy=self.to_redis, service_key=self.service_key,
            audit=f"{top}/audit/audit.jsonl durability=write required",
            workers=2, env=self.clock.preloaded(),
            main="env LD_PRELOAD;\n" + "".join(
                f"env {name};\n" for name in self.clock.env()),
            http="proxy_next_upstream off; proxy_ignore_client_abort on;",
            server=f"""
                listen 127.0.0.1:{self.tls_port} ssl http2 backlog=1024;
                ssl_certificate {top}/tls.crt;
                ssl_certificate_key {top}/tls.key;
                ssl_protocols TLSv1.2 TLSv1.3;
                client_header_timeout 10s;
                client_body_timeout 30s;
                proxy_read_timeout 30s;
                keepalive_requests 10000;
                reset_timedout_connection on;
                large_client_header_buffers 4 8k;""")
        gate.audit_log = top / "audit" / "audit.jsonl"
        return gate

    def real_clock(self):
        """nginx anew, without the one that can be stepped."""
        self.gate.stop(signal.SIGQUIT)
        self.gate.env = {}
        self.gate.start()

    def end_engine(self):
        if self.engine.process is not None:
            self.engine.stop()

    def well(self):
        """Everything works, and nothing is under way to be replaced."""
        return (self.gate.settled() and self.gate.ready()
                and self.gate.status_of("/open/ready") != 502)

    def footprints(self):
        """{program: (kilobytes, descriptors)}"""
        return {"nginx": footprint([self.gate.master, *self.gate.workers()]),
                "hx-engine": footprint([self.engine.process.pid])}

    def stop(self):
        self.stack.close()
