"""What a quiet machine is needed for: CPU time, latency at a fixed rate, a
second worker.  Contestants take turns; ratios are of the same round."""

import json
import math
import os
import statistics
import struct
import subprocess
import time

import contest
import load
from book import whole

BESIDE_LOG = 1.05           # CPU time, times bare nginx with a log, at most
RATES = (1000, 5000, 15000)     # requests a second, for latency
SECONDS = 4                     # of each round and rate
RECORD = struct.Struct("=QQQIIHBBI")    # load_record_t of hx_fleet_load.c
PERCENTILES = (50, 99, 99.9)


class Unserved(Exception):
    """Not every request was answered with 200: too much for somebody."""


def beside(mine, base):
    return statistics.median(a / b for a, b in zip(mine, base))


def saturate(bench, nginxes, seconds=1, connections=32, requests=None,
             mode="cycle"):
    """({name: [CPU us of a request]}, {name: [requests/s]}), a round after the
    other; a gate has to have written its audit lines."""
    us = {nginx.name: [] for nginx in nginxes}
    rate = {nginx.name: [] for nginx in nginxes}
    for turn in range(bench.args.rounds):
        for nginx in nginxes[::1 if turn % 2 else -1]:
            before, had = nginx.cpu_ns(), nginx.lines()
            n, took = contest.wrk(nginx, requests or bench.env.requests,
                                  seconds, connections, mode)
            us[nginx.name].append((nginx.cpu_ns() - before) / n / 1e3)
            rate[nginx.name].append(n / took)
            if os.path.basename(nginx.config) == "gate.conf":
                contest.until("an audit line for each request", 5,
                              lambda x=nginx, h=had, m=n: x.lines() - h >= m)
    return us, rate


def cpu(bench):
    book = bench.book
    book.section("cpu", "CPU time of one request",
                 f"1 worker, 32 connections, {bench.args.rounds} rounds of 1 s "
                 "in turn; of all processes of the contestant, kernel included")
    book.table("", "median us", "lowest us", "x proxy-log", "requests/s")
    try:
        for nginx in bench.contestants:
            nginx.start()
            contest.wrk(nginx, bench.env.requests, 1)
        us, rate = saturate(bench, bench.contestants)
    finally:
        for nginx in bench.contestants:
            nginx.stop()
    ratio = {name: beside(mine, us["proxy-log"]) for name, mine in us.items()}
    for name, mine in us.items():
        book.row(name, f"{statistics.median(mine):.1f}", f"{min(mine):.1f}",
                 f"{ratio[name]:.2f}", whole(statistics.median(rate[name])))
    print()
    book.judge(ratio["gate"] <= BESIDE_LOG,
               f"gate: {ratio['gate']:.2f} times the CPU time of proxy-log, at "
               f"most {BESIDE_LOG}")


# -- latency

def tell(process, tenants, at_once=500):
    """hx_fleet_load gets a kind of request for each tenant."""
    for first in range(0, tenants, at_once):
        some = range(first, min(first + at_once, tenants))
        process.stdin.writelines(
            f"add 0 1 /v1/get/{load.namespaces_of(i)[i % 4]}/tensor "
            f"{load.key_of(i)}\n" for i in some)
        process.stdin.flush()
        for _ in some:
            if not process.stdout.readline().startswith("slot "):
                raise contest.Trouble("hx_fleet_load takes no requests")


def at_rate(bench, nginx, rate, seconds):
    """Milliseconds from when each request was due until its answer was read
    whole.  What is due is sent whether or not there was an answer to the one
    before (on another connection then), so that a standstill is seen by all
    requests that would have met it."""
    path = os.path.join(bench.env.scratch, "latency")
    with subprocess.Popen(
            [bench.env.load, path, str(rate), str(nginx.port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=contest.pin("load")) as process:
        try:
            process.stdout.readline()           # "ready"
            tell(process, bench.args.tenants)
            time.sleep(seconds)         # so long it is measured
            rest, _ = process.communicate("stop\n", timeout=60)
        except BaseException:
            process.kill()
            raise
    end = json.loads(rest.splitlines()[-1])
    if end["overflow"] or set(end["statuses"]) != {"200"}:
        raise Unserved(f"{rate} requests/s: {nginx.name}: {end}")
    with open(path, "rb") as f:
        records = list(RECORD.iter_unpack(f.read()))
    begin = min(r[0] for r in records)
    # the first half second warms the connections up
    return [(got - due) / 1e6 for due, _, got, *_ in records
            if due - begin >= 500_000_000]


def percentile(values, p):
    """Of sorted values: the least that p per cent are at or below."""
    return values[max(0, math.ceil(len(values) * p / 100) - 1)]


def latency(bench):
    book = bench.book
    book.section("latency", "Latency at a fixed rate",
                 "an open loop: requests are sent when they are due, whether "
                 "or not others were answered, and time counts from then; 1 "
                 f"worker; {bench.args.rounds} rounds of {SECONDS} s in turn, "
                 "medians of the rounds, ms")
    book.table("requests/s", *(f"{who} p{p:g}" for p in PERCENTILES
                               for who in ("gate", "proxy-log", "x")))
    pair, unserved = [bench.gate, bench.contestants[1]], []
    try:
        for nginx in pair:
            nginx.start()
            contest.wrk(nginx, bench.env.requests, 1)
        for rate in RATES:
            got = {nginx.name: [] for nginx in pair}
            try:
                for turn in range(bench.args.rounds):
                    for nginx in pair[::1 if turn % 2 else -1]:
                        values = sorted(at_rate(bench, nginx, rate, SECONDS))
                        got[nginx.name].append([percentile(values, p)
                                                for p in PERCENTILES])
            except Unserved as e:
                unserved.append(f"latency at {e}")
                book.row(whole(rate), *[""] * 3 * len(PERCENTILES))
                continue
            cells = []
            for i, _ in enumerate(PERCENTILES):
                mine, base = ([each[i] for each in got[nginx.name]]
                              for nginx in pair)
                cells += [f"{statistics.median(mine):.3f}",
                          f"{statistics.median(base):.3f}",
                          f"{beside(mine, base):.2f}"]
            book.row(whole(rate), *cells)
    finally:
        for nginx in pair:
            nginx.stop()
    print()
    for what in unserved:
        book.judge(False, what)


# -- workers

def workers(bench):
    book = bench.book
    book.section("workers", "Workers", "64 connections, any processor; the "
                 "load and the upstream have the same ones; "
                 f"{bench.args.rounds} rounds of 1 s in turn")
    book.table("workers", "gate us", "proxy-log us", "x", "gate requests/s",
               "proxy-log requests/s", "x")
    for n in (1, 2):
        more = {"workers": n, "listen": "reuseport"}
        pair = [bench.another_gate("gate-workers", more),
                bench.another("proxy-log", "log-workers", more)]
        try:
            for nginx in pair:
                nginx.start(cpu="all")
                contest.wrk(nginx, bench.env.requests, 1, 64)
            us, rate = saturate(bench, pair, 1, 64)
        finally:
            for nginx in pair:
                nginx.stop()
        mine, base = (nginx.name for nginx in pair)
        book.row(n, f"{statistics.median(us[mine]):.1f}",
                 f"{statistics.median(us[base]):.1f}",
                 f"{beside(us[mine], us[base]):.2f}",
                 whole(statistics.median(rate[mine])),
                 whole(statistics.median(rate[base])),
                 f"{beside(rate[mine], rate[base]):.2f}")
