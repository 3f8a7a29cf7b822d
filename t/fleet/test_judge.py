"""The judge, with doctored records."""

import numpy as np
import pytest

from fleet_load import RECORD, use_after
from judge import (SECOND, added_p99, longest, of, overshoot, recovery,
                   steady_p99, without_retry_after)

MS = 1_000_000


def records(*rows):
    """(sent in ms, delay in ms, status, slot, node, retry_after), the last
    three are 0 by default."""
    made = np.zeros(len(rows), RECORD)
    for record, row in zip(made, rows):
        sent, delay, status, slot, node, retry, *_ = (*row, 0, 0, 0)
        record["due"] = record["sent"] = sent * MS
        record["got"] = (sent + delay) * MS
        record["status"], record["slot"] = status, slot
        record["node"], record["retry_after"] = node, retry
    return made


def test_of():
    made = records((1, 1, 200, 0, 0), (2, 1, 200, 1, 1), (3, 1, 200, 2, 2))
    assert list(of(made, 0, 2)["sent"]) == [1 * MS, 3 * MS]
    assert list(of(made, node=1)["sent"]) == [2 * MS]
    assert len(of(made, 0, node=1)) == 0 and len(of(made)) == 3


def test_added_p99():
    slow = [(t, 1 if t < 3000 else 3, 200) for t in range(0, 6000, 5)]
    hiccup = [(t, 100, 200) for t in range(500, 800, 5)]
    made = records(*slow, *hiccup)
    assert steady_p99(made, 0, 3 * SECOND) == pytest.approx(1)
    assert added_p99(made, (0, 3 * SECOND),
                     (3 * SECOND, 6 * SECOND)) == pytest.approx(2)
    assert longest(made, 0, 6 * SECOND) == pytest.approx(100)
    assert longest(made, 3 * SECOND, 6 * SECOND) == pytest.approx(3)
    assert steady_p99(made, 7 * SECOND, 9 * SECOND) == 0


def test_recovery():
    made = records((10, 1, 503), (20, 1, 503), (30, 1, 200), (40, 1, 0),
                   (50, 1, 401))
    assert recovery(made, 5 * MS, 200, 401) == 35
    assert recovery(made, 20 * MS, 200, 401, 0) == 0
    assert recovery(made, 21 * MS, 200, 401, 0) == 0
    assert recovery(made, 5 * MS, 200) == 45


def test_without_retry_after():
    made = records((1, 1, 503, 0, 0, 1), (2, 1, 503), (3, 1, 429), (4, 1, 200))
    assert without_retry_after(made) == 2


def test_overshoot():
    kept = [(t, 5, 200) for t in range(0, 5000, 100)]       # 10 a second
    assert overshoot(records(*kept), 10, 1) == 0
    assert overshoot(records(*kept, (205, 5, 200)), 10, 1) == 1
    assert overshoot(records(*kept, (205, 5, 429)), 10, 1) == 0
    assert overshoot(records(*kept), 8, 1) == 2


def test_use_after():
    made = records((10, 5, 200), (20, 5, 200), (30, 5, 401), (31, 5, 200, 1))
    assert use_after(made, 0, 12 * MS) == (8, 13)
    assert use_after(made, 0, 20 * MS) == (0, 0)
    assert use_after(made, 2, 0) == (0, 0)
