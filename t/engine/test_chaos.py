"""kill -9, hundreds of times, under puts small, chunked and staged, batches,
deletes, and while old versions and those of deleted keys are being removed.

Whoever judges knows only what was answered: what was acknowledged is there,
what was not is there whole or not at all, and "hx-engine check" finds nothing,
the counters included.
"""

import base64
import hashlib
import json
import random
import struct
import threading
import time

import pytest
from conftest import SANITIZED, b64, head, read_response, wait_for

ROUNDS = 10 if SANITIZED else 30        # of each of these, together 300
WORKERS = range(10)
KEEP = 2
SIZES = [101, 5001, 300_001]            # in the record, one chunk, two chunks
STAGED = 8_600_001
BATCH = 5


def content(seed, size):
    """No array and nothing that could be packed: comes back bit by bit."""
    data = hashlib.shake_128(seed.encode()).digest(min(size, 100_000))
    return (data * (size // len(data) + 1))[:size]


class Key:
    """What is known of a key.  A version is sure to be there, perhaps there
    (its key was deleted since), or sure to be gone."""

    def __init__(self):
        self.version = 0
        self.live = False
        self.content = {}               # version: what was put
        self.perhaps = set()

    def put(self, what):
        self.version += 1
        self.live = True
        self.content[self.version] = what
        for v in [v for v in self.content if v <= self.version - KEEP]:
            del self.content[v]

    def delete(self):
        self.live = False
        self.perhaps |= set(self.content)


class Client(threading.Thread):
    """Writes to keys of its own until the engine is gone."""

    def __init__(self, engine, name, keys, rng):
        super().__init__()
        self.engine, self.name, self.keys, self.rng = engine, name, keys, rng
        self.answered = 0
        self.pending = None             # an action without an answer
        self.touched = set()
        self.error = None

    def call(self, s, method, path, body=b""):
        s.sendall(head(method, path, f"Content-Length: {len(body)}") + body)
        status, _, answer, _ = read_response(s)
        return status, json.loads(answer)

    def run(self):
        try:
            with self.engine.connect() as s:
                while True:
                    self.step(s)
                    self.answered += 1
        except OSError:
            pass
        except AssertionError as e:
            if "connection closed" not in str(e):
                self.error = e
        except Exception as e:          # the main thread tells it
            self.error = e

    def do(self, s, action, method, path, body=b""):
        """action: [(name, None = deleted, or what is put)]"""
        self.touched |= {name for name, _ in action}
        self.pending = action
        status, answer = self.call(s, method, path, body)
        assert status == 200, answer
        self.apply(action)
        self.pending = None
        return answer

    def apply(self, action):
        for name, what in action:
            if what is None:
                self.keys[name].delete()
            else:
                self.keys[name].put(what)

    def step(self, s):
        name = self.rng.choice(list(self.keys))
        key = self.keys[name]
        if key.live and self.rng.random() < 0.2:
            r = self.do(s, [(name, None)], "DELETE",
                        f"/v1/delete/default/{name}")
            assert r["version"] == key.version
            return
        size = self.size()
        seed = f"{name} {key.version + 1}"
        body = (b'{"key":"%s","data_b64":"%s"}'
                % (name.encode(), b64(content(seed, size)).encode()))
        r = self.do(s, [(name, (seed, size))], "POST", "/v1/put", body)
        assert r["version"] == key.version

    def size(self):
        return self.rng.choice(SIZES)

    def check(self, engine):
        """After the next start."""
        assert self.error is None, self.error
        self.resolve(engine)
        for name in self.touched:
            self.check_key(engine, name)

    def resolve(self, engine):
        """Was the last action done, which nobody answered?"""
        if self.pending is None:
            return
        done = set()
        for name, what in self.pending:
            key = self.keys[name]
            r = engine.get(name)
            version = r.json()["version"] if r.status_code == 200 else 0
            before = key.version if key.live else 0
            after = 0 if what is None else key.version + 1
            assert version in (before, after), (name, r.text)
            done.add(version == after)
        assert len(done) == 1, "half of it: %s" % self.pending
        if True in done:
            self.apply(self.pending)
        self.pending = None

    def check_key(self, engine, name):
        key = self.keys[name]
        r = engine.get(name)
        assert r.status_code == (200 if key.live else 404), (name, r.text)
        if key.live:
            assert r.json()["version"] == key.version
        for v in range(max(1, key.version - KEEP - 1), key.version + 1):
            r = engine.get(name, params={"version": v})
            if v not in key.content:
                assert r.status_code == 404, (name, v, r.text)
            elif v in key.perhaps and r.status_code == 404:
                pass
            else:
                assert r.status_code == 200, (name, v, r.text)
                self.check_value(engine, name, v, r.json())

    def is_latest(self, name, version):
        """And so cannot be removed meanwhile."""
        return self.keys[name].live and self.keys[name].version == version

    def check_value(self, engine, name, version, fields):
        data = content(*self.keys[name].content[version])
        assert fields["sha256"] == hashlib.sha256(data).hexdigest()
        if self.is_latest(name, version):
            r = engine.serve(name, version=version)
            assert r.status_code == 200, (name, version, r.text)
            assert base64.b64decode(r.json()["data_b64"]) == data


class StagedClient(Client):
    def size(self):
        return STAGED


class BatchClient(Client):
    """All keys at once: all of them have one generation."""

    def step(self, s):
        n = max(key.version for key in self.keys.values()) + 1
        item = [{"key": name, "metadata": {"n": n}, "dtype": "float64",
                 "shape": [4],
                 "cores": [{"shape": [1, 2, 1],
                            "data_b64": b64(struct.pack("<2d", n, i))}
                           for i in (1, 2)]}
                for name in self.keys]
        body = json.dumps({"items": item}).encode()
        self.do(s, [(name, n) for name in self.keys], "POST",
                "/v1/put_cores_batch", body)

    def check_value(self, engine, name, version, fields):
        n = self.keys[name].content[version]
        assert fields["metadata"] == {"n": n}
        if self.is_latest(name, version):
            r = engine.serve(name, version=version).json()["data_b64"]
            want = [n * n, n * 2.0, n, 2.0]
            assert base64.b64decode(r) == struct.pack("<4d", *want)


@pytest.mark.parametrize("worker", WORKERS)
def test_killed_over_and_over(make_engine, worker):
    e = make_engine(HOLONOMIX_KEEP_VERSIONS=KEEP, HOLONOMIX_PURGE_DELETED=1,
                    HOLONOMIX_LOG_LEVEL="info").start()
    rng = random.Random(worker)
    kinds = [("a", 8, Client), ("b", 8, Client), ("c", 3, Client),
             ("staged", 2, StagedClient), ("batch", BATCH, BatchClient)]
    keys = {name: {f"{name}-{i}": Key() for i in range(n)}
            for name, n, _ in kinds}
    total = 0

    for round_ in range(ROUNDS):
        clients = [kind(e, name, keys[name], random.Random(rng.random()))
                   for name, _, kind in kinds]
        for c in clients:
            c.start()
        want = rng.randrange(5, 60)
        wait_for(lambda c=clients, n=want: sum(x.answered for x in c) >= n
                 or any(x.error for x in c), "answers", 60)
        time.sleep(rng.random() / 50)   # any moment, that is
        e.kill()
        for c in clients:
            c.join()
        if round_ % 5 == 4:
            e.check()
        e.start()
        for c in clients:
            c.check(e)
            total += c.answered

    for name, _, kind in kinds:
        c = kind(e, name, keys[name], rng)
        c.touched = set(keys[name])
        c.check(e)
    e.env["HOLONOMIX_LOG_LEVEL"] = "debug"
    e.stop()
    e.check()
    assert total >= 5 * ROUNDS
