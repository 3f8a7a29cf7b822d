"""What the records of a load say about a fault: pure, judged from outside.
Times are those of the records, ns of the monotonic clock; results in ms."""

import numpy as np

from fleet_load import between, delays
from limit_check import overshoots

SECOND = 1_000_000_000
WIDTH = SECOND // 2


def of(records, *slots, node=None, nodes=None):
    """The records of slots (of all, if none is said), on some nodes."""
    found = records
    if slots:
        found = found[np.isin(found["slot"], slots)]
    if node is not None:
        nodes = [node]
    if nodes is not None:
        found = found[np.isin(found["node"], list(nodes))]
    return found


def steady_p99(records, begin, end):
    """The median of the 99th percentiles of half seconds: one hiccup of the
    machine is no property of the gate."""
    each = []
    for at in range(begin, end - WIDTH + 1, WIDTH):
        part = between(records, at, at + WIDTH)
        if len(part):
            each.append(np.percentile(delays(part), 99))
    return float(np.median(each)) if each else 0.0


def added_p99(records, before, during):
    """How much later answers come; before and during: (begin, end)."""
    return steady_p99(records, *during) - steady_p99(records, *before)


def longest(records, begin, end):
    """The longest time that an answer took."""
    part = between(records, begin, end)
    return float(delays(part).max()) if len(part) else 0.0


def recovery(records, when, *good):
    """How long after "when" the last request was sent that did not get a good
    status; 0: all did."""
    later = records[records["sent"] >= when]
    bad = later[~np.isin(later["status"], good)]
    return (int(bad["sent"].max()) - when) / 1e6 if len(bad) else 0.0


def without_retry_after(records):
    """Refusals of 429 and 503 that do not say when to come again."""
    refused = records[np.isin(records["status"], (429, 503))]
    return int((refused["retry_after"] == 0).sum())


def overshoot(records, limit, window_s):
    """By how many requests a limit was exceeded in the worst interval of its
    length; whoever is accused is guilty."""
    mine = records[records["status"] == 200]
    found = overshoots(list(zip(mine["sent"].tolist(), mine["got"].tolist())),
                       limit, int(window_s * SECOND))
    return max((count for _, count in found), default=limit) - limit
