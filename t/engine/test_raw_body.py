"""put with the payload itself as the body: arguments, checks, sizes."""

import hashlib
import io
import json
import os
import urllib.parse

import numpy as np
import pytest
from conftest import b64, consumed, error, head, read_response

OCTETS, NPY = "application/octet-stream", "application/x-npy"


def npy(a):
    f = io.BytesIO()
    np.save(f, a)
    return f.getvalue()


def send(e, data, ctype=OCTETS, headers=None, query=None, **args):
    query = query or urllib.parse.urlencode(
        args, quote_via=urllib.parse.quote)
    return e.request("POST", "/v1/put?" + query, data=data,
                     headers={"Content-Type": ctype, **(headers or {})})


def octets(e, key, ns="default"):
    r = e.serve(key, namespace=ns, headers={"Accept": OCTETS})
    assert r.status_code == 200, r.text
    return r.content


@pytest.mark.parametrize("size", [1, 4096, 4097, 65535, 65536, 65537, 131072,
                                  131073, 1_000_001, 5_000_000])
def test_bytes_come_back(engine, size):
    data = os.urandom(size)
    r = send(engine, data, key="k", namespace="n")
    assert r.status_code == 200
    assert r.json()["key"] == "k" and r.json()["namespace"] == "n"
    assert r.json()["original_bytes"] == size
    assert octets(engine, "k", "n") == data
    assert engine.get("k", "n").json()["sha256"] == hashlib.sha256(
        data).hexdigest()


def same_but_version(a, b):
    drop = ("version", "key", "created_at", "request_id")
    a, b = a.json(), b.json()
    assert {k: v for k, v in a.items() if k not in drop} == {
        k: v for k, v in b.items() if k not in drop}


def test_the_answer_is_that_of_the_json_body(engine):
    a = np.arange(6, dtype="<i4").reshape(2, 3)
    for data, ctype, args in (
            (npy(a), NPY, {}), (npy(a), OCTETS, {}),
            (npy(np.asfortranarray(a)), NPY, {}),
            (a.tobytes(), OCTETS, {"dtype": "int32", "shape": "2,3"}),
            (a.tobytes(), OCTETS, {"dtype": "int32"}),
            (bytes(48), OCTETS, {"shape": "6"}), (b"opaque!", OCTETS, {})):
        json_args = dict(args)
        if "shape" in args:
            json_args["shape"] = [int(x) for x in args["shape"].split(",")]
        one = send(engine, data, ctype, key="a", domain="d", **args)
        two = engine.put("b", data, domain="d", **json_args)
        assert one.status_code == two.status_code == 200
        same_but_version(one, two)
        same_but_version(engine.get("a"), engine.get("b"))


def test_metadata_by_argument_and_by_header(engine):
    meta = {"a": 1, "b": [True, None, "\u00e9"], "c": {"d": 1.50}}
    text = json.dumps(meta)
    assert send(engine, b"x", key="a", metadata=text).status_code == 200
    assert send(engine, b"x", key="b", headers={
        "X-HX-Metadata": text}).status_code == 200
    assert engine.put("c", b"x", metadata=meta).status_code == 200
    for key in "ab":
        assert engine.get(key).json()["metadata"] == meta
        same_but_version(engine.get(key), engine.get("c"))
    long = {"t": "x" * 9000}
    assert send(engine, b"x", key="l", headers={
        "X-HX-Metadata": json.dumps(long)}).status_code == 200
    assert engine.get("l").json()["metadata"] == long
    assert send(engine, b"x", key="n", metadata="null").status_code == 200
    assert engine.get("n").json()["metadata"] == {}
    error(send(engine, b"x", key="a", metadata="{}", headers={
        "X-HX-Metadata": "{}"}), 400, "invalid_request")


@pytest.mark.parametrize("text,detail", [
    ("[]", "Field 'metadata' must be an object"),
    ("1", "Field 'metadata' must be an object"),
    ('"x"', "Field 'metadata' must be an object"),
    ("", "Invalid JSON in 'metadata'"), ("{", "Invalid JSON in 'metadata'"),
    ("{}}", "Invalid JSON in 'metadata'"),
    ('{"a":01}', "Invalid JSON in 'metadata'"),
    (b'{"a":"\xff"}', "Invalid JSON in 'metadata'"),
    ('{"a":' * 16 + "{}" + "}" * 16, "Metadata is nested deeper than 16 "
     "levels")])
def test_bad_metadata(engine, text, detail):
    error(send(engine, b"x", key="k", metadata=text), 400, "invalid_request",
          detail)


@pytest.mark.parametrize("query,detail", [
    ("", "Missing required argument 'key'"),
    ("key=", "Invalid key"), ("key=a%20b", "Invalid key"),
    ("key=" + "x" * 256, "Invalid key"),
    ("key=" + "x" * 300, "Invalid argument 'key'"),
    ("key=a%00b", "Invalid argument 'key'"),
    ("key=a&key=a", "Duplicate argument 'key'"),
    ("key=a&namespace=x%20y", "Invalid namespace 'x y'"),
    ("key=a&namespace=", "Invalid namespace ''"),
    ("key=a&namespace=n&namespace=n", "Duplicate argument 'namespace'"),
    ("key=a&shape=2,x", "Invalid argument 'shape'"),
    ("key=a&shape=2,", "Invalid argument 'shape'"),
    ("key=a&shape=,2", "Invalid argument 'shape'"),
    ("key=a&shape=-1", "Invalid argument 'shape'"),
    ("key=a&shape=" + ",".join(["1"] * 33), "Invalid argument 'shape'"),
    ("key=a&expected_version=x", "Invalid argument 'expected_version'"),
    ("key=a&expected_version=-1", "Invalid argument 'expected_version'"),
    ("key=a&dtype=object", "Unsupported dtype 'object'"),
    ("key=a&domain=a%20b", "Invalid domain 'a b'"),
    ("key=a&dtype=f8", "Length does not match dtype and shape in 'body'"),
    ("key=a&shape=4611686018427387904,4", "Shape out of range in 'body'")])
def test_bad_arguments_are_named(engine, query, detail):
    error(send(engine, b"x", query=query), 400, "invalid_request", detail)
    assert engine.list().json()["count"] == 0


def test_an_argument_is_judged_before_the_body_is_read(engine):
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/put?namespace=n", "Content-Length: 900000",
                       "Content-Type: " + OCTETS, "Expect: 100-continue"))
        status, headers, text, _ = read_response(s)
        assert status == 400 and headers["connection"] == "close"
        assert json.loads(text)["detail"] == "Missing required argument 'key'"


def test_empty_bodies_and_what_is_no_npy(engine):
    for ctype in OCTETS, NPY:
        error(send(engine, b"", ctype, key="k"), 400, "invalid_request",
              "Empty payload in 'body'")
    for data in b"x", bytes(80), b"\x93NUMPX" + bytes(100):
        error(send(engine, data, NPY, key="k"), 400, "invalid_request",
              "Invalid .npy header in 'body'")
    error(send(engine, npy(np.zeros(3))[:-1], NPY, key="k"), 400,
          "invalid_request", "Length does not match dtype and shape in 'body'")
    error(send(engine, npy(np.zeros(3, ">f8")), NPY, key="k"), 400,
          "invalid_request", "Unsupported dtype '>f8' in 'body'")


def test_conditions(engine):
    assert send(engine, b"1", key="k", expected_version=0).status_code == 200
    error(send(engine, b"2", key="k", expected_version=0), 409, "conflict")
    error(send(engine, b"2", key="k", headers={"If-None-Match": "*"}), 409,
          "conflict")
    assert send(engine, b"2", key="k", headers={
        "If-Match": '"1"'}).json()["version"] == 2
    error(send(engine, b"3", key="k", expected_version=1, headers={
        "If-Match": '"2"'}), 400, "invalid_request")


@pytest.mark.parametrize("ctype,status", [
    ("Application/Octet-Stream", 200), ("application/x-npy ; v=1", 200),
    ("application/octet-streams", 415), ("application/npy", 415),
    ("application/octet-stream,application/json", 415)])
def test_media_types(engine, ctype, status):
    assert send(engine, npy(np.zeros(2)), ctype,
                key="k").status_code == status


def test_only_put_takes_them(engine):
    error(engine.request("POST", "/v1/serve?key=k", data=b'{"key":"k"}',
                         headers={"Content-Type": OCTETS}), 415,
          "unsupported_media_type", "Content-Type must be application/json")
    error(send(engine, b"x", key="k", headers={"Content-Encoding": "gzip"}),
          415, "unsupported_media_type")


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + (
        b"0\r\n\r\n")


def test_chunked_and_pipelined(engine):
    data = os.urandom(700_000)
    line = "Content-Type: " + OCTETS
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/put?key=a", line,
                       "Transfer-Encoding: chunked")
                  + chunked(data[:1], data[1:9], data[9:65000], data[65000:])
                  + head("POST", "/v1/put?key=b", line, "Content-Length: 5")
                  + b"bytes" + head("POST", "/v1/put?key=c", line,
                                    f"Content-Length: {len(data)}") + data
                  + head("GET", "/health"))
        rest = b""
        for _ in range(4):
            status, _, _, rest = read_response(s, rest)
            assert status == 200
    assert octets(engine, "a") == octets(engine, "c") == data
    assert octets(engine, "b") == b"bytes"


def test_one_byte_at_a_time(engine):
    data = head("POST", "/v1/put?key=a", "Content-Type: " + OCTETS,
                "Content-Length: 30") + bytes(range(30))
    with engine.connect() as s:
        for i in range(len(data)):
            s.sendall(data[i:i + 1])
        assert read_response(s)[0] == 200
    assert octets(engine, "a") == bytes(range(30))


def test_upload_limit(make_engine):
    e = make_engine(HOLONOMIX_MAX_UPLOAD_BYTES=200_000).start()
    line = "Content-Type: " + OCTETS
    assert send(e, bytes(200_000), key="k").status_code == 200
    with e.connect() as s:                      # told before a byte is read
        s.sendall(head("POST", "/v1/put?key=k", line,
                       "Content-Length: 200001"))
        status, headers, text, _ = read_response(s)
        assert status == 413 and headers["connection"] == "close"
        assert json.loads(text)["error"] == "too_large"
    for size, expected in (200_000, 200), (200_001, 413):
        with e.connect() as s:
            s.sendall(head("POST", "/v1/put?key=k", line,
                           "Transfer-Encoding: chunked")
                      + chunked(bytes(size)))
            assert read_response(s)[0] == expected
    assert send(e, bytes(200_000), key="k").status_code == 200


def test_in_flight_budget(make_engine):
    e = make_engine(HOLONOMIX_MAX_UPLOAD_BYTES=1_000_000,
                    HOLONOMIX_INFLIGHT_BYTES=1_000_000).start()
    line = "Content-Type: " + OCTETS
    with e.connect() as first, e.connect() as second:
        first.sendall(head("POST", "/v1/put?key=a", line,
                           "Content-Length: 1000000") + bytes(999_999))
        consumed(e, first)
        second.sendall(head("POST", "/v1/put?key=b", line,
                            "Transfer-Encoding: chunked")
                       + chunked(bytes(999_999)))
        status, headers, text, _ = read_response(second)
        assert status == 503 and int(headers["retry-after"]) >= 1
        assert json.loads(text)["detail"] == "Too many payloads in flight"
        first.sendall(b"x")
        assert read_response(first)[0] == 200
    assert octets(e, "a") == bytes(999_999) + b"x"


def test_no_two_readers_see_two_namespaces(engine):
    """Whatever stands where, the engine uses the one namespace that the
    header names, or refuses: X-HX-Namespace is what the gate has checked."""
    body = json.dumps({"key": "k", "namespace": "body", "data_b64": "QQ=="})
    stored = 0
    for header in "default", "body", "arg":
        for ctype in (None, "", "application/json", OCTETS, NPY, "text/plain",
                      "application/vnd.api+json", "application/json;" + OCTETS,
                      OCTETS + ";application/json"):
            for query in "", "key=k", "key=k&namespace=arg", "namespace=body":
                r = engine.request(
                    "POST", "/v1/put?" + query, data=body.encode(),
                    headers={"Content-Type": ctype, "X-HX-Namespace": header})
                assert r.status_code in (200, 400, 415), r.text
                if r.status_code == 200:
                    stored += 1
                    assert r.json()["namespace"] == header
    assert stored > 10
    error(send(engine, b"x", key="k", namespace="arg", headers={
        "X-HX-Namespace": "other"}), 400, "invalid_request",
        "Namespace 'arg' does not match the header X-HX-Namespace")
    error(send(engine, b"x", key="k", headers={"X-HX-Namespace": "other"}),
          400, "invalid_request",
          "Namespace 'default' does not match the header X-HX-Namespace")


def test_a_json_body_takes_nothing_from_the_arguments(engine):
    r = engine.request("POST", "/v1/put?namespace=arg&key=other&metadata={}",
                       json={"key": "k", "data_b64": b64(b"x")},
                       headers={"X-HX-Metadata": '{"a":1}'})
    assert r.json()["key"] == "k" and r.json()["namespace"] == "default"
    assert engine.get("k").json()["metadata"] == {}
