"""X-HX-Namespace must be the namespace of the request itself."""

from conftest import error

TEXT = "Namespace '%s' does not match the header X-HX-Namespace"


def test_body(engine):
    h = {"X-HX-Namespace": "right"}
    assert engine.put("k", b"x", namespace="right",
                      headers=h).status_code == 200
    error(engine.put("k", b"x", namespace="wrong", headers=h), 400,
          "invalid_request", TEXT % "wrong")
    error(engine.put("k", b"x", headers=h), 400, "invalid_request",
          TEXT % "default")
    assert engine.put("k", b"x", headers={"X-HX-Namespace": "default"}
                      ).status_code == 200
    error(engine.serve("k", headers=h), 400, "invalid_request",
          TEXT % "default")


def test_path(engine):
    engine.put("k", b"x", namespace="a")
    h = {"X-HX-Namespace": "b"}
    error(engine.get("k", "a", headers=h), 400, "invalid_request", TEXT % "a")
    error(engine.delete("k", "a", headers=h), 400, "invalid_request",
          TEXT % "a")
    error(engine.request("GET", "/v1/list/a", headers=h), 400,
          "invalid_request", TEXT % "a")
    assert engine.get("k", "a", headers={"x-hx-namespace": "a"}
                      ).status_code == 200


def test_malformed_header(engine):
    error(engine.get("k", headers={"X-HX-Namespace": "a b"}), 400,
          "invalid_request", "Invalid header 'x-hx-namespace'")


def test_prefix_is_not_enough(engine):
    error(engine.get("k", "aa", headers={"X-HX-Namespace": "a"}), 400,
          "invalid_request", TEXT % "aa")
