"""expected_version, If-Match, If-None-Match: one winner, documented 409."""

import threading

import pytest
import requests
from conftest import KEY, b64, error, noise


def conflict(r, expected, current):
    error(r, 409, "conflict", f"Version conflict for key 'k': "
          f"expected {expected}, current {current}")


def test_expected_version(engine):
    conflict(engine.put("k", b"x", expected_version=1), 1, 0)
    assert engine.put("k", b"x", expected_version=0).json()["version"] == 1
    conflict(engine.put("k", b"x", expected_version=0), 0, 1)
    assert engine.put("k", b"x", expected_version=1).json()["version"] == 2
    conflict(engine.put("k", b"x", expected_version=1), 1, 2)
    conflict(engine.put("k", b"x", expected_version=3), 3, 2)
    engine.delete("k")
    conflict(engine.put("k", b"x", expected_version=2), 2, 0)
    assert engine.put("k", b"x", expected_version=0).json()["version"] == 3


def test_headers(engine):
    def put(**h):
        return engine.put("k", b"x", headers={k.replace("_", "-"): v
                                              for k, v in h.items()})
    conflict(put(If_Match='"1"'), 1, 0)
    conflict(put(If_Match="*"), "*", 0)
    assert put(If_None_Match="*").json()["version"] == 1
    conflict(put(If_None_Match="*"), 0, 1)
    assert put(If_Match='"1"').json()["version"] == 2
    assert put(If_Match="*").json()["version"] == 3


@pytest.mark.parametrize("name,value", [
    ("If-Match", "1"), ("If-Match", '"0"'), ("If-Match", '"x"'),
    ("If-Match", '"1", "2"'), ("If-Match", 'W/"1"'), ("If-Match", '""'),
    ("If-None-Match", '"1"')])
def test_malformed_headers(engine, name, value):
    error(engine.put("k", b"x", headers={name: value}), 400,
          "invalid_request", f"Invalid header '{name.lower()}'")


def test_contradictions_are_400(engine):
    engine.put("k", b"x")
    error(engine.put("k", b"x", expected_version=2,
                     headers={"If-Match": '"1"'}), 400, "invalid_request")
    error(engine.put("k", b"x", headers={"If-Match": '"1"',
                                         "If-None-Match": "*"}), 400,
          "invalid_request")
    assert engine.put("k", b"x", expected_version=1,
                      headers={"If-Match": '"1"'}).json()["version"] == 2


def test_large_values_are_refused_before_they_are_written(engine):
    """9 MB take the staged way through the store."""
    data = bytes(9 << 20)
    assert engine.put("k", data).json()["version"] == 1
    size = (engine.data / "data.mdb").stat().st_size
    conflict(engine.put("k", data, expected_version=7), 7, 1)
    assert (engine.data / "data.mdb").stat().st_size == size


@pytest.mark.parametrize("size", [100, 20000])
def test_a_race_has_exactly_one_winner(engine, size):
    """Ten rounds of eight writers that all expect the same version."""
    body = b64(noise(size))
    results, lock = [], threading.Lock()
    barrier = threading.Barrier(8)

    def writer():
        with requests.Session() as s:
            s.headers["Authorization"] = "Bearer " + KEY
            for version in range(10):
                barrier.wait(timeout=60)
                r = s.post(engine.url + "/v1/put", timeout=60, json={
                    "key": "k", "data_b64": body,
                    "expected_version": version})
                with lock:
                    results.append((version, r.status_code))
                barrier.wait(timeout=60)

    threads = [threading.Thread(target=writer) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for version in range(10):
        codes = sorted(c for v, c in results if v == version)
        assert codes == [200] + [409] * 7
    assert engine.get("k").json()["version"] == 10
