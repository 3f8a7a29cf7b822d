"""Upload limit three ways, in-flight budget, connections, timeouts."""

import json
import os
import resource
import threading
import time

import numpy as np
import pytest
import requests
from conftest import (KEY, b64, consumed, error, head, noise, read_all,
                      read_response, wait_for)
from query_model import npy, similarity


TEXT = "Payload exceeds maximum upload size of %d bytes"


@pytest.fixture
def small(make_engine):
    return make_engine(HOLONOMIX_MAX_UPLOAD_BYTES=100000).start()


def test_decoded_payload_exact(small):
    assert small.put("k", noise(100000)).status_code == 200
    error(small.put("k", noise(100001)), 413, "too_large", TEXT % 100000)
    assert small.get("k").json()["version"] == 1


def test_content_length_is_refused_before_a_byte_is_read(small):
    cap = 100000 // 3 * 4 + 4 + (1 << 20)
    with small.connect() as s:
        s.sendall(head("POST", "/v1/put", f"Content-Length: {cap + 1}"))
        status, headers, text, _ = read_response(s)
        assert status == 413 and headers["connection"] == "close"
        assert json.loads(text)["detail"] == TEXT % 100000


def test_chunked_is_counted_while_reading(small):
    """White space up to the cap is fine, one byte more is not."""
    cap = 100000 // 3 * 4 + 4 + (1 << 20)
    text = json.dumps({"key": "k", "data_b64": b64(b"x")}).encode()
    for extra, expected in (0, 200), (1, 413):
        body = text + b" " * (cap - len(text) + extra)
        with small.connect() as s:
            s.sendall(head("POST", "/v1/put", "Transfer-Encoding: chunked")
                      + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
            assert read_response(s)[0] == expected


@pytest.fixture
def budget(make_engine):
    return make_engine(HOLONOMIX_MAX_UPLOAD_BYTES=1000000,
                       HOLONOMIX_INFLIGHT_BYTES=2000000).start()


def hold(e, n):
    """Connections that have sent most of a payload, which is n bytes."""
    text = b'{"key":"k","data_b64":"' + b64(noise(n)).encode()
    held = [e.connect(), e.connect()]
    for s in held:
        s.sendall(head("POST", "/v1/put", f"Content-Length: {len(text) + 2}")
                  + text)
    for s in held:
        consumed(e, s)
    return held


def test_budget_over_all_requests(budget):
    held = hold(budget, 900000)
    r = budget.put("o", noise(900000))
    error(r, 503, "unavailable", "Too many payloads in flight")
    for i in range(100):                            # small requests go on
        assert budget.put("o", noise(48000 + i)).status_code == 200
    held.pop().close()
    wait_for(lambda: budget.put("o", noise(900000)).status_code == 200, "200")
    held[0].sendall(b'"}')
    assert read_response(held[0])[0] == 200
    held[0].close()


def test_budget_of_what_answers_need(budget):
    """A packed value on its way out, and one that a query has to turn."""
    data = np.frombuffer(noise(120000), np.uint8).astype(np.int64)
    data = npy(data.reshape(2, -1, order="F"))
    assert budget.put("k", data).json()["encoding"] == "zstd"
    held = hold(budget, 990000)
    for r in budget.serve("k"), similarity(budget, "k", "k"):
        error(r, 503, "unavailable", "Too many payloads in flight")
    for s in held:
        s.close()


def test_what_is_announced_takes_no_budget(budget):
    """Idle uploads must not keep others out."""
    held = [budget.connect() for _ in range(8)]
    for s in held:
        s.sendall(head("POST", "/v1/put", "Content-Length: 1340000")
                  + b'{"key":"k","data_b64":"' + b64(noise(30000)).encode())
    for s in held:
        consumed(budget, s)
    assert budget.put("k", noise(1000000)).status_code == 200
    for s in held:
        s.close()


def test_budget_is_given_back(budget):
    for i in range(10):
        assert budget.put("k", noise(1000000)).status_code == 200
        error(budget.put("k", noise(1000001)), 413, "too_large")
        for s in hold(budget, 900000):
            s.close()
        wait_for(lambda: budget.put("k", noise(900000)).status_code == 200,
                 "200")


def test_work_waits_for_its_turn_in_a_budget_of_one_payload(make_engine):
    """More work at a time than the budget has room for: each is done in the
    end, whoever is refused is refused at the door."""
    e = make_engine(HOLONOMIX_MAX_UPLOAD_BYTES=1000000, HOLONOMIX_WORKERS=4,
                    HOLONOMIX_INFLIGHT_BYTES=1000000).start()
    codes = []

    def put(n):
        for i in range(5):
            r = requests.post(f"{e.url}/v1/put", timeout=60, json={
                "key": f"k{n}", "data_b64": b64(os.urandom(200000))},
                headers={"Authorization": "Bearer " + KEY})
            codes.append(r.status_code)
            if r.status_code != 200:
                error(r, 503, "unavailable", "Too many payloads in flight")

    threads = [threading.Thread(target=put, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(codes) == 40 and set(codes) <= {200, 503} and 200 in codes
    assert e.put("k", noise(1000000)).status_code == 200


def test_a_full_write_queue_is_told_and_loses_nothing(make_engine):
    """One write may wait: with sixteen writers some are refused, all can try
    again, and what was answered 200 is stored, once."""
    e = make_engine(HOLONOMIX_WRITE_QUEUE=1).start()
    refused, stored, lock = [], [], threading.Lock()

    def writer(n):
        with e.connect() as s:
            for i in range(500):
                body = b'{"key":"w%d-%d","data_b64":"QUFB"}' % (n, i)
                s.sendall(head("POST", "/v1/put",
                               f"Content-Length: {len(body)}") + body)
                status, headers, text, _ = read_response(s)
                with lock:
                    if status == 200:
                        stored.append(json.loads(text)["key"])
                    else:
                        assert status == 503
                        assert int(headers["retry-after"]) >= 1
                        assert json.loads(text)["detail"] == (
                            "Too many writes are waiting")
                        refused.append(n)
                    if len(refused) > 20 and len(stored) > 20:
                        return

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(refused) > 20 and len(stored) > 20
    keys, cursor = [], None
    while True:
        params = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = e.list(**params).json()
        keys += page["keys"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert keys == sorted(stored)


def test_budget_of_chunked_bodies_grows_with_the_data(make_engine):
    e = make_engine(HOLONOMIX_MAX_UPLOAD_BYTES=3000000,
                    HOLONOMIX_INFLIGHT_BYTES=3000000).start()
    data = b64(noise(2500000)).encode()
    with e.connect() as s:
        part = b'{"key":"k","data_b64":"' + data[:-4]
        s.sendall(head("POST", "/v1/put", "Transfer-Encoding: chunked")
                  + b"%x\r\n" % len(part) + part + b"\r\n")
        consumed(e, s)
        error(e.put("o", noise(1000000)), 503, "unavailable")
        part = data[-4:] + b'"}'
        s.sendall(b"%x\r\n" % len(part) + part + b"\r\n0\r\n\r\n")
        assert read_response(s)[0] == 200
    # it is given back with the request, which ends behind its answer
    wait_for(lambda: e.put("o", noise(1000000)).status_code == 200, "200")


def test_connections_are_bounded(make_engine):
    e = make_engine(HOLONOMIX_MAX_CONNECTIONS=8).start()
    socks = [e.connect() for _ in range(8)]
    for s in socks:
        s.sendall(head("GET", "/health"))
        assert read_response(s)[0] == 200
    with e.connect() as s:
        assert s.recv(1) == b""
    assert e.log("refused")
    socks.pop().close()
    wait_for(lambda: works(e), "a free place")
    for s in socks:
        s.close()


def test_no_descriptors_left(make_engine):
    """It waits for one, without turning in circles and filling the log."""
    e = make_engine(HOLONOMIX_IO_THREADS=2).start()
    pid = e.process.pid
    with e.connect() as first:
        first.sendall(head("GET", "/health"))
        assert read_response(first)[0] == 200
        old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = max(int(x) for x in os.listdir(f"/proc/{pid}/fd")) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, old[1]))
        with e.connect() as second:
            second.sendall(head("GET", "/health"))
            wait_for(lambda: len(e.log("accept")) >= 3, "three lines")
            before, start = cpu(pid), time.monotonic()
            wait_for(lambda: len(e.log("accept")) >= 7, "more lines")
            busy, passed = cpu(pid) - before, time.monotonic() - start
            assert busy < 0.3 * passed and passed > 0.9
            first.sendall(head("GET", "/health"))
            assert read_response(first)[0] == 200
            resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
            assert read_response(second)[0] == 200


def cpu(pid):
    """Seconds of processor time used."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def works(e):
    try:
        with e.connect() as s:
            s.sendall(head("GET", "/health"))
            return read_response(s)[0] == 200
    except (AssertionError, OSError):
        return False


@pytest.fixture
def impatient(make_engine):
    return make_engine(HOLONOMIX_HEADER_TIMEOUT=1, HOLONOMIX_BODY_TIMEOUT=1,
                       HOLONOMIX_IDLE_TIMEOUT=1,
                       HOLONOMIX_SEND_TIMEOUT=1).start()


def test_slow_head_is_408(impatient):
    with impatient.connect() as s:
        s.sendall(b"GET /health HTTP/1.1\r\nHost:")
        status, headers, text, _ = read_response(s)
        assert status == 408 and headers["connection"] == "close"
        assert json.loads(text)["error"] == "request_timeout"


def test_slow_body_is_408(impatient):
    with impatient.connect() as s:
        s.sendall(head("POST", "/v1/put", "Content-Length: 100") + b'{"key"')
        status, headers, _, _ = read_response(s)
        assert status == 408 and headers["connection"] == "close"


def test_dripping_does_not_extend_the_limit(impatient):
    """A byte now and then is no progress."""
    with impatient.connect() as s:
        s.sendall(head("POST", "/v1/put", "Content-Length: 100000"))
        s.settimeout(0.1)
        end = time.monotonic() + 20
        answer = b""
        while not answer:
            assert time.monotonic() < end
            s.sendall(b" ")
            try:
                answer = s.recv(65536)
            except TimeoutError:
                pass
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_idle_connections_are_closed(impatient):
    with impatient.connect() as s:
        assert read_all(s) == b""
    with impatient.connect() as s:
        s.sendall(head("GET", "/health"))
        _, _, _, rest = read_response(s)
        assert rest == b"" and read_all(s) == b""


def test_a_client_that_does_not_read_is_cut(impatient):
    impatient.put("k", noise(20_000_000))
    body = b'{"key":"k"}'
    with impatient.connect() as s:
        s.sendall(head("POST", "/v1/serve", f"Content-Length: {len(body)}",
                       "X-Request-Id: unread") + body)
        line = impatient.logged("unread")
        assert "aborted" in line and line["bytes"] < 20_000_000


def test_a_slow_reader_that_makes_progress_is_served(make_engine):
    """It holds no old snapshot either: writes go on, the value is whole."""
    e = make_engine(HOLONOMIX_SEND_TIMEOUT=2).start()
    e.put("k", noise(6_000_000))
    body = b'{"key":"k"}'
    with e.connect() as s:
        s.sendall(head("POST", "/v1/serve", f"Content-Length: {len(body)}",
                       "Accept: application/octet-stream",
                       "Connection: close") + body)
        data = b""
        for i in range(5):
            data += s.recv(1000000)
            assert e.put("k", b"other %d" % i).status_code == 200
        data += read_all(s)
    assert data.split(b"\r\n\r\n", 1)[1] == noise(6_000_000)


def test_the_key_of_a_refused_request_is_not_logged(small):
    error(small.put("k", noise(100001)), 413, "too_large")
    assert KEY not in small.log_text()
