"""Monthly quotas that all nodes keep together, in Redis: what is charged in the
fleet is never more than the quota, and what is not charged goes back."""

import contextlib
import socket
import time

import pytest

from conftest import until
from fleet import Fleet, figure
from fleet_load import statuses

TENTHS = 300            # of a CU: the quota; a listing costs one
SLOW = {"timeout": "3s", "connect_timeout": "3s"}
FAILING = """
    location /fail/ {
        rewrite ^/fail/(.*)$ /v1/$1 break;
        hx_gate on;
        proxy_pass http://127.0.0.1:1;
    }"""


def quotas(new_dir, sync, nodes=3, mode="on", on_error="closed", **more):
    return Fleet(new_dir(), "redis", nodes=nodes, server=FAILING,
                 http=f"""
        hx_gate_rate_limit {mode} sync={sync} on_error={on_error};
        hx_gate_billing on;
        hx_gate_plan tight requests=100000 window=1m
                     quota={TENTHS // 10}.0 overage=off;
        hx_gate_plan few requests=2 window=1h quota=0.5 overage=off;""",
                 **more)


def sums(fleet, tenant):
    """What Redis has set aside and charged, in tenths."""
    with fleet.redis.client() as ask:
        keys = ask("KEYS", f"{{hx-gate:{tenant}}}:q:*")
        return sum(int(ask("GET", key)) for key in keys)


def known(fleet, key):
    """All nodes know the tenant, at no cost."""
    for node in fleet:
        until(lambda node=node: node.status(key, "/v1/list/nobodys") == 403,
              5, f"node {node.number} knows the key")


@pytest.mark.parametrize("sync", ["strict", "lease"])
def test_never_more_than_the_quota(new_dir, sync, quick):
    """Requests on all nodes at a time: so many as the quota has are served and
    charged, and not one more."""
    with quotas(new_dir, sync) as fleet:
        fleet.wait_ready()
        tenants = [f"tight-{n}" for n in range(4)]
        with fleet.load(900) as load:
            slots = {}
            for name in tenants:
                key = fleet[0].create(name, plan="tight")
                known(fleet, key)
                slots[name] = load.add(key)
            time.sleep(4 if quick else 8)
            records = load.stop()
        for name, slot in slots.items():
            mine = records[records["slot"] == slot]
            served = statuses(mine)
            assert set(served) == {200, 429}
            fleet.settle(name, served[200])
            figure(f"charged of a quota of {TENTHS}, {sync}", served[200],
                   f"{TENTHS}" if sync == "strict" else f"<= {TENTHS}",
                   "tenths of a CU")
            assert served[200] <= TENTHS
            if sync == "strict":
                assert served[200] == TENTHS
            assert served[200] >= 0.8 * TENTHS
            assert sums(fleet, name) <= TENTHS
        answer = fleet[1].use(fleet[1].rotate(tenants[0]))
        assert answer.status == 429
        assert answer.body["error"] == "quota_exceeded"
        assert int(answer.headers["Retry-After"]) >= 1
        assert not fleet.bad_lines()


@pytest.mark.parametrize("sync", ["strict", "lease"])
def test_what_fails_goes_back(new_dir, sync):
    """The upstream does not answer: nothing is charged, nothing is gone."""
    with quotas(new_dir, sync) as fleet:
        fleet.wait_ready()
        key = fleet[0].create("failing", plan="tight")
        known(fleet, key)
        path = "/fail/list/default"
        for n in range(2 * TENTHS):
            assert fleet[n % 3].status(key, path) == 502
        if sync == "strict":
            until(lambda: sums(fleet, "failing") == 0, 5, "all is back")
            assert fleet[1].status(key) == 200
        else:
            assert sums(fleet, "failing") < TENTHS
        assert not fleet.bad_lines()


def test_who_goes_away_gives_back(new_dir):
    """A client that goes away while Redis is asked is not charged."""
    with quotas(new_dir, "strict", nodes=1, times=SLOW) as fleet:
        fleet.wait_ready()
        key = fleet[0].create("away", plan="tight")
        assert fleet[0].status(key) == 200
        asked = fleet.redis.commands()["evalsha"]
        with contextlib.ExitStack() as stack, fleet.redis.stopped():
            for _ in range(5):
                s = stack.enter_context(socket.create_connection(
                    ("127.0.0.1", fleet[0].port), 10))
                s.sendall(b"GET /v1/list/default HTTP/1.1\r\nHost: x\r\n"
                          b"X-Api-Key: " + key.encode() + b"\r\n\r\n")
            time.sleep(0.1)
            stack.close()
            time.sleep(0.1)
        until(lambda: fleet.redis.commands()["evalsha"] == asked + 10, 5,
              "asked, and given back")
        assert sums(fleet, "away") == 1
        fleet.settle("away", 1)
        assert not fleet.bad_lines()


@pytest.mark.parametrize("sync", ["strict", "lease"])
def test_a_window_in_shadow(new_dir, sync):
    """The window refuses nobody, the quota does: beyond the window, too."""
    with quotas(new_dir, sync, nodes=2, mode="shadow") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("few", plan="few")
        known(fleet, key)
        answers = [fleet[n % 2].status(key) for n in range(8)]
        assert answers == [200] * 5 + [429] * 3
        assert sums(fleet, "few") == 5
        told = [node.metrics()['hx_gate_shadow_decisions_total'
                               '{outcome="rate_limited"}'] for node in fleet]
        assert sum(told) == 3
        assert not fleet.bad_lines()


def test_redis_knows_what_a_node_knows(new_dir):
    """Redis has lost its sum: it goes on from what the node has charged."""
    with quotas(new_dir, "strict", nodes=1) as fleet:
        fleet.wait_ready()
        key = fleet[0].create("lost", plan="tight")
        for _ in range(20):
            assert fleet[0].status(key) == 200
        assert sums(fleet, "lost") == 20
        with fleet.redis.client() as ask:
            for name in ask("KEYS", "{hx-gate:lost}:q:*"):
                ask("DEL", name)
        assert fleet[0].status(key) == 200
        assert sums(fleet, "lost") == 21


def test_redis_away(new_dir):
    """on_error=local: each node enforces the quota as far as it knows."""
    with quotas(new_dir, "strict", nodes=1, on_error="local") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("alone", plan="few")
        with fleet.redis.stopped():
            answers = [fleet[0].use(key) for _ in range(3)]
        assert [a.status for a in answers] == [200, 200, 429]
        assert answers[2].body["error"] == "rate_limited"
