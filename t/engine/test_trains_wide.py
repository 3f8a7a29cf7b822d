"""Trains of large rank are sent in blocks that are made in steps."""

import base64
import io

import numpy as np
import pytest

from test_cores import dense, put_cores, random_cores, same

D = 20
RANK = 500


@pytest.fixture(scope="module")
def train():
    ranks = [min(2 ** k, 2 ** (D - k), RANK) for k in range(1, D)]
    cores = random_cores(ranks, 5)
    return [c / np.sqrt(c.shape[0]) * 1.5 for c in cores]


@pytest.mark.parametrize("dtype,cut", [("float64", 1), ("int8", 123457)])
def test_every_byte_comes(engine, train, dtype, cut):
    """As raw bytes, behind a header, and in base64, whose groups of three do
    not end where blocks do."""
    n = 2 ** D - cut
    fields = {"dtype": dtype, "length": n}
    assert put_cores(engine, "k", train, **fields).status_code == 200
    want = dense(train)[:n]

    def octets(**kw):
        r = engine.serve("k", headers={"Accept": "application/octet-stream"},
                         **kw)
        assert r.status_code == 200
        return r.content

    raw = octets(format="raw")
    got = np.frombuffer(raw, dtype)
    if dtype == "int8":
        assert np.abs(got - np.clip(want, -128, 127)).max() < 0.5 + 1e-9
        assert len(np.unique(got)) > 5
    else:
        assert same(got, want)
    assert octets(format="raw") == raw
    header = io.BytesIO(octets(format="npy"))
    assert np.load(header).tobytes() == raw
    for form in ("raw", "npy"):
        text = engine.serve("k", format=form).json()["data_b64"]
        assert base64.b64decode(text, validate=True)[-len(raw):] == raw
