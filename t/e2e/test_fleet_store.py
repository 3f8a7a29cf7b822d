"""Nodes of a fleet without nginx (t/lib/hx_fleet_node.c) and a real Redis: no
change is lost, and every replica is what the hashes are, whatever happens."""

import os
import random
import socket
import struct
import subprocess
import threading
import zlib

import pytest

from conftest import TOP
from redis_store import Redis

NODE = os.environ.get("HX_FLEET_NODE",
                      str(TOP / "build" / "release" / "lib" / "hx_fleet_node"))
DBS = ["meta", "keys", "tenants", "billing"]


class Node:
    def __init__(self, seed, redis, tmp, *args):
        self.process = subprocess.Popen(
            [NODE, str(seed), redis.url, *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": str(tmp)})
        assert self.hear() == "ready"

    def hear(self):
        return self.process.stdout.readline().strip()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.hear()

    def run(self, n):
        answer = self.say(f"run {n}")
        assert answer.endswith(" done"), answer
        return int(answer.split()[0])

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def nodes(redis, tmp_path):
    made = [Node(seed, redis, tmp_path) for seed in (11, 22, 33)]
    yield made
    for node in made:
        if node.process.poll() is None:
            node.stop()
    assert not list(tmp_path.glob("hx-registry-*"))


def digest(redis):
    """Of the hashes in Redis, as a node makes it of its replica."""
    crc = 0
    for db in DBS:
        flat = redis.ask("HGETALL", "{hx-gate}:" + db)
        pairs = dict(zip(flat[::2], flat[1::2]))
        for key in sorted(pairs):
            if db == "meta" and key == b"version":
                continue
            for text in (key, pairs[key]):
                crc = zlib.crc32(struct.pack("<I", len(text)), crc)
                crc = zlib.crc32(text, crc)
    return f"{crc:08x}"


def epoch(redis):
    return redis.ask("GET", "{hx-gate}:epoch").decode()


def agree(redis, nodes):
    want = epoch(redis)
    for node in nodes:
        assert node.say("follow") == want
        assert node.say("verify") == "ok"
        assert node.say("digest") == digest(redis)


def together(*work):
    """Each (function, arguments) in a thread of its own."""
    failed = []

    def call(function, *args):
        try:
            function(*args)
        except BaseException as e:      # said by the caller
            failed.append(e)

    threads = [threading.Thread(target=call, args=w) for w in work]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise failed[0]


def test_concurrent_commits(redis, nodes):
    for _ in range(4):
        together(*[(node.run, 400) for node in nodes])
        agree(redis, nodes)
    number = int(epoch(redis).split("-")[0])
    assert number > 1500
    # every change is an entry of the log, each on the one before
    log = redis.ask("XRANGE", "{hx-gate}:log", "-", "+")
    before = log[0][1][3]
    for entry, fields in log:
        names = dict(zip(fields[::2], fields[1::2]))
        assert names[b"p"] == before
        before = entry.replace(b"-1", b"-") + names[b"t"]
    assert before.decode() == epoch(redis)
    assert redis.ask("HGET", "{hx-gate}:meta", "version") == b"1"


def test_lost_pushes_and_trimmed_log(redis, nodes):
    """A node that was away follows by the log, or loads when it is cut."""
    rnd = random.Random(5)
    away = nodes[2]
    for turn in range(12):
        nodes[rnd.randrange(2)].run(rnd.randrange(1, 120))
        if turn % 3 == 1:
            redis.ask("XTRIM", "{hx-gate}:log", "MAXLEN", rnd.randrange(0, 4))
        elif turn % 3 == 2:
            redis.ask("DEL", "{hx-gate}:log")
        agree(redis, [away] if turn % 2 else nodes)


def test_full_loads_amid_changes(redis, nodes):
    nodes[0].run(300)

    def load(node):
        for _ in range(40):
            assert "-" in node.say("load")

    for _ in range(3):
        together((nodes[0].run, 500), (nodes[1].run, 500), (load, nodes[2]))
        agree(redis, nodes)


def test_failover_that_lost_changes(redis, nodes):
    """Its numbers are used again, by other changes: the token tells."""
    for turn in range(4):
        nodes[turn % 3].run(60)
        agree(redis, nodes)
        redis.save("before")
        kept = epoch(redis)
        nodes[0].run(40)
        for node in nodes:
            node.say("follow")
        lost = epoch(redis)
        redis.restore("before")
        assert epoch(redis) == kept
        for node in nodes:
            node.say("forget")
        if turn % 2:
            # gone on by somebody who has never seen what was lost, to numbers
            # that the others know already
            fresh = Node(100 + turn, redis, redis.dir.parent)
            while int(epoch(redis).split("-")[0]) < int(lost.split("-")[0]):
                fresh.run(10)
            fresh.stop()
            assert epoch(redis) != lost
        agree(redis, nodes)
    together(*[(node.run, 100) for node in nodes])
    agree(redis, nodes)


def test_redis_that_lost_everything(redis, nodes):
    nodes[0].run(50)
    agree(redis, nodes)
    redis.ask("FLUSHALL")
    for node in nodes:
        node.say("forget")
        assert node.say("follow") == "0-" + 16 * "0"
    nodes[1].run(20)
    agree(redis, nodes)


def test_script_is_flushed(redis, nodes):
    nodes[0].run(20)
    redis.ask("SCRIPT", "FLUSH")
    assert nodes[0].run(20) > 0
    agree(redis, nodes)


def test_said_twice(redis, nodes):
    """Who did not hear the answer says the same once more: it is told that it
    was committed, also when others have followed; and nothing is done twice."""
    names = ["{hx-gate}:" + name for name in ["epoch", "log"] + DBS]
    while nodes[0].run(5) == 0:
        pass
    entry, fields = redis.ask("XREVRANGE", "{hx-gate}:log", "+", "-", "COUNT",
                              1)[0]
    number = entry.split(b"-")[0]
    call = ["EVALSHA", nodes[0].say("sha1"), 6, *names, fields[3], fields[1],
            number, 10000, "{hx-gate}:push", fields[5]]
    before = epoch(redis), digest(redis)
    assert redis.ask(*call) == [2, number + b"-" + fields[1]]
    assert (epoch(redis), digest(redis)) == before
    nodes[1].say("follow")
    while nodes[1].run(5) == 0:
        pass
    before = epoch(redis), digest(redis)
    assert redis.ask(*call) == [2, number + b"-" + fields[1]]
    call[10] = b"f" * 16
    assert redis.ask(*call) == [0, before[0].encode()]
    assert (epoch(redis), digest(redis)) == before
    agree(redis, nodes)


def test_log_ahead_of_the_epoch(redis, nodes):
    """Somebody has removed the epoch: the hashes are the truth, not the log."""
    nodes[0].run(50)
    redis.ask("DEL", "{hx-gate}:epoch")
    for node in nodes:
        node.say("forget")
    fresh = Node(77, redis, redis.dir.parent)
    assert fresh.run(30) > 0
    fresh.stop()
    agree(redis, nodes)


def test_nothing_is_half_written(redis, nodes):
    """A key of another type: refused before the first write."""
    nodes[0].run(30)
    agree(redis, nodes)
    before = epoch(redis), digest(redis)
    redis.ask("RENAME", "{hx-gate}:billing", "aside") \
        if redis.ask("EXISTS", "{hx-gate}:billing") else None
    redis.ask("SET", "{hx-gate}:billing", "x")
    answer = ""
    while not answer.startswith("trouble"):
        answer = nodes[1].say("run 1")
    assert "WRONGTYPE" in answer
    redis.ask("DEL", "{hx-gate}:billing")
    assert epoch(redis) == before[0]
    assert redis.ask("XREVRANGE", "{hx-gate}:log", "+", "-", "COUNT", 1)[0][0] \
        == before[0].split("-")[0].encode() + b"-1"
    assert nodes[1].process.wait(20) == 1


def test_pushes(redis, nodes):
    with socket.create_connection(("127.0.0.1", redis.port), 5) as s:
        s.sendall(b"SUBSCRIBE {hx-gate}:push\r\n")
        f = s.makefile("rb")
        for _ in range(6):
            f.readline()
        while nodes[0].run(1) == 0:
            pass
        lines = [f.readline() for _ in range(7)]
        assert lines[6].strip().decode() == epoch(redis)
