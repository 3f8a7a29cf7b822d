"""Redis or the way to it fails, in every manner there is: who needs it is
told so at once (503), who does not need it notices nothing, and all is well a
second after it is over."""

import contextlib
import time

import pytest

from fleet import Fleet, figure
from fleet_load import between, statuses
from judge import (SECOND, added_p99, longest, of, recovery,
                   without_retry_after)
from redis_servers import loading

TIMEOUT = 50            # ms, as configured, for a connection and for an answer
SLACK = 30              # ms, for a machine of two cores that runs all of this
CONNECTIONS = 4         # of a worker, as configured
STRICT = "/v1/get/default/k"


@pytest.fixture(scope="module")
def fleet(new_dir):
    """Listings are not limited, so they need the replica alone; what is got
    is limited by Redis, request by request."""
    with Fleet(new_dir(), "redis", http="", gate="hx_gate_rate_limit off;",
               redis_options=["--enable-debug-command", "yes"], server="""
               location /v1/get/ {
                   hx_gate on;
                   hx_gate_rate_limit on sync=strict on_error=closed;
                   proxy_pass http://engine;
               }""") as made:
        yield made.wait_ready()
    assert not made.bad_lines()


@contextlib.contextmanager
def read_only(fleet):
    """A failover has made the master a replica."""
    fleet.redis.ask("REPLICAOF", "127.0.0.1", "1")
    try:
        yield
    finally:
        fleet.redis.ask("REPLICAOF", "NO", "ONE")


@contextlib.contextmanager
def no_auth(fleet):
    """A password that the gates do not have."""
    with fleet.redis.client() as ask:
        ask("CONFIG", "SET", "requirepass", "another")
        fleet.do("cut")
        try:
            yield
        finally:
            ask("CONFIG", "SET", "requirepass", "")


# what; what strangers may be told meanwhile
FAULTS = {
    "stopped": (lambda f: f.redis.stopped(), {503}),
    "refused": (lambda f: f.fault("refuse"), {503}),
    "reset": (lambda f: f.fault("reset"), {503}),
    "black hole": (lambda f: f.fault("drop"), {503}),
    "half-open, up": (lambda f: f.fault("drop up"), {503}),
    "half-open, down": (lambda f: f.fault("drop down"), {503}),
    "partition": (lambda f: f.fault("stall"), {503}),
    "slow 500 ms": (lambda f: f.fault("delay 500"), {503}),
    "LOADING": (lambda f: loading(f.redis, 8), {503}),
    "READONLY": (read_only, {401, 503}),
    "NOAUTH": (no_auth, {503}),
    "OOM": (lambda f: f.fault("answer -OOM command not allowed when used "
                              "memory > 'maxmemory'."), {401, 503}),
}
BRIEF = ["stopped", "black hole", "slow 500 ms", "READONLY"]


class Trial:
    """Load before, in and after a fault, and what was to be seen."""

    def __init__(self, fleet, name, calm, seconds):
        tag = "".join(c for c in name if c.isalnum())
        keys = [fleet[n % 3].create(f"{tag}-{n}") for n in range(10)]
        for n in range(10):
            fleet[0].limit(f"{tag}-{n}", 1_000_000, 60)
        time.sleep(1.2)
        workers = sum(len(node.workers()) for node in fleet)
        with fleet.load(1200) as load:
            self.known = [load.add(key, weight=6) for key in keys]
            self.strict = [load.add(key, weight=3, path=STRICT)
                           for key in keys]
            self.unknown = load.add("?", weight=10)
            self.open = load.add(path="/open/x", weight=20)
            time.sleep(1)
            began = time.monotonic_ns()
            time.sleep(calm)
            self.before = (began, time.monotonic_ns())
            memory = sum(node.memory() for node in fleet)
            with FAULTS[name][0](fleet):
                began = time.monotonic_ns()
                time.sleep(1)
                # the connections of before, then one a second and worker
                self.reconnects = self.connections(fleet)
                steady = time.monotonic_ns()
                time.sleep(seconds - 1)
                ended = time.monotonic_ns()
                self.reconnects = (self.connections(fleet) - self.reconnects
                                   ) / workers / ((ended - steady) / SECOND)
                self.during = (began, ended)
                self.steady = (steady, ended)
            self.over = time.monotonic_ns()
            time.sleep(calm)
            self.memory = sum(node.memory() for node in fleet) - memory
            self.open_connections = sum(
                proxy.stat()["open"] for proxy in fleet.proxies) / workers
            self.records = load.stop()

    @staticmethod
    def connections(fleet):
        return sum(proxy.stat()["accepted"] for proxy in fleet.proxies)

    def of(self, *slots):
        return of(self.records, *slots)

    def in_fault(self, *slots):
        return between(self.of(*slots), *self.during)


class Judged:
    """What is measured of a trial, in ms; it goes into the table before it is
    asserted."""

    def __init__(self, trial, name):
        needy = trial.of(*trial.strict, trial.unknown)
        self.waited = longest(needy, *trial.during)
        self.added = added_p99(needy, trial.before, trial.steady)
        self.others = max(added_p99(trial.of(*slots), trial.before,
                                    trial.steady)
                          for slots in ([trial.open], trial.known))
        self.back = max(recovery(trial.of(*trial.strict), trial.over, 200),
                        recovery(trial.of(trial.unknown), trial.over, 401))
        figure(f"{name}: longest wait", self.waited,
               f"<= {TIMEOUT} + {SLACK}")
        figure(f"{name}: added p99, who needs Redis", self.added, "<= 1")
        figure(f"{name}: added p99, who does not", self.others, "<= 1")
        figure(f"{name}: recovery", self.back, "<= 1000")
        figure(f"{name}: connections", trial.reconnects, "<= 1",
               "a second and worker")
        figure(f"{name}: memory", trial.memory, "<= 2048", "KB")


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if name in BRIEF else pytest.mark.long)
    for name in FAULTS])
def test_fault(fleet, quick, name):
    trial = Trial(fleet, name, *((1.5, 3) if quick else (3, 5)))
    judged = Judged(trial, name)

    # who does not need Redis
    for slots in ([trial.open], trial.known):
        mine = trial.of(*slots)
        assert statuses(mine) == {200: len(mine)}

    needy = trial.in_fault(*trial.strict)
    assert set(statuses(needy)) <= {200, 503}
    assert statuses(needy).get(503, 0) > len(needy) / 2
    strangers = trial.in_fault(trial.unknown)
    assert set(statuses(strangers)) <= {401, *FAULTS[name][1]}
    calm = between(trial.of(trial.unknown), *trial.steady)
    assert set(statuses(calm)) <= FAULTS[name][1]
    assert without_retry_after(trial.records) == 0

    assert judged.waited <= TIMEOUT + SLACK
    assert judged.added <= 1
    assert judged.others <= 1
    assert judged.back <= 1000
    assert trial.reconnects <= 1.1
    assert trial.open_connections <= CONNECTIONS + 1    # one for messages
    assert trial.memory <= 2048
