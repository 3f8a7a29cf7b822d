"""A store of format 1, as the engine of that time left it
(t/data/store-format-1.mdb.xz), is upgraded at start."""

import base64
import lzma
import struct

import pytest
from conftest import ROOT, error, wait_for

OLD = ROOT / "t" / "data" / "store-format-1.mdb.xz"


def f8(*values):
    return struct.pack("<%dd" % len(values), *values)


NPY = (b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, "
       b"'shape': (40000,), }".ljust(117) + b"\n" + f8(2.0) * 40000)

# key: payload, dtype
LATEST = {
    "line": (f8(*range(1000)), "float64"),
    "huge": (f8(1e300, 1e300), "float64"),
    "inf": (struct.pack("<4f", 1, float("inf"), 2, 3), "float32"),
    "bytes": (struct.pack("<5b", -1, 2, -3, 4, -5), "int8"),
    "opaque": (b"abc", None),
    "zeros": (bytes(800_000), "float64"),
    "ones": (f8(1.0) * 1_200_000, "float64"),
    "odd": (bytes([7]) * 600_000, "uint8"),
    "npy": (NPY, "float64"),
}


@pytest.fixture
def old(make_engine):
    e = make_engine()
    e.data.mkdir(mode=0o700)
    with lzma.open(OLD) as f:
        (e.data / "data.mdb").write_bytes(f.read())
    return e


def test_all_is_there(old):
    old.start()
    assert [x["progress"] for x in old.log("store_upgrade")][-2:] == [
        "done", "index of metadata"]
    assert old.list().json()["keys"] == sorted(LATEST)
    for key, (data, dtype) in LATEST.items():
        r = old.serve(key, format="npy" if key == "npy" else "raw").json()
        assert base64.b64decode(r["data_b64"]) == data, key
        assert r["dtype"] == dtype
        assert old.get(key).json()["verdict"] == "passthrough"
    assert old.serve("line", version=1).json()["data_b64"] == \
        base64.b64encode(f8(3, 4)).decode()

    keys = []
    cursor = None
    while True:
        page = old.list("many", limit=300, cursor=cursor).json()
        keys += page["keys"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    deleted = {i for i in range(0, 700, 7)} - set(range(0, 700, 70))
    assert keys == [f"k{i:03}" for i in range(700) if i not in deleted]
    r = old.get("k011", "many").json()
    assert r["metadata"] == {"i": 11, "even": False}


@pytest.mark.parametrize("a,b,cosine", [
    ("line", "line", 1), ("huge", "huge", 1), ("ones", "ones", 1),
    ("zeros", "zeros", 0), ("npy", "npy", 1)])
def test_norms(old, a, b, cosine):
    """Records of format 1 had none."""
    old.start()
    wait_for(lambda: old.request("GET", "/ready").status_code == 200, "/ready")
    r = old.request("POST", "/v1/query/similarity",
                    json={"key_a": a, "key_b": b})
    assert abs(r.json()["score"] - cosine) < 1e-12, r.text


def test_deleted_keys_go_on_counting(old):
    old.start()
    error(old.get("gone"), 404, "not_found")
    assert old.get("gone", params={"version": 1}).status_code == 200
    assert old.put("gone", b"x", expected_version=0).json()["version"] == 2
    assert old.put("k007", b"x", namespace="many").json()["version"] == 2
    assert old.put("k070", b"x", namespace="many").json()["version"] == 3


def test_only_once(old):
    old.start()
    old.stop()
    lines = len(old.log("store_upgrade"))
    assert lines >= 2
    old.start()
    assert len(old.log("store_upgrade")) == lines
