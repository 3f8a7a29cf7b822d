"""/health and /ready."""


def test_answers(engine):
    r = engine.request("GET", "/health")
    assert r.status_code == 200 and r.json() == {"status": "ok"}
    r = engine.request("GET", "/ready")
    assert r.status_code == 200 and r.json() == {"status": "ready"}
    r = engine.request("HEAD", "/ready")
    assert r.status_code == 200 and r.content == b""
