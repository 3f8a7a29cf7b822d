"""Permits and tenths that a node has taken ahead and does not need: others get
them long before the window has passed."""

import time

import pytest

from conftest import until
from fleet import Fleet, figure
from fleet_load import statuses
from judge import of, overshoot
from test_redis_quota import known, quotas, sums

WINDOW = 60
LIFE = WINDOW / 16      # of a lease, at most


def leased(new_dir, nodes=3, **more):
    return Fleet(new_dir(), "redis", nodes=nodes,
                 http="hx_gate_rate_limit on sync=lease on_error=closed;",
                 **more)


def total(fleet, tenant):
    """What counts in the tenant's window, used or taken ahead."""
    head = fleet.redis.ask("LINDEX", f"{{hx-gate:{tenant}}}:w", "-1")
    return int(head.split()[3]) if head else 0


def until_limit(fleet, key, limit):
    """Every node has heard of the limit."""
    for node in fleet:
        until(lambda node=node: node.tenants()[key]["rate_limit"]["requests"]
              == limit, 5, f"the limit on node {node.number}")


@pytest.mark.parametrize("workers", [1, 2])
def test_unused_permits(new_dir, workers):
    """One node stops asking; what it did not use the others use, all of it,
    within the life of a lease."""
    with leased(new_dir, workers=workers) as fleet:
        fleet.wait_ready()
        key = fleet[0].create("rest")
        fleet[0].limit("rest", 2000, WINDOW)
        until_limit(fleet, "rest", 2000)
        began = time.monotonic()
        for _ in range(500):
            assert fleet[0].status(key) == 200
        ahead = total(fleet, "rest") - 500
        assert ahead > 50
        until(lambda: total(fleet, "rest") == 500, LIFE + 1, "all is back")
        figure("permits not used, given back", time.monotonic() - began,
               f"< {LIFE + 1}", "s")
        used, late = 500, 0
        for node in (fleet[1], fleet[2]) * 20:
            status = 200
            while status == 200 and time.monotonic() < began + WINDOW / 2:
                status = node.status(key)
                used += status == 200
                late += status == 503
            time.sleep(0.3)
        assert time.monotonic() < began + WINDOW / 2
        # an answer of Redis that came too late takes its lease along
        assert 2000 - late * 125 <= used <= 2000
        assert not fleet.bad_lines()


def test_no_overshoot(new_dir, quick):
    """Nodes take turns, so that rests go back all the time."""
    with leased(new_dir) as fleet:
        fleet.wait_ready()
        key = fleet[0].create("turns")
        fleet[0].limit("turns", 600, 2)
        until_limit(fleet, "turns", 600)
        with fleet.load(900) as load:
            slots = [load.add(key, nodes=[n]) for n in range(3)]
            for n in range(20 if quick else 60):
                for slot in slots:
                    load.weight(slot, 30 if slot == slots[n % 3] else 1)
                time.sleep(0.25)
            records = load.stop()
        assert not fleet.bad_lines()
    assert set(statuses(records)) <= {200, 429, 503}
    over = overshoot(of(records, *slots), 600, 2)
    figure("overshoot, lease, rests go back", over, "0", "requests")
    assert over == 0


def test_unused_tenths(new_dir):
    """What a node set aside of a quota, when nobody comes any more."""
    with quotas(new_dir, "lease") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("tenths", plan="tight")
        known(fleet, key)
        for _ in range(150):
            assert fleet[0].status(key) == 200
        until(lambda: sums(fleet, "tenths") == 150, LIFE + 2, "they are back")
        for n in range(150):
            until(lambda n=n: fleet[n % 3].status(key) == 200, 5, "the rest")
        time.sleep(1.1)
        assert fleet[1].status(key) == 429
        assert sums(fleet, "tenths") == 300
        fleet.settle("tenths", 300)
        assert not fleet.bad_lines()


def test_a_node_that_ends(new_dir):
    """It does not wait for Redis: what it had ahead counts."""
    with leased(new_dir, nodes=1) as fleet:
        fleet.wait_ready()
        node = fleet[0]
        key = node.create("away")
        node.limit("away", 2000, WINDOW)
        until_limit(fleet, "away", 2000)
        for _ in range(500):
            assert node.status(key) == 200
        ahead = total(fleet, "away")
        assert ahead > 550
        asked = fleet.redis.commands()["evalsha"]
        node.stop()
        assert total(fleet, "away") == ahead
        assert fleet.redis.commands()["evalsha"] == asked
        assert not fleet.bad_lines()
