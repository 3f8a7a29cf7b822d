"""Usage that goes through Redis: what nodes have charged all of them know,
whatever Redis forgets."""

import subprocess
import time

import pytest

from conftest import program, run, until
from fleet import Fleet
from fleet_load import statuses
from test_usage import PATIENCE, TENTHS, settled


@pytest.fixture
def fleet(new_dir):
    with Fleet(new_dir(), "redis", options="usage_flush=1s", workers=2,
               gate="hx_gate_billing on;") as made:
        yield made.wait_ready()
    assert not made.bad_lines()


def served(fleet, tenants, seconds):
    """Load on all nodes; tenths that answered requests of each have cost."""
    with fleet.load(900) as load:
        slots = [load.add(key) for key in tenants.values()]
        time.sleep(seconds)
        records = load.stop()
    assert statuses(records) == {200: len(records)}
    return [statuses(records[records["slot"] == slot]).get(200, 0) * TENTHS
            for slot in slots]


@pytest.mark.parametrize("what", ["all", "the newest"])
def test_redis_loses_usage(fleet, what):
    """A Redis that is emptied, or set back, gets it from the nodes; none of
    it is counted twice."""
    tenants = {f"lost-{what[-3:]}-{n}": fleet[0].create(f"lost-{what[-3:]}-{n}")
               for n in range(4)}
    before = served(fleet, tenants, 1)
    assert settled(fleet, tenants) == before
    keys = ["{hx-gate}:usage", "{hx-gate}:usage-order",
            "{hx-gate}:usage-heads"]
    if what == "all":
        more = served(fleet, tenants, 1)
        fleet.redis.ask("DEL", *keys)
    else:
        for key in keys:
            fleet.redis.ask("COPY", key, key + "-old", "REPLACE")
        more = served(fleet, tenants, 1)
        total = [b + m for b, m in zip(before, more)]
        assert settled(fleet, tenants) == total
        for key in keys:
            fleet.redis.ask("RENAME", key + "-old", key)
    last = served(fleet, tenants, 1)
    total = [sum(each) for each in zip(before, more, last)]
    assert settled(fleet, tenants) == total
    # who knows nothing of it gets it all from Redis
    node = fleet[2]
    node.stop()
    for file in (node.directory / "usage").iterdir():
        file.unlink()
    node.start()
    until(node.ready, PATIENCE, "it is ready")
    assert settled(fleet, tenants) == total


def test_a_quota_of_the_fleet(fleet):
    """What one node has charged the others know after a moment."""
    key = fleet[0].create("frugal", plan="starter")
    fleet[0].change("update-tier", "frugal", plan="starter", monthly_quota=3,
                    rate_limit={"requests": 1000, "window_s": 60})
    until(lambda: fleet[1].tenants()["frugal"]["monthly_quota"] == 3,
          PATIENCE, "the quota is known")
    for _ in range(20):
        assert fleet[0].status(key) == 200
    until(lambda: set(fleet.told("frugal")) == {20}, PATIENCE, "all know")
    answers = [fleet[1].use(key) for _ in range(15)]
    assert [a.status for a in answers] == [200] * 10 + [429] * 5
    assert answers[-1].body["error"] == "quota_exceeded"
    until(lambda: fleet[2].status(key) == 429, PATIENCE, "all know")
    assert fleet.usage("frugal") <= 32


def test_a_node_that_is_thrown_away(fleet):
    """What it had no time to say is said for it."""
    tool = program("hx-gate-registry", "HX_REGISTRY")
    node = fleet[2]
    key = node.create("orphan")
    node.proxy.do("refuse")
    for _ in range(25):
        assert node.status(key) == 200
    node.stop()
    store = f"lmdb:{node.directory}/usage"
    address = f"redis://127.0.0.1:{fleet.redis.port}"
    assert "1 rows sent, 0 were there" in run(tool, "usage", store, address)
    assert "0 rows sent, 1 were there" in run(tool, "usage", store, address)
    others = fleet.nodes[:2]
    until(lambda: [n.usage("orphan") for n in others] == [{"list": 25}] * 2,
          PATIENCE, "the others know")
    node.proxy.do("pass")
    node.start()
    until(node.ready, PATIENCE, "it is ready")
    assert fleet[2].status(key) == 200
    until(lambda: set(fleet.told("orphan")) == {26}, PATIENCE, "all know")
    refused = subprocess.run([tool, "usage", address, store], check=False,
                             capture_output=True, text=True)
    assert refused.returncode == 2 and "takes lmdb:DIR" in refused.stderr
