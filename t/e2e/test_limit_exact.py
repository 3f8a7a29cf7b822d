"""The limit is exact across workers: N admitted in any window, no fewer, no
more; with four workers, while they are killed, while nginx is reloaded.

A client offers at least four times the limit over 64 connections and judges by
its own clock (limit_check.py)."""

import random

import pytest

from conftest import until
from http_load import field, offer
from limit_check import needless, overshoots
from own_nginx import PATIENCE, LoneGate, Upstream, started

CONNECTIONS = 64
WINDOWS = 3
OFFERED = 5             # times the limit
SEEDS = 20


@pytest.fixture(scope="module")
def upstream(state_dirs):
    with started(Upstream(state_dirs())) as server:
        yield server


@pytest.fixture(scope="module")
def gate(state_dirs, upstream):
    port = upstream.port
    server = LoneGate(state_dirs(), port, workers=4, server=f"""
        add_header X-Worker $pid always;
        location /v1/list/unlimited {{
            hx_gate on;
            hx_gate_rate_limit off;
            proxy_pass http://127.0.0.1:{port};
        }}""")
    with started(server):
        yield server


class Case:
    """What one seed stands for: windows of 1 or 2 seconds, one to three
    tenants with a limit each, how their requests are spread over time and over
    the connections."""

    def __init__(self, seed):
        rng = random.Random(seed)
        self.window = 2 if seed % 4 == 3 else 1
        most = (400, 400, 250)[seed % 3]
        self.limits = [rng.randint(150, most) for _ in range(1 + seed % 3)]
        self.pattern = ("uniform", "bursts", "on and off")[seed // 3 % 3]
        self.spread = ("any", "own", "hot")[seed // 9 % 3]

    @property
    def seconds(self):
        return WINDOWS * self.window


def moments(rng, case, n):
    """When a tenant with the limit n asks, in seconds from the beginning."""
    rate = OFFERED * n / case.window
    if case.pattern == "uniform":
        gap = 1 / rate
        return [gap * (i + rng.random()) for i in range(int(rate *
                                                            case.seconds))]
    if case.pattern == "bursts":
        period = case.window / rng.randint(6, 20)
        size = round(rate * period)
        return [period * k + 0.002 * rng.random()
                for k in range(int(case.seconds / period))
                for _ in range(size)]
    period = case.window / rng.randint(2, 5)
    gap = 0.5 / rate
    count = round(period / 2 / gap)
    return [period * k + gap * (i + rng.random())
            for k in range(int(case.seconds / period + 1e-9))
            for i in range(count)]


def connection_of(rng, case, tenant):
    """Which of the connections a request of the tenant comes by."""
    if case.spread == "own":
        share = CONNECTIONS // len(case.limits)
        return tenant * share + rng.randrange(share)
    if case.spread == "hot" and rng.random() < 0.8:
        return rng.randrange(8)
    return rng.randrange(CONNECTIONS)


def run(gate, seed, case, names, target="/v1/list/default", actions=()):
    """Offers what the case says; the requests of each tenant, and how many
    connections broke."""
    rng = random.Random(seed + 1000)
    arrivals = sorted(
        (at, tenant, connection_of(rng, case, tenant))
        for tenant, n in enumerate(case.limits)
        for at in moments(rng, case, n))
    heads = [f"GET {target} HTTP/1.1\r\nHost: gate\r\n"
             f"X-Api-Key: {gate.keys[name]}\r\nX-Request-Id: "
             for name in names]
    log, broken = offer(
        gate.port, CONNECTIONS, arrivals,
        lambda tenant, one: f"{heads[tenant]}{one}\r\n\r\n".encode(), actions)
    return [[r for r in log if r.tenant == i]
            for i in range(len(names))], broken


def tenants(gate, case):
    names = []
    for n in case.limits:
        name = f"limit-{next(gate.counter)}"
        gate.onboard(name, rate=(n, case.window))
        names.append(name)
    return names


def times(requests):
    return [(r.sent, r.got) for r in requests]


def offered_enough(log, n, window):
    """Or else the test would show nothing.  (Three full limits have room in
    little more than two windows: a client that is held up costs none.)"""
    begin = log[0].sent
    counts = [0] * WINDOWS
    for request in log:
        counts[min((request.sent - begin) // window, WINDOWS - 1)] += 1
    assert sum(counts) >= 4 * n * WINDOWS, counts
    assert min(counts) >= 2 * n, counts


def refused_rightly(request, window_s):
    """What a refusal tells."""
    head = request.head
    assert request.status == 429, head
    assert field(head, b"X-RateLimit-Remaining") == b"0", head
    after = int(field(head, b"Retry-After"))
    # the window, and the quantum of time: the next whole second
    assert 1 <= after <= window_s + 1, head


def judge(log, case, n, upstream):
    """Of one tenant.  "admitted": by the client's knowledge 200, or lost with
    a killed worker but seen by the upstream.  What else was lost may have been
    admitted without anybody knowing: it counts nowhere but as an excuse, in
    the two bounds from below."""
    window = case.window * 10**9
    lost = [r for r in log if r.status is None]
    answered = [r for r in log if r.status == 200]
    refused = [r for r in log if r.status not in (None, 200)]
    for request in refused:
        refused_rightly(request, case.window)
    offered_enough(log, n, window)

    mine = {r.id for r in log}
    expected = {r.id for r in answered}
    until(lambda: expected <= upstream.seen(), PATIENCE, "the upstream's log")
    seen = upstream.seen() & mine
    assert seen <= expected | {r.id for r in lost}, "a refused one went through"

    admitted = answered + [r for r in lost if r.id in seen]
    unknown = [r for r in lost if r.id not in seen]
    assert overshoots(times(admitted), n, window) == []
    assert len(admitted) + len(unknown) >= 0.999 * n * WINDOWS
    assert needless(times(admitted + unknown), times(refused), n,
                    window + window // 2500) == []


def by_workers(log):
    return {field(r.head, b"X-Worker") for r in log if r.status == 200}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_exact(gate, upstream, seed):
    case = Case(seed)
    workers = {str(pid).encode() for pid in gate.workers()}
    logs, broken = run(gate, seed, case, tenants(gate, case))
    assert broken == 0
    for n, log in zip(case.limits, logs):
        judge(log, case, n, upstream)
    assert by_workers(sum(logs, [])) == workers


@pytest.mark.parametrize("seed", range(3))
def test_workers_are_killed(gate, upstream, seed):
    case = Case(seed)
    case.window = 2
    rng = random.Random(seed)
    before = set(gate.workers())
    moments_of_death = sorted(rng.uniform(0.2, 5.5) for _ in range(8))
    logs, broken = run(gate, seed, case, tenants(gate, case), actions=[
        (at, lambda: gate.kill_worker(rng)) for at in moments_of_death])
    assert broken >= len(moments_of_death), "hardly anybody was hit"
    for n, log in zip(case.limits, logs):
        judge(log, case, n, upstream)
    until(gate.settled, PATIENCE, "all workers are there again")
    assert set(gate.workers()) != before


@pytest.mark.parametrize("seed", range(3))
def test_reloads(gate, upstream, seed):
    case = Case(seed + 3)
    case.window = 2
    rng = random.Random(seed)
    before = set(gate.workers())
    moments_of_change = sorted(rng.uniform(0.2, 5.5) for _ in range(6))
    logs, _ = run(gate, seed, case, tenants(gate, case), actions=[
        (at, gate.reload) for at in moments_of_change])
    for n, log in zip(case.limits, logs):
        judge(log, case, n, upstream)
    until(gate.settled, PATIENCE, "the last reload is done")
    assert before.isdisjoint(gate.workers())
    assert len(by_workers(sum(logs, []))) > 2 * len(before)


def test_without_a_limit_the_judge_objects(gate):
    """The same load where no limit is enforced: it is the gate that keeps it,
    not the client or the machine."""
    case = Case(0)
    name = f"limit-{next(gate.counter)}"
    gate.onboard(name, rate=(case.limits[0], case.window),
                 namespaces=["unlimited"])
    (log,), _ = run(gate, 0, case, [name], target="/v1/list/unlimited")
    assert {r.status for r in log} == {200}
    assert overshoots(times(log), case.limits[0], case.window * 10**9) != []
