"""Limits that all nodes keep together, where a request is looked at twice, goes
away while Redis is asked, or Redis does not answer."""

import contextlib
import socket
import threading
import time

import pytest

from conftest import until
from fleet import Fleet

SLOW = {"timeout": "3s", "connect_timeout": "3s"}
CALLS = ("evalsha", "eval")


def one(new_dir, mode="on", sync="strict", **more):
    """A fleet of a single node, for what does not need two."""
    return Fleet(new_dir(), "redis", nodes=1,
                 http=f"hx_gate_rate_limit {mode} sync={sync} "
                      f"on_error={more.pop('on_error', 'closed')};"
                      + more.pop("more_http", ""), **more)


def calls(fleet):
    """Scripts that Redis has run."""
    done = fleet.redis.commands()
    return sum(done.get(name, 0) for name in CALLS)


def remaining(answer):
    return int(answer.headers["X-RateLimit-Remaining"])


@contextlib.contextmanager
def waiting(fleet, key, count=1, path="/v1/list/default"):
    """Requests that wait for a Redis that stands still; their connections."""
    with fleet.redis.stopped(), contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            s = stack.enter_context(
                socket.create_connection(("127.0.0.1", fleet[0].port), 10))
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n"
                      f"X-Api-Key: {key}\r\n\r\n".encode())
            made.append(s)
        time.sleep(0.1)
        yield made
        time.sleep(0.1)


class Slow:
    """An upstream that answers after a while, and counts."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.count = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.answer, args=(s,),
                             daemon=True).start()

    def answer(self, s):
        with s, contextlib.suppress(OSError):
            s.recv(65536)
            time.sleep(self.seconds)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("sync", ["strict", "lease"])
def test_decided_twice(new_dir, sync):
    """Looked at in shadow, then decided: it counts once in the window, and its
    quota is asked where it is enforced."""
    server = """
        location /v1/list/default {
            hx_gate shadow;
            try_files /none @on;
        }
        location @on {
            hx_gate on;
            hx_gate_billing on;
            proxy_pass http://engine;
        }"""
    with one(new_dir, sync=sync, server=server, more_http="""
             hx_gate_plan tight requests=20 window=1h quota=1.0 overage=off;"""
             ) as fleet:
        fleet.wait_ready()
        key = fleet[0].create("twice", plan="tight")
        answers = [fleet[0].use(key) for _ in range(10)]
        assert [a.status for a in answers] == [200] * 10
        assert [remaining(a) for a in answers] == list(range(19, 9, -1))
        refused = fleet[0].use(key)
        assert refused.status == 429
        assert refused.body["error"] == "quota_exceeded"
        assert not fleet.bad_lines()


def test_a_lease_outlives_who_asked(new_dir):
    """Clients that go away while a lease is on its way: others have it."""
    with one(new_dir, sync="lease", times=SLOW) as fleet:
        fleet.wait_ready()
        node = fleet[0]
        key = node.create("gone")
        node.limit("gone", 100_000, 60)
        until(lambda: remaining(node.use(key)) > 90_000, 5, "the limit")
        for _ in range(600):
            assert node.status(key) == 200      # it is a busy tenant
        time.sleep(2)                           # no lease is left
        asked = calls(fleet)
        with waiting(fleet, key, 3) as clients:
            for s in clients:
                s.close()
            time.sleep(0.1)
        until(lambda: calls(fleet) == asked + 3, 5, "all three were asked")
        time.sleep(0.05)
        asked = calls(fleet)
        for _ in range(20):
            assert node.status(key) == 200
        assert calls(fleet) == asked
        assert not fleet.bad_lines()


def test_post_action(new_dir):
    """A client that goes away while Redis is asked: what nginx does after that
    it does once."""
    slow = Slow(1.0)
    with one(new_dir, times=SLOW, gate="post_action /after;",
             server=f"""location /after {{
                 proxy_pass http://127.0.0.1:{slow.port}; }}""") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("after")
        assert fleet[0].status(key) == 200
        until(lambda: slow.count == 1, 5, "the first action")
        time.sleep(1.2)
        with waiting(fleet, key) as (client,):
            client.close()
            until(lambda: slow.count == 2, 5, "the second action")
        time.sleep(1.5)
        assert slow.count == 2
        assert fleet[0].status(key) == 200
        assert not fleet.bad_lines()


def test_post_action_that_waits(new_dir):
    """It is gated itself, and waits for Redis in its client's place."""
    with one(new_dir, times=SLOW, gate="post_action /after/list/default;",
             server="""location /after/ {
                 rewrite ^/after/(.*)$ /v1/$1 break;
                 hx_gate on; proxy_pass http://engine; }""") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("later")
        fleet[0].limit("later", 20, 3600)
        until(lambda: remaining(fleet[0].use(key)) < 20, 5, "the limit")
        with waiting(fleet, key) as (client,):
            client.close()
        assert fleet[0].status(key) == 200
        assert not fleet.bad_lines()


def test_shadow_refuses_nothing(new_dir):
    with one(new_dir, mode="shadow") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("shadow")
        assert fleet[0].status(key) == 200
        with fleet.redis.stopped():
            assert [fleet[0].status(key) for _ in range(5)] == [200] * 5
        told = fleet[0].metrics()
        assert told['hx_gate_shadow_decisions_total'
                    '{outcome="store_unavailable"}'] == 5


def test_errors_are_told(new_dir):
    """Once a second at most: why Redis cannot be asked."""
    with one(new_dir, on_error="open") as fleet:
        fleet.wait_ready()
        node = fleet[0]
        key = node.create("told")
        assert node.status(key) == 200

        def lines(what):
            return [line for line in node.errors("error")
                    if f"limits in Redis cannot be asked: {what}" in line]
        began = time.monotonic()
        with fleet.redis.stopped():
            while time.monotonic() < began + 2.5:
                assert node.status(key) == 200
        assert lines("timeout") and lines("breaker_open")
        assert len(lines("")) <= 5
        until(lambda: "X-RateLimit-Remaining" in node.use(key).headers, 5,
              "Redis is back")
        fleet.redis.ask("SET", "{hx-gate:told}:w", "no window")
        until(lambda: node.status(key) == 200 and lines("WRONGTYPE"), 5,
              "what Redis said")
        assert not fleet.bad_lines()
