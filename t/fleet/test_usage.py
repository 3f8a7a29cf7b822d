"""What a tenant is charged with on all nodes together is what they have
answered, also when nodes are killed and cut off."""

import time

import pytest

from conftest import BACKEND, until
from fleet import Fleet, figure
from fleet_load import statuses

TENTHS = 1              # of a CU: the price of a listing
PATIENCE = 20


@pytest.fixture
def fleet(new_dir):
    with Fleet(new_dir(), BACKEND, options="usage_flush=1s", workers=2,
               audit="{log}") as made:
        yield made.wait_ready()
    assert not made.bad_lines()


def settled(fleet, tenants):
    """What they were charged with, when it does not change any more."""
    seen = []

    def same():
        told = [fleet.told(tenant) for tenant in tenants]
        seen.append([fleet.usage(tenant) for tenant in tenants])
        time.sleep(1.2)
        return (len(seen) > 1 and seen[-1] == seen[-2]
                and all(len(set(each)) == 1 for each in told))
    until(same, PATIENCE, "all charges are known to all nodes")
    return seen[-1]


def test_sums_over_nodes(fleet, quick):
    tenants = [f"used-{n}" for n in range(5)]
    with fleet.load(1500) as load:
        slots = [load.add(fleet[0].create(name)) for name in tenants]
        time.sleep(2 if quick else 6)
        records = load.stop()
    answered = [statuses(records[records["slot"] == slot]).get(200, 0)
                for slot in slots]
    assert statuses(records) == {200: len(records)}
    assert settled(fleet, tenants) == [n * TENTHS for n in answered]


def test_sums_with_kills_and_cuts(fleet, quick):
    """kill -9 takes the charge of what a worker was at along: one request a
    worker that dies; a request whose answer was lost may be charged."""
    tenants = [f"killed-{n}" for n in range(5)]
    deaths = 0
    with fleet.load(1500) as load:
        slots = [load.add(fleet[0].create(name)) for name in tenants]
        for round_ in range(2 if quick else 6):
            node = fleet[round_ % 3]
            time.sleep(0.7)
            deaths += len(node.workers())
            node.kill_all()
            time.sleep(0.3)
            node.start()
            if fleet.proxies:
                with fleet.proxies[(round_ + 1) % 3].fault("drop"):
                    time.sleep(0.5)
        time.sleep(0.7)
        records = load.stop()
    answered = sum(statuses(records[records["slot"] == slot]).get(200, 0)
                   for slot in slots)
    # not sent at all when there was no connection
    lost = int(((records["status"] == 0) & (records["end"] != 1)).sum())
    assert set(statuses(records)) <= {0, 200, 503}
    charged = sum(settled(fleet, tenants))
    figure("charged beside answered requests, nodes killed",
           f"{charged - answered * TENTHS:+d}", f"-{deaths} .. +{lost}",
           "tenths of a CU")
    assert -deaths <= charged - answered * TENTHS <= lost
    assert deaths >= 4
