"""Clients that mean harm, a process of its own: slow headers, slow bodies,
HTTP/2 streams that are reset at once, requests that two parsers may read in
two ways, and requests that are none.

    hostile.py KIND PORT TLS_PORT KEY SEED AMOUNT SECONDS

ends after so many requests (or seconds, where it waits), prints a line of JSON
with what it got.  Requests are sent with a key that opens the namespace
"hostile", so that nothing of this ends at the credentials."""

import json
import random
import select
import socket
import ssl
import struct
import sys
import time
from collections import Counter

RATE = 2500             # malformed requests a second
SLOW = 120              # connections that dribble
EACH = 0.15             # seconds between two bytes of one


def connect(port, timeout=10):
    return socket.create_connection(("127.0.0.1", port), timeout)


def head(key, line="GET /v1/list/hostile HTTP/1.1", *more, end="\r\n\r\n"):
    return "\r\n".join((line, "Host: gate", f"X-Api-Key: {key}",
                        *more)) + end


# ---- slow -------------------------------------------------------------------

def dribble(port, texts, seconds, at_once=0):
    """A byte a time on each of many connections, one after the other, the
    first ones at once; Counter of their ends."""
    socks, ends = [], Counter()
    for text in texts:
        s = connect(port)
        s.sendall(text[:at_once].encode())
        s.setblocking(False)
        socks.append([s, text.encode(), at_once])
    end = time.monotonic() + seconds
    while socks and time.monotonic() < end:
        for entry in socks[:]:
            s, text, at = entry
            try:
                if at < len(text):
                    entry[2] += s.send(text[at:at + 1])
                if select.select([s], [], [], 0)[0]:
                    got = s.recv(4096)
                    ends[got[9:12].decode() or "closed"] += 1
                    s.close()
                    socks.remove(entry)
            except OSError:
                ends["reset"] += 1
                s.close()
                socks.remove(entry)
            time.sleep(EACH / SLOW)
    ends["open"] = len(socks)
    for s, *_ in socks:
        s.close()
    return ends


def slow_heads(job):
    text = head(job.key, "GET /v1/list/hostile HTTP/1.1",
                *(f"X-Slow-{n}: {n}" for n in range(200)))
    return dribble(job.port, [text] * SLOW, job.seconds)


def slow_bodies(job):
    body = '{"namespace":"hostile","key":"k","data_b64":"' + "QUFB" * 500
    text = head(job.key, "POST /v1/put HTTP/1.1", "Content-Length: 90000",
                "Content-Type: application/json")
    return dribble(job.port, [text + body] * SLOW, job.seconds, len(text))


# ---- HTTP/2 -----------------------------------------------------------------

def frame(kind, flags, stream, payload=b""):
    return (struct.pack(">I", len(payload))[1:] + bytes((kind, flags))
            + struct.pack(">I", stream) + payload)


def literal(name, value):
    """Without the table and without Huffman."""
    out = b"\x00"
    for text in name.encode(), value.encode():
        assert len(text) < 127
        out += bytes((len(text),)) + text
    return out


def goes_away(stream):
    """Is there a GOAWAY in what a server has sent?  Takes whole frames off."""
    while len(stream) >= 9:
        size = int.from_bytes(stream[:3], "big")
        if len(stream) < 9 + size:
            break
        if stream[3] == 7:
            return True
        del stream[:9 + size]
    return False


def ended(s, answers):
    """Reads what there is: has the server closed, or said that it will?"""
    try:
        while True:
            got = s.recv(65536)
            answers += got
            if not got or goes_away(answers):
                return True
    except ssl.SSLWantReadError:
        return False


def rapid_reset(job):
    """HEADERS and RST_STREAM, again and again."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    block = b"".join(literal(*pair) for pair in (
        (":method", "GET"), (":scheme", "https"), (":authority", "gate"),
        (":path", "/v1/list/hostile"), ("x-api-key", job.key)))
    ends, done = Counter(), 0
    begin = time.monotonic()
    while done < job.amount:
        with context.wrap_socket(connect(job.tls_port)) as s:
            ends["connections"] += 1
            stream, answers = 1, bytearray()
            try:
                s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
                while done < job.amount:
                    out = b""
                    for _ in range(50):
                        out += frame(1, 5, stream, block)
                        out += frame(3, 0, stream, struct.pack(">I", 8))
                        stream += 2
                    s.settimeout(10)
                    s.sendall(out)
                    done += 50
                    s.setblocking(False)
                    if ended(s, answers):
                        break
                    wait(begin, done, RATE)
            except OSError:
                ends["ended by the server"] += 1
    ends["streams"] = done
    return ends


def wait(begin, done, rate):
    ahead = begin + done / rate - time.monotonic()
    if ahead > 0.01:
        time.sleep(ahead)


# ---- two readings -----------------------------------------------------------

def smuggled(key, n):
    """What is hidden behind another request: to show up nowhere."""
    return head(key, "GET /v1/list/victim HTTP/1.1",
                f"X-Request-Id: smuggled-{n}")


def corpus(key):
    """[(name, bytes)]: each hides a request for a namespace that the key does
    not open, with an id that tells."""
    made = []

    def add(name, *more, line="POST /v1/serve HTTP/1.1", body="", inner=None):
        hidden = smuggled(key, f"{len(made)}") if inner is None else inner
        text = head(key, line, *more) + body.replace("{hidden}", hidden)
        made.append((name, text.encode("latin-1")))
    size = len(smuggled(key, "00"))
    chunked = "Transfer-Encoding: chunked"
    add("CL.TE", "Content-Length: 6", chunked, body="0\r\n\r\n{hidden}")
    add("TE.CL", chunked, "Content-Length: 4",
        body=f"{size:x}\r\n" + "{hidden}\r\n0\r\n\r\n")
    add("CL first", "Content-Length: 0", "Content-Length: 300",
        body="{hidden}")
    add("CL twice", "Content-Length: 5", "Content-Length: 5",
        body="12345{hidden}")
    add("CL list", "Content-Length: 0, 300", body="{hidden}")
    for sign in "+0", "-0", "0x0", "00 ", "0;", "1e0", "18446744073709551616":
        add(f"CL {sign}", f"Content-Length: {sign}", body="{hidden}")
    for value in ("xchunked", "chunked, identity", "identity, chunked",
                  "chunked,chunked", "CHUNKED", "chunked;q=1", "\x0bchunked",
                  "chunked\x00", '"chunked"', "gzip, chunked"):
        add(f"TE {value!r}", f"Transfer-Encoding: {value}",
            "Content-Length: 5", body="0\r\n\r\n{hidden}")
        add(f"TE {value!r} alone", f"Transfer-Encoding: {value}",
            body="0\r\n\r\n{hidden}")
    for name in ("Transfer-Encoding :", "Transfer_Encoding:", " Transfer-"
                 "Encoding:", "Transfer-Encoding\t:", "X: x\nTransfer-Encoding:",
                 "Transfer\x00-Encoding:", "Transfer-Encoding:\r\n"):
        add(f"name {name!r}", f"{name} chunked", "Content-Length: 5",
            body="0\r\n\r\n{hidden}")
    add("fold", "Content-Length: 5", "X-Folded: a", " Transfer-Encoding: "
        "chunked", body="0\r\n\r\n{hidden}")
    add("folded CL", "Content-Length:", " 0", body="{hidden}")
    for size_line in ("0;a=b", "0 ", "0\t", "00000000000000000", "-0", "0x0",
                      "+0", "0;\n", "0\n", "fffffffffffffffff", "G", ""):
        add(f"chunk {size_line!r}", chunked,
            body=f"{size_line}\r\n\r\n" + "{hidden}")
    add("bare LF in chunks", chunked, body="0\n\n{hidden}")
    add("chunk without its end", chunked, body="1\r\nAB\r\n0\r\n\r\n{hidden}")
    add("trailer", chunked, body="0\r\nContent-Length: 300\r\n\r\n{hidden}")
    add("bare LF", "X: 1\nContent-Length: 0", body="{hidden}")
    add("bare CR", "X: 1\rContent-Length: 0", body="{hidden}")
    add("GET with a body", "Content-Length: 300", body="{hidden}",
        line="GET /v1/list/hostile HTTP/1.1")
    add("upgrade", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAAP__", body="{hidden}",
        line="GET /v1/list/hostile HTTP/1.1")
    for line in ("GET http://gate/v1/list/victim HTTP/1.1",
                 "GET /v1/list/hostile/../victim HTTP/1.1",
                 "GET /v1/list/hostile%2f..%2fvictim HTTP/1.1",
                 "GET //v1/list/victim HTTP/1.1",
                 "GET /v1/list/victim#/v1/list/hostile HTTP/1.1",
                 "GET /v1/list/hostile HTTP/1.1 HTTP/1.1",
                 "GET /v1/list/victim HTTP/1.0", "GET /v1/list/victim",
                 "GET /open/../v1/list/victim HTTP/1.1",
                 "get /v1/list/victim HTTP/1.1"):
        add(f"line {line}", f"X-Request-Id: smuggled-{len(made)}", line=line)
    for header in ("X-HX-Namespace: victim", "X_HX_Namespace: victim",
                   "X-HX-Tenant: acme", "x-hx.tenant: acme",
                   "X-HX-Tenant\x00: acme", "Connection: X-HX-Tenant, "
                   "X-Request-Id, Authorization", "X-Api_Key: other"):
        add(f"header {header!r}", header, "Connection: close",
            line="GET /v1/list/hostile HTTP/1.1")
    return made


def exchange(port, data, patience=0.3):
    """All statuses that come back."""
    found = []
    with connect(port) as s:
        s.settimeout(patience)
        try:
            s.sendall(data)
            stream = b""
            while True:
                got = s.recv(65536)
                if not got:
                    break
                stream += got
        except OSError:
            pass
        for line in stream.split(b"\r\n"):
            if b"HTTP/1." in line:
                found.append(line[line.index(b"HTTP/1.") + 9:][:3].decode(
                    errors="replace"))
    return found


def smuggling(job):
    ends = Counter()
    for name, data in corpus(job.key):
        found = exchange(job.port, data)
        ends[" ".join(found) or "nothing"] += 1
        # whatever was hidden may be answered, but by no 200 of the victim's
        if found.count("200") > 1:
            ends[f"200 twice: {name}"] += 1
    return ends


# ---- no requests ------------------------------------------------------------

BYTES = [bytes((n,)) for n in (0, 9, 10, 11, 13, 32, 34, 37, 58, 127, 128, 255)]
WORDS = [b"\r\n", b"\r\n\r\n", b"\n", b" HTTP/1.1", b"Host:", b"%00", b"%2f",
         b"../", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n",
         b"X-Api-Key: ", b"{", b'"namespace":"', b"\\u0000", b"A" * 9000]


def spoil(rng, text):
    """A request with some of it exchanged, doubled or missing."""
    out = bytearray(text)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(out) + 1)
        what = rng.randrange(5)
        if what == 0:
            out[at:at + rng.randrange(1, 12)] = b""
        elif what == 1:
            out[at:at] = rng.choice(BYTES) * rng.choice((1, 1, 1, 50))
        elif what == 2:
            out[at:at] = rng.choice(WORDS)
        elif what == 3 and at < len(out):
            out[at] = rng.randrange(256)
        else:
            other = rng.randrange(len(out) + 1)
            out[at:at] = out[other:other + 40]
    return bytes(out)


def malformed(job):
    """Many on one connection as long as it lasts, each once."""
    rng = random.Random(job.seed)
    body = '{"namespace":"hostile","key":"k","data_b64":"QQ=="}'
    whole = [head(job.key).encode(),
             (head(job.key, "POST /v1/put HTTP/1.1",
                   f"Content-Length: {len(body)}") + body).encode(),
             (head(job.key, "POST /v1/serve HTTP/1.1",
                   "Transfer-Encoding: chunked")
              + "5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n").encode(),
             head("wrong", "GET /v1/get/hostile/k HTTP/1.1").encode()]
    ends, begin, done = Counter(), time.monotonic(), 0
    while done < job.amount:
        s = connect(job.port)
        s.setblocking(False)
        try:
            for _ in range(8):
                done += 1
                try:
                    s.send(spoil(rng, rng.choice(whole)))
                except BlockingIOError:
                    pass
                if select.select([s], [], [], 0.0005)[0]:
                    got = s.recv(65536)
                    if not got:
                        break
                    ends[got[9:12].decode(errors="replace")] += 1
        except OSError:
            ends["reset"] += 1
        finally:
            s.close()
        wait(begin, done, RATE)
    ends["requests"] = done
    return ends


class Job:
    def __init__(self, port, tls_port, key, seed, amount, seconds):
        self.port = int(port)
        self.tls_port = int(tls_port)
        self.key = key
        self.seed = int(seed)
        self.amount = int(amount)
        self.seconds = float(seconds)


KINDS = {"slow heads": slow_heads, "slow bodies": slow_bodies,
         "rapid reset": rapid_reset, "smuggling": smuggling,
         "malformed": malformed}


if __name__ == "__main__":
    print(json.dumps(KINDS[sys.argv[1]](Job(*sys.argv[2:]))))
