"""Every operation of the contract through the gate: what it answers, what it
costs, and that a foreign namespace stays closed whatever the operation."""

import base64
import io

import numpy as np
import pytest
from conftest import error_of


def b64(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def post(gate, path, who=None, **body):
    return gate.call("POST", "/v1/" + path, key=who, json=body)


def smooth(shift):
    x = np.linspace(0, 1, 4096)
    return np.sin(7 * x + shift) + np.exp(-x)


def cores(shift):
    a, b = np.sin(shift + np.arange(4.0)), np.cos(np.arange(4.0))
    return [{"shape": [1, 2, 2], "data_b64": b64(a)},
            {"shape": [2, 2, 1], "data_b64": b64(b)}]


@pytest.fixture(scope="module")
def filled(gate):
    """A tenant with a namespace of its own and something in it."""
    tenant = gate.onboard("ops")
    key = tenant["api_key"]
    for i in range(5):
        r = post(gate, "put", key, namespace="ops", key=f"s{i}",
                 data_b64=b64(smooth(i / 10)),
                 metadata={"i": i, "kind": "even" if i % 2 == 0 else "odd"})
        assert r.status_code == 200, r.text
        assert r.headers["X-HX-CUs"] == "1.0"
        assert r.json()["verdict"] == "exact"
    return key


def test_a_train_goes_in_and_comes_back(gate, filled):
    r = gate.call("GET", "/v1/get/ops/s1", key=filled).json()
    assert r["compressed"] is True and r["compression_ratio"] > 5
    assert r["ranks"][0] == r["ranks"][-1] == 1 and r["rel_error"] < 1e-12
    r = gate.call("POST", "/v1/serve", key=filled,
                  headers={"Accept": "application/octet-stream"},
                  json={"namespace": "ops", "key": "s1", "format": "npy"})
    assert r.headers["X-HX-CUs"] == "0.5"
    back = np.load(io.BytesIO(r.content))
    want = smooth(0.1)
    assert np.linalg.norm(back - want) < 1e-12 * np.linalg.norm(want)


def test_cores_and_batches(gate, filled):
    r = post(gate, "put_cores", filled, namespace="ops", key="c",
             cores=cores(1))
    assert r.status_code == 200 and r.headers["X-HX-CUs"] == "1.0"
    items = [{"key": f"b{i}", "cores": cores(i)} for i in range(20)]
    r = post(gate, "put_cores_batch", filled, items=items, namespace="ops")
    assert r.status_code == 200 and r.headers["X-HX-CUs"] == "2.0"
    assert r.json()["count"] == 20
    items[7]["cores"][1]["shape"] = [3, 2, 1]
    r = post(gate, "put_cores_batch", filled, items=items, namespace="ops")
    assert error_of(r, 400, "invalid_request").startswith("Item 7, core 1: ")
    assert r.headers.get("X-HX-CUs", "0.0") == "0.0"


def test_queries(gate, filled):
    a, b = smooth(0.0), smooth(0.2)
    r = post(gate, "query/similarity", filled, namespace="ops", key_a="s0",
             key_b="s2")
    assert r.headers["X-HX-CUs"] == "1.0"
    want = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert r.json()["score"] == pytest.approx(want, abs=1e-12)

    r = post(gate, "query/topk", filled, namespace="ops", query_key="s0", k=3,
             metric="euclidean")
    assert r.headers["X-HX-CUs"] == "1.0"
    assert [x[0] for x in r.json()["results"]] == ["s1", "s2", "s3"]
    assert r.json()["n_candidates"] == 4

    r = post(gate, "query/vector", filled, namespace="ops", k=2,
             data_b64=b64(b), filters={"kind": "even"})
    assert r.json()["query_key"] is None
    assert [x[0] for x in r.json()["results"]][0] == "s2"

    r = post(gate, "search", filled, namespace="ops",
             filters={"i": {"$gte": 1, "$lt": 4}, "kind": "odd"})
    assert r.headers["X-HX-CUs"] == "0.5"
    assert r.json()["keys"] == ["s1", "s3"]


@pytest.mark.parametrize("path,body", [
    ("put", {"key": "x", "data_b64": "AAAA"}),
    ("put_cores", {"key": "x", "cores": cores(1)}),
    ("put_cores_batch", {"items": [{"key": "x", "cores": cores(1)}]}),
    ("serve", {"key": "s1"}), ("search", {"filters": {}}),
    ("query/similarity", {"key_a": "s1", "key_b": "s2"}),
    ("query/topk", {"query_key": "s1"}),
    ("query/vector", {"data_b64": b64(smooth(0))})])
def test_a_foreign_namespace_stays_closed(gate, filled, path, body):
    other = gate.onboard("elsewhere")["api_key"]
    for spelled in "ops", "default":
        r = post(gate, path, other, **body, namespace=spelled)
        error_of(r, 403, "forbidden")
    # one namespace for the gate, another for the engine: nobody takes that
    text = '{"namespace":"elsewhere","x":{"namespace":"ops"},"namespace":"ops"}'
    r = gate.call("POST", "/v1/" + path, key=other, data=text,
                  headers={"Content-Type": "application/json"})
    error_of(r, 400, "invalid_request")
