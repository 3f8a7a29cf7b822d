"""The registry in Redis, when messages are lost, nodes cut off, and Redis is
down, empty or asked for keys that nobody has."""

import shutil
import threading
import time

import pytest

from conftest import until
from fleet import AGE, Fleet, figure, stranger
from fleet_load import between, percentiles, statuses
from judge import SECOND, added_p99, of, recovery, without_retry_after
from own_nginx import give
from revocation import revoke

MAX_STALE = 4           # seconds, where a test waits for it
RESYNC = 1              # seconds


@pytest.fixture(scope="module")
def fleet(new_dir):
    with Fleet(new_dir(), "redis") as made:
        yield made.wait_ready()
    assert not made.bad_lines()


@pytest.fixture
def own_fleet(new_dir):
    """A fleet of a test's own, that may break it; stale after 4 s."""
    with Fleet(new_dir(), "redis",
               times={"max_stale": f"{MAX_STALE}s"}) as made:
        yield made.wait_ready()
    assert not made.bad_lines()


def unavailable(answer):
    """503 that says when to come again, as JSON."""
    assert answer.status == 503, (answer.status, answer.body)
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.body["error"] == "unavailable"
    return True


def test_revocation_without_messages(fleet, quick):
    """Every push message is lost: resync (1 s) and 100 ms."""
    with fleet.fault("mute"):
        found = revoke(fleet, 8 if quick else 40, 5000, 0.1)
        muted = sum(proxy.stat()["muted"] for proxy in fleet.proxies)
    for name, value in zip(("p50", "p99", "max"), found.at_most):
        figure(f"use of a rotated key, push messages lost, {name}", value,
               "<= 1100" if name == "max" else "")
    assert muted > 0
    # if not, it is not the messages that keys are revoked by
    assert found.surely[2] >= 100
    assert found.surely[2] <= 1100
    assert found.background.keys() == {200}


def test_revocation_when_the_push_connection_was_cut(fleet, quick):
    """Between its end and the next one nothing is missed."""
    key = fleet[0].create("cut-push")
    worst = 0.0
    for _ in range(3 if quick else 10):
        assert [node.status(key) for node in fleet] == [200] * 3
        fleet.do("cut push")
        answer = fleet[0].change("rotate-key", "cut-push")
        until(lambda k=key: all(n.status(k) == 401 for n in fleet), 3,
              "the old key is dead everywhere")
        worst = max(worst, (time.monotonic_ns() - answer.when) / 1e6)
        key = answer.body["api_key"]
        time.sleep(1.2)
    figure("use of a rotated key, push connection cut, max", worst, "<= 1100")
    assert worst <= 1100


def test_a_node_cut_off(own_fleet):
    """It serves until max_stale, then 503; never 401, 403, 500; and it says
    how old its knowledge is."""
    fleet, cut = own_fleet, own_fleet[2]
    keys = [fleet[0].create(f"cut-{n}") for n in range(20)]
    old = fleet[0].create("cut-rotated")
    ages, stop = [], threading.Event()

    def sample():
        while not stop.wait(0.2):
            ages.append((time.monotonic(), cut.metrics()[AGE]))

    with fleet.load(900) as load:
        known = [load.add(key) for key in keys]
        old_slot = load.add(old)
        time.sleep(1.5)
        watcher = threading.Thread(target=sample)
        watcher.start()
        try:
            with cut.proxy.fault("drop"):
                begin = time.monotonic_ns()
                time.sleep(0.3)
                new = fleet[0].rotate("cut-rotated")
                new_slot = load.add(new)
                time.sleep(MAX_STALE + 1.5)
        finally:
            stop.set()
            watcher.join()
        end = time.monotonic_ns()
        time.sleep(2.5)
        records = load.stop()

    others = of(records, *known, nodes=[0, 1])
    assert statuses(others) == {200: len(others)}
    mine = of(records, *known, node=2)
    served = between(mine, begin,
                     begin + int((MAX_STALE - RESYNC - 0.2) * SECOND))
    assert statuses(served) == {200: len(served)} and len(served) > 100
    stale = between(mine, begin + int((MAX_STALE + 0.3) * SECOND), end)
    assert statuses(stale) == {503: len(stale)} and len(stale) > 50
    assert without_retry_after(of(records, node=2)) == 0
    # a key that it cannot have heard of is no stranger's
    cut_off = between(of(records, new_slot, node=2), begin, end)
    assert set(statuses(cut_off)) == {503}
    assert set(statuses(of(records, new_slot, nodes=[0, 1]))) == {200}

    back = recovery(of(records, *known, new_slot, node=2), end, 200)
    figure("recovery of a node that was cut off", back, "<= 1000")
    assert back <= 1000
    assert recovery(of(records, old_slot, node=2), end, 401) <= 1000

    cut_at = begin / SECOND
    told = [(at - cut_at, age) for at, age in ages if begin / SECOND < at]
    assert len(told) > 10
    for since, age in told:
        assert since - 0.5 <= age <= since + RESYNC + 0.5, (since, age)
    until(lambda: cut.metrics()[AGE] <= RESYNC + 0.5, 3, "it is fresh again")


def test_on_error_open(new_dir):
    """After max_stale keys that are known are served on; others are not."""
    with Fleet(new_dir(), "redis", times={"max_stale": "2s"},
               options="on_error=open") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("open")
        assert fleet[1].status(key) == 200
        with fleet[1].proxy.fault("drop"):
            end = time.monotonic() + 4
            while time.monotonic() < end:
                assert fleet[1].status(key) == 200
                time.sleep(0.05)
            unavailable(fleet[1].use(stranger()))
        assert not fleet.bad_lines()


def empty(node, name):
    shutil.rmtree(node.directory / name)
    (node.directory / name).mkdir(mode=0o700)
    give(node.directory / name)


def test_a_node_starts_while_redis_is_down(own_fleet):
    """Without a replica: 503 until it is back.  With one from before: it
    serves until max_stale."""
    node = own_fleet[1]
    key = own_fleet[0].create("starts")
    until(lambda: node.status(key) == 200, 2, "known")
    for forget in (True, False):
        node.stop()
        if forget:
            empty(node, "replica")
        node.proxy.do("refuse")
        down = time.monotonic()
        node.start()
        assert time.monotonic() - down < 5
        if forget:
            unavailable(node.use(key))
        else:
            assert node.status(key) == 200
            until(lambda: node.status(key) == 503,
                  MAX_STALE + 1 - (time.monotonic() - down), "stale")
        unavailable(node.use(stranger()))
        unavailable(node.use(key))
        assert node.ask("GET", "/health").status == 200
        assert node.ask("GET", "/ready").status == 503
        assert node.ask("GET", "/open/x").status == 200
        answer = node.admin("POST", "onboard/create", {"tenant_id": "never"})
        unavailable(answer)
        node.proxy.do("pass")
        began = time.monotonic()
        until(lambda: node.status(key) == 200, 3, "it is back")
        figure("recovery of a node that started without Redis"
               if forget else "recovery of a node with an old replica",
               (time.monotonic() - began) * 1000, "<= 1000")
        assert time.monotonic() - began < 1.2
        assert node.status(stranger()) == 401
    assert "never" not in own_fleet.agree()


@pytest.mark.parametrize("how", [
    pytest.param("restarted", marks=pytest.mark.long), "flushed"])
def test_redis_is_empty(own_fleet, how):
    """The registry is lost, which makes strangers of nobody: known keys are
    served or told to come again."""
    keys = [own_fleet[0].create(f"emptied-{n}") for n in range(20)]
    with own_fleet.load(600) as load:
        for key in keys:
            load.add(key)
        time.sleep(1)
        if how == "restarted":
            own_fleet.redis.kill()
            own_fleet.redis.start()
        else:
            own_fleet.redis.ask("FLUSHALL")
        time.sleep(MAX_STALE + 2)
        records = load.stop()
    assert set(statuses(records)) <= {200, 503}
    assert without_retry_after(records) == 0
    for node in own_fleet:
        assert node.use(stranger()).status in (401, 503)


def test_a_flood_of_unknown_keys(fleet, quick):
    """Redis is not asked for each of them, and nobody else notices."""
    keys = [fleet[n % 3].create(f"flooded-{n}") for n in range(20)]
    seconds = 3 if quick else 8
    with fleet.load(600) as load:
        known = [load.add(key, weight=10) for key in keys]
        time.sleep(1)
        calm = (time.monotonic_ns(), time.monotonic_ns() + seconds * SECOND)
        idle = sum(p.stat()["commands"] for p in fleet.proxies)
        time.sleep(seconds)
        asked = sum(p.stat()["commands"] for p in fleet.proxies)
        idle = asked - idle
        flood = load.add("?", weight=800)
        load.rate(3000)
        began = time.monotonic_ns()
        time.sleep(seconds)
        ended = time.monotonic_ns()
        asked = sum(p.stat()["commands"] for p in fleet.proxies) - asked
        records = load.stop()
    strangers = of(records, flood)
    assert set(statuses(strangers)) == {401}
    assert set(statuses(of(records, *known))) == {200}
    figure("Redis operations a second, idle", idle / seconds, unit="/s")
    figure("Redis operations for an unknown key, flood of 2,400/s",
           (asked - idle) / len(strangers), "<= 1", "each")
    added = added_p99(of(records, *known), calm, (began, ended))
    figure("added p99 of others in a flood of unknown keys", added, "<= 1")
    assert asked - idle <= len(strangers)
    assert percentiles([added])[2] <= 1


def test_reloads_leave_nothing_behind(fleet, quick):
    """Old workers end, and their connections with them; nobody is refused."""
    node = fleet[0]
    key = node.create("reloaded")
    before = node.proxy.stat()["open"]
    with fleet.load(600) as load:
        load.add(key)
        for _ in range(3 if quick else 10):
            time.sleep(0.5)
            node.reload()
            until(node.settled, 10, "the old worker has ended")
        time.sleep(0.5)
        records = load.stop()
    # an idle connection may be closed as a request comes: nginx's own race
    assert set(statuses(records)) <= {0, 200}
    assert statuses(records).get(0, 0) < len(records) / 50
    until(lambda: node.proxy.stat()["open"] <= before + 1, 5,
          "no connection is left over")


def unreachable(fleet):
    """Nobody gets anywhere: 503 for all that needs the registry."""
    for node in fleet:
        unavailable(node.admin("POST", "onboard/create",
                               {"tenant_id": "nobody"}))
        unavailable(node.use(stranger()))
        assert node.ask("GET", "/ready").status == 503
        assert node.ask("GET", "/health").status == 200


def test_tls(new_dir):
    """The same over TLS: nothing that can be read goes over the wire."""
    with Fleet(new_dir(), "redis", mode="tls") as fleet:
        fleet.wait_ready()
        key = fleet[0].create("safe")
        assert [node.status(key) for node in fleet] == [200] * 3
        new = fleet[1].rotate("safe")
        assert [node.status(new) for node in fleet] == [200] * 3
        until(lambda: all(n.status(key) == 401 for n in fleet), 1, "rotated")
        assert sum(p.stat()["commands"] for p in fleet.proxies) == 0
        assert not fleet.bad_lines()


def test_tls_of_somebody_else(new_dir):
    """A server that is not who it should be is told nothing."""
    with Fleet(new_dir(), "redis", mode="tls", nodes=1,
               server_name="other.example") as fleet:
        unreachable(fleet)
        assert set(fleet.redis.commands()) <= {"info", "ping"}      # ours


@pytest.mark.parametrize("right", [True, False])
def test_password(new_dir, right):
    place = new_dir()
    secret = place / "redis.password"
    secret.touch(0o600)
    secret.write_text("s3cret" if right else "another")
    with Fleet(place / "fleet", "redis", nodes=1, redis_options=[
            "--requirepass", "s3cret"],
            options=f"password=file:{secret}") as fleet:
        if right:
            fleet.wait_ready()
            assert fleet[0].status(fleet[0].create("authentic")) == 200
        else:
            unreachable(fleet)
        for node in fleet:
            log = node.error_log.read_text(errors="replace")
            assert "s3cret" not in log and "another" not in log
