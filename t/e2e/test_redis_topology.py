"""A worker's client of Redis where servers change places: sentinels, and a
cluster."""

import itertools
import time

import pytest

from conftest import until
from own_nginx import started
from redis_client import Asker, Fake, Servers, cli, free_block

PATIENCE = 30       # seconds, for a failover


@pytest.fixture
def place(state_dirs):
    base = state_dirs()
    counter = itertools.count(1)
    return lambda: base / str(next(counter))


@pytest.fixture
def sentinel(place):
    with Servers("sentinel", place()) as servers:
        yield servers


def sentinels(servers):
    return ",".join(f"127.0.0.1:{servers.port + 10 + i}" for i in range(3))


def master(servers):
    """Its port, as the sentinels say."""
    said = cli(servers.port + 11, "SENTINEL", "get-master-addr-by-name", "hx")
    return int(said.split()[1])


def test_failover(place, sentinel):
    with started(Asker(place(), f"redis+sentinel://{sentinels(sentinel)}/hx",
                       "channel=news")) as nginx:
        nginx.works()
        assert nginx.reply("SET", "a", "1") == "OK"
        until(lambda: nginx.messages()["up"], 5, "it listens")
        time.sleep(0.5)

        old = master(sentinel)
        sentinel.kill("master")
        nginx.fails_at_once()
        assert max(nginx.fast() for _ in range(50)) < 0.5
        until(lambda: master(sentinel) != old, PATIENCE, "another master")
        assert nginx.works() < 5
        assert nginx.reply("SET", "a", "2") == "OK"
        assert cli(master(sentinel), "GET", "a") == "2"
        until(lambda: nginx.messages()["up"], 5, "it listens again")
        until(lambda: cli(master(sentinel), "PUBLISH", "news", "x") == "1", 5,
              "to the new one")


def test_planned_failover(place, sentinel):
    """The old master goes on answering."""
    with started(Asker(place(), f"redis+sentinel://{sentinels(sentinel)}/hx",
                       "channel=news")) as nginx:
        nginx.works()
        old = master(sentinel)
        until(lambda: cli(sentinel.port + 10, "SENTINEL", "FAILOVER", "hx")
              == "OK", PATIENCE, "a failover")
        until(lambda: master(sentinel) != old, PATIENCE, "another master")

        def written():
            return (nginx.ask("SET", "a", "3")["ok"] == 1
                    and cli(master(sentinel), "GET", "a") == "3")
        until(written, 10, "the new one is written to")
        assert cli(master(sentinel), "CLIENT", "LIST").count("name=hx-gate") > 0


def test_sentinels_that_are_dead(place, sentinel):
    url = (f"redis+sentinel://127.0.0.1:{free_block(1)},"
           f"{sentinels(sentinel)}/hx")
    sentinel.kill("sentinel0")
    with started(Asker(place(), url)) as nginx:
        nginx.works()
        sentinel.kill("sentinel1")
        sentinel.kill("sentinel2")
        for _ in range(30):
            assert nginx.reply("PING") == "PONG"
            time.sleep(0.1)
        sentinel.kill("master")
        nginx.fails_at_once()
        until(lambda: "no_master" in nginx.log() or
              nginx.word("PING") == "breaker_open", 5, "nobody knows one")


def test_unknown_master(place, sentinel):
    url = f"redis+sentinel://{sentinels(sentinel)}/other"
    with started(Asker(place(), url)) as nginx:
        nginx.fails_at_once()
        assert "no_master: no sentinel knows it" in nginx.log()


def test_sentinel_and_password(place):
    """A sentinel that wants no password gets one all the same; what it says
    is followed while the old master is there."""
    def sentinel(words):
        if words[0] == b"AUTH":
            return b"-ERR AUTH <password> called without any password\r\n"
        if words[0] != b"SENTINEL":
            return None
        assert words[1:] == [b"get-master-addr-by-name", b"mine"]
        port = str(now.port).encode()
        return b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n" % (len(port), port)

    def asks_the_other():
        answer = nginx.ask("GET", "who")
        return answer["ok"] and answer["reply"] is None

    with Servers("single", place(), "--requirepass", "word") as first, \
            Servers("single", place(), "--requirepass", "word") as second:
        now = first
        with Fake(answer=sentinel) as fake, started(Asker(
                place(), f"redis+sentinel://:word@127.0.0.1:{fake.port}/mine/2",
                "channel=news")) as nginx:
            nginx.works()
            assert nginx.reply("SET", "who", "first") == "OK"
            assert cli(first.port, "-a", "word", "-n", "2", "GET", "who") \
                == "first"
            until(lambda: nginx.messages()["up"], 5, "it listens")
            now = second
            until(asks_the_other, 5, "the other one is asked")
            until(lambda: cli(second.port, "-a", "word", "PUBLISH", "news", "x")
                  == "1", 5, "and listened to")
            assert "word" not in nginx.log()


@pytest.fixture
def cluster(place):
    with Servers("cluster", place()) as servers:
        yield servers


def hosts(servers, n=1):
    return ",".join(f"127.0.0.1:{servers.port + i}" for i in range(n))


def owner(servers, slot, port=None):
    """The id and port of the node with the slot."""
    for line in cli(port or servers.port, "CLUSTER", "NODES").splitlines():
        words = line.split()
        for part in words[8:]:
            if part.startswith("["):
                continue
            first, _, last = part.partition("-")
            if int(first) <= slot <= int(last or first):
                return words[0], int(words[1].split("@")[0].split(":")[1])
    raise RuntimeError(f"slot {slot}")


def test_all_slots(place, cluster):
    with started(Asker(place(), f"redis+cluster://{hosts(cluster)}",
                       "channel=news connections=2")) as nginx:
        nginx.works()
        for i in range(300):
            assert nginx.reply("SET", f"k{i}", i, key=f"k{i}") == "OK"
            assert nginx.reply("GET", f"k{i}", key=f"k{i}") == str(i)
        for i in range(20):
            assert nginx.reply(f"e{i}", "v", eval=1)[2] == 1

        # the map is known: nothing is sent round any more
        until(lambda: nginx.counters()["redirects"] == 0 or
              nginx.ask("GET", "k1", key="k1")["ok"], 5, "it settles")
        before = nginx.counters()["redirects"]
        for i in range(100):
            nginx.reply("GET", f"k{i}", key=f"k{i}")
        assert nginx.counters()["redirects"] == before

        # a key that the client is not told: whoever is asked says where
        for i in range(20):
            assert nginx.reply("GET", f"k{i}") == str(i)
        until(lambda: nginx.messages()["up"], 5, "it listens")
        cli(cluster.port + 1, "PUBLISH", "news", "hello")
        until(lambda: nginx.messages()["messages"] == ["hello"], 5, "a message")


def test_slot_moves(place, cluster):
    """MOVED, and ASK while it is on its way."""
    slot = 12182                                        # of "foo"
    source_id, source = owner(cluster, slot)
    target_id, target = owner(cluster, 0)
    assert source != target
    with started(Asker(place(), f"redis+cluster://{hosts(cluster, 3)}")) \
            as nginx:
        nginx.works()
        assert nginx.reply("SET", "foo", "bar", key="foo") == "OK"
        assert cli(target, "CLUSTER", "SETSLOT", str(slot), "IMPORTING",
                   source_id) == "OK"
        assert cli(source, "CLUSTER", "SETSLOT", str(slot), "MIGRATING",
                   target_id) == "OK"
        assert nginx.reply("GET", "foo", key="foo") == "bar"
        before = nginx.counters()["redirects"]
        assert nginx.reply("SET", "{foo}new", "x", key="foo") == "OK"
        assert nginx.counters()["redirects"] == before + 1
        assert nginx.ask("{foo}s", "v", key="foo", eval=1)["ok"] == 1
        assert cli(source, "MIGRATE", "127.0.0.1", str(target), "foo", "0",
                   "5000") == "OK"
        assert nginx.reply("GET", "foo", key="foo") == "bar"
        for port in (target, source):
            assert cli(port, "CLUSTER", "SETSLOT", str(slot), "NODE",
                       target_id) == "OK"
        assert nginx.reply("GET", "foo", key="foo") == "bar"
        assert nginx.reply("GET", "{foo}new", key="foo") == "x"
        before = nginx.counters()["redirects"]
        for _ in range(20):
            assert nginx.reply("GET", "foo", key="foo") == "bar"
        assert nginx.counters()["redirects"] == before


def test_master_of_a_cluster_dies(place, cluster):
    slot, key = 12182, "foo"
    with started(Asker(place(), f"redis+cluster://{hosts(cluster, 6)}",
                       "'channel={foo}push'")) as nginx:
        nginx.works()
        assert nginx.reply("SET", key, "bar", key=key) == "OK"
        until(lambda: nginx.messages()["up"], 5, "it listens")
        _, port = owner(cluster, slot)
        other = next(p for p in (cluster.port, cluster.port + 1,
                                 cluster.port + 2) if p != port)
        cluster.kill(f"node{port - cluster.port}")
        until(lambda: nginx.word("GET", key, key=key) == "breaker_open", 2,
              "that server is not asked")
        there = [k for k in (f"k{i}" for i in range(20))
                 if owner(cluster, int(cli(other, "CLUSTER", "KEYSLOT", k)),
                          other)[1] != port]
        assert len(there) > 3
        for k in there:                     # the others are
            assert nginx.reply("SET", k, "1", key=k) == "OK"
        assert max(nginx.fast() for _ in range(50)) < 0.5
        until(lambda: owner(cluster, slot, other)[1] != port, PATIENCE,
              "its replica takes over")
        until(lambda: nginx.ask("GET", key, key=key)["ok"], 10,
              "the client knows")
        assert nginx.reply("GET", key, key=key) == "bar"
        until(lambda: nginx.messages()["up"], 5, "it listens again")
        _, port = owner(cluster, slot, other)
        cli(port, "PUBLISH", "{foo}push", "hello")
        until(lambda: nginx.messages()["messages"] == ["hello"], 5, "a message")


def test_stopped_master_of_a_cluster(place, cluster):
    with started(Asker(place(), f"redis+cluster://{hosts(cluster, 6)}")) \
            as nginx:
        nginx.works()
        assert nginx.reply("SET", "foo", "bar", key="foo") == "OK"
        _, port = owner(cluster, 12182)
        name = f"node{port - cluster.port}"
        cluster.pause(name)
        until(lambda: nginx.word("GET", "foo", key="foo") == "breaker_open", 2,
              "that server is not asked")
        until(lambda: nginx.ask("GET", "foo", key="foo")["ok"], PATIENCE,
              "its replica takes over")
        cluster.resume(name)
        time.sleep(3)
        assert nginx.reply("GET", "foo", key="foo") == "bar"
        assert nginx.reply("SET", "foo", "new", key="foo") == "OK"
