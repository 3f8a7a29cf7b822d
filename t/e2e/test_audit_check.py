"""The judge of audit files under kill -9 and power loss is itself judged: by a
doctored file for each thing that must not be.  So is the library that knows
what a power loss leaves."""

import json
import os
import subprocess
import sys

import pytest

from audit_check import (Trail, answer_end, claimed, late, missing,
                         synced_sizes, unlike)
from test_audit_chaos import POWER_LOSS


def line(request_id, amends=None, **more):
    record = {"ts": "2026-01-31T23:59:59.999Z", "tenant_id": "acme",
              "method": "GET", "path": "/v1/list/default",
              "namespace": "default", "status": 200, "cus": 0.1,
              "latency_ms": 1, "request_id": request_id}
    if amends is not None:
        record.update(status=499, cus=0.0, amends=amends)
    record.update(more)
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def faults(*lines):
    return Trail().feed(b"".join(lines)).finish()


@pytest.mark.parametrize("lines", [
    pytest.param([], id="nothing"),
    pytest.param([line("a"), line("b")], id="records"),
    pytest.param([line("a", status=304),
                  line("b", tenant_id=None, status=401, cus=0.0)],
                 id="of other statuses"),
    pytest.param([line("a"), line("b"), line("a", amends="a")], id="amended"),
    pytest.param([line("a")[:70] + b"\n", line("a")], id="fragment and record"),
    pytest.param([line("a")[:1] + b"\n", line("b"), line("a")],
                 id="fragment, another record, record"),
    pytest.param([line("a")[:-2] + b"\n", line("b")[:90] + b"\n", line("b"),
                  line("a")], id="two fragments and their records"),
    pytest.param([line("a")[:70] + b"\n", line("a")[:90] + b"\n", line("a")],
                 id="a record cut twice"),
])
def test_what_may_be(lines):
    assert faults(*lines) == []


@pytest.mark.parametrize("lines, word", [
    pytest.param([line("a"), line("a")], "twice", id="twice"),
    pytest.param([line("a"), line("a", status=499, cus=0.0)], "twice",
                 id="twice, without amends"),
    pytest.param([line("a")[:70] + line("b")], "no record of it", id="torn"),
    pytest.param([line("a")[70:], line("b")], "no record: ", id="an end alone"),
    pytest.param([line("a")[:-3] + b"\n", line("b")], "no record of it",
                 id="a fragment alone"),
    pytest.param([line("a"), line("a")[:70] + b"\n"], "no record of it",
                 id="a fragment behind its record"),
    pytest.param([line("a"), b"\n", line("b")], "no record: ",
                 id="an empty line"),
    pytest.param([line("a").rstrip()], "no end", id="no end"),
    pytest.param([line("a"), line("b")[:30]], "no end", id="torn at the end"),
    pytest.param([line("a", more=1)], "other members", id="another member"),
    pytest.param([line("a").replace(b'"cus":0.1,', b"")], "other members",
                 id="a member less"),
    pytest.param([line("a").replace(b'{"ts"', b'{"ts":"","ts"')],
                 "other members", id="a member twice"),
    pytest.param([line("a").replace(b'"status":200,"cus":0.1',
                                    b'"cus":0.1,"status":200')],
                 "other members", id="another order"),
    pytest.param([b"[]\n"], "no object", id="no object"),
    pytest.param([line("a", amends="a")], "not there", id="amends nothing"),
    pytest.param([line("b"), line("a", amends="b")], "not there",
                 id="amends another"),
    pytest.param([line("a"), line("a", amends="a"), line("a", amends="a")],
                 "amended twice", id="amended twice"),
    pytest.param([line("a"), line("a", amends="b")], "wrong way",
                 id="amends another's id"),
    pytest.param([line("a"), line("a", amends="a", status=200)], "wrong way",
                 id="amends with another status"),
    pytest.param([line("a"), line("a", amends="a", cus=0.1)], "wrong way",
                 id="amends with a charge"),
    pytest.param([line("a"), line("a", amends="a", path="/v1/put")],
                 "wrong way", id="amends something else"),
])
def test_what_must_not_be(lines, word):
    found = faults(*lines)
    assert len(found) == 1 and word in found[0], found


def test_in_pieces():
    """However little is read at a time, what is not whole does not count."""
    whole = line("a") + line("b")[:50] + b"\n" + line("b")
    trail = Trail()
    for n in range(len(whole)):
        trail.feed(whole[n:n + 1])
        assert ("a" in trail.status) == (n >= len(line("a")) - 1)
        assert ("b" in trail.status) == (n == len(whole) - 1)
    assert trail.finish() == []
    assert trail.fragments == 1


def test_fragments_of_a_power_loss():
    """One where the file ended, and none elsewhere."""
    trail = Trail().feed(line("a") + line("b")[:50])
    trail.power_lost()
    trail.feed(b"\n" + line("c"))
    assert trail.finish() == []
    assert trail.fragments == 1

    # its line feed is missing, so the next record is torn
    trail = Trail().feed(line("a") + line("b")[:50])
    trail.power_lost()
    trail.feed(line("c"))
    assert len(trail.finish()) == 1

    # the file ended with a line: nothing was cut
    trail = Trail().feed(line("a"))
    trail.power_lost()
    trail.feed(line("b")[:-3] + b"\n" + line("c"))
    assert len(trail.finish()) == 1

    # what was to follow is forgotten with the memory
    trail = Trail().feed(line("b")[:50] + b"\n" + line("a"))
    trail.power_lost()
    assert trail.finish() == []


def test_missing_unlike_late():
    trail = Trail().feed(line("a") + line("b", status=404) + line("c")
                         + line("c", amends="c") + line("d")[:-1])
    assert missing(trail, [("a", 200), ("b", 404, 1.0)]) == []
    assert missing(trail, [("a", 200), ("d", 200), ("e", 200)]) == ["d", "e"]
    assert unlike(trail, [("a", 200), ("b", 404), ("d", 200)]) == []
    assert unlike(trail, [("a", 404), ("b", 404), ("c", 200, 1.0)]) == [
        ("a", 404, 200), ("c", 200, 499)]
    answers = [("a", 200, 1.0), ("d", 200, 2.0), ("e", 200, 3.0)]
    assert late(trail, answers, 2.0) == []
    assert late(trail, answers, 2.5) == ["d"]
    assert late(trail, answers, 3.5) == ["d", "e"]


def test_claimed():
    trail = Trail().feed(line("a") + line("b", status=499) + line("c")
                         + line("c", amends="c"))
    assert claimed(trail, ["b", "c", "never seen"]) == []
    assert claimed(trail, ["a", "b"]) == ["a"]


ANSWERS = [
    ("GET", 200, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"),
    ("GET", 200, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HEAD", 200, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"),
    ("GET", 304, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"),
    ("POST", 204, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("GET", 200, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"a\r\n\r\n\r\n0\r\n\r\n-\r\n1\r\n.\r\n0\r\n\r\n"),
    ("HEAD", 200, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("GET", 200, b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n"
                 b"something, then the end\n"),
]


@pytest.mark.parametrize("method, status, answer", ANSWERS)
def test_received_whole(method, status, answer):
    """With its last byte, not before, and nothing of the next."""
    before = b"x" * 7
    for n in range(len(answer)):
        assert answer_end(before + answer[:n], 7, method) is None
    assert answer_end(before + answer, 7, method) == (status, 7 + len(answer))
    assert answer_end(before + answer * 2, 7, method) == (
        status, 7 + len(answer))


def test_synced_sizes():
    log = b"".join(text.ljust(63) + b"\n" for text in (
        b"1:2 100", b"1:3 7", b"1:2 300", b"1:2 200"))
    assert synced_sizes(b"") == {}
    assert synced_sizes(log) == {"1:2": 300, "1:3": 7}
    assert synced_sizes(log + b"1:2 4000000") == {"1:2": 300, "1:3": 7}


# A file that grows while it is synced, one that is only written, and a sync
# that fails.
WRITER = """
import os, sys, threading

log, path = sys.argv[1:]
file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
other = os.open(path + ".other", os.O_WRONLY | os.O_CREAT)
os.write(file, b"x" * 100)
os.write(other, b"x" * 100)
sync = threading.Thread(target=os.fsync, args=(file,))
sync.start()
noted = []
while sync.is_alive():
    noted.append(os.path.getsize(log))
    os.write(file, b"x")
    sync.join(0.001)
print(noted[len(noted) // 2], os.path.getsize(log), os.path.getsize(path))
os.fdatasync(file)
try:
    os.fsync(os.pipe()[0])
    sys.exit("synced a pipe")
except OSError:
    pass
if os.fork() == 0:
    os.write(file, b"x" * 50)
    os.fdatasync(file)
    os._exit(0)
os.wait()
"""


def test_what_survives_a_power_loss(tmp_path):
    """The size from before a sync that has succeeded, of that file alone."""
    log, path = tmp_path / "log", tmp_path / "file"
    run = subprocess.run(
        [sys.executable, "-c", WRITER, log, path], check=False, timeout=60,
        capture_output=True, text=True,
        env={**os.environ, "LD_PRELOAD": POWER_LOSS, "HX_POWER_LOSS_LOG":
             str(log), "HX_POWER_LOSS_DELAY": "500"})
    assert run.returncode == 0, run.stderr
    noted, noted_then, grown = map(int, run.stdout.split())
    assert (noted, noted_then) == (0, 64)       # when it was done, not before

    stat = path.stat()
    name = f"{stat.st_dev}:{stat.st_ino}"
    text = log.read_bytes()
    first = synced_sizes(text[:64])[name]
    assert 100 <= first < 100 + (grown - 100) / 2
    assert synced_sizes(text[:128]) == {name: grown}
    assert synced_sizes(text) == {name: grown + 50}
