#!/usr/bin/python3
"""table.py RESULTS "RELEASE..." GROUP...: the table of make matrix, a line a
release.

RESULTS/<release>/ has "versions" (name=value), and for each group that ran
its output, <group>.log, and its exit code, <group>.rc.  A group passed when
it exited with 0 and its runner (prove or pytest) closed with a number of
tests, of which none failed and none was left out.  Exit 0: all passed."""

import re
import sys
from pathlib import Path

DEBIAN = {"bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14"}
LIBRARIES = ("nginx", "OpenSSL", "hiredis", "gcc", "Python")


def prove(text):
    """(tests, those that failed or were left out), or None: no such end."""
    total = re.findall(r"^Files=\d+, Tests=(\d+),", text, re.M)
    result = re.findall(r"^Result: (\w+)", text, re.M)
    if not total or not result:
        return None
    bad = sum(map(int, re.findall(r"^\S+ +\(Wstat: .* Failed: (\d+)\)$",
                                  text, re.M)))
    return int(total[-1]), bad if result[-1] == "PASS" else max(bad, 1)


def pytest(text):
    """The same of pytest's last line."""
    lines = re.findall(r"^(?:=+ )?(\d+ (?:passed|failed|error|skipped).*) in "
                       r"[\d.]+s", text, re.M)
    if not lines:
        return None
    counts = {word: int(n) for n, word in
              re.findall(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)",
                         lines[-1])}
    return sum(counts.values()), sum(counts.values()) - counts.get("passed", 0)


def cell(directory, group):
    """(text, passed) of one group of one release."""
    found = versions(directory)
    if group == "valkey" and found and "valkey-server" not in found:
        return "none here", True
    try:
        text = (directory / f"{group}.log").read_text(errors="replace")
        code = int((directory / f"{group}.rc").read_text())
    except (OSError, ValueError):
        return "**did not run**", False
    counted = prove(text) or pytest(text)
    if not counted or counted[0] == 0:
        return "**no test ran**", False
    tests, bad = counted
    if bad:
        return f"**{bad} of {tests} failed**", False
    if code:
        return f"{tests}, **exit {code}**", False
    return str(tests), True


def versions(directory):
    try:
        lines = (directory / "versions").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def row(directory, groups):
    """(cells, passed) of one release."""
    name = directory.name
    found = versions(directory)
    redis = " / ".join(found[server] for server in
                       ("redis-server", "valkey-server") if server in found)
    cells = [f"{DEBIAN[name]} {name}",
             *(found.get(library, "?") for library in LIBRARIES), redis or "?"]
    results = [cell(directory, group) for group in groups]
    passed = all(ok for _, ok in results)
    return (cells + [text for text, _ in results]
            + ["passed" if passed else "**failed**"], passed)


def main(results, releases, *groups):
    head = ["Debian", *LIBRARIES, "Redis / Valkey", *groups, "result"]
    rows = [row(Path(results) / release, groups)
            for release in releases.split()]
    for cells in [head, ["---"] * len(head), *(cells for cells, _ in rows)]:
        print("| " + " | ".join(cells) + " |")
    return 0 if rows and all(passed for _, passed in rows) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
