"""Flipped bytes in the file: a clear 500 for that key, nobody else hurt."""

import hashlib
import os

import pytest
from conftest import error


def noise(name, size):
    return hashlib.shake_128(name.encode()).digest(size)


def flip(engine, needle, at=0):
    """Flips one bit wherever the bytes stand in the store's file."""
    with open(engine.data / "data.mdb", "r+b") as f:
        data = f.read()
        pos = data.find(needle)
        assert pos != -1
        while pos != -1:
            f.seek(pos + at)
            f.write(bytes([data[pos + at] ^ 1]))
            pos = data.find(needle, pos + 1)


def check(engine, get, serve, listed=200):
    detail = "Stored record for key 'bad' is corrupt"
    for r, status in (engine.get("bad"), get), (engine.serve("bad"), serve):
        if status == 500:
            error(r, 500, "internal", detail)
        else:
            assert r.status_code == status
    assert engine.serve("good").status_code == 200
    if listed == 500:
        error(engine.list(), 500, "internal",
              "Stored list of namespace 'default' is corrupt")
    else:
        assert engine.list().json()["keys"] == ["bad", "good"]
    assert engine.request("GET", "/ready").status_code == 200


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("size", [1000, 100_000, 600_000, 9_000_000])
def test_value_bytes(engine, size, running):
    data = noise("bad", size)
    engine.put("good", noise("good", size))
    engine.put("bad", data)
    if not running:
        engine.stop()
    flip(engine, data[-40:] if size > 262080 else data[:64], 20)
    if not running:
        engine.start()
    check(engine, 200, 500)


@pytest.mark.parametrize("what,at", [
    (b'{"marker":"metadata-of-bad"}', 5), (b"HXR1", 0), (b"HXR1", 4),
    (b"HXR1", 8), (b"HXR1", 12), (b"HXR1", 16), (b"HXR1", 24), (b"HXR1", 57),
    (b"HXR1", 59), (b"HXR1", 76)])
def test_record_bytes(engine, what, at):
    engine.put("bad", noise("bad", 100),
               metadata={"marker": "metadata-of-bad"})
    flip(engine, what, at)
    engine.put("good", noise("good", 100))
    check(engine, 500, 500)


@pytest.mark.parametrize("at", [0, 4, 12])
def test_head_bytes(engine, at):
    engine.put("bad", noise("bad", 100))
    flip(engine, b"HXH1", at)
    engine.put("good", noise("good", 100))
    check(engine, 500, 500, 500)
    for r in engine.put("bad", b"new"), engine.delete("bad"):
        error(r, 500, "internal", "Stored record for key 'bad' is corrupt")


@pytest.mark.parametrize("bad,at,bit", [
    (b"\0\0\0\x01mm", 3, 2),      # now of another namespace
    (b"\0\0\0\x01mm", 0, 64),
    (b"\0\0\0\x01mm", 4, 2),      # no longer with the prefix
    (b"\0\0\0\x02a", 4, 1)])     # right behind the end
def test_a_damaged_key_does_not_end_a_list(engine, bad, at, bit):
    """A page that ended there would look like a complete one."""
    for key in "mb", "mm", "my":
        assert engine.put(key, b"x").status_code == 200
    assert engine.put("a", b"x", namespace="next").status_code == 200
    assert engine.list(prefix="m").json()["keys"] == ["mb", "mm", "my"]
    with open(engine.data / "data.mdb", "r+b") as f:
        data = f.read()
        pos = data.find(bad + b"HXH1")
        assert pos != -1
        while pos != -1:
            f.seek(pos + at)
            f.write(bytes([data[pos + at] ^ bit]))
            pos = data.find(bad + b"HXH1", pos + 1)
    error(engine.list(prefix="m"), 500, "internal",
          "Stored list of namespace 'default' is corrupt")
    assert engine.get("mb").status_code == 200


@pytest.mark.parametrize("at", [0, 4, 8, 16, 20, 44])
def test_chunk_headers(engine, at):
    engine.put("bad", noise("bad", 300_000))
    flip(engine, b"HXC1", at)
    engine.put("good", noise("good", 300_000))
    check(engine, 200, 500)


def test_a_new_version_heals_a_damaged_value(engine):
    data = noise("bad", 5000)
    engine.put("bad", data)
    flip(engine, data[:64], 20)
    error(engine.serve("bad"), 500, "internal")
    assert engine.put("bad", data).json()["version"] == 2
    assert engine.serve("bad").status_code == 200


def test_a_foreign_file_is_refused_at_start(make_engine):
    e = make_engine()
    e.data.mkdir(parents=True)
    (e.data / "data.mdb").write_bytes(os.urandom(100_000))
    with pytest.raises(AssertionError) as failed:
        e.start()
    assert "cannot open the store in" in str(failed.value)
    e.process = None
