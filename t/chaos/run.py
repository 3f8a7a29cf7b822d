"""make chaos: one place under load, one fault after the other, and what is to
be true in the end whatever was done to it.  Prints a table; its exit status is
1 when a line of it says so.

    run.py [--seed N] [--seconds N] [--only NAME,...] [--malformed N] [--list]
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from pathlib import Path

import verdict
from clients import Load
from conftest import scratch, until     # now t/e2e and t/fleet are found
from audit_check import Trail
from faults import BITES, FAULTS, UNKNOWN_503, ZERO
from fleet import stranger
from fleet_load import Load as Steady
from hostile import KINDS, RATE
from judge import steady_p99
from own_nginx import PATIENCE
from place import Place


HERE = Path(__file__).resolve().parent
HOLD = 1.5              # seconds, a fault that lasts
STEADY = 400            # requests a second of the client that is timed
WINDOWS = 8             # of quiet and of hostile clients, in turn
QUIET = 6               # seconds of a quiet one
LOUD = 8                # of a hostile one, where no number of requests ends it
STEPS = {"rapid reset": 100_000, "smuggling": 1, "slow heads": 1,
         "slow bodies": 1}
BY_RATE = {"rapid reset", "malformed"}        # RATE a second
KILLED = {"worker killed", "master killed"}   # in the midst of requests
# their requests have no ids of ours
COUNTED = {"hostile", "greedy", "steady", None}


def swallow(sink):
    """Takes connections, answers nothing, keeps the last ones open."""
    kept = deque(maxlen=512)
    with contextlib.suppress(OSError):
        while True:
            kept.append(sink.accept()[0])


def swallow_tls(sink, directory):
    """The same with TLS, and what comes is read; one connection at a time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    context.set_alpn_protocols(["h2"])
    with contextlib.suppress(OSError):
        while True:
            with context.wrap_socket(sink.accept()[0], server_side=True) as s:
                while s.recv(65536):
                    pass


class Row:
    def __init__(self, name):
        self.name = name
        self.begin = time.monotonic()
        self.end = None
        self.faults = []
        self.note = ""


class Run:
    def __init__(self, args):
        self.args = args
        self.rng = random.Random(args.seed)
        self.end = time.monotonic() + args.seconds
        self.rows = []
        self.rules = {"none": ((), False), "read back": ((404,), False)}
        self.rules.update((name, rule[1:]) for name, rule in FAULTS.items())
        self.rules.update((f"hostile: {name}", ((), False)) for name in KINDS)
        self.place = self.load = None
        self.steady = None

    def go(self, place):
        self.place = place
        place.rotated = []
        self.tenants()
        self.load.start()
        self.warm_up(150)
        self.storm()
        quiets = [self.quiet()]
        names = [name for name in FAULTS if self.wanted(name)]
        for name in names:
            if self.late(name):
                continue
            self.fault(name)
        kinds = [name for name in KINDS if self.wanted(f"hostile: {name}")]
        if kinds:
            self.warm_up(150)
            quiets.append(self.quiet(quiets[0]))
            self.real_clock()
            quiets.append(self.quiet())
        for name in kinds:
            if not self.late(name):
                self.hostile(name)
        steady = self.steady.stop() if self.steady.process else []
        self.warm_up(150)
        quiets.append(self.quiet(quiets[-1]))
        self.judge(quiets, steady)

    def wanted(self, name):
        return not self.args.only or name in self.args.only.split(",")

    def late(self, name):
        """What is left out for want of time is a fault of the run."""
        if time.monotonic() < self.end:
            return False
        row = self.row(name)
        row.end = row.begin
        row.faults.append("no time was left for it")
        return True

    def row(self, name):
        row = Row(name)
        self.rows.append(row)
        return row

    # -- before --

    def tenants(self):
        gate = self.place.gate
        made = {}
        for name in ("acme", "beta", "corp", "delta"):
            made[name] = (gate.create(name, plan="enterprise",
                                      namespaces=[f"{name}-data"]),
                          f"{name}-data")
        gate.create("gone", namespaces=["acme-data"])
        gone = gate.rotate("gone")
        gate.change("suspend", "gone")
        old = gate.create("turned", namespaces=["beta-data"])
        gate.rotate("turned")
        hostile = gate.create("hostile", plan="enterprise",
                              namespaces=["hostile"])
        # what makes requests as fast as it can has the plan anybody gets
        greedy = gate.create("greedy", plan="starter", namespaces=["hostile"])
        self.keys = {**dict.fromkeys(KINDS, hostile), "rapid reset": greedy}
        steady = gate.create("steady", plan="enterprise")
        # the hostile one has the limit of its plan, as anybody
        for name in [*made, "steady"]:
            gate.limit(name, 1_000_000, 60, plan="enterprise")
        self.unknown = stranger()
        self.load = Load(self.place.to_gate.port,
                         self.place.directory / "tls.crt", self.args.seed,
                         made, [gone, old, self.unknown])
        self.made = [*made, "gone", "turned", "hostile", "greedy", "steady"]
        directory = self.place.directory / "steady"
        directory.mkdir()
        self.steady = Steady(directory, [gate.port], STEADY)
        self.place.stack.callback(self.end_steady)
        self.steady_key = steady

    def end_steady(self):
        if self.steady.process is not None:
            self.steady.process.kill()
            self.steady.process.wait()
            self.steady.process = None

    def warm_up(self, asks):
        wanted = self.load.count() + asks * len(self.load.clients)
        until(lambda: self.load.failed() or self.load.count() >= wanted,
              120, "load")

    def storm(self):
        """The heap of a worker has had its high water once: what it takes
        afterwards and does not give back is a leak."""
        for name, amount in (("slow bodies", 1), ("rapid reset", 4000),
                             ("malformed", 5000), ("slow bodies", 1)):
            self.attack(name, self.args.seed, amount)

    def attack(self, name, seed, amount, port=None, seconds=LOUD):
        done = subprocess.run(
            ["nice", "-n", "10", sys.executable, HERE / "hostile.py", name,
             *map(str, (port or self.place.gate.port,
                        port or self.place.tls_port, self.keys[name], seed,
                        amount, seconds))],
            check=True, capture_output=True, text=True, timeout=300)
        return json.loads(done.stdout)

    def quiet(self, first=None):
        """What all take when nothing is asked for.  With what they took at
        first, idle connections have a minute to end."""
        self.load.pause()
        until(self.load.all_idle, 60, "the clients are idle")
        until(self.place.gate.settled, 2 * PATIENCE, "nginx is settled")
        found = self.place.footprints()

        def still():
            nonlocal found
            time.sleep(0.5)
            before, found = found, self.place.footprints()
            return before == found
        try:
            until(still, 10, "nothing changes")
        except AssertionError:
            pass                # a timer is at work: as it is
        if first is not None:
            try:
                until(lambda: not verdict.grown(
                    first, self.place.footprints()), 75, "as at first")
            except AssertionError:
                pass            # the judge says so
            found = self.place.footprints()
        self.load.resume()
        return found

    # -- faults --

    def fault(self, name):
        row = self.row(name)
        what = FAULTS[name][0](self.place, self.rng)
        first = {c: len(c.asks) for c in self.load.clients}
        self.load.phase = name
        mark = self.load.count()
        next(what)
        self.hold(mark)
        if name in BITES:       # what is stored ahead has to be used up first
            until(lambda: any(a.status in FAULTS[name][1] for c, n in
                              first.items() for a in c.asks[n:]), 60,
                  f"{name} is felt")
        next(what, None)
        self.heal()
        self.load.phase = "none"
        row.end = time.monotonic()
        self.warm_up(4)

    def hold(self, mark):
        """Some time, and some requests that have seen it."""
        end = time.monotonic() + HOLD
        limit = time.monotonic() + 20
        while time.monotonic() < end or (self.load.count() < mark + 40 and
                                         time.monotonic() < limit):
            self.load.failed()
            time.sleep(0.05)

    def heal(self):
        """Each client has had an answer again, and nothing is under way."""
        until(self.place.well, 60, "all is well")
        wanted = {c: len(c.asks) + 3 for c in self.load.clients}
        until(lambda: self.load.failed() or all(
            len(c.asks) >= n and all(a.status in (200, 401, 403)
                                     for a in c.asks[-2:] if a.got)
            for c, n in wanted.items()), 90, "the clients are served again")

    # -- hostile clients --

    def real_clock(self):
        """The one that was stepped reads a file at each look: what is timed
        from here on would be that."""
        self.load.pause()
        until(self.load.all_idle, 60, "the clients are idle")
        self.place.real_clock()
        until(self.place.well, 60, "all is well")
        self.load.resume()
        self.heal()
        self.warm_up(150)
        self.storm()

    def hostile(self, name):
        row = self.row(f"hostile: {name}")
        self.load.phase = row.name
        alive = (self.place.gate.workers(), self.place.engine.process.pid)
        timed = name not in ("smuggling",)
        if timed:
            self.alone()
        amount = self.args.malformed if name == "malformed" else STEPS[name]
        windows = WINDOWS if timed else 1
        quiet, loud, got = [], [], Counter()
        for number in range(windows):
            if timed:
                quiet.append(self.window(lambda n=number: self.peace(name, n)))

            def attack(n=number):
                got.update(self.attack(name, self.args.seed + n,
                                       max(amount // windows, 1)))
            loud.append(self.window(attack))
        if (self.place.gate.workers(), self.place.engine.process.pid) != alive:
            row.faults.append("a process has died")
        row.faults += [key for key in got if key.startswith("200 twice")]
        if timed:
            self.load.resume()
            usual, ratio, noise, faults = verdict.slower(quiet, loud)
            row.faults += faults
            row.note += f"p99 {ratio:.2f} x {usual:.2f} ms (quiet: {noise:.2f}) "
        row.note += " ".join(f"{k}:{n}" for k, n in got.most_common(5))
        self.load.phase = "none"
        row.end = time.monotonic()

    def alone(self):
        """Only the timed client is left: where all processors are busy, each
        more process makes everybody late, whatever it does."""
        self.load.pause()
        until(self.load.all_idle, 60, "the clients are idle")
        if self.steady.process is None:
            self.steady.start()
            self.steady.add(self.steady_key, path="/v1/list/default")

    def peace(self, name, number):
        """The same is done to a port that nobody serves: what it takes of the
        processors is not the gate's doing."""
        what = ((swallow_tls, self.place.directory) if name == "rapid reset"
                else (swallow,))
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as sink:
            threading.Thread(target=what[0], args=(sink, *what[1:]),
                             daemon=True).start()
            self.attack(name, self.args.seed + number,
                        QUIET * RATE if name in BY_RATE else 1,
                        sink.getsockname()[1], QUIET)
            sink.shutdown(socket.SHUT_RDWR)

    def window(self, do):
        """The 99th percentile of the timed client meanwhile."""
        if self.steady.process is None:
            do()
            return 0.0
        begin = time.monotonic_ns()
        do()
        end = time.monotonic_ns()
        return steady_p99(self.steady.records(), begin, end)

    # -- the end --

    def judge(self, quiets, steady):
        """quiets: first and last ones, of a nginx each."""
        self.load.finish()
        self.load.phase = "read back"
        wanted, found = self.load.read_all()
        asks = self.load.asks()
        told = {name: self.told(name) for name in self.made}
        self.place.gate.stop(signal.SIGQUIT)
        trail, facts, charged = self.records()
        told = {t: n for t, n in told.items() if n}
        born = verdict.charges(charged)
        status = trail.status
        tenant_of = {name: fact[0] for name, fact in facts.items()}
        answered = sum(1 for r in steady if r["status"])
        checks = {
            "acknowledged puts": verdict.unreadable(wanted, found)
            + [w for c in self.load.clients for w in c.wrong],
            "audit = answers": trail.faults + verdict.unrecorded(asks, status)
            + verdict.ran([a for a in asks if set(a.phases) <= set(ZERO)],
                          status)
            + verdict.unasked(status, tenant_of, {a.name for a in asks}
                              | self.place.gate.names, COUNTED)
            + verdict.miscounted(
                [n for n in status if n not in self.place.gate.names],
                tenant_of, "steady", answered, len(steady) - answered),
            "timed client": [
                f"{n} of its requests got {status or 'nothing'}"
                for status, n in Counter(r["status"] for r in steady).items()
                if status != 200],
            "usage = audit": verdict.misbilled(told, born),
            "foreign access": verdict.entered(asks),
            "engine saw only granted": verdict.unauthorised(
                self.seen(), facts,
                {a.name for a in asks if a.status is None
                 and KILLED & set(a.phases)}),
            "memory, descriptors": [
                fault for first, last in zip(quiets[::2], quiets[1::2])
                for fault in verdict.grown(first, last)],
        }
        notes = {"acknowledged puts": f"{len(wanted)} keys",
                 "audit = answers": f"{len(asks)} requests, {len(status)} "
                                    f"records, {len(trail.amended)} amended",
                 "timed client": f"{len(steady)} requests",
                 "usage = audit": f"{sum(born.values()) / 10} CUs",
                 "foreign access": f"{sum(a.foreign for a in asks)} attempts",
                 "engine saw only granted": f"{len(self.seen())} requests",
                 "memory, descriptors": " ".join(map(str, quiets))}
        self.table(asks, checks, notes)

    def told(self, tenant):
        """Tenths of a CU, over all months that were."""
        total = 0
        for offset in (-40, 0, 40):
            month = time.strftime("%Y-%m", time.gmtime(
                time.time() + offset * 86400))
            answer = self.place.gate.admin(
                "GET", f"admin/usage/{tenant}?period={month}")
            assert answer.status == 200, answer.body
            total += sum(int(cus.replace(".", ""))
                         for cus in answer.body["breakdown"].values())
        return total

    def records(self):
        """The trail; {id: (tenant, path, status)} by the last record of each;
        [(tenant, tenths)] of all."""
        trail, facts, charged = Trail(), {}, []
        for path in [*self.place.rotated, self.place.gate.audit_log]:
            data = path.read_bytes()
            trail.feed(data)
            for line in data.split(b"\n"):
                try:
                    record = json.loads(line, parse_float=str)
                    facts[record["request_id"]] = (
                        record["tenant_id"], record["path"], record["status"])
                    charged.append((record["tenant_id"],
                                    int(record["cus"].replace(".", ""))))
                except ValueError:
                    pass        # a fragment: the trail has seen it
        trail.finish()
        return trail, facts, charged

    def seen(self):
        found = []
        with open(self.place.engine.log_path, encoding="utf-8",
                  errors="replace") as f:
            for line in f:
                if '"event":"request"' not in line:
                    continue
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue    # cut by a kill
                if entry["path"].startswith("/v1/"):
                    found.append((entry["request_id"], entry["tenant"],
                                  entry["path"]))
        return found

    def table(self, asks, checks, notes):
        by_phase = {}
        for ask in asks:
            by_phase.setdefault(ask.phases[0], []).append(ask)
        unknown_503 = {name: ((503,), lost)
                       for name, (_, lost) in self.rules.items()
                       if name in UNKNOWN_503}
        bad_all = 0
        print(f"{'fault':<26}{'s':>6}{'requests':>9}{'failed':>7}"
              f"{'raced':>6}{'allowed':>8}  verdict")
        rows = [*self.rows, *(Row(name) for name in ("none", "read back"))]
        for row in rows:
            mine = by_phase.get(row.name, [])
            rules = dict(self.rules)
            faults = [*row.faults, *verdict.failures(
                [a for a in mine if not a.foreign], rules),
                *verdict.failures([a for a in mine if a.foreign],
                                  {**rules, **unknown_503})]
            failed = sum(1 for a in mine if a.end == verdict.LOST
                         or (a.status or 0) >= 400 and not a.foreign)
            raced = sum(1 for a in mine if a.end == verdict.RACES)
            statuses, lost = self.rules[row.name]
            may = failed if statuses or lost else 0
            seconds = (row.end or row.begin) - row.begin
            bad_all += bool(faults)
            print(f"{row.name:<26}{seconds:>6.1f}{len(mine):>9}{failed:>7}"
                  f"{raced:>6}{may:>8}  {'FAILED' if faults else 'ok'}"
                  f"{'  ' + row.note if row.note else ''}")
            self.tell(faults)
        print()
        for name, faults in checks.items():
            bad_all += bool(faults)
            print(f"{name:<26}{'FAILED' if faults else 'ok':<8}{notes[name]}")
            self.tell(faults)
        self.bad = bad_all
        print(f"\nseed {self.args.seed}: "
              f"{'all held' if not bad_all else f'{bad_all} lines FAILED'}")

    @staticmethod
    def tell(faults):
        for fault in faults[:5]:
            print(f"    {fault}")
        if len(faults) > 5:
            print(f"    and {len(faults) - 5} more")


def options():
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=780,
                        help="no fault begins later")
    parser.add_argument("--only", default="", help="names, with commas")
    parser.add_argument("--malformed", type=int, default=100_000)
    parser.add_argument("--keep", action="store_true",
                        help="leave the directory")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def main():
    args = options()
    if args.list:
        print("\n".join([*FAULTS, *(f"hostile: {kind}" for kind in KINDS)]))
        return 0
    if os.geteuid() != 0:
        print("make chaos: small disks are mounted, which root may do",
              file=sys.stderr)
        return 2
    directory = scratch() / f"chaos-{os.getpid()}"
    directory.mkdir(mode=0o755, parents=True)
    place = Place(directory)
    this = Run(args)
    try:
        place.start()
        this.go(place)
    finally:
        if this.load is not None:
            this.load.over = True
            this.load.go.set()
        if args.keep and place.gate is not None:
            shutil.copytree(directory / "audit", directory / "records")
        place.stop()
        if not args.keep:
            shutil.rmtree(directory)
    return 1 if this.bad else 0


if __name__ == "__main__":
    sys.exit(main())
