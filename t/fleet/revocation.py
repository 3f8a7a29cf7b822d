"""Rotates one tenant's key again and again, on each node in turn, while clients
use it on all nodes: how long does the old one live, does the new one work at
once?

The two are measured apart.  A node that is asked for a key it does not know
looks whether it has missed something; so while the life of an old key is
measured nobody may use the new one, or one that is dead."""

import time

from conftest import until
from fleet_load import percentiles, statuses, use_after
from judge import of

BACKGROUND = 100            # tenants that are not touched
ROTATED = 3000              # of 5000: weight of the key that is rotated
KNOWN = 0.1                 # seconds until a key in use is known everywhere
PATIENCE = 5


class Revocations:
    """What came of it; times in ms."""

    def __init__(self, records, rounds, background):
        self.records = records
        # [(old slot, new slot, when it was asked for, when answered)]
        self.rounds = rounds
        after = [use_after(records, old, when) for old, _, _, when in rounds]
        self.surely = percentiles([sure for sure, _ in after])
        self.at_most = percentiles([most for _, most in after])
        self.background = statuses(of(records, *background))

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


def revoke(fleet, rounds, rate, pause, eager=False):
    """So many rotations, at least "pause" seconds apart: with the old key in
    use until it is dead everywhere, or, "eager", both it and the new one."""
    others = [fleet[n % len(fleet.nodes)].create(f"other-{n}-{rounds}-{eager}")
              for n in range(BACKGROUND)]
    name = f"rotated-{rounds}-{eager}"
    key = fleet[0].create(name)
    done = []
    with fleet.load(rate) as load:
        background = [load.add(other, weight=20) for other in others]
        slot = load.add(key, weight=ROTATED)
        time.sleep(1)
        for n in range(rounds):
            asked = time.monotonic_ns()
            answer = fleet[n % len(fleet.nodes)].change("rotate-key", name)
            if eager:
                new = load.add(answer.body["api_key"], weight=ROTATED)
            time.sleep(pause)
            until(lambda k=key: all(node.status(k) == 401 for node in fleet),
                  PATIENCE, "the old key is dead everywhere")
            load.weight(slot, 0)
            if not eager:
                new = load.add(answer.body["api_key"], weight=ROTATED)
                time.sleep(KNOWN)
            done.append((slot, new, asked, answer.when))
            slot, key = new, answer.body["api_key"]
        records = load.stop()
    return Revocations(records, done, background)
