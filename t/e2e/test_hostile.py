"""Clients that mean harm (t/chaos/hostile.py), some of each: no process ends,
and what has been passed on was granted once and has its record.  In numbers,
and with a clock, they come in "make chaos"."""

import json
import subprocess
import sys

import pytest

from conftest import TOP, free_port, until
from own_nginx import PATIENCE, LoneGate, Upstream, started

sys.path.append(str(TOP / "t" / "chaos"))
import hostile                          # noqa: E402
from verdict import unauthorised        # noqa: E402

AMOUNTS = {"slow heads": (1, 1), "slow bodies": (1, 1),
           "rapid reset": (1000, 1), "smuggling": (1, 1),
           "malformed": (1500, 1)}


@pytest.fixture(scope="module")
def upstream(state_dirs):
    with started(Upstream(state_dirs())) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(state_dirs, upstream):
    """A gate with a tenant of its own namespace; its TLS port is "tls"."""
    directory = state_dirs()
    directory.mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / "key",
         "-out", directory / "crt", "-days", "2", "-subj", "/CN=localhost"],
        check=True, capture_output=True)
    tls = free_port()
    gate = LoneGate(
        state_dirs(), upstream.port, workers=2,
        audit="{log} durability=write", http="hx_gate_rate_limit off;",
        server=f"""listen 127.0.0.1:{tls} ssl http2;
                   ssl_certificate {directory}/crt;
                   ssl_certificate_key {directory}/key;
                   proxy_next_upstream off;
                   proxy_ignore_client_abort on;""")
    gate.tls = tls
    with started(gate):
        gate.onboard("hostile", namespaces=["hostile"])
        gate.onboard("victim", namespaces=["victim"])
        yield gate


def job(gate, kind, port=None):
    amount, seconds = AMOUNTS[kind]
    return hostile.Job(port or gate.port, gate.tls, gate.keys["hostile"], 1,
                       amount, seconds)


def recorded(gate):
    """{id: (tenant, path, status)}"""
    found = {}
    for line in gate.audit_log.read_text().splitlines():
        record = json.loads(line)
        found[record["request_id"]] = (record["tenant_id"], record["path"],
                                       record["status"])
    return found


@pytest.mark.parametrize("kind", hostile.KINDS)
def test_no_harm(guarded, upstream, kind):
    workers = guarded.workers()
    ends = hostile.KINDS[kind](job(guarded, kind))
    assert ends
    assert not [end for end in ends if str(end).startswith("200 twice")]
    assert guarded.workers() == workers
    assert guarded.admin("GET", "admin/usage/victim")[1]["cus_used"] == "0.0"

    def explained():
        records = recorded(guarded)
        return unauthorised([(name, *records.get(name, ("?", "?"))[:2])
                             for name in upstream.seen()], records) == []
    until(explained, PATIENCE, "all that was passed on has a record")


def test_what_would_be_smuggled_is_seen(guarded, upstream):
    """The same corpus, nobody in its way: ids of hidden requests arrive."""
    hostile.smuggling(job(guarded, "smuggling", upstream.port))
    until(lambda: any(name.startswith("smuggled-")
                      for name in upstream.seen()), PATIENCE, "one of them")
    records = recorded(guarded)
    assert unauthorised([(name, "hostile", "/") for name in upstream.seen()
                         if name.startswith("smuggled-")], records)
