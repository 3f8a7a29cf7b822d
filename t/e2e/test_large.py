"""100 MB through TLS, the namespace after the data; and what is too large."""

import base64
import hashlib
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import error_of

LIMIT = 104857600

# What a worker may grow by: nginx's own buffers for TLS and proxying, and with
# sanitizers the memory they keep from being used again.
GROWTH_KB = 65536 if os.environ.get("HX_BUILD") == "asan" else 4096


def peak_kb(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text).group(1))


def put_body(gate, key, data):
    return (b'{"key":"%s","data_b64":"' % key.encode()
            + base64.b64encode(data)
            + b'","namespace":"%s"}' % gate.namespace.encode())


def test_hundred_megabytes(own_gate):
    gate = own_gate
    # no train: what comes back is what went in, bit for bit
    data = np.random.default_rng(1).random(LIMIT // 8).tobytes()
    assert len(data) == LIMIT
    before = {pid: peak_kb(pid) for pid in gate.workers()}

    answer = gate.call("POST", "/v1/put", data=put_body(gate, "big", data),
                       headers={"Content-Type": "application/json"},
                       timeout=180)
    assert answer.status_code == 200, answer.text
    assert answer.json()["original_bytes"] == LIMIT

    meta = gate.call("GET", f"/v1/get/{gate.namespace}/big").json()
    assert meta["sha256"] == hashlib.sha256(data).hexdigest()

    served = gate.call("POST", "/v1/serve", timeout=180,
                       headers={"Accept": "application/octet-stream"},
                       json={"key": "big", "namespace": gate.namespace})
    assert served.status_code == 200
    assert hashlib.sha256(served.content).hexdigest() == meta["sha256"]

    for pid, peak in before.items():
        assert peak_kb(pid) - peak < GROWTH_KB, "memory grew with the body"


@pytest.mark.parametrize("how", ["length", "chunked", "http2"])
def test_too_large(gate, tmp_path, how):
    """Refused before it is processed, however the length is (not) said."""
    body = tmp_path / "body.json"
    with open(body, "wb") as f:
        f.write(b'{"key":"k","namespace":"%s","data_b64":"'
                % gate.namespace.encode())
        for _ in range(145):
            f.write(b"A" * (1 << 20))
        f.write(b'"}')
    headers = {"Content-Type": "application/json"}
    if how == "http2":
        with open(body, "rb") as stdin:
            run = subprocess.run(
                ["curl", "-sS", "--cacert", gate.ca, "--http2", "-X", "POST",
                 "-H", f"X-Api-Key: {gate.key}", "-H",
                 "Content-Type: application/json", "-T", "-", "-o", "/dev/null",
                 "-w", "%{http_code}", gate.url + "/v1/put"],
                stdin=stdin, capture_output=True, check=False, timeout=120)
        assert run.stdout == b"413", run
        return
    if how == "length":
        with open(body, "rb") as f:
            try:
                answer = gate.call("POST", "/v1/put", data=f, headers=headers)
            except OSError as e:
                pytest.fail(f"no answer: {e}")
    else:
        def pieces():
            with open(body, "rb") as f:
                while piece := f.read(1 << 20):
                    yield piece
        answer = gate.call("POST", "/v1/put", data=pieces(), headers=headers)
    detail = error_of(answer, 413, "too_large")
    assert detail == f"Payload exceeds maximum upload size of {LIMIT} bytes"
