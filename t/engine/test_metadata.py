"""metadata: comes back as it was, up to its limits."""

import json

import pytest
from conftest import b64, error


def test_round_trip(engine):
    meta = {"s": "a\"\\\n\u00e9\U0001f600\u0000", "n": [1, -2.5e10, 0, []],
            "o": {"a": {"b": [None, True, False, {}]}}, "": "",
            "long": "\u00e9\n" * 5000}
    assert engine.put("k", b"x", metadata=meta).status_code == 200
    assert engine.get("k").json()["metadata"] == meta


def test_numbers_stay_as_written(engine):
    body = ('{"key":"k","data_b64":"QQ==","metadata":'
            '{"a": 1.00 , "b":123456789012345678901234567890,"c":-0.0E+1}}')
    engine.request("POST", "/v1/put", data=body)
    assert ('"metadata":{"a":1.00,"b":123456789012345678901234567890,'
            '"c":-0.0E+1}') in engine.get("k").text


def test_absent_and_null_are_empty(engine):
    engine.put("a", b"x")
    engine.put("b", b"x", metadata=None)
    engine.put("c", b"x", metadata={})
    for key in "abc":
        assert engine.get(key).json()["metadata"] == {}


@pytest.mark.parametrize("extra,status", [(0, 200), (1, 400)])
def test_size_limit_is_exact(engine, extra, status):
    meta = {"k": "x" * (65536 - len('{"k":""}') + extra)}
    r = engine.put("k", b"x", metadata=meta)
    assert r.status_code == status
    if status == 400:
        error(r, 400, "invalid_request", "Metadata exceeds 65536 bytes")
    else:
        assert engine.get("k").json()["metadata"] == meta


def test_size_counts_the_compact_form(engine):
    text = "[" + "1," * 20000 + "1]"
    body = ('{"key":"k","data_b64":"%s","metadata":{"a":%s}}'
            % (b64(b"x"), text.replace(",", " ,  ")))
    assert len(body) > 65536
    assert engine.request("POST", "/v1/put", data=body).status_code == 200
    assert len(engine.get("k").json()["metadata"]["a"]) == 20001


def test_many_small_members_over_the_limit(engine):
    meta = {f"member{i}": i for i in range(8000)}
    error(engine.put("k", b"x", metadata=meta), 400, "invalid_request",
          "Metadata exceeds 65536 bytes")


@pytest.mark.parametrize("depth,status", [(16, 200), (17, 400)])
def test_depth_limit_is_exact(engine, depth, status):
    meta = json.loads('{"a":' * (depth - 1) + "{}" + "}" * (depth - 1))
    r = engine.put("k", b"x", metadata=meta)
    assert r.status_code == status
    if status == 400:
        error(r, 400, "invalid_request",
              "Metadata is nested deeper than 16 levels")
