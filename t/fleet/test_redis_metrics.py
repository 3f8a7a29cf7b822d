"""What a node tells of its Redis: counted by all its workers together."""

import os
import signal
import time

from conftest import until
from fleet import Fleet
from test_redis_quota import known, quotas

REASONS = {"refused", "resolve", "tls", "timeout", "closed", "loading",
           "readonly", "masterdown", "noauth", "protocol", "too_large",
           "redirects", "clusterdown", "no_master", "breaker_open",
           "queue_full", "memory", "shutdown"}


def told(node, name, label=None):
    """A number, or those of a family by its label."""
    found = node.metrics()
    if label is None:
        return found[f"hx_gate_{name}"]
    begin = f'hx_gate_{name}{{{label}="'
    return {series[len(begin):-2]: value for series, value in found.items()
            if series.startswith(begin)}


def test_of_all_workers(new_dir):
    with Fleet(new_dir(), "redis", nodes=1, workers=2,
               http="hx_gate_rate_limit on sync=strict on_error=open;") as fleet:
        fleet.wait_ready()
        node = fleet[0]
        key = node.create("counted")
        headers = {"X-Api-Key": key}
        path = "/v1/list/default"
        before = node.metrics()
        for _ in range(200):
            assert node.ask("GET", path, headers=headers,
                            fresh=True).status == 200
        after = node.metrics()
        for name in ("operations", "replies"):
            name = f"hx_gate_redis_{name}_total"
            assert 200 <= after[name] - before[name] <= 230, name
        assert set(told(node, "redis_failures_total", "reason")) == REASONS
        assert sum(told(node, "redis_failures_total",
                        "reason").values()) == 0
        assert told(node, "redis_connections_total") >= 4
        assert told(node, "redis_breaker_open") == 0
        assert "hx_gate_lease_full_total" not in node.metrics()

        with fleet.redis.stopped():
            for _ in range(10):
                assert node.ask("GET", path, headers=headers,
                                fresh=True).status == 200
            assert told(node, "limit_fallbacks_total", "on_error") == {
                "local": 0, "closed": 0, "open": 10}
            assert told(node, "redis_failures_total", "reason")["timeout"] > 0
            until(lambda: told(node, "redis_breaker_open") == 1, 5,
                  "the breaker opens")
            assert told(node, "redis_breaker_openings_total") >= 1
        until(lambda: told(node, "redis_breaker_open") == 0, 5, "it closes")
        refused = told(node, "redis_failures_total", "reason")
        assert refused["breaker_open"] > 0

        fleet.redis.ask("SET", "{hx-gate:counted}:w", "no window")

        def counted():
            node.status(key)
            return told(node, "redis_error_replies_total") > 0
        until(counted, 5, "an error of Redis")

        # what a worker has counted stays when it dies, also unasked
        operations = told(node, "redis_operations_total")
        node.kill_all()
        node.start()
        until(node.ready, 10, "the node is ready")
        assert told(node, "redis_operations_total") < operations
        assert not fleet.bad_lines()


def test_one_worker_dies(new_dir):
    with Fleet(new_dir(), "redis", nodes=1, workers=2,
               http="hx_gate_rate_limit on sync=strict on_error=local;") as fleet:
        fleet.wait_ready()
        node = fleet[0]
        key = node.create("dies")
        for _ in range(50):
            assert node.status(key) == 200
        before = told(node, "redis_operations_total")
        workers = node.workers()
        os.kill(workers[0], signal.SIGKILL)
        until(lambda: len(node.workers()) == 2 and node.workers() != workers,
              10, "another one")
        node.connection = None
        assert told(node, "redis_operations_total") >= before


def test_leases(new_dir):
    with quotas(new_dir, "lease", nodes=1) as fleet:
        fleet.wait_ready()
        node = fleet[0]
        key = node.create("leased", plan="tight")
        known(fleet, key)
        for _ in range(200):
            assert node.status(key) == 200
        assert told(node, "lease_places", "state") == {
            "used": 1, "free": 16383}

        def given():
            back = told(node, "limit_given_back_total", "what")
            return back["permits"] > 10 and back["tenths"] > 0
        until(given, 8, "what is not needed goes back")
        for name in ("full", "evicted", "recovered"):
            assert told(node, f"lease_{name}_total") == 0
        time.sleep(0.1)
        assert not fleet.bad_lines()
