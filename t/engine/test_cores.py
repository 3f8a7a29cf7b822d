"""put_cores and put_cores_batch: trains that the client has made, every check
of them, and all or nothing for a batch."""

import base64
import hashlib
import itertools

import numpy as np
import pytest
from conftest import b64, error


def random_cores(ranks, seed=0):
    rng = np.random.default_rng(seed)
    ranks = [1, *ranks, 1]
    return [rng.standard_normal((a, 2, b)) for a, b in zip(ranks, ranks[1:])]


def dense(cores):
    full = np.ones((1, 1))
    for core in cores:
        full = np.tensordot(full, core, 1).reshape(-1, core.shape[2])
    return full.ravel()


def form(cores):
    return [{"shape": list(c.shape), "data_b64": b64(c.tobytes())}
            for c in cores]


def post(engine, operation, **body):
    headers = body.pop("headers", {})
    return engine.request("POST", "/v1/" + operation, json=body,
                          headers=headers)


def put_cores(engine, key, cores, **fields):
    return post(engine, "put_cores", key=key, cores=form(cores), **fields)


def served(engine, key, **fields):
    r = engine.serve(key, **fields).json()
    raw = base64.b64decode(r["data_b64"], validate=True)
    return np.frombuffer(raw, r["dtype"]).reshape(r["shape"])


def same(a, b):
    return np.linalg.norm(a - b) <= 1e-13 * np.linalg.norm(b)


def test_cores_are_kept_and_served(engine):
    cores = random_cores([2, 3, 4, 2])
    r = put_cores(engine, "k", cores, metadata={"a": 1}, domain="d")
    assert r.status_code == 200
    assert r.headers["ETag"] == '"1"'
    r = r.json()
    stored = sum(c.nbytes for c in cores)
    assert r == {
        "key": "k", "namespace": "default", "version": 1, "compressed": True,
        "verdict": "exact", "compression_ratio": 256 / stored,
        "original_bytes": 256, "stored_core_bytes": stored, "n_cores": 5,
        "rel_error": 0.0, "encoding": "tt", "dtype": "float64", "shape": [32],
        "fortran_order": False}
    assert same(served(engine, "k"), dense(cores))
    got = engine.get("k").json()
    assert got["ranks"] == [1, 2, 3, 4, 2, 1]
    assert got["metadata"] == {"a": 1} and got["domain"] == "d"
    assert got["sha256"] == hashlib.sha256(
        b"".join(c.tobytes() for c in cores)).hexdigest()


@pytest.mark.parametrize("fields,shape,dtype", [
    ({"length": 100}, (100,), "f8"), ({"shape": [9, 13]}, (9, 13), "f8"),
    ({"shape": [2, 64], "length": 128}, (2, 64), "f8"),
    ({"dtype": "float32"}, (128,), "f4"), ({"dtype": "<i2"}, (128,), "i2"),
    ({"dtype": "u1", "length": 65}, (65,), "u1")])
def test_what_the_cores_stand_for(engine, fields, shape, dtype):
    cores = random_cores([2] * 6, 3)
    cores[0] *= 20
    r = put_cores(engine, "k", cores, **fields).json()
    assert r["shape"] == list(shape)
    want = dense(cores)[:np.prod(shape)].reshape(shape)
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        want = np.clip(np.rint(want), info.min, info.max)
    back = served(engine, "k")
    assert back.dtype == dtype
    assert np.abs(back - want.astype(dtype)).max() <= 1e-6 * abs(want).max()


def test_versions_and_conditions(engine):
    cores = random_cores([2, 2])
    assert put_cores(engine, "k", cores).json()["version"] == 1
    assert put_cores(engine, "k", cores, expected_version=1).json()[
        "version"] == 2
    error(put_cores(engine, "k", cores, expected_version=1), 409, "conflict",
          "Version conflict for key 'k': expected 1, current 2")
    error(put_cores(engine, "k", cores, headers={"If-None-Match": "*"}), 409,
          "conflict")
    error(post(engine, "put_cores", cores=form(cores)), 400,
          "invalid_request", "Missing required field 'key'")


def test_one_core_and_forty(engine):
    put_cores(engine, "one", [np.array([[[1.5], [2.5]]])])
    assert served(engine, "one").tolist() == [1.5, 2.5]
    put_cores(engine, "one", [np.array([[[1.5], [2.5]]])], length=1)
    assert served(engine, "one").tolist() == [1.5]
    many = [np.ones((1, 2, 1))] * 41
    error(put_cores(engine, "k", many), 400, "invalid_request",
          "Field 'cores' has more than 40 elements")
    # 2^40 values are more than anybody could upload
    error(put_cores(engine, "k", many[:40]), 413, "too_large",
          "Array of 8796093022208 bytes exceeds maximum upload size of "
          "104857600 bytes")
    assert put_cores(engine, "k", many[:23]).status_code == 200
    assert served(engine, "k").sum() == 1 << 23


def test_ranks_that_no_array_of_that_size_needs(engine):
    """A few more than needed are fine; memory for the others is bounded."""
    cores = random_cores([5, 5], 1)
    assert put_cores(engine, "k", cores).status_code == 200
    assert same(served(engine, "k"), dense(cores))
    error(put_cores(engine, "k", random_cores([6000], 2)), 413, "too_large",
          "Ranks of 'cores' are too large for an array of 32 bytes")


def core(shape, data):
    return {"shape": shape, "data_b64": b64(np.asarray(data, "f8").tobytes())}


GOOD = core([1, 2, 2], range(4)), core([2, 2, 1], range(4))
BAD = [
    ([], "Missing required field 'cores'"),
    ([core([1, 2, 2], range(4))], "Field 'cores' must end with rank 1, not 2"),
    ([GOOD[1]], "Core 0: Field 'shape' must begin with rank 1, not 2"),
    ([GOOD[0], core([3, 2, 1], range(6))],
     "Core 1: Field 'shape' must begin with rank 2, not 3"),
    ([core([1, 3, 1], range(3))], "Core 0: Field 'shape' must be [r, 2, s] "
                                  "with ranks from 1 to 65535"),
    ([core([1, 2], range(2))], "Core 0: Field 'shape' must be [r, 2, s] with "
                               "ranks from 1 to 65535"),
    ([core([1, 2, 0], [])], "Core 0: Field 'shape' must be [r, 2, s] with "
                            "ranks from 1 to 65535"),
    ([core([1, 2, 65536], [1])], "Core 0: Field 'shape' must be [r, 2, s] "
                                 "with ranks from 1 to 65535"),
    ([core([1, 2, 1, 1], range(2))],
     "Core 0: Field 'shape' must be an array of three whole numbers"),
    ([core([1, 2, 1.0], range(2))],
     "Core 0: Field 'shape' must be an array of three whole numbers"),
    ([core([1, 2, -1], range(2))],
     "Core 0: Field 'shape' must be an array of three whole numbers"),
    ([core([1, 2, [1]], range(2))],
     "Core 0: Field 'shape' must be an array of three whole numbers"),
    ([core("1,2,1", range(2))],
     "Core 0: Field 'shape' must be an array of three whole numbers"),
    ([core([1, 2, 1], range(3))],
     "Core 0: Length does not match 'shape' in 'data_b64'"),
    ([core([1, 2, 1], range(1))],
     "Core 0: Length does not match 'shape' in 'data_b64'"),
    ([{"shape": [1, 2, 1]}], "Core 0: Missing required field 'data_b64'"),
    ([{"data_b64": "AAAA"}], "Core 0: Missing required field 'shape'"),
    ([{"shape": [1, 2, 1], "data_b64": "AAA"}],
     "Core 0: Invalid base64 in 'data_b64'"),
    ([{"shape": [1, 2, 1], "data_b64": 5}],
     "Core 0: Field 'data_b64' must be a string"),
    ([[1, 2]], "Field 'cores' must be an array of objects"),
    ("x", "Field 'cores' must be an array of objects"),
    ({}, "Field 'cores' must be an array of objects"),
    ([core([1, 2, 1], [1, np.nan])], "Field 'cores' must hold finite numbers, "
     "and so must the array they stand for"),
    ([core([1, 2, 1], [np.inf, 0])], "Field 'cores' must hold finite numbers, "
     "and so must the array they stand for"),
    ([core([1, 2, 1], [1e200, 0]), core([1, 2, 1], [1e200, 0])],
     "Field 'cores' must hold finite numbers, and so must the array they "
     "stand for"),
]


@pytest.mark.parametrize("cores,detail", BAD, ids=range(len(BAD)))
def test_bad_cores(engine, cores, detail):
    error(post(engine, "put_cores", key="k", cores=cores), 400,
          "invalid_request", detail)
    # the same in a batch, with the index in front
    r = post(engine, "put_cores_batch", items=[
        {"key": "good", "cores": GOOD}, {"key": "bad", "cores": cores}])
    if detail.startswith("Core 0"):
        detail = "Item 1, core 0" + detail[6:]
    elif detail.startswith("Core 1"):
        detail = "Item 1, core 1" + detail[6:]
    else:
        detail = "Item 1: " + detail
    error(r, 400, "invalid_request", detail)
    assert engine.list().json()["keys"] == []


@pytest.mark.parametrize("text,detail", [
    ('{"key":"k","cores":[{"shape":[1,2,1],"shape":[1,2,1]}]}',
     "Core 0: Duplicate field 'shape'"),
    ('{"key":"k","cores":[{"data_b64":"AAAA","data_b64":""}]}',
     "Core 0: Duplicate field 'data_b64'"),
    ('{"key":"k","cores":[],"cores":[]}', "Duplicate field 'cores'"),
    ('{"items":[{"key":"a","key":"b"}]}', "Item 0: Duplicate field 'key'"),
    ('{"items":[],"items":[]}', "Duplicate field 'items'"),
    ('{"items":[{"key":"a","cores":[{"shape":[1,2,1]', "Invalid JSON body"),
    ('{"namespace":"a","items":[{}],"namespace":"b"}',
     "Duplicate field 'namespace'"),
    ('{"namespace":"a","items":[],"namespace":"b"}',
     "Duplicate field 'namespace'")])
def test_members_twice(engine, text, detail):
    operation = "put_cores_batch" if "items" in text else "put_cores"
    r = engine.request("POST", "/v1/" + operation, data=text)
    if detail == "Invalid JSON body":
        assert detail in error(r, 400, "invalid_request")
    elif operation == "put_cores_batch" and "[{}]" in text:
        # the item is wrong as well, but the body is read to its end first
        assert error(r, 400, "invalid_request") == detail
    else:
        error(r, 400, "invalid_request", detail)


@pytest.mark.parametrize("fields,detail", [
    ({"length": 2}, "Field 'length' must say from 3 to 4 elements for 2 "
                    "cores"),
    ({"length": 5}, "Field 'length' must say from 3 to 4 elements for 2 "
                    "cores"),
    ({"length": 0}, "Field 'length' must say from 3 to 4 elements for 2 "
                    "cores"),
    ({"shape": [5]}, "Field 'shape' must say from 3 to 4 elements for 2 "
                     "cores"),
    ({"shape": [2**40, 2**40]}, "Field 'shape' must say from 3 to 4 elements "
                                "for 2 cores"),
    ({"shape": [2, 2], "length": 3}, "Fields 'length' and 'shape' contradict "
                                     "each other"),
    ({"dtype": ">f8"}, "Unsupported dtype '>f8'"),
    ({"dtype": "object"}, "Unsupported dtype 'object'"),
    ({"domain": "a b"}, "Invalid domain 'a b'"),
    ({"metadata": []}, "Field 'metadata' must be an object"),
    ({"key": "a//b"}, "Invalid key"),
    ({"expected_version": -1},
     "Field 'expected_version' must be a whole number")])
def test_bad_members(engine, fields, detail):
    body = {"key": "k", "cores": GOOD, **fields}
    error(post(engine, "put_cores", **body), 400, "invalid_request", detail)
    r = post(engine, "put_cores_batch",
             items=[{"key": "a", "cores": GOOD}, {"key": "b", "cores": GOOD},
                    body])
    error(r, 400, "invalid_request", "Item 2: " + detail)
    assert engine.list().json()["keys"] == []


def test_a_batch(engine):
    trains = {f"k/{i}": random_cores([1 + i % 3] * (1 + i % 7), i)
              for i in range(256)}
    items = [{"metadata": {"i": i}, "cores": form(c), "key": k,
              "domain": "d%d" % (i % 2)}
             for i, (k, c) in enumerate(trains.items())]
    r = post(engine, "put_cores_batch", items=items, namespace="ns")
    assert r.status_code == 200, r.text
    r = r.json()
    assert r["namespace"] == "ns" and r["count"] == 256
    assert [x["key"] for x in r["results"]] == list(trains)
    for one in r["results"]:
        assert one["version"] == 1 and one["namespace"] == "ns"
        assert one["verdict"] == "exact" and one["compressed"] is True
    for i, (k, c) in itertools.islice(enumerate(trains.items()), 0, 256, 17):
        assert same(served(engine, k, namespace="ns"), dense(c))
        got = engine.get(k, "ns").json()
        assert got["metadata"] == {"i": i} and got["domain"] == f"d{i % 2}"


def rank_one(*values):
    return [np.full((1, 2, 1), float(x)) for x in values]


@pytest.mark.parametrize("fields", [{}, {"length": 15}, {"dtype": "float32"}])
def test_cores_of_something_infinite(engine, fields):
    """Though the squares of the first core vanish before that shows."""
    far = rank_one(1e-200, 1e200, 1e200, 1e200)
    beside = [np.stack([np.stack([a, b * 0]), np.stack([a * 0, b])])
              for a, b in zip(np.ones((4, 2)), np.ravel(far).reshape(4, 2))]
    beside = [np.moveaxis(c, 2, 1) for c in beside]
    beside = [beside[0].sum(0, keepdims=True), *beside[1:3],
              beside[3].sum(2, keepdims=True)]
    for cores in (far, beside):
        assert np.isinf(dense(cores)).all()
        error(put_cores(engine, "k", cores, **fields), 400, "invalid_request",
              "Field 'cores' must hold finite numbers, and so must the array "
              "they stand for")
    assert engine.get("k").status_code == 404


@pytest.mark.parametrize("values", [
    (1e-200, 1e100, 1e100, 1), (1e200, 1e-100, 1e-100, 1)])
def test_ones_of_cores_far_from_one(engine, values):
    assert put_cores(engine, "k", rank_one(*values)).status_code == 200
    assert same(served(engine, "k"), np.ones(16))
    engine.put("l", np.arange(16.0))
    r = engine.request("POST", "/v1/query/similarity", json={
        "key_a": "k", "key_b": "l", "metric": "cosine"}).json()
    assert r["score"] == pytest.approx(120 / 1240 ** 0.5 / 4)


def test_a_batch_is_all_or_nothing(engine):
    put_cores(engine, "old", random_cores([2]))
    items = [{"key": "new", "cores": GOOD, "expected_version": 0},
             {"key": "old", "cores": GOOD, "expected_version": 7}]
    error(post(engine, "put_cores_batch", items=items), 409, "conflict",
          "Item 1: Version conflict for key 'old': expected 7, current 1")
    assert engine.list().json()["keys"] == ["old"]
    assert engine.get("old").json()["version"] == 1
    items[1]["expected_version"] = 1
    r = post(engine, "put_cores_batch", items=items).json()
    assert [x["version"] for x in r["results"]] == [1, 2]


@pytest.mark.parametrize("body,detail", [
    ({}, "Missing required field 'items'"),
    ({"items": []}, "Missing required field 'items'"),
    ({"items": None}, "Missing required field 'items'"),
    ({"items": 5}, "Field 'items' must be an array of objects"),
    ({"items": "x"}, "Field 'items' must be an array of objects"),
    ({"items": "x" * 5000}, "Field 'items' must be an array of objects"),
    ({"items": {"a": 1}}, "Field 'items' must be an array of objects"),
    ({"items": [5]}, "Field 'items' must be an array of objects"),
    ({"items": [[]]}, "Field 'items' must be an array of objects"),
    ({"items": [None]}, "Field 'items' must be an array of objects"),
    ({"items": [{"cores": GOOD}]}, "Item 0: Missing required field 'key'"),
    ({"items": [{"key": "k"}]}, "Item 0: Missing required field 'cores'"),
    ({"items": [{"key": "k", "cores": None}]},
     "Item 0: Missing required field 'cores'"),
    ({"items": [{"key": "k", "cores": GOOD}, {"key": "l", "cores": GOOD},
                {"key": "k", "cores": GOOD}]},
     "Item 2: Key 'k' stands in item 0 already"),
    ({"items": [{"key": "k%d" % i, "cores": GOOD} for i in range(257)]},
     "Field 'items' has more than 256 elements"),
    ({"items": [{"key": "k", "cores": GOOD}], "namespace": "a b"},
     "Invalid namespace 'a b'")])
def test_bad_batches(engine, body, detail):
    error(post(engine, "put_cores_batch", **body), 400, "invalid_request",
          detail)
    assert engine.list().json()["keys"] == []


def test_an_items_own_namespace_is_of_no_account(engine):
    """One namespace for all items: the one the gate has checked."""
    r = post(engine, "put_cores_batch", namespace="ns", items=[
        {"key": "k", "cores": GOOD, "namespace": "other"}])
    assert r.status_code == 200
    assert engine.list("other").json()["keys"] == []
    assert engine.list("ns").json()["keys"] == ["k"]


def test_conditions_of_a_batch_stand_in_its_items(engine):
    r = post(engine, "put_cores_batch", items=[{"key": "k", "cores": GOOD}],
             headers={"If-None-Match": "*"})
    error(r, 400, "invalid_request",
          "If-Match and If-None-Match do not go with a batch, use "
          "'expected_version' of the items")


def test_a_large_batch_in_slices(engine):
    """More than one transaction holds, still one moment."""
    trains = {f"k{i}": random_cores([150] * 8, i) for i in range(10)}
    trains["k0"] = [np.pad(c, [(0, 0)] * 3) for c in trains["k0"]]
    items = [{"key": k, "cores": form(c)} for k, c in trains.items()]
    total = sum(c.nbytes for t in trains.values() for c in t)
    assert total > 20 << 20
    assert post(engine, "put_cores_batch", items=items).status_code == 200
    for k, c in trains.items():
        assert same(served(engine, k), dense(c))
