"""The load generator and the fleet's helpers, on a directory that all nodes
share (LMDB)."""

import time

import numpy as np
import pytest

from fleet import Fleet
from fleet_load import between, delays, percentiles, statuses, use_after


@pytest.fixture(scope="module")
def fleet(new_dir):
    with Fleet(new_dir(), "lmdb") as made:
        yield made.wait_ready()


def test_constant_rate(fleet):
    """As many as the rate says, to all nodes alike, each with its times."""
    keys = [fleet[n % 3].create(f"rate-{n}") for n in range(50)]
    with fleet.load(2000) as load:
        slots = [load.add(key) for key in keys]
        began = time.monotonic_ns()
        time.sleep(2)
        ended = time.monotonic_ns()
        records = load.stop()
    assert statuses(records) == {200: len(records)}
    count = len(between(records, began, ended))
    assert 0.95 < count / (2000 * (ended - began) / 1e9) < 1.05
    assert set(records["slot"]) == set(slots)
    nodes = np.bincount(records["node"])
    assert len(nodes) == 3 and nodes.max() - nodes.min() <= 1
    assert (records["due"] <= records["sent"]).all()
    assert (records["sent"] < records["got"]).all()
    middle, most, _ = percentiles(delays(records))
    assert 0 < middle < 20 and middle <= most
    assert load.summary["statuses"] == {"200": len(records)}


def test_kinds_of_requests(fleet):
    """Known, unknown, none, not gated, and to one node only."""
    key = fleet[0].create("kinds")
    with fleet.load(600) as load:
        known = load.add(key, weight=2)
        unknown = load.add("?")
        keyless = load.add()
        ungated = load.add(path="/open/x")
        single = load.add(key, nodes=[2])
        time.sleep(1)
        load.weight(known, 0)
        load.records()
        changed = time.monotonic_ns()
        time.sleep(0.3)
        records = load.stop()

    def of(slot):
        return records[records["slot"] == slot]
    assert statuses(of(known)) == {200: len(of(known))}
    assert statuses(of(unknown)) == {401: len(of(unknown))}
    assert statuses(of(keyless)) == {401: len(of(keyless))}
    assert statuses(of(ungated)) == {200: len(of(ungated))}
    assert set(of(single)["node"]) == {2}
    assert not len(between(of(known), changed, 2 ** 63))
    assert len(of(unknown)) > 50


def test_a_node_dies(fleet):
    """Requests have an end, whatever happens; other nodes go on."""
    key = fleet[0].create("dies")
    with fleet.load(600) as load:
        load.add(key)
        time.sleep(0.5)
        fleet[1].kill_all()
        time.sleep(0.5)
        fleet[1].start()
        back = time.monotonic_ns()
        time.sleep(0.5)
        records = load.stop()
    lost = records[records["status"] == 0]
    assert len(lost) > 20 and set(lost["node"]) == {1}
    assert statuses(between(records, back, 2 ** 63)).keys() == {200}
    assert load.summary["sent"] == len(records)


def test_use_after(fleet):
    """The time from a revocation to the last use is what the records say."""
    key = fleet[0].create("after")
    with fleet.load(900) as load:
        old = load.add(key)
        time.sleep(0.3)
        answer = fleet[0].change("rotate-key", "after")
        new = load.add(answer.body["api_key"])
        time.sleep(0.3)
        records = load.stop()
    assert use_after(records, new, answer.when)[1] > 200
    # one registry: at once
    assert use_after(records, old, answer.when) == (0, 0)
    sure, most = use_after(records, old, answer.when - 200_000_000)
    assert 150 < sure <= most < 260


def test_helpers(fleet):
    fleet[0].create("helped")
    fleet[1].limit("helped", 7, 60)
    assert fleet.agree()["helped"]["rate_limit"] == {"requests": 7,
                                                     "window_s": 60}
    for node in fleet:
        assert node.memory() > 1000
        assert 5 < node.descriptors() < 200
        assert node.metrics()["hx_gate_registry_up"] == 1
        assert node.usage("helped") == {}
    assert not fleet.bad_lines()
