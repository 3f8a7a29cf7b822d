"""Log lines: JSON, one a request, the members the README names."""

import fcntl
import json
import os
import re
import signal
import subprocess

from conftest import KEY, Engine, head, program, read_response


def test_request_line(engine):
    r = engine.put("k", b"x", headers={"X-HX-Tenant": "acme-corp",
                                       "X-Request-Id": "r-1"})
    assert r.status_code == 200
    line = engine.logged("r-1")
    assert list(line) == ["ts", "level", "event", "request_id", "tenant",
                          "method", "path", "status", "bytes", "ms"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
    assert line["level"] == "info" and line["tenant"] == "acme-corp"
    assert (line["method"], line["path"]) == ("POST", "/v1/put")
    assert line["status"] == 200 and line["bytes"] > 200
    assert 0 < line["ms"] < 10000


def test_refused_request_line(engine):
    engine.request("GET", "/v1/get/default/k?secret=1", headers={
        "X-Request-Id": "r-2", "X-HX-Tenant": "not valid"})
    line = engine.logged("r-2")
    assert line["path"] == "/v1/get/default/k"      # no query string
    assert line["tenant"] is None
    assert line["status"] == 404 and line["error"] == "not_found"


def test_malformed_request_line(engine):
    engine.raw(b"GET / HTTP/1.1\r\nX-Request-Id: r-3\r\nHost : x\r\n\r\n")
    line = engine.logged("r-3")
    assert line["status"] == 400 and line["reason"] == "malformed header name"


def test_every_line_is_json_even_for_odd_targets(engine):
    engine.raw(head("GET", '/"\\' + "x" * 3000 + "?", "X-Request-Id: r-4",
                    "Connection: close"))
    assert engine.logged("r-4")["path"].startswith('/"\\x')
    for line in engine.log_text().splitlines():
        json.loads(line)
    assert KEY not in engine.log_text()


def test_start_and_stop_lines(engine):
    line = engine.log("started")[0]
    assert line["port"] == engine.port and line["auth"] == "on"
    engine.stop()
    assert [x["event"] for x in engine.log()][-3:] == [
        "stopping", "store", "stopped"]


def test_level(make_engine):
    e = make_engine(HOLONOMIX_LOG_LEVEL="info").start()
    e.request("GET", "/health", headers={"X-Request-Id": "probe"})
    e.request("GET", "/v1/x", headers={"X-Request-Id": "other"})
    e.logged("other")
    e.stop()
    assert '"probe"' not in e.log_text()            # probes are debug
    assert e.log("store") == []


def test_a_reader_that_stops_reading_stops_nobody(tmp_path):
    """stderr is a pipe; it is full while hundreds of requests are served."""
    e = Engine(tmp_path / "e")
    p = subprocess.Popen([program()], env=e.environment(),
                         stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        e.port = json.loads(p.stderr.readline())["port"]
        fcntl.fcntl(p.stderr, fcntl.F_SETPIPE_SZ, 16384)
        for _ in range(4):
            with e.connect() as s:
                for _ in range(100):
                    s.sendall(head("GET", "/v1/get/default/k"))
                    assert read_response(s)[0] == 404
        os.set_blocking(p.stderr.fileno(), False)
        text = p.stderr.read()
        os.set_blocking(p.stderr.fileno(), True)
        with e.connect() as s:
            s.sendall(head("GET", "/v1/get/default/k"))
            assert read_response(s)[0] == 404
        p.send_signal(signal.SIGTERM)
        text += p.stderr.read()
        assert p.wait(30) == 0
    finally:
        p.kill()
        p.wait()
    lines = [json.loads(x) for x in text.splitlines()]
    dropped = [x for x in lines if x["event"] == "log_dropped"]
    written = [x for x in lines if x["event"] == "request"]
    assert len(dropped) == 1 and dropped[0]["level"] == "error"
    assert dropped[0]["lines"] + len(written) == 401
    assert written[0] is lines[0] and lines[-1]["event"] == "stopped"
