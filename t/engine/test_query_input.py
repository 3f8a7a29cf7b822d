"""topk and vector with bad input, while the index is built, and with filters
that are none."""

import base64
import json

import numpy
import pytest

import query_model as model
from conftest import error, wait_for

HERE = numpy.arange(4.0).tobytes()


@pytest.fixture
def filled(engine):
    engine.put("a", HERE)
    engine.put("b", HERE)
    return engine


@pytest.mark.parametrize("path", ["topk", "vector"])
@pytest.mark.parametrize("fields,detail", [
    ({"k": 0}, "Field 'k' must be a whole number from 1 to 1000"),
    ({"k": 1001}, "Field 'k' must be a whole number from 1 to 1000"),
    ({"k": 2 ** 63}, "Field 'k' must be a whole number"),
    ({"k": -1}, "Field 'k' must be a whole number"),
    ({"k": 1.5}, "Field 'k' must be a whole number"),
    ({"k": "10"}, "Field 'k' must be a whole number"),
    ({"k": [10]}, "Field 'k' must be a whole number"),
    ({"k": True}, "Field 'k' must be a whole number"),
    ({"metric": "l2"},
     "Field 'metric' must be 'cosine', 'euclidean' or 'dot'"),
    ({"metric": ""}, "Field 'metric' must be 'cosine', 'euclidean' or 'dot'"),
    ({"metric": {}}, "Field 'metric' must be a string"),
    ({"namespace": ""}, "Invalid namespace ''"),
    ({"filters": "x"}, "Field 'filters' must be an object"),
    ({"filters": {"a": {"$near": 1}}}, "Unknown operator '$near' in 'filters'"),
])
def test_bad_members(filled, path, fields, detail):
    body = {"query_key": "a"} if path == "topk" \
        else {"data_b64": base64.b64encode(HERE).decode()}
    error(filled.request("POST", "/v1/query/" + path, json={**body, **fields}),
          400, "invalid_request", detail)


@pytest.mark.parametrize("body,detail", [
    ({}, "Missing required field 'query_key'"),
    ({"query_key": None}, "Missing required field 'query_key'"),
    ({"query_key": 7}, "Field 'query_key' must be a string"),
    ({"query_key": ""}, "Invalid key in field 'query_key'"),
    ({"query_key": "\u00e4"}, "Invalid key in field 'query_key'"),
])
def test_bad_query_keys(filled, body, detail):
    error(filled.request("POST", "/v1/query/topk", json=body), 400,
          "invalid_request", detail)


def test_missing_and_unfit_query_keys(filled):
    error(model.topk(filled, "no"), 404, "not_found",
          "Key 'no' not found in namespace 'default'")
    filled.delete("a")
    error(model.topk(filled, "a"), 404, "not_found",
          "Key 'a' not found in namespace 'default'")
    filled.put("opaque", b"123")
    error(model.topk(filled, "opaque"), 400, "invalid_request",
          "Key 'opaque' in field 'query_key' holds opaque bytes, not an array "
          "of numbers")
    filled.put("nan", model.npy(numpy.array([numpy.nan])))
    error(model.topk(filled, "nan"), 400, "invalid_request",
          "Key 'nan' in field 'query_key' holds NaN or infinity")


@pytest.mark.parametrize("fields,detail", [
    ({}, "Missing required field 'data_b64'"),
    ({"data_b64": None}, "Missing required field 'data_b64'"),
    ({"data_b64": 1}, "Field 'data_b64' must be a string"),
    ({"data_b64": "AA=A"}, "Invalid base64 in 'data_b64'"),
    ({"data_b64": "AAAA"},
     "Field 'data_b64' holds opaque bytes, not an array of numbers"),
    ({"data_b64": "AAAAAAAA8H8="},
     "Field 'data_b64' holds opaque bytes, not an array of numbers"),
    ({"data_b64": "AAAAAAAA8H8=", "dtype": "f8"},
     "Field 'data_b64' holds NaN or infinity"),
    ({"data_b64": "AACAfw==", "dtype": "f4"},
     "Field 'data_b64' holds NaN or infinity"),
    ({"data_b64": "AAAAAAAA8H8=", "dtype": ">f8"}, "Unsupported dtype '>f8'"),
])
def test_bad_vectors(filled, fields, detail):
    error(filled.request("POST", "/v1/query/vector", json=fields), 400,
          "invalid_request", detail)


def test_bad_payloads_of_vectors(filled):
    for fields in ({"data_b64": ""},
                   {"data_b64": base64.b64encode(HERE).decode(),
                    "shape": [3]},
                   {"data_b64": base64.b64encode(HERE).decode(),
                    "dtype": "f4", "shape": [3]},
                   {"data_b64": base64.b64encode(
                       b"\x93NUMPY\x01\x00").decode()}):
        r = filled.request("POST", "/v1/query/vector", json=fields)
        assert "data_b64" in error(r, 400, "invalid_request")


def test_vectors_in_all_forms(filled):
    a = numpy.arange(4.0)
    for data, fields in ((a.tobytes(), {}), (model.npy(a), {}),
                         (model.npy(a.astype("i2")), {}),
                         (a.astype("f4").tobytes(), {"dtype": "float32"}),
                         (a.astype("u1").tobytes(),
                          {"dtype": "|u1", "shape": [2, 2]})):
        got = model.vector(filled, data, "dot", **fields).json()
        assert got == {"query_key": None, "metric": "dot", "n_candidates": 2,
                       "results": [["a", 14.0], ["b", 14.0]]}


def test_answer_of_topk(filled):
    r = filled.request("POST", "/v1/query/topk", json={"query_key": "a"})
    assert list(r.json()) == ["query_key", "metric", "n_candidates", "results"]
    assert r.json()["query_key"] == "a"
    assert r.json()["metric"] == "cosine"
    assert [key for key, _ in r.json()["results"]] == ["b"]


@pytest.mark.parametrize("path", ["topk", "vector", "similarity"])
def test_forms_of_requests(filled, path):
    url = "/v1/query/" + path
    assert filled.request("GET", url).status_code == 405
    error(filled.request("POST", url, data="[]"), 400, "invalid_request",
          "Request body must be a JSON object")
    error(filled.request("POST", url, data="{"), 400, "invalid_request",
          "Invalid JSON body")
    error(filled.request("POST", url, data=b"x",
                         headers={"Content-Type":
                                  "application/octet-stream"}),
          415, "unsupported_media_type")
    r = filled.request("POST", url, json={"query_key": "a"},
                       headers={"X-HX-Namespace": "other"})
    assert "X-HX-Namespace" in error(r, 400, "invalid_request")


def test_a_corrupt_value_is_an_error(make_engine):
    e = make_engine().start()
    rng = numpy.random.default_rng(1)
    values = {k: rng.standard_normal(3000) for k in "abc"}
    model.fill(e, values)
    e.stop()
    path = e.data / "data.mdb"
    data = bytearray(path.read_bytes())
    at = data.index(values["b"].tobytes()[1000:1040])
    data[at] ^= 1
    path.write_bytes(data)
    e.start()
    wait_for(lambda: model.ready(e), "the index")

    # the copy is not made of what is damaged; others are compared

    assert e.log("index")[-1]["corrupt"] == 1
    got = model.topk(e, "a").json()
    assert [key for key, _ in got["results"]] == ["c"]
    error(model.topk(e, "b"), 500, "internal",
          "Stored record for key 'b' is corrupt")
    error(model.similarity(e, "a", "b"), 500, "internal",
          "Stored record for key 'b' is corrupt")

    # a new version heals it

    model.fill(e, {"b": values["b"]})
    got = model.topk(e, "a").json()
    assert sorted(key for key, _ in got["results"]) == ["b", "c"]


def test_damage_found_by_a_query(make_engine):
    e = make_engine().start()
    rng = numpy.random.default_rng(2)
    values = {k: rng.standard_normal(3000) for k in "abc"}
    model.fill(e, values)
    path = e.data / "data.mdb"
    with open(path, "r+b") as f:
        data = f.read()
        f.seek(data.index(values["b"].tobytes()[1000:1040]))
        f.write(b"\xff\xff")
    error(model.topk(e, "a"), 500, "internal",
          "Stored record for key 'b' is corrupt")


def test_figures(filled):
    before = metrics(filled)
    assert before["hx_engine_index_rows"] == 2
    model.topk(filled, "a")
    model.vector(filled, HERE, "euclidean")
    after = metrics(filled)
    assert after["hx_engine_index_queries_total"] \
        == before["hx_engine_index_queries_total"] + 2
    assert after["hx_engine_index_bytes"] > 0
    assert after['hx_engine_query_duration_seconds_count{metric="cosine"}'] \
        == 1


def metrics(engine):
    text = engine.request("GET", "/metrics").text
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if not line.startswith("#")}


def test_setting(make_engine):
    e = make_engine(HOLONOMIX_INDEX_BYTES="0")
    with pytest.raises(AssertionError):
        e.start()
    assert "HOLONOMIX_INDEX_BYTES: must be a whole number from 1" \
        in e.log_text()
    e.process = None
