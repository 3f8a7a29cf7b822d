"""A full map: 503 for what does not fit, nothing half-written, reads go on."""

import threading

import pytest
from conftest import b64, error, head, noise, wait_for


def test_small_values_until_full(make_engine):
    e = make_engine(HOLONOMIX_MAP_SIZE=4 << 20).start()
    n = 0
    while True:
        r = e.put(f"k{n:04}", noise(50_000))
        if r.status_code != 200:
            break
        n += 1
        assert n < 1000
    error(r, 503, "unavailable", "Storage is full")
    assert n > 20
    assert e.get(f"k{n:04}").status_code == 404
    assert e.list(limit=1000).json()["count"] == n
    assert e.serve(f"k{n - 1:04}").status_code == 200
    assert e.request("GET", "/ready").status_code == 200
    e.stop()

    # nothing of it is lost, and more room makes it writable again
    e.env["HOLONOMIX_MAP_SIZE"] = str(16 << 20)
    e.start()
    assert e.list(limit=1000).json()["count"] == n
    assert e.put(f"k{n:04}", noise(50_000)).json()["version"] == 1


def test_a_large_value_that_does_not_fit_gives_its_room_back(make_engine):
    e = make_engine(HOLONOMIX_MAP_SIZE=24 << 20).start()
    assert e.put("old", noise(1_000_000)).status_code == 200
    for _ in range(3):
        error(e.put("big", noise(40_000_000)), 503, "unavailable",
              "Storage is full")
        assert e.get("big").status_code == 404
        assert e.put("old", noise(10_000)).status_code == 200
    assert e.put("fits", noise(12_000_000)).status_code == 200
    assert e.serve("fits").status_code == 200


@pytest.mark.parametrize("size", [3000, 100_000, 9_000_000])
def test_a_disk_that_takes_no_more(make_engine, size):
    """A file size limit stands in for the disk; the map has room.

    LMDB reports a write that was cut short as an input/output error, so the
    text may be either, and /ready may be 503 until the engine has found out
    that it can still write a little.
    """
    e = make_engine()
    e.file_limit = 4 << 20 if size < 10_000 else 20 << 20
    e.start()
    assert e.put("old", b"x").status_code == 200
    n = 0
    while e.put(f"k{n}", noise(size)).status_code == 200:
        n += 1
        assert n < 20000
    detail = error(e.put("big", noise(30_000_000)), 503, "unavailable")
    assert detail in ("Storage is full", "Storage is unavailable")
    assert n >= 1
    assert e.get(f"k{n}").status_code == 404
    assert e.get("big").status_code == 404
    assert e.serve(f"k{n - 1}").status_code == 200
    wait_for(lambda: e.request("GET", "/ready").status_code == 200, "/ready")
    e.stop()
    e.file_limit = None
    e.start()
    assert e.serve(f"k{n - 1}").status_code == 200
    assert e.put(f"k{n}", noise(size)).json()["version"] == 1


def test_chunks_without_a_record_are_removed_at_start(make_engine):
    """A kill in the middle of large values leaves no room behind."""
    e = make_engine(HOLONOMIX_MAP_SIZE=64 << 20).start()
    for _ in range(4):
        body = (b'{"key":"big","data_b64":"' + b64(noise(40_000_000)).encode()
                + b'"}')

        def send():
            try:
                with e.connect() as s:
                    s.sendall(head("POST", "/v1/put",
                                   f"Content-Length: {len(body)}") + body)
                    s.recv(1)
            except OSError:
                pass

        before = (e.data / "data.mdb").stat().st_size
        t = threading.Thread(target=send)
        t.start()
        wait_for(lambda: (e.data / "data.mdb").stat().st_size > before
                 or not t.is_alive(), "the first chunks")
        e.kill()
        t.join()
        e.start()
        if e.get("big").status_code == 200:
            break                       # it was faster than the kill
    assert e.put("next", noise(15_000_000)).status_code == 200
    assert e.serve("next").status_code == 200
