"""hx-engine backup, check, restore, help."""

import fcntl
import hashlib
import os
import resource
import signal
import subprocess
import threading

import pytest
from conftest import b64, head, program, read_response, wait_for

SIZES = [101, 5001, 300_001]     # no arrays: they come back bit by bit


def content(key, version, size):
    seed = hashlib.sha256(f"{key} {version}".encode()).digest()
    return (seed * (size // 32 + 1))[:size]


class Writer(threading.Thread):
    """Puts and deletes keys of its own, until it is told to stop."""

    def __init__(self, engine, name):
        super().__init__()
        self.engine, self.name = engine, name
        self.latest = {}        # key: version, 0 = deleted
        self.end = threading.Event()
        self.error = None

    def call(self, s, method, path, body=b""):
        s.sendall(head(method, path, f"Content-Length: {len(body)}") + body)
        status, _, answer, _ = read_response(s)
        assert status == 200, (path, answer)

    def run(self):
        version = {}
        try:
            with self.engine.connect() as s:
                i = 0
                while not self.end.is_set():
                    key = f"{self.name}-{i % 20}"
                    i += 1
                    if i % 7 == 0 and self.latest.get(key):
                        self.call(s, "DELETE", f"/v1/delete/default/{key}")
                        self.latest[key] = 0
                        continue
                    v = version.get(key, 0) + 1
                    data = content(key, v, SIZES[i % 3])
                    self.call(s, "POST", "/v1/put",
                              b'{"key":"%s","data_b64":"%s"}'
                              % (key.encode(), b64(data).encode()))
                    self.latest[key] = version[key] = v
        except (OSError, AssertionError) as e:
            self.error = e


@pytest.fixture
def load(make_engine):
    """An engine under load: puts, deletes, versions that go."""
    e = make_engine(HOLONOMIX_KEEP_VERSIONS=3, HOLONOMIX_PURGE_DELETED=1)
    e.start()
    e.writers = [Writer(e, f"w{n}") for n in range(4)]
    for w in e.writers:
        w.start()
    wait_for(lambda: all(len(w.latest) > 15 for w in e.writers), "some puts")
    yield e
    for w in e.writers:
        w.end.set()
        w.join()
    assert not [w.error for w in e.writers if w.error]


def test_help():
    for word in "help", "--help", "-h":
        p = subprocess.run([program(), word], capture_output=True, text=True,
                           timeout=20, check=False)
        assert p.returncode == 0 and p.stderr == ""
        for name in "backup", "check", "restore", "HOLONOMIX_DATA_DIR":
            assert name in p.stdout
        assert all(len(x) <= 80 for x in p.stdout.splitlines())


@pytest.mark.parametrize("words", [
    ["bakcup"], [""], ["-x"], ["backup"], ["backup", "a", "b"], ["restore"],
    ["check", "a", "b"], ["x" * 1000]])
def test_wrong_words(tmp_path, words):
    p = subprocess.run([program(), *words], capture_output=True, text=True,
                       cwd=tmp_path, timeout=20, check=False)
    assert p.returncode == 2 and p.stdout == ""
    assert p.stderr.startswith("hx-engine: ") and len(p.stderr) < 200
    assert not list(tmp_path.iterdir())


def test_backup_and_restore_under_load(load, make_engine, tmp_path):
    """What was acknowledged before the backup is in it, and all is whole."""
    before = [dict(w.latest) for w in load.writers]
    target = tmp_path / "backup"
    p = load.command("backup", target)
    assert p.returncode == 0, p.stderr
    after = [dict(w.latest) for w in load.writers]
    load.check()
    load.check(target)
    assert [f.name for f in target.iterdir()] == ["data.mdb"]
    assert os.stat(target).st_mode & 0o777 == 0o700
    assert os.stat(target / "data.mdb").st_mode & 0o777 == 0o600

    other = make_engine("other")
    p = load.command("restore", target, data=other.data)
    assert p.returncode == 0, p.stderr
    other.start()
    for w, old, new in zip(load.writers, before, after):
        for key, version in old.items():
            r = other.get(key)
            if r.status_code == 404:
                # deleted by then, or between
                assert version == 0 or new[key] != version
                continue
            v = r.json()["version"]
            assert v >= version
            assert new[key] == 0 or v <= new[key] + 1
            size = r.json()["original_bytes"]
            assert r.json()["sha256"] == \
                hashlib.sha256(content(key, v, size)).hexdigest()
            data = other.serve(key).json()["data_b64"]
            assert data == b64(content(key, v, size))
    other.stop()
    other.check()


def test_check_under_load(load):
    puts = []
    for _ in range(5):
        load.check()
        puts.append(sum(sum(w.latest.values()) for w in load.writers))
    assert puts[-1] > puts[0]


def test_check_and_backup_of_a_stopped_engine(engine, tmp_path):
    engine.put("k", b"x" * 10_000)
    engine.stop()
    (engine.data / "lock.mdb").unlink()
    engine.check()
    assert engine.command("backup", tmp_path / "b").returncode == 0
    assert not (engine.data / "lock.mdb").exists()
    engine.start()
    assert engine.serve("k").status_code == 200


def test_no_engine_starts_while_it_is_looked_at(engine):
    engine.stop()
    with open(engine.data / "engine.lock", "rb") as f:
        fcntl.flock(f, fcntl.LOCK_SH)
        p = engine.command()
        assert p.returncode == 1
        assert "in use by another hx-engine" in p.stderr
        engine.check()


def test_targets_that_are_refused(engine, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").write_text("x")
    p = engine.command("backup", full)
    assert p.returncode == 1 and "not empty: there is x" in p.stderr
    assert [f.name for f in full.iterdir()] == ["x"]
    p = engine.command("backup", tmp_path / "a" / "b")
    assert p.returncode == 1 and "cannot create" in p.stderr
    p = engine.command("backup", full / "x")
    assert p.returncode == 1
    p = engine.command("backup", tmp_path / "new", data=tmp_path / "none")
    assert p.returncode == 1 and "there is no store" in p.stderr
    assert not (tmp_path / "new").exists()


def test_an_empty_directory_is_taken(engine, tmp_path):
    (tmp_path / "empty").mkdir(mode=0o750)
    assert engine.command("backup", tmp_path / "empty").returncode == 0
    assert os.stat(tmp_path / "empty").st_mode & 0o777 == 0o750
    engine.check(tmp_path / "empty")


def test_backup_to_a_full_disk(engine, tmp_path):
    engine.put("k", os.urandom(3_000_000))
    p = engine.command("backup", tmp_path / "b", preexec_fn=lambda:
                       resource.setrlimit(resource.RLIMIT_FSIZE,
                                          (1 << 20, 1 << 20)))
    assert p.returncode == 1 and "cannot copy" in p.stderr
    assert not list((tmp_path / "b").iterdir())
    assert engine.command("backup", tmp_path / "b").returncode == 0


def test_restore_refuses(engine, make_engine, tmp_path):
    engine.put("k", b"value")
    backup = tmp_path / "b"
    assert engine.command("backup", backup).returncode == 0
    p = engine.command("restore", backup)
    assert p.returncode == 1 and "not empty" in p.stderr

    other = make_engine("other").start()
    for f in other.data.glob("*.mdb"):
        f.unlink()
    p = engine.command("restore", backup, data=other.data)
    assert p.returncode == 1 and "in use by an hx-engine" in p.stderr
    other.kill()

    # a stopped engine's lock files may lie there
    p = engine.command("restore", backup, data=other.data)
    assert p.returncode == 0, p.stderr
    other.start()
    assert other.serve("k").json()["data_b64"] == b64(b"value")

    p = engine.command("restore", tmp_path / "none", data=tmp_path / "x")
    assert p.returncode == 1 and "there is no store" in p.stderr
    assert not (tmp_path / "x").exists()


def test_restore_of_a_damaged_backup(engine, tmp_path):
    data = os.urandom(100_000)
    engine.put("k", data)
    engine.put("good", os.urandom(100_000))
    backup = tmp_path / "b"
    assert engine.command("backup", backup).returncode == 0
    raw = bytearray((backup / "data.mdb").read_bytes())
    raw[raw.index(data[:64]) + 5] ^= 1
    (backup / "data.mdb").write_bytes(raw)
    p = engine.command("check", backup)
    assert p.returncode == 1
    assert p.stdout.startswith("default/k/1: chunk 1 of 1 of its value is "
                               "damaged\n")
    p = engine.command("restore", backup, data=tmp_path / "new")
    assert p.returncode == 1 and "damaged, nothing was restored" in p.stderr
    assert "default/k/1" in p.stdout
    assert not list((tmp_path / "new").glob("data.mdb*"))


def test_check_names_what_a_short_file_lacks(engine, monkeypatch):
    """The start is refused or the rest is served; check says what is bad."""
    # what LMDB was doing when its page was not there is never ended
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0:"
                       + os.environ.get("ASAN_OPTIONS", ""))
    for i in range(40):
        engine.put(f"k{i:02}", os.urandom(200_000))
    engine.stop()
    path = engine.data / "data.mdb"
    whole = path.read_bytes()
    named = set()
    for part in 0.3, 0.6, 0.9:
        path.write_bytes(whole[:int(len(whole) * part) // 4096 * 4096])
        p = engine.command("check")
        assert p.returncode == 1, p.stdout + p.stderr
        named |= {x.split("/")[1] for x in p.stdout.splitlines()
                  if x.startswith("default/k")}
        p = engine.command("backup", engine.directory / "b")
        assert p.returncode == 1
        assert not list((engine.directory / "b").iterdir())
    assert named
    path.write_bytes(whole)
    engine.check()


def test_start_on_a_short_file(engine):
    """It is refused with a clear line, or what is there is served."""
    for i in range(40):
        engine.put(f"k{i:02}", os.urandom(200_000))
    engine.stop()
    path = engine.data / "data.mdb"
    whole = path.read_bytes()
    refused = 0
    for size in [len(whole) // 4, len(whole) // 2] + [
            len(whole) - 4096 * n for n in (1, 2, 3, 5, 8, 20, 50)]:
        path.write_bytes(whole[:size])
        try:
            engine.start()
        except AssertionError as e:
            assert "data.mdb was cut short" in str(e)
            engine.wait()
            refused += 1
            continue
        answers = [engine.serve(f"k{i:02}").status_code for i in range(40)]
        assert set(answers) <= {200, 500} and 200 in answers
        engine.stop()
        assert engine.command("check").returncode == (500 in answers)
    assert refused > 1


def test_check_of_what_is_no_store(engine, tmp_path):
    assert engine.command("check", tmp_path / "none").returncode == 2
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "data.mdb").write_bytes(os.urandom(100_000))
    assert engine.command("check", tmp_path / "foreign").returncode == 1


def copied(target):
    return sum(f.stat().st_size for f in target.glob("data.mdb.part"))


def test_a_killed_backup_keeps_no_pages(make_engine, tmp_path):
    e = make_engine(HOLONOMIX_KEEP_VERSIONS=1,
                    HOLONOMIX_MAP_SIZE=80 << 20).start()
    for n in range(5):
        assert e.put(f"k{n}", os.urandom(8_000_000)).status_code == 200

    # one that is stopped in the middle
    for n in range(50):
        target = tmp_path / f"b{n}"
        p = subprocess.Popen([program(), "backup", str(target)],
                             env=e.environment(), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        wait_for(lambda t=target, p=p: copied(t) or p.poll() is not None,
                 "the copy to begin")
        p.send_signal(signal.SIGSTOP)
        if 0 < copied(target) < 30_000_000:
            break
        p.kill()
        p.communicate(timeout=60)
    else:
        raise AssertionError("no backup could be stopped")

    # it holds what was there: five more and the map is full
    codes = [e.put(f"k{n % 5}", os.urandom(8_000_000)).status_code
             for n in range(8)]
    assert 503 in codes
    p.kill()
    p.communicate(timeout=60)
    wait_for(lambda: e.put("k0", os.urandom(8_000_000)).status_code == 200,
             "the pages to come back")
    for n in range(20):
        r = e.put(f"k{n % 5}", os.urandom(8_000_000))
        assert r.status_code == 200, (n, r.text)


def test_commands_end_on_signals(engine, tmp_path):
    """SIGTERM in the middle: nothing half-done is left."""
    for i in range(30):
        engine.put(f"k{i}", os.urandom(4_000_000))
    env = engine.environment()
    target = tmp_path / "b"
    seen = 0

    for n in range(10):
        p = subprocess.Popen([program(), "backup", str(target)], env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda p=p, n=n: copied(target) > n * 8_000_000
                 or p.poll() is not None, "the copy to go on")
        p.send_signal(signal.SIGTERM)
        p.communicate(timeout=60)
        left = [f.name for f in target.iterdir()]
        if p.returncode == 0:
            assert left == ["data.mdb"]
            (target / "data.mdb").unlink()
        else:
            assert left == [], p.returncode
            seen += 1
    assert seen > 0
