"""filters of topk and vector: candidates are the arrays whose metadata match,
found by the index over metadata when there are many, record by record when
there are few."""

import json

import numpy
import pytest

import filter_model
import query_model as model
from conftest import b64


def put(engine, key, a, metadata, ns="default"):
    body = '{"key":%s,"namespace":"%s","data_b64":"%s","metadata":%s}' % (
        json.dumps(key), ns, b64(model.npy(a)), metadata)
    r = engine.request("POST", "/v1/put", data=body)
    assert r.status_code == 200, r.text


def topk(engine, key, filters, metric="cosine", **fields):
    body = json.dumps({"query_key": key, "metric": metric, **fields})
    return engine.request("POST", "/v1/query/topk", data='%s,"filters":%s}' % (
        body[:-1], filters))


@pytest.fixture
def rng():
    return numpy.random.default_rng(5)


@pytest.mark.parametrize("count", [60, 900])
def test_simple_filters(engine, rng, count):
    arrays, data = {}, {}
    for i in range(count):
        key = f"k{i:04}"
        arrays[key] = rng.standard_normal(24 + (i % 10 == 9))
        data[key] = {"kind": "abc"[i % 3], "size": i, "tags": [i % 7, "x"]}
        put(engine, key, arrays[key], json.dumps(data[key]))
    for filters, holds in (
            ({"kind": "a"}, lambda m: m["kind"] == "a"),
            ({"size": {"$gte": 10, "$lt": 40}}, lambda m: 10 <= m["size"] < 40),
            ({"size": 17}, lambda m: m["size"] == 17),
            ({"kind": "b", "tags": 3},
             lambda m: m["kind"] == "b" and 3 in m["tags"]),
            ({"kind": {"$ne": "a"}}, lambda m: m["kind"] != "a"),
            ({"kind": {"$in": ["c", "no"]}}, lambda m: m["kind"] == "c"),
            ({"nothing": 1}, lambda m: False),
            ({"nothing": {"$exists": False}}, lambda m: True),
            ({}, lambda m: True)):
        wanted = {key for key, m in data.items() if holds(m)}
        for metric in ("cosine", "euclidean", "dot"):
            r = topk(engine, "k0000", json.dumps(filters), metric, k=12)
            assert r.status_code == 200, r.text
            model.check(r.json(), arrays, arrays["k0000"], metric, 12,
                        skip="k0000", wanted=wanted)
    r = model.vector(engine, arrays["k0003"].tobytes(), "dot", k=3,
                     filters={"kind": "a"})
    model.check(r.json(), arrays, arrays["k0003"], "dot", 3,
                wanted={key for key, m in data.items() if m["kind"] == "a"})


def test_filters_see_the_latest_version(engine, rng):
    arrays = {}
    for i in range(700):
        arrays[f"k{i}"] = rng.standard_normal(5)
        put(engine, f"k{i}", arrays[f"k{i}"], '{"v":1}')
    wanted = set(arrays)
    for i in range(0, 700, 5):
        arrays[f"k{i}"] = rng.standard_normal(5)
        put(engine, f"k{i}", arrays[f"k{i}"], '{"v":2}')
        wanted.discard(f"k{i}")
    for i in range(3, 700, 50):
        engine.delete(f"k{i}")
        del arrays[f"k{i}"]
    for v, keys in ((1, wanted), (2, set(arrays) - wanted)):
        r = topk(engine, "k1", '{"v":%d}' % v, "euclidean", k=20)
        model.check(r.json(), arrays, arrays["k1"], "euclidean", 20, skip="k1",
                    wanted=keys)


def test_random_filters(engine, rng):
    """Against the model of the grammar."""
    r = filter_model.generator(31)
    arrays, documents = {}, {}
    for i in range(600):
        key = f"k{i}"
        arrays[key] = rng.standard_normal(6)
        documents[key] = filter_model.document(r)
        put(engine, key, arrays[key], filter_model.text(documents[key]))
    for _ in range(150):
        filters = filter_model.query(r)
        wanted = {key for key, d in documents.items()
                  if filter_model.matches(d, filters)}
        answer = topk(engine, "k7", filter_model.text(filters), "dot", k=5)
        assert answer.status_code == 200, answer.text
        model.check(answer.json(), arrays, arrays["k7"], "dot", 5, skip="k7",
                    wanted=wanted)


def test_filters_and_trains(engine, rng):
    n = 65536
    x = numpy.arange(n) / n
    arrays, wanted = {}, set()
    for i in range(40):
        key = f"k{i}"
        arrays[key] = numpy.sin(6 * x + i) if i % 4 else \
            rng.standard_normal(n).astype("f4")
        put(engine, key, arrays[key], '{"odd":%s}' % ("true" if i % 2
                                                      else "false"))
        if i % 2:
            wanted.add(key)
    for key in ("k1", "k4"):
        r = topk(engine, key, '{"odd":true}', k=6)
        model.check(r.json(), arrays, arrays[key], "cosine", 6, skip=key,
                    wanted=wanted)
