"""The bench's report: a figure beyond its target fails the run, percentiles and
charts say what was measured."""

import json
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "t" / "bench"))
import report  # noqa: E402
import svg     # noqa: E402
import times   # noqa: E402
from book import Book  # noqa: E402


@pytest.mark.parametrize("n, p, expected", [
    (1, 50, 1), (100, 50, 50), (100, 99, 99), (100, 99.9, 100),
    (1000, 99.9, 999), (101, 50, 51)])
def test_a_percentile_is_a_value_that_was_there(n, p, expected):
    assert times.percentile(list(range(1, n + 1)), p) == expected


def book():
    b = Book()
    b.section("instructions", "User instructions of one request", "how")
    b.table("", "instructions", "again", "x proxy-log")
    b.row("proxy-log", "30,124", "0.010 %", "1.000")
    b.row("gate", "27,054", "0.030 %", "0.898")
    b.about = {"processor": "one"}
    return b


def test_beyond_a_target_the_run_has_failed(tmp_path):
    b = book()
    b.judge(27054 <= 30600, "gate: 27,054 instructions, at most 30,600")
    assert not b.failed
    b.judge(27054 <= 20000, "gate: 27,054 instructions, at most 20,000")
    b.judge(True, "another")
    assert b.failed
    text, _ = report.gate(json.loads(Path(b.save(tmp_path)).read_text()))
    assert "- **missed** gate: 27,054 instructions, at most 20,000" in text
    assert "- gate: 27,054 instructions, at most 30,600" in text


def words(chart):
    return [e.text for e in xml.fromstring(chart).iter() if e.text]


def test_charts_are_xml_with_names_units_and_values(tmp_path):
    result = json.loads(Path(book().save(tmp_path)).read_text())
    text, charts = report.gate(result)
    assert "![User instructions of one request](instructions.svg)" in text
    assert "| gate | 27,054 | 0.030 % | 0.898 |" in text
    found = words(charts["instructions"])
    assert {"gate", "27,054", "proxy-log",
            "user instructions (callgrind)"} <= set(found)


def test_lines_reach_as_far_as_their_values():
    chart = svg.lines("a < b", "bytes", "ms", {"x": [(1000, 0.5), (1e6, 40)]},
                      logx=True, logy=True, limit=(1, "one"))
    root = xml.fromstring(chart)
    line = next(e for e in root.iter() if e.tag.endswith("polyline"))
    (x1, y1), (x2, y2) = (map(float, p.split(","))
                          for p in line.get("points").split())
    assert x1 < x2 and y1 > y2
    assert {"a < b", "bytes", "ms", "x", "one", "10k", "1M"} <= set(words(chart))


def test_a_flat_line_and_one_point_are_drawn():
    for points in ([(1, 1), (2, 1)], [(5, 0)]):
        xml.fromstring(svg.lines("t", "x", "y", {"a": points}))
    xml.fromstring(svg.bars("t", "x", [("a", 0.0)]))


def test_a_run_that_stopped_early_has_a_report(tmp_path):
    b = book()
    b.section("latency", "Latency at a fixed rate")
    b.table("requests/s", "gate p50")
    text, charts = report.gate(json.loads(Path(b.save(tmp_path)).read_text()))
    assert "Latency" in text and "latency" not in charts


def test_figures_go_between_their_marks_only():
    readme = "a\n<!-- gate -->\nold\n<!-- end -->\nb\n<!-- engine -->\no\n" \
             "<!-- end -->\n"
    got = report.replaced(readme, "gate", "new \\1")
    assert got == readme.replace("old", "new \\1")
    with pytest.raises(SystemExit):
        report.replaced("nothing", "gate", "new")


def test_goals_of_the_engine_are_charted():
    text, charts = report.engine(
        "| figure | peer | ours | ratio | goal | |\n"
        "| put | 165 ms | 0.98 ms | 157.0 x | >= 40 x | PASS |\n"
        "| other | 1 ms | 1 ms | 1.0 x | | |\n")
    assert text.startswith("![hx-engine beside other tools](engine.svg)")
    assert "put" in words(charts["engine"])
    assert "other" not in words(charts["engine"])
