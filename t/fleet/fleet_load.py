"""hx_fleet_load: clients of several gates at a constant rate.  Commands and the
meaning of its records are at the head of t/lib/hx_fleet_load.c."""

import json
import subprocess

import numpy as np

from conftest import program

RECORD = np.dtype([("due", "<u8"), ("sent", "<u8"), ("got", "<u8"),
                   ("slot", "<u4"), ("retry_after", "<u4"),
                   ("status", "<u2"), ("node", "u1"), ("end", "u1"),
                   ("zero", "<u4")])
LIST = "/v1/list/default"
ENDS = ["answered", "not connected", "lost", "late"]


class Load:
    """One process of clients; "with" ends it.  Nothing is asked for before
    add() has said what."""

    def __init__(self, directory, ports, rate):
        self.file = directory / "load.records"
        self.ports = list(ports)
        self.rate_wanted = rate
        self.process = None
        self.summary = None

    def start(self):
        self.process = subprocess.Popen(
            [program("hx_fleet_load", "HX_FLEET_LOAD"), str(self.file),
             str(self.rate_wanted), *map(str, self.ports)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def _say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def add(self, key=None, weight=1, path=LIST, nodes=None):
        """Requests with a key ("?": unknown ones, None: without) to nodes (of
        all, or their numbers); the slot that their records have."""
        nodes = range(len(self.ports)) if nodes is None else nodes
        answer = self._say(f"add {''.join(map(str, nodes))} {weight} {path} "
                           f"{key or '-'}")
        assert answer.startswith("slot "), answer
        return int(answer[5:])

    def weight(self, slot, weight):
        assert self._say(f"weight {slot} {weight}") == "ok\n"

    def rate(self, rate):
        assert self._say(f"rate {rate}") == "ok\n"

    def records(self):
        """Of all requests that have ended so far."""
        if self.process is not None:
            assert self._say("sync") == "ok\n"
        return np.fromfile(self.file, RECORD)

    def stop(self):
        """No more requests, all have their ends: their records."""
        if self.process is not None:
            self.summary = json.loads(self._say("stop"))
            self.process.stdin.close()
            code = self.process.wait(20)
            self.process.stdout.close()
            self.process = None
            assert code == 0
            assert self.summary["overflow"] == 0, self.summary
        return self.records()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.process.kill()
            self.process.wait(20)
            self.process = None


def delays(records):
    """Milliseconds from when each was due to its answer: a request that had
    to wait for a connection counts from then on, too."""
    return (records["got"] - records["due"]) / 1e6


def percentiles(values):
    """(median, 99th percentile, most); zeros of nothing."""
    if not len(values):
        return 0.0, 0.0, 0.0
    return tuple(float(v) for v in (*np.percentile(values, [50, 99]),
                                    np.max(values)))


def between(records, begin, end):
    """Those that were sent in [begin, end), ns of the monotonic clock."""
    return records[(records["sent"] >= begin) & (records["sent"] < end)]


def statuses(records):
    """{status: how many}; 0 has no answer."""
    found, counts = np.unique(records["status"], return_counts=True)
    return {int(s): int(n) for s, n in zip(found, counts)}


def use_after(records, slot, when):
    """How long after "when" (ns) a key was still accepted, in ms: (surely, at
    most), zeros when it was not.  A request was accepted at some time between
    "sent" and "got"; one sent before "when" accuses nobody."""
    mine = records[(records["slot"] == slot) & (records["status"] == 200)
                   & (records["sent"] > when)]
    if not len(mine):
        return 0.0, 0.0
    return ((int(mine["sent"].max()) - when) / 1e6,
            (int(mine["got"].max()) - when) / 1e6)
