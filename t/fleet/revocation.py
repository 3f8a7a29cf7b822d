"""Rotates one tenant's key again and again, on each node in turn, while clients
use the old and the new one on all nodes: how long does the old one live?"""

import time
from collections import deque

from fleet_load import percentiles, statuses, use_after

BACKGROUND = 100            # tenants that are not touched
HEAVY = 1500                # of a key that is rotated; the background has 2000
LIGHT = 150                 # of one that should be dead for long
SECOND = 1_000_000_000


class Revocations:
    """What came of it; times in ms."""

    def __init__(self, records, rounds, background):
        self.records = records
        # [(old slot, new slot, when it was asked for, when answered)]
        self.rounds = rounds
        self.after = [use_after(records, old, when)
                      for old, _, _, when in rounds]
        self.surely = percentiles([sure for sure, _ in self.after])
        self.at_most = percentiles([most for _, most in self.after])
        self.background = statuses(
            records[[slot in background for slot in records["slot"]]])

    def of_new_keys(self):
        """Statuses of requests with a key that ended before anybody asked to
        rotate it away; all were sent after the 2xx of the call that made it."""
        found = {}
        ends = {old: asked for old, _, asked, _ in self.rounds}
        for _, new, _, _ in self.rounds:
            mine = self.records[(self.records["slot"] == new)
                                & (self.records["got"] < ends.get(new, 2**63))]
            for status, count in statuses(mine).items():
                found[status] = found.get(status, 0) + count
        return found


def revoke(fleet, rounds, rate, pause, keep=1.5):
    """So many rotations, one every "pause" seconds; an old key is tried at
    full rate until the next, then a little until "keep" seconds have gone."""
    others = [fleet[n % len(fleet.nodes)].create(f"other-{n}")
              for n in range(BACKGROUND)]
    key = fleet[0].create("rotated")
    time.sleep(0.2)
    done, old_ones = [], deque()
    with fleet.load(rate) as load:
        background = {load.add(other, weight=20) for other in others}
        slot = load.add(key, weight=HEAVY)
        time.sleep(1)
        for n in range(rounds):
            asked = time.monotonic_ns()
            answer = fleet[n % len(fleet.nodes)].change("rotate-key",
                                                        "rotated")
            new = load.add(answer.body["api_key"], weight=HEAVY)
            done.append((slot, new, asked, answer.when))
            time.sleep(pause)
            load.weight(slot, LIGHT)
            old_ones.append((slot, answer.when + int(keep * SECOND)))
            while old_ones and old_ones[0][1] < time.monotonic_ns():
                load.weight(old_ones.popleft()[0], 0)
            slot = new
        time.sleep(max(0, keep - pause))
        records = load.stop()
    return Revocations(records, done, background)
