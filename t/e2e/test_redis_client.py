"""A worker's client of Redis against one server: what it answers, and what it
says, how soon, when Redis is in any kind of trouble."""

import itertools
import os
import signal
import socket
import threading
import time

import pytest
import requests

from conftest import until
from own_nginx import started
from redis_client import Asker, Fake, Names, Servers, greets

FAST = 0.5          # seconds: what does not wait for Redis takes far less


@pytest.fixture
def place(state_dirs):
    """Directories of one test, each another one."""
    base = state_dirs()
    counter = itertools.count(1)
    return lambda: base / str(next(counter))


@pytest.fixture
def redis(place):
    with Servers("single", place()) as servers:
        yield servers


@pytest.fixture
def nginx(place, redis):
    with started(Asker(place(), f"redis://127.0.0.1:{redis.port}",
                       "channel=news")) as asker:
        asker.works()
        yield asker


def test_replies(nginx, redis):
    assert nginx.reply("SET", "foo", "b a\x01r") == "OK"
    assert nginx.reply("GET", "foo") == "b a\x01r"
    assert nginx.reply("GET", "nothing") is None
    assert nginx.reply("INCR", "n") == 1
    assert nginx.reply("MGET", "foo", "nothing", "n") == ["b a\x01r", None, "1"]
    assert "WRONGTYPE" in nginx.reply("INCR", "foo")["error"] or \
        "integer" in nginx.reply("INCR", "foo")["error"]
    assert nginx.reply("SET", "big", size=300000) == "OK"
    assert nginx.reply("GET", "big") == "300000 bytes"
    assert "name=hx-gate" in redis.cli("CLIENT", "LIST")
    until(lambda: redis.cli("CLIENT", "LIST").count("name=hx-gate") == 5, 5,
          "four connections, and that of the channel")


def test_thousand_in_one_go(nginx):
    answer = nginx.ask("ECHO", count=1000, index=1, timeout=5000)
    assert (answer["ok"], answer["wrong"]) == (1000, 0)
    assert nginx.counters()["failed"]["queue_full"] == 0


def test_full_queue(nginx, redis):
    redis.pause()
    answer = nginx.ask("ECHO", count=17000, index=1, timeout=4000)
    redis.resume()
    assert answer["ok"] == 0
    assert answer["queue_full"] == 17000 - 4 * 4096
    assert answer["timeout"] == 4 * 4096
    nginx.works()


def test_too_much_in_one_question(nginx):
    assert nginx.word("SET", "big", size=20 << 20) == "too_large"
    assert nginx.word("PING") is None


def test_script(nginx, redis):
    assert nginx.reply("k", "v", eval=1) == ["k", "v", 1]
    assert nginx.reply("k", "w", eval=1) == ["k", "w", 2]
    assert nginx.counters()["scripts"] == 1
    redis.cli("SCRIPT", "FLUSH")
    assert nginx.ask("k", "v", eval=1, count=100)["ok"] == 100
    assert nginx.reply("GET", "k") == "102"
    scripts = nginx.counters()["scripts"]
    assert 1 < scripts <= 101
    assert nginx.ask("k", "v", eval=1, count=100)["ok"] == 100
    assert nginx.counters()["scripts"] == scripts


def test_password_and_database(place):
    with Servers("single", place(), "--requirepass", "s3cret!") as redis:
        url = f"redis://:s3cret%21@127.0.0.1:{redis.port}/7"
        with started(Asker(place(), url)) as nginx:
            nginx.works()
            assert nginx.reply("SET", "foo", "bar") == "OK"
            assert redis.cli("-a", "s3cret!", "-n", "7", "GET", "foo") == "bar"
            assert "s3cret" not in nginx.log()
        redis.cli("-a", "s3cret!", "ACL", "SETUSER", "gate", "on", ">wörd",
                  "~*", "+@all", "-role")
        url = f"redis://gate:w%C3%B6rd@127.0.0.1:{redis.port}"
        with started(Asker(place(), url)) as nginx:
            nginx.works()
            assert nginx.reply("ACL", "WHOAMI") == "gate"


@pytest.mark.parametrize("login", ["", ":wr0ng@", "nobody:wr0ng@"])
def test_wrong_password(place, login):
    with Servers("single", place(), "--requirepass", "s3cret!") as redis:
        url = f"redis://{login}127.0.0.1:{redis.port}"
        with started(Asker(place(), url)) as nginx:
            assert nginx.word("PING") in ("noauth", "breaker_open")
            nginx.fails_at_once()
            until(lambda: ": noauth: " in nginx.log(), 5, "the log says why")
            assert "wr0ng" not in nginx.log()


def test_nobody_listens(place, redis):
    redis.stop()
    url = f"redis://127.0.0.1:{redis.port}"
    with started(Asker(place(), url, "channel=news")) as nginx:
        assert nginx.word("PING") in ("refused", "breaker_open")
        nginx.fails_at_once()
        for _ in range(20):
            answer = nginx.ask("PING")
            assert answer["word"] == "breaker_open"
            assert answer["ms"] < 1000 * FAST
        redis.start()
        assert nginx.works() < 2
        until(lambda: nginx.messages()["up"], 5, "the channel is back")


def trouble(nginx, patience=1):
    """Questions fail, soon without being asked; nothing else waits."""
    assert nginx.word("PING") in ("timeout", "closed", "breaker_open")
    nginx.fails_at_once(patience)
    assert max(nginx.fast() for _ in range(50)) < FAST
    assert nginx.ask("PING")["ms"] < 1000 * FAST


def test_black_hole(place):
    """Connections are made (by the kernel), and that was it."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hole:
        url = f"redis://127.0.0.1:{hole.getsockname()[1]}"
        with started(Asker(place(), url)) as nginx:
            trouble(nginx)


def test_full_backlog(place):
    """Not even the kernel answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole:
        others = [socket.socket() for _ in range(4)]
        for s in others:
            s.setblocking(False)
            s.connect_ex(hole.getsockname())
        url = f"redis://127.0.0.1:{hole.getsockname()[1]}"
        with started(Asker(place(), url)) as nginx:
            trouble(nginx)
            until(lambda: "timeout: connecting" in nginx.log(), 5,
                  "the log says why")
        for s in others:
            s.close()


def test_stopped(nginx, redis):
    redis.pause()
    trouble(nginx)
    until(lambda: not nginx.messages()["up"], 3, "the channel is lost")
    redis.resume()
    assert nginx.works() < 2
    until(lambda: nginx.messages()["ups"] == 2, 20, "the channel is back")
    assert nginx.counters()["openings"] == 1
    assert nginx.log().count("it is not asked until it is back") == 1
    assert nginx.log().count('" is back') == 1


def test_stopped_under_long_questions(nginx, redis):
    """A question that may take long, or that nobody waits for any more, does
    not keep others from noticing."""
    redis.pause()
    slow = threading.Thread(target=lambda: requests.get(
        nginx.url + "/ask?a=PING&timeout=5000&count=4", timeout=20))
    slow.start()
    with pytest.raises(requests.Timeout):
        requests.get(nginx.url + "/ask?a=PING&count=8&timeout=5000",
                     timeout=0.2)
    nginx.fails_at_once()
    slow.join(1)
    assert not slow.is_alive()
    redis.resume()
    nginx.works()


def test_slow(place):
    with Fake(delay=0, answer=greets(lambda words: b"+OK\r\n")) as fake:
        with started(Asker(place(), f"redis://127.0.0.1:{fake.port}")) as nginx:
            nginx.works()
            fake.delay = 0.5
            trouble(nginx)
            until(lambda: nginx.counters()["reconnects"] > 5, 10, "it tries")
            assert not nginx.counters()["ready"]
            fake.delay = 0
            assert nginx.works() < 3


def test_late_but_not_silent(place):
    """Answers that come, each a little too late, are of no use either."""
    with Fake(answer=greets(lambda words: b"+OK\r\n")) as fake:
        with started(Asker(place(), f"redis://127.0.0.1:{fake.port}",
                           "connections=1")) as nginx:
            nginx.works()
            fake.delay = 0.08
            begin = time.monotonic()
            asks = [threading.Thread(target=lambda: requests.get(
                nginx.url + "/ask?a=GET&count=3", timeout=20))
                for _ in range(8)]
            for ask in asks:
                ask.start()
                time.sleep(0.02)
            for ask in asks:
                ask.join()
            assert time.monotonic() - begin < 2
            nginx.fails_at_once()


def test_impatient_questions(place):
    """Who waits less than a server may take does not end the connection."""
    with Fake(answer=greets(lambda words: b"$2\r\nok\r\n")) as fake:
        with started(Asker(place(), f"redis://127.0.0.1:{fake.port}",
                           "connections=1 timeout=1000")) as nginx:
            nginx.works()
            fake.delay = 0.03
            for _ in range(20):
                assert nginx.word("GET", "x", timeout=5) == "timeout"
                assert nginx.reply("GET", "x", timeout=1000) == "ok"
            assert len(fake.accepted) == 1
            assert nginx.counters()["openings"] == 0


@pytest.mark.parametrize("said, word", [
    (b"-LOADING Redis is loading the dataset in memory\r\n", "loading"),
    (b"-READONLY You can't write against a read only replica.\r\n", "readonly"),
    (b"-MASTERDOWN Link with MASTER is down\r\n", "masterdown"),
    (b"-NOAUTH Authentication required.\r\n", "noauth"),
    (b"$100\r\nabc" + Fake.HANG_UP, "closed"),
    (Fake.HANG_UP, "closed"),
    (b"*2\r\n$1\r\nx\r\n" + Fake.HANG_UP, "closed"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "protocol"),
    (b"$x\r\n", "protocol"),
    (b"*2147483647\r\n", "too_large"),
    (b"*3\r\n*900000\r\n*900000\r\n", "too_large"),
    (b"$2000000000\r\n", "too_large"),
])
def test_trouble_in_a_reply(place, said, word):
    with Fake(answer=greets(lambda words: said)) as fake:
        with started(Asker(place(), f"redis://127.0.0.1:{fake.port}",
                           "connections=1")) as nginx:
            nginx.works()
            assert nginx.word("GET", "x") == word
            fake.answer = greets(lambda words: b"$3\r\nbar\r\n")
            nginx.works()
            assert nginx.reply("GET", "x") == "bar"


def test_greeting_that_loads(place):
    """A server that reads its data is there, and is not used."""
    busy = b"-LOADING Redis is loading the dataset in memory\r\n"
    with Fake(answer=lambda words: busy if words[0] == b"PING" else None) \
            as fake:
        with started(Asker(place(), f"redis://127.0.0.1:{fake.port}")) as nginx:
            nginx.fails_at_once()
            assert "loading" in nginx.log()
            fake.answer = greets(lambda words: b"+OK\r\n")
            assert nginx.works() < 2


def test_becomes_a_replica(nginx, redis, place):
    with Servers("single", place()) as other:
        redis.cli("REPLICAOF", "127.0.0.1", str(other.port))
        until(lambda: nginx.word("SET", "a", "b"), 5, "it cannot be written")
        nginx.fails_at_once()
        time.sleep(1.2)
        assert nginx.word("GET", "a") == "breaker_open"
        redis.cli("REPLICAOF", "NO", "ONE")
        assert nginx.works() < 2
        assert nginx.reply("SET", "a", "b") == "OK"


def test_names_are_looked_up_as_they_are_needed(place):
    ok = greets(lambda words: b"+OK\r\n")
    with Names() as names, Fake(answer=ok) as first, \
            Fake(answer=ok, address="127.0.0.2", port=first.port) as second:
        resolver = f"resolver 127.0.0.1:{names.port} valid=1s ipv6=off;"
        with started(Asker(place(), f"redis://redis.test:{first.port}",
                           http=resolver)) as nginx:
            assert nginx.word("PING") in ("resolve", "breaker_open")
            nginx.fails_at_once()
            assert '"redis.test:' in nginx.log()
            names.address = "127.0.0.1"
            assert nginx.works() < 3
            assert first.accepted and not second.accepted

            # the server moves
            names.address = "127.0.0.2"
            first.answer = lambda words: Fake.HANG_UP
            assert nginx.word("GET", "x") in ("closed", "breaker_open")
            until(lambda: second.accepted and nginx.ask("PING")["ok"], 10,
                  "it is found at its new address")

    with Names() as names:
        names.silent = True
        resolver = f"resolver 127.0.0.1:{names.port} ipv6=off;"
        with started(Asker(place(), "redis://redis.test:1",
                           http=resolver)) as nginx:
            assert nginx.word("PING") in ("timeout", "breaker_open")
            nginx.fails_at_once()
            assert "timeout: looking for the address" in nginx.log()
            assert max(nginx.fast() for _ in range(50)) < FAST
            until(lambda: names.asked > 0, 5, "it is asked")


def test_name_that_is_nowhere(place):
    nginx = Asker(place(), "redis://nowhere.invalid:1")
    with pytest.raises(RuntimeError, match='Redis host "nowhere.invalid"'):
        nginx.start()
    nginx.kill_all()


def test_one_attempt_a_second(place):
    with Fake(answer=lambda words: Fake.HANG_UP) as fake:
        with started(Asker(place(), f"redis://127.0.0.1:{fake.port}")) as nginx:
            nginx.fails_at_once()
            end = time.monotonic() + 5
            while time.monotonic() < end:
                assert nginx.word("PING") == "breaker_open"
                time.sleep(0.02)
            times = fake.accepted[:]
            assert 3 <= len(times) <= 7
            assert min(b - a for a, b in zip(times, times[1:])) > 0.9


def test_greets_and_hangs_up(place):
    """A server that lets everybody in and then throws them out is not
    stormed."""
    with Fake(answer=greets(lambda words: Fake.HANG_UP)) as fake:
        with started(Asker(place(), f"redis://127.0.0.1:{fake.port}")) as nginx:
            end = time.monotonic() + 4
            while time.monotonic() < end:
                assert nginx.word("GET", "x") in ("closed", "breaker_open")
            assert len(fake.accepted) < 40


def test_restart(nginx, redis):
    for _ in range(3):
        redis.kill()
        assert nginx.word("PING") in ("closed", "refused", "breaker_open")
        nginx.fails_at_once()
        redis.start()
        assert nginx.works() < 2
    until(lambda: nginx.messages()["up"], 5, "the channel is back")


def test_cancel(nginx, redis):
    assert nginx.word("SET", "a", "b", cancel=1) == "cancelled"
    assert nginx.ask("ECHO", count=100, index=1, cancel=1)["ok"] == 0
    answer = nginx.ask("ECHO", count=500, index=1)
    assert (answer["ok"], answer["wrong"]) == (500, 0)
    assert nginx.counters()["cancelled"] == 101

    # a client that leaves
    redis.pause()
    with pytest.raises(requests.Timeout):
        requests.get(nginx.url + "/ask?a=ECHO&a=x&count=3&timeout=10000",
                     timeout=0.3)
    until(lambda: nginx.counters()["cancelled"] == 104, 5, "it is noticed")
    redis.resume()
    answer = nginx.ask("ECHO", count=500, index=1, timeout=2000)
    assert (answer["ok"], answer["wrong"]) == (500, 0)


def test_late_reply_is_thrown_away(nginx, redis):
    # a question that may take long is first in the queue, so the one behind
    # it that may not is too late without the connection being dropped
    slow = threading.Thread(target=lambda: requests.get(
        nginx.url + "/ask?a=BLPOP&a=none&a=0.4&timeout=3000&count=4",
        timeout=20))
    slow.start()
    until(lambda: nginx.counters()["asked"] >= 5, 5, "it is asked")
    assert nginx.ask("ECHO", count=4, index=1, timeout=50)["timeout"] == 4
    slow.join()
    answer = nginx.ask("ECHO", count=100, index=1)
    assert (answer["ok"], answer["wrong"]) == (100, 0)
    assert nginx.counters()["late"] == 4
    assert nginx.counters()["openings"] == 0


def test_messages(nginx, redis):
    until(lambda: nginx.messages()["up"], 5, "it listens")
    for i in range(10):
        assert redis.cli("PUBLISH", "news", f"n{i}") == "1"
    until(lambda: nginx.messages()["messages"] == [f"n{i}" for i in range(10)],
          5, "they come")
    time.sleep(2.5)                 # some PINGs
    assert nginx.messages()["ups"] == 1
    redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
    until(lambda: nginx.messages()["ups"] == 2, 5, "it listens again")
    redis.cli("PUBLISH", "news", "more")
    until(lambda: nginx.messages()["messages"][-1] == "more", 5, "it comes")


def test_killed_connections(nginx, redis):
    """Redis is there: others take over, nothing is in trouble."""
    until(lambda: redis.cli("CLIENT", "LIST").count("name=hx-gate") == 5, 5,
          "all are there")
    ids = [line.split()[0].split("=")[1]
           for line in redis.cli("CLIENT", "LIST").splitlines()
           if "name=hx-gate" in line and "sub=0" in line]
    for one in ids[:3]:
        redis.cli("CLIENT", "KILL", "ID", one)
        assert nginx.reply("PING") == "PONG"
    until(lambda: redis.cli("CLIENT", "LIST").count("name=hx-gate") == 5, 5,
          "all are there again")
    assert nginx.counters()["openings"] == 0


def test_nothing_is_left_behind(nginx, redis):
    def rounds():
        for _ in range(3):
            redis.pause()
            assert nginx.ask("GET", "x", count=400)["ok"] == 0
            nginx.fails_at_once()
            for _ in range(200):
                assert nginx.word("GET", "x") == "breaker_open"
            redis.resume()
            nginx.works()
            redis.kill()
            nginx.fails_at_once()
            redis.start()
            nginx.works()
            until(lambda: redis.cli("CLIENT", "LIST").count("name=hx-gate")
                  == 5, 5, "all are there")

    rounds()
    fds, memory = nginx.fds(), nginx.memory()
    rounds()
    assert nginx.fds() == fds
    assert nginx.memory() < memory + 1024


def test_reload_with_questions_under_way(nginx, redis):
    old = nginx.counters()["pid"]
    redis.pause()
    answers = []
    ask = threading.Thread(target=lambda: answers.append(requests.get(
        nginx.url + "/ask?a=ECHO&a=hello&timeout=10000", timeout=20).json()))
    ask.start()
    until(lambda: nginx.counters()["asked"] >= 2, 5, "it is asked")
    nginx.reload()
    until(lambda: nginx.workers() and nginx.workers()[0] != old, 10, "reload")
    assert not answers
    redis.resume()
    ask.join()
    assert answers[0]["reply"] == "hello", answers
    until(nginx.settled, 5, "the old worker leaves")
    nginx.works()
    assert "open socket" not in nginx.log()


def test_old_worker_leaves_at_once(nginx):
    begin = time.monotonic()
    nginx.session.close()
    nginx.reload()
    time.sleep(0.2)
    until(nginx.settled, 5, "the old worker leaves")
    assert time.monotonic() - begin < 3
    nginx.works()


def test_old_worker_asks_again_and_again(nginx):
    """It closes a link that no request needs; the next request has another
    one at once, whenever the last was made."""
    old = nginx.counters()["pid"]
    begun = []
    try:
        for _ in range(4):
            s = socket.create_connection(("127.0.0.1", nginx.port), 10)
            begun.append(s)
            s.sendall(b"GET /ask?a=ECHO&a=hello&timeout=5000 HTTP/1.1\r\n")
        for _ in range(3):      # the worker has seen what was begun before
            requests.get(nginx.url + "/counters", timeout=20)
        nginx.session.close()
        nginx.reload()
        until(lambda: nginx.workers() and nginx.workers()[0] != old, 10,
              "reload")
        for s in begun:
            s.sendall(b"Host: gate\r\nConnection: close\r\n\r\n")
            with s.makefile("rb") as answer:
                assert b'"reply":"hello"' in answer.read().replace(b" ", b"")
    finally:
        for s in begun:
            s.close()
    until(nginx.settled, 5, "the old worker leaves")
    assert "open socket" not in nginx.log()


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGTERM])
def test_shutdown_with_questions_under_way(place, redis, how):
    nginx = Asker(place(), f"redis://127.0.0.1:{redis.port}", "channel=news")
    nginx.start()
    try:
        nginx.works()
        redis.pause()
        answers = []

        def ask():
            try:
                answers.append(requests.get(
                    nginx.url + "/ask?a=ECHO&a=hello&timeout=5000",
                    timeout=20).json())
            except requests.ConnectionError:
                answers.append(None)

        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: nginx.counters()["asked"] >= 2, 5, "it is asked")
        os.kill(nginx.master, how)
        time.sleep(0.3)
        redis.resume()
        thread.join()
        if how == signal.SIGQUIT:
            assert answers[0]["reply"] == "hello"
        until(lambda: not nginx.members(), 10, "nginx ends")
        assert "open socket" not in nginx.log()
        assert "signal 11" not in nginx.log()
    finally:
        nginx.stop()
