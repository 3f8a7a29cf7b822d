"""The table of faults.  Each is a generator of a place: what is before its
"yield" brings the fault, what is behind takes it away; the load goes on all the
time.  "statuses" are what requests may get meanwhile beside what is right,
"lost" whether they may have no answer at all."""

import os
import signal
import time

from conftest import until
from own_nginx import PATIENCE

NO_ENGINE = (502, 503, 504)
FULL = (503, 507)


def none(_place, _rng):
    yield


def reload(place, _rng):
    for _ in range(6):
        place.gate.reload()
        time.sleep(0.2)
        until(place.gate.settled, 2 * PATIENCE, "a reload is done")
    yield


def rotate(place, _rng):
    for _ in range(8):
        place.rotated.append(place.gate.rotate_log(len(place.rotated) + 1))
        time.sleep(0.2)
    yield


def upgrade(place, _rng):
    for _ in range(2):
        place.gate.upgrade()
        until(place.gate.settled, 2 * PATIENCE, "the upgrade is done")
    yield


def clock(place, rng):
    for step in rng.sample([3600, -3600, -5 * 3600, 40 * 86400, -1.5, 2.5], 4):
        place.clock.set(step)
        time.sleep(0.7)
    yield
    place.clock.set(0)


def worker(place, rng):
    for _ in range(8):
        place.gate.kill_worker(rng)
        until(place.gate.settled, PATIENCE, "all workers are there")
        time.sleep(0.2)
    yield


def master(place, _rng):
    place.gate.kill_master()
    time.sleep(1)               # the workers go on
    place.gate.kill_all()
    yield
    place.gate.start()


def engine(place, _rng):
    for _ in range(4):
        place.engine.kill()
        time.sleep(0.3)
        place.engine.start()
        time.sleep(0.5)
    yield


def engine_restart(place, _rng):
    place.engine.stop()
    yield
    place.engine.start()


def redis_killed(place, _rng):
    place.redis.kill()
    yield
    place.redis.start()


def redis_silent(place, _rng):
    pid = place.redis.pid()
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


def torn(way, times, pause, slow, last):
    """Connections on a way end, again and again, and are slow then."""
    for _ in range(times):
        way.do("cut")
        time.sleep(pause)
    way.do(slow)
    time.sleep(1)
    way.do(last)
    yield
    way.do("pass")


def held(way, *commands):
    for command in commands:
        way.do(command)
    yield
    way.do("pass")


def redis_cut(place, _rng):
    return torn(place.to_redis, 20, 0.05, "throttle 300 down",
                "delay 40 down")


def engine_cut(place, _rng):
    # in the midst of answers
    return torn(place.to_engine, 30, 0.03, "throttle 20000 down", "cut")


def engine_late(place, _rng):
    return held(place.to_engine, "delay 60 down")


def client_cut(place, _rng):
    # in the midst of requests
    return torn(place.to_gate, 20, 0.05, "throttle 20000 up", "cut")


def client_late(place, _rng):
    return held(place.to_gate, "delay 40 up", "delay 40 down")


def filled(disk):
    disk.fill()
    yield
    disk.clear()


def audit_full(place, _rng):
    return filled(place.audit_disk)


def engine_full(place, _rng):
    return filled(place.engine_disk)


# name: (what is done, statuses, lost).  A Redis that is away is no fault that
# a client sees: but a key that nobody knows gets 503 then, not 401.
FAULTS = {
    "calm": (none, (), False),
    "reload": (reload, (), False),
    "rotate": (rotate, (), False),
    "upgrade": (upgrade, (), False),
    "clock": (clock, (), False),
    "worker killed": (worker, (), True),
    "master killed": (master, NO_ENGINE, True),
    "engine killed": (engine, NO_ENGINE, True),
    "engine restarted": (engine_restart, NO_ENGINE, False),
    "redis killed": (redis_killed, (), False),
    "redis silent": (redis_silent, (), False),
    "redis cut, slow": (redis_cut, (), False),
    "engine cut": (engine_cut, NO_ENGINE, True),
    "engine late": (engine_late, (), False),
    "client cut": (client_cut, (499, 400, 408), True),
    "client late": (client_late, (), False),
    "audit disk full": (audit_full, (503,), True),
    "engine disk full": (engine_full, FULL, False),
}
# Who asks with an unknown key may be told to come again while Redis is away.
UNKNOWN_503 = {"redis killed", "redis silent", "redis cut, slow"}
# These last until a client has felt them.
BITES = ("audit disk full", "engine disk full")
ZERO = ("reload", "rotate", "upgrade")
