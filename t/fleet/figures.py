#!/usr/bin/python3
"""figures.py FILE: the figures that the fleet tests have written there, as a
table; the last one of a name counts."""

import sys


def table(lines):
    rows = {}
    for line in lines:
        name, value, target = line.rstrip("\n").split("\t")
        rows[name] = (name, value, target)
    rows = [("figure", "measured", "target"), *rows.values()]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [f"{row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]}".rstrip()
            for row in rows]


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="ascii") as f:
            print("\n".join(table(f)))
    except FileNotFoundError:
        print("no figures")
