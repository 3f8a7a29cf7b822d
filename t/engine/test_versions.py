"""Which versions stay: HOLONOMIX_KEEP_VERSIONS and HOLONOMIX_PURGE_DELETED."""

import base64
import hashlib
import os
import socket

import pytest
from conftest import b64, error, head, wait_for


def content(n, size):
    return hashlib.shake_128(b"%d" % n).digest(size)


def kept(engine, key, last, ns="default"):
    """The versions that a get finds."""
    return [v for v in range(1, last + 1)
            if engine.get(key, ns, params={"version": v}).status_code == 200]


@pytest.mark.parametrize("size", [10, 5000, 600_000])
def test_the_last_ten_stay(engine, size):
    for v in range(1, 16):
        assert engine.put("k", content(v, size)).json()["version"] == v
    assert kept(engine, "k", 16) == list(range(6, 16))
    error(engine.get("k", params={"version": 5}), 404, "not_found")
    error(engine.serve("k", version=5), 404, "not_found")
    for v in 6, 15:
        data = engine.serve("k", version=v).json()["data_b64"]
        assert base64.b64decode(data) == content(v, size)


def test_another_number_of_versions(make_engine):
    e = make_engine(HOLONOMIX_KEEP_VERSIONS=0).start()
    for v in range(1, 31):
        e.put("k", content(v, 100))
    assert kept(e, "k", 30) == list(range(1, 31))
    e.stop()

    # a key has fewer from its next put on
    e.env["HOLONOMIX_KEEP_VERSIONS"] = "2"
    e.start()
    assert len(kept(e, "k", 30)) == 30
    assert e.put("k", content(31, 100)).json()["version"] == 31
    wait_for(lambda: kept(e, "k", 31) == [30, 31], "the others to go")


def test_only_the_latest(make_engine):
    e = make_engine(HOLONOMIX_KEEP_VERSIONS=1).start()
    for v in range(1, 4):
        e.put("k", content(v, 9_000_000))
        assert kept(e, "k", 4) == [v]


def test_versions_of_deleted_keys_go(make_engine):
    e = make_engine(HOLONOMIX_PURGE_DELETED=1).start()
    for key in "gone", "again", "live":
        for v in 1, 2:
            e.put(key, content(v, 300_000))
    assert e.delete("gone").json()["version"] == 2
    e.delete("again")
    assert e.put("again", b"x").json()["version"] == 3
    wait_for(lambda: kept(e, "gone", 2) == [], "the versions to go")
    assert kept(e, "again", 3) == [1, 2, 3]
    assert kept(e, "live", 2) == [1, 2]
    error(e.delete("gone"), 404, "not_found")
    assert e.put("gone", b"x").json()["version"] == 3
    metrics = e.request("GET", "/metrics").text
    assert "\nhx_engine_removed_versions_total 2\n" in metrics
    assert "\nhx_engine_removals_waiting 0\n" in metrics
    e.stop()
    assert e.log("store")[-1]["purged"] == 2


def test_versions_of_deleted_keys_stay_for_a_week(engine):
    engine.put("k", b"x")
    engine.delete("k")
    engine.kill()
    engine.start()
    assert kept(engine, "k", 1) == [1]


def test_a_version_that_goes_while_it_is_read(make_engine):
    """The answer is cut, as it is announced longer than it gets."""
    e = make_engine(HOLONOMIX_KEEP_VERSIONS=1).start()
    size = 60_000_000
    e.put("k", os.urandom(size))
    body = b'{"key":"k"}'
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.settimeout(20)
        s.connect(("127.0.0.1", e.port))
        s.sendall(head("POST", "/v1/serve", "Accept: application/octet-stream",
                       f"Content-Length: {len(body)}") + body)
        got = len(s.recv(1000))
        assert e.put("k", b"x").json()["version"] == 2
        wait_for(lambda: "\nhx_engine_removals_waiting 0\n" in
                 e.request("GET", "/metrics").text, "the bytes to go")
        try:
            while piece := s.recv(1 << 20):
                got += len(piece)
        except ConnectionResetError:
            pass
    assert 1000 <= got < size
    assert e.serve("k").json()["data_b64"] == b64(b"x")


@pytest.mark.parametrize("size,keys,rounds", [
    (3000, 20, 1000), (200_000, 10, 300), (9_000_000, 1, 20)])
def test_a_small_map_that_is_written_over_and_over(make_engine, size, keys,
                                                   rounds):
    e = make_engine(HOLONOMIX_KEEP_VERSIONS=1,
                    HOLONOMIX_MAP_SIZE=24 << 20).start()
    for v in range(rounds):
        r = e.put(f"k{v % keys}", os.urandom(size))
        assert r.status_code == 200, (v, r.text)
