"""Keys that a worker has met before: what it remembers of one format lets
nobody in where another is wanted, and lets nobody in who was let out."""

import hashlib
import json
import os
import subprocess

import pytest
import requests

from conftest import TOP, free_port
from own_nginx import PATIENCE, LoneGate, Upstream, give, started

TOOL = os.environ.get("HX_GATE_REGISTRY",
                      str(TOP / "build" / "hx-gate-registry"))
FOREIGN = "imported-" + "k" * 40        # of no form of ours


def ask(port, key):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://127.0.0.1:{port}/v1/get/default/k",
                           headers={"X-Api-Key": key},
                           timeout=PATIENCE).status_code


@pytest.fixture
def gate(state_dirs):
    """With one server for keys of our form, and one, "any", for all keys."""
    base = state_dirs()
    with started(Upstream(base / "upstream")) as upstream:
        other = free_port()
        gate = LoneGate(base / "gate", upstream.port, http=f"""
            server {{
                listen 127.0.0.1:{other};
                hx_gate_operations hx-sdp;
                location /v1/ {{
                    hx_gate on;
                    hx_gate_key_format any;
                    proxy_pass http://127.0.0.1:{upstream.port};
                }}
            }}""")
        gate.any = other
        registry = gate.directory / "registry"
        line = {"tenant_id": "foreign", "namespaces": ["default"],
                "key_sha256": hashlib.sha256(FOREIGN.encode()).hexdigest()}
        subprocess.run([TOOL, "import", f"lmdb:{registry}"],
                       input=json.dumps(line) + "\n", text=True, check=True,
                       timeout=PATIENCE)
        for path in registry.iterdir():
            give(path)
        with started(gate):
            gate.onboard("ours")
            yield gate


def test_a_format_is_checked_also_for_keys_that_were_met(gate):
    ours = gate.keys["ours"]
    for _ in range(3):
        assert ask(gate.any, FOREIGN) == 200
        assert ask(gate.port, FOREIGN) == 401
        assert ask(gate.any, ours) == 200
        assert ask(gate.port, ours) == 200
        assert ask(gate.any, ours[:-1] + "?") == 401
        assert ask(gate.any, "k" * 257) == 401


def test_a_key_that_was_met_ends_with_its_rotation(gate):
    old = gate.keys["ours"]
    for _ in range(3):
        assert ask(gate.port, old) == 200
    status, made = gate.admin("POST", "onboard/rotate-key",
                              {"tenant_id": "ours"})
    assert status == 200, made
    for _ in range(3):
        assert ask(gate.port, old) == 401
        assert ask(gate.port, made["api_key"]) == 200
    assert gate.admin("POST", "onboard/suspend",
                      {"tenant_id": "ours"})[0] == 200
    for _ in range(3):
        assert ask(gate.port, made["api_key"]) == 403
