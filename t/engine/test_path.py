"""Paths: decoded exactly once, odd ones refused, unknown ones 404."""

import pytest
from conftest import KEY, error, head, read_response


def ask(engine, method, target):
    """The raw target, untouched by a client library."""
    with engine.connect() as s:
        s.sendall(head(method, target))
        status, headers, body, _ = read_response(s)
        return status, headers, body.decode()


@pytest.mark.parametrize("target", [
    "/v1/get/default/a/b:c@d+e=f~g-h_i.j",
    "/v1/get/default/a%2Fb:c@d+e=f~g-h_i.j",
    "/v1/get/default/a%2fb%3Ac%40d%2Be%3Df%7Eg-h_i.j",
    "/v1/g%65t/def%61ult/%61/b:c@d+e=f~g-h_i.j"])
def test_spellings_of_one_key(engine, target):
    key = "a/b:c@d+e=f~g-h_i.j"
    assert engine.put(key, b"x").status_code == 200
    status, _, body = ask(engine, "GET", target)
    assert status == 200 and f'"key":"{key}"' in body


@pytest.mark.parametrize("target", [
    "/v1/get/default/%", "/v1/get/default/%4", "/v1/get/default/%zz",
    "/v1/get/default/a%00b", "/v1/get/default/a%252Fb",
    "/v1/get/default/../k", "/v1/get/default/./k", "/v1/get/default/a//b",
    "/v1/get/default/", "/v1/get//k", "//v1/get/default/k",
    "/v1/get/default/%2e%2e/k", "/v1/get/default/a%2f%2e%2e%2fb",
    "/v1/get/default/k/", "/v1/get/def%2Fault/k", "/v1%2Fget/default/k",
    "/v1/get/default%2Fk/x"])
def test_odd_paths_are_400(engine, target):
    engine.put("k", b"x")
    status, _, body = ask(engine, "GET", target)
    assert status == 400 and '"detail":"Invalid path"' in body


@pytest.mark.parametrize("target,detail", [
    ("/v1/get/a%20b/k", "Invalid namespace 'a b'"),
    ("/v1/get/a.b/k", "Invalid namespace 'a.b'"),
    ("/v1/get/" + "n" * 256 + "/k", "Invalid namespace '" + "n" * 255 + "'"),
    ("/v1/list/a%20b", "Invalid namespace 'a b'"),
    ("/v1/get/default/a%20b", "Invalid key"),
    ("/v1/get/default/" + "k" * 256, "Invalid key"),
    ("/v1/get/default/a%3Fb", "Invalid key"),
    ("/v1/get/default/%C3%A9", "Invalid key")])
def test_invalid_names_in_paths(engine, target, detail):
    status, _, body = ask(engine, "GET", target)
    assert status == 400 and f'"detail":"{detail}"' in body


@pytest.mark.parametrize("key", [
    "/", "/a", "a/", "a//b", ".", "..", "a/.", "./a", "a/../b", "../a", "a/.."])
def test_keys_in_bodies_can_stand_in_paths(engine, key):
    """Or nobody could get or delete what was put."""
    error(engine.put(key, b"x"), 400, "invalid_request", "Invalid key")
    error(engine.serve(key), 400, "invalid_request", "Invalid key")


@pytest.mark.parametrize("key", ["...", "a/...", ".a", "a.", "..a", "a/.b/c"])
def test_keys_with_dots(engine, key):
    assert engine.put(key, b"x").status_code == 200
    assert engine.get(key).json()["key"] == key
    assert engine.delete(key).status_code == 200


@pytest.mark.parametrize("target", [
    "/", "/v1", "/v1/", "/v2/get/default/k", "/v1/get/default",
    "/v1/getx/default/k", "/v1/list/a/b", "/v1/put/x", "/metrics/x",
    "/healthx", "/V1/get/default/k"])
def test_unknown_paths(engine, target):
    status, _, body = ask(engine, "GET", target)
    if target in ("/v1/",):
        assert status == 400            # an empty segment
    else:
        assert status == 404 and '"error":"not_found"' in body


@pytest.mark.parametrize("method,target,allow", [
    ("GET", "/v1/put", "POST"), ("PUT", "/v1/put", "POST"),
    ("POST", "/v1/get/default/k", "GET, HEAD"),
    ("GET", "/v1/delete/default/k", "DELETE"),
    ("DELETE", "/v1/list/default", "GET, HEAD"),
    ("POST", "/health", "GET, HEAD"), ("BREW", "/v1/serve", "POST"),
    ("GET", "/v1/search", "POST")])
def test_wrong_method(engine, method, target, allow):
    status, headers, body = ask(engine, method, target)
    assert status == 405 and headers["allow"] == allow
    assert '"error":"method_not_allowed"' in body


def test_long_targets(engine):
    r = engine.request("GET", "/v1/get/default/" + "k" * 5000)
    error(r, 414, "uri_too_long", "Request target exceeds 4096 bytes")
    assert KEY not in engine.log_text()
