"""hx-gate-check against a live deployment: nginx with TLS, the gate, hx-engine.

One deployment has all that the checklist asks for.  For every check others are
made that lack one thing, and then that line fails, and no other."""

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from conftest import TOP, free_port, until
from own_nginx import ASAN, MODULE, PATIENCE, SERVER, Nginx, as_root, give
from test_clock import Clock, FAKETIME

TOOL = os.environ.get("HX_GATE_CHECK", str(TOP / "build" / "hx-gate-check"))
ENGINE = os.environ.get("HX_ENGINE", str(TOP / "build" / "hx-engine"))
DIGEST = "0123456789abcdef" * 4
CHECKS = ["service-key", "gate", "engine-auth", "tls", "engine-tls", "ports",
          "audit", "audit-shipped", "cors", "stripe", "log-level",
          "rate-limit", "key-age", "images", "updates"]

HTTP = """
hx_gate_zone gate 4m state={d};
hx_gate_registry lmdb:{d}/registry map_size=16m;
hx_gate_service_key file:{d}/service.key;
hx_gate_operations hx-sdp;
hx_gate_audit_log logs/audit.jsonl flush=100ms;
hx_gate_cors https://app.example;
upstream engine {{ server 127.0.0.1:{engine_port}; keepalive 4; }}
server {{
    listen 127.0.0.1:{port} ssl;
    server_name localhost;
    ssl_certificate {d}/tls.crt;
    ssl_certificate_key {d}/tls.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    location /v1/ {{
        hx_gate on;
        proxy_pass http://engine;
        proxy_set_header Connection "";
        proxy_http_version 1.1;
    }}
    location /gate/ {{ hx_gate_admin; }}
    location = /gate/stripe/webhook {{ return 400; }}
}}
"""

APT = """#!/bin/sh
case " $* " in
*" -s "*upgrade*) ;;
*) exit 9 ;;
esac
cat <<'END'
Reading package lists...
{lines}
END
exit {code}
"""

SECURITY = ("Inst libx1 [1.0] (1.1 Debian-Security:12/stable-security [amd64])")
ORDINARY = "Inst liby1 [1.0] (1.1 Debian:12.9/stable [amd64])"


def certificate(directory, name, env=None, days=30):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", str(days),
         "-keyout", directory / f"{name}.key", "-out",
         directory / f"{name}.crt", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True, timeout=60,
        env={**os.environ, **(env or {})})


class Engine:
    """hx-engine as an operator starts it."""

    def __init__(self, directory, port, key, **env):
        self.log = directory / "engine.log"
        self.port = port
        (directory / "data").mkdir()
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith(("HOLONOMIX_", "HX_GATE_"))}
        clean.update(HX_GATE_ENGINE_SERVICE_KEY=key,
                     HOLONOMIX_HOST="127.0.0.1", HOLONOMIX_PORT=str(port),
                     HOLONOMIX_DATA_DIR=str(directory / "data"), **env)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [ENGINE], env=clean, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        until(self.is_up, PATIENCE, "the engine listens")

    def is_up(self):
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


class Deployment(Nginx):
    """The gate and its engine, and what else the checklist wants to see.

    "change" is applied to the http part of the configuration; "main" and
    "http" are lines besides."""

    def __init__(self, directory, change=lambda text: text, key=None,
                 engine=None, env=None, main="", http=""):
        self.d = Path(directory)
        for name in ("registry", "logs", "bin", "lists"):
            (self.d / name).mkdir(parents=True)
        self.d.chmod(0o755)
        (self.d / "logs").chmod(0o750)
        give(self.d / "registry")
        give(self.d / "logs")
        self.key = key or secrets.token_hex(24)
        self.key_file = self.d / "service.key"
        self.key_file.touch(0o600)
        self.key_file.write_text(self.key + "\n")
        certificate(self.d, "tls")
        self.engine_port = free_port()
        self.audit_log = self.d / "logs" / "audit.jsonl"
        port = free_port()
        self.text = HTTP.format(d=self.d, port=port,
                                engine_port=self.engine_port) + http
        super().__init__(self.d, port, env=env,
                         load=f"load_module {MODULE};", main=main,
                         http=change(self.text))
        self.engine = Engine(self.d, self.engine_port, self.key,
                             **{name: value.format(d=self.d) for name, value
                                in (engine or {}).items()})
        self.env_file = self.d / "nginx.env"
        self.env_file.write_text("# what systemd gives to nginx\n")
        self.shipper = self.d / "vector.toml"
        self.shipper.write_text(f'include = ["{self.audit_log}"]\n')
        self.images = self.d / "compose.yaml"
        self.images.write_text(
            f"services:\n  gate:\n    image: gate:1@sha256:{DIGEST}\n")
        self.lists = self.d / "lists"
        (self.lists / "deb.example_dists_bookworm_InRelease").touch()
        self.apt(ORDINARY)

    def end(self):
        try:
            self.stop()
        finally:
            self.engine.stop()

    def apt(self, *lines, code=0):
        path = self.d / "bin" / "apt-get"
        path.write_text(APT.format(lines="\n".join(lines), code=code))
        path.chmod(0o755)

    def admin(self, path, **body):
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f"https://127.0.0.1:{self.port}/gate/onboard/{path}",
                json=body, verify=self.d / "tls.crt", timeout=PATIENCE,
                headers={"Authorization": f"Bearer {self.key}"})
        assert answer.status_code in (200, 201), answer.text

    def onboard(self, tenant, plan="starter", rate=None, **more):
        self.admin("create", tenant_id=tenant, plan=plan, **more)
        if rate:
            self.admin("update-tier", tenant_id=tenant, plan=plan,
                       rate_limit=rate)

    def rewrite(self, change):
        """The file on the disk, not what runs."""
        self.write(load=f"load_module {MODULE};", http=change(self.text))

    def dump(self, change=lambda text: text):
        """What nginx -T prints, changed, in a file."""
        run = subprocess.run(
            [SERVER, "-T", "-p", self.d, "-c", "nginx.conf", "-e",
             self.error_log], capture_output=True, text=True, check=True,
            timeout=60, env={**os.environ, **self.env})
        path = self.d / "dump"
        path.write_text(change(run.stdout))
        return path

    def options(self, shipper=True, env_file=True):
        return ["--nginx", SERVER, "--pid", self.master, "--images",
                self.images, "--apt-lists", self.lists,
                *(["--shipper", self.shipper] if shipper else []),
                *(["--env-file", self.env_file] if env_file else [])]

    def check(self, *args, **kind):
        """The report as hx-gate-check --json gives it."""
        run = tool("--json", *self.options(**kind), *args,
                   path=self.d / "bin")
        assert run.returncode in (0, 1), run.stderr
        return report_of(run)


def tool(*args, path=None, env=None, stdin=None):
    env = {**os.environ, **(env or {})}
    if path:
        env["PATH"] = f"{path}:{env['PATH']}"
    return subprocess.run([TOOL, *map(str, args)], capture_output=True,
                          text=True, timeout=120, check=False, env=env,
                          input=stdin)


def report_of(run):
    report = json.loads(run.stdout)
    assert report["version"] == 1
    assert report["ok"] == (run.returncode == 0) == (report["failed"] == 0)
    results = [c["result"] for c in report["checks"]]
    assert report["passed"] == results.count("pass")
    assert report["failed"] == results.count("fail")
    assert report["not_applicable"] == results.count("n/a")
    assert report["not_checked"] == sum(
        not c["checked"] for c in report["checks"])
    for line in report["checks"]:
        assert set(line) == {"check", "title", "result", "checked", "found",
                             "more", "fix"}
        assert line["found"]
        if line["result"] != "fail":
            assert line["checked"] and line["fix"] is None
    return {c["check"]: c for c in report["checks"]}


def only(report, check, found="", fix="", checked=True):
    """That line fails, as it should, and no other."""
    failed = {name: c["found"] for name, c in report.items()
              if c["result"] == "fail"}
    assert list(failed) == [check], failed
    line = report[check]
    assert found in line["found"], line
    assert fix in (line["fix"] or ""), line
    assert line["checked"] == checked, line


def swap(old, new):
    def change(text):
        assert old in text, old
        return text.replace(old, new)
    return change


@pytest.fixture
def deploy(state_dirs):
    """Makes deployments, started; ends them."""
    running = []

    def make(**kind):
        one = Deployment(state_dirs(), **kind)
        running.append(one)
        one.start()
        return one

    yield make
    with contextlib.ExitStack() as ends:        # all, whatever one says
        for one in running:
            ends.callback(one.end)


@pytest.fixture(scope="module")
def good(state_dirs):
    """One that nothing is wrong with; tests leave it so."""
    one = Deployment(state_dirs())
    try:
        one.start()
        one.onboard("acme")
        yield one
    finally:
        one.end()


# ---- all is well -------------------------------------------------------------

def test_a_good_deployment(good):
    report = good.check()
    assert list(report) == CHECKS
    results = {name: c["result"] for name, c in report.items()}
    assert results == {**dict.fromkeys(CHECKS, "pass"), "stripe": "n/a"}, report
    assert "48 characters" in report["service-key"]["found"]
    assert "401" in report["engine-auth"]["found"]
    assert str(good.audit_log) in report["audit"]["found"]
    assert f"process {good.engine.process.pid}" in report["log-level"]["found"]
    assert "active tenants: 1" in report["rate-limit"]["found"]


def test_the_documented_configuration(own_gate, good):
    """nginx-conf/, as "make run" uses it; its folder of logs is open."""
    (own_gate.state / "logs").chmod(0o750)
    shipper = good.d / "demo.conf"
    shipper.write_text(f"path {own_gate.audit_log}\n")
    args = ("--json", "--nginx", SERVER, "--pid", own_gate.state / "nginx.pid",
            "--shipper", shipper, "--env-file", good.env_file, "--apt-lists",
            good.lists)
    report = report_of(tool(*args, path=good.d / "bin"))
    assert {name: c["result"] for name, c in report.items()} == {
        **dict.fromkeys(CHECKS, "pass"), "stripe": "n/a", "images": "n/a"}, \
        report


def test_the_table(good):
    run = tool(*good.options(), path=good.d / "bin")
    assert run.returncode == 0, run.stdout
    lines = run.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == CHECKS
    assert lines[-1] == "14 passed, 0 failed (0 of them not checked), 1 n/a"
    run = tool(*good.options(shipper=False), "--only", "audit-shipped")
    assert run.returncode == 1
    assert re.search(r"^audit-shipped +FAIL .*read by no shipper\n"
                     r" +fix: +hx_gate_audit_log \.\.\. syslog:", run.stdout)


def test_it_changes_nothing(good):
    """But for the record of its request in the audit trail.  (What nginx keeps
    in the zone, its log and the engine's, and the readers of LMDB are not
    settings.)"""
    def state():
        return {p: (p.stat().st_mtime_ns, p.stat().st_size)
                for p in good.d.rglob("*") if p.is_file()
                and p.suffix not in (".log", ".jsonl")
                and p.name != "lock.mdb" and "hx-gate-" not in p.name}
    before, trail = state(), good.audit_log.read_text()
    good.check("--skip", "cors")
    assert state() == before
    new = [json.loads(line) for line in
           good.audit_log.read_text()[len(trail):].splitlines()]
    record, = [r for r in new if r["request_id"].startswith("hx-gate-check-")]
    assert (record["status"], record["tenant_id"]) == (401, None)


def test_what_to_check(good):
    assert list(good.check("--only", "ports,gate", "--only", "tls")) == [
        "gate", "tls", "ports"]
    report = good.check("--skip", "updates", "--skip", "images,audit,cors")
    assert list(report) == [c for c in CHECKS if c not in
                            ("updates", "images", "audit", "cors")]
    run = tool("--list")
    assert run.returncode == 0
    assert [line.split()[0] for line in run.stdout.splitlines()] == CHECKS


def test_the_page_names_the_checks_and_options():
    page = (TOP / "ngx_hx_gate_module/tool/hx-gate-check.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \|", page, re.M)
    assert rows[:len(CHECKS)] == CHECKS
    options = set(re.findall(r"--[a-z-]+", tool("--help").stdout))
    assert options - set(re.findall(r"--[a-z-]+", page)) == {
        "--help", "--list", "--version"}


def test_the_nginx_that_runs(good):
    """Its program, prefix and configuration, by the process alone."""
    env = {}
    if ASAN:
        lib = subprocess.run(["gcc", "-print-file-name=libasan.so"], text=True,
                             check=True, capture_output=True).stdout.strip()
        env = {"LD_PRELOAD": lib, "ASAN_OPTIONS":
               "detect_leaks=0:detect_odr_violation=0:handle_sigill=1"}
    pid_file = good.d / "nginx.pid"
    for pid in (good.master, pid_file):
        run = tool("--json", "--only", "service-key,gate,audit", "--pid", pid,
                   env=env)
        assert run.returncode == 0, run.stdout + run.stderr
        assert str(good.key_file) in report_of(run)["service-key"]["found"]


def test_the_prefix_nginx_was_built_with(good, tmp_path):
    """Where neither the process nor the command line has one."""
    conf = tmp_path / "nginx.conf"
    text = (good.d / "nginx.conf").read_text()
    assert "hx_gate_audit_log logs/" in text
    conf.write_text(text)
    stand_in = tmp_path / "nginx"
    stand_in.write_text("#!/bin/sh\n"
                        "if [ $1 = -V ]; then\n"
                        f"    echo 'configure arguments: --prefix={good.d}"
                        " --with-x' >&2\n"
                        "else\n"
                        f"    echo '# configuration file {conf}:'\n"
                        f"    cat {conf}\n"
                        "fi\n")
    stand_in.chmod(0o755)
    run = tool("--json", "--nginx", stand_in, "--conf", conf, "--only",
               "audit")
    assert str(good.audit_log) in report_of(run)["audit"]["found"]
    assert run.returncode == 0, run.stdout


def test_a_dump(good):
    path = good.dump()
    args = ("--json", "--only", "service-key,gate,tls,engine-auth")
    run = tool("--dump", path, *args)
    assert run.returncode == 0, run.stdout
    assert tool("--dump", "-", *args,
                stdin=path.read_text()).stdout == run.stdout


# ---- every line fails, alone -------------------------------------------------

def test_service_key_others_read_it(deploy):
    gate = deploy()
    gate.key_file.chmod(0o640)
    only(gate.check(), "service-key", "mode 0640", "chmod 600")


@pytest.mark.parametrize("key, why", [
    ("x" * 40, "fewer than 10 different characters"),
    ("0123456789abcdef" * 2, "over and over"),
    ("please-CHANGEME-4f1d8a6b0c9e7d2f53", "a word in it")])
def test_service_key_weak(deploy, key, why):
    only(deploy(key=key).check(), "service-key", why, "openssl rand -hex 32")


def test_service_key_of_the_environment(deploy):
    key = secrets.token_hex(20)
    gate = deploy(key=key, env={"HX_GATE_ENGINE_SERVICE_KEY": key},
                  change=lambda text: re.sub("hx_gate_service_key .*", "",
                                             text))
    gate.env_file.write_text(f"HX_GATE_ENGINE_SERVICE_KEY='{key}'\n")
    report = gate.check()
    assert report["service-key"]["result"] == "pass"
    assert "variable HX_GATE_ENGINE_SERVICE_KEY, 40" in \
        report["service-key"]["found"]

    # it is started with it, too, or nginx -T fails
    run = tool("--json", *gate.options(env_file=False), "--own-env",
               path=gate.d / "bin", env=gate.env)
    assert run.returncode == 0, run.stdout + run.stderr

    # unknown is no pass
    run = tool("--json", *gate.options(env_file=False), path=gate.d / "bin",
               env=gate.env)
    only(report_of(run), "service-key", "environment of nginx is not known",
         "--env-file", checked=False)

    dump = gate.dump()
    gate.env_file.write_text("HX_GATE_ENGINE_SERVICE_KEY=" + "ab1" * 10)
    only(gate.check("--dump", dump, "--prefix", gate.d), "service-key",
         "30 characters, 32 or more")
    gate.env_file.write_text("HX_GATE_ENGINE_SERVICE_KEY=\n")
    only(gate.check("--dump", dump, "--prefix", gate.d), "service-key",
         "not set or empty")


def test_service_key_file_is_gone(good):
    dump = good.dump(swap("/service.key", "/none.key"))
    only(good.check("--dump", dump, "--prefix", good.d), "service-key",
         "No such file", checked=False)


def test_gate_in_shadow(deploy):
    gate = deploy(change=swap("hx_gate on;", "hx_gate shadow;"))
    only(gate.check(), "gate", "only records", "hx_gate on;")


def test_gate_passed_by(deploy):
    gate = deploy(change=swap("location /gate/ {", "location /debug/ "
                              "{ proxy_pass http://engine/v1/; } "
                              "location /gate/ {"))
    only(gate.check(), "gate", "past the gate")


def test_gate_nowhere(good):
    dump = good.dump(swap("hx_gate on;", "hx_gate off;"))
    report = good.check("--dump", dump, "--prefix", good.d)
    only(report, "gate", "nowhere")
    assert {c for c in CHECKS if report[c]["result"] == "n/a"} == {
        "engine-auth", "engine-tls", "ports", "audit-shipped", "cors",
        "stripe", "rate-limit"}
    assert report["audit"]["found"] == f"records go to {good.audit_log}"


def test_engine_serves_anyone(deploy):
    gate = deploy(engine={"HOLONOMIX_REQUIRE_AUTH": "false"})
    only(gate.check(), "engine-auth", "without the service key",
         "HOLONOMIX_REQUIRE_AUTH=true")


def test_engine_is_down(deploy):
    gate = deploy()
    gate.engine.stop()
    report = gate.check("--skip", "log-level")
    only(report, "engine-auth", "Connection refused", checked=False)
    only(gate.check("--only", "log-level"), "log-level", "is not found",
         "--engine-pid", checked=False)


def test_tls_old_version_in_the_file(deploy):
    gate = deploy(change=swap("ssl_protocols TLSv1.2",
                              "ssl_protocols TLSv1.1 TLSv1.2"))
    only(gate.check(), "tls", "TLSv1.1 is allowed", "ssl_protocols TLSv1.2")


def test_tls_old_version_alive(deploy):
    """The file is right, but nginx has not been told."""
    gate = deploy(change=swap("ssl_protocols TLSv1.2 TLSv1.3;",
                              "ssl_protocols TLSv1.1 TLSv1.2; ssl_ciphers "
                              "ALL:@SECLEVEL=0;"))
    gate.rewrite(lambda text: text)
    only(gate.check(), "tls", "takes TLS 1.1", "ssl_protocols TLSv1.2")


def test_tls_expired(deploy):
    gate = deploy()
    certificate(gate.d, "tls", {"LD_PRELOAD": FAKETIME, "FAKETIME": "-40d"})
    gate.stop()
    gate.start()
    only(gate.check(), "tls", "has expired", "ssl_certificate")


def test_tls_off(deploy):
    gate = deploy(change=lambda text: re.sub(r"ssl_.*;", "", text.replace(
        " ssl;", ";")))
    report = gate.check()
    assert report["tls"]["result"] == "pass"
    assert "on this machine only" in report["tls"]["found"]

    dump = gate.dump(swap("location /gate/ {", "listen 192.0.2.1:80; "
                          "location /gate/ {"))
    only(gate.check("--dump", dump, "--prefix", gate.d), "tls",
         "192.0.2.1:80 without TLS", "listen 443 ssl;")


def test_tls_off_for_operators(deploy):
    """The service key comes in there."""
    gate = deploy()
    dump = gate.dump(swap("server {\n", "server { listen 192.0.2.1:8080; "
                          "location /gate/ { hx_gate_admin; } }\nserver {\n"))
    only(gate.check("--dump", dump, "--prefix", gate.d), "tls",
         "192.0.2.1:8080 without TLS")


def test_tls_is_promised_only(deploy):
    """The file says ssl, what runs does not."""
    gate = deploy(change=lambda text: re.sub(r"ssl_.*;", "", text.replace(
        " ssl;", ";")))
    gate.rewrite(lambda text: text)
    report = gate.check("--skip", "audit,cors")
    only(report, "tls", "no handshake of TLS 1.2 or 1.3", "ssl;")


def test_engine_by_tls(deploy):
    def secure(text):
        return text.replace("proxy_pass http://engine;", """
            proxy_pass https://engine;
            proxy_ssl_name localhost;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate tls.crt;""")

    gate = deploy(change=secure, engine={
        "HOLONOMIX_TLS_CERT_PATH": "{d}/tls.crt",
        "HOLONOMIX_TLS_KEY_PATH": "{d}/tls.key"})
    report = gate.check()
    assert all(c["result"] != "fail" for c in report.values()), report
    assert "401" in report["engine-auth"]["found"]


@pytest.mark.parametrize("to, extra, result, found", [
    ("http://192.0.2.9:8000", "", "fail", "in the clear"),
    ("https://192.0.2.9:8000", "", "fail", "nobody checks"),
    ("https://192.0.2.9:8000", "proxy_ssl_verify on;", "pass", "verified"),
    ("http://$engine", "", "fail", "not known before"),
    ("http://unix:/run/engine:", "", "pass", "this machine")])
def test_engine_tls(good, to, extra, result, found):
    dump = good.dump(swap("proxy_pass http://engine;",
                          f"proxy_pass {to}; {extra}"))
    report = good.check("--dump", dump, "--only", "engine-tls")
    assert report["engine-tls"]["result"] == result
    assert found in report["engine-tls"]["found"]


def fake_proc(gate, directory, *ports):
    """/proc with these ports listening on all addresses besides."""
    proc = Path(directory)
    (proc / "net").mkdir(parents=True)
    for pid in (gate.master, gate.engine.process.pid):
        (proc / str(pid)).symlink_to(f"/proc/{pid}")
    lines = "".join(
        f"  99: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 "
        "00:00000000 00000000 0 0 1 1 0000000000000000 100 0 0 10 0\n"
        for port in ports)
    (proc / "net" / "tcp").write_text(Path("/proc/net/tcp").read_text() + lines)
    (proc / "net" / "tcp6").write_text("  sl  local_address\n")
    return proc


def test_ports_engine_on_all_addresses(good, tmp_path):
    proc = fake_proc(good, tmp_path / "proc", good.engine_port)
    report = good.check("--proc", proc)
    only(report, "ports", f"port {good.engine_port} of the engine listens on "
         "0.0.0.0", "HOLONOMIX_HOST=127.0.0.1")
    proc = fake_proc(good, tmp_path / "other", good.engine_port + 1)
    assert good.check("--proc", proc)["ports"]["result"] == "pass"
    run = tool("--json", "--dump", good.dump(), "--only", "ports", "--proc",
               tmp_path)
    only(report_of(run), "ports", "No such file", checked=False)


def test_ports_redis(good, tmp_path):
    port = free_port()
    secret = secrets.token_hex(16)
    dump = good.dump(lambda text: re.sub(
        "hx_gate_registry [^;]*;",
        f"hx_gate_registry redis://:{secret}@127.0.0.1:{port}/0;", text))
    args = ("--dump", dump, "--only", "ports")
    assert good.check(*args)["ports"]["result"] == "pass"
    proc = fake_proc(good, tmp_path / "proc", port)
    report = good.check(*args, "--proc", proc)
    only(report, "ports", f"port {port} of Redis listens on 0.0.0.0")
    assert secret not in json.dumps(report)


@pytest.mark.parametrize("to, result", [
    ("10.9.8.7:8000", "n/a"), ("[fd00::7]:8000", "n/a"),
    ("192.0.2.9:8000", "fail")])
def test_ports_of_another_machine(good, to, result):
    dump = good.dump(swap("proxy_pass http://engine;",
                          f"proxy_pass http://{to};"))
    report = good.check("--dump", dump, "--only", "ports")
    assert report["ports"]["result"] == result, report


IN_A_NAMESPACE = """
import fcntl, socket, struct, subprocess, sys
port, tool = int(sys.argv[1]), sys.argv[2:]
with socket.socket() as s:
    def interface(name, call, data):
        fcntl.ioctl(s, call, struct.pack("16s", name) + data + bytes(8))
    def address(ip):
        return struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(ip))
    interface(b"lo", 0x8914, struct.pack("=h14x", 0x49))        # up
    interface(b"lo:1", 0x8916, address("192.0.2.1"))
    interface(b"lo:1", 0x8914, struct.pack("=h14x", 0x49))
with socket.create_server(("0.0.0.0", port)):
    sys.exit(subprocess.run(tool).returncode)
"""


def test_ports_reached(good, tmp_path):
    """In a network of its own, where the machine has an address: a port that
    is reached there although the kernel's list does not show it."""
    proc = fake_proc(good, tmp_path / "proc")
    run = subprocess.run(
        ["unshare", "-n" if as_root() else "-rn", sys.executable, "-c",
         IN_A_NAMESPACE, str(good.engine_port), TOOL, "--json", "--only",
         "ports", "--proc", proc, "--dump", good.dump()],
        capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout, run.stderr
    only(report_of(run), "ports", "is reached at 192.0.2.1")


def test_the_only_nginx_here(good, tmp_path):
    proc = fake_proc(good, tmp_path / "proc")
    args = ("--json", "--proc", proc, "--nginx", SERVER, "--only", "gate,audit")
    run = tool(*args)
    assert run.returncode == 0, run.stdout + run.stderr
    assert str(good.audit_log) in report_of(run)["audit"]["found"]

    (proc / "99").mkdir()
    (proc / "99" / "cmdline").write_text("nginx: master process nginx\0")
    run = tool(*args)
    assert run.returncode == 2
    assert "2 nginx are running here" in run.stderr and "--pid" in run.stderr


def test_audit_off(deploy):
    gate = deploy(change=swap("hx_gate on;", "hx_gate on; hx_gate_audit_log "
                              "off;"))
    report = gate.check()
    only(report, "audit", "requests are not recorded", "hx_gate_audit_log /")
    assert report["audit-shipped"]["result"] == "n/a"


def test_audit_off_for_operators(deploy):
    gate = deploy(change=swap("hx_gate_admin;", "hx_gate_admin; "
                              "hx_gate_audit_log off;"))
    only(gate.check(), "audit", "requests are not recorded")


def test_audit_off_by_the_environment(deploy):
    gate = deploy(env={"HX_GATE_AUDIT_ENABLED": "false"},
                  change=lambda text: re.sub("hx_gate_audit_log .*", "", text))
    gate.env_file.write_text("HX_GATE_AUDIT_ENABLED=false\n")
    only(gate.check(), "audit", "requests are not recorded")


def test_audit_file_is_open_to_all(deploy):
    gate = deploy()
    gate.audit_log.parent.chmod(0o755)
    only(gate.check(), "audit", "everybody gets at it", "chmod 750")
    gate.audit_log.chmod(0o640)
    assert gate.check("--only", "audit")["audit"]["result"] == "pass"
    gate.audit_log.parent.chmod(0o777)
    only(gate.check(), "audit", "everybody can take", "chmod o-w")


def test_audit_nothing_comes(deploy):
    """nginx writes elsewhere: the file was changed, and it was not told."""
    gate = deploy()
    gate.rewrite(swap("logs/audit.jsonl", "logs/new.jsonl"))
    gate.shipper.write_text(f"path {gate.d}/logs/*.jsonl\n")
    only(gate.check("--timeout", "500"), "audit", "is not recorded", "reload")


def test_audit_not_shipped(good):
    only(good.check(shipper=False), "audit-shipped", "read by no shipper",
         "syslog:server=")
    other = good.d / "other.conf"
    other.write_text(f"# path {good.audit_log}\npath {good.audit_log}.1\n")
    only(good.check("--shipper", other, shipper=False), "audit-shipped",
         "read by no shipper")
    dump = good.dump(swap("flush=100ms", "flush=100ms syslog:server=127.0.0.1"))
    report = good.check("--dump", dump, "--prefix", good.d, shipper=False)
    assert report["audit-shipped"]["result"] == "pass"


@pytest.mark.parametrize("cors, found", [
    ("*", "any page"), ("https://a.example http://b.example", "http://b.exampl"
                                                              "e travels")])
def test_cors(deploy, cors, found):
    gate = deploy(change=swap("hx_gate_cors https://app.example;",
                              f"hx_gate_cors {cors};"))
    only(gate.check(), "cors", found, "hx_gate_cors")


def test_cors_of_the_environment(deploy):
    gate = deploy(change=swap("hx_gate_cors https://app.example;", ""),
                  env={"HX_GATE_CORS_ORIGINS": "https://a.example,http://b.it"})
    gate.env_file.write_text(
        "HX_GATE_CORS_ORIGINS=https://a.example,http://b.it\n")
    only(gate.check(), "cors", "http://b.it travels in the clear")
    only(gate.check(env_file=False), "cors", "may have HX_GATE_CORS_ORIGINS",
         "hx_gate_cors off;", checked=False)


def test_cors_alive(deploy):
    """The file names origins, what runs takes all."""
    gate = deploy(change=swap("hx_gate_cors https://app.example;",
                              "hx_gate_cors *;"))
    gate.rewrite(lambda text: text)
    only(gate.check(), "cors", "https://hx-gate-check.invalid")


def test_cors_beside_the_gate(deploy):
    gate = deploy(change=swap("hx_gate on;", "hx_gate on; add_header "
                              "Access-Control-Allow-Origin *;"))
    only(gate.check(), "cors", "any page")


def webhook(*words):
    return swap("location = /gate/stripe/webhook { return 400; }",
                "location = /gate/stripe/webhook { hx_gate_stripe_webhook "
                f"{' '.join(words)}; }}")


@pytest.fixture
def hooked(good):
    """Checks with the webhook in the configuration."""
    def run(text, *words):
        good.env_file.write_text(text)
        dump = good.dump(webhook(*words))
        try:
            return good.check("--dump", dump, "--prefix", good.d)
        finally:
            good.env_file.write_text("")
    return run


def test_stripe(hooked, good):
    secret = "whsec_" + secrets.token_hex(16)
    report = hooked(f"HX_GATE_STRIPE_WEBHOOK_SECRET={secret}\n")
    assert report["stripe"]["result"] == "pass"
    assert "a wrong signature is refused" in report["stripe"]["found"]
    assert all(c["result"] != "fail" for c in report.values())
    file = good.d / "stripe.secret"
    file.touch(0o600)
    file.write_text(secret + "\n")
    report = hooked(f"OTHER=  {secret}\n", f"secret=file:{file}",
                    "tolerance=300s", "secret=env:OTHER")
    assert report["stripe"]["result"] == "pass", report["stripe"]
    file.chmod(0o644)
    only(hooked("", f"secret=file:{file}"), "stripe", "mode 0644")


@pytest.mark.parametrize("text, found", [
    ("", "not set"), ("HX_GATE_STRIPE_WEBHOOK_SECRET=\n", "not set"),
    ("HX_GATE_STRIPE_WEBHOOK_SECRET=whsec_1\n", "too few"),
    ("HX_GATE_STRIPE_WEBHOOK_SECRET=sk_live_0123456789abcdef\n", "API key")])
def test_stripe_secret(hooked, text, found):
    only(hooked(text), "stripe", found, "whsec_")


def test_stripe_alive(deploy):
    """The real webhook answers, its secret in the environment of nginx."""
    secret = "whsec_" + secrets.token_hex(16)
    name = "HX_GATE_STRIPE_WEBHOOK_SECRET"
    gate = deploy(change=webhook(), env={name: secret})
    gate.env_file.write_text(f"{name}={secret}\n")
    report = gate.check()
    assert report["stripe"]["result"] == "pass", report["stripe"]
    assert "a wrong signature is refused" in report["stripe"]["found"]
    assert all(c["result"] != "fail" for c in report.values()), report


def test_stripe_takes_anything(deploy):
    gate = deploy(change=swap("return 400;", "return 200;"))
    gate.env_file.write_text("HX_GATE_STRIPE_WEBHOOK_SECRET=whsec_" + "4" * 32)
    dump = gate.dump(swap("return 200;", "hx_gate_stripe_webhook;"))
    only(gate.check("--dump", dump, "--prefix", gate.d), "stripe",
         "answers 200 to a wrong signature")


@pytest.mark.parametrize("http, found", [
    ("error_log /dev/null debug;", "error_log at debug"),
    ("error_log /dev/null debug_http;", "error_log at debug_http")])
def test_log_level_of_nginx(deploy, http, found):
    only(deploy(http=http).check(), "log-level", found, "error_log ... warn;")


def test_log_level_of_the_engine(deploy):
    gate = deploy(engine={"HOLONOMIX_LOG_LEVEL": "debug"})
    only(gate.check(), "log-level", "the engine", "HOLONOMIX_LOG_LEVEL=info")
    report = gate.check("--engine-pid", os.getpid(), "--only", "log-level")
    assert report["log-level"]["result"] == "pass"


@pytest.mark.parametrize("word", ["off", "shadow"])
def test_rate_limit(deploy, word):
    gate = deploy(change=swap("hx_gate on;",
                              f"hx_gate on; hx_gate_rate_limit {word};"))
    only(gate.check(), "rate-limit", "hx_gate_rate_limit",
         "hx_gate_rate_limit on;")


def test_rate_limit_of_a_tenant(deploy):
    gate = deploy(http="hx_gate_plan flood requests=2000000 window=2s "
                       "quota=unlimited;")
    gate.onboard("usual", "enterprise")
    gate.onboard("large", rate={"requests": 100000000, "window_s": 60})
    gate.onboard("small", "flood", rate={"requests": 10, "window_s": 60})
    only(gate.check(), "rate-limit", "tenant large may send 100000000 requests"
         " in 60 s", "update-tier")
    gate.onboard("planned", "flood")
    report = gate.check("--max-rate", "900000")
    only(report, "rate-limit", "planned may send 2000000")
    assert "large" in report["rate-limit"]["found"]
    assert report["rate-limit"]["more"] == 0
    for tenant in ("large", "planned"):
        gate.admin("suspend", tenant_id=tenant)
    report = gate.check("--only", "rate-limit")
    assert report["rate-limit"]["result"] == "pass"
    assert "active tenants: 2" in report["rate-limit"]["found"]


def test_key_age(deploy, state_dirs):
    """A gate that lives a hundred days ago makes the keys."""
    clock = Clock(state_dirs())
    clock.set(-100 * 86400.0)
    gate = deploy(env=clock.preloaded(),
                  main="".join(f"env {name};\n" for name in clock.env()))
    for i in range(5):
        gate.onboard(f"t{i}")
    gate.onboard("ended", expires_at=int(time.time()) - 86400)
    gate.onboard("rested")
    gate.onboard("rotated")
    gate.stop()
    gate.env = {}
    gate.start()
    gate.onboard("young")
    gate.admin("suspend", tenant_id="rested")
    gate.admin("rotate-key", tenant_id="rotated")
    report = gate.check()
    only(report, "key-age", "a key of tenant t0 is 100 days old", "rotate-key")
    assert report["key-age"]["more"] == 2
    only(gate.check("--only", "key-age", "--max-key-age", "99"), "key-age")
    report = gate.check("--only", "key-age", "--max-key-age", "100")
    assert report["key-age"]["result"] == "pass"
    assert "keys: 7" in report["key-age"]["found"]


def test_no_registry(good):
    dump = good.dump(swap("/registry map_size", "/bin map_size"))
    report = good.check("--dump", dump, "--prefix", good.d, "--only",
                        "rate-limit,key-age")
    assert [(c["result"], c["checked"]) for c in report.values()] == [
        ("fail", False)] * 2
    assert list((good.d / "bin").iterdir()) == [good.d / "bin" / "apt-get"]


def test_images(good, tmp_path):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM debian:12@sha256:{DIGEST} AS build\n"
                          "FROM build\n")
    assert good.check("--images", dockerfile)["images"]["found"].startswith(
        "2 images are pinned")
    dockerfile.write_text("FROM debian:12\n")
    only(good.check("--images", dockerfile), "images",
         f"{dockerfile}:1: debian:12 has no digest", "@sha256:")
    run = tool("--json", "--pid", good.master, "--nginx", SERVER, "--only",
               "images")
    assert report_of(run)["images"]["result"] == "n/a"
    only(good.check("--images", tmp_path / "none"), "images", "No such file",
         checked=False)


@pytest.fixture
def apt(good):
    yield good.apt
    good.apt(ORDINARY)


def test_updates(good, apt):
    apt(ORDINARY, SECURITY, SECURITY.replace("libx1", "libx2"))
    only(good.check(), "updates", "2 security updates are not installed: "
         "libx1, libx2", "apt-get upgrade")
    apt(ORDINARY, code=100)
    only(good.check("--only", "updates"), "updates", "it fails", checked=False)


def test_updates_nobody_asked_for(good):
    old = time.time() - 8 * 86400
    release = next(good.lists.glob("*Release"))
    for path in (release, good.lists):
        os.utime(path, (old, old))
    only(good.check(), "updates", "older than 7 days", "apt-get update")
    release.unlink()
    only(good.check("--only", "updates"), "updates", "not there")
    release.touch()
    assert good.check("--only", "updates")["updates"]["result"] == "pass"


def test_updates_without_apt(good, tmp_path):
    run = tool("--json", "--dump", good.dump(), "--only", "updates",
               env={"PATH": str(tmp_path)})
    assert report_of(run)["updates"]["result"] == "n/a", run.stdout


# ---- secrets, trouble --------------------------------------------------------

def test_no_secret_is_told(deploy):
    """Whatever is wrong: neither what is in files nor in variables."""
    marks = [f"mark{i}-{secrets.token_hex(20)}" for i in range(4)]
    gate = deploy(key=marks[0], http="error_log /dev/null debug;",
                  engine={"HOLONOMIX_LOG_LEVEL": "debug"},
                  change=swap("hx_gate on;", "hx_gate shadow;"))
    gate.key_file.chmod(0o644)
    gate.env_file.write_text(f"HX_GATE_STRIPE_WEBHOOK_SECRET=sk_{marks[1]}\n"
                             f"HX_GATE_CORS_ORIGINS={marks[2]}\n")
    dump = gate.dump(webhook())
    worse = gate.d / "worse"
    worse.write_text(dump.read_text()
                     .replace(f"file:{gate.key_file}", marks[0])
                     .replace("hx_gate_stripe_webhook ;",
                              f"hx_gate_stripe_webhook secret={marks[1]};")
                     .replace("hx_gate_cors https://app.example;", ""))
    for path in (dump, worse):
        for json_or_table in ([], ["--json"]):
            run = tool(*gate.options(), *json_or_table, "--dump", path,
                       "--timeout", "500", path=gate.d / "bin")
            assert run.returncode == 1
            assert "FAIL" in run.stdout or '"fail"' in run.stdout
            for mark in marks:
                assert mark not in run.stdout + run.stderr

    # nginx quotes what it does not like; we do not
    gate.write(load=f"load_module {MODULE};", http=gate.text.replace(
        f"file:{gate.key_file}", marks[3]))
    run = tool(*gate.options())
    assert run.returncode == 2
    assert "nginx.conf:" in run.stderr and marks[3] not in run.stderr


@pytest.mark.parametrize("args, message", [
    (["--nothing"], "--nothing"), (["x"], "options only"),
    (["--only", "tls,nothing"], 'no check "nothing"'),
    (["--skip", ""], 'no check ""'), (["--timeout", "0"], "--timeout"),
    (["--max-key-age", "x"], "--max-key-age"), (["--pid", "0"], "--pid"),
    (["--pid", "/none"], "/none"), (["--dump", "/none"], "/none: No such"),
    (["--dump", "/dev/zero"], "regular file"),
    (["--env-file", "/none"], "/none"),
    (["--nginx", "/none", "--conf", "x"], "no such program")])
def test_cannot_run(args, message):
    run = tool(*args)
    assert run.returncode == 2
    assert message in run.stderr and run.stdout == ""


@pytest.mark.parametrize("text, message", [
    ("", 'no output of "nginx -T"'), ("http { }", 'no output of "nginx -T"'),
    ("# configuration file /x:\nhttp { }", "no directive of HX Gate"),
    ("# configuration file /x:\nhttp {", "/x:1: a block is not closed"),
    ("# configuration file /\x1b[2J:\na }", "/?[2J:1: unexpected")])
def test_no_deployment(text, message):
    run = tool("--dump", "-", stdin=text)
    assert run.returncode == 2
    assert message in run.stderr, run.stderr


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "dump"
    path.write_bytes(b"# configuration file /x:\n" + os.urandom(300000))
    assert tool("--dump", path).returncode in (1, 2)
    with open(path, "wb") as f:
        f.truncate(17 << 20)
    run = tool("--dump", path)
    assert run.returncode == 2 and "too large" in run.stderr


def test_whose_process(good):
    """What runs is run by us, too: only of root's or our own processes."""
    if as_root():
        other = good.workers()[0]
        run = tool("--pid", other, "--only", "gate")
        assert run.returncode == 2
        assert "neither root nor this user" in run.stderr
    run = tool("--pid", 2 ** 22 + 1, "--only", "gate")
    assert run.returncode == 2 and "is not there" in run.stderr


def test_nobody_answers(deploy):
    """A listener that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        gate = deploy()
        dump = gate.dump(swap(f"127.0.0.1:{gate.engine_port}",
                              f"127.0.0.1:{mute.getsockname()[1]}"))
        began = time.monotonic()
        report = gate.check("--dump", dump, "--prefix", gate.d, "--timeout",
                            "300", "--skip", "log-level")
        only(report, "engine-auth", "no answer", checked=False)
        assert time.monotonic() - began < PATIENCE


def test_standard_output_is_full():
    with open("/dev/full", "w", encoding="utf-8") as full:
        run = subprocess.run([TOOL, "--list"], stdout=full, text=True,
                             stderr=subprocess.PIPE, timeout=60, check=False)
    assert run.returncode == 2 and "standard output" in run.stderr
