"""The operator's side: tenants come, change and go through the admin plane."""

import re

from conftest import KEY_PATTERN, error_of


def test_create_answers_with_the_key_once(gate):
    created = gate.onboard("alpha", "beta", plan="starter")
    assert re.fullmatch(KEY_PATTERN, created["api_key"])
    assert created["plan"] == "starter"
    assert created["namespaces"] == ["alpha", "beta"]
    assert created["monthly_quota"] == 1000
    assert created["rate_limit"] == {"requests": 10, "window_s": 60}

    listed = gate.admin("GET", f"/gate/admin/tenants/{created['tenant_id']}")
    assert listed.status_code == 200
    assert created["api_key"] not in listed.text


def test_default_namespace(gate):
    assert gate.onboard()["namespaces"] == ["default"]


def test_create_twice_is_a_conflict(gate):
    created = gate.onboard()
    again = gate.admin("POST", "/gate/onboard/create",
                       json={"tenant_id": created["tenant_id"]})
    detail = error_of(again, 409, "conflict")
    assert detail == f"Tenant '{created['tenant_id']}' already exists"


def test_add_namespace_is_in_force_at_once(gate):
    created = gate.onboard("alpha")
    path = "/v1/list/beta"
    assert gate.call("GET", path, key=created["api_key"]).status_code == 403
    added = gate.admin("POST", "/gate/onboard/add-namespace",
                       json={"tenant_id": created["tenant_id"],
                             "namespace": "beta"})
    assert added.status_code == 200
    assert added.json()["namespaces"] == ["alpha", "beta"]
    for _ in range(8):      # both workers
        assert gate.call("GET", path, key=created["api_key"],
                         headers={"Connection": "close"}).status_code == 200


def test_suspended_and_active_again(gate):
    created = gate.onboard("alpha")
    who = {"tenant_id": created["tenant_id"]}
    assert gate.admin("POST", "/gate/onboard/suspend", json=who).ok
    refused = gate.call("GET", "/v1/list/alpha", key=created["api_key"])
    detail = error_of(refused, 403, "forbidden")
    assert detail == f"Tenant '{created['tenant_id']}' is suspended"
    assert gate.admin("POST", "/gate/onboard/activate", json=who).ok
    assert gate.call("GET", "/v1/list/alpha", key=created["api_key"]).ok


def test_keys_do_not_cross_the_planes(gate):
    wrong = gate.admin("GET", "/gate/admin/tenants", key=gate.key)
    assert error_of(wrong, 401, "unauthorized") == "Invalid service key"
    wrong = gate.call("GET", f"/v1/list/{gate.namespace}", key=gate.service_key)
    assert error_of(wrong, 401, "unauthorized") == "Invalid API key"


def test_tenants_are_listed_without_keys(gate):
    created = gate.onboard()
    answer = gate.admin("GET", "/gate/admin/tenants")
    assert answer.status_code == 200
    ids = [t["tenant_id"] for t in answer.json()["tenants"]]
    assert created["tenant_id"] in ids
    assert "hx_live_" not in answer.text
