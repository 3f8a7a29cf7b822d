"""The judges of t/chaos, with what is right and what is not."""

import pytest

import verdict
from verdict import LOST, RACES, Ask

RULES = {"calm": ((), False), "engine": ((502, 503), True)}


def ask(status, phase="calm", foreign=False, end=None, name="r1"):
    return Ask(name, "acme", "put", foreign, (phase,), status, end)


@pytest.mark.parametrize("good", [
    ask(200), ask(401, foreign=True), ask(403, foreign=True),
    ask(502, "engine"), ask(503, "engine", foreign=True),
    ask(None, "engine", end=LOST), ask(None, end=RACES)])
def test_what_may_be(good):
    assert verdict.failures([good], RULES) == []


@pytest.mark.parametrize("bad", [
    ask(502), ask(403), ask(200, foreign=True), ask(404), ask(504, "engine"),
    ask(None, end=LOST)])
def test_what_may_not_be(bad):
    assert len(verdict.failures([bad], RULES)) == 1


def test_a_request_across_two_phases_may_do_what_either_may():
    across = Ask("r", "acme", "get", False, ("calm", "engine"), 502)
    assert verdict.failures([across], RULES) == []


def test_foreign_access():
    assert verdict.entered([ask(403, foreign=True), ask(200)]) == []
    for status in 200, 204, 304:
        assert verdict.entered([ask(status, foreign=True)])


def test_acknowledged_puts():
    wanted = {"a": {"1"}, "b": {"1", "2"}, "c": {None, "3"}}
    good = {"a": "1", "b": "2", "c": None}
    assert verdict.unreadable(wanted, good) == []
    for key, value in ("a", None), ("a", "2"), ("b", None), ("c", "4"):
        assert len(verdict.unreadable(wanted, {**good, key: value})) == 1
    assert len(verdict.unreadable(wanted, {"a": "1", "b": "2"})) == 1


def test_records_and_answers():
    asks = [ask(200), ask(None, "engine", end=LOST, name="r2")]
    status = {"r1": 200, "r2": 502}
    tenants = {"r1": "acme", "r2": "acme", "r3": "acme", "h": "hostile"}
    assert verdict.unrecorded(asks, status) == []
    assert verdict.unrecorded(asks, {"r2": 502})
    assert verdict.unrecorded(asks, {"r1": 499})
    assert verdict.unasked({**status, "h": 200}, tenants, {"r1", "r2"},
                           {"hostile"}) == []
    assert verdict.unasked({**status, "r3": 200}, tenants, {"r1", "r2"},
                           {"hostile"})
    assert verdict.ran([ask(None, end=RACES)], {}) == []
    assert verdict.ran([ask(None, end=RACES)], {"r1": 200})


@pytest.mark.parametrize("answered,lost,right", [
    (2, 0, True), (1, 1, True), (3, 0, False), (1, 0, False), (0, 1, False)])
def test_records_that_are_counted(answered, lost, right):
    status = {"a": 200, "b": 200, "c": 200}
    tenants = {"a": "t", "b": "t", "c": "other"}
    assert right == (verdict.miscounted(status, tenants, "t", answered,
                                        lost) == [])


@pytest.mark.parametrize("seen,right", [
    ([("a", "t", "/n")], True),
    ([("a", "t", "/n"), ("a", "t", "/n")], False),
    ([("smuggled", "t", "/n")], False),
    ([("a", "other", "/n")], False),
    ([("a", "t", "/m")], False),
    ([("refused", "t", "/n")], False)])
def test_what_reaches_the_engine(seen, right):
    records = {"a": ("t", "/n", 200), "refused": ("t", "/n", 403)}
    assert right == (verdict.unauthorised(seen, records, {"b"}) == [])


def test_what_reaches_the_engine_of_a_gate_that_is_killed():
    assert verdict.unauthorised([("b", "t", "/")], {}, {"b"}) == []
    assert verdict.unauthorised([("b", "t", "/")] * 2, {}, {"b"})


def test_charges():
    assert verdict.misbilled({"a": 10, "b": 0}, {"a": 10}) == []
    assert verdict.misbilled({"a": 11}, {"a": 10})
    assert verdict.misbilled({}, {"a": 10})
    amended = [("a", 10), ("a", 0), ("b", 0), (None, 0), ("a", 5)]
    assert verdict.charges(amended) == {"a": 15}


def test_growth():
    first = {"gate": (10_000, 40)}
    assert verdict.grown(first, {"gate": (11_000, 42)}) == []
    assert verdict.grown(first, {"gate": (30_000, 42)})
    assert verdict.grown(first, {"gate": (11_000, 80)})


@pytest.mark.parametrize("quiet,hostile,right", [
    ([10, 10.2, 10.1, 10], [10.5, 10.9, 10.2], True),
    ([10, 10.2, 10.1, 10], [12, 12.5, 12.2], False),
    ([10, 13, 10, 13], [14, 14, 14], True),      # as noisy without
    ([10, 13, 10, 13], [16, 16, 16], False)])
def test_the_wait_of_others(quiet, hostile, right):
    assert right == (verdict.slower(quiet, hostile)[3] == [])
