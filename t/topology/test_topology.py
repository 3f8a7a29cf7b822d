"""What Compose starts, proved without Docker: the programs of this build with
the configuration that the images have, in namespaces with the networks that
compose.yaml names.  From outside, 443 answers and nothing else does."""

import base64
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

from conftest import until
from topology import Topology, address

TOP = Path(__file__).parents[2]
NGINX = os.environ["HX_NGINX"]
DOCKER = TOP / "packaging" / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))


class Service:
    """The three servers in their namespaces, with secrets of their own."""

    def __init__(self, net):
        self.net = net
        self.dir = Path(tempfile.mkdtemp(prefix="hx-topology-"))
        net.stack.callback(shutil.rmtree, self.dir)
        self.dir.chmod(0o755)
        self.secrets = self.dir / "secrets"
        self.secrets.mkdir(mode=0o755)
        self.service_key = secrets.token_hex(32)
        self.redis_key = secrets.token_hex(32)
        (self.secrets / "service_key").write_text(self.service_key + "\n")
        (self.secrets / "redis_key").write_text(self.redis_key + "\n")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-keyout", self.secrets / "tls_key", "-out",
                        self.secrets / "tls_crt", "-subj", "/CN=gate",
                        "-addext",
                        f"subjectAltName=IP:{address('outside', 'gate')}"],
                       check=True, capture_output=True)
        for file in self.secrets.iterdir():
            file.chmod(0o644)

    def start_redis(self):
        conf = self.dir / "redis.conf"
        conf.write_text(f"bind 0.0.0.0\nport 6379\ndir {self.dir}\nsave ''\n"
                        f"requirepass {self.redis_key}\n")
        self.net.start("redis", "redis-server", conf,
                       stdout=subprocess.DEVNULL)

    def start_engine(self):
        data = self.dir / "data"
        data.mkdir()
        env = dict(os.environ, HOLONOMIX_HOST="0.0.0.0",
                   HOLONOMIX_DATA_DIR=str(data),
                   HX_GATE_ENGINE_SERVICE_KEY_FILE=str(self.secrets /
                                                       "service_key"))
        with open(self.dir / "engine.log", "wb") as log:
            self.net.start("engine", os.environ["HX_ENGINE"], env=env,
                           stdout=log, stderr=log)

    def start_gate(self):
        etc = self.dir / "etc"
        subprocess.run([DOCKER / "container-conf.sh", TOP / "nginx-conf", etc,
                        f"{address('inside', 'engine')}:8000",
                        f"redis://{address('inside', 'redis')}:6379/0",
                        "443"], check=True)
        for path in etc.rglob("*.conf"):
            path.write_text(
                path.read_text("utf-8")
                .replace(" /tmp/", f" {self.dir}/gate/")
                .replace("modules/ngx_http_hx_gate_module.so",
                         os.environ["HX_MODULE"])
                .replace("/run/secrets/", f"{self.secrets}/")
                .replace("/var/lib/hx-gate/", f"{self.dir}/gate/")
                .replace("/var/log/hx-gate/", f"{self.dir}/gate/")
                .replace("/dev/shm", f"{self.dir}/gate/shm"),
                encoding="utf-8")
        registry = etc / "hx-gate" / "hx-gate-fleet.conf"
        registry.write_text(registry.read_text("utf-8").replace(
            "connect_timeout=", f"replica={self.dir}/gate/replica "
            "connect_timeout="), encoding="utf-8")
        gate = self.dir / "gate"
        for path in (gate, gate / "registry", gate / "shm"):
            path.mkdir()
            shutil.chown(path, "www-data", "www-data")
        # as Docker does, so that a user may listen on 443
        self.net.run("gate", "sysctl", "-qw",
                     "net.ipv4.ip_unprivileged_port_start=0", check=True)
        with open(self.dir / "gate.log", "wb") as log:
            self.net.start("gate", "setpriv", "--reuid", "www-data",
                           "--regid", "www-data", "--clear-groups", NGINX,
                           "-e", "stderr", "-c", etc / "nginx.conf", "-g",
                           "daemon off;", stdout=log, stderr=log)

    def curl(self, host, path, *words, **headers):
        """(status, body) of a request from a namespace to the gate."""
        to = "127.0.0.1" if host == "gate" else address("outside", "gate")
        lines = [word for name, value in headers.items()
                 for word in ("-H", f"{name.replace('_', '-')}: {value}")]
        said = self.net.run(
            host, "curl", "-sS", "-w", "\n%{http_code}",
            *(["-k"] if host == "gate" else
              ["--cacert", self.secrets / "tls_crt"]),
            *lines, *words, f"https://{to}{path}")
        if said.returncode:
            return 0, said.stderr
        body, _, status = said.stdout.rpartition("\n")
        return int(status), body

    def start(self):
        self.start_redis()
        self.start_engine()
        self.start_gate()

        def ready():
            return self.curl("client", "/ready")[0] == 200 and self.net.run(
                "gate", "curl", "-sf",
                f"http://{address('inside', 'engine')}:8000/ready"
            ).returncode == 0
        try:
            until(ready, 60, "the gate and the engine answer")
        except AssertionError as error:
            raise AssertionError((self.dir / "gate.log").read_text()[-3000:] +
                                 (self.dir / "engine.log").read_text()
                                 [-1000:]) from error
        return self


@pytest.fixture(scope="module", name="service")
def _service():
    with Topology() as net:
        yield Service(net).start()


def test_the_networks_are_compose_s():
    """topology.py has the cables that compose.yaml names."""
    services = COMPOSE["services"]
    assert {name: sorted(s["networks"]) for name, s in services.items()} == {
        "gate": ["inside", "outside"], "engine": ["inside"],
        "redis": ["inside"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert {name: s.get("ports", []) for name, s in services.items()} == {
        "gate": ["443:8443"], "engine": [], "redis": []}
    for one in services.values():
        assert one["read_only"] is True and one["cap_drop"] == ["ALL"]
        assert not one["user"].startswith("0")


def test_compose_takes_it():
    said = subprocess.run(["docker-compose", "-f", DOCKER / "compose.yaml",
                           "config", "-q"], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


def test_a_tenant_from_outside(service):
    """Onboarded on the gate's own machine, put and read from outside."""
    status, body = service.curl(
        "gate", "/gate/onboard/create", "-d",
        json.dumps({"tenant_id": "acme", "namespaces": ["space"]}),
        Authorization=f"Bearer {service.service_key}",
        Content_Type="application/json")
    assert status == 201, body
    key = json.loads(body)["api_key"]
    data = base64.b64encode(b"from outside").decode()
    put = json.dumps({"key": "k", "namespace": "space", "data_b64": data})
    status, body = service.curl("client", "/v1/put", "-d", put, X_Api_Key=key,
                                Content_Type="application/json")
    assert status == 200, body
    status, body = service.curl("client", "/v1/get/space/k", X_Api_Key=key)
    assert status == 200, body
    status, body = service.curl("client", "/v1/get/others/k", X_Api_Key=key)
    assert status == 403, body
    # the operator's plane is closed to the outside, whatever key it has
    status, body = service.curl(
        "client", "/gate/admin/tenants",
        Authorization=f"Bearer {service.service_key}")
    assert status == 403, body


def test_only_443_answers(service):
    assert service.net.scan(address("outside", "gate")) == [443]


@pytest.mark.parametrize("host, port", [("engine", 8000), ("redis", 6379),
                                        ("gate", 443)])
def test_the_inner_network_does_not(service, host, port):
    """Even for who sends his packets to the gate for forwarding; they are
    there, as the gate sees them."""
    target = address("inside", host)
    if host != "gate":
        assert service.net.scan(target, port) == []
        said = service.net.run("gate", "bash", "-c",
                               f"exec 3<>/dev/tcp/{target}/{port}")
        assert said.returncode == 0, said.stderr
    else:
        # its own inner address is the gate, too
        assert service.net.scan(target) in ([], [443])


def test_a_leak_would_be_found(service):
    """The engine on the outer network is what the scan is there to see."""
    service.net.join("engine", "outside")
    assert service.net.scan(address("outside", "engine"), 22, 80, 6379,
                            8000) == [8000]
