"""The user of Redis that FLEET.md has: who may do just that can do all."""

import pathlib
import re

import pytest

from conftest import until
from fleet import Fleet

FLEET_MD = pathlib.Path(__file__).parents[2] / "ngx_hx_gate_module/FLEET.md"


def rules():
    """The words of the ACL SETUSER of FLEET.md, after the user's name."""
    text = FLEET_MD.read_text(encoding="utf-8")
    command = re.search(r"^ +ACL SETUSER gates ((?:.+\\\n)*.+)$", text, re.M)
    return command[1].replace("\\\n", " ").replace("<password>",
                                                  ">open-sesame").split()


class Allowed(Fleet):
    """Nodes whose user of Redis has these rights."""

    rights = ()

    def url(self, mode):
        return "redis://gates:open-sesame@{redis}"

    def start(self):
        self.redis.start()
        self.stack.callback(self.redis.stop)
        self.own_redis = False
        self.redis.ask("ACL", "SETUSER", "gates", *self.rights)
        return super().start()

    def denied(self):
        return {entry[7] for entry in self.redis.ask("ACL", "LOG")}


def allowed(directory, rights, sync):
    made = Allowed(directory, "redis", nodes=2, options="resync=1s", http=f"""
                   hx_gate_rate_limit on sync={sync} on_error=closed;
                   hx_gate_billing on;
                   hx_gate_plan paid requests=5000 window=1m quota=1000.0
                                overage=off;""")
    made.rights = rights
    return made


@pytest.mark.parametrize("sync", ["strict", "lease"])
def test_it_is_enough(new_dir, sync):
    with allowed(new_dir(), rules(), sync) as fleet:
        fleet.wait_ready()
        key = fleet[0].create("allowed", plan="paid")
        assert {fleet[n % 2].status(key) for n in range(300)} == {200}
        # usage goes to Redis and comes from there, leases go back meanwhile
        fleet.settle("allowed", 300)
        fleet[1].rotate("allowed")
        until(lambda: fleet[0].status(key) == 401, 20, "it is revoked")
        assert not fleet.denied()
        assert not [line for node in fleet.nodes for line in node.errors()
                    if "NOPERM" in line]


def test_less_is_found(new_dir):
    """What the other test sees when a command is missing."""
    less = [word for word in rules() if word != "+pexpire"]
    with allowed(new_dir(), less, "strict") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("denied", plan="paid")
        assert fleet[0].status(key) == 503
        assert fleet.denied()
