"""The alert rules and the dashboard: promtool takes them, and every metric that
they name is one that the gate or the engine has."""

import json
import re
import subprocess

import pytest

from conftest import TOP

PROMETHEUS = TOP / "packaging" / "prometheus"
RULES = PROMETHEUS / "hx-gate.rules.yml"
DASHBOARD = TOP / "packaging" / "grafana" / "hx-gate.json"
NAME = re.compile(r"\bhx_(?:gate|engine)_[a-z_]+")
SERIES = re.compile(r"_(?:bucket|sum|count)$")


def promtool(*words, cwd=PROMETHEUS):
    return subprocess.run(["promtool", *map(str, words)], cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def known():
    """Metrics of the programs' sources: texts that begin with their names."""
    found = set()
    for room in ("ngx_hx_gate_module", "hx-engine"):
        for path in (TOP / room).rglob("*.[ch]"):
            for text in re.findall(r'"((?:[^"\\\n]|\\.)*)"',
                                   path.read_text(encoding="utf-8")):
                found.update(NAME.findall(text))
    return found


def unknown(names):
    have = known()
    return sorted(name for name in set(names)
                  if name not in have and SERIES.sub("", name) not in have)


def expressions():
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [target["expr"] for panel in dashboard["panels"]
            for target in panel["targets"]]


def as_rules(texts, where):
    """Expressions in a form that promtool judges."""
    lines = ["groups:", "- name: dashboard", "  rules:"]
    for n, text in enumerate(texts):
        text = text.replace("$__rate_interval", "5m")
        lines += [f"  - record: panel:{n}", f"    expr: {json.dumps(text)}"]
    where.write_text("\n".join(lines) + "\n", encoding="ascii")
    return where


def test_promtool_takes_the_rules():
    for words in (("check", "rules", RULES),
                  ("test", "rules", PROMETHEUS / "hx-gate.rules.test.yml"),
                  ("check", "config", "--syntax-only",
                   PROMETHEUS / "prometheus.yml")):
        said = promtool(*words)
        assert said.returncode == 0, said.stdout


def test_the_tests_of_the_rules_can_fail(tmp_path):
    """A higher threshold is seen."""
    text = RULES.read_text(encoding="utf-8")
    assert "> 0.02" in text
    (tmp_path / RULES.name).write_text(text.replace("> 0.02", "> 0.2"),
                                       encoding="utf-8")
    tests = tmp_path / "tests.yml"
    tests.write_text((PROMETHEUS / "hx-gate.rules.test.yml").read_text())
    said = promtool("test", "rules", tests, cwd=tmp_path)
    assert said.returncode != 0 and "HXGateServerErrors" in said.stdout


def test_what_the_rules_name_exists():
    names = NAME.findall(RULES.read_text(encoding="utf-8"))
    assert len(set(names)) > 20
    assert unknown(names) == []
    assert unknown(["hx_gate_requests_totals"]) == ["hx_gate_requests_totals"]


def test_every_alert_says_what_to_do():
    text = RULES.read_text(encoding="utf-8")
    runbook = (PROMETHEUS / "README.md").read_text(encoding="utf-8")
    headings = {line[4:].lower() for line in runbook.splitlines()
                if line.startswith("### ")}
    alerts = re.split(r"^ +- alert: ", text, flags=re.M)[1:]
    assert len(alerts) > 20
    for alert in alerts:
        assert re.search(r"severity: (page|ticket)\b", alert), alert
        where = re.search(r'runbook: "README.md#(\w+)"', alert)
        assert where and where[1] in headings, alert


def test_dashboard(tmp_path):
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)) > 10
    texts = expressions()
    assert unknown(NAME.findall(" ".join(texts))) == []
    said = promtool("check", "rules", as_rules(texts, tmp_path / "rules.yml"))
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("text", ["rate(hx_gate_requests_total)", "sum(("])
def test_promtool_finds_a_wrong_expression(tmp_path, text):
    said = promtool("check", "rules", as_rules([text], tmp_path / "rules.yml"))
    assert said.returncode != 0
