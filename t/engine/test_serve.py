"""serve: what was put comes back bit for bit, in every form."""

import base64
import io

import numpy as np
import pytest
from conftest import b64, error

SIZES = [1, 2, 3, 8, 4095, 4096, 4097, 65536, 262079, 262080, 262081, 524160,
         786241, 3000000]


def npy(array):
    f = io.BytesIO()
    np.save(f, array)
    return f.getvalue()


def pattern(n):
    return np.random.default_rng(n).integers(0, 256, n, "u1").tobytes()


def octets(engine, key, **fields):
    return engine.serve(key, headers={"Accept": "application/octet-stream"},
                        **fields)


@pytest.mark.parametrize("size", SIZES)
def test_opaque_bytes(engine, size):
    data = pattern(size)
    engine.put("k", data)
    r = engine.serve("k")
    assert base64.b64decode(r.json()["data_b64"], validate=True) == data
    assert r.headers["Content-Length"] == str(len(r.content))
    r = octets(engine, "k")
    assert r.content == data
    assert r.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("shape", [(3,), (1000, 3), (200, 300, 5), ()])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_upload(engine, shape, order):
    array = np.random.default_rng(1).random(shape)
    array = np.array(array, order=order)
    data = npy(array)
    engine.put("k", data)

    r = engine.serve("k", format="npy").json()
    assert base64.b64decode(r["data_b64"]) == data
    assert octets(engine, "k", format="npy").content == data

    r = engine.serve("k").json()
    raw = base64.b64decode(r["data_b64"])
    assert raw == array.tobytes(order)
    back = np.frombuffer(raw, r["dtype"]).reshape(
        r["shape"], order="F" if r["fortran_order"] else "C")
    assert np.array_equal(back, array)
    assert octets(engine, "k").content == raw


def test_unusual_npy_headers_come_back_as_uploaded(engine):
    """A header that NumPy would write differently today is kept."""
    array = np.arange(6, dtype="<i4")
    header = b"{'shape':(6,),'fortran_order':False,'descr':'<i4'}"
    header += b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    data = (b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
            + header + array.tobytes())
    assert data != npy(array)
    assert engine.put("k", data).json()["dtype"] == "int32"
    assert octets(engine, "k", format="npy").content == data


@pytest.mark.parametrize("n", [5, 100001])
def test_npy_of_an_array_that_was_uploaded_raw(engine, n):
    """The header NumPy itself would write, also across chunk borders."""
    array = np.random.default_rng(1).random((n, 3)).astype("f4")
    engine.put("k", array.tobytes(), dtype="float32", shape=[n, 3])
    assert octets(engine, "k", format="npy").content == npy(array)
    r = engine.serve("k", format="npy").json()
    assert base64.b64decode(r["data_b64"]) == npy(array)


def test_npy_of_opaque_bytes_is_400(engine):
    engine.put("k", b"hello")
    error(engine.serve("k", format="npy"), 400, "invalid_request",
          "Key 'k' holds opaque bytes, format 'npy' needs an array")


def test_answer_members(engine):
    engine.put("k", np.arange(4.0).tobytes())
    r = engine.serve("k", mode="dense", format="raw")
    assert r.json() == {
        "key": "k", "namespace": "default", "version": 1, "mode": "dense",
        "dtype": "float64", "shape": [4], "fortran_order": False,
        "data_b64": b64(np.arange(4.0).tobytes())}
    assert r.headers["ETag"] == '"1"'
    r = octets(engine, "k")
    assert r.headers["X-HX-Dtype"] == "float64"
    assert r.headers["X-HX-Shape"] == "4"
    assert r.headers["X-HX-Fortran-Order"] == "false"
    assert r.headers["ETag"] == '"1"'


def test_versions(engine):
    engine.put("k", b"one")
    engine.put("k", b"two")
    assert octets(engine, "k").content == b"two"
    assert octets(engine, "k", version=1).content == b"one"
    assert octets(engine, "k", version=None).content == b"two"
    error(engine.serve("k", version=3), 404, "not_found")
    error(engine.serve("k", version=0), 400, "invalid_request")
    error(engine.serve("none"), 404, "not_found",
          "Key 'none' not found in namespace 'default'")


def test_gpu_is_501(engine):
    engine.put("k", b"x")
    error(engine.serve("k", mode="gpu"), 501, "not_available",
          "GPU serving is not available on this engine")


@pytest.mark.parametrize("field,value,text", [
    ("mode", "fast", "Field 'mode' must be 'dense' or 'gpu'"),
    ("mode", "", "Field 'mode' must be 'dense' or 'gpu'"),
    ("mode", 1, "Field 'mode' must be a string"),
    ("format", "csv", "Field 'format' must be 'raw' or 'npy'"),
    ("version", "1", "Field 'version' must be a whole number")])
def test_bad_fields(engine, field, value, text):
    engine.put("k", b"x")
    error(engine.serve("k", **{field: value}), 400, "invalid_request", text)


@pytest.mark.parametrize("accept,raw", [
    ("application/octet-stream", True), ("*/*", False),
    ("application/json", False), ("text/html, application/octet-stream", True),
    ("Application/Octet-Stream; q=0.5", True),
    ("application/octet-stream;q=0", False),
    ("application/octet-streamx", False),
    ("xapplication/octet-stream", False)])
def test_accept(engine, accept, raw):
    engine.put("k", b"data")
    r = engine.serve("k", headers={"Accept": accept})
    assert (r.content == b"data") is raw
