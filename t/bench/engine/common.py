"""What the phases share: where things are, processors, ratios, the table.

A figure is a ratio within one run: peer and engine take turns on one core, each
turn gives a ratio, the median of these is judged.
"""

import os
import statistics
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(TOP, "t", "bench"))
from contest import Trouble  # noqa: E402

CPUS = sorted(os.sched_getaffinity(0))
MEASURED, OTHER = CPUS[0], CPUS[-1]

VECTORS = (("avx512vnni", "avx512_vnni"), ("avx512", "avx512f"),
           ("avx2", "avx2"), ("neon", "asimd"))


class Env:
    """Where things are, from what the Makefile tells."""

    def __init__(self):
        get = os.environ.get
        build = get("HX_BUILD", "release")
        if build != "release":
            raise Trouble(f"BUILD={build}: only a release build says something "
                          "about speed")
        place = os.path.join(TOP, "build", build)
        self.nginx = get("HX_NGINX", "/usr/sbin/nginx")
        self.module = ""                    # no contestant here loads it
        self.engine = get("HX_ENGINE", os.path.join(place, "hx-engine"))
        self.tools = get("HX_BENCH_BIN", os.path.join(place, "bench"))
        base = get("HX_SCRATCH") or tempfile.gettempdir()
        self.scratch = os.path.join(base, "bench-engine")
        os.makedirs(self.scratch, mode=0o755, exist_ok=True)

    def tool(self, name):
        path = os.path.join(self.tools, name)
        if not os.access(path, os.X_OK):
            raise Trouble(f"{path} is missing: make bench-engine builds it")
        return path

    def path(self, *names):
        return os.path.join(self.scratch, *names)


def run(*command, **options):
    """The lines a program printed, fields divided by tabs."""
    done = subprocess.run([str(x) for x in command], capture_output=True,
                          text=True, check=False, timeout=1800, **options)
    if done.returncode != 0:
        raise Trouble(f"{os.path.basename(str(command[0]))}: exit code "
                      f"{done.returncode}: "
                      + (done.stdout + done.stderr)[-500:])
    return [line.split("\t") for line in done.stdout.splitlines()]


def on(cpu):
    """From now on this process and what it starts run there."""
    os.sched_setaffinity(0, {cpu})


def pinned(cpu):
    """For preexec_fn."""
    return lambda: os.sched_setaffinity(0, {cpu})


class Peer:
    """A program that answers each line with one; stays alive between turns."""

    def __init__(self, name, command, **options):
        self.name = name
        self.process = subprocess.Popen(
            [str(x) for x in command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, **options)

    def ask(self, text):
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Trouble(f"{self.name} ended")
        return line.split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def turns(rounds, peer, ours):
    """Both in turn, first one then the other first: [(peer, ours)]."""
    pairs = []
    for turn in range(rounds):
        if turn % 2:
            mine = ours()
            pairs.append((peer(), mine))
        else:
            other = peer()
            pairs.append((other, ours()))
    return pairs


def median(values):
    return statistics.median(values)


def instruction_set():
    """The widest vectors this processor has, by the names the kernel gives."""
    with open("/proc/cpuinfo", encoding="ascii") as f:
        for line in f:
            if line.startswith(("flags", "Features")):
                have = set(line.split())
                return next((name for name, flag in VECTORS if flag in have),
                            "scalar")
    return "scalar"


def processor():
    with open("/proc/cpuinfo", encoding="ascii") as f:
        return next((line.split(":")[1].strip() for line in f
                     if line.startswith("model name")), "unknown")


class Table:
    """Rows of figures as they come, and whether all were within their goals."""

    HEAD = ("| figure | peer | ours | ratio | goal | |\n"
            "| --- | ---: | ---: | ---: | ---: | --- |")

    def __init__(self):
        self.failed = []
        self.open = False

    def title(self, text, note=""):
        print(f"\n### {text}\n")
        if note:
            print(note + "\n")
        self.open = False

    def row(self, name, peer, ours, ratio, goal="", good=None):
        if not self.open:
            print(self.HEAD)
            self.open = True
        word = "" if good is None else "PASS" if good else "FAIL"
        print(f"| {name} | {peer} | {ours} | {ratio} | {goal} | {word} |",
              flush=True)
        if good is False:
            self.failed.append(name)

    def times(self, name, pairs, goal=None, show=None):
        """A row of (peer, ours) in the same unit: how many times faster."""
        show = show or milliseconds
        ratio = median(a / b for a, b in pairs)
        self.row(name, show(median(a for a, _ in pairs)),
                 show(median(b for _, b in pairs)), f"{ratio:.1f} x",
                 f">= {goal:g} x" if goal else "",
                 ratio >= goal if goal else None)
        return ratio

    def limit(self, name, value, most, unit="", peer=""):
        """A row of a value that may be at most so large."""
        self.row(name, peer, f"{value:.2f}{unit}", "", f"<= {most:g}{unit}",
                 value <= most)


def milliseconds(ns):
    ms = ns / 1e6
    return f"{ms:.0f} ms" if ms >= 100 else f"{ms:.2f} ms" if ms >= 1 \
        else f"{ms * 1e3:.1f} us"
