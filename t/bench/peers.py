"""The gate among other gates that do the same job (Lua, HAProxy, njs, FastAPI):
the bench of those, which is a folder of its own with a "run" in it, gets ours
as one more contestant.  See README.md, "Other gates"."""

import json
import os
import subprocess
import sys

import contest
import counts
from book import whole

BASE = "0-proxy-log"
SECONDS = 1800
MOST = {"instructions": counts.TARGET,
        "deny_instructions": counts.REFUSED_TARGET,
        "syscalls": counts.SYSTEM_CALLS}


def median(runs, phase, peer, key):
    values = sorted(d[key] for d in runs
                    if d["phase"] == phase and d["peer"] == peer)
    return values[len(values) // 2] if values else None


def ratio(runs, phase, peer, key):
    by = {name: {d["round"]: d[key] for d in runs
                 if d["phase"] == phase and d["peer"] == name}
          for name in (peer, BASE)}
    each = sorted(by[peer][r] / by[BASE][r] for r in by[peer]
                  if by[BASE].get(r))
    return each[len(each) // 2] if each else None


def show(x, form):
    return "" if x is None else whole(x) if form == "whole" else \
        f"{x:{form}}"


def table(book, raw):
    """raw: the JSON that their run writes."""
    book.table("", "instructions", "x base", "of a 401", "system calls",
               "requests/s", "CPU us", "CPU x base", "TLS CPU x base",
               "p99 ms at 4,000/s")
    counted, runs = raw.get("counts", {}), raw["runs"]
    base = counted.get(BASE, {}).get("instructions")
    names = list(dict.fromkeys([d["peer"] for d in runs] + list(counted)))
    for name in names:
        c = counted.get(name, {})
        mine = c.get("instructions")
        p99 = median(runs, "mid", name, "p99")
        book.row(name, show(mine, "whole"),
                 show(mine / base if mine and base else None, ".2f"),
                 show(c.get("deny_instructions"), "whole"),
                 show(c.get("syscalls"), ".2f"),
                 show(median(runs, "plain", name, "rps"), "whole"),
                 show(median(runs, "plain", name, "cpu_us"), ".1f"),
                 show(ratio(runs, "plain", name, "cpu_us"), ".2f"),
                 show(ratio(runs, "tls", name, "cpu_us"), ".2f"),
                 show(None if p99 is None else p99 / 1000, ".2f"))


def peers(bench):
    args, env, book = bench.args, bench.env, bench.book
    if not args.peers:
        print("\n(other gates: give their bench with --peers DIR)")
        return
    out = os.path.join(env.scratch, "peers")
    done = subprocess.run(
        [sys.executable, os.path.join(args.peers, "run"), "--out", out,
         "--extra", os.path.join(contest.HERE, "peer", "6-hx-gate"),
         "--rounds", str(args.rounds), *args.peer_options],
        env={**os.environ, "HX_GATE_MODULE": env.module,
             "HX_GATE_IMPORT": os.path.join(env.tools, "load_tenants")},
        stdout=subprocess.DEVNULL, check=False, timeout=SECONDS)
    if done.returncode != 0:
        raise contest.Trouble(f"{args.peers}/run: exit code "
                              f"{done.returncode}")
    with open(out + ".json", encoding="utf-8") as f:
        raw = json.load(f)
    book.section("peers", "Other gates",
                 "the same job by others; base: bare nginx with a JSON access "
                 "log; ratios are medians of those of a round")
    table(book, raw)
    print()
    for what, got in raw.get("check", {}).get("6-hx-gate", {}).items():
        if got != "yes":
            book.judge(False, f"6-hx-gate, {what}: {got}")
    mine = raw.get("counts", {}).get("6-hx-gate", {})
    for key, most in MOST.items():
        if mine.get(key):
            book.judge(mine[key] <= most, f"6-hx-gate, {key}: "
                       f"{mine[key]:,.2f}, at most {most:,}")
