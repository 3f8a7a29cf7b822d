"""put: the answer's members, versions, decoding rule, validation."""

import hashlib
import io
import struct

import numpy as np
import pytest
from conftest import error


def npy(array):
    f = io.BytesIO()
    np.save(f, array)
    return f.getvalue()


def test_answer_has_the_documented_members(engine):
    r = engine.put("a/b", struct.pack("<4d", 1, 2, 3, 4.5), namespace="ns")
    assert r.status_code == 200
    assert r.json() == {
        "key": "a/b", "namespace": "ns", "version": 1, "compressed": False,
        "verdict": "passthrough", "compression_ratio": 1.0,
        "original_bytes": 32, "stored_core_bytes": 32, "n_cores": 0,
        "rel_error": 0.0, "encoding": "raw", "dtype": "float64",
        "shape": [4],
        "fortran_order": False}
    assert '"compression_ratio":1.0' in r.text
    assert r.headers["ETag"] == '"1"'


def test_versions_count_from_one_and_go_on_after_a_delete(engine):
    assert engine.put("k", b"one").json()["version"] == 1
    assert engine.put("k", b"two").json()["version"] == 2
    assert engine.delete("k").json() == {
        "key": "k", "namespace": "default", "deleted": True, "version": 2}
    assert engine.put("k", b"three").json()["version"] == 3
    assert engine.put("other", b"x").json()["version"] == 1


def test_old_versions_stay_readable_by_number(engine):
    for data in b"one", b"two!", b"three":
        engine.put("k", data)
    assert engine.get("k").json()["original_bytes"] == 5
    assert engine.get("k?version=2").json()["original_bytes"] == 4
    engine.delete("k")
    error(engine.get("k"), 404, "not_found",
          "Key 'k' not found in namespace 'default'")
    assert engine.get("k?version=1").json()["original_bytes"] == 3
    error(engine.get("k?version=9"), 404, "not_found",
          "Version 9 of key 'k' not found in namespace 'default'")


@pytest.mark.parametrize("array", [
    np.arange(12, dtype="f8").reshape(3, 4), np.arange(5, dtype="f4"),
    np.arange(-4, 4, dtype="i1"), np.arange(6, dtype="i2"),
    np.arange(6, dtype="i4").reshape(1, 2, 3), np.arange(6, dtype="i8"),
    np.arange(6, dtype="u1"), np.arange(6, dtype="u2"),
    np.arange(6, dtype="u4"), np.arange(6, dtype="u8"),
    np.asfortranarray(np.arange(12, dtype="f8").reshape(3, 4)),
    np.array(3.5)], ids=lambda a: f"{a.dtype}{a.shape}")
def test_npy_gives_dtype_and_shape(engine, array):
    data = npy(array)
    r = engine.put("k", data).json()
    assert r["dtype"] == array.dtype.name
    assert tuple(r["shape"]) == array.shape
    assert r["original_bytes"] == len(data)
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    assert r["fortran_order"] is fortran
    assert engine.get("k").json()["sha256"] == hashlib.sha256(data).hexdigest()


def test_fields_describe_raw_bytes(engine):
    r = engine.put("k", bytes(24), dtype="float32", shape=[2, 3]).json()
    assert (r["dtype"], r["shape"]) == ("float32", [2, 3])
    detail = error(engine.put("k", bytes(24), dtype="float32", shape=[7]),
                   400, "invalid_request")
    assert "data_b64" in detail or "shape" in detail
    error(engine.put("k", bytes(24), dtype="complex64"), 400,
          "invalid_request", "Unsupported dtype 'complex64'")


def test_finite_multiples_of_eight_are_float64_else_opaque(engine):
    assert engine.put("k", bytes(16)).json()["dtype"] == "float64"
    r = engine.put("k", struct.pack("<2d", 1, float("nan"))).json()
    assert (r["dtype"], r["shape"]) == (None, None)
    r = engine.put("k", b"hello").json()
    assert (r["dtype"], r["shape"]) == (None, None)


@pytest.mark.parametrize("data,what", [
    (npy(np.arange(3).astype(">f8")), "'>f8'"),
    (npy(np.array([True])), "'|b1'"),
    (npy(np.array([1j])), "'<c16'"),
    (npy(np.array(["text"])), "'<U4'"),
    (npy(np.arange(4.0))[:-1], "data_b64"),
    (npy(np.arange(4.0)) + b"x", "data_b64"),
    (b"\x93NUMPY\x09\x00", "data_b64"),
    (npy(np.zeros((0, 3))), "data_b64")])
def test_bad_npy_is_400(engine, data, what):
    assert what in error(engine.put("k", data), 400, "invalid_request")
    error(engine.get("k"), 404, "not_found")


def test_empty_payload_is_400(engine):
    assert "data_b64" in error(engine.put("k", b""), 400, "invalid_request")


def test_domain(engine):
    engine.put("k", b"x", domain="weather")
    assert engine.get("k").json()["domain"] == "weather"
    engine.put("k", b"x", domain=None)
    assert engine.get("k").json()["domain"] == "structured_data"
    error(engine.put("k", b"x", domain="a b"), 400, "invalid_request",
          "Invalid domain 'a b'")
    error(engine.put("k", b"x", domain="d" * 65), 400, "invalid_request")
