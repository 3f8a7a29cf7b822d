"""Who is let in, and what the others are told."""

import pytest
from conftest import error_of


def test_no_key(gate):
    answer = gate.call("GET", f"/v1/list/{gate.namespace}", key="")
    assert error_of(answer, 401, "unauthorized") == "Missing API key"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_wrong_key(gate):
    last = "a" if gate.key[-1] != "a" else "b"
    for key in (gate.key[:-1] + last, "x" * 57, gate.key[:-1], gate.key + "0"):
        answer = gate.call("GET", f"/v1/list/{gate.namespace}", key=key)
        assert error_of(answer, 401, "unauthorized") == "Invalid API key"


def test_bearer_is_as_good(gate):
    answer = gate.call("GET", f"/v1/list/{gate.namespace}", key="",
                       headers={"Authorization": f"Bearer {gate.key}"})
    assert answer.status_code == 200


def test_api_key_header_wins_and_there_is_no_fallback(gate):
    answer = gate.call("GET", f"/v1/list/{gate.namespace}", key="x" * 57,
                       headers={"Authorization": f"Bearer {gate.key}"})
    assert error_of(answer, 401, "unauthorized") == "Invalid API key"


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/v1/list/staging", None),
    ("GET", "/v1/get/staging/k", None),
    ("DELETE", "/v1/delete/staging/k", None),
    ("POST", "/v1/put", {"key": "k", "namespace": "staging",
                         "data_b64": "AAAAAAAA8D8="}),
    ("POST", "/v1/serve", {"key": "k", "namespace": "staging"}),
    ("POST", "/v1/serve", {"key": "k"}),
])
def test_foreign_namespace(gate, method, path, body):
    name = "staging" if body is None or "namespace" in body else "default"
    answer = gate.call(method, path, json=body)
    detail = error_of(answer, 403, "forbidden")
    assert detail == (f"Namespace '{name}' not permitted for tenant "
                      f"'{gate.tenant}'")


def test_rotation_kills_the_old_key_at_once(gate):
    created = gate.onboard("alpha")
    path = "/v1/list/alpha"
    assert gate.call("GET", path, key=created["api_key"]).ok
    rotated = gate.admin("POST", "/gate/onboard/rotate-key",
                         json={"tenant_id": created["tenant_id"]})
    assert rotated.status_code == 200
    for _ in range(16):     # new connections: both workers
        old = gate.call("GET", path, key=created["api_key"],
                        headers={"Connection": "close"})
        assert error_of(old, 401, "unauthorized") == "Invalid API key"
        assert gate.call("GET", path, key=rotated.json()["api_key"],
                         headers={"Connection": "close"}).ok


@pytest.mark.parametrize("name", ["X-HX-Namespace", "x-hx-namespace",
                                  "X_HX_Namespace"])
def test_spoofed_headers_change_nothing(gate, name):
    spoof = {name: "staging", "X-HX-Tenant": "somebody",
             "Authorization": "Bearer " + "x" * 40}
    answer = gate.call("GET", f"/v1/list/{gate.namespace}", headers=spoof)
    assert answer.status_code == 200
    assert answer.json()["namespace"] == gate.namespace


def test_duplicate_namespace_in_any_spelling(gate):
    for second in ("namespace", "n\\u0061mespace"):
        body = (f'{{"key":"k","namespace":"{gate.namespace}","data_b64":'
                f'"AAAAAAAA8D8=","{second}":"{gate.namespace}"}}')
        answer = gate.call("POST", "/v1/put", data=body,
                           headers={"Content-Type": "application/json"})
        detail = error_of(answer, 400, "invalid_request")
        assert detail == "Duplicate field 'namespace'"


def test_what_is_not_named_does_not_exist(gate):
    answer = gate.call("GET", "/nothing/here")
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"
    assert answer.json()["request_id"]


def test_health_and_ready_need_no_key(gate):
    assert gate.call("GET", "/health", key="").status_code == 200
    assert gate.call("GET", "/ready", key="").status_code == 200
