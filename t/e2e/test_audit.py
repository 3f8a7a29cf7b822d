"""One line for every request, also for refused ones."""

import json
import re

from conftest import error_of

MEMBERS = ["ts", "tenant_id", "method", "path", "namespace", "status", "cus",
           "latency_ms", "request_id"]


def line_of(gate, request_id):
    text = gate.audit_line(request_id)
    assert text.endswith("}\n")
    pairs = json.loads(text, object_pairs_hook=list)
    assert [name for name, _ in pairs] == MEMBERS
    return dict(pairs)


def test_members_in_their_order(gate):
    request_id = gate.unique("audit")
    answer = gate.call("GET", f"/v1/list/{gate.namespace}",
                       params={"prefix": "secret"},
                       headers={"X-Request-Id": request_id})
    assert answer.headers["X-Request-Id"] == request_id
    line = line_of(gate, request_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
    assert line["tenant_id"] == gate.tenant
    assert line["method"] == "GET"
    assert line["path"] == f"/v1/list/{gate.namespace}"
    assert line["namespace"] == gate.namespace
    assert line["status"] == 200
    assert line["cus"] == 0.1
    assert line["latency_ms"] >= 0


def test_namespace_of_a_body(gate):
    request_id = gate.unique("audit")
    gate.call("POST", "/v1/serve", headers={"X-Request-Id": request_id},
              json={"key": "missing", "namespace": gate.namespace})
    line = line_of(gate, request_id)
    assert (line["namespace"], line["status"]) == (gate.namespace, 404)
    assert line["cus"] == 0


def test_refused_requests_too(gate):
    request_id = gate.unique("audit")
    answer = gate.call("GET", f"/v1/list/{gate.namespace}", key="x" * 57,
                       headers={"X-Request-Id": request_id})
    error_of(answer, 401, "unauthorized")
    line = line_of(gate, request_id)
    assert line["tenant_id"] is None
    assert line["status"] == 401


def test_admin_calls_too(gate):
    request_id = gate.unique("audit")
    gate.session.get(gate.url + "/gate/admin/tenants", timeout=30, headers={
        "Authorization": f"Bearer {gate.service_key}",
        "X-Request-Id": request_id})
    line = line_of(gate, request_id)
    assert (line["path"], line["status"]) == ("/gate/admin/tenants", 200)


def test_generated_request_id(gate):
    answer = gate.call("GET", "/v1/list/staging",
                       headers={"X-Request-Id": "not valid!"})
    request_id = answer.headers["X-Request-Id"]
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        request_id)
    assert line_of(gate, request_id)["status"] == 403


def test_no_secret_in_any_log(gate):
    created = gate.onboard("alpha")
    request_id = gate.unique("audit")
    gate.call("GET", "/v1/list/alpha", key=created["api_key"],
              headers={"X-Request-Id": request_id})
    gate.audit_line(request_id)
    for log in (gate.state / "logs").iterdir():
        text = log.read_text(errors="replace")
        assert created["api_key"] not in text, log
        assert gate.key not in text, log
        assert gate.service_key not in text, log
