"""A fleet: three nginx nodes, each with its own zone, audit log, ports and
proxy to the Redis that they share, in front of one small upstream."""

import contextlib
import http.client
import itertools
import json
import os
import re
import secrets
import string
import time
import zlib
from pathlib import Path

from conftest import free_port, until
from fault_proxy import FaultProxy
from fleet_load import LIST, Load
from own_nginx import PATIENCE, PLAIN, Gate, Nginx, give
from redis_servers import Servers

TIMES = {"connect_timeout": "50ms", "timeout": "50ms", "connections": "4",
         "resync": "1s", "max_stale": "30s"}    # as by default
AGE = "hx_gate_registry_staleness_seconds"     # since it was where Redis is


class Quiet(Nginx):
    """The upstream: answers 200 at once."""

    def __init__(self, directory):
        port = free_port()
        super().__init__(directory, port, program=PLAIN, http=f"""
            server {{
                listen 127.0.0.1:{port} backlog=1024;
                location / {{ return 200 "fine"; }}
            }}""")


class Answer:
    """Of an admin call: status, JSON, and when its head had come (ns of the
    monotonic clock)."""

    def __init__(self, status, body, when, headers):
        self.status = status
        self.body = body
        self.when = when
        self.headers = headers


class Node(Gate):
    """One gate.  "registry" is the whole directive's text after its name;
    {dir} and {redis} in it are the node's directory and its way to Redis."""

    def __init__(self, directory, number, upstream_port, registry,
                 proxy=None, server="", **more):
        directory = Path(directory)
        self.number = number
        self.proxy = proxy
        self.connection = None
        registry = registry.format(
            dir=directory, redis=f"127.0.0.1:{proxy.port}" if proxy else "")
        super().__init__(directory, upstream_port, registry, server=f"""
                {server}
                location /open/ {{ proxy_pass http://engine; }}
                location = /metrics {{ hx_gate_metrics; }}
                location = /health {{ hx_gate_health; }}
                location = /ready {{ hx_gate_ready; }}""", **more)
        for name in ("replica", "usage"):
            (directory / name).mkdir(mode=0o700)
            give(directory / name)

    def ask(self, method, path, body=None, headers=None, fresh=False):
        """A request on the node's own connection (or, "fresh", another); a
        body that is a text goes as it is."""
        connection = self.connection
        if fresh or connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                    timeout=PATIENCE)
        if not fresh:
            self.connection = connection
        headers = dict(headers or {})
        if body is not None:
            body = body if isinstance(body, str) else json.dumps(body)
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body, headers)
            got = connection.getresponse()
            when = time.monotonic_ns()
            text = got.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            if not fresh:
                self.connection = None
            raise
        if fresh:
            connection.close()
        if got.headers.get("Content-Type", "").startswith("application/json"):
            text = json.loads(text, parse_float=str)
        return Answer(got.status, text, when, got.headers)

    def admin(self, method, path, body=None, fresh=False):
        return self.ask(method, f"/gate/{path}", body,
                        {"Authorization": f"Bearer {self.service_key}"},
                        fresh)

    def change(self, what, tenant, status=200, **more):
        """A change that succeeds; its answer."""
        answer = self.admin("POST", f"onboard/{what}",
                            {"tenant_id": tenant, **more})
        assert answer.status == status, (self.number, what, answer.body)
        return answer

    def create(self, tenant, **more):
        """A new tenant's key."""
        return self.change("create", tenant, 201, plan=more.pop("plan", "pro"),
                           **more).body["api_key"]

    def limit(self, tenant, requests, window_s, plan="pro"):
        self.change("update-tier", tenant, plan=plan, rate_limit={
            "requests": requests, "window_s": window_s})

    def rotate(self, tenant, **more):
        return self.change("rotate-key", tenant, **more).body["api_key"]

    def use(self, key, path=LIST):
        """A request with a key; its answer."""
        return self.ask("GET", path, headers={"X-Api-Key": key})

    def status(self, key, path=LIST):
        return self.use(key, path).status

    def tenants(self):
        """{id: all that the admin plane tells of it} of all tenants."""
        found, cursor = {}, ""
        while True:
            answer = self.admin("GET", "admin/tenants?limit=1000" + cursor)
            assert answer.status == 200, answer.body
            found.update((t["tenant_id"], t) for t in answer.body["tenants"])
            if not answer.body["next_cursor"]:
                return found
            cursor = f"&cursor={answer.body['next_cursor']}"

    def usage(self, tenant):
        """Tenths of a CU that were used this month, {operation: tenths}."""
        answer = self.admin("GET", f"admin/usage/{tenant}")
        assert answer.status == 200, answer.body
        return {name: int(cus.replace(".", ""))
                for name, cus in answer.body["breakdown"].items()}

    def metrics(self):
        """{'name{labels}': value}"""
        answer = self.ask("GET", "/metrics")
        assert answer.status == 200
        found = {}
        for line in answer.body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def ready(self):
        return self.ask("GET", "/ready").status == 200

    def memory(self):
        """Kilobytes that the workers have in memory (VmRSS)."""
        total = 0
        for pid in self.workers():
            text = Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1))
        return total

    def descriptors(self):
        """How many files and sockets the workers have open."""
        return sum(len(os.listdir(f"/proc/{pid}/fd"))
                   for pid in self.workers())

    def errors(self, *levels):
        """Lines of the error log; of levels such as "error", "alert"."""
        marks = [f"[{level}]" for level in levels]
        return [line for line in
                self.error_log.read_text(errors="replace").splitlines()
                if not marks or any(mark in line for mark in marks)]

    def start(self):
        self.connection = None
        return super().start()


class Fleet:
    """Nodes, their upstream and, with backend "redis", their Redis (or one
    that there is: "redis").  With "single" and "tls" each node has a proxy of
    its own before it; sentinels and a cluster tell their own addresses, which
    no proxy is in the way of.  Backend "lmdb" is a directory that all nodes
    share: the same from outside, without Redis between them."""

    counter = itertools.count(1)

    def __init__(self, directory, backend, nodes=3, options="", redis=None,
                 mode="single", redis_options=(), times=None, workers=1,
                 http="hx_gate_rate_limit off;", server_name="localhost",
                 **conf):
        self.directory = Path(directory)
        self.backend = backend
        self.stack = contextlib.ExitStack()
        self.own_redis = redis is None and backend == "redis"
        self.redis = Servers(self.directory / "redis", mode, redis_options) \
            if self.own_redis else redis
        self.proxies = []
        self.server_name = server_name          # that Redis' certificate has
        self.upstream = Quiet(self.directory / "upstream")
        if backend == "redis":
            if mode in ("single", "tls"):
                to = self.redis.tls_port if mode == "tls" else self.redis.port
                self.proxies = [FaultProxy(to) for _ in range(nodes)]
            more = " ".join(f"{name}={value}" for name, value in
                            {**TIMES, **(times or {})}.items())
            registry = (f"{self.url(mode)} {more} {options} "
                        "replica={dir}/replica usage={dir}/usage")
        else:
            shared = self.directory / "registry"
            shared.mkdir()
            give(shared)
            registry = f"lmdb:{shared} map_size=64m {options}"
        service_key = secrets.token_hex(24)
        self.nodes = [
            Node(self.directory / f"node{n}", n, self.upstream.port, registry,
                 proxy=self.proxies[n] if self.proxies else None,
                 service_key=service_key, workers=workers, http=http, **conf)
            for n in range(nodes)]

    def url(self, mode):
        """Of the registry; {redis} in it is for the node to fill in."""
        def hosts(ports):
            return ",".join(f"127.0.0.1:{port}" for port in ports)
        if mode == "tls":
            return (f"rediss://{{redis}} ca={self.redis.ca} "
                    f"server_name={self.server_name}")
        tls, ca = ("s", f" ca={self.redis.ca}") if self.redis.secure \
            else ("", "")
        if self.redis.kind == "sentinel":
            return (f"redis{tls}+sentinel://{hosts(self.redis.sentinels)}/hx"
                    + ca)
        if self.redis.kind == "cluster":
            return f"redis{tls}+cluster://{hosts(self.redis.ports)}{ca}"
        return "redis://{redis}"

    def start(self):
        try:
            self.stack.callback(self.upstream.stop)
            self.upstream.start()
            if self.own_redis:
                self.stack.callback(self.redis.stop)
                self.redis.start()
            for proxy in self.proxies:
                self.stack.callback(proxy.stop)
                proxy.start()
            for node in self.nodes:
                self.stack.callback(node.stop)
                node.start()
        except BaseException:
            self.stack.close()
            raise
        return self

    def stop(self):
        self.stack.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def __iter__(self):
        return iter(self.nodes)

    def __getitem__(self, number):
        return self.nodes[number]

    @property
    def ports(self):
        return [node.port for node in self.nodes]

    def wait_ready(self):
        """Every node answers for its registry, which has a tenant then."""
        name = f"first-{next(self.counter)}"

        def made():
            answer = self.nodes[0].admin("POST", "onboard/create",
                                         {"tenant_id": name})
            return answer.status == 201
        until(made, PATIENCE, "the first tenant")
        for node in self.nodes:
            until(node.ready, PATIENCE, f"node {node.number} is ready")
        return self

    def do(self, command):
        """A fault, at the proxy of every node."""
        for proxy in self.proxies:
            proxy.do(command)

    @contextlib.contextmanager
    def fault(self, *commands):
        for command in commands:
            self.do(command)
        try:
            yield
        finally:
            self.do("pass")

    def load(self, rate):
        number = next(self.counter)
        place = self.directory / f"load{number}"
        place.mkdir()
        return Load(place, self.ports, rate)

    def agree(self, seconds=5):
        """All nodes tell the same of all tenants; what they tell."""
        def same():
            told = [node.tenants() for node in self.nodes]
            return told[0] if all(t == told[0] for t in told) else None
        return until(same, seconds, "all nodes tell the same")

    def told(self, tenant):
        """Tenths of a CU that were used this month, as each node tells."""
        return [sum(node.usage(tenant).values()) for node in self.nodes]

    def usage(self, tenant):
        """The same, as every node knows at least."""
        return min(self.told(tenant))

    def settle(self, tenant, tenths):
        """In the end all nodes tell this, no less and no more."""
        until(lambda: self.usage(tenant) >= tenths, PATIENCE, "all know")
        assert set(self.told(tenant)) == {tenths}

    def bad_lines(self):
        """What no test expects in an error log."""
        return [line for node in self.nodes
                for line in node.errors("alert", "emerg", "crit")
                if "server reached open file" not in line]


def stranger():
    """A key in the gate's form that nobody has."""
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    text = "hx_live_" + "".join(secrets.choice(digits) for _ in range(43))
    rest, check = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        check = digits[digit] + check
    return text + check


def figure(name, value, target="", unit="ms"):
    """A figure for the table that "make fleet-test" prints."""
    path = os.environ.get("HX_FLEET_FIGURES")
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    if path:
        with open(path, "a", encoding="ascii") as out:
            out.write(f"{name}\t{text} {unit}\t{target}\n")
    print(f"{name}: {text} {unit} ({target})")
