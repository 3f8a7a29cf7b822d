"""kill -9 under load: every acknowledged put is there, whole, afterwards."""

import base64
import hashlib
import threading

from conftest import b64, head, read_response, wait_for

ROUNDS = 5
SIZES = [100, 5000, 300_000, 9_000_000]     # inline, one chunk, some, staged


def content(key, size):
    # no float64 in front, so that this is bytes and no array
    seed = b"\xff" * 8 + hashlib.sha256(key.encode()).digest()
    return (seed * (size // 40 + 1))[:size]


class Writer(threading.Thread):
    """Puts keys until the connection dies; remembers what was answered."""

    def __init__(self, engine, name, size):
        super().__init__()
        self.engine, self.prefix, self.size = engine, name, size
        self.acknowledged = {}

    def run(self):
        try:
            with self.engine.connect() as s:
                for i in range(100000):
                    key = f"{self.prefix}-{i % 50}"
                    body = (b'{"key":"%s","data_b64":"%s","metadata":{"i":%d}}'
                            % (key.encode(),
                               b64(content(key, self.size)).encode(), i))
                    s.sendall(head("POST", "/v1/put",
                                   f"Content-Length: {len(body)}") + body)
                    status, _, answer, _ = read_response(s)
                    assert status == 200, answer
                    self.acknowledged[key] = i
        except (OSError, AssertionError):
            return


def test_kill_9_loses_nothing_that_was_acknowledged(make_engine):
    engine = make_engine().start()
    known, total = {}, 0

    for round_ in range(ROUNDS):
        writers = [Writer(engine, f"r{round_}w{n}s{size}", size)
                   for n, size in enumerate(SIZES + [100, 100, 5000])]
        for w in writers:
            w.start()
        wait_for(lambda: sum(len(w.acknowledged) for w in writers
                             if w.size < 10000) > 120
                 and writers[3].acknowledged, "some puts", 60)
        engine.kill()
        for w in writers:
            w.join()
            for key, i in w.acknowledged.items():
                known[key] = (w.size, i)
                total += 1
        engine.start()
        wait_for(lambda: engine.request("GET", "/ready").status_code == 200,
                 "the index")
        for key, (size, i) in known.items():
            r = engine.get(key)
            assert r.status_code == 200, (round_, key, r.text)
            assert r.json()["metadata"]["i"] >= i
            want = content(key, size)
            assert r.json()["sha256"] == hashlib.sha256(want).hexdigest()
            if key.startswith(f"r{round_}"):
                data = engine.serve(key).json()["data_b64"]
                assert base64.b64decode(data) == want

    assert total > 100 * ROUNDS


def test_versions_go_on_after_a_kill(engine):
    assert engine.put("k", b"x").json()["version"] == 1
    engine.kill()
    engine.start()
    assert engine.put("k", b"x", expected_version=1).json()["version"] == 2


def test_concurrent_puts_share_one_sync(engine):
    """The counters of the last log line: fewer commits than puts."""
    threads = []

    def writer(n):
        with engine.connect() as s:
            for i in range(50):
                body = b'{"key":"k%d-%d","data_b64":"QUFB"}' % (n, i)
                s.sendall(head("POST", "/v1/put",
                               f"Content-Length: {len(body)}") + body)
                assert read_response(s)[0] == 200

    for n in range(16):
        threads.append(threading.Thread(target=writer, args=(n,)))
        threads[-1].start()
    for t in threads:
        t.join()
    engine.stop()
    stats = engine.log("store")[-1]
    assert stats["puts"] == 800 and stats["failures"] == 0
    assert stats["commits"] < 600, stats
    assert stats["batch_max"] > 1
