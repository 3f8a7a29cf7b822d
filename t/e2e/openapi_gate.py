"""A gate with all that packaging/openapi documents switched on, and calls to it
that a document judges."""

import dataclasses
import hashlib
import hmac
import http.client
import json
import os
import secrets
import signal
import ssl
import time

from conftest import start, until

ORIGIN = "https://app.example"
HOOK = "/gate/stripe/webhook"
SECRET = "whsec_" + "s" * 32

EXTRA = """
    server_tokens off;
    hx_gate_rate_limit_fields on;
    hx_gate_cors https://app.example;
"""
NATIVE = """
    location = /gate/stripe/webhook {
        hx_gate_stripe_webhook secret=file:%s;
        client_max_body_size 1m;
        %s
    }
"""


@dataclasses.dataclass
class Call:
    method: str
    target: str
    headers: dict
    body: bytes


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


class Judged:
    """A running gate; whatever is called here is judged and remembered."""

    def __init__(self, gate, spec):
        self.gate = gate
        self.spec = spec
        self.problems = []
        self.tls = ssl.create_default_context(cafile=gate.ca)
        self.secret = gate.state / "etc" / "stripe.secret"
        self.secret.write_text(SECRET, encoding="ascii")
        self.server = gate.state / "conf" / "hx-gate" / "hx-gate-server.conf"
        self.proxy = self.server.with_name("snippets") / "hx-gate-proxy.conf"
        self.original = self.server.read_text(encoding="utf-8")
        main = gate.state / "conf" / "nginx.conf"
        main.write_text(main.read_text(encoding="utf-8").replace(
            "worker_processes 2;", "worker_processes 1;"), encoding="utf-8")
        self.configure()

    def configure(self, hook="", timeout="120s"):
        """The shipped configuration and what is optional in it."""
        text = self.original.replace("    server_tokens               off;",
                                     EXTRA)
        assert EXTRA in text
        at = text.rindex("    location / {")
        self.server.write_text(
            text[:at] + NATIVE % (self.secret, hook) + text[at:],
            encoding="utf-8")
        proxy = self.proxy.read_text(encoding="utf-8")
        lines = [f"proxy_read_timeout {timeout};" if
                 line.startswith("proxy_read_timeout") else line
                 for line in proxy.splitlines()]
        self.proxy.write_text("\n".join(lines) + "\n", encoding="utf-8")
        old = set(self.gate.workers())
        os.kill(self.gate.pid("nginx"), signal.SIGHUP)
        until(lambda: self.gate.workers()
              and not old & set(self.gate.workers()), 30, "reload")

    def call(self, method, target, body=b"", expect=None, key=None, port=None,
             source=None, **headers):
        """key: the header's value, None for none; names of headers are
        spelled with underscores."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("content_type", "application/json")
        headers = {name.replace("_", "-").lower(): value
                   for name, value in headers.items()}
        if key is not None:
            headers.setdefault("x-api-key", key)
        headers.setdefault("origin", ORIGIN)
        if body or method == "POST":
            headers.setdefault("content-length", str(len(body)))
        where = {"timeout": 60, "source_address": source and (source, 0)}
        if port is None:
            line = http.client.HTTPSConnection(
                "127.0.0.1", self.gate.gate_port, context=self.tls, **where)
        else:
            line = http.client.HTTPConnection("127.0.0.1", port, **where)
        try:
            line.putrequest(method, target)
            for name, value in headers.items():
                line.putheader(name, value)
            line.endheaders(body)
            got = line.getresponse()
            answer = Answer(got.status, {name.lower(): value for name, value
                                         in got.getheaders()}, got.read())
        finally:
            line.close()
        self.problems += self.spec.judge(
            Call(method, target, headers, body), answer)
        if expect is not None and answer.status != expect:
            self.problems.append(
                f"{method} {target[:80]}: {answer.status} instead of {expect}:"
                f" {answer.body[:200]!r}")
        return answer

    def admin(self, method, target, body=b"", expect=None, **more):
        more.setdefault("authorization", f"Bearer {self.gate.service_key}")
        return self.call(method, target, body, expect, **more)

    def tenant(self, *namespaces, plan="enterprise", quota=None, rate=None):
        """The key of a new tenant that may do nearly everything."""
        made = self.gate.onboard(*namespaces)
        answer = self.gate.admin("POST", "/gate/onboard/update-tier", json={
            "tenant_id": made["tenant_id"], "plan": plan,
            "monthly_quota": quota,
            "rate_limit": rate or {"requests": 100000, "window_s": 60}})
        assert answer.status_code == 200, answer.text
        return made["tenant_id"], made["api_key"]

    def event(self, kind="charge.succeeded", secret=SECRET, name=None, **more):
        """A webhook, signed."""
        body = json.dumps({
            "id": name or "evt_" + secrets.token_hex(12), "object": "event",
            "type": kind, "created": int(time.time()),
            "data": {"object": {"id": "ch_1", **more}}}).encode()
        return body, self.signature(body, secret)

    @staticmethod
    def signature(body, secret=SECRET):
        now = int(time.time())
        mac = hmac.new(secret.encode(), f"{now}.".encode() + body,
                       hashlib.sha256).hexdigest()
        return f"t={now},v1={mac}"

    def without_registry(self):
        """The registry is moved away; a function that brings it back."""
        here = self.gate.state / "registry"
        away = here.with_name("registry.away")
        here.rename(away)

        def back():
            away.rename(here)
            self.until_ready(200)
        self.until_ready(503)
        return back

    def until_ready(self, status):
        """The one worker there is says so."""
        until(lambda: self.call("GET", "/ready").status == status, 30,
              f"/ready is {status}")

    def verdict(self):
        assert not self.problems, "\n".join(self.problems[:40])
        assert not self.spec.unseen(), "\n".join(self.spec.unseen())


def opened(state):
    """A gate for this: quotas count, precision may be lost somewhere, and the
    store is soon full."""
    return start(state, HX_GATE_BILLING_ENABLED="true",
                 HOLONOMIX_ALLOW_WEAK="domain:lossy",
                 HOLONOMIX_MAP_SIZE=str(16 << 20))
