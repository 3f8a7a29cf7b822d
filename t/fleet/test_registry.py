"""One registry of all nodes: what one node is told, the others do."""

import random
import threading
import time

import pytest

from conftest import BACKEND, until
from fleet import Fleet, figure
from fleet_load import delays, percentiles
from revocation import revoke

FOLLOW = 1.0            # seconds, for what is not a revocation under load


@pytest.fixture(scope="module")
def fleet(new_dir):
    with Fleet(new_dir(), BACKEND) as made:
        yield made.wait_ready()
    assert not made.bad_lines()


def followed(fleet, told, what):
    """told(node) comes true on every node."""
    for node in fleet:
        until(lambda n=node: told(n), FOLLOW, f"{what} on node {node.number}")


def test_every_change_is_followed(fleet):
    first, second, third = fleet
    key = first.create("changes")
    assert [node.status(key) for node in fleet] == [200] * 3
    other = "/v1/list/other"
    assert [node.status(key, other) for node in fleet] == [403] * 3

    second.change("add-namespace", "changes", namespace="other")
    followed(fleet, lambda n: n.status(key, other) == 200, "namespace")
    third.change("remove-namespace", "changes", namespace="other")
    followed(fleet, lambda n: n.status(key, other) == 403, "namespace gone")

    first.change("suspend", "changes")
    followed(fleet, lambda n: n.status(key) == 403, "suspended")
    second.change("activate", "changes")
    followed(fleet, lambda n: n.status(key) == 200, "active")

    third.change("update-tier", "changes", plan="builder")
    followed(fleet, lambda n: n.tenants()["changes"]["plan"] == "builder",
             "plan")

    new = first.rotate("changes")
    assert [node.status(new) for node in fleet] == [200] * 3
    followed(fleet, lambda n: n.status(key) == 401, "rotated")

    newer = second.rotate("changes", grace_s=3600)
    assert [node.status(newer) for node in fleet] == [200] * 3
    assert [node.status(new) for node in fleet] == [200] * 3

    third.change("delete", "changes")
    followed(fleet, lambda n: n.status(newer) == 401, "deleted")
    assert "changes" not in fleet.agree()


def test_a_new_key_works_at_once(fleet, quick):
    """Everywhere, when the call is answered: never 401."""
    rng = random.Random(1)
    rounds = 30 if quick else 150
    took = []
    for n in range(rounds):
        made, *others = rng.sample(fleet.nodes, 3)
        key = made.create(f"at-once-{n}")
        for node in others:
            began = time.monotonic()
            assert node.status(key) == 200, n
            took.append((time.monotonic() - began) * 1000)
        key = others[0].rotate(f"at-once-{n}")
        assert made.status(key) == others[1].status(key) == 200, n
    figure("first use of a new key on another node, p99",
           percentiles(took)[1])


class Changer(threading.Thread):
    """Changes on one node; what it was told that it has done."""

    def __init__(self, node, names, seed):
        super().__init__()
        self.node = node
        self.names = names
        self.rng = random.Random(seed)
        self.made, self.spaces = [], []
        self.refused = self.busy = 0
        self.error = None

    def call(self, what, body, wanted):
        """True: done; False: no (409).  Busy is told as 503, to be tried
        again."""
        while True:
            answer = self.node.admin("POST", f"onboard/{what}", body,
                                     fresh=True)
            if answer.status == 503:
                assert int(answer.headers["Retry-After"]) >= 1
                self.busy += 1
                time.sleep(0.05)
                continue
            assert answer.status in (wanted, 409), answer.body
            return answer.status == wanted

    def run(self):
        try:
            for name in self.names:
                if self.call("create", {"tenant_id": name}, 201):
                    self.made.append(name)
                else:
                    self.refused += 1
                space = f"{self.node.number}-{self.rng.randrange(10 ** 9)}"
                body = {"tenant_id": "shared", "namespace": space}
                assert self.call("add-namespace", body, 200)
                self.spaces.append(space)
        except Exception as error:      # for the thread that waits
            self.error = error


def test_changes_on_three_nodes_at_once(fleet, quick):
    """None is lost, each name is given once, all end up with the same."""
    fleet[0].create("shared")
    count = 20 if quick else 75
    names = [f"same-{n}" for n in range(count)]
    changers = [Changer(node, names, node.number) for node in fleet]
    for changer in changers:
        changer.start()
    for changer in changers:
        changer.join()
    assert [c.error for c in changers] == [None] * 3
    told = fleet.agree()
    made = [name for changer in changers for name in changer.made]
    assert sorted(made) == sorted(names)
    assert sum(c.refused for c in changers) == 2 * count
    spaces = [space for changer in changers for space in changer.spaces]
    assert set(told["shared"]["namespaces"]) == {"default", *spaces}
    assert len(spaces) == 3 * count
    assert set(names) <= set(told)
    figure("changes at once on three nodes, told to try again",
           sum(c.busy for c in changers), unit=f"of {6 * count}")


def test_revocation_under_load(fleet, quick):
    """After the 2xx the old key is dead everywhere within 100 ms (p99)."""
    found = revoke(fleet, 40 if quick else 200, 5000, 0.1)
    for name, value, target in zip(("p50", "p99", "max"), found.at_most,
                                   ("", "<= 100", "<= 1000")):
        figure(f"use of a rotated key after the 2xx, {name}", value, target)
    figure("requests a second meanwhile, answered",
           float(found.records["status"].astype(bool).sum() / (
               (found.records["got"].max() - found.records["due"].min())
               / 1e9)), unit="/s")
    figure("latency under that load, p99",
           percentiles(delays(found.records))[1])
    assert found.surely[1] <= 100
    assert found.surely[2] <= 1000
    assert found.background.keys() == {200}


def test_a_rotated_key_under_load(fleet, quick):
    """The new one is never refused, on no node."""
    found = revoke(fleet, 20 if quick else 100, 5000, 0.1, eager=True)
    new = found.of_new_keys()
    figure("requests with a new key, refused",
           sum(new.values()) - new.get(200, 0), "0",
           f"of {sum(new.values())}")
    assert new.keys() == {200}, new
    assert found.surely[2] <= 1000
    assert found.background.keys() == {200}
