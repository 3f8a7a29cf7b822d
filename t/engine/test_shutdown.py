"""SIGTERM and SIGINT: requests in flight are finished, then exit code 0."""

import signal
import threading

import pytest
from conftest import b64, head, read_all, read_response, wait_for


def text(n):
    return b'{"key":"k","data_b64":"' + b64(bytes(n)).encode() + b'"}'


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_body_on_its_way_is_still_taken(engine, sig):
    body = text(300000)
    with engine.connect() as idle, engine.connect() as s:
        s.sendall(head("POST", "/v1/put", f"Content-Length: {len(body)}")
                  + body[:1000])
        idle.sendall(head("GET", "/health"))
        assert read_response(idle)[0] == 200
        engine.signal(sig)
        assert read_all(idle) == b""            # closed although keep-alive
        wait_for(lambda: engine.log("stopping"), "the log line")
        s.sendall(body[1000:])
        status, headers, _, rest = read_response(s)
        assert status == 200 and headers["connection"] == "close"
        assert rest == b"" and read_all(s) == b""
    assert engine.wait() == 0
    assert engine.log("stopped")
    engine.start()
    assert engine.get("k").json()["original_bytes"] == 300000


def test_new_connections_are_refused_while_draining(engine):
    body = text(1000)
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/put", f"Content-Length: {len(body)}")
                  + body[:10])
        with engine.connect() as other:         # s was accepted before it
            other.sendall(head("GET", "/health"))
            assert read_response(other)[0] == 200
        engine.signal(signal.SIGTERM)

        def refused():
            try:
                engine.connect().close()
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:
                pass            # was in the queue when the listener closed
            return False

        wait_for(refused, "the closed listener")
        s.sendall(body[10:])
        assert read_response(s)[0] == 200
    assert engine.wait() == 0


def test_drain_is_bounded(make_engine):
    e = make_engine(HOLONOMIX_DRAIN_TIMEOUT=1).start()
    with e.connect() as s:
        s.sendall(head("POST", "/v1/put", "Content-Length: 1000") + b"{")
        with e.connect() as other:
            other.sendall(head("GET", "/health"))
            assert read_response(other)[0] == 200
        e.signal(signal.SIGTERM)
        assert e.wait(15) == 0
        assert read_all(s) == b""


def test_a_large_answer_is_sent_to_its_end(engine):
    engine.put("k", bytes(20_000_000))
    body = b'{"key":"k"}'
    with engine.connect() as s:
        s.sendall(head("POST", "/v1/serve", f"Content-Length: {len(body)}",
                       "Accept: application/octet-stream") + body)
        first = s.recv(10000)
        engine.signal(signal.SIGTERM)
        wait_for(lambda: engine.log("stopping"), "the log line")
        data = first + read_all(s)
        assert data.split(b"\r\n\r\n", 1)[1] == bytes(20_000_000)
    assert engine.wait() == 0


def test_under_load_no_acknowledged_put_is_lost(engine):
    """Writers run into the shutdown; what was answered 200 is there."""
    acknowledged, lock = [], threading.Lock()

    def writer(n):
        try:
            with engine.connect() as s:
                for i in range(10000):
                    key = f"w{n}-{i}"
                    body = (b'{"key":"%s","data_b64":"QUFB"}' % key.encode())
                    s.sendall(head("POST", "/v1/put",
                                   f"Content-Length: {len(body)}") + body)
                    status, headers, _, _ = read_response(s)
                    assert status == 200
                    with lock:
                        acknowledged.append(key)
                    if headers.get("connection") == "close":
                        return
        except (OSError, AssertionError):
            return

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    wait_for(lambda: len(acknowledged) > 200, "200 puts")
    engine.signal(signal.SIGTERM)
    for t in threads:
        t.join()
    assert engine.wait() == 0
    engine.start()
    for key in acknowledged:
        assert engine.get(key).status_code == 200
