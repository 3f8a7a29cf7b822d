"""hx-gate-registry with real Redis servers: places of every kind, commands that
change nothing the second time, and gates (nodes) that go on beside it."""

import hashlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import threading
import time

import pytest

from conftest import TOP, free_port, until
from redis_store import Redis
from test_fleet_store import Node, agree, digest, epoch

TOOL = os.environ.get("HX_GATE_REGISTRY",
                      str(TOP / "build" / "hx-gate-registry"))
PASSWORD = "s3cret-of-redis"


def run(*words, code=0, stdin=None, env=None):
    out = subprocess.run([TOOL, *map(str, words)], input=stdin, text=True,
                         capture_output=True, timeout=500,
                         env={**os.environ, **(env or {})})
    assert out.returncode == code, out.stdout + out.stderr
    assert PASSWORD not in out.stdout + out.stderr
    return out.stdout + out.stderr


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def tenant(i, **more):
    return {"tenant_id": f"t{i}", "key_sha256": sha(f"key {i}"),
            "namespaces": ["default", f"ns{i}"], "plan": "pro",
            "status": "suspended" if i % 5 == 0 else "active",
            "email": f"{i}@example.org", **more}


def lines(tenants):
    return "".join(json.dumps(t) + "\n" for t in tenants)


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def lmdb(tmp_path):
    (tmp_path / "lmdb").mkdir(mode=0o700)
    return f"lmdb:{tmp_path}/lmdb"


def same(a, b):
    assert "differ" in run("compare", a, b)


def test_import_copy_export(redis, lmdb, tmp_path):
    text = lines(tenant(i) for i in range(200))
    assert "200 tenants made" in run("import", redis.url, stdin=text)
    first = epoch(redis)
    assert "nothing to do: 0 tenants made, 0 changed, 200 as" in \
        run("import", redis.url, "-", stdin=text)
    assert epoch(redis) == first

    assert "done: 400 records" in run("copy", redis.url, lmdb)
    assert "nothing to do" in run("copy", redis.url, lmdb)
    assert "nothing to do" in run("copy", lmdb, redis.url)
    assert epoch(redis) == first
    same(redis.url, lmdb)

    # what is exported is what was imported; and there and back again
    out = run("export", lmdb)
    assert out == run("export", redis.url)
    got = {t["tenant_id"]: t for t in map(json.loads, out.splitlines())}
    for i in range(200):
        want = tenant(i)
        want["key_sha256"] = [want["key_sha256"]]
        assert got[f"t{i}"] == want
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "file").write_text(out)
    run("import", f"lmdb:{other}", tmp_path / "file")
    assert run("export", f"lmdb:{other}") == out
    assert not list(tmp_path.glob("**/hx-registry-*"))


def test_copy_refuses_and_replaces(redis, lmdb):
    run("import", redis.url, stdin=lines(tenant(i) for i in range(20)))
    run("import", lmdb, stdin=lines(tenant(i, plan="builder")
                                    for i in range(5, 25)))
    before = digest(redis)
    said = run("copy", lmdb, redis.url, code=1)
    assert "15 records that are others" in said and "10 that FROM" in said
    assert digest(redis) == before
    said = run("compare", lmdb, redis.url, code=1)
    assert "tenants  0 same, 15 differ, 5 only in A, 5 only in B" in said
    assert "tenants  differs: t" in said
    run("--replace", "copy", lmdb, redis.url)
    same(lmdb, redis.url)
    assert "nothing to do" in run("--replace", "copy", lmdb, redis.url)
    # and the other way
    run("import", redis.url, stdin=lines([tenant(99)]))
    run("copy", redis.url, lmdb)
    same(lmdb, redis.url)


def test_import_line_by_line(lmdb):
    run("import", lmdb, stdin=lines([tenant(1), tenant(2)]))
    before = run("export", lmdb)
    bad = [
        ("{", "no JSON object"), ("[]", "a list where none belongs"),
        ('"x"', "no text here"), ("{}", "tenant_id: missing"),
        ('{"tenant_id":"a b"}', "tenant_id: 1 to 64"),
        ('{"tenant_id":"x","tenant_id":"y"}', "twice"),
        ('{"tenant_id":"x","color":"y"}', "an unknown member"),
        ('{"tenant_id":"x"}', "key_sha256: missing"),
        ('{"tenant_id":"x","key_sha256":"12"}', "64 hex digits"),
        ('{"tenant_id":"x","key_sha256":"hx_live_secret"}', "64 hex digits"),
        (lines([tenant(3, key_sha256=[sha("a"), sha("a")])]), "same key twice"),
        (lines([tenant(3, key_sha256=[sha(str(i)) for i in range(9)])]),
         "more than 8"),
        (lines([tenant(3, namespaces=[])]), "at least one"),
        (lines([tenant(3, namespaces=["a/b"])]), "a namespace is"),
        (lines([tenant(3, namespaces="a")]), "no text here"),
        (lines([tenant(3, status="gone")]), "active or suspended"),
        (lines([tenant(3, email="x")]), "something@something"),
        (lines([tenant(3, plan="")]), "plan: 1 to 64"),
        (lines([tenant(3, plan=7)]), "plan: a text is wanted"),
        (lines([tenant(3, key_sha256=sha("key 1"))]), "another tenant's"),
        (lines([tenant(3), tenant(3)]), "twice in the file"),
        (lines([tenant(3), tenant(4, key_sha256=sha("key 3"))]),
         "another tenant's"),
        (lines([tenant(1, plan="builder")]), "is there and is another"),
    ]
    for text, why in bad:
        said = run("import", lmdb, stdin=lines([tenant(50)]) + text, code=1)
        assert why in said, (text, said)
        assert re.search(r"^line [23]: ", said, re.M), said
        assert "hx_live_secret" not in said
    assert run("export", lmdb) == before


def test_import_keeps_what_is_not_said(lmdb):
    run("import", lmdb, stdin=lines([tenant(1)]))
    expiring = sha("key 1b") + "@1999999999"
    run("--replace", "import", lmdb, stdin=lines([
        {"tenant_id": "t1", "key_sha256": [expiring, sha("key 1")]}]))
    got = json.loads(run("export", lmdb))
    assert got == {**tenant(1), "key_sha256": [sha("key 1"), expiring]}
    assert "1 as they were" in run("import", lmdb, stdin=lines([
        {"tenant_id": "t1", "email": "1@example.org"},
    ]))
    run("--replace", "import", lmdb, stdin=lines([
        {"tenant_id": "t1", "key_sha256": [], "email": None,
         "status": "suspended"}]))
    got = json.loads(run("export", lmdb))
    assert got["key_sha256"] == [] and "email" not in got
    assert got["status"] == "suspended" and got["plan"] == "pro"
    # a key that was given up is free
    run("import", lmdb, stdin=lines([tenant(2, key_sha256=sha("key 1"))]))


def test_trouble(redis, lmdb, tmp_path):
    for words in (["export"], ["copy", lmdb], ["what"], ["export", "lmdb:"],
                  ["export", "http://x"], ["export", "redis://a:b:c"],
                  ["export", "redis://h", "ca="], ["--what", "export", lmdb],
                  ["export", "redis://h", "timeout=5"],
                  ["export", "redis+sentinel://h"],
                  ["export", "redis://h", "password=" + PASSWORD],
                  ["export", "redis://h", "prefix={x}"],
                  ["export", redis.url, "password=env:NOT_THERE"],
                  ["export", lmdb, "more"]):
        assert "hx-gate-registry: " in run(*words, code=2) or words == []
    run("export", f"redis://127.0.0.1:{free_port()}", code=2)
    run("export", f"lmdb:{tmp_path}/none", code=2)
    run("export", lmdb, code=2)                 # nothing was ever there
    redis.ask("SET", "{hx-gate}:epoch", "what")
    assert "epoch" in run("export", redis.url, code=2)
    redis.ask("DEL", "{hx-gate}:epoch")
    redis.ask("SET", "{hx-gate}:keys", "what")
    assert "WRONGTYPE" in run("export", redis.url, code=2)
    run("--help")


def test_a_server_that_says_nothing(tmp_path):
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        start = time.monotonic()
        said = run("export", f"redis://127.0.0.1:{s.getsockname()[1]}",
                   "timeout=200ms", code=2)
        assert "timed out" in said
        assert time.monotonic() - start < 10


def test_passwords(tmp_path, lmdb):
    run("import", lmdb, stdin=lines([tenant(1)]))
    (tmp_path / "pw").write_text(PASSWORD + "\n")
    with Redis(tmp_path / "r", "--requirepass", PASSWORD) as r:
        url = r.url
        assert "NOAUTH" in run("export", url, code=2)
        assert "WRONGPASS" in run("export", url, "password=env:PW", code=2,
                                  env={"PW": "wrong"})
        run("copy", lmdb, url, f"password=file:{tmp_path}/pw")
        run("compare", lmdb, url, "password=env:PW", env={"PW": PASSWORD})
        at = url.replace("//", f"//:{PASSWORD}@")
        run("compare", at, lmdb)
        with_db = at + "/3"
        run("compare", with_db, lmdb, code=1)
        run("copy", lmdb, with_db)
        run("compare", with_db, lmdb)
        # another registry in the same Redis
        run("compare", at, "prefix=other", lmdb, code=1)
        run("copy", lmdb, at, "prefix=other")
        run("compare", at, "prefix=other", at)


def certificates(where):
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, cwd=where,
                       capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca",
            "-keyout", "ca.key", "-out", "ca.crt", "-days", "2")
    for name in ("server", "client"):
        (where / "ext").write_text("subjectAltName=DNS:redis.example\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt",
                "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "ext", "-out", f"{name}.crt")


def test_tls(tmp_path, lmdb):
    run("import", lmdb, stdin=lines(tenant(i) for i in range(300)))
    c = tmp_path / "tls"
    c.mkdir()
    certificates(c)
    tls = ["--tls-cert-file", str(c / "server.crt"), "--tls-key-file",
           str(c / "server.key"), "--tls-ca-cert-file", str(c / "ca.crt"),
           "--tls-auth-clients", "yes"]
    with Redis(tmp_path / "r", tls=tls) as r:
        url = r.url.replace("redis:", "rediss:")
        words = [url, f"ca={c}/ca.crt", "server_name=redis.example",
                 f"certificate={c}/client.crt",
                 f"certificate_key={c}/client.key"]
        run("copy", lmdb, *words)
        run("compare", *words, lmdb)
        # not who it should be, not known, not a client's
        assert "mismatch" in run("export", url, *words[1:2], *words[3:], code=2)
        assert "certificate" in run("export", url, *words[2:], code=2)
        run("export", *words[:3], code=2)
        run("export", r.url, code=2)


def test_sentinel(tmp_path, lmdb):
    run("import", lmdb, stdin=lines([tenant(1), tenant(2)]))
    with Redis(tmp_path / "m") as master, \
            Redis(tmp_path / "s", "--replicaof", "127.0.0.1",
                  str(master.port)) as replica:
        where = tmp_path / "sentinel"
        where.mkdir()
        (where / "sentinel.conf").write_text(
            f"sentinel monitor gates 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds gates 500\n"
            "sentinel failover-timeout gates 2000\n")
        with Redis(where, program="redis-sentinel") as sentinel:
            url = (f"redis+sentinel://127.0.0.1:{free_port()},"
                   f"127.0.0.1:{sentinel.port}/gates")
            run("copy", lmdb, url)
            assert epoch(master)
            run("compare", lmdb, url)
            run("export", url.replace("/gates", "/other"), code=2)
            # the other one becomes the master
            until(lambda: epoch_or_none(replica) == epoch(master), 20,
                  "replication")
            until(lambda: sentinel.ask("SENTINEL", "replicas", "gates"), 30,
                  "the sentinel knows the replica")
            master.stop()
            until(lambda: sentinel.ask("SENTINEL", "get-master-addr-by-name",
                                       "gates")[1]
                  == str(replica.port).encode()
                  and replica.ask("ROLE")[0] == b"master", 60, "failover")
            run("compare", lmdb, url)
            run("import", url, stdin=lines([tenant(3)]))
            assert "t3" in run("export", url)


def epoch_or_none(redis):
    value = redis.ask("GET", "{hx-gate}:epoch")
    return value.decode() if value else None


def test_cluster(tmp_path, lmdb):
    run("import", lmdb, stdin=lines([tenant(1), tenant(2)]))

    def node(name):
        port = free_port()
        bus = free_port()
        return Redis(tmp_path / name, "--cluster-enabled", "yes",
                     "--cluster-port", str(bus), port=port), bus

    (a, bus_a), (b, bus_b) = node("a"), node("b")
    with a, b:
        a.ask("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        b.ask("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        a.ask("CLUSTER", "SET-CONFIG-EPOCH", 1)
        b.ask("CLUSTER", "SET-CONFIG-EPOCH", 2)
        a.ask("CLUSTER", "MEET", "127.0.0.1", b.port, bus_b)
        for server in (a, b):
            until(lambda: b"cluster_state:ok" in
                  server.ask("CLUSTER", "INFO"), 30, "cluster")
        for prefix in ("hx-gate", "p1", "p2", "p3"):
            for first in (a, b):
                url = f"redis+cluster://127.0.0.1:{first.port}"
                run("copy", lmdb, url, f"prefix={prefix}")
                run("compare", lmdb, url, f"prefix={prefix}")
        assert a.ask("DBSIZE") and b.ask("DBSIZE")


def test_beside_running_nodes(redis, lmdb, tmp_path):
    """Nodes commit all the time; what they were told is there afterwards, and
    what was imported and copied as well."""
    nodes = [Node(seed, redis, tmp_path) for seed in (1, 2)]
    stop = threading.Event()

    def busy(node):
        while not stop.is_set():
            node.run(1)
            time.sleep(0.01)

    threads = [threading.Thread(target=busy, args=(n,)) for n in nodes]
    for t in threads:
        t.start()
    try:
        run("import", redis.url, stdin=lines(tenant(i) for i in range(3000)))
        run("import", redis.url, stdin=lines(tenant(i) for i in range(3000)))
        run("copy", redis.url, lmdb)
    finally:
        stop.set()
        for t in threads:
            t.join()
    agree(redis, nodes)
    for node in nodes:
        node.stop()
    there = run("export", redis.url)
    for i in range(3000):
        assert f'"tenant_id":"t{i}"' in there
    run("--replace", "copy", redis.url, lmdb)
    same(redis.url, lmdb)


def test_killed_and_said_again(redis, lmdb, tmp_path):
    """Whatever was done of it, the next one finishes; and SIGTERM leaves no
    directory behind."""
    text = lines(tenant(i) for i in range(20000))
    (tmp_path / "file").write_text(text)
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    rnd = random.Random(3)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        p = subprocess.Popen([TOOL, "--tmp", tmp, "import", redis.url,
                              tmp_path / "file"], stdout=subprocess.DEVNULL)
        time.sleep(rnd.uniform(0.15, 0.6))
        p.send_signal(number)
        p.wait()
        left = list(tmp.iterdir())
        assert not left or number == signal.SIGKILL
        for directory in left:
            for file in directory.iterdir():
                file.unlink()
            directory.rmdir()
        # never a key without its tenant
        keys = redis.ask("HVALS", "{hx-gate}:keys")
        tenants = set(redis.ask("HKEYS", "{hx-gate}:tenants"))
        assert set(keys) <= tenants
    run("import", redis.url, tmp_path / "file")
    assert redis.ask("HLEN", "{hx-gate}:tenants") == 20000
    assert "nothing to do" in run("import", redis.url, tmp_path / "file")


def test_100_000_tenants(redis, lmdb, tmp_path):
    n = 100000
    with open(tmp_path / "file", "w", encoding="ascii") as f:
        for i in range(n):
            f.write(json.dumps(tenant(i)) + "\n")
    took = {}

    def timed(name, *words):
        start = time.monotonic()
        said = run(*words)
        took[name] = time.monotonic() - start
        return said

    assert f"{n} tenants made" in timed("import", "--progress", "import",
                                        redis.url, tmp_path / "file")
    timed("import again", "import", redis.url, tmp_path / "file")
    timed("copy", "copy", redis.url, lmdb)
    timed("copy again", "copy", lmdb, redis.url)
    timed("compare", "compare", redis.url, lmdb)
    assert len(timed("export", "export", redis.url).splitlines()) == n
    # of the largest child, KiB: the file, the plan, and a mapped copy
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(", ".join(f"{k} {v:.1f} s" for k, v in took.items()),
          f"peak {peak // 1024} MiB")
    assert peak < 600 * 1024
    assert max(took.values()) < 120
