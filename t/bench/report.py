#!/usr/bin/python3
"""Makes report.md and its charts from what a bench has left in a folder:

    report.py FOLDER                  gate.json of t/bench/run, engine.md of
                                      t/bench/engine/run, each if it is there
    report.py FOLDER --update t/bench puts them into README.md too, between the
                                      lines "<!-- gate -->" and "<!-- end -->"
                                      (and "engine"), and the charts beside it
"""

import argparse
import json
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import svg  # noqa: E402
from counts import TARGET  # noqa: E402


def figure(cell):
    """The number a cell begins with; None: it has none."""
    found = re.match(r"-?[\d,]*\.?\d+", cell.strip())
    return float(found.group().replace(",", "")) if found else None


def size(cell):
    """Bytes of "64 MB"."""
    number, unit = cell.split()
    return float(number) * {"KB": 1 << 10, "MB": 1 << 20}[unit]


def column(table, head, at=figure):
    i = table["columns"].index(head)
    return [at(row[i]) for row in table["rows"]]


def bar_rows(table, head):
    names = [row[0] for row in table["rows"]]
    return [(name, value) for name, value in zip(names, column(table, head))
            if value is not None]


def curves(table, x, heads):
    return {name: [p for p in zip(x, column(table, head)) if p[1] is not None]
            for name, head in heads.items()}


def chart_instructions(table):
    return svg.bars("User instructions of one request", "user instructions "
                    "(callgrind)", bar_rows(table, "instructions"),
                    limit=(TARGET, f"target: {TARGET:,}"))


def chart_cpu(table):
    return svg.bars("CPU time of one request", "microseconds, kernel included",
                    bar_rows(table, "median us"))


def chart_latency(table):
    return svg.lines(
        "Latency at a fixed rate", "requests per second", "milliseconds",
        curves(table, column(table, "requests/s"), {
            f"{who} p{p}": f"{who} p{p}" for p in ("50", "99", "99.9")
            for who in ("gate", "proxy-log")}), logx=True, logy=True)


def chart_bodies(table):
    return svg.lines(
        "CPU time of a put, gate / bare nginx with a log",
        "bytes of the body", "ratio",
        curves(table, column(table, "body", size), {"gate": "x"}),
        logx=True, limit=(1, "bare nginx"))


def chart_memory(table):
    rows = {"columns": table["columns"],    # of ten only pages would be seen
            "rows": [r for r in table["rows"] if figure(r[0]) >= 1000]}
    return svg.lines(
        "Memory of a tenant", "tenants", "bytes a tenant",
        curves(rows, column(rows, "tenants"), {
            "registry on disk": "bytes each",
            "all processes (PSS)": "PSS, bytes each"}), logx=True) \
        if len(rows["rows"]) > 1 else None


def chart_tenants(table):
    return svg.lines(
        "Cost beside bare nginx with a log", "tenants",
        "ratio", curves(table, column(table, "tenants"), {
            "CPU time of a request": "x proxy-log",
            "requests per second": "requests/s, x proxy-log"}),
        logx=True, limit=(1, "bare nginx"))


def chart_workers(table):
    rows = []
    for row in table["rows"]:
        words = f"{row[0]} worker" + ("" if row[0] == "1" else "s")
        for head in ("gate", "proxy-log"):
            value = row[table["columns"].index(head + " requests/s")]
            rows.append((f"{head}, {words}", figure(value)))
    return svg.bars("Workers", "requests per second", rows)


def chart_peers(table):
    return svg.bars("Other gates doing the same job",
                    "CPU time of a request, times bare nginx with a log",
                    bar_rows(table, "CPU x base"), log=True)


# section -> charts: name, what makes it of the section's table
CHARTS = {"instructions": {"instructions": chart_instructions},
          "cpu": {"cpu": chart_cpu}, "latency": {"latency": chart_latency},
          "workers": {"workers": chart_workers},
          "bodies": {"bodies": chart_bodies},
          "many": {"memory": chart_memory, "tenants": chart_tenants},
          "peers": {"peers": chart_peers}}


def markdown_table(table):
    rows = [table["columns"], ["---"] + ["---:"] * (len(table["columns"]) - 1),
            *table["rows"]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def gate(result):
    """(Markdown, {name of a chart: SVG})"""
    out, charts = [], {}
    about = result["about"]
    out.append("`make bench`, release; " + "; ".join(
        f"{name}: {about[name]}" for name in about) + ".\n")
    for section in result["sections"]:
        out.append(f"### {section['title']}\n")
        out += [text + "\n" for text in section["text"]]
        for table in section["tables"]:
            out.append(markdown_table(table))
        for name, make in CHARTS.get(section["name"], {}).items():
            if not section["tables"] or not section["tables"][0]["rows"]:
                continue                # it went no further
            chart = make(section["tables"][0])
            if chart is not None:
                charts[name] = chart
                out.append(f"![{svg_title(chart)}]({name}.svg)\n")
        out += [f"- {'' if good else '**missed** '}{text}"
                for good, text in section["judged"]]
        if section["judged"]:
            out.append("")
    return "\n".join(out).rstrip() + "\n", charts


def svg_title(chart):
    return re.search(r"<title>(.*?)</title>", chart).group(1)


def engine(text):
    """The same of what t/bench/engine/run prints."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) >= 5 and cells[3].endswith(" x") \
                and cells[4].startswith(">="):
            rows.append((cells[0], figure(cells[3])))
    charts = {}
    if rows:
        charts["engine"] = svg.bars(
            "hx-engine beside other tools", "times better than the peer "
            "(logarithmic)", rows, log=True)
        text = f"![{svg_title(charts['engine'])}](engine.svg)\n\n" + text
    return text.strip() + "\n", charts


def replaced(readme, name, text):
    """README.md with the text between its marks."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.S)
    if not pattern.search(readme):
        raise SystemExit(f"report: README.md has no mark <!-- {name} -->")
    return pattern.sub(lambda m: m.group(1) + text + m.group(2), readme)


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return None


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("folder")
    a.add_argument("--update", default="")
    args = a.parse_args()
    parts, charts = {}, {}
    found = read(os.path.join(args.folder, "gate.json"))
    if found is not None:
        parts["gate"], made = gate(json.loads(found))
        charts.update(made)
    found = read(os.path.join(args.folder, "engine.md"))
    if found is not None:
        parts["engine"], made = engine(found)
        charts.update(made)
    if not parts:
        raise SystemExit(f"report: {args.folder} has no results")
    heads = {"gate": "# The gate", "engine": "# hx-engine"}
    write(os.path.join(args.folder, "report.md"), "\n".join(
        f"{heads[name]}\n\n{text}" for name, text in parts.items()))
    for folder in filter(None, (args.folder, args.update)):
        for name, chart in charts.items():
            write(os.path.join(folder, name + ".svg"), chart)
    if args.update:
        path = os.path.join(args.update, "README.md")
        readme = read(path)
        for name, text in parts.items():
            readme = replaced(readme, name, text)
        write(path, readme)
    print(f"report: {args.folder}/report.md, {len(charts)} charts")


if __name__ == "__main__":
    main()
