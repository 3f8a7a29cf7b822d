"""What the audit trail costs: beside nginx's own access log, and by how much it
promises."""

import os
import statistics

import contest
import counts
import load
import times
from book import whole

BESIDE_BUFFER = 1.05        # times access_log with the same members, at most
FSYNC = 0.5                 # of the requests/s of "buffered", at least

# "log" is nginx's own, with the same members.
AUDITS = {
    "log": """hx_gate_audit_log off;
    log_format audit escape=json
        '{{"ts":"$time_iso8601","tenant_id":"$hx_gate_tenant",'
        '"method":"$request_method","path":"$uri",'
        '"namespace":"$hx_gate_namespace","status":$status,'
        '"cus":$hx_gate_cus,"latency_s":$request_time,'
        '"request_id":"$hx_gate_request_id"}}';
    access_log {dir}/audit.jsonl audit buffer=64k flush=1s;""",
    "buffered": "hx_gate_audit_log {dir}/audit.jsonl buffer=64k flush=1s;",
    "write": "hx_gate_audit_log {dir}/audit.jsonl durability=write;",
    "fsync": "hx_gate_audit_log {dir}/audit.jsonl durability=fsync;",
    "required": "hx_gate_audit_log {dir}/audit.jsonl required;",
    "extended": "hx_gate_audit_log {dir}/audit.jsonl extended;",
    "chain": "hx_gate_audit_log {dir}/audit.jsonl chain key={key};",
}


def audited(bench, name):
    """The gate with another audit trail, and the same tenants."""
    where = os.path.join(bench.env.scratch, "audit-" + name)
    return bench.another_gate(
        "audit-" + name,
        {"audit": ("" if name == "log" else "access_log off; ")
                  + AUDITS[name].format(dir=where, key=bench.key)})


def audit(bench):
    book = bench.book
    book.section("audit", "The audit trail", "the same gate; its trail, or "
                 "nginx's access_log with the same members and buffer=64k "
                 "flush=1s; instructions as above")
    book.table("", "instructions", "x log")
    cost = {}
    for name in ("log", "buffered", "write", "required", "extended", "chain"):
        with audited(bench, name) as nginx:
            cost[name] = counts.passes(bench, nginx, load.served, 200,
                                       contest.Callgrind(nginx))[1]
        book.row(name, whole(cost[name]), f"{cost[name] / cost['log']:.3f}")
    print()
    book.judge(cost["buffered"] <= BESIDE_BUFFER * cost["log"],
               f"audit: {cost['buffered'] / cost['log']:.3f} times "
               f"access_log, at most {BESIDE_BUFFER}")


def durability(bench):
    """Requests a second on 64 connections, CPU time, and what the disk does,
    in turns."""
    book = bench.book
    them = {name: audited(bench, name)
            for name in ("log", "buffered", "write", "fsync", "chain")}
    try:
        for nginx in them.values():
            nginx.start()
            contest.wrk(nginx, bench.env.requests, 1, 64)
        us, rate = times.saturate(bench, list(them.values()), 2, 64)
    finally:
        for nginx in them.values():
            nginx.stop()
    book.section("durability", "What an audit trail promises",
                 "1 worker, 64 connections, the trail on the disk of the build "
                 f"folder; {bench.args.rounds} rounds of 2 s in turn, ratios "
                 "within a round")
    book.table("", "requests/s", "x buffered", "CPU us", "x log")
    us, rate = ({name: each[nginx.name] for name, nginx in them.items()}
                for each in (us, rate))
    beside = {}
    for name in them:
        beside[name] = times.beside(rate[name], rate["buffered"])
        book.row(name, whole(statistics.median(rate[name])),
                 f"{beside[name]:.2f}", f"{statistics.median(us[name]):.1f}",
                 f"{times.beside(us[name], us['log']):.2f}")
    print()
    book.judge(beside["fsync"] >= FSYNC,
               f"fsync: {beside['fsync']:.2f} of the requests/s of buffered, "
               f"at least {FSYNC}")
