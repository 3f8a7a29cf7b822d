"""Requests with a body: finding the namespace in it, and all of a put beside
bare nginx passing on the same bytes."""

import os
import statistics
import subprocess

import contest
import load
import times

SCAN_RATIO = 11.0           # 100 MB against 10 MB, at most
SIZES = (1 << 10, 1 << 14, 1 << 17, 1 << 20, 1 << 23, 1 << 26)
BYTES = 1 << 27             # of a round, at most
REQUESTS = 2000             # of a round, at most


def scan(bench):
    book = bench.book
    book.section("scan", "Reading a body for its namespace",
                 "CPU time, least of 5 rounds")
    book.table("body", "GB/s", "10 MB, ms", "100 MB, ms", "ratio")
    out = subprocess.run([os.path.join(bench.env.tools, "scan_speed"), "5"],
                         check=True, stdout=subprocess.PIPE, text=True)
    ratios = {}
    for line in out.stdout.splitlines():
        name, *figures = line.split("\t")
        _, small_ns, large, large_ns = map(int, figures)
        ratios[name] = large_ns / small_ns
        book.row(name, f"{large / large_ns:.2f}", f"{small_ns / 1e6:.2f}",
                 f"{large_ns / 1e6:.2f}", f"{ratios[name]:.2f}")
    print()
    for name, ratio in ratios.items():
        book.judge(ratio <= SCAN_RATIO,
                   f"scan, {name}: 100 MB cost {ratio:.2f} times 10 MB, "
                   f"at most {SCAN_RATIO:.0f}")


def puts(nginx, size):
    """CPU us of a put, of all processes."""
    n = max(2, min(REQUESTS, BYTES // size))
    lines, content = load.put(0, size)
    with load.Connection(nginx.port) as conn:
        conn.ask(lines, content)
        before = nginx.cpu_ns()
        for _ in range(n):
            status = conn.ask(lines, content)[0]
            if status != 200:
                raise contest.Trouble(f"{nginx.name}: a put of {size} bytes: "
                                      f"{status}")
        return (nginx.cpu_ns() - before) / n / 1e3


def name_of(size):
    return f"{size >> 20} MB" if size >= 1 << 20 else f"{size >> 10} KB"


def bodies(bench):
    book = bench.book
    book.section("bodies", "Size of a body", "a put whose namespace comes "
                 "after its data, one connection, CPU time of all processes, "
                 "client_body_buffer_size 128k (larger ones go through a file "
                 f"in both); {bench.args.rounds} rounds in turn")
    book.table("body", "gate us", "proxy-log us", "x", "gate, us a MB more "
               "than proxy-log")
    pair = [bench.gate, bench.contestants[1]]
    try:
        for nginx in pair:
            nginx.start()
        for size in SIZES:
            us = {nginx.name: [] for nginx in pair}
            for turn in range(bench.args.rounds):
                for nginx in pair[::1 if turn % 2 else -1]:
                    us[nginx.name].append(puts(nginx, size))
            mine, base = (us[nginx.name] for nginx in pair)
            more = statistics.median(a - b for a, b in zip(mine, base))
            book.row(name_of(size), f"{statistics.median(mine):.1f}",
                     f"{statistics.median(base):.1f}",
                     f"{times.beside(mine, base):.2f}",
                     f"{more / size * (1 << 20):.1f}" if size >= 1 << 17
                     else "")
    finally:
        for nginx in pair:
            nginx.stop()
