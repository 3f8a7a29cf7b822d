"""Limits of what is in a body: L-1, L and L+1, in every framing there is.

HTTP/2 ends at the gate, whose bodies come here with a length.
"""

import json
import socket

import pytest
from conftest import b64, consumed, head, read_response

UPLOAD = 3000
CAP = UPLOAD // 3 * 4 + 4 + (1 << 20)
WAYS = ["length", "chunked", "expect", "expect, chunked", "drip",
        "drip, chunked"]


def pieces(body):
    """Large ones, then single bytes: a limit is met by one of them."""
    out = []
    if len(body) > 32:
        step = (len(body) - 32) // 12 + 1
        first = body[:-32]
        out = [first[i:i + step] for i in range(0, len(first), step)]
        body = body[-32:]
    return out + [body[i:i + 1] for i in range(len(body))]


def post(e, way, body):
    """(status, body of the answer, was there a 100?)"""
    framing = ("Transfer-Encoding: chunked" if "chunked" in way
               else f"Content-Length: {len(body)}")
    lines = [framing] + (["Expect: 100-continue"] if "expect" in way else [])
    with e.connect() as s:
        s.sendall(head("POST", "/v1/put", *lines))
        rest, continued = b"", False
        if "expect" in way:
            status, _, text, rest = read_response(s)
            if status != 100:
                return status, json.loads(text), False
            continued = True
        try:
            for part in pieces(body) if "drip" in way else [body]:
                s.sendall(b"%x\r\n%s\r\n" % (len(part), part)
                          if "chunked" in way else part)
                if "drip" in way:
                    taken(e, s)
            if "chunked" in way:
                s.sendall(b"0\r\n\r\n")
        except OSError:
            pass                            # answered before the end of it
        status, _, text, _ = read_response(s, rest)
        return status, json.loads(text), continued


def taken(e, s):
    """The engine has what was sent; OSError: it has answered instead."""
    s.setblocking(False)
    try:
        while True:
            try:
                s.recv(1, socket.MSG_PEEK)
                raise OSError("answered")
            except BlockingIOError:
                pass
            if consumed(e, s, once=True):
                return
    finally:
        s.settimeout(20)


def put(**fields):
    return json.dumps({"key": "k", "data_b64": b64(b"x"), **fields}).encode()


def cap(n):
    return put() + b" " * (n - len(put()))


def payload(n):
    return put(data_b64=b64(bytes(n)))


def metadata(n):
    return put(metadata={"k": "x" * (n - len('{"k":""}'))})


def metadata_depth(n):
    return put(metadata=json.loads('{"a":' * (n - 1) + "{}" + "}" * (n - 1)))


def depth(n):
    """An unknown member is read over, but it is checked."""
    return put(unknown=json.loads("[" * (n - 1) + "]" * (n - 1)))


TOO_LARGE = f"Payload exceeds maximum upload size of {UPLOAD} bytes"

LIMITS = {
    "cap": (CAP, cap, 413, TOO_LARGE),
    "payload": (UPLOAD, payload, 413, TOO_LARGE),
    "metadata": (65536, metadata, 400, "Metadata exceeds 65536 bytes"),
    "metadata depth": (16, metadata_depth, 400,
                       "Metadata is nested deeper than 16 levels"),
    "depth": (64, depth, 400, "Invalid JSON body"),
    "key": (255, lambda n: put(key="k" * n), 400, "Invalid key"),
    "namespace": (255, lambda n: put(namespace="n" * n), 400,
                  "Invalid namespace '" + "n" * 255 + "'"),
    "domain": (64, lambda n: put(domain="d" * n), 400,
               "Invalid domain '" + "d" * 65 + "'"),
    "number": (512, lambda n: put()[:-1] + b',"n":' + b"1" * n + b"}", 400,
               "Invalid JSON body"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    from conftest import Engine
    e = Engine(tmp_path_factory.mktemp("limits"),
               HOLONOMIX_MAX_UPLOAD_BYTES=UPLOAD).start()
    yield e
    e.stop()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LIMITS)
def test_limit(small, name, way):
    limit, body, status, detail = LIMITS[name]
    announced = name == "cap" and "chunked" not in way
    for n in limit - 1, limit, limit + 1:
        got, answer, continued = post(small, way, body(n))
        if n > limit:
            assert (got, answer["detail"]) == (status, detail)
        else:
            assert got == 200, (n, answer)
        if "expect" in way:
            assert continued == (n <= limit or not announced)
