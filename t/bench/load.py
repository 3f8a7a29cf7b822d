"""Tenants, their keys, and the requests every contestant gets.

Everything is made from the tenant's number, so that two runs send the same
bytes.  A key has the gate's own form, with a checksum that fits.
"""

import hashlib
import json
import socket
import time
import zlib

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LIMIT = 100_000_000         # requests per window: never reached here
LOW = 5                     # those of one tenant more, that is limited
SPENT = 3600                # seconds; another one has one request in them

PAIRS = [a + b for a in BASE62 for b in BASE62]


def base62(number, width):
    digits = []
    for _ in range((width + 1) // 2):
        number, pair = divmod(number, 62 * 62)
        digits.append(PAIRS[pair])
    return "".join(reversed(digits))[-width:]


def api_key(seed):
    """hx_live_, 43 characters of 256 bits, 6 of the CRC-32 of all before."""
    secret = int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big")
    text = "hx_live_" + base62(secret, 43)
    return text + base62(zlib.crc32(text.encode()), 6)


def key_of(i):
    return api_key(f"bench {i}")


def tenant_of(i):
    return f"t{i:05d}"


def namespaces_of(i):
    return ["production", "staging", f"ns-{i:05d}", f"shared_{i % 97}"]


def digest_of(key):
    return hashlib.sha256(key.encode()).hexdigest()


def write_tenants(path, count):
    """The file that load_tenants reads."""
    with open(path, "w", encoding="ascii") as out:
        for i in range(count):
            spaces = ",".join(namespaces_of(i))
            out.write(f"{digest_of(key_of(i))}\t{tenant_of(i)}\t{LIMIT}\t60\t"
                      f"{spaces}\n")
        out.write(f"{digest_of(api_key('bench low'))}\tu-low\t{LOW}\t60\t"
                  "default\n"
                  f"{digest_of(api_key('bench spent'))}\tu-spent\t1\t{SPENT}\t"
                  "default\n")


def get(namespace, key_name, credential, extra=()):
    """The lines of a GET; half of all clients use either header."""
    return [f"GET /v1/get/{namespace}/{key_name} HTTP/1.1", "Host: gate.test",
            *credential, *extra]


def credential(i, key):
    if i % 2:
        return ["Authorization: Bearer " + key]
    return ["X-Api-Key: " + key]


def served(i):
    """A request of tenant i that is let through."""
    return get(namespaces_of(i)[i % 4], f"tensor-{i}",
               credential(i, key_of(i)))


def unknown(i):
    """The same with a well-formed key that nobody has."""
    return get(namespaces_of(i)[i % 4], f"tensor-{i}",
               credential(i, api_key(f"nobody {i}")))


def spent(i):
    """The same of a tenant that has no request left, but for the first."""
    return get("default", f"tensor-{i}",
               credential(i, api_key("bench spent")))


def malformed(i):
    """The same with a key whose checksum is wrong: no look-up."""
    key = key_of(i)
    return get(namespaces_of(i)[i % 4], f"tensor-{i}",
               credential(i, key[:-1] + ("0" if key[-1] != "0" else "1")))


def write_requests(path, count):
    """The file that load.lua reads."""
    with open(path, "w", encoding="ascii") as out:
        for i in range(count):
            out.write("\n".join(served(i)) + "\n.\n")


class Connection:
    """One keep-alive connection; one request at a time."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.sock.close()

    def ask(self, lines, content=b""):
        """(status, headers, body)"""
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode()
                          + content)
        status = int(self.stream.readline().split()[1])
        headers = {}
        while (line := self.stream.readline().rstrip(b"\r\n")):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.stream.read(int(headers["content-length"]))
        return status, headers, body


def put(i, size):
    """(lines, content): a put whose namespace comes after its data."""
    begin = f'{{"key":"tensor-{i}","data_b64":"'
    end = f'","namespace":"{namespaces_of(i)[0]}"}}'
    data = "A" * (max(0, size - len(begin) - len(end)) // 4 * 4)
    content = (begin + data + end).encode()
    return (["POST /v1/put HTTP/1.1", "Host: gate.test",
             "Content-Type: application/json",
             f"Content-Length: {len(content)}", *credential(i, key_of(i))],
            content)


def drive(port, make, count, tenants):
    """Exactly count requests over one connection: {status: how many}."""
    seen = {}
    with Connection(port) as conn:
        for i in range(count):
            status = conn.ask(make(i % tenants))[0]
            seen[status] = seen.get(status, 0) + 1
    return seen


def check(port):
    """What a gate has to do before its cost means anything: [(what, done)]."""
    with Connection(port) as conn:
        status, headers, body = conn.ask(
            served(0) + ["X-HX-Tenant: evil", "X_HX_Tenant: evil"])
        got = json.loads(body) if status == 200 else {}
        return [
            ("a tenant is served", status == 200),
            ("the upstream is told the tenant",
             got.get("tenant") == tenant_of(0)),
            ("the upstream is told the namespace",
             got.get("namespace") == namespaces_of(0)[0]),
            ("client and upstream get the same request id",
             len(got.get("request_id", "")) == 36 and
             got["request_id"] == headers.get("x-request-id")),
            ("the charge is told", headers.get("x-hx-cus") == "0.1"),
            ("an unknown key is 401", conn.ask(unknown(0))[0] == 401),
            ("a malformed key is 401", conn.ask(malformed(0))[0] == 401),
            ("a foreign namespace is 403",
             conn.ask(get("ns-00001", "k", credential(0, key_of(0))))[0]
             == 403),
            ("the window is told",
             headers.get("x-ratelimit-limit") == str(LIMIT) and
             headers.get("x-ratelimit-remaining") == str(LIMIT - 1)),
            (f"a tenant with {LOW} requests a minute has {LOW}",
             [conn.ask(get("default", "k", credential(0, api_key("bench low")))
                       )[0] for _ in range(LOW + 2)]
             == [200] * LOW + [429] * 2),
        ]


CHECKED = 4 + LOW + 2       # requests of check()


def scrape(port):
    """(seconds, text) of the metrics."""
    with Connection(port) as conn:
        begin = time.monotonic()
        status, _, body = conn.ask(["GET /metrics HTTP/1.1", "Host: x"])
        took = time.monotonic() - begin
    if status != 200:
        raise OSError(f"/metrics: {status}")
    return took, body.decode()
