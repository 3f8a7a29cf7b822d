"""Limits that all nodes keep together, in Redis: not one request more than N
in any window, whichever nodes they come to."""

import random
import time

import pytest

from fleet import Fleet, figure
from fleet_load import statuses
from judge import of, overshoot, without_retry_after

SEEDS = 20


def limits_of(fleet, tag):
    """Tenants with limits of all sizes: {tenant: (N, window, key)}"""
    made = {}
    for seed in range(SEEDS):
        rng = random.Random(seed)
        name = f"{tag}-{seed}"
        limit = (rng.randrange(3, 120), rng.choice((1, 2, 3)))
        key = fleet[0].create(name)
        fleet[seed % 3].limit(name, *limit)
        made[name] = (*limit, key)
    time.sleep(1.2)
    return made


@pytest.mark.parametrize("mode", [
    "single", pytest.param("cluster", marks=pytest.mark.long)])
@pytest.mark.parametrize("sync, least", [("strict", 0.9), ("lease", 0.5)])
def test_no_overshoot(new_dir, quick, mode, sync, least):
    with Fleet(new_dir(), "redis", mode=mode,
               http=f"hx_gate_rate_limit on sync={sync} on_error=closed;") as fleet:
        fleet.wait_ready()
        made = limits_of(fleet, sync)
        slots = {}
        with fleet.load(3000) as load:
            for name, (_, _, key) in made.items():
                slots[name] = load.add(key)
            time.sleep(5 if quick else 12)
            records = load.stop()
        assert not fleet.bad_lines()
    assert set(statuses(records)) == {200, 429}
    assert without_retry_after(records) == 0
    over = {name: overshoot(of(records, slots[name]), count, window)
            for name, (count, window, _) in made.items()}
    figure(f"overshoot, {sync}, {mode}, worst of {SEEDS} tenants",
           max(over.values()), "0", "requests")
    used = []
    for name, (count, window, _) in made.items():
        if sync == "lease" and count < 30:
            continue                # what nodes hold unused is much of it
        mine = of(records, slots[name])
        span = (mine["got"].max() - mine["sent"].min()) / 1e9
        room = min(len(mine), count * (span // window))
        used.append(statuses(mine).get(200, 0) / room)
    figure(f"used of what was allowed, {sync}, {mode}, least", min(used),
           f">= {least}", "")
    assert not any(over.values()), over
    assert min(used) >= least


def operations(fleet):
    """Commands that the nodes have sent (Redis counts what scripts do, too)"""
    return sum(proxy.stat()["commands"] for proxy in fleet.proxies)


def test_a_lease_asks_seldom(new_dir, quick):
    """A hot tenant: at most one Redis operation for 100 requests."""
    with Fleet(new_dir(), "redis",
               http="hx_gate_rate_limit on sync=lease on_error=closed;") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("hot")
        fleet[0].limit("hot", 1_000_000, 60)
        time.sleep(1.2)
        idle = operations(fleet)
        time.sleep(2)
        idle = (operations(fleet) - idle) / 2
        with fleet.load(4000) as load:
            load.add(key)
            time.sleep(1)
            before = operations(fleet)
            count = len(load.records())
            began = time.monotonic()
            time.sleep(3 if quick else 8)
            calls = operations(fleet) - before
            calls -= idle * (time.monotonic() - began)
            count = len(load.records()) - count
            records = load.stop()
    assert statuses(records) == {200: len(records)}
    figure("Redis operations for a request, lease", max(calls, 0) / count,
           "<= 0.01", "each")
    assert calls / count <= 0.01


@pytest.mark.long
def test_a_lease_of_a_node_that_dies(new_dir):
    """What it had taken is lost until the window has passed, not more; and
    nobody gets more than N."""
    with Fleet(new_dir(), "redis",
               http="hx_gate_rate_limit on sync=lease on_error=closed;") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("leased")
        fleet[0].limit("leased", 300, 2)
        time.sleep(1.2)
        with fleet.load(900) as load:
            slot = load.add(key)
            for _ in range(4):
                time.sleep(1)
                fleet[2].kill_all()
                fleet[2].start()
            time.sleep(3)
            records = load.stop()
    mine = of(records, slot)
    assert set(statuses(mine)) <= {0, 200, 429, 503}
    over = overshoot(mine, 300, 2)
    figure("overshoot, lease, a node dies four times", over, "0", "requests")
    assert over == 0
    late = mine[mine["sent"] > mine["sent"].max() - 2_500_000_000]
    assert statuses(late).get(200, 0) >= 150
