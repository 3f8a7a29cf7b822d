#!/usr/bin/python3
"""Writes the inputs of t/fuzz/corpus that can be made by rule: requests, RESP,
stored records behind their checksums.  Run it after a format or a harness has
changed, and commit what it wrote; what a fuzzer found is kept beside it."""

import base64
import hashlib
import hmac
import struct
import sys
from pathlib import Path
from zlib import crc32

CORPUS = Path(__file__).resolve().parent / "corpus"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
EPOCH = b"7-aaaaaaaaaaaaaaaa"
NEXT = b"8-0123456789abcdef"


def put(target, name, data):
    """One input; text is UTF-8."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(
        data if isinstance(data, bytes) else data.encode())


def base62(value, width):
    out = ""
    for _ in range(width):
        out = DIGITS[value % 62] + out
        value //= 62
    return out


def apikey():
    body = "hx_live_" + base62(int.from_bytes(b"k" * 32, "big"), 43)
    good = body + base62(crc32(body.encode()), 6)
    put("apikey", "good", good)
    put("apikey", "sum", good[:-1] + ("0" if good[-1] != "0" else "1"))
    put("apikey", "short", good[:-1])
    put("apikey", "prefix", "hx_test_" + good[8:])
    put("apikey", "digit", good[:50] + "-" + good[51:])
    put("apikey", "any", "a" * 31 + "~")
    put("apikey", "any_short", "a" * 31)
    put("apikey", "any_long", "b" * 256)
    put("apikey", "too_long", "b" * 257)
    put("apikey", "blank", "a" * 16 + " " + "a" * 16)


def route():
    for name, method, pattern, target in (
            ("get", "GET", "/v1/get/{ns}/{key}", "/v1/get/prod/a/b%2Fc?v=1"),
            ("head", "HEAD", "/v1/get/{ns}/{key}", "/v1/get/p/k"),
            ("list", "GET", "/v1/list/{ns}", "/v1/list/prod"),
            ("slash", "GET", "/v1/list/{ns}", "/v1/list/pr%2Fod"),
            ("any", "PUT", "/a/{x}/{ns}/c", "/a/b/n%20s/c"),
            ("none", "POST", "-/v1/put", "/v1/put"),
            ("admin", "POST", "-/gate/onboard/create",
             "/gate/onboard/create"),
            ("tenant", "GET", "-/gate/admin/usage/{id}",
             "/gate/admin/usage/acme"),
            ("regex", "GET", "~/v(?:1|2)/get/(?<ns>[a-z]+)/(?<key>.+)",
             "/v2/get/prod/k%2F1"),
            ("regex_none", "GET", "-~/(?<key>[^/]+)/x", "/k/x"),
            ("regex_optional", "GET", "~/a(?:/(?<ns>b))?", "/a"),
            ("regex_bad", "GET", "~/(?<ns>[", "/a"),
            ("regex_back", "GET", r"~/(?<ns>a+)+\1b", "/" + "a" * 40),
            ("segments", "GET", "-/a/b", "/" + "a/" * 34 + "b"),
            ("placeholder", "GET", "/a{ns}/b", "/a/b"),
            ("twice", "GET", "/{ns}/{ns}", "/a/b"),
            ("early", "GET", "/{key}/{ns}", "/a/b"),
            ("dots", "GET", "/v1/get/{ns}/{key}", "/v1/get/a/../b"),
            ("double", "GET", "/v1/get/{ns}/{key}", "/v1/get/a/%2561"),
            ("nul", "GET", "/v1/get/{ns}/{key}", "/v1/get/a/%00")):
        put("route", name, f"{method}\n{pattern}\n{target}")


BODIES = {
    "plain": '{"namespace":"prod","key":"k"}',
    "default": '{"key":"k"}',
    "escaped": r'{"n\u0061mespace":"pr\u006fd"}',
    "twice": '{"namespace":"a","namespace":"b"}',
    "twice_escaped": r'{"namespace":"a","n\u0061mespace":"b"}',
    "nested": '{"metadata":{"namespace":"x"},"namespace":"prod"}',
    "inside": '{"a":"\\"namespace\\":\\"x\\"","namespace":"prod"}',
    "array": '[{"namespace":"x"}]',
    "null": '{"namespace":null}',
    "number": '{"namespace":1}',
    "object": '{"namespace":{"a":1}}',
    "empty": '{"namespace":""}',
    "bad": '{"namespace":"pr od"}',
    "nul": r'{"namespace":"a\u0000b"}',
    "gpu": '{"namespace":"prod","mode":"gpu"}',
    "gpu_escaped": r'{"m\u006fde":"g\u0070u"}',
    "dense": '{"mode":"dense","namespace":"prod"}',
    "mode_number": '{"mode":5}',
    "mode_twice": '{"mode":"gpu","mode":"dense"}',
    "mode_long": '{"mode":"' + "g" * 40 + '"}',
    "trailing": '{"namespace":"a"} x',
    "cut": '{"namespace":"a"',
    "surrogate": r'{"x":"\ud800","namespace":"a"}',
    "case": '{"Namespace":"a","namespace":"b"}',
}


def extract():
    for name, body in BODIES.items():
        put("extract", name, body)
    put("extract", "late",
        '{"data_b64":"' + "A" * 4200 + '","namespace":"prod"}')
    put("extract", "long", '{"namespace":"' + "n" * 4200 + '"}')
    put("extract", "utf8", b'{"x":"\xff","namespace":"a"}')


def stripe():
    body = b'{"id":"evt_1"}'
    t = "1700000000"
    v1 = hmac.new(b"whsec_fuzz", t.encode() + b"." + body,
                  hashlib.sha256).hexdigest()
    other = "0" * 64
    for name, header in (
            ("good", f"t={t},v1={v1}"),
            ("scheme", f"v0=abc,v1={v1},t={t},v22=x=y"),
            ("two", f"t={t},v1={other},v1={v1}"),
            ("many", f"t={t}" + f",v1={other}" * 16),
            ("too_many", f"t={t}" + f",v1={other}" * 17),
            ("no_t", f"v1={v1}"),
            ("no_v1", f"t={t}"),
            ("two_t", f"t={t},t={t},v1={v1}"),
            ("zero", f"t=0{t},v1={v1}"),
            ("last", f"t=253402300799,v1={v1}"),
            ("beyond", f"t=253402300800,v1={v1}"),
            ("upper", f"t={t},v1={v1.upper()}"),
            ("comma", f"t={t},v1={v1},"),
            ("blank", f"t={t}, v1={v1}"),
            ("name", f"t={t},x1=a,v1={v1}"),
            ("bare", f"t={t},v,v1={v1}")):
        put("stripe", name, header.encode() + b"\n" + body)


def event(kind, fields, **more):
    text = ",".join(f'"{k}":{v}' for k, v in fields.items())
    extra = "".join(f',"{k}":{v}' for k, v in more.items())
    return (f'{{"id":"evt_1","type":"{kind}","created":1700000000{extra},'
            f'"data":{{"object":{{{text}}}}}}}')


def stripe_event():
    sub = {"id": '"sub_1"', "object": '"subscription"', "created": "1600",
           "customer": '"cus_1"', "status": '"active"',
           "metadata": '{"tenant_id":"acme","plan":"pro"}',
           "items": '{"data":[{"price":{"id":"price_1"}}]}'}
    checkout = {"id": '"cs_1"', "client_reference_id": '"acme"',
                "customer": '"cus_1"', "subscription": '"sub_1"',
                "mode": '"subscription"', "payment_status": '"paid"',
                "metadata": '{"plan":"builder"}'}
    put("stripe_event", "updated",
        event("customer.subscription.updated", sub))
    put("stripe_event", "created",
        event("customer.subscription.created", {**sub, "metadata": "{}"}))
    put("stripe_event", "deleted",
        event("customer.subscription.deleted", {**sub,
                                                "status": '"canceled"'}))
    put("stripe_event", "checkout",
        event("checkout.session.completed", checkout))
    put("stripe_event", "async",
        event("checkout.session.async_payment_succeeded",
              {**checkout, "mode": '"payment"', "subscription": "null"}))
    put("stripe_event", "paid", event("invoice.paid",
                                      {"customer": '"cus_1"',
                                       "subscription": '"sub_1"'}))
    put("stripe_event", "failed", event("invoice.payment_failed", {}))
    put("stripe_event", "other", event("charge.refunded", {"id": '"ch_1"'},
                                       livemode="false"))
    put("stripe_event", "late_type",
        '{"data":{"object":{"id":"sub_1","customer":"cus_1","status":'
        '"active","items":{"data":[{"price":{"id":"price_2"}}]}}},'
        '"created":1700000000,"type":"customer.subscription.updated",'
        '"id":"evt_2"}')
    put("stripe_event", "twice", '{"id":"a","id":"b","type":"invoice.paid"}')
    put("stripe_event", "no_created", '{"id":"a","type":"invoice.paid"}')
    put("stripe_event", "blank",
        event("checkout.session.completed", {**checkout, "id": '"c s"'}))
    put("stripe_event", "array", "[]")


def texts(*items):
    return b"".join(bytes([len(s)]) + s for s in items)


def sealed(head, tail):
    """head (4 bytes), CRC-32 of head and tail, tail."""
    return head + struct.pack("<I", crc32(tail, crc32(head))) + tail


def tenant_record(keys=1, namespaces=(b"default", b"prod"), status=0,
                  email=b"a@b.c"):
    plan, ident = b"pro", b"acme-corp"
    tail = struct.pack("<QQQIIHHBBBB", 1600000000, 1650000000, 2**64 - 2, 0,
                       0, len(namespaces), keys, len(plan), len(ident),
                       len(email), 0)
    for i in range(keys):
        tail += bytes([i]) * 32 + struct.pack("<QQ", 1600000000, 17 * 10**8 * i)
    return sealed(b"HT\x01" + bytes([status]),
                  tail + plan + ident + email + texts(*namespaces))


def change(op, now=1700000000, grace=0, expires=0, names=(b"\x03prod", b"")):
    out = bytes([op]) + struct.pack("<I", now)
    out += b"".join(names[:2 if op == 0 else 1])
    return out + struct.pack("<IIBBQII", grace, expires, 1, 1, 5000, 10, 60)


def tenant():
    for op, name in enumerate(("create", "rotate", "add", "remove", "suspend",
                               "activate", "tier", "delete")):
        put("tenant", name, change(op, grace=3600,
                                   names=(b"\x03prod", b"\x02new"))
            + tenant_record(keys=2))
    put("tenant", "full_keys", change(1, grace=10) + tenant_record(keys=8))
    put("tenant", "many_keys", change(1) + tenant_record(keys=9))
    put("tenant", "no_namespace",
        change(3) + tenant_record(namespaces=(b"prod",)))
    put("tenant", "suspended", change(5) + tenant_record(status=1, email=b""))
    put("tenant", "many_namespaces",
        change(2) + tenant_record(namespaces=[b"n%d" % i
                                              for i in range(257)]))
    put("tenant", "damaged", change(4) + tenant_record()[:-3])
    put("tenant", "empty", b"")


def book_record(n, flags=4, sub_flags=3):
    tail = struct.pack("<QQB", 1600000000, 1650000000, n)
    tail += texts(b"acme-corp", b"starter")
    for i in range(n):
        tail += struct.pack("<QQQQBBBB", 1600, 1700 + i, 1700, 1700, 1, 2, 3,
                            sub_flags)
        tail += texts(b"sub_%d" % i, b"pro", b"builder")
    return sealed(b"HB\x01" + bytes([flags]), tail)


def usage_row(*entries, key=b"202601acme-corp\0" + b"s" * 12):
    value = b"".join(texts(name) + struct.pack("<Q", tenths)
                     for name, tenths in entries)
    return (bytes([len(key)]) + key
            + struct.pack("<I", crc32(value, crc32(key))) + value)


def book():
    put("book", "empty", book_record(0))
    put("book", "one", book_record(1))
    put("book", "weak", book_record(2, flags=3, sub_flags=9))
    put("book", "full", book_record(16))
    put("book", "too_many", book_record(17))
    put("book", "cut", book_record(2)[:-2])
    put("book", "row", usage_row((b"put", 10), (b"get", 1)))
    put("book", "row_same", usage_row((b"put", 10), (b"put", 5)))
    put("book", "row_overflow", usage_row((b"put", 2**64 - 1), (b"get", 1)))
    put("book", "row_none", usage_row())
    put("book", "row_month",
        usage_row((b"put", 1), key=b"202613acme\0" + b"s" * 12))
    put("book", "row_name", usage_row((b"x" * 65, 1)))


def audit_record(flags, path, agent=b"curl/8", tenant=b"acme-corp"):
    out = bytes([flags]) + (1767225599).to_bytes(5, "little")
    out += struct.pack("<HHII", 123, 200, 10, 12)
    out += texts(tenant, b"GET")
    out += struct.pack("<H", len(path)) + path
    out += texts(b"prod", b"0b9c2c3e-1d9e-4c0e", b"get", b"192.0.2.1")
    out += struct.pack("<H", len(agent)) + agent
    out += struct.pack("<QQQ", 100, 200, 5)
    return out + texts(b"invoice.paid", b"evt_1", b"other")


def audit():
    plain = audit_record(1, b"/v1/get/prod/a%2Fb?x=1")
    put("audit", "plain", plain * 2)
    put("audit", "extended", audit_record(4, b"/v1/put") * 2)
    put("audit", "everything", audit_record(0xff, b"/gate/onboard/create") * 2)
    put("audit", "null", audit_record(1, b"/", tenant=b"\0") * 2)
    put("audit", "quotes",
        audit_record(4, b'/"\\\n\x1f', agent=b'"a\\b"\x7f') * 2)
    put("audit", "utf8", audit_record(4, "/ä€\U0001f600".encode(),
                                      agent=b"\xff\xc3(") * 2)
    put("audit", "long", audit_record(4, b"/" + b"p" * 2100,
                                      agent=b"a" * 300) * 2)
    put("audit", "long_cut", audit_record(0, b"/" + b"\xe2\x82\xac" * 700))
    put("audit", "empty", b"")


RECORD = ('{"ts":"2026-01-31T23:59:59.123Z","tenant_id":"acme","method":'
          '"GET","path":"/v1/get/prod/k","namespace":"prod","status":200,'
          '"cus":0.1,"latency_ms":12,"request_id":"r1"')


def chained(members, seq, before, writer="0123456789abcdef"):
    head = f'{members},"writer":"{writer}","seq":{seq}'
    digest = hashlib.sha256(before + head.encode()).digest()
    return f'{head},"hash":"{digest.hex()}"', digest


def audit_line():
    begin, h = chained('{"ts":"2026-01-31T23:59:59.000Z","checkpoint":'
                       '"begin","node":"n","lost":0,"key":null', 1, bytes(32))
    lines = [begin + "}"]
    for i in range(2, 5):
        text, h = chained(RECORD, i, h)
        lines.append(text + "}")
    end, h = chained('{"ts":"2026-01-31T23:59:59.999Z","checkpoint":"end",'
                     '"node":"n","lost":0,"key":null', 5, h)
    lines.append(end + "}")
    put("audit_line", "chain", "\n".join(lines))
    put("audit_line", "deleted", "\n".join(lines[:2] + lines[3:]))
    put("audit_line", "swapped",
        "\n".join([lines[0], lines[2], lines[1]] + lines[3:]))
    put("audit_line", "duplicate", "\n".join(lines[:3] + lines[2:]))
    put("audit_line", "cut", "\n".join(lines[:3]))
    put("audit_line", "torn",
        "\n".join([lines[0], lines[1][:60]] + lines[1:]))
    put("audit_line", "files", "\n".join(lines[:3] + ["x"] + lines[3:]))
    put("audit_line", "no_begin", "\n".join(lines[2:]))
    signed = ('{"ts":"2026-01-31T23:59:59.000Z","checkpoint":"mark","node":'
              '"n","lost":2,"key":"hmac-sha256:0123456789abcdef"')
    text, _ = chained(signed, 1, bytes(32))
    put("audit_line", "signed", f'{text},"sig":"{"ab" * 32}"}}')
    put("audit_line", "record", RECORD + "}")
    put("audit_line", "extended",
        RECORD + ',"operation":null,"outcome":"ok","amends":"r1","x":[1]}')
    put("audit_line", "blanks", RECORD.replace(",", " ,\t") + "}")
    put("audit_line", "escapes", RECORD.replace("/v1", r"\u002fv1") + "}")
    put("audit_line", "missing", RECORD.replace('"cus":0.1,', "") + "}")
    put("audit_line", "numbers",
        RECORD.replace("200", "0200").replace("0.1", "1e1") + "}")
    put("audit_line", "twice", RECORD + ',"status":200}')


def resp(value):
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(map(resp, value))
    if isinstance(value, int):
        return b":%d\r\n" % value
    return b"$%d\r\n%s\r\n" % (len(value), value)


def redis_reply():
    put("redis_reply", "committed", resp([1, NEXT]))
    put("redis_reply", "before", resp([2, NEXT]))
    put("redis_reply", "moved", resp([0, b"9-ffffffffffffffff"]))
    put("redis_reply", "noscript", b"-NOSCRIPT No matching script.\r\n")
    put("redis_reply", "error", b"-OOM command \x01 not allowed\r\n")
    put("redis_reply", "epoch", resp(EPOCH))
    put("redis_reply", "nil", b"$-1\r\n*-1\r\n")
    put("redis_reply", "status", b"+OK\r\n")
    put("redis_reply", "count", b":12\r\n:-1\r\n")
    entry = [b"8-1", [b"t", b"0123456789abcdef", b"p", EPOCH, b"w", b"ws"]]
    put("redis_reply", "log", resp([entry, entry]))
    put("redis_reply", "page", resp([b"0", [b"k", b"v", b"l", b""]]))
    put("redis_reply", "page_next", resp([b"1764", []]))
    put("redis_reply", "pushed", resp([0, NEXT, 2, 1]))
    put("redis_reply", "other", resp([2]))
    put("redis_reply", "pulled_same", resp([0, EPOCH, EPOCH]))
    put("redis_reply", "pulled",
        resp([1, b"9-0123456789abcdef", NEXT,
              [b"202601acme\0" + b"s" * 12, b"15 value", b"k", b"x"]]))
    put("redis_reply", "limit", resp([0, 5, 10, 100, 95, 60000, 0, 77, 1000,
                                      10]))
    put("redis_reply", "limit_refused", resp([1, 0, 0, 100, 0, 60000, 1500, 0,
                                              0, 0]))
    put("redis_reply", "limit_more", resp([0, 6, 0, 1, 1, 1, 1, 1, 1, 1]))
    put("redis_reply", "deep", resp([[[[[[1]]]]]]))
    put("redis_reply", "many", b"*1048577\r\n")
    put("redis_reply", "sum", b"*3\r\n*1048574\r\n:1\r\n")
    put("redis_reply", "long", b"$65537\r\n")
    put("redis_reply", "cut", resp([1, NEXT])[:-5])
    put("redis_reply", "digits", b"*00000000000000000000001\r\n:1\r\n")


def redis_url():
    for name, url in (
            ("plain", "redis://localhost"),
            ("port", "redis://127.0.0.1:6380/3"),
            ("tls", "rediss://user:p%40ss@redis.example:6379"),
            ("password", "redis://:secret@h"),
            ("v6", "redis://[::1]:1/15"),
            ("sentinel", "redis+sentinel://a,b:1,[fe80::1]/mymaster/2"),
            ("cluster", "rediss+cluster://u:p@a:1,b:2"),
            ("cluster_db", "redis+cluster://a/1"),
            ("at", "redis://u:p@ss@h"),
            ("slash", "redis://u:p/s@h"),
            ("escape", "redis://u:%zz@h"),
            ("twice", "redis+sentinel://a,a/m"),
            ("two", "redis://a,b"),
            ("db", "redis://a/16"),
            ("zero", "redis://a:0"),
            ("v4", "redis://1.2.3.256"),
            ("scheme", "http://a")):
        put("redis_url", name, url)


def adminreq():
    bodies = (
        (0, "create", '{"tenant_id":"acme","plan":"pro","namespaces":'
         '["a","b"],"email":"a@b.c","expires_at":"2030-01-01T00:00:00Z"}'),
        (0, "create_least", '{"tenant_id":"acme"}'),
        (0, "create_twice", '{"tenant_id":"a","namespaces":["x","x"]}'),
        (0, "create_none", '{"tenant_id":"a","namespaces":[]}'),
        (1, "rotate", '{"tenant_id":"acme","grace_s":3600}'),
        (2, "add", '{"tenant_id":"acme","namespace":"prod"}'),
        (3, "remove", '{"tenant_id":"acme","namespace":"prod"}'),
        (4, "suspend", '{"tenant_id":"acme"}'),
        (5, "activate", r'{"tenant_id":"\u0061cme"}'),
        (6, "tier", '{"tenant_id":"acme","plan":"enterprise","monthly_quota"'
         ':12345,"rate_limit":{"requests":10,"window_s":60}}'),
        (6, "tier_null", '{"tenant_id":"acme","plan":"pro","monthly_quota":'
         'null,"rate_limit":null}'),
        (7, "delete", '{"tenant_id":"acme"}'),
        (4, "unknown", '{"tenant_id":"acme","x":1}'),
        (4, "duplicate", '{"tenant_id":"a","tenant_id":"b"}'),
        (4, "type", '{"tenant_id":1}'),
        (1, "grace", '{"tenant_id":"a","grace_s":2592001}'),
        (4, "array", "[]"),
        (4, "cut", '{"tenant_id":"a"'),
        (0, "line", '{"tenant_id":"acme","key_sha256":["' + "ab" * 32
         + '"],"namespaces":["a"],"plan":"pro","status":"suspended",'
         '"email":"a@b.c"}'),
        (0, "line_key", '{"tenant_id":"acme","key_sha256":[{"sha256":"'
         + "cd" * 32 + '","expires_at":"2030-01-01T00:00:00Z"}]}'))
    for call, name, body in bodies:
        put("adminreq", name, bytes([call]) + body.encode())


def origin():
    for name, text in (
            ("plain", "https://example.com\nAccept-Encoding"),
            ("port", "http://localhost:3000\nOrigin"),
            ("v4", "http://127.0.0.1\n"),
            ("v6", "https://[2001:db8::1]:8443\naccept, ORIGIN ,x"),
            ("default_port", "https://example.com:443\n*"),
            ("upper", "https://Example.com\norigin-x"),
            ("path", "https://example.com/\n,,origin"),
            ("user", "https://a@b\n origin\t"),
            ("null", "null\n"), ("star", "*\n"),
            ("label", "https://a..b\nxorigin"),
            ("dash", "https://-a.b\n"),
            ("scheme", "app+x://host\n"),
            ("idn", "https://xn--bcher-kva.example\n")):
        put("origin", name, text)


DBKEY = b"\0\0\0\1key\0\0\0\0\0\0\0\0\1" + b"\0"


def stored(codec=0, dtype=2, dims=(2, 2), ranks=(), value=b"v" * 32,
           verdict=0, form=2, length=32, value_id=0, stored_len=None,
           metadata=b'{"a":1}', flip=0):
    stored_len = len(value) if stored_len is None else stored_len
    fixed = struct.pack("<QQQQQBBBBIIII", 1, 1700000000000, length, 0,
                        value_id, codec, dtype, 0, len(dims), 4,
                        len(metadata), len(value), crc32(value))
    fixed += b"h" * 32
    if form == 2:
        fixed += struct.pack("<BBBBQddd", verdict, 0, len(ranks), 0,
                             stored_len, 0.0, 1.5, 0.0)
        fixed = fixed.ljust(136, b"\0")
    else:
        fixed = fixed.ljust(96, b"\0")
    tail = fixed + struct.pack(f"<{len(dims)}Q", *dims)
    tail += struct.pack(f"<{len(ranks)}I", *ranks) + b"json" + metadata
    head = struct.pack("<IB3xI", 0x31525848, form, 16 + len(tail))
    crc = crc32(tail, crc32(head, crc32(DBKEY))) ^ flip
    return head + struct.pack("<I", crc) + tail + value


def record():
    put("record", "inline", stored())
    put("record", "format1", stored(form=1))
    put("record", "chunks", stored(value=b"", value_id=5, length=9000,
                                   stored_len=9000))
    put("record", "packed", stored(codec=2, value=b"", value_id=6,
                                   length=9000, stored_len=700))
    put("record", "train", stored(codec=1, verdict=1, ranks=(1, 2, 1),
                                  dims=(4,), value=b"\0" * 64))
    put("record", "train_ranks", stored(codec=1, verdict=1, ranks=(1, 3, 1),
                                        dims=(4,), value=b"\0" * 64))
    put("record", "scalar", stored(dims=(), value=b"12345678", length=8))
    put("record", "opaque", stored(dtype=0, dims=(32,), metadata=b""))
    put("record", "flipped", stored(flip=1))
    put("record", "dims", stored(dims=range(1, 34)))
    put("record", "cut", stored()[:-1])
    put("record", "head", struct.pack("<IQ", 0x31485848, 7) + b"\0" * 4)
    put("record", "tomb", struct.pack("<IQQ", 0x31545848, 7, 9) + b"\0" * 4)
    put("record", "count",
        struct.pack("<IQQQQ", 0x314e5848, 1, 2, 3, 4) + b"\0" * 4)
    put("record", "empty", b"")


def zstd_rle(byte, n):
    """A frame of one block that says: this byte, so many times."""
    size = struct.pack("<H", n - 256) if n >= 256 else bytes([n])
    block = (n << 3 | 1 << 1 | 1).to_bytes(3, "little") + bytes([byte])
    return b"\x28\xb5\x2f\xfd" + (b"\x60" if n >= 256 else b"\x20") + size \
        + block


def pack():
    def how(flags, length, data):
        put("pack", f"how_{flags:02x}_{length}",
            bytes([flags]) + struct.pack("<H", length - 1) + data)

    head = struct.pack("<BBHI", 1, 8, 0, 65536)
    raw = b"r" * 100
    put("pack", "raw", b"\0" + struct.pack("<H", 99) + head
        + struct.pack("<I", 0x80000000 | 100) + raw)
    frame = zstd_rle(7, 300)
    put("pack", "rle", b"\0" + struct.pack("<H", 299) + head
        + struct.pack("<I", len(frame)) + frame)
    put("pack", "rle_short", b"\0" + struct.pack("<H", 298) + head
        + struct.pack("<I", len(frame)) + frame)
    put("pack", "size", b"\0" + struct.pack("<H", 99)
        + struct.pack("<BBHI", 1, 3, 0, 65536))
    put("pack", "skew", b"\0" + struct.pack("<H", 299)
        + struct.pack("<BBHI", 1, 4, 500, 65536)
        + struct.pack("<I", len(frame)) + frame)
    how(0x83, 9000, struct.pack("<8d", *range(8)))
    how(0x82, 65536, b"\0\1\2\3" * 9)
    how(0x80, 5000, b"text, text and more text. ")
    how(0xbf, 40000, struct.pack("<4Q", 1, 2, 3, 4))
    how(0x87, 65000, b"")


def cores():
    def value(v):
        return b"\0" + struct.pack("b", int(v * 8))

    def train(ranks, numbers, form=b"\0"):
        out = bytes([len(ranks) - 1]) + form
        n = 0
        ranks = (1,) + tuple(ranks)
        for k in range(1, len(ranks)):
            if k != len(ranks) - 1:
                out += bytes([ranks[k] - 1])
            count = ranks[k - 1] * 2 * ranks[k]
            for _ in range(count):
                out += numbers[n % len(numbers)]
                n += 1
            out += b"\0"
        return out

    ones = [value(1), value(-0.5), value(0.25)]
    nan = b"\xff" + struct.pack("<d", float("nan"))
    huge = b"\xff" + struct.pack("<d", 1e200)
    tiny = b"\xff" + struct.pack("<d", 5e-324)
    put("cores", "one", train((1,), ones))
    put("cores", "three", train((2, 3, 1), ones))
    put("cores", "nine", train((2, 3, 4, 5, 5, 4, 3, 2, 1), ones))
    put("cores", "length", train((2, 2, 1), ones, b"\1" + b"\5\0"))
    put("cores", "too_short", train((2, 2, 1), ones, b"\1" + b"\4\0"))
    put("cores", "shape", train((2, 2, 1), ones, b"\2\2\2\4"))
    put("cores", "f4", train((2, 2, 1), ones, b"\4\1"))
    put("cores", "i1", train((2, 2, 1), ones, b"\5\5\0\2"))
    put("cores", "u8", train((2, 2, 1), ones, b"\4\5"))
    put("cores", "nan", train((2, 1), ones + [nan]))
    put("cores", "huge", train((2, 2, 1), [huge, ones[0]]))
    put("cores", "tiny", train((2, 2, 1), [tiny, ones[0]]))
    put("cores", "zero", train((1, 1, 1), [value(0)]))
    put("cores", "empty", b"")


CORE = base64.b64encode(struct.pack("<2d", 1, 2)).decode()
ARRAY = base64.b64encode(struct.pack("<4d", 1, 2, 3, 4)).decode()
OPERATIONS = (
    ("put", "POST /v1/put", '{"key":"a/b","namespace":"prod","data_b64":"'
     + ARRAY + '","metadata":{"a":[1,{"b":null}]},"domain":"x","dtype":"f8",'
     '"shape":[2,2],"expected_version":0}'),
    ("put_cores", "POST /v1/put_cores", '{"key":"k","cores":[{"shape":'
     '[1,2,1],"data_b64":"' + CORE + '"}],"dtype":"f4","length":2}'),
    ("put_cores_batch", "POST /v1/put_cores_batch", '{"items":[{"key":"k",'
     '"cores":[{"shape":[1,2,1],"data_b64":"' + CORE + '"}],"metadata":'
     '{"x":1}},{"key":"l","cores":[{"data_b64":"' + CORE + '","shape":'
     '[1,2,1]}],"expected_version":3}],"namespace":"prod"}'),
    ("serve", "POST /v1/serve", '{"key":"k","mode":"dense","version":2,'
     '"format":"npy"}'),
    ("serve_gpu", "POST /v1/serve",
     r'{"key":"k","m\u006fde":"gpu","namespace":"prod"}'),
    ("search", "POST /v1/search", '{"namespace":"prod","filters":{"a":{"$gt":'
     '1,"$lte":9},"b.c":{"$in":["x",2]},"d":true},"limit":5,"cursor":"k"}'),
    ("similarity", "POST /v1/query/similarity",
     '{"key_a":"a","key_b":"b","metric":"euclidean"}'),
    ("topk", "POST /v1/query/topk",
     '{"query_key":"a","k":3,"filters":{"a":{"$exists":true}}}'),
    ("vector", "POST /v1/query/vector",
     '{"data_b64":"' + ARRAY + '","shape":[4],"metric":"dot","k":1}'),
    ("get", "GET /v1/get/prod/a%2Fb?version=3", ""),
    ("head", "HEAD /v1/get/prod/k", ""),
    ("delete", "DELETE /v1/delete/prod/k", ""),
    ("list", "GET /v1/list/prod?prefix=a%2f&limit=10&cursor=b", ""),
    ("list_twice", "GET /v1/list/prod?limit=1&limit=2&prefix", ""),
    ("health", "GET /health", ""),
)


def api():
    for name, head, body in OPERATIONS:
        put("api", name, f"{head} \n\n{body}".replace(" \n", "\n", 1))
    put("api", "conditions", "POST /v1/put\nif-match: \"3\"\n\n"
        + '{"key":"k","data_b64":"AAAA"}')
    put("api", "tags", "GET /v1/get/a/b\nif-none-match: W/\"1\", \"2\"\n\n")
    put("api", "raw", "POST /v1/put?key=k&namespace=prod&dtype=f8&shape=2,2&"
        "metadata=%7B%22a%22:1%7D\ncontent-type: application/octet-stream\n\n"
        + "x" * 32)
    put("api", "raw_header", "POST /v1/put?key=k\ncontent-type: application/"
        "x-npy\nx-hx-metadata: {\"a\":\"b\"}\n\n\x93NUMPY")
    put("api", "namespace_header", "POST /v1/serve\nx-hx-namespace: prod\n"
        "accept: application/octet-stream\n\n{\"key\":\"k\"}")
    put("api", "duplicate", 'POST /v1/put\n\n{"key":"a","k\\u0065y":"b"}')
    put("api", "null", 'POST /v1/put\n\n{"key":"k","metadata":null,'
        '"data_b64":null}')
    put("api", "batch_item", 'POST /v1/put_cores_batch\n\n{"items":[{"key":'
        '"k"},{"key":"k"}]}')
    put("api", "slash", "GET /v1/list/a%2Fb\n\n")
    put("api", "deep", 'POST /v1/put\n\n{"metadata":' + '{"a":' * 17 + "1"
        + "}" * 18)


def http(head, body="", headers=(), chunked=False):
    out = head + " HTTP/1.1\r\nHost: h\r\n"
    out += "".join(f"{h}\r\n" for h in headers)
    if chunked:
        half = len(body) // 2
        parts = [p for p in (body[:half], body[half:]) if p]
        return (out + "Transfer-Encoding: chunked\r\n\r\n"
                + "".join(f"{len(p):x};x=1\r\n{p}\r\n" for p in parts)
                + "0\r\nT: 1\r\n\r\n")
    if body:
        out += f"Content-Length: {len(body)}\r\n"
    return out + "\r\n" + body


def differential():
    json = ("Content-Type: application/json",)
    for name, head, body in OPERATIONS:
        put("differential", name, http(head, body, json if body else ()))
    for name, body in BODIES.items():
        body = body.replace("{", '{"key":"k",', 1)
        put("differential", f"body_{name}",
            http("POST /v1/serve", body, json))
    plain = '{"key":"k","namespace":"prod"}'
    put("differential", "chunked", http("POST /v1/serve", plain, json, True))
    for name, headers in (
            ("type_json", ("content-type: text/vnd+json",)),
            ("type_none", ()),
            ("type_twice", json + ("Content-Type: application/octet-stream",)),
            ("type_octets", ("Content-Type: application/octet-stream",)),
            ("type_charset", ("Content-Type: application/json ; charset=x",)),
            ("encoding", json + ("Content-Encoding: gzip",)),
            ("header", json + ("X-HX-Namespace: other",)),
            ("lengths", json + ("Content-Length: 3",))):
        put("differential", name, http("POST /v1/serve", plain, headers))
    put("differential", "octets_query",
        http("POST /v1/put?namespace=x&key=k", "12345678",
             ("Content-Type: application/octet-stream",)))
    put("differential", "query",
        http("POST /v1/serve?namespace=x", plain, json))
    for name, target in (
            ("encoded", "/v1/get/pr%6Fd/a%2Fb/c"),
            ("escaped_route", "/v1/%67et/prod/k"),
            ("encoded_route", "/v1%2Fget/prod/k"),
            ("encoded_ns", "/v1/get/a%2Fb/k"),
            ("double", "/v1/get/prod/%2561"),
            ("dots", "/v1/get/prod/../other/k"),
            ("dots_encoded", "/v1/get/prod/%2e%2e/k"),
            ("empty", "/v1/get//k"),
            ("semicolon", "/v1/get/prod;x/k"),
            ("fragment", "/v1/get/prod/k#/x"),
            ("question", "/v1/get/prod/a%3Fb?x"),
            ("hash", "/v1/get/prod/a%23b"),
            ("plus", "/v1/get/prod/a+b"),
            ("nul", "/v1/get/prod/a%00b"),
            ("trailing", "/v1/get/prod/k/"),
            ("case", "/V1/GET/prod/k")):
        put("differential", f"path_{name}", http(f"GET {target}"))
    put("differential", "absolute", http("GET http://h/v1/get/prod/k"))
    put("differential", "line_feed",
        http("GET /v1/get/prod/k").replace("\r\n", "\n"))
    put("differential", "both",
        http("POST /v1/serve", plain, json + ("Content-Length: 5",), True))


def main():
    made = (apikey, route, extract, stripe, stripe_event, tenant, book, audit,
            audit_line, redis_reply, redis_url, adminreq, origin, record,
            pack, cores, api, differential)
    wanted = sys.argv[1:] or [f.__name__ for f in made]
    for make in made:
        if make.__name__ in wanted:
            make()


if __name__ == "__main__":
    main()
