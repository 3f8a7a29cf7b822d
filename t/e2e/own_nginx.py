"""nginx alone: a gate that a test configures, kills and reloads as it likes,
and a second nginx behind it in the engine's place.  Each is in a process group
of its own and is ended by its id."""

import contextlib
import itertools
import json
import os
import pwd
import secrets
import signal
import socket
import subprocess
from pathlib import Path

import requests

from conftest import TOP, free_port, running, until

SERVER = os.environ.get("HX_NGINX") or "/usr/sbin/nginx"
PLAIN = os.environ.get("HX_NGINX_BIN") or SERVER
MODULE = os.environ.get("HX_MODULE") or str(
    TOP / "build" / "ngx_http_hx_gate_module.so")
ASAN = os.environ.get("HX_BUILD") == "asan"
WORKER_USER = "www-data"
PATIENCE = 20           # seconds, for what is bound to happen

CONF = """
{load}
{user}
worker_processes {workers};
worker_rlimit_nofile 4096;
daemon off;
pid nginx.pid;
error_log {error_log} info;
{main}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 600;
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
    {http}
}}
"""


def as_root():
    return os.geteuid() == 0


def give(path):
    """Hands a path to the user that workers run as."""
    if as_root():
        user = pwd.getpwnam(WORKER_USER)
        os.chown(path, user.pw_uid, user.pw_gid)


class Nginx:
    """One nginx, in the foreground."""

    def __init__(self, directory, port, program=SERVER, workers=1, env=None,
                 **conf):
        self.directory = Path(directory)
        self.port = port
        self.program = program
        self.workers_wanted = workers
        self.env = env or {}
        self.process = None
        self.error_log = self.directory / "error.log"
        (self.directory / "tmp").mkdir(parents=True)
        self.write(**conf)

    def write(self, load="", main="", http=""):
        """The configuration: at first, and again before a reload."""
        user = f"user {WORKER_USER};" if as_root() else ""
        (self.directory / "nginx.conf").write_text(CONF.format(
            load=load, user=user, main=main, http=http,
            workers=self.workers_wanted, error_log=self.error_log))

    def start(self):
        assert self.process is None
        with open(self.directory / "output", "ab") as output:
            self.process = subprocess.Popen(
                [self.program, "-p", self.directory, "-c", "nginx.conf",
                 "-e", self.error_log],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, env={**os.environ, **self.env})
        until(self.is_up, PATIENCE, "nginx listens")
        return self

    def is_up(self):
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "output").read_text() +
                               self.error_log.read_text()[-2000:])
        if len(self.workers()) != self.workers_wanted:
            return False
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def master(self):
        return self.process.pid

    def workers(self):
        """The workers that take new connections."""
        path = f"/proc/{self.master}/task/{self.master}/children"
        try:
            children = Path(path).read_text().split()
        except OSError:
            return []
        return [int(pid) for pid in children
                if self.title(pid).startswith("nginx: worker process")
                and "shutting down" not in self.title(pid)]

    @staticmethod
    def title(pid):
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(
                errors="replace")
        except OSError:
            return ""

    def members(self):
        """All that run of the process group, also without their master."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                group = os.getpgid(int(entry.name))
            except OSError:
                continue
            if group == self.master and running(int(entry.name)):
                found.append(int(entry.name))
        return found

    def kill_worker(self, rng):
        os.kill(rng.choice(self.workers()), signal.SIGKILL)

    def kill_master(self):
        os.kill(self.master, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def kill_all(self):
        """All of the group at once; afterwards it may be started again."""
        if self.members():
            os.killpg(self.master, signal.SIGKILL)
        until(lambda: not self.members(), PATIENCE, "nginx is gone")
        self.process.wait(PATIENCE)
        self.process = None

    def reload(self):
        os.kill(self.master, signal.SIGHUP)

    def settled(self):
        """No reload is under way, no worker is to be replaced."""
        workers = self.workers()
        return (len(workers) == self.workers_wanted
                and sorted(self.members()) == sorted([self.master, *workers]))

    def stop(self, how=signal.SIGTERM):
        """Ends it; what would not go is killed, and the test fails."""
        if self.process is None:
            return
        if self.process.poll() is not None:     # a test has killed the master
            self.kill_all()
            return
        os.kill(self.master, how)
        try:
            until(lambda: not self.members(), PATIENCE, "nginx ends")
            self.process.wait(PATIENCE)
            self.process = None
        finally:
            if self.process is not None:
                self.kill_all()


@contextlib.contextmanager
def started(server):
    """The server, running; ended when the block is."""
    try:
        yield server.start()
    finally:
        server.stop()


class Upstream(Nginx):
    """Answers 200 at once; "?s=404" in the target chooses another status.  It
    remembers the ids of all requests it has seen."""

    def __init__(self, directory):
        port = free_port()
        self.log = Path(directory) / "seen.log"
        self.read_to = 0
        self.ids = set()
        answers = "".join(f"if ($arg_s = {n}) {{ return {n}; }} "
                          for n in (304, 404, 500))
        super().__init__(directory, port, program=PLAIN, http=f"""
            log_format seen $http_x_request_id;
            server {{
                access_log {self.log} seen;
                listen 127.0.0.1:{port} backlog=1024;
                location / {{ {answers} return 200 "fine"; }}
            }}""")

    def seen(self):
        """Ids of the requests that were answered so far."""
        with open(self.log, "rb") as f:
            f.seek(self.read_to)
            whole, _, _ = f.read().rpartition(b"\n")
        if whole:
            self.read_to += len(whole) + 1
            self.ids.update(whole.decode().split("\n"))
        return self.ids


class Gate(Nginx):
    """A gate in front of an upstream, in a new directory; "registry" is that
    directive's text, "gate", "server" and "http" are lines for the gated
    location, the server and above."""

    def __init__(self, directory, upstream_port, registry, service_key=None,
                 audit="off", gate="", server="", http="", zone="4m", **more):
        directory.mkdir(parents=True)
        port = free_port()
        self.audit_log = directory / "audit.jsonl"
        self.service_key = service_key or secrets.token_hex(24)
        key_file = directory / "service.key"
        key_file.touch(0o600)
        key_file.write_text(self.service_key)
        super().__init__(
            directory, port, load=f"load_module {MODULE};", http=f"""
            hx_gate_zone gate {zone} state={directory};
            hx_gate_registry {registry};
            hx_gate_service_key file:{key_file};
            hx_gate_audit_log {audit.format(log=self.audit_log)};
            {http}
            upstream engine {{ server 127.0.0.1:{upstream_port};
                               keepalive 64; }}
            server {{
                listen 127.0.0.1:{port} reuseport backlog=1024;
                hx_gate_operations hx-sdp;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                {server}
                location /v1/ {{
                    hx_gate on;
                    client_max_body_size 135m;
                    {gate}
                    proxy_pass http://engine;
                }}
                location /gate/ {{ hx_gate_admin; }}
            }}""", **more)


class LoneGate(Gate):
    """A gate with a registry of its own; "registry" is what it is told beyond
    that."""

    counter = itertools.count(1)

    def __init__(self, directory, upstream_port, registry="", **more):
        directory = Path(directory)
        self.keys = {}
        super().__init__(
            directory, upstream_port,
            f"lmdb:{directory}/registry map_size=16m {registry}", **more)
        (directory / "registry").mkdir()
        give(directory / "registry")

    def admin(self, method, path, body=None):
        """An admin call on a connection of its own; (status, JSON).  Numbers
        with a decimal point come as text: nothing is rounded."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method, f"http://127.0.0.1:{self.port}/gate/{path}",
                json=body, timeout=PATIENCE,
                headers={"Authorization": f"Bearer {self.service_key}"})
        return answer.status_code, json.loads(answer.text, parse_float=str)

    def onboard(self, name, rate=None, quota=None, **more):
        """A new tenant, its key in "keys"; rate = (requests, window_s)."""
        status, made = self.admin("POST", "onboard/create",
                                  {"tenant_id": name, **more})
        assert status == 201, made
        self.keys[name] = made["api_key"]
        if rate is not None or quota is not None:
            tier = {"tenant_id": name, "plan": made["plan"]}
            if rate is not None:
                tier["rate_limit"] = dict(zip(("requests", "window_s"), rate))
            if quota is not None:
                tier["monthly_quota"] = quota
            status, made = self.admin("POST", "onboard/update-tier", tier)
            assert status == 200, made
        return self.keys[name]
