"""Memory of the index: bounded while copies are made, and back when the arrays
are gone."""

import base64

import numpy as np
import pytest
from conftest import SANITIZED, b64, wait_for

MB = 1 << 20


def gauges(engine):
    r = engine.request("GET", "/metrics")
    lines = (x.rsplit(" ", 1) for x in r.text.splitlines() if x[0] != "#")
    return {name: float(value) for name, value in lines}


def peak(engine):
    """VmHWM in bytes."""
    with open(f"/proc/{engine.process.pid}/status") as f:
        fields = dict(line.split(":", 1) for line in f)
    return int(fields["VmHWM"].split()[0]) * 1024


def padded(i, d=24):
    """A train whose padding is too large for its cores to be compared: the
    index wants a byte of each of the 2^(d-1) + 1 elements."""
    cores = [np.ones(2) for _ in range(d)]
    cores[i % d][1] = -1
    return {"key": f"k{i}", "dtype": "i1", "length": (1 << d - 1) + 1,
            "cores": [{"shape": [1, 2, 1], "data_b64": b64(c.tobytes())}
                      for c in cores]}


def put_many(engine, n):
    r = engine.request("POST", "/v1/put_cores_batch",
                       json={"items": [padded(i) for i in range(n)]})
    assert r.status_code == 200, r.text
    # the answer comes before the memory is given back
    wait_for(lambda: gauges(engine)["hx_engine_inflight_bytes"] == 0,
             "the in-flight bytes")
    g = gauges(engine)
    assert g["hx_engine_index_rows"] == n
    assert g["hx_engine_index_bytes"] <= g["hx_engine_index_limit_bytes"]
    return g


LIMITS = {"HOLONOMIX_MAX_UPLOAD_BYTES": 32 * MB,
          "HOLONOMIX_INFLIGHT_BYTES": 128 * MB}


def test_a_batch_makes_no_more_copies_than_the_index_has_room_for(make_engine):
    e = make_engine(HOLONOMIX_INDEX_BYTES=16 * MB, **LIMITS).start()
    g = put_many(e, 28)
    assert g["hx_engine_index_bare_rows"] == 27
    assert peak(e) < (100 + 400 * SANITIZED) * MB

    r = e.request("POST", "/v1/query/topk", json={
        "query_key": "k3", "k": 3, "metric": "cosine"}).json()
    assert r["n_candidates"] == 27


def test_nor_than_the_in_flight_bytes(make_engine):
    e = make_engine(HOLONOMIX_INDEX_BYTES=1024 * MB, **LIMITS).start()
    g = put_many(e, 28)
    copies = 28 - g["hx_engine_index_bare_rows"]
    assert 8 <= copies <= 16
    # in flight, and the work on one payload
    assert peak(e) < (128 + 1.2 * 32 + 14 + 400 * SANITIZED) * MB
    # the next write has room
    assert e.put("small", np.arange(8.0).tobytes()).status_code == 200


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot"])
def test_trains_without_room_are_compared_exactly(make_engine, metric):
    """Of those the index has the norm that was measured at their put."""
    e = make_engine(HOLONOMIX_INDEX_BYTES=1000).start()
    rng = np.random.default_rng(5)
    items, ranks = [], [1, *[3] * 11, 1]
    for i in range(30):
        cores = [rng.standard_normal((a, 2, b)) * 2
                 for a, b in zip(ranks, ranks[1:])]
        items.append({"key": f"k{i}", "length": 2100,
                      "dtype": ["f8", "f4", "i2"][i % 3], "cores": [
                          {"shape": list(c.shape), "data_b64": b64(c.tobytes())}
                          for c in cores]})
    r = e.request("POST", "/v1/put_cores_batch", json={"items": items})
    assert r.status_code == 200, r.text
    assert gauges(e)["hx_engine_index_bare_rows"] == 30

    x = {}
    for item in items:
        r = e.serve(item["key"]).json()
        raw = base64.b64decode(r["data_b64"])
        x[item["key"]] = np.frombuffer(raw, r["dtype"]).astype("f8")
    y = x.pop("k4")
    norm = np.linalg.norm
    score = {"dot": lambda a: a @ y, "euclidean": lambda a: norm(a - y),
             "cosine": lambda a: a @ y / norm(a) / norm(y)}[metric]
    want = sorted(((score(a), key) for key, a in x.items()),
                  reverse=metric != "euclidean")[:10]
    r = e.request("POST", "/v1/query/topk", json={
        "query_key": "k4", "k": 10, "metric": metric}).json()
    assert [key for key, _ in r["results"]] == [key for _, key in want]
    assert np.allclose([s for _, s in r["results"]],
                       [s for s, _ in want], rtol=1e-9, atol=1e-12)


def test_lengths_that_are_gone_leave_room_for_others(make_engine):
    """One key with another length each time, then none at all."""
    e = make_engine(HOLONOMIX_INDEX_BYTES=4 * MB).start()
    rng = np.random.default_rng(1)
    for n in range(200):
        x = rng.integers(-100, 100, 60000 + n).astype("i1")
        assert e.put("k", x.tobytes(), dtype="int8").status_code == 200
    g = gauges(e)
    assert g["hx_engine_index_bare_rows"] == 0
    assert 60000 < g["hx_engine_index_bytes"] < 200000
    assert e.delete("k").status_code == 200
    g = gauges(e)
    assert g["hx_engine_index_rows"] == g["hx_engine_index_bytes"] == 0

    # of another tenant
    for i in range(20):
        x = rng.standard_normal(5000)
        e.put(f"k{i}", x.tobytes(), namespace="other", dtype="float64")
    g = gauges(e)
    assert g["hx_engine_index_rows"] == 20
    assert g["hx_engine_index_bare_rows"] == 0
