"""What repeats on any machine, busy or not: user instructions (callgrind) and
system calls (strace) of one request."""

import contest
import load
from book import whole

INSTRUCTIONS = 33_000       # of one served request, at most: "make bench-check"
TARGET = 30_600             # the same, of a release
REFUSED = 27_000            # of an unknown key: "make bench-check"
REFUSED_TARGET = 25_000
BESIDE_LOG = 1.15           # times bare nginx with a log, at most
SYSTEM_CALLS = 6.3          # of one served request, saturated, at most
STEADY = 0.002              # of the figure, between two passes
PASSES = 6                  # at most


def passes(bench, nginx, make, status, callgrind):
    """Per request: the first pass, which meets every tenant for the first
    time, the least of two that agree, and how far they are apart.  A pass that
    usage was stored in does not agree with its neighbours."""
    each = []
    while len(each) < 3 or (len(each) < PASSES and apart(each) > STEADY):
        bench.drive(nginx, make, status)
        each.append(callgrind.take() / bench.args.count)
    if apart(each) > STEADY:
        raise contest.Trouble(f"{nginx.name}: passes differ: {each}")
    return each[0], min(each[-2:]), apart(each)


def apart(each):
    return abs(each[-1] - each[-2]) / min(each[-2:])


REFUSALS = (("unknown key, 401", load.unknown, 401),
            ("malformed key, 401", load.malformed, 401),
            ("over its limit, 429", load.spent, 429))


def refusals(bench, callgrind, which):
    """{what: instructions}; on a gate that has charged nobody, so that no usage
    has to be stored meanwhile."""
    found = {}
    for what, make, status in REFUSALS:
        if what in which:
            if status == 429:
                load.drive(bench.gate.port, make, 1, 1)     # the one it has
            found[what] = passes(bench, bench.gate, make, status, callgrind)
    return found


def instructions(bench):
    book = bench.book
    book.section("instructions", "User instructions of one request",
                 f"callgrind, one process, one connection, "
                 f"{whole(bench.args.tenants)} tenants in turn, passes of "
                 f"{whole(bench.args.count)} requests: the second or a later "
                 "one, and how far the next is from it")
    book.table("", "instructions", "again", "x proxy-log")
    found = {}
    for nginx in bench.contestants:
        with nginx:
            callgrind = contest.Callgrind(nginx)
            new, steady, again = passes(bench, nginx, load.served, 200,
                                        callgrind)
            profile = f"{callgrind.out}.{callgrind.parts}"
        found[nginx.name] = (steady, again)
        if nginx is bench.gate:
            found["gate, first look-up of a tenant"] = (new, None)
    with bench.gate as gate:
        for what, (_, steady, again) in refusals(
                bench, contest.Callgrind(gate),
                [what for what, _, _ in REFUSALS]).items():
            found["gate, " + what] = (steady, again)
    log = found["proxy-log"][0]
    for what, (each, again) in found.items():
        book.row(what, whole(each),
                 "" if again is None else f"{again * 100:.3f} %",
                 f"{each / log:.3f}")
    print()
    mine = found["gate"][0]
    unknown = found["gate, unknown key, 401"][0]
    book.judge(mine <= TARGET, f"gate: {whole(mine)} instructions, at most "
               f"{whole(TARGET)}")
    book.judge(mine <= BESIDE_LOG * log,
               f"gate: {mine / log:.3f} times proxy-log, at most {BESIDE_LOG}")
    book.judge(unknown <= REFUSED_TARGET, "gate, unknown key: "
               f"{whole(unknown)} instructions, at most "
               f"{whole(REFUSED_TARGET)}")
    print(f"\nProfile of the gate: callgrind_annotate {profile}")


def ci(bench):
    """What "make bench-check" judges."""
    book, args = bench.book, bench.args
    book.section("ci", "User instructions of one request")
    with bench.gate as gate:
        _, mine, _ = passes(bench, gate, load.served, 200,
                            contest.Callgrind(gate))
    with bench.gate as gate:
        found = refusals(bench, contest.Callgrind(gate), [REFUSALS[0][0]])
    refused = found[REFUSALS[0][0]][1]
    book.judge(mine <= args.limit, f"a served request: {whole(mine)} "
               f"instructions, at most {whole(args.limit)}")
    book.judge(refused <= args.limit_refused,
               f"an unknown key, 401: {whole(refused)} instructions, at most "
               f"{whole(args.limit_refused)}")


def syscalls(bench):
    book = bench.book
    book.section("syscalls", "System calls of one request",
                 "strace; alone: one connection; busy: 32 connections")
    book.table("", "alone", "busy", "which, alone")
    n, busy = 2000, {}
    for nginx in bench.contestants:
        with nginx:
            nginx.start()
            bench.drive(nginx, load.served, 200, n)
            one = contest.strace(
                nginx, lambda x=nginx: bench.drive(x, load.served, 200, n))
            sent = []
            many = contest.strace(
                nginx, lambda x=nginx: sent.append(contest.wrk(
                    x, bench.env.requests, 2)[0]))
        busy[nginx.name] = sum(many.values()) / sent[0]
        which = ", ".join(
            f"{name} {calls / n:.2f}" for name, calls in
            sorted(one.items(), key=lambda x: -x[1]) if calls / n >= 0.005)
        book.row(nginx.name, f"{sum(one.values()) / n:.2f}",
                 f"{busy[nginx.name]:.2f}", which)
    print()
    book.judge(busy["gate"] <= SYSTEM_CALLS,
               f"gate: {busy['gate']:.2f} system calls, at most "
               f"{SYSTEM_CALLS}")
