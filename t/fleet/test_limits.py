"""Limits that each node keeps for itself."""

import random
import time

import pytest

from conftest import BACKEND
from fleet import Fleet, figure
from fleet_load import statuses
from judge import of, overshoot, without_retry_after

SEEDS = 20


@pytest.fixture(scope="module")
def fleet(new_dir):
    with Fleet(new_dir(), BACKEND, http="") as made:
        yield made.wait_ready()
    assert not made.bad_lines()


def test_local(fleet, quick):
    """N a window on every node, and not one more on any of them."""
    limits, slots = {}, {}
    with fleet.load(3000) as load:
        for seed in range(SEEDS):
            rng = random.Random(seed)
            name = f"local-{seed}"
            key = fleet[0].create(name)
            limits[name] = (rng.randrange(5, 60), rng.choice((1, 2)))
            fleet[0].limit(name, *limits[name])
            for node in fleet:      # all have heard of it before it is used
                while node.tenants()[name]["rate_limit"]["requests"] \
                        != limits[name][0]:
                    time.sleep(0.01)
            slots[name] = load.add(key)
        time.sleep(4 if quick else 10)
        records = load.stop()
    assert set(statuses(records)) == {200, 429}
    worst = max(overshoot(of(records, slots[name], node=n), *limits[name])
                for name in limits for n in range(3))
    figure("overshoot of a node, local limits, worst of 20 tenants", worst,
           "0", "requests")
    assert worst == 0
    assert without_retry_after(records) == 0
    for name, (count, window) in limits.items():
        for n in range(3):
            mine = of(records, slots[name], node=n)
            used = statuses(mine)[200]
            span = (mine["got"].max() - mine["sent"].min()) / 1e9
            assert used <= count * (span / window + 1)
            assert used >= min(len(mine), count * (span // window)) * 0.9
