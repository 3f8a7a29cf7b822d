"""Clients that are slow, impatient or hostile, many requests on a connection,
and a stop in the middle of it all."""

import json
import os
import random
import signal
import socket
import threading

import pytest
from conftest import (SANITIZED, b64, consumed, head, read_all, read_response,
                      wait_for)
from test_large import MB, anonymous

OCTETS = "application/octet-stream"


def post(path, body, *lines):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return head("POST", path, f"Content-Length: {len(body)}", *lines) + body


def chunked(path, body, size, *lines, trailer=b""):
    out = head("POST", path, "Transfer-Encoding: chunked", *lines)
    for i in range(0, len(body), size):
        piece = body[i:i + size]
        out += b"%x\r\n%s\r\n" % (len(piece), piece)
    return out + b"0\r\n" + trailer + b"\r\n"


def every_operation(data):
    """(request, status, what its body must be like) of a whole life."""
    def has(**members):
        return lambda b: members.items() <= json.loads(b).items()

    put = {"key": "k", "data_b64": b64(data), "metadata": {"a": 1}}
    return [
        (post("/v1/put", put), 200, has(version=1)),
        (head("GET", "/v1/get/default/k"), 200, has(version=1)),
        (post("/v1/put?key=r&namespace=n", data, "Content-Type: " + OCTETS),
         200, has(key="r", namespace="n")),
        (post("/v1/serve", {"key": "r", "namespace": "n"}, "Accept: " + OCTETS),
         200, lambda b: b == data),
        (chunked("/v1/put", json.dumps(put).encode(), 1000,
                 trailer=b"X-Trailer: 1\r\n"), 200, has(version=2)),
        (post("/v1/serve", {"key": "k"}), 200, has(data_b64=b64(data))),
        (head("GET", "/v1/list/default"), 200, has(keys=["k"])),
        (head("GET", "/v1/get/default/none"), 404, has(error="not_found")),
        (head("PUT", "/v1/get/default/k"), 405,
         has(error="method_not_allowed")),
        (head("DELETE", "/v1/delete/default/k"), 200, has(deleted=True)),
        (head("DELETE", "/v1/delete/default/k"), 404, has(error="not_found")),
        (head("GET", "/health"), 200, has(status="ok")),
        (head("GET", "/ready"), 200, has(status="ready")),
        (head("GET", "/metrics"), 200, lambda b: b.startswith(b"# HELP")),
        (post("/v1/put", b"{]"), 400, has(error="invalid_request")),
        (head("GET", "/v1/get/default/k", key=None), 401,
         has(error="unauthorized")),
    ]


@pytest.mark.parametrize("how", ["at once", "pieces", "half-close"])
def test_pipelining_of_all_operations(engine, how):
    todo = every_operation(os.urandom(100_000))
    data = b"".join(x[0] for x in todo)
    with engine.connect() as s:
        def send():
            rng, pos = random.Random(1), 0
            while pos < len(data):
                n = rng.randrange(1, 20000) if how == "pieces" else len(data)
                s.sendall(data[pos:pos + n])
                pos += n
            if how == "half-close":
                s.shutdown(socket.SHUT_WR)

        t = threading.Thread(target=send)
        t.start()
        rest = b""
        for request, expected, good in todo:
            status, _, body, rest = read_response(s, rest)
            assert status == expected, (request[:60], body)
            assert good(body), (request[:60], body)
        t.join()
        if how == "half-close":
            assert rest == b"" and s.recv(1) == b""


def test_head_is_get_without_the_body(engine):
    engine.put("k", b"data", metadata={"a": 1})
    paths = ["/v1/get/default/k", "/v1/get/default/none", "/v1/list/default",
             "/health", "/ready", "/v1/nothing", "/metrics"]
    with engine.connect() as s:
        rest = b""
        for path in paths:
            s.sendall(head("GET", path))
            status, headers, body, rest = read_response(s, rest)
            s.sendall(head("HEAD", path) + head("GET", "/health"))
            while rest.count(b"\r\n\r\n") < 2:
                rest += s.recv(65536)
            text, rest = rest.split(b"\r\n\r\n", 1)
            lines = text.decode().split("\r\n")
            got = dict(x.lower().split(": ", 1) for x in lines[1:])
            assert int(lines[0].split()[1]) == status
            if path != "/metrics":              # it counts these requests
                assert got["content-length"] == headers["content-length"]
                assert int(got["content-length"]) == len(body)
            status, _, body, rest = read_response(s, rest)
            assert json.loads(body) == {"status": "ok"} and rest == b""


def test_many_requests_on_one_connection(engine):
    n = 5000
    with engine.connect() as s:
        t = threading.Thread(target=lambda: [
            s.sendall(head("GET", "/v1/get/default/k")) for _ in range(n)])
        t.start()
        rest = b""
        for _ in range(n):
            status, headers, _, rest = read_response(s, rest)
            assert status == 404 and "connection" not in headers
        t.join()


# -- slow clients


def test_slow_reader_of_100_mb(engine):
    """It is served to the end, costs no memory, and delays nobody."""
    size = 100 * MB
    data = os.urandom(MB) * (size // MB)
    r = engine.request("POST", "/v1/put?key=big", data=data,
                       headers={"Content-Type": OCTETS})
    assert r.status_code == 200
    slack = 400 * MB * SANITIZED
    wait_for(lambda: anonymous(engine) < 40 * MB + slack, "the memory")
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.settimeout(20)
        s.connect(("127.0.0.1", engine.port))
        s.sendall(post("/v1/serve", {"key": "big"}, "Accept: " + OCTETS,
                       "Connection: close"))
        out = bytearray()
        while b"\r\n\r\n" not in out:
            out += s.recv(4096)
        del out[:out.index(b"\r\n\r\n") + 4]
        turn = 0
        while len(out) < size:
            piece = s.recv(65536)
            assert piece
            out += piece
            if len(out) // (5 * MB) > turn:     # it pauses; others go on
                turn += 1
                assert engine.put("other", b"%d" % turn).status_code == 200
                assert anonymous(engine) < 40 * MB + slack
        assert s.recv(1) == b""
    assert out == data


def test_slow_writers_delay_nobody(engine):
    """A hundred requests that come in byte by byte, heads and bodies."""
    slow = [engine.connect() for _ in range(100)]
    text = post("/v1/put", {"key": "k", "data_b64": b64(b"slow")})
    for i in range(0, len(text) - 1, 3):
        for s in slow:
            s.sendall(text[i:min(i + 3, len(text) - 1)])
        assert engine.request("GET", "/health").status_code == 200
    for s in slow:
        s.sendall(text[-1:])
    versions = set()
    for s in slow:
        status, _, body, _ = read_response(s)
        assert status == 200
        versions.add(json.loads(body)["version"])
        s.close()
    assert versions == set(range(1, 101))


# -- half-closed


def test_half_close_and_a_large_answer(engine):
    data = os.urandom(8 * MB)
    engine.request("POST", "/v1/put?key=k", data=data,
                   headers={"Content-Type": OCTETS})
    with engine.connect() as s:
        s.sendall(post("/v1/serve", {"key": "k"}, "Accept: " + OCTETS))
        s.shutdown(socket.SHUT_WR)
        out = read_all(s)
        assert out.split(b"\r\n\r\n", 1)[1] == data


def test_half_close_in_the_middle_of_a_request(engine):
    text = post("/v1/put", {"key": "k", "data_b64": "QQ=="})
    whole = text.index(b"\r\n\r\n") + 4
    for n in (1, 20, whole - 1, whole, len(text) - 1):
        with engine.connect() as s:
            s.sendall(text[:n])
            s.shutdown(socket.SHUT_WR)
            assert read_all(s) == b""
    assert engine.get("k").status_code == 404


# -- Expect


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODY = json.dumps({"key": "k", "data_b64": "QQ=="}).encode()


@pytest.mark.parametrize("line", [
    "Expect: 100-continue", "expect: 100-Continue", "EXPECT:100-CONTINUE  "])
@pytest.mark.parametrize("form", ["length", "chunked", "raw"])
def test_expect_is_met(engine, line, form):
    with engine.connect() as s:
        for _ in range(3):                      # also on a kept connection
            if form == "chunked":
                first = head("POST", "/v1/put", "Transfer-Encoding: chunked",
                             line)
                second = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
            else:
                raw = form == "raw"
                second = b"bytes" if raw else BODY
                first = head("POST", "/v1/put" + ("?key=k" if raw else ""),
                             "Content-Type: " + (OCTETS if raw else
                                                 "application/json"),
                             f"Content-Length: {len(second)}", line)
            s.sendall(first)
            assert s.recv(25, socket.MSG_WAITALL) == CONTINUE
            s.sendall(second)
            status, _, _, rest = read_response(s)
            assert status == 200 and rest == b""


def test_expect_of_a_client_that_does_not_wait(engine):
    """The body is there already, or is empty: no 100 is needed."""
    with engine.connect() as s:
        s.sendall(post("/v1/put", BODY, "Expect: 100-continue")
                  + head("GET", "/health", "Expect: 100-continue")
                  + head("POST", "/v1/put", "Content-Length: 0",
                         "Expect: 100-continue") + head("GET", "/health"))
        rest = b""
        for expected in 200, 200, 400, 200:
            status, _, _, rest = read_response(s, rest)
            assert status == expected
        assert rest == b""


def test_expect_in_http_10_is_ignored(engine):
    out = engine.raw(head("POST", "/v1/put", f"Content-Length: {len(BODY)}",
                          "Expect: 100-continue", version="1.0") + BODY)
    assert out.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("path,lines,key,expected", [
    ("/v1/put", (), None, 401), ("/v1/nothing", (), "right", 404),
    ("/v1/get/default/k", (), "right", 405),
    ("/v1/put", ("Content-Type: text/plain",), "right", 415),
    ("/v1/put", ("Content-Encoding: gzip",), "right", 415),
    ("/v1/put", ("If-Match: x",), "right", 400)])
@pytest.mark.parametrize("form", ["Content-Length: 50",
                                  "Transfer-Encoding: chunked"])
def test_expect_is_answered_finally_when_refused(engine, path, lines, key,
                                                 expected, form):
    """No 100 Continue, no body is read, and the connection ends."""
    key = {"key": None} if key is None else {}
    with engine.connect() as s:
        s.sendall(head("POST", path, form, "Expect: 100-continue", *lines,
                       **key))
        status, headers, _, rest = read_response(s)
        assert status == expected and headers["connection"] == "close"
        s.shutdown(socket.SHUT_WR)
        assert rest == b"" and s.recv(1) == b""


# -- hostile ones


SMUGGLED = head("GET", "/health", "X-Request-Id: smuggled")

SMUGGLING = [
    ["Content-Length: 5", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: 5"],
    ["Content-Length: 5", "Content-Length: 6"],
    ["Content-Length: 5", "content-length: 5"],
    ["Content-Length: 5,5"], ["Content-Length: 5 5"], ["Content-Length: +5"],
    ["Content-Length: -5"], ["Content-Length: 0x5"], ["Content-Length: 5.0"],
    ["Content-Length: 5_0"], ["Content-Length: 5;"], ["Content-Length: "],
    ["Content-Length: 18446744073709551621"], ["Content-Length : 5"],
    ["Content-Length\t: 5"], [" Content-Length: 5"], ["Content Length: 5"],
    ["Content-Length: 5\r\n 0"], ["Content-Length: \r\n 5"],
    ["Content-Length: 5\x00"], ["Content-Length: 5\n"],
    ["Content-Length: 5\nTransfer-Encoding: chunked"],
    ["Content-Length: 5\rTransfer-Encoding: chunked"],
    ["Transfer-Encoding: xchunked"], ["Transfer-Encoding: chunked, x"],
    ["Transfer-Encoding: identity, chunked"],
    ["Transfer-Encoding: gzip, chunked"], ["Transfer-Encoding: chunked;q=1"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: x"],
    ["Transfer-Encoding: x", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: \x0bchunked"], ["Transfer-Encoding: chunked\x0b"],
    ["Transfer-Encoding: \"chunked\""], ["Transfer-Encoding: 'chunked'"],
    ["Transfer-Encoding:\r\n chunked"], ["Transfer-Encoding : chunked"],
    ["Transfer-Encoding: identity"], ["Transfer-Encoding:"],
    ["X: y\r\n\tTransfer-Encoding: chunked"], ["Host: y"],
    ["X\x00: y"], ["X: \x01y"], [": y"], ["X"], ["X y: z"]]

BAD_CHUNKS = [
    b"0x5\r\n", b"+5\r\n", b"-5\r\n", b" 5\r\n", b"5 \r\n", b"5\n", b"5\r",
    b"\r\n", b"5;a\n", b"5;\x00\r\n", b"5\r\nabcdeX", b"5\r\nabcde\n",
    b"5\r\nabcdef\r\n", b"10000000000000000\r\n", b"g\r\n", b"0_5\r\n",
    b"5\r\nabcde\r\n0\r\nX : y\r\n\r\n", b"0\r\n X: y\r\n\r\n", b"0\n\n",
    b"0\r\nX: y\n\r\n", b"0\r\n\n"]


def one_refusal(engine, data):
    with engine.connect() as s:
        s.sendall(data)
        status, headers, text, rest = read_response(s)
        assert status == 400 and headers["connection"] == "close"
        assert json.loads(text)["error"] == "invalid_request"
        s.shutdown(socket.SHUT_WR)
        assert rest == b"" and read_all(s) == b""


def test_nothing_is_smuggled(engine):
    for lines in SMUGGLING:
        raw = head("POST", "/v1/put", *lines).decode("latin-1")
        for body in b"5\r\nabcde\r\n0\r\n\r\n", b"abcde", b"":
            one_refusal(engine, raw.encode("latin-1") + body + SMUGGLED)
    for bad in BAD_CHUNKS:
        one_refusal(engine, head("POST", "/v1/put",
                                 "Transfer-Encoding: chunked")
                    + bad + SMUGGLED)
    engine.request("GET", "/health", headers={"X-Request-Id": "last"})
    engine.logged("last")
    assert "smuggled" not in [x["request_id"] for x in engine.log("request")]


def mutated(rng, seeds):
    """A request with something wrong, or something wrong with a request."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.choice([b"\r\n", b"\n", b"\0", b" ", b"%", b":",
                                      b"\xff", b"0", b"\r\n\r\n", b'"', b"{"])
        elif kind == 2:
            del data[at:at + rng.randrange(1, 10)]
        elif kind == 3:
            data[at:at] = data[at:at + rng.randrange(1, 50)]
        else:
            del data[at:]
        if not data:
            data = bytearray(b"x")
    return bytes(data)


def test_ten_thousand_malformed_requests(make_engine):
    """No crash, and nothing is left: memory, descriptors, connections."""
    e = make_engine(HOLONOMIX_LOG_LEVEL="info").start()
    rng = random.Random(7)
    seeds = [x[0] for x in every_operation(b"data " * 20)]
    seeds += [head("POST", "/v1/put", *lines) + b"5\r\nabcde\r\n0\r\n\r\n"
              for lines in SMUGGLING[:10]]

    def round_of(n):
        for _ in range(n):
            with e.connect() as s:
                try:
                    s.sendall(mutated(rng, seeds))
                    s.shutdown(socket.SHUT_WR)
                    out = read_all(s)
                except OSError:
                    continue
                assert out == b"" or out.startswith(b"HTTP/1.1 ")

    def descriptors():
        return len(os.listdir(f"/proc/{e.process.pid}/fd"))

    def alone():
        m = e.request("GET", "/metrics").text
        return "hx_engine_connections 1\n" in m and (
            "hx_engine_inflight_bytes 0\n" in m)

    round_of(1000)
    wait_for(alone, "the connections to end")
    files, memory = descriptors(), anonymous(e)
    round_of(9000)
    wait_for(alone, "the connections to end")
    assert descriptors() == files
    assert anonymous(e) - memory < (400 * MB * SANITIZED or 4 * MB)
    assert e.put("k", b"x").status_code == 200


# -- a stop in the middle


def test_stop_under_load_loses_nothing(engine):
    """What was sent in full before the signal is answered in full; what was
    answered 200 is there afterwards, and nothing else is."""
    n, data = 40, os.urandom(100_000)
    socks = [engine.connect() for _ in range(n)]
    for i, s in enumerate(socks):
        s.sendall(b"".join(post(f"/v1/put?key=k{i}-{j}", data,
                                "Content-Type: " + OCTETS)
                           for j in range(2)))
    for s in socks[:10]:
        consumed(engine, s)
    engine.signal(signal.SIGTERM)
    stored = []
    for i, s in enumerate(socks):
        rest, last = b"", False
        for j in range(2):
            if last:
                break
            status, headers, body, rest = read_response(s, rest)
            assert status == 200
            stored.append(json.loads(body)["key"])
            last = headers.get("connection") == "close"
        assert rest == b"" and read_all(s) == b""
        s.close()
    assert len(stored) >= n
    assert engine.wait() == 0
    engine.start()
    assert engine.list(limit=1000).json()["keys"] == sorted(stored)


def test_every_request_of_a_client_that_keeps_asking(engine):
    """Clients that go on until they are told to stop: each answer is whole,
    the last one says that the connection ends."""
    failures, told = [], []

    def client(n):
        try:
            with engine.connect() as s:
                for i in range(100_000):
                    s.sendall(head("GET", "/v1/list/default"))
                    status, headers, body, rest = read_response(s)
                    json.loads(body)
                    if status != 200 or rest:
                        failures.append((status, rest))
                    if headers.get("connection") == "close":
                        told.append(n)
                        assert s.recv(1) == b""
                        return
        except (OSError, AssertionError) as e:
            # closed between two requests, before anything of the next was
            # read: the client may send it again elsewhere
            if "in a body" in str(e) or "in a head: b'H" in str(e):
                failures.append(repr(e))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    wait_for(lambda: len(engine.log("request")) > 500, "load")
    engine.signal(signal.SIGTERM)
    for t in threads:
        t.join()
    assert not failures
    assert engine.wait() == 0
