#!/usr/bin/python3
"""Line and branch coverage of our sources (make cov).

cov_report.py begin BUILD DATA      before the tests: empty counters
cov_report.py report BUILD DATA     after them: table, limits, error paths
    --floor N     as if every limit of lines and branches were at most N
    --room NAME   only this room ("engine/num"); may be repeated

BUILD is the directory with the objects (.gcno), DATA the one that programs
write their counters to (.gcda), below it by the absolute path of the object.
A line that several programs contain has run if one of them ran it.

Beside the table, BUILD/coverage/ has lines.txt (every line that never ran) and
errors.txt: those of them that handle an error, with their text, so that one can
see which failures no test has caused.  Exit 0: no room is below its limit.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PARTS = {"ngx_hx_gate_module": "gate", "hx-engine": "engine"}

# Per cent of lines and of branches.  A branch is one of the two ways out of a
# condition, so "p == NULL || n > max" has four: half of what stands for calls
# that fail (out of memory, a mutex) cannot be caused one by one, which is why
# branches have the lower limits.
STRICT = {"gate/core", "gate/policy", "engine/num"}
STRICT_LIMIT = (90, 75)
LIMIT = (80, 60)

# What the text of a line that handles an error looks like.
ERROR = re.compile(
    r"return\s+\(?(?:HX_FAIL|HX_NO|NGX_ERROR|NGX_DECLINED|NGX_ABORT|NULL|-1|"
    r"NGX_CONF_ERROR|NGX_HTTP_[45]\w+|NGX_HTTP_INTERNAL\w*|HX_ERR\w*|false)\b"
    r"|goto\s+(?:fail|failed|error|done|out|bad|full)\b"
    r"|ngx_(?:conf_)?log_error|ngx_hx_\w*(?:fail|error)\w*\s*\("
    r"|hx_\w*(?:fail|error|abort|log_err)\w*\s*\(|\bE[A-Z]{3,}\b"
    r"|HX_FAIL|NGX_ERROR|=\s*-1;")


def objects(build, data):
    """(.gcno, its .gcda) of every object."""
    for gcno in sorted(Path(build).resolve().rglob("*.gcno")):
        yield gcno, Path(str(data) + str(gcno.with_suffix(".gcda")))


def begin(build, data):
    """Every file of counters is there, empty, and anybody may write it."""
    data = Path(data)
    if data.exists():
        for old in data.rglob("*.gcda"):
            old.unlink()
    n = 0
    for _, gcda in objects(build, data):
        gcda.parent.mkdir(parents=True, exist_ok=True)
        gcda.touch()
        gcda.chmod(0o666)
        n += 1
    if n == 0:
        sys.exit(f"coverage: no object with counters in {build}")
    print(f"coverage: counters of {n} objects are at 0")


def gcov(pair):
    """gcov's JSON for one object.  Counters nobody wrote count as zeros."""
    gcno, gcda = pair
    command = ["gcov", "--json-format", "--stdout", "--branch-probabilities"]
    if gcda.exists() and gcda.stat().st_size > 0:
        beside = gcda.with_suffix(".gcno")
        beside.write_bytes(gcno.read_bytes())
        command.append(str(gcda))
    else:
        command.append(str(gcno))
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in run.stdout.splitlines()
            if line.startswith("{")]


def ours(name, where, top):
    """Path relative to the tree of a source of ours, or None."""
    path = Path(name)
    if not path.is_absolute() and not (top / path).exists():
        path = Path(where) / path
    try:
        path = (top / path).resolve().relative_to(top)
    except ValueError:
        return None
    return path if path.parts[0] in PARTS else None


class Counts:
    """What ran of one source file."""

    def __init__(self):
        self.lines = defaultdict(int)           # line: times
        self.branches = {}                      # (line, n): times

    def add(self, lines):
        seen = set()
        for line in lines:
            n = line["line_number"]
            self.lines[n] += line["count"]
            # an inline function: once for each program, several times in one
            for i, branch in enumerate(line["branches"]):
                key = (n, i)
                if branch["throw"]:
                    continue
                seen.add(key)
                self.branches[key] = (self.branches.get(key, 0)
                                      + branch["count"])


def collect(build, data, top):
    """{path: Counts} of our sources."""
    found = defaultdict(Counts)
    with ThreadPoolExecutor(2) as pool:
        for answers in pool.map(gcov, objects(build, data)):
            for answer in answers:
                where = answer["current_working_directory"]
                for file in answer["files"]:
                    path = ours(file["file"], where, top)
                    if path is not None:
                        found[path].add(file["lines"])
    return found


def room(path):
    return f"{PARTS[path.parts[0]]}/{path.parts[1]}"


def limits(name, floor):
    both = STRICT_LIMIT if name in STRICT else LIMIT
    return tuple(min(limit, floor) for limit in both)


def per_cent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def table(found, floor):
    """(lines of text, rooms below a limit)."""
    sums = defaultdict(lambda: [0, 0, 0, 0])
    for path, counts in found.items():
        for key in (room(path), "all"):
            s = sums[key]
            s[0] += sum(1 for n in counts.lines.values() if n)
            s[1] += len(counts.lines)
            s[2] += sum(1 for n in counts.branches.values() if n)
            s[3] += len(counts.branches)
    text = [f"{'room':<14} {'lines':>13} {'%':>6} {'min':>4} "
            f"{'branches':>13} {'%':>6} {'min':>4}"]
    below = []
    for key in sorted(sums, key=lambda k: (k == "all", k)):
        ran, lines, taken, branches = sums[key]
        line, branch = per_cent(ran, lines), per_cent(taken, branches)
        want = limits(key, floor) if key != "all" else ("", "")
        bad = key != "all" and (line < want[0] or branch < want[1])
        if bad:
            below.append(key)
        text.append(f"{key:<14} {ran:>6}/{lines:<6} {line:>6.1f} "
                    f"{want[0]:>4} {taken:>6}/{branches:<6} {branch:>6.1f} "
                    f"{want[1]:>4}{'  BELOW' if bad else ''}")
    return text, below


def ranges(path, counts, top):
    """(first line, text) of what never ran: neighbours together, with the
    lines between them that are no code."""
    source = (top / path).read_text(encoding="utf-8").splitlines()
    run = []
    for n in sorted(counts.lines):
        if counts.lines[n] == 0:
            run.append(n)
        elif run:
            yield run[0], source[run[0] - 1:run[-1]]
            run = []
    if run:
        yield run[0], source[run[0] - 1:run[-1]]


def write_lines(found, out, top):
    """lines.txt and errors.txt; the number of error paths of each room."""
    out.mkdir(parents=True, exist_ok=True)
    errors = defaultdict(int)
    with open(out / "lines.txt", "w", encoding="utf-8") as every, \
            open(out / "errors.txt", "w", encoding="utf-8") as paths:
        for path in sorted(found):
            for first, text in ranges(path, found[path], top):
                block = "".join(f"{path}:{first + i}: {line.rstrip()}\n"
                                for i, line in enumerate(text))
                every.write(block)
                if any(ERROR.search(line) for line in text):
                    errors[room(path)] += 1
                    paths.write(block + "\n")
    return errors


def report(build, data, floor, rooms, top=TOP):
    found = collect(build, data, top)
    if rooms:
        found = {p: c for p, c in found.items() if room(p) in rooms}
    if not found:
        print("coverage: nothing was counted")
        return 1
    text, below = table(found, floor)
    out = Path(build) / "coverage"
    errors = write_lines(found, out, top)
    (out / "table.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    print("error paths that never ran: "
          + ", ".join(f"{name} {errors[name]}" for name in sorted(errors))
          + f" (text in {out}/errors.txt)")
    for name in below:
        print(f"coverage: {name} is below its limit")
    return 1 if below else 0


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["begin", "report"])
    parser.add_argument("build")
    parser.add_argument("data")
    parser.add_argument("--floor", type=int, default=100)
    parser.add_argument("--room", action="append", default=[])
    args = parser.parse_args(argv)
    if args.what == "begin":
        begin(args.build, args.data)
        return 0
    return report(args.build, args.data, args.floor, args.room)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
