"""What a fleet on Redis has to do, whatever the machine is busy with: part of
"make test", so nothing here depends on time but for patience."""

import pytest

from conftest import until
from fleet import Fleet, stranger

PATIENCE = 20


@pytest.fixture(scope="module")
def fleet(new_dir):
    with Fleet(new_dir(), "redis", nodes=2, workers=2,
               times={"connect_timeout": "2s", "timeout": "2s",
                      "max_stale": "2s", "resync": "200ms"},
               http="hx_gate_rate_limit off;") as made:
        yield made.wait_ready()
        assert not made.bad_lines()


def unavailable(answer):
    assert answer.status == 503
    assert answer.body["error"] == "unavailable"
    assert int(answer.headers["Retry-After"]) >= 1


def test_what_one_node_has_answered_the_other_knows(fleet):
    """A new key, a rotated one, a deleted tenant: at once, on any node."""
    a, b = fleet
    for n in range(10):
        name = f"follow-{n}"
        old = a.create(name)
        assert b.status(old) == 200
        new = b.rotate(name)
        assert b.status(old) == 401 and b.status(new) == 200
        until(lambda key=old: a.status(key) == 401, PATIENCE, "it is revoked")
        assert a.status(new) == 200
        a.change("suspend", name)
        assert b.change("activate", name).body["status"] == "active"
        a.change("delete", name)
        assert b.admin("GET", f"admin/tenants/{name}").status == 404


def test_strangers(fleet):
    for node in fleet:
        assert node.status(stranger()) == 401


def test_messages_are_lost(fleet):
    """The clock does what they would have done."""
    a, b = fleet
    key = a.create("mute")
    assert b.status(key) == 200
    with b.proxy.fault("mute"):
        a.rotate("mute")
        until(lambda: b.status(key) == 401, PATIENCE, "it is revoked")


def test_redis_is_away(fleet):
    """Known keys until max_stale; strangers and changes are told to wait, and
    nobody is told that he is unknown."""
    a, b = fleet
    key = a.create("away")
    assert b.status(key) == 200
    with b.proxy.fault("refuse", "reset"):
        unavailable(b.use(stranger()))
        unavailable(b.admin("POST", "onboard/create", {"tenant_id": "never"}))
        until(lambda: b.status(key) == 503, PATIENCE, "it is too old")
        unavailable(b.use(key))
        assert b.ask("GET", "/ready").status == 503
        assert b.ask("GET", "/open/x").status == 200
        assert a.status(key) == 200
        new = a.rotate("away")
    until(lambda: b.status(new) == 200, PATIENCE, "it is back")

    # a key that a worker knew is "unavailable" to it until it has heard anew
    def ended():
        status = b.status(key)
        assert status in (401, 503)
        return status == 401
    until(ended, PATIENCE, "the old key has ended")
    until(b.ready, PATIENCE, "it is ready")
    assert "never" not in a.tenants()


def test_a_redis_that_is_empty(new_dir):
    """Nobody becomes a stranger, and a replica is not thrown away for it."""
    with Fleet(new_dir(), "redis", nodes=1,
               times={"max_stale": "1s", "resync": "100ms"}) as fleet:
        node = fleet.wait_ready()[0]
        key = node.create("kept")
        assert node.status(key) == 200
        fleet.redis.ask("FLUSHALL")
        until(lambda: node.status(key) == 503, PATIENCE, "it is too old")
        unavailable(node.use(stranger()))
        assert any("has lost the registry" in line
                   for line in node.errors("error"))


def test_a_redis_that_is_another_one(new_dir):
    """Nearly empty, with an epoch of its own: not followed either, until the
    operator says so."""
    with Fleet(new_dir(), "redis", nodes=1,
               times={"max_stale": "1s", "resync": "100ms"}) as fleet:
        node = fleet.wait_ready()[0]
        keys = [node.create(f"kept-{n}") for n in range(12)]
        prefix = "{hx-gate}:"
        for name in ("meta", "keys", "tenants", "billing", "log"):
            fleet.redis.ask("DEL", prefix + name)
        fleet.redis.ask("SET", prefix + "epoch", "3-00000000000000aa")
        fleet.redis.ask("XADD", prefix + "log", "3-1", "t", "00000000000000aa",
                        "p", "2-00000000000000aa", "w", "x")
        until(lambda: node.status(keys[0]) == 503, PATIENCE, "it is too old")
        unavailable(node.use(stranger()))
        unavailable(node.admin("GET", "admin/tenants/nobody"))
        assert any("it has 0 tenants of 13" in line
                   for line in node.errors("error"))


def test_a_replica_that_never_was_where_redis_is(new_dir):
    """Its list of tenants is empty, and that is not to be told."""
    with Fleet(new_dir(), "redis", nodes=1, options="on_error=open",
               times={"resync": "100ms", "connect_timeout": "1s",
                      "timeout": "1s"}) as fleet:
        node = fleet.wait_ready()[0]
        key = node.create("known")
        node.stop()
        for file in (node.directory / "replica").iterdir():
            file.unlink()
        fleet.do("refuse")
        node.start()
        unavailable(node.use(key))
        unavailable(node.admin("GET", "admin/tenants"))
        fleet.do("pass")
        until(lambda: node.status(key) == 200, PATIENCE, "it is back")
        assert "known" in node.tenants()


@pytest.mark.parametrize("sync", ["strict", "lease"])
def test_one_window_for_all_nodes(new_dir, sync):
    """N in all, whichever node is asked, and not one more."""
    with Fleet(new_dir(), "redis", nodes=2,
               times={"connect_timeout": "5s", "timeout": "5s"},
               http=f"hx_gate_rate_limit on sync={sync} on_error=closed;"
               ) as fleet:
        fleet.wait_ready()
        for n in (1, 7, 250):
            key = fleet[0].create(f"n-{n}")
            fleet[0].limit(f"n-{n}", n, 600)
            until(lambda n=n: fleet[1].tenants()[f"n-{n}"]["rate_limit"]
                  ["requests"] == n, PATIENCE, "the limit is known")
            answers = [fleet[i % 2].use(key) for i in range(2 * n + 20)]
            taken = sum(answer.status == 200 for answer in answers)
            assert {answer.status for answer in answers} == {200, 429}
            assert taken <= n
            # a lease that is unused on the other node is nobody's
            assert taken == n if sync == "strict" or n <= 100 \
                else taken >= n - n // 8
            last = answers[-1]
            assert last.status == 429
            assert int(last.headers["Retry-After"]) >= 1
            assert last.headers["X-RateLimit-Limit"] == str(n)
            assert last.headers["X-RateLimit-Remaining"] == "0"
