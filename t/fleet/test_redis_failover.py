"""The master dies under load, behind sentinels and in a cluster: who is served
from a replica notices nothing, and what was lost is counted."""

import threading
import time

import pytest

from conftest import until
from fleet import Fleet, figure
from fleet_load import LIST, between, statuses
from judge import SECOND, of, recovery

STRICT = "/v1/get/default/k"
PATIENCE = 30


class Maker(threading.Thread):
    """Makes tenants on all nodes in turn; those it was told 201 of."""

    def __init__(self, fleet, tag):
        super().__init__()
        self.fleet = fleet
        self.tag = tag
        self.over = threading.Event()
        self.made, self.refused, self.error = {}, 0, None

    def run(self):
        number = 0
        try:
            while not self.over.wait(0.02):
                number += 1
                name = f"{self.tag}-{number}"
                answer = self.fleet[number % 3].admin(
                    "POST", "onboard/create", {"tenant_id": name}, fresh=True)
                if answer.status == 201:
                    self.made[name] = (answer.body["api_key"], answer.when)
                else:
                    assert answer.status in (409, 503), answer.body
                    self.refused += 1
        except Exception as error:      # for the thread that waits
            self.error = error


@pytest.mark.parametrize("mode", [
    "sentinel", *(pytest.param(mode, marks=pytest.mark.long)
                  for mode in ("cluster", "tls-sentinel", "tls-cluster"))])
def test_the_master_dies(new_dir, mode):
    with Fleet(new_dir(), "redis", mode=mode, http="",
               gate="hx_gate_rate_limit off;",
               options="usage_flush=1s", server="""
               location /v1/get/ {
                   hx_gate on;
                   hx_gate_rate_limit on sync=strict on_error=closed;
                   proxy_pass http://engine;
               }""") as fleet:
        fleet.wait_ready()
        names = [f"stays-{n}" for n in range(20)]
        keys = [fleet[0].create(name) for name in names]
        for name in names:
            fleet[0].limit(name, 1_000_000, 60)
        time.sleep(1.5)
        redis = fleet.redis
        find = redis.master if redis.kind == "sentinel" else \
            lambda: redis.owner("{hx-gate}:epoch")
        first = find()
        maker = Maker(fleet, mode)
        with fleet.load(1500) as load:
            known = [load.add(key, path=LIST) for key in keys]
            strict = [load.add(key, path=STRICT) for key in keys]
            maker.start()
            time.sleep(2)
            redis.kill(first)
            died = time.monotonic_ns()
            until(lambda: find() != first, PATIENCE, "another master")
            elected = time.monotonic_ns()

            def made_again():
                return any(when > elected for _, when in
                           list(maker.made.values()))
            until(made_again, PATIENCE, "changes are taken again")
            time.sleep(3)
            maker.over.set()
            maker.join()
            records = load.stop()
        assert maker.error is None
        told = fleet.agree(10)
        lost = [name for name in maker.made if name not in told]
        answered = statuses(records).get(200, 0)
        until(lambda: sum(map(fleet.usage, names)) >= answered, 10, "charges")
        time.sleep(1.5)
        charged = sum(map(fleet.usage, names))
        accepted = [name for name, (key, _) in maker.made.items()
                    if name in told and fleet[1].status(key) == 200]
        assert not fleet.bad_lines()

    for name in names:
        assert name in told
    mine = of(records, *known)
    assert statuses(mine) == {200: len(mine)}
    needy = of(records, *strict)
    assert set(statuses(needy)) <= {200, 503}
    assert len(accepted) == len(maker.made) - len(lost)
    refused = statuses(between(needy, died, 2 ** 63)).get(503, 0)
    back = recovery(needy, died, 200)
    figure(f"{mode} failover: until another master", (elected - died) / 1e6)
    figure(f"{mode} failover: until limits are kept again", back)
    figure(f"{mode} failover: requests refused that need Redis", refused,
           unit=f"of {len(between(needy, died, died + int(back * 1e6)))}")
    figure(f"{mode} failover: changes refused", maker.refused,
           unit=f"of {maker.refused + len(maker.made)}")
    figure(f"{mode} failover: changes lost that were answered 201", len(lost),
           unit=f"of {len(maker.made)}")
    figure(f"{mode} failover: usage lost", answered - charged, "0",
           "tenths of a CU")
    assert answered == charged
    assert back <= (elected - died) / 1e6 + 1500
    assert (elected - died) / SECOND < PATIENCE
