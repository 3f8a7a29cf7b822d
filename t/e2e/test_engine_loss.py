"""The engine goes away, and comes back."""

import base64

from conftest import error_of


def put(gate, key, data):
    return gate.call("POST", "/v1/put", json={
        "key": key, "namespace": gate.namespace,
        "data_b64": base64.b64encode(data).decode()})


def test_engine_down_is_never_401_or_403(own_gate):
    own_gate.kill_engine()
    answer = own_gate.call("GET", f"/v1/list/{own_gate.namespace}")
    error_of(answer, 502, "engine_unreachable")
    assert answer.headers["X-HX-CUs"] == "0.0"

    answer = own_gate.call("GET", f"/v1/list/{own_gate.namespace}", key="x" * 57)
    error_of(answer, 401, "unauthorized")

    own_gate.start_engine()
    assert own_gate.call("GET", f"/v1/list/{own_gate.namespace}").ok


def test_acknowledged_puts_survive_kill_9(own_gate):
    acknowledged = {}
    for i in range(40):
        key, data = f"k{i}", b"value %d" % i
        assert put(own_gate, key, data).status_code == 200
        acknowledged[key] = data
    own_gate.kill_engine()
    own_gate.start_engine()
    for key, data in acknowledged.items():
        answer = own_gate.call("POST", "/v1/serve", json={
            "key": key, "namespace": own_gate.namespace})
        assert answer.status_code == 200, answer.text
        assert base64.b64decode(answer.json()["data_b64"]) == data
