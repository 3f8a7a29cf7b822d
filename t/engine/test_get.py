"""get: members, entity tags, HEAD, arguments."""

import hashlib
import re

import pytest
from conftest import error, head


def test_members(engine):
    engine.put("k", b"hello", metadata={"a": 1}, domain="d")
    r = engine.get("k").json()
    created = r.pop("created_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created)
    assert r == {
        "key": "k", "namespace": "default", "version": 1, "compressed": False,
        "verdict": "passthrough", "compression_ratio": 1.0,
        "original_bytes": 5, "stored_core_bytes": 5, "n_cores": 0,
        "rel_error": 0.0, "encoding": "raw", "dtype": None, "shape": None,
        "fortran_order": False, "metadata": {"a": 1}, "domain": "d",
        "ranks": [], "max_rank": 0,
        "sha256": hashlib.sha256(b"hello").hexdigest()}


def test_etag_and_if_none_match(engine):
    for i in range(12):
        engine.put("k", b"x%d" % i)
    r = engine.get("k")
    assert r.headers["ETag"] == '"12"'
    long = ",".join('"tag-of-somebody-else-%d"' % i for i in range(400))
    for tag in ('"12"', 'W/"12"', '"1", "12"', "*", ',, W/"1" ,\t"12",',
                long + ', "12"', '"a,b", "12"', '"1""12"'):
        r = engine.get("k", headers={"If-None-Match": tag})
        assert r.status_code == 304 and r.content == b"", tag
        assert r.headers["ETag"] == '"12"'
    for tag in ('"1"', '"2"', '"112"', "12", '"121"', long, '"x\\"12"', "",
                'w/"12"', 'W/12', '"', 'W/', '"1", *', '"012"', '"0"',
                ",".join('"%d"' % i for i in range(100, 400))):
        r = engine.get("k", headers={"If-None-Match": tag})
        assert r.status_code == 200, tag


def test_head_is_get_without_body(engine):
    engine.put("k", b"x", metadata={"m": "y" * 3000})
    whole = engine.get("k")
    r = engine.request("HEAD", "/v1/get/default/k")
    assert r.status_code == 200 and r.content == b""
    for name in "Content-Length", "ETag", "Content-Type":
        assert r.headers[name] == whole.headers[name]
    r = engine.request("HEAD", "/v1/get/default/none")
    assert r.status_code == 404 and r.content == b""


def test_head_keeps_the_connection_in_step(engine):
    engine.put("k", b"x")
    data = engine.raw(head("HEAD", "/v1/get/default/k")
                      + head("HEAD", "/v1/get/default/none")
                      + head("GET", "/health", "Connection: close"))
    assert [x.split(b" ")[0] for x in data.split(b"HTTP/1.1 ")[1:]] == [
        b"200", b"404", b"200"]
    assert data.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize("query", [
    "version=0", "version=", "version=-1", "version=1x", "version=01",
    "version=99999999999999999999", "version=1&version=1", "version=%31%",
    "version"])
def test_bad_version_argument(engine, query):
    engine.put("k", b"x")
    detail = error(engine.get("k?" + query), 400, "invalid_request")
    assert "'version'" in detail


def test_arguments_are_decoded_once_and_unknown_ones_ignored(engine):
    engine.put("k", b"x")
    data = engine.raw(head("GET", "/v1/get/default/k?version=%31&x=%zz&x=2&&=",
                           "Connection: close"))
    assert data.startswith(b"HTTP/1.1 200 ")


def test_absent(engine):
    error(engine.get("k"), 404, "not_found",
          "Key 'k' not found in namespace 'default'")
    engine.put("k", b"x")
    error(engine.get("k", "other"), 404, "not_found",
          "Key 'k' not found in namespace 'other'")
