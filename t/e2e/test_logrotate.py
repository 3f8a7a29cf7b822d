"""logrotate with our file (packaging/logrotate), a day each time, while the
gate is under load: every request that was answered is on record once, in one of
the files, in a whole line."""

import gzip
import json
import os
import re
import subprocess
import threading
from collections import Counter

import pytest

from conftest import TOP, until
from http_load import saturate
from own_nginx import PATIENCE, LoneGate, Upstream, as_root, give, started

OURS = TOP / "packaging" / "logrotate" / "hx-gate"
ROTATIONS = 24
FAKETIME = "/usr/$LIB/faketime/libfaketime.so.1"


class Logrotate:
    """The real one, with our file on paths of the test; each run is a day
    after the one before."""

    def __init__(self, directory, log, pid_file):
        self.directory = directory
        self.days = 0
        self.conf = directory / "hx-gate"
        text = OURS.read_text()
        for old, new in (("/var/log/hx-gate", log), ("/run/nginx.pid",
                                                     pid_file)):
            assert old in text
            text = text.replace(old, str(new))
        if not as_root():
            text = re.sub(r"(?m)^    su .*\n", "", text)
            text = re.sub(r"(?m)^    create .*", "    create 0640", text)
        self.conf.write_text(text)
        self.conf.chmod(0o644)

    def run(self):
        self.days += 1
        env = {**os.environ, "LD_PRELOAD": FAKETIME, "TZ": "UTC",
               "FAKETIME": f"+{self.days}d",
               "PATH": os.environ["PATH"] + ":/usr/sbin"}
        done = subprocess.run(
            ["logrotate", "--force", "-s", self.directory / "state", self.conf],
            env=env, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class Load:
    """Requests without end, on a thread, until stop()."""

    def __init__(self, gate):
        self.ends = {}
        self.over = False
        self.serial = 0
        self.text = (f"GET /v1/list/default HTTP/1.1\r\nHost: gate\r\n"
                     f"X-Api-Key: {gate.keys['acme']}\r\nX-Request-Id: ")
        self.thread = threading.Thread(target=saturate, args=(
            gate.port, 8, 4, self.request, self.tell))
        self.thread.start()

    def request(self):
        if self.over:
            return None
        self.serial += 1
        name = f"rotate-{self.serial}"
        return name, f"{self.text}{name}\r\n\r\n".encode()

    def tell(self, name, status, _):
        self.ends[name] = status

    def progress(self, n):
        """Waits for n more answers."""
        mark = len(self.ends) + n
        until(lambda: len(self.ends) >= mark, PATIENCE, f"{n} answers")

    def stop(self):
        self.over = True
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.ends


def open_logs(pid, directory):
    """(device, inode) of the files of a directory that a process has open."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            path = os.readlink(f"/proc/{pid}/fd/{fd}")
            if path.startswith(f"{directory}/"):
                found.add(identity(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass                    # closed meanwhile
    return found


def identity(path):
    status = os.stat(path)
    return status.st_dev, status.st_ino


def reopened(gate, log):
    """All write to the new file, and nobody has an old one."""
    wanted = {identity(log / "audit.jsonl")}
    return all(open_logs(pid, log) == wanted
               for pid in [gate.master, *gate.workers()])


def lines_of(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    assert data == b"" or data.endswith(b"\n"), path
    return data.splitlines()


def wrong(ends, files):
    """Requests that are not on record once."""
    seen = Counter(json.loads(line).get("request_id")
                   for file in files for line in lines_of(file))
    return [name for name in ends if seen[name] != 1]


@pytest.fixture
def upstream(state_dirs):
    with started(Upstream(state_dirs())) as server:
        yield server


@pytest.mark.parametrize("durability", ["buffered", "write"])
def test_no_line_is_lost_or_doubled(state_dirs, upstream, durability):
    own = state_dirs()
    log = own / "log"
    log.mkdir(parents=True)
    give(log)
    gate = LoneGate(
        own / "gate", upstream.port, workers=2,
        audit=f"{log}/audit.jsonl flush=20ms durability={durability}",
        http="hx_gate_rate_limit off;")
    logrotate = Logrotate(own, log, gate.directory / "nginx.pid")
    with started(gate):
        gate.onboard("acme")
        load = Load(gate)
        try:
            for _ in range(ROTATIONS):
                load.progress(100)
                until(lambda: (log / "audit.jsonl").stat().st_size, PATIENCE,
                      "some records")
                logrotate.run()
                until(lambda: reopened(gate, log), PATIENCE, "the new file")
            load.progress(100)
        finally:
            ends = load.stop()
        gate.stop()

    assert set(ends.values()) == {200}
    files = sorted(log.iterdir())
    assert len(files) == ROTATIONS + 1
    # all but the newest one, and none twice
    assert sum(file.suffix == ".gz" for file in files) == ROTATIONS - 1
    # the first one was made by nginx, with its own mode
    for file in [files[0], *files[2:]]:
        assert file.stat().st_mode & 0o777 == 0o640, file
    assert not wrong(ends, files)
    assert not re.search(r"\[(alert|emerg|crit)\]", gate.error_log.read_text())


def test_without_nginx(state_dirs):
    """The file is rotated, and nobody is signalled."""
    own = state_dirs()
    log = own / "log"
    log.mkdir(parents=True)
    give(log)
    logrotate = Logrotate(own, log, own / "nginx.pid")
    for old in (None, "999999999\n"):       # no pid there, one of nobody
        if old:
            (own / "nginx.pid").write_text(old)
        (log / "audit.jsonl").write_text("{}\n")
        give(log / "audit.jsonl")
        logrotate.run()
        assert (log / "audit.jsonl").read_bytes() == b""


def test_what_is_wrong_is_seen(tmp_path):
    ends = {"a": 200, "b": 200}
    records = [json.dumps({"request_id": name}) + "\n" for name in ends]
    plain, packed = tmp_path / "1", tmp_path / "2.gz"
    for first, second, found in (
            (records[0], records[1], []), (records[0], "", ["b"]),
            ("".join(records), records[1], ["b"])):
        plain.write_text(first)
        packed.write_bytes(gzip.compress(second.encode()))
        assert wrong(ends, [plain, packed]) == found
    plain.write_text(records[0][:-1])
    with pytest.raises(AssertionError):
        wrong(ends, [plain])
    plain.write_text(records[0][5:])
    with pytest.raises(ValueError):
        wrong(ends, [plain])
