"""The service key: who needs it, what is refused, what never leaks."""

import pytest
from conftest import KEY, error, head, read_response


@pytest.mark.parametrize("value,detail", [
    (None, "Missing service key"),
    ("Bearer " + KEY[:-1], "Invalid service key"),
    ("Bearer " + KEY + "x", "Invalid service key"),
    ("Bearer " + KEY[:-1] + "x", "Invalid service key"),
    ("Bearer", "Invalid service key"), ("Bearer  " + KEY,
                                        "Invalid service key"),
    ("Basic " + KEY, "Invalid service key"), (KEY, "Invalid service key"),
    ("Bearer " + KEY + " " + KEY, "Invalid service key"),
    ("Bearer " + KEY.upper(), "Invalid service key")])
@pytest.mark.parametrize("method,path", [
    ("GET", "/v1/get/default/k"), ("GET", "/v1/nowhere"), ("GET", "/x"),
    ("DELETE", "/v1/delete/default/k"), ("GET", "/v1/put")])
def test_refused(engine, value, detail, method, path):
    r = engine.request(method, path, headers={"Authorization": value})
    error(r, 401, "unauthorized", detail)
    assert r.headers["WWW-Authenticate"] == "Bearer"


def test_accepted_in_any_case_of_the_scheme(engine):
    for scheme in "Bearer", "bearer", "BEARER":
        r = engine.request(
            "GET", "/v1/list/default",
            headers={"Authorization": f"{scheme} {KEY}"})
        assert r.status_code == 200


def test_repeated_header_is_401(engine):
    with engine.connect() as s:
        s.sendall(head("GET", "/v1/list/default",
                       "Authorization: Bearer " + KEY))
        assert read_response(s)[0] == 401


def test_other_headers_are_no_credential(engine):
    r = engine.request("GET", "/v1/list/default", headers={
        "Authorization": None, "X-Api-Key": KEY})
    error(r, 401, "unauthorized")


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_probes_need_no_key(engine, path):
    r = engine.request("GET", path, headers={"Authorization": None})
    assert r.status_code == 200


def test_bodies_are_not_read_before_the_key_was_right(engine):
    """The answer comes although the body never does."""
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/put", "Content-Length: 1000000",
                       key="wrong" * 8))
        status, headers, _, _ = read_response(s)
        assert status == 401 and headers["connection"] == "close"


def test_keys_are_in_no_log_line(engine):
    wrong = "wrong-key-wrong-key-wrong-key-wrong-key"
    engine.request("GET", "/v1/list/default?k=" + KEY,
                   headers={"Authorization": "Bearer " + wrong})
    r = engine.list()
    engine.logged(r.headers["X-Request-Id"])
    assert KEY not in engine.log_text() and wrong not in engine.log_text()


def test_key_is_wiped_from_the_environment(engine):
    env = open(f"/proc/{engine.process.pid}/environ", "rb").read()
    assert b"HX_GATE_ENGINE_SERVICE_KEY" in env and KEY.encode() not in env


def test_auth_may_be_switched_off(make_engine):
    e = make_engine(HOLONOMIX_REQUIRE_AUTH="false",
                    HX_GATE_ENGINE_SERVICE_KEY="").start()
    r = e.request("GET", "/v1/list/default", headers={"Authorization": None})
    assert r.status_code == 200
    assert [x["level"] for x in e.log("no_auth")] == ["warn"]
