"""System calls that fail or come late (hx_fault.c): what the engine does."""

import os
import signal
import subprocess

import pytest
from conftest import (ROOT, b64, error, head, noise, read_all, read_response,
                      wait_for)


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    so = tmp_path_factory.mktemp("fault") / "hx_fault.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o",
                    str(so), str(ROOT / "t" / "engine" / "hx_fault.c")],
                   check=True)
    return so


@pytest.fixture
def faulty(make_engine, library, tmp_path):
    directory = tmp_path / "faults"
    directory.mkdir()
    options = os.environ.get("ASAN_OPTIONS", "")
    e = make_engine(LD_PRELOAD=library, HX_FAULTS=directory,
                    ASAN_OPTIONS=options + ":verify_asan_link_order=0")
    e.faults = directory
    return e.start()


def test_a_completion_that_comes_late_at_the_end(faulty):
    """The loop is gone before the thread that answered has woken it."""
    text = b'{"key":"k","data_b64":"' + b64(b"value").encode() + b'"}'
    (faulty.faults / "wake").touch()
    with faulty.connect() as s:
        s.sendall(head("POST", "/v1/put", f"Content-Length: {len(text)}")
                  + text)
        wait_for((faulty.faults / "waking").exists, "the answer")
        faulty.signal(signal.SIGTERM)
        assert read_response(s)[0] == 200
        wait_for(lambda: faulty.log("stopped"), "the end of the loops")
    (faulty.faults / "wake").unlink()
    assert faulty.wait() == 0
    assert not (faulty.faults / "stale").exists()


def test_an_end_when_the_store_is_of_no_use(faulty):
    """LMDB refuses everything after a failed meta page; nobody must wait."""
    assert faulty.put("k", b"value").status_code == 200
    (faulty.faults / "meta").touch()
    with faulty.connect() as s:
        text = b'{"key":"in-flight","data_b64":"QUFB"}'
        s.sendall(head("POST", "/v1/put", f"Content-Length: {len(text)}")
                  + text[:-1])
        try:
            error(faulty.put("k", noise(9_000_000)), 503, "unavailable")
            s.sendall(text[-1:])
            status, _, _, rest = read_response(s)
            assert status == 503 and rest == b"" and read_all(s) == b""
        finally:
            assert faulty.wait() == 1
    assert [x["level"] for x in faulty.log("store_fatal")] == ["error"]
    assert faulty.log("store_failed") and faulty.log("stopped")
    (faulty.faults / "meta").unlink()
    faulty.start()
    assert faulty.serve("k").json()["data_b64"] == b64(b"value")
    assert faulty.put("k", b"next").json()["version"] == 2


def test_writing_heals_by_itself(faulty):
    """/ready must not wait for a client's put, which the gate may not send."""
    assert faulty.put("k", b"value").status_code == 200
    (faulty.faults / "sync").touch()
    error(faulty.put("k", b"lost"), 503, "unavailable",
          "Storage is unavailable")
    assert faulty.request("GET", "/ready").status_code == 503
    assert faulty.request("GET", "/health").status_code == 200
    assert faulty.get("k").json()["version"] == 1
    wait_for(lambda: faulty.log("store_failed"), "the log line")
    (faulty.faults / "sync").unlink()
    wait_for(lambda: faulty.request("GET", "/ready").status_code == 200,
             "/ready")
    assert [x["level"] for x in faulty.log("store_healed")] == ["warn"]
    assert faulty.put("k", b"next").json()["version"] == 2


def test_whoever_comes_while_the_index_is_built(faulty):
    assert faulty.put("k", bytes(800), dtype="float64").status_code == 200
    faulty.stop()
    (faulty.faults / "build").touch()
    faulty.start()
    try:
        error(faulty.request("GET", "/ready"), 503, "unavailable",
              "Index is being built")
        query = {"query_key": "k", "metric": "dot"}
        error(faulty.request("POST", "/v1/query/topk", json=query), 503,
              "unavailable", "Index is being built")
        assert faulty.get("k").status_code == 200
    finally:
        (faulty.faults / "build").unlink()
    wait_for(lambda: faulty.request("GET", "/ready").status_code == 200,
             "/ready")
    assert faulty.request("POST", "/v1/query/topk",
                          json=query).status_code == 200
