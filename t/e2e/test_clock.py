"""The wall clock is set back and forth, and months end under load (libfaketime
inside nginx; the clock of windows, CLOCK_MONOTONIC, is left alone as it is when
an administrator or NTP sets the time).

No window is cut short or drawn out, every charge is in the month of its
record, none is lost or made twice."""

import calendar
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from conftest import until
from http_load import field, offer
from limit_check import needless, overshoots
from own_nginx import PATIENCE, SERVER, LoneGate, Upstream, started
from usage_check import Ledger, usage_of
from usage_load import run as load

HOUR = 3600
DAY = 24 * HOUR
FAKETIME = "/usr/$LIB/faketime/libfaketime.so.1"


class Clock:
    """The time that a nginx sees: an offset to the real one, in a file that
    libfaketime reads at every look at the clock."""

    def __init__(self, directory):
        directory.mkdir()
        self.file = directory / "clock"
        self.offset = 0.0
        self.steps = []         # (CLOCK_MONOTONIC in ns, offset before it)
        self.directory = directory
        self.set(0.0)

    def set(self, offset):
        """All processes see it with their next look."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{offset:+.6f}\n")
        new.chmod(0o644)
        new.rename(self.file)
        self.steps.append((time.monotonic_ns(), self.offset))
        self.offset = offset

    def set_to(self, unix):
        self.set(unix - time.time())

    def now(self):
        return time.time() + self.offset

    def env(self):
        """What libfaketime is told, also in nginx's workers."""
        return {"FAKETIME_TIMESTAMP_FILE": str(self.file),
                "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1"}

    def preloaded(self):
        """The variables that make a nginx see it."""
        real = os.environ.get("HX_NGINX_BIN")
        if real is None or SERVER == real:
            return {**self.env(), "LD_PRELOAD": FAKETIME}
        # a wrapper that sets LD_PRELOAD itself, to a sanitizer's runtime: that
        # asks for the time before libfaketime is ready, unless it comes second
        script = self.directory / "nginx"
        script.write_text("#!/bin/sh\n"
                          "ASAN_OPTIONS=$ASAN_OPTIONS:"
                          "verify_asan_link_order=0\n"
                          f"LD_PRELOAD='{FAKETIME}':$LD_PRELOAD\n"
                          "export ASAN_OPTIONS LD_PRELOAD\n"
                          f"exec '{real}' \"$@\"\n")
        script.chmod(0o755)
        return {**self.env(), "HX_NGINX_BIN": str(script)}


@pytest.fixture
def upstream(state_dirs):
    with started(Upstream(state_dirs())) as server:
        yield server


@pytest.fixture
def make_gate(state_dirs, upstream):
    """A gate on a clock of its own, which it is given as "clock"."""
    gates = []

    def make(**more):
        clock = Clock(state_dirs())
        gate = LoneGate(state_dirs(), upstream.port, workers=2,
                        env=clock.preloaded(), audit="{log} flush=50ms",
                        main="".join(f"env {name};\n" for name in clock.env()),
                        **more)
        gate.clock = clock
        gates.append(gate)
        return gate
    yield make
    for gate in gates:
        if gate.process is not None:
            left = gate.master
            gate.stop()
            forget(left)


def forget(pid):
    """What libfaketime leaves behind when it was killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        Path("/dev/shm", name).unlink(missing_ok=True)


# ---- windows ----------------------------------------------------------------

LIMIT, WINDOW, SECONDS = 100, 1, 8
STEPS = [HOUR, -HOUR, -5 * HOUR, 12 * HOUR, -40 * DAY, 400 * DAY, -0.6, 0.7,
         -1.5, 2.5]


def in_force(clock, request):
    """Offsets that the answer to a request may go by: that of a step, or the
    one before when a worker had looked at the clock just then."""
    now = clock.offset
    for when, before in reversed(clock.steps):
        if when < request.got:
            return now, before
        now = before
    raise AssertionError


@pytest.mark.parametrize("seed", range(2))
def test_steps_of_the_clock_and_a_window(make_gate, seed):
    gate = make_gate()
    gate.start()
    key = gate.onboard("acme", rate=(LIMIT, WINDOW))
    rng = random.Random(seed)
    steps = rng.sample(STEPS, 6)

    def step():
        gate.clock.set(gate.clock.offset + steps.pop())
    gap = 1 / (5 * LIMIT)
    to_real = time.time() - time.monotonic()
    log, broken = offer(
        gate.port, 16,
        [(gap * i, 0, rng.randrange(16)) for i in range(int(SECONDS / gap))],
        lambda _, one: f"GET /v1/list/default HTTP/1.1\r\nHost: gate\r\n"
                       f"X-Api-Key: {key}\r\nX-Request-Id: {one}\r\n\r\n"
                       .encode(),
        [(1.2 * (i + 1) + 0.3 * rng.random(), step) for i in range(6)])

    assert broken == 0
    admitted = [(r.sent, r.got) for r in log if r.status == 200]
    refused = [r for r in log if r.status == 429]
    assert len(admitted) + len(refused) == len(log)
    assert overshoots(admitted, LIMIT, WINDOW * 10**9) == []
    assert needless(admitted, [(r.sent, r.got) for r in refused], LIMIT,
                    WINDOW * 10**9 * 2501 // 2500) == []
    assert len(admitted) >= LIMIT * (SECONDS - 1)
    for request in refused:
        assert 1 <= int(field(request.head, b"Retry-After")) <= WINDOW + 1
    for request in log:
        reset = int(field(request.head, b"X-RateLimit-Reset"))
        real = to_real + request.got / 1e9
        assert any(-2 <= reset - (real + offset) <= WINDOW + 2
                   for offset in in_force(gate.clock, request)), request.head


# ---- months -----------------------------------------------------------------

def month_of(unix):
    return time.strftime("%Y-%m", time.gmtime(unix))


def utc(*date):
    return calendar.timegm((*date, 0, 0, 0, 0)[:6])


class Load:
    """Of eight tenants, and of one with a quota; it is told what comes."""

    def __init__(self, gate, quota=5):
        self.gate = gate
        self.ends = {}
        self.waits = []             # (the gate's time, Retry-After of a 429)
        self.ledger = Ledger(gate.audit_log)
        for n in range(8):
            gate.onboard(f"tenant-{n}", plan="enterprise")
        gate.onboard("tight", quota=quota)

    def tell(self, name, status, head):
        assert status, "nothing may be lost here"
        self.ends[name] = status
        if status == 429:
            self.waits.append((self.gate.clock.now(),
                               int(field(head, b"Retry-After"))))

    def run(self, go_on):
        load(self.gate.port, list(self.gate.keys.values()),
             f"c{next(self.gate.counter)}", len(self.ends), 16, 2, go_on,
             self.tell)

    def recorded(self):
        """Each request has its record, as it was answered."""
        until(lambda: len(self.ends.keys() - self.ledger.read().status.keys())
              == 0, PATIENCE, "the records")
        assert {name: self.ledger.status[name] for name in self.ends} \
            == self.ends

    def compare(self):
        """Usage of each month is what the records of that month bear."""
        self.recorded()
        for month in self.ledger.months():
            for tenant in self.gate.keys:
                assert usage_of(self.gate, tenant, month) \
                    == self.ledger.usage(tenant, month), (tenant, month)

    def compare_sums(self, months):
        """The same over all months, whichever it was charged to."""
        self.recorded()
        assert set(self.ledger.months()) <= set(months)
        for tenant in self.gate.keys:
            told, born = Counter(), Counter()
            for month in months:
                told.update(usage_of(self.gate, tenant, month))
                born.update(self.ledger.usage(tenant, month))
            assert told == born, tenant


@pytest.fixture
def billed(make_gate):
    gate = make_gate(
        registry="usage_flush=100ms",
        http="hx_gate_rate_limit off; hx_gate_billing on;",
        server='hx_gate_operation report GET "/v1/report/{ns}" cost=12.3;')
    # a tenant needs none of the time that is told later
    gate.clock.set_to(utc(2027, 1, 15))
    gate.start()
    return gate


@pytest.mark.parametrize("midnight", [utc(2028, 1, 1), utc(2028, 3, 1)],
                         ids=["year", "leap day"])
def test_a_month_ends_under_load(billed, midnight):
    load_of = Load(billed)
    before, after = month_of(midnight - 1), month_of(midnight)
    billed.clock.set_to(midnight - 2.5)
    load_of.run(lambda _: billed.clock.now() < midnight + 2)
    load_of.compare()
    assert load_of.ledger.months() == [before, after]

    # the quota: used up, and begun anew
    for month in (before, after):
        assert sum(load_of.ledger.usage("tight", month).values()) == 50
        assert load_of.ledger.refused["tight", month] > 0
    for now, wait in load_of.waits:
        assert 1 <= wait <= (4 if now < midnight else 31 * DAY)

    billed.stop(signal.SIGQUIT)
    billed.start()
    load_of.compare()


def test_months_that_are_long_past(billed):
    """They are still told when nothing is kept in memory of them."""
    load_of = Load(billed)
    for month in range(3, 8):
        billed.clock.set_to(utc(2027, month, 10))
        load_of.run(lambda n: n < 500)
        load_of.compare()
    assert load_of.ledger.months() == [f"2027-0{n}" for n in range(3, 8)]


def test_the_clock_goes_back_to_the_month_before(billed):
    load_of = Load(billed)
    clock = billed.clock
    midnight = utc(2027, 6, 1)
    clock.set_to(midnight - HOUR)

    def go_on(n):
        # to and fro behind each 700th request
        if n % 700 == 699:
            clock.set_to(midnight + (HOUR if n // 700 % 2 else -HOUR))
        return n < 700 * 12
    for _ in range(2):
        load_of.run(go_on)
        load_of.compare()
        billed.stop(signal.SIGQUIT)
        billed.start()
        load_of.compare()
    assert load_of.ledger.months() == ["2027-05", "2027-06"]


@pytest.mark.parametrize("seed", range(2))
def test_the_clock_wanders_through_months(billed, seed):
    """What is charged in a month that is long gone is charged to another one,
    but once."""
    load_of = Load(billed)
    rng = random.Random(seed)
    middles = [utc(2029, month, 15) for month in range(1, 13)]

    def go_on(n):
        if n % 500 == 499:
            billed.clock.set_to(rng.choice(middles))
        return n < 500 * 12
    for _ in range(2):
        load_of.run(go_on)
        months = sorted({"2027-01", *map(month_of, middles)})
        load_of.compare_sums(months)
        billed.stop(signal.SIGQUIT)
        billed.start()
        load_of.compare_sums(months)
    assert len(load_of.ledger.months()) > 5
