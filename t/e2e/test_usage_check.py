"""The judge of audit trails is itself judged: by a doctored one for each thing
that must not be."""

import json

import pytest

from usage_check import Ledger


def line(request_id, **more):
    record = {"ts": "2026-01-31T23:59:59.999Z", "tenant_id": "acme",
              "method": "GET", "path": "/v1/list/default",
              "namespace": "default", "status": 200, "cus": 0.1,
              "latency_ms": 1, "request_id": request_id}
    record.update(more)
    return json.dumps(record, separators=(",", ":")) + "\n"


def sums_of(tmp_path, *lines):
    path = tmp_path / "audit.jsonl"
    path.write_text("".join(lines))
    return dict(Ledger(path).finish().sums)


def test_sums(tmp_path):
    assert sums_of(
        tmp_path, line("a"), line("b"),
        line("c", method="POST", path="/v1/put", cus=1.0),
        line("d", ts="2026-02-01T00:00:00.000Z"),
        line("e", tenant_id="other", path="/v1/report/x", cus=12.3),
        line("f", status=404, cus=0.0),
        line("g", status=401, cus=0.0, tenant_id=None),
        line("h", path="/gate/admin/tenants", cus=0.0, tenant_id=None),
    ) == {("acme", "2026-01", "list"): 2, ("acme", "2026-01", "put"): 10,
          ("acme", "2026-02", "list"): 1, ("other", "2026-01", "report"): 123}


def test_refusals(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_text(line("a", status=429, cus=0.0) + line("b"))
    assert Ledger(path).finish().refused == {("acme", "2026-01"): 1}


def test_only_what_is_whole_is_read(tmp_path):
    path = tmp_path / "audit.jsonl"
    ledger = Ledger(path)
    assert len(ledger.read()) == 0
    path.write_text(line("a") + line("b")[:50])
    assert len(ledger.read()) == 1
    path.write_text(line("a") + line("b"))
    assert len(ledger.read()) == 2
    assert ledger.usage("acme", "2026-01") == {"list": 2}
    assert ledger.months() == ["2026-01"]


def test_what_a_kill_has_cut(tmp_path):
    path = tmp_path / "audit"
    for cut in 1, 7, 34, 70, -9:
        path.write_text(line("a")[:cut] + "\n" + line("b") + line("a"))
        assert len(Ledger(path).finish()) == 2


@pytest.mark.parametrize("lines", [
    pytest.param([line("a"), line("a")], id="twice"),
    pytest.param([line("a")[:70] + line("b")], id="torn"),
    pytest.param([line("a")[:-3] + "\n", line("b")], id="a fragment"),
    pytest.param([line("a"), line("a")[:-3] + "\n"], id="one behind it"),
    pytest.param(["ts\n", line("b")], id="no beginning"),
    pytest.param([line("a"), "\n", line("b")], id="an empty line"),
    pytest.param([line("a").rstrip()], id="no end"),
    pytest.param([line("a", cus=0.2)], id="a wrong price"),
    pytest.param([line("a", status=500)], id="a charge for nothing"),
    pytest.param([line("a", cus=0.0)], id="nothing for a service"),
    pytest.param([line("a", tenant_id=None)], id="a charge to nobody"),
    pytest.param([line("a", cus=1)], id="no decimal"),
    pytest.param([line("a", more=1)], id="another member"),
    pytest.param(["[]\n"], id="no object"),
])
def test_what_must_not_be(tmp_path, lines):
    with pytest.raises(AssertionError):
        sums_of(tmp_path, *lines)
