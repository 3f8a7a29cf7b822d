"""What tenants are charged with is what the audit trail says, to the tenth of a
CU, whatever is killed: workers, the master alone, all of nginx at once.

Beside that: each record is in the file once and whole, and a request that was
answered has one.  (A worker hands the answer to the kernel, then makes record
and charge: kill -9 in between takes the record of one request along, and its
charge with it.)"""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from conftest import until
from own_nginx import ASAN, PATIENCE, LoneGate, Upstream, started
from usage_check import Ledger, usage_of

CONNECTIONS = 48        # of all clients
LOAD = Path(__file__).with_name("usage_load.py")
LONG = 300              # seconds, for all of a load


class Clients:
    """Processes that send requests, at least as many as said, until enough()
    was called."""

    def __init__(self, gate, requests, directory, processes=2):
        self.jobs = []
        self.logs = []
        self.flag = directory / f"enough-{next(gate.counter)}"
        for _ in range(processes):
            number = next(gate.counter)
            log = directory / f"clients-{number}"
            self.logs.append(log)
            job = subprocess.Popen([sys.executable, LOAD],
                                   stdin=subprocess.PIPE, text=True)
            self.jobs.append(job)
            json.dump({"port": gate.port, "keys": list(gate.keys.values()),
                       "prefix": f"u{number}", "seed": number,
                       "connections": CONNECTIONS // processes,
                       "depth": 4, "log": str(log), "flag": str(self.flag),
                       "requests": requests // processes}, job.stdin)
            job.stdin.close()

    def enough(self):
        """All requests have an end: {id: status}."""
        self.flag.touch()
        ends = {}
        for job, log in zip(self.jobs, self.logs):
            assert job.wait(LONG) == 0
            for line in log.read_text().splitlines():
                name, _, status = line.partition(" ")
                assert name not in ends
                ends[name] = int(status)
        return ends

    def stop(self):
        for job in self.jobs:
            job.kill()
            job.wait()


class Run:
    """Load in phases, with deaths in them."""

    def __init__(self, directory, upstream, audit, seed):
        self.rng = random.Random(seed)
        self.gate = LoneGate(
            directory, upstream.port, workers=3, audit=audit,
            http="hx_gate_rate_limit off; hx_gate_billing on;",
            server='hx_gate_operation report GET "/v1/report/{ns}" cost=12.3;',
            registry="usage_flush=1s")
        self.directory = directory
        self.upstream = upstream
        self.ledger = Ledger(self.gate.audit_log)
        self.ends = {}
        self.deaths = 0             # of workers
        self.clients = None

    def onboard(self):
        for n in range(6):
            self.gate.onboard(f"tenant-{n}", plan="builder")
        for n in range(2):
            # enforced, so each request has something set aside
            self.gate.onboard(f"tenant-{6 + n}", quota=10_000_000)
        self.gate.onboard("small")

    def small_quota(self, cus):
        """What the tenant may use that comes to its end."""
        status, told = self.gate.admin("POST", "onboard/update-tier", {
            "tenant_id": "small", "plan": "starter", "monthly_quota": cus})
        assert status == 200, told

    def worker(self):
        self.gate.kill_worker(self.rng)
        self.deaths += 1

    def master_first(self):
        """The workers go on without it, until they are killed."""
        self.gate.kill_master()
        self.deaths += len(self.gate.members())
        self.progress(300)
        self.gate.kill_all()
        self.gate.start()

    def everything(self):
        self.deaths += len(self.gate.workers())
        self.gate.kill_all()
        self.gate.start()

    def progress(self, n):
        """Waits until n more requests have come to the upstream."""
        mark = len(self.upstream.seen()) + n
        until(lambda: len(self.upstream.seen()) >= mark, 60, f"{n} requests")

    def phase(self, requests, deaths):
        """Load, in which every death finds the clients at work."""
        self.clients = Clients(self.gate, requests, self.directory)
        gap = requests * 7 // 10 // (len(deaths) + 1)
        for death in deaths:
            self.progress(self.rng.randrange(gap // 2, gap))
            death()
        self.ends.update(self.clients.enough())
        until(self.gate.settled, PATIENCE, "all workers are there")
        self.compare()

    def charges(self):
        """(what the gate says, what its audit trail says)"""
        told, born = {}, {}
        for month in self.ledger.months():
            for tenant in self.gate.keys:
                told[tenant, month] = usage_of(self.gate, tenant, month)
        self.ledger.read()
        for month in self.ledger.months():
            for tenant in self.gate.keys:
                born[tenant, month] = self.ledger.usage(tenant, month)
        return told, born

    def compare(self):
        """Quiet: nothing waits in a buffer any more, then all is equal."""
        end = time.monotonic() + PATIENCE
        while True:
            self.ledger.read()
            told, born = self.charges()
            if told == born or time.monotonic() > end:
                break
            time.sleep(0.05)
        assert told == born
        self.recorded()
        assert self.ledger.fragments == []

    def recorded(self):
        """Who was answered is recorded, and as answered."""
        def missing():
            self.ledger.read()
            return [name for name, status in self.ends.items()
                    if status and name not in self.ledger.status]
        until(lambda: len(missing()) <= self.deaths, PATIENCE,
              "records of what was answered")
        for name, status in self.ends.items():
            if status and name in self.ledger.status:
                assert self.ledger.status[name] == status, name


def quota_used(run, tenths):
    """Of the small tenant: to the last tenth, so nothing stays set aside for
    requests that were killed.  When a worker dies, what the others have set
    aside is forgotten, too: one request a connection may come on top."""
    used = sum(sum(usage_of(run.gate, "small", month).values())
               for month in run.ledger.months())
    assert tenths <= used <= tenths + CONNECTIONS * 123


def run_phases(run, requests, phases):
    run.gate.start()
    run.onboard()
    quota = 0
    for deaths in phases:
        # most of what it will ask for: it is refused before the load ends
        quota += requests * 13 // 10 * 6 // 10 // len(run.gate.keys)
        run.small_quota(quota)
        run.phase(requests, [getattr(run, name) for name in deaths])
        quota_used(run, quota * 10)
    run.gate.stop(signal.SIGQUIT)
    run.ledger.finish()
    run.gate.start()
    run.compare()

    # the load was what it should be
    statuses = Counter(run.ends.values())
    assert sum(statuses.values()) >= requests * len(phases)
    assert set(statuses) == {0, 200, 304, 401, 403, 404, 429, 500}
    assert statuses[200] > sum(statuses.values()) / 2
    assert statuses[0] < sum(statuses.values()) / 10
    assert len(run.ledger.names.keys() & {
        "/v1/put", "/v1/serve", "/v1/search", "/v1/report/default",
        "/v1/list/default", "/v1/get/default/k1"}) == 6


@pytest.fixture
def upstream(state_dirs):
    with started(Upstream(state_dirs())) as server:
        yield server


@pytest.fixture
def make_run(state_dirs, upstream):
    runs = []

    def make(audit, seed):
        runs.append(Run(state_dirs(), upstream, audit, seed))
        return runs[-1]
    yield make
    for run in runs:
        if run.clients is not None:
            run.clients.stop()
        run.gate.stop()


def shuffled(seed, **deaths):
    names = [name for name, n in deaths.items() for _ in range(n)]
    random.Random(seed).shuffle(names)
    return names


def test_every_record_at_once(make_run):
    run = make_run("{log} flush=0", seed=1)
    run_phases(run, 20_000 if ASAN else 66_700, [
        shuffled(1, worker=5, master_first=1, everything=1),
        shuffled(2, worker=5, master_first=1, everything=1),
        shuffled(3, worker=5, everything=1)])


def test_records_in_a_buffer(make_run):
    """They and their charges are in shared memory until they are written."""
    run = make_run("{log}", seed=2)
    run_phases(run, 10_000 if ASAN else 20_000, [
        shuffled(4, worker=3, master_first=1, everything=1),
        shuffled(5, worker=3, master_first=1, everything=1)])
