"""hx_gate_cors, as a browser has it: a page of an origin that is named reads
answers and refusals with their headers, a page of another one reads nothing."""

import contextlib
import http.server
import json
import shutil
import subprocess
import threading

import pytest
from conftest import until
from node import installed
from own_nginx import LoneGate, Upstream, started

BROWSER = "/usr/bin/chromium"
PATIENCE = 120          # seconds a browser may take for all of its pages


@pytest.fixture(scope="session")
def browser():
    """The directory with ask.js and what it needs, of the pinned version."""
    assert shutil.which(BROWSER), f"{BROWSER} is not installed"
    return installed("browser", "ask.js")


class Page(http.server.BaseHTTPRequestHandler):
    """An empty page, wherever."""

    def do_GET(self):
        body = b"<!doctype html><title>A page</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


@contextlib.contextmanager
def site():
    """A server of pages; its origin."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class World:
    """A gate, an upstream behind it, two sites, and a browser to visit them."""

    def __init__(self, browser, profile, gate, upstream, ours, foreign):
        self.browser = browser
        self.profile = profile
        self.gate = gate
        self.upstream = upstream
        self.ours = ours
        self.foreign = foreign

    def call(self, method, path, key=None, **headers):
        """A call for a page: what it gives to fetch()."""
        send = {name.replace("_", "-"): value
                for name, value in headers.items()}
        if key:
            send["X-Api-Key"] = self.gate.keys[key]
        return {"url": f"http://127.0.0.1:{self.gate.port}{path}",
                "options": {"method": method, "headers": send}}

    def visit(self, *pages):
        """Each page = (origin, call, ...); the answers by page."""
        job = {"browser": BROWSER, "profile": str(self.profile),
               "pages": [{"page": origin + "/", "calls": calls}
                         for origin, *calls in pages]}
        run = subprocess.run(["node", "ask.js"], cwd=self.browser,
                             input=json.dumps(job), capture_output=True,
                             text=True, timeout=PATIENCE, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        return json.loads(run.stdout)

    def records(self, request_id):
        """Audit records, when that of this request is among them."""
        def read():
            found = [json.loads(line) for line in
                     self.gate.audit_log.read_text().splitlines()]
            if any(r["request_id"] == request_id for r in found):
                return found
            return None
        return until(read, 10, f"the record of {request_id}")


@pytest.fixture
def world(browser, state_dirs):
    top = state_dirs()
    top.mkdir(mode=0o755)
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(site())
        foreign = stack.enter_context(site())
        upstream = stack.enter_context(started(Upstream(top / "upstream")))
        gate = stack.enter_context(started(LoneGate(
            top / "gate", upstream.port, audit="{log} extended flush=10ms",
            gate=f"hx_gate_cors {ours};")))
        gate.onboard("acme", plan="pro")
        gate.onboard("small", rate=(1, 60))
        yield World(browser, top / "profile", gate, upstream, ours, foreign)


def test_a_named_page_reads_all(world):
    ((fine, gone, no_key, wrong, method, first, limited),) = world.visit((
        world.ours,
        world.call("GET", "/v1/list/default", "acme", X_Request_Id="fine"),
        world.call("DELETE", "/v1/delete/default/k", "acme",
                   X_Request_Id="gone"),
        world.call("GET", "/v1/list/default"),
        world.call("GET", "/v1/list/other", "acme"),
        world.call("GET", "/v1/put", "acme"),
        world.call("GET", "/v1/list/default", "small"),
        world.call("GET", "/v1/list/default", "small")))

    assert (fine["status"], fine["body"]) == (200, "fine")
    assert fine["headers"]["x-request-id"] == "fine"
    assert fine["headers"]["x-hx-cus"] == "0.1"
    assert fine["headers"]["x-ratelimit-limit"] == "1000"
    assert (gone["status"], gone["body"]) == (200, "fine")

    assert no_key["status"] == 401
    told = json.loads(no_key["body"])
    assert told["detail"] == "Missing API key"
    assert no_key["headers"]["x-request-id"] == told["request_id"]
    assert no_key["headers"]["www-authenticate"] == "Bearer"

    assert wrong["status"] == 403
    assert json.loads(wrong["body"])["error"] == "forbidden"
    assert method["status"] == 405
    assert method["headers"]["allow"] == "POST"

    assert first["status"] == 200
    assert limited["status"] == 429
    assert json.loads(limited["body"])["error"] == "rate_limited"
    assert 1 <= int(limited["headers"]["retry-after"]) <= 61
    assert limited["headers"]["x-ratelimit-remaining"] == "0"

    records = world.records(limited["headers"]["x-request-id"])
    asked = [r for r in records if r["outcome"] == "preflight"]
    assert {(r["path"], r["status"], r["tenant_id"], r["cus"])
            for r in asked} == {
                (path, 204, None, 0) for path in (
                    "/v1/list/default", "/v1/delete/default/k",
                    "/v1/list/other", "/v1/put")}
    assert until(lambda: len(world.upstream.seen()) >= 3, 10,
                 "the upstream's log")
    assert world.upstream.ids == {"fine", "gone",
                                  first["headers"]["x-request-id"]}


def test_a_foreign_page_reads_nothing(world):
    foreign, ours = world.visit(
        (world.foreign,
         world.call("GET", "/v1/list/default", "acme", X_Request_Id="foreign"),
         world.call("DELETE", "/v1/delete/default/k", "acme"),
         world.call("GET", "/v1/list/default"),
         world.call("GET", "/v1/put", "acme")),
        (world.ours,
         world.call("GET", "/v1/list/default", "acme", X_Request_Id="ours")))

    assert [a.get("error") for a in foreign] == \
        ["TypeError: Failed to fetch"] * 4
    assert ours[0]["status"] == 200

    # only the one that needs no preflight has been asked at all
    records = world.records("ours")
    assert [(r["outcome"], r["status"]) for r in records
            if r["path"] != "/v1/list/default"
            and r["outcome"] != "admin"] == [("preflight", 204)] * 2
    assert [r["outcome"] for r in records if r["path"] == "/v1/list/default"] \
        == ["preflight", "missing_key", "preflight", "allowed"]
    assert until(world.upstream.seen, 10, "the upstream's log") == {"ours"}


def test_a_header_nobody_expects_is_not_sent(world):
    ((answer, simple),) = world.visit((
        world.ours,
        world.call("GET", "/v1/list/default", "acme", X_HX_Namespace="other"),
        world.call("GET", "/v1/list/default", "acme", X_Request_Id="simple")))
    assert answer == {"error": "TypeError: Failed to fetch"}
    assert simple["status"] == 200
    assert until(world.upstream.seen, 10, "the upstream's log") == {"simple"}
