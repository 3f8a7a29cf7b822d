"""Few tenants and many: what one takes of memory, and whether requests cost
more.  Every tenant has asked before anything is measured."""

import os
import re
import statistics
import subprocess
import tempfile

import contest
import load
import times
from book import whole

MEMORY = 512                # bytes of one tenant, at most
SCRAPE = 50.0               # ms with 100,000 tenants, at most
MANY = (10, 10_000, 100_000, 1_000_000)
ZONE = 300                  # bytes of a zone for each tenant, and 64 MB


def zone(bench):
    """The shared memory alone: hx_state_ask() and hx_state_charge()."""
    book = bench.book
    book.section("zone", "Tenants in the zone",
                 "asked for in scattered order, one process")
    book.table("tenants", "zone, MB", "bytes a tenant, touched",
               "first request, ns", "later ones, ns", "charge, ns")
    verdicts = []
    for n in (1000, *MANY[1:]):
        with tempfile.TemporaryDirectory(dir="/dev/shm") as shm:
            out = subprocess.run(
                [os.path.join(bench.env.tools, "state_size"), str(n),
                 os.path.join(shm, "zone")],
                check=True, stdout=subprocess.PIPE, text=True)
        held, size, touched, *ns, full = out.stdout.split()
        book.row(whole(int(held)), f"{int(size) / 1e6:.1f}", touched, *ns)
        verdicts.append((int(held) == n and full == "0",
                         f"zone: {whole(n)} tenants have their place"))
        if n >= 100_000:
            verdicts.append((float(touched) <= MEMORY,
                             f"zone: {touched} bytes a tenant, at most "
                             f"{MEMORY}"))
    print()
    for good, what in verdicts:
        book.judge(good, what)


def fill(bench, n):
    """(a gate with n tenants, the file of their requests)"""
    tenants = os.path.join(bench.env.scratch, "tenants-many")
    requests = os.path.join(bench.env.scratch, "requests-many")
    load.write_tenants(tenants, n)
    load.write_requests(requests, n)
    gate = bench.another_gate(
        "gate-many", {"zone": f"{64 + n * ZONE // 1_000_000}m"})
    gate.registry = os.path.join(gate.dir, "registry")
    subprocess.run([os.path.join(bench.env.tools, "load_tenants"), tenants,
                    gate.registry], check=True, stdout=subprocess.DEVNULL)
    gate.write({"registry": gate.registry})
    os.unlink(tenants)
    return gate, requests


def known(gate, n):
    _, text = load.scrape(gate.port)
    found = re.search(r"^hx_gate_zone_tenants (\d+)$", text, re.M)
    return found is not None and int(found.group(1)) >= n


def scrapes(gate):
    """Median ms, and how many tenants it shows."""
    took, shown = [], set()
    for _ in range(11):
        seconds, text = load.scrape(gate.port)
        took.append(seconds * 1e3)
        shown = set(re.findall(r'tenant_id="([^"]+)"', text))
    return statistics.median(took), len(shown)


def beside_log(bench, gate, requests, mode):
    """CPU time and requests/s of the gate, times those of proxy-log."""
    log = bench.contestants[1]
    with log:
        log.start()
        us, rate = times.saturate(bench, (gate, log), requests=requests,
                                  mode=mode)
    return (statistics.median(us[gate.name]),
            times.beside(us[gate.name], us[log.name]),
            times.beside(rate[gate.name], rate[log.name]))


def many(bench):
    book = bench.book
    book.section(
        "many", "Ten tenants to a million",
        "a gate with so many tenants in its LMDB, each of which has asked "
        "once; memory of its one worker, of that without shared memory and "
        "mapped files, of all processes together (PSS) beyond those of a gate "
        "that ten have asked; CPU time and requests/s times those of proxy-log under "
        f"the same load, {bench.args.rounds} rounds of 1 s in turn")
    book.table("tenants", "LMDB, MB", "bytes each", "worker, MB", "own, MB",
               "PSS, bytes each", "scrape, ms", "CPU us", "x proxy-log",
               "requests/s, x proxy-log")
    verdicts = []
    for n in [n for n in MANY if n <= bench.args.most]:
        gate, requests = fill(bench, n)
        mode = "cycle" if n <= 10_000 else "stream"
        with gate:
            gate.start()
            load.drive(gate.port, load.served, 10, 10)
            load.scrape(gate.port)
            before = gate.pss()
            contest.wrk(gate, requests, 900, mode="once")
            contest.until("every tenant has asked", 5, lambda g=gate, m=n:
                          known(g, m))
            each = (gate.pss() - before) / n
            resident, own = gate.rss()
            # those with series of their own ask once more: then they appear
            contest.wrk(gate, requests, 1, mode=mode)
            took, shown = scrapes(gate)
            us, ratio, rate = beside_log(bench, gate, requests, mode)
        data = os.stat(os.path.join(gate.registry, "data.mdb")).st_blocks * 512
        book.row(whole(n), f"{data / 1e6:.1f}", whole(data / n),
                 f"{resident / 1e6:.1f}", f"{own / 1e6:.1f}",
                 whole(each) if n > 10 else "",
                 f"{took:.1f}", f"{us:.1f}", f"{ratio:.2f}", f"{rate:.2f}")
        # a hundred and "other"; of a million not all of these have asked again
        if n in (10_000, 100_000):
            verdicts.append((100 <= shown <= 101, f"{whole(n)} tenants: "
                             f"{shown} shown in a scrape, 100 or 101"))
        if n == 100_000:
            verdicts.append((each <= MEMORY, f"{whole(n)} tenants: {each:.0f} "
                             f"bytes each in all processes, at most {MEMORY}"))
            verdicts.append((took <= SCRAPE, f"{whole(n)} tenants: a scrape "
                             f"takes {took:.1f} ms, at most {SCRAPE:.0f}"))
        os.unlink(requests)
    print()
    for good, what in verdicts:
        book.judge(good, what)
