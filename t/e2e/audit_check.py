"""Judges an audit file by what clients have received.  Nothing here touches a
file, a socket or a clock: bytes in, verdicts out.

A trail says what must not be in a file, whoever was killed while it grew:
lines that are no record, records that are there twice.  What of an answer's
record depends on when the file was looked at is said by missing(), unlike() and
late()."""

import json

from http_load import field
from test_audit import MEMBERS

BEGIN = b'{"ts":"'
# what a record and the one that amends it have in common
SAME = ("tenant_id", "method", "path", "namespace")
# ends a body that has no length, so that its last byte can be told
END = b"the end\n"


def answer_end(stream, at, method):
    """The answer to a request of that method, from the offset "at" on: (status,
    offset behind its last byte), or None when a byte of it is missing."""
    end = stream.find(b"\r\n\r\n", at)
    if end < 0:
        return None
    head = bytes(stream[at:end + 2])
    assert head.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), head
    status = int(head[9:12])
    at = end + 4
    if method == "HEAD" or status in (204, 304):
        return status, at
    if field(head, b"Transfer-Encoding") == b"chunked":
        at = chunks_end(stream, at)
        return None if at is None else (status, at)
    length = field(head, b"Content-Length")
    if length is not None:
        at += int(length)
        return None if at > len(stream) else (status, at)
    found = stream.find(END, at)
    return None if found < 0 else (status, found + len(END))


def chunks_end(stream, at):
    """Behind the last of the chunks from the offset "at" on, or None."""
    while True:
        end = stream.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(bytes(stream[at:end]), 16)
        at = end + 2 + size + 2
        if at > len(stream):
            return None
        assert stream[at - 2:at] == b"\r\n"
        if size == 0:
            return at


def is_fragment(line):
    """The beginning of a record, as far as can be seen."""
    return line != b"" and (line.startswith(BEGIN) or BEGIN.startswith(line))


def still_alone(fragments, line):
    """Those that a record, now there, is not the whole of."""
    return [fragment for fragment in fragments
            if not line.startswith(fragment)]


class Trail:
    """What has been read of an audit file, from its beginning on.

    A fragment, the beginning of a record that a write was cut in, may stand on
    a line of its own if the record follows.  What is wrong is in "faults"."""

    def __init__(self):
        self.rest = b""         # a line whose end has not been read
        self.status = {}        # request id: status, by its last record
        self.amended = set()
        self.faults = []
        self.fragments = 0      # all there were
        self.following = []     # fragments whose records are to follow
        self.cut = None         # a fragment whose record will not follow
        self.common = {}        # of SAME, by request id

    def feed(self, data):
        """What has been added to the file; returns the trail."""
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            self.add(line)
        return self

    def power_lost(self):
        """The file ends with what was read, and nothing remembers what was to
        follow: a fragment at the end stays one."""
        self.following.clear()
        self.cut = self.rest or None

    def finish(self):
        """Nothing will be added; all faults."""
        if self.rest:
            self.faults.append(f"no end: {self.rest!r}")
        self.faults += [f"a fragment, and no record of it: {fragment!r}"
                        for fragment in self.following]
        return self.faults

    def add(self, line):
        cut, self.cut = self.cut, None
        try:
            pairs = json.loads(line, object_pairs_hook=Pairs)
        except ValueError:
            pairs = None
        if pairs is None:
            self.torn(line, cut)
        elif not isinstance(pairs, Pairs):
            self.faults.append(f"no object: {line!r}")
        else:
            self.record(line, pairs)

    def torn(self, line, cut):
        if not is_fragment(line):
            self.faults.append(f"no record: {line!r}")
        elif line == cut:
            self.fragments += 1
        else:
            self.fragments += 1
            self.following.append(line)

    def record(self, line, pairs):
        self.following = still_alone(self.following, line)
        names = [name for name, _ in pairs]
        if names not in (MEMBERS, AMENDING):
            self.faults.append(f"other members: {line!r}")
            return
        record = dict(pairs)
        name = record["request_id"]
        common = tuple(record[member] for member in SAME)
        if "amends" in record:
            if name not in self.status:
                self.faults.append(f"amends what is not there: {line!r}")
            elif name in self.amended:
                self.faults.append(f"amended twice: {line!r}")
            elif (record["amends"] != name or record["status"] != 499
                  or record["cus"] != 0 or common != self.common[name]):
                self.faults.append(f"amends in a wrong way: {line!r}")
            self.amended.add(name)
        elif name in self.status:
            self.faults.append(f"twice: {line!r}")
        self.status[name] = record["status"]
        self.common[name] = common


class Pairs(list):
    """The members of an object, in their order."""


AMENDING = MEMBERS + ["amends"]


def missing(trail, answers):
    """Of answers [(id, status, ...)] that were received whole: the ids of those
    without a record."""
    return [name for name, *_ in answers if name not in trail.status]


def unlike(trail, answers):
    """Of the same: [(id, status received, status recorded)] where they differ,
    as they do when a record takes back an answer that was received."""
    return [(name, status, trail.status[name]) for name, status, *_ in answers
            if trail.status.get(name, status) != status]


def late(trail, answers, before):
    """Of answers [(id, status, time received, ...)]: the ids of those received
    "before" that time and without a record."""
    return [name for name, _, got, *_ in answers
            if got < before and name not in trail.status]


def claimed(trail, names):
    """Of requests whose clients left before the last byte: those whose last
    record does not say so, although they have one."""
    return [name for name in names if trail.status.get(name, 499) != 499]


def synced_sizes(log):
    """{"device:inode": bytes} that survive a power loss, from what
    hx_power_loss.c has written; the last line may be cut."""
    sizes = {}
    for line in log[:len(log) // 64 * 64].decode().splitlines():
        inode, size = line.split()
        sizes[inode] = max(sizes.get(inode, 0), int(size))
    return sizes
