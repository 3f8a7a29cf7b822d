"""HTTP/1.1: keep-alive, pipelining, chunked, 100-continue, refusals."""

import json
import socket

import pytest
from conftest import KEY, b64, head, read_all, read_response


def body(key="k", data=b"data"):
    return json.dumps({"key": key, "data_b64": b64(data)}).encode()


def put_head(length, *lines):
    return head("POST", "/v1/put", f"Content-Length: {length}", *lines)


def chunked(*pieces, ext=b"", trailer=b""):
    out = b"".join(b"%x%s\r\n%s\r\n" % (len(p), ext, p) for p in pieces)
    return out + b"0\r\n" + trailer + b"\r\n"


def test_pipelining_keeps_order(engine):
    n = 200
    data = b"".join(put_head(len(body(f"k{i}"))) + body(f"k{i}")
                    + head("GET", f"/v1/get/default/k{i}") for i in range(n))
    with engine.connect() as s:
        s.sendall(data)
        rest = b""
        for i in range(n):
            for _ in range(2):
                status, _, text, rest = read_response(s, rest)
                assert status == 200
                assert json.loads(text)["key"] == f"k{i}"


def test_one_byte_at_a_time(engine):
    data = put_head(len(body())) + body() + head("GET", "/health")
    with engine.connect() as s:
        for i in range(len(data)):
            s.sendall(data[i:i + 1])
        status, _, text, rest = read_response(s)
        assert status == 200 and json.loads(text)["version"] == 1
        assert read_response(s, rest)[0] == 200


@pytest.mark.parametrize("ext,trailer", [
    (b"", b""), (b";a=b", b""), (b"", b"X-T: 1\r\nY: 2\r\n")])
def test_chunked_body(engine, ext, trailer):
    text = body(data=b"x" * 50000)
    pieces = [text[:1], text[1:20000], text[20000:]]
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/put", "Transfer-Encoding: chunked")
                  + chunked(*pieces, ext=ext, trailer=trailer)
                  + head("GET", "/health"))
        status, _, answer, rest = read_response(s)
        assert status == 200
        assert json.loads(answer)["original_bytes"] == 50000
        assert read_response(s, rest)[0] == 200


@pytest.mark.parametrize("bad", [
    b"x\r\n", b"-1\r\n", b"\r\n", b"5\n", b"5 \r\n", b"0x5\r\n",
    b"5\r\n{\"a\":X\r\n", b"fffffffffffffffff\r\n", b"5;" + b"e" * 300,
    b"0\r\nbad trailer\x00\r\n\r\n"])
def test_malformed_chunks_are_400_and_end_the_connection(engine, bad):
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/put", "Transfer-Encoding: chunked") + bad)
        status, headers, text, _ = read_response(s)
        assert status == 400 and headers["connection"] == "close"
        assert json.loads(text)["detail"] == "Malformed chunked body"
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b""


@pytest.mark.parametrize("request_bytes", [
    b"GET /health HTTP/1.1\nHost: x\n\n",
    b"GET /health HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHo st: x\r\n\r\n",
    b"GET /health HTTP/1.1\r\n: x\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
    b"GET /health HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/1.10\r\nHost: x\r\n\r\n",
    b"GET /health\r\n\r\n", b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://x/health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST /v1/put HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Content-Length: 5\r\n\r\n",
    b"POST /v1/put HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n",
    b"POST /v1/put HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n",
    b"POST /v1/put HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
    b"POST /v1/put HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n",
    b"POST /v1/put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"POST /v1/put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, "
    b"chunked\r\n\r\n",
    b"POST /v1/put HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n"])
def test_malformed_requests_are_400_and_end_the_connection(
        engine, request_bytes):
    with engine.connect() as s:
        s.sendall(request_bytes)
        status, headers, text, _ = read_response(s)
        assert status == 400 and headers["connection"] == "close"
        assert json.loads(text)["error"] == "invalid_request"
        assert json.loads(text)["request_id"] == headers["x-request-id"]
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b""


@pytest.mark.parametrize("lines", [
    ["A: " + "x" * 16384], [f"A{i}: x" for i in range(100)]])
def test_large_heads_are_400(engine, lines):
    with engine.connect() as s:
        s.sendall(head("GET", "/health", *lines))
        status, headers, text, _ = read_response(s)
        assert status == 400 and headers["connection"] == "close"
        assert json.loads(text)["detail"] == "Request header is too large"


def test_a_head_just_below_the_limit_works(engine):
    empty = len(head("GET", "/health", "A: "))
    with engine.connect() as s:
        s.sendall(head("GET", "/health", "A: " + "x" * (16384 - empty)))
        assert read_response(s)[0] == 200


def test_expect_continue(engine):
    with engine.connect() as s:
        s.sendall(put_head(len(body()), "Expect: 100-continue"))
        assert s.recv(25, socket.MSG_WAITALL) == (
            b"HTTP/1.1 100 Continue\r\n\r\n")
        s.sendall(body())
        assert read_response(s)[0] == 200


def test_expect_continue_is_answered_finally_when_refused(engine):
    with engine.connect() as s:
        s.sendall(put_head(10**12, "Expect: 100-continue"))
        status, headers, _, rest = read_response(s)
        assert status == 413 and headers["connection"] == "close"
        s.shutdown(socket.SHUT_WR)
        assert rest == b"" and s.recv(1) == b""


def test_http_10_and_connection_header(engine):
    data = engine.raw(head("GET", "/health", version="1.0"))
    assert b"Connection: close\r\n" in data
    data = engine.raw(head("GET", "/health", "Connection: keep-alive",
                           version="1.0")
                      + head("GET", "/health", "connection: foo, Close"))
    assert data.count(b"HTTP/1.1 200 OK") == 2
    assert data.count(b"Connection: keep-alive\r\n") == 1


def test_an_error_in_a_short_body_keeps_the_connection(engine):
    with engine.connect() as s:
        bad = b"{]" + b"x" * 1000
        s.sendall(put_head(len(bad)) + bad + head("GET", "/health"))
        status, headers, _, rest = read_response(s)
        assert status == 400 and "connection" not in headers
        assert read_response(s, rest)[0] == 200


def test_an_error_in_a_long_body_is_told_at_once(engine):
    """The client learns it while it sends, and its data is not reset."""
    with engine.connect() as s:
        s.sendall(put_head(50_000_000) + b"{]" + b"x" * 1000)
        status, headers, text, _ = read_response(s)
        assert status == 400 and headers["connection"] == "close"
        assert json.loads(text)["detail"] == "Invalid JSON body"
        s.sendall(b"x" * 1_000_000)
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b""


def test_bodies_of_get_are_skipped_or_refused(engine):
    with engine.connect() as s:
        s.sendall(head("GET", "/health", "Content-Length: 3") + b"abc"
                  + head("GET", "/health", "Content-Length: 70000"))
        status, _, _, rest = read_response(s)
        assert status == 200
        status, headers, text, _ = read_response(s, rest)
        assert status == 413 and headers["connection"] == "close"


def test_a_body_that_ends_early_stores_nothing(engine):
    with engine.connect() as s:
        s.sendall(put_head(len(body()) + 1, "X-Request-Id: cut") + body())
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""
    assert "aborted" in engine.logged("cut")
    assert engine.get("k").status_code == 404


def test_a_client_that_only_shuts_its_side_gets_its_answer(engine):
    with engine.connect() as s:
        s.sendall(put_head(len(body())) + body())
        s.shutdown(socket.SHUT_WR)
        assert read_response(s)[0] == 200


@pytest.mark.parametrize("name", [
    "X-HX-Namespace", "If-Match", "If-None-Match", "Content-Type"])
def test_repeated_headers_are_400(engine, name):
    with engine.connect() as s:
        s.sendall(put_head(len(body()), f"{name}: a", f"{name}: a") + body())
        status, _, text, _ = read_response(s)
        assert status == 400
        assert json.loads(text)["detail"] == (
            f"Duplicate header '{name.lower()}'")


@pytest.mark.parametrize("sent,kept", [
    ("abc-1._Z", True), ("x" * 128, True), ("x" * 129, False),
    ("a b", False), ('a"b', False), ("", False), (None, False)])
def test_request_id(engine, sent, kept):
    headers = {} if sent is None else {"X-Request-Id": sent}
    r = engine.request("GET", "/v1/nothing", headers=headers)
    got = r.headers["X-Request-Id"]
    assert r.json()["request_id"] == got
    if kept:
        assert got == sent
    else:
        parts = got.split("-")
        assert [len(p) for p in parts] == [8, 4, 4, 4, 12]
        assert parts[2][0] == "4" and parts[3][0] in "89ab"


def test_no_key_in_any_answer(engine):
    assert KEY.encode() not in engine.raw(
        head("GET", "/v1/get/" + KEY[:10], "Connection: close"))
