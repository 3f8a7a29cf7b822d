"""Who has received an answer finds it in the audit file, whatever is killed and
when: workers, the master, all of nginx, the power.

durability=write: at any moment, also when all of nginx was killed and is not
started again.  durability=fsync: also in what a power loss leaves of the file.
durability=buffered: once nginx runs again; a power loss takes what was answered
within the last flush=.  Always: no record is there twice, a fragment only on a
line of its own and with its record behind it.

A power loss is the death of all processes, the audit file cut to the size that
was synced last (hx_power_loss.c takes it down) and the shared memory gone.
That the judge would find what is missing is shown with durabilities that
promise less."""

import os
import random
import select
import shlex
import signal
import socket
import threading
import time
from collections import Counter

import pytest

from audit_check import (END, Trail, answer_end, claimed, late, missing,
                         synced_sizes, unlike)
from conftest import TOP, free_port, until
from http_load import Broken, Pipeline
from own_nginx import (ASAN, PATIENCE, PLAIN, SERVER, LoneGate, Nginx, give,
                       started)

POWER_LOSS = os.environ.get("HX_POWER_LOSS") or str(
    TOP / "build" / os.environ.get("HX_BUILD", "release") / "hx_power_loss.so")
# deaths, in all tests of this file together
ROUNDS = int(os.environ.get("HX_CHAOS_ROUNDS") or (100 if ASAN else 200))
DEPTH = 4               # requests outstanding on a connection
CONNECTIONS = 44        # and those of HTTP/1.0, with one request each
OLD_CONNECTIONS = 4
LARGE = 1 << 20
FLUSH = 0.3             # seconds, of the buffered
TOLERANCE = 1.0         # seconds, a timer may be late by

# weight, method, target, body, key: of the tenant unless said otherwise.  "b"
# is the kind of body.  /v1/get/ is not buffered by the gate.
REQUESTS = [
    (18, "GET", "/v1/list/default", None, None),
    (12, "GET", "/v1/get/default/k", None, None),
    (14, "POST", "/v1/serve", '{"key":"k","namespace":"default"}', None),
    (12, "POST", "/v1/put", '{"namespace":"default","key":"k",'
                            '"data_b64":"AAAA"}', None),
    (6, "HEAD", "/v1/list/default", None, None),
    (4, "HEAD", "/v1/get/default/k?b=chunked", None, None),
    (3, "GET", "/v1/list/default?b=304", None, None),
    (3, "GET", "/v1/get/default/k?b=304", None, None),
    (3, "GET", "/v1/list/default?b=204", None, None),
    (3, "POST", "/v1/serve?b=204", '{"key":"k"}', None),
    (3, "GET", "/v1/get/default/k?b=empty", None, None),
    (3, "POST", "/v1/put?b=empty", '{"key":"k","data_b64":"AAAA"}', None),
    (4, "GET", "/v1/list/default?b=chunked", None, None),
    (4, "GET", "/v1/get/default/k?b=chunked", None, None),
    (1, "GET", "/v1/list/default?b=large", None, None),
    (1, "GET", "/v1/get/default/k?b=large", None, None),
    (2, "GET", "/v1/list/default?b=404", None, None),
    (2, "GET", "/v1/list/another", None, None),             # 403
    (2, "GET", "/v1/list/default", None, "wrong"),          # 401
    (1, "POST", "/v1/put", '{"namespace":"default"', "wrong"),
    (1, "POST", "/v1/put", '{"namespace":"another"}', None),
    (1, "POST", "/v1/put", '{"namespace":"default"', None), # 400
    (1, "GET", "/v1/nothing", None, None),                  # 404
    (2, "GET", "/gate/usage", None, None),
]
OLD_REQUESTS = [
    (2, "GET", "/v1/list/default", None, None),
    (1, "GET", "/v1/get/default/k?b=empty", None, None),
    (2, "GET", "/v1/list/default?b=chunked", None, None),   # has no length
    (2, "GET", "/v1/get/default/k?b=chunked", None, None),
    (1, "POST", "/v1/serve", '{"key":"k"}', None),
]


class Bodies(Nginx):
    """An upstream with answers of every form, chosen by "?b="."""

    def __init__(self, directory):
        port = free_port()
        answers = "".join(f"if ($arg_b = {n}) {{ return {n}; }} "
                          for n in (204, 304, 404))
        end = END.decode().strip()
        super().__init__(directory, port, program=PLAIN, http=f"""
            server {{
                listen 127.0.0.1:{port} backlog=1024;
                default_type text/html;
                location / {{
                    {answers}
                    if ($arg_b = empty) {{ return 200 ""; }}
                    if ($arg_b = chunked) {{ rewrite ^ /chunked? last; }}
                    if ($arg_b = large) {{ rewrite ^ /large? last; }}
                    return 200 "fine";
                }}
                # pages with SSI have no length
                location = /chunked {{
                    internal; ssi on;
                    return 200 "this is <!-- a comment --> and {end}\n";
                }}
                location = /large {{ internal; root {self.files(directory)}; }}
            }}""")

    @staticmethod
    def files(directory):
        directory.mkdir(parents=True)
        large = directory / "large"
        large.write_bytes(os.urandom(LARGE))
        give(directory)
        give(large)
        return directory


def text_of(choice, key, name, version="1.1"):
    """The bytes of a request."""
    _, method, target, body, other = choice
    text = (f"{method} {target} HTTP/{version}\r\nHost: gate\r\n"
            f"X-Api-Key: {other or key}\r\nX-Request-Id: {name}\r\n")
    if body is not None:
        text += (f"Content-Type: application/json\r\n"
                 f"Content-Length: {len(body)}\r\n")
    return f"{text}\r\n{body or ''}".encode()


class Client(Pipeline):
    """One connection; what waits for an answer is (id, request line)."""

    def __init__(self, port, old):
        super().__init__(port)
        self.old = old

    def answers(self):
        found = []
        at = 0
        while self.waiting:
            name, line = self.waiting[0]
            whole = answer_end(self.inbox, at, line[:line.index(" ")])
            if whole is None:
                break
            status, at = whole
            self.waiting.popleft()
            found.append((name, status, line))
        del self.inbox[:at]
        return found


class Load(threading.Thread):
    """Clients that never stop asking, on connections made anew when they end.
    "received" is what has come whole: (id, status, when, request line), in
    order."""

    def __init__(self, port, key, seed):
        super().__init__(daemon=True)
        self.port = port
        self.key = key
        self.prefix = f"c{seed}"
        self.rng = random.Random(seed)
        self.received = []
        self.sent = 0
        self.clients = {}
        self.over = False
        self.error = None

    def run(self):
        try:
            self.work()
        except BaseException as error:      # for whoever waits for answers
            self.error = error

    def work(self):
        wanted = [True] * OLD_CONNECTIONS + [False] * CONNECTIONS
        epoll = select.epoll()
        end = None
        while not self.over or self.clients:
            if self.over:
                end = end or time.monotonic() + PATIENCE
                assert time.monotonic() < end, "answers are missing"
            else:
                self.connect(wanted, epoll)
            for fd, _ in epoll.poll(0.01):
                client = self.clients[fd]
                try:
                    answers = client.receive()
                except Broken:
                    self.drop(fd, epoll)
                    wanted.append(client.old)
                    continue
                if answers:
                    now = time.monotonic()
                    self.received += [(name, status, now, line)
                                      for name, status, line in answers]
                    self.fill(client)
            if self.over:
                for fd, client in list(self.clients.items()):
                    if not client.waiting:
                        self.drop(fd, epoll)
        epoll.close()

    def connect(self, wanted, epoll):
        while wanted:
            try:
                client = Client(self.port, wanted[-1])
            except OSError:
                return                      # nobody listens: soon again
            wanted.pop()
            self.clients[client.fileno()] = client
            epoll.register(client.fileno(), select.EPOLLIN)
            self.fill(client)

    def drop(self, fd, epoll):
        client = self.clients[fd]
        epoll.unregister(fd)
        client.close()
        del self.clients[fd]

    def fill(self, client):
        if self.over or client.old and client.waiting:
            return
        data = []
        choices, version, depth = ((OLD_CHOICES, "1.0", 1) if client.old
                                   else (CHOICES, "1.1", DEPTH))
        while len(client.waiting) < depth:
            self.sent += 1
            name = f"{self.prefix}-{self.sent}"
            choice = self.rng.choice(choices)
            text = text_of(choice, self.key, name, version)
            client.waiting.append((name, text[:text.index(b"\r")].decode()))
            data.append(text)
        client.outbox += b"".join(data)
        client.flush()

    def beyond(self, n):
        """So many answers were received."""
        if self.error is not None:
            raise self.error
        return len(self.received) >= n

    def deaf(self):
        """All that the dead have sent was read."""
        return self.beyond(0) and not self.clients

    def finish(self):
        """Asks no more, and waits for what is outstanding."""
        self.over = True
        self.join(2 * PATIENCE)
        assert not self.is_alive()
        self.beyond(0)


CHOICES = [r for r in REQUESTS for _ in range(r[0])]
OLD_CHOICES = [r for r in OLD_REQUESTS for _ in range(r[0])]


class Run:
    """A gate under load, killed as the test likes.  At any moment each answer
    that was received has its record in the file: durability=write."""

    def __init__(self, directory, upstream, audit, seed, **more):
        self.rng = random.Random(seed)
        self.slow_port = free_port()
        self.gate = LoneGate(
            directory, upstream.port, workers=3, audit=audit,
            http="hx_gate_rate_limit off;",
            # room for all of the large answer
            gate="proxy_buffers 80 16k; proxy_busy_buffers_size 1200k;",
            server=f"""
                listen 127.0.0.1:{self.slow_port} sndbuf=64k;
                location /v1/get/ {{
                    hx_gate on;
                    proxy_buffering off;
                    proxy_pass http://engine;
                }}""", **more)
        self.directory = directory
        self.seed = seed
        self.load = None
        self.trail = Trail()
        self.offset = 0         # of the file, what was read
        self.judged = 0         # answers
        self.deaths = 0         # of workers
        self.killed = []        # when

    def start(self):
        self.gate.start()
        self.key = self.gate.onboard("tenant", plan="enterprise")
        self.load = Load(self.gate.port, self.key, self.seed)
        self.load.start()

    def stop(self):
        if self.load is not None:
            self.load.over = True
            self.load.join()
        self.gate.stop()

    def read(self, to=None):
        """What has been added to the file, as far as said."""
        with open(self.gate.audit_log, "rb") as f:
            f.seek(self.offset)
            data = f.read(-1 if to is None else max(to - self.offset, 0))
        self.offset += len(data)
        self.trail.feed(data)

    def judge(self):
        """Who has an answer now has a record now."""
        n = len(self.load.received)
        self.read()
        self.none_missing(n)

    def none_missing(self, n):
        """None of the first n answers."""
        answers = self.load.received[self.judged:n]
        self.judged = n
        lost = set(missing(self.trail, answers))
        assert not lost, (f"{len(lost)} of {len(answers)} answers have no "
                          f"record: " + ", ".join(
                              f"{name} {line} {status}"
                              for name, status, _, line in answers
                              if name in lost)[:400])
        assert not self.trail.faults, self.trail.faults[:3]

    def judge_dead(self):
        """The same when nothing runs, and what is in the file is all."""
        self.judge()

    def progress(self, n):
        """Waits for n more answers, and judges all the time."""
        mark = len(self.load.received) + n
        end = time.monotonic() + 60
        while not self.load.beyond(mark):
            assert time.monotonic() < end, f"{n} answers"
            self.judge()
            time.sleep(0.005)

    # -- deaths --

    def dies(self, workers):
        self.deaths += workers
        self.killed.append(time.monotonic())

    def worker(self):
        self.dies(1)
        self.gate.kill_worker(self.rng)
        self.judge()
        self.recovered()

    def workers(self):
        workers = self.gate.workers()
        self.dies(len(workers))
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        self.judge()
        self.recovered()

    def recovered(self):
        until(self.gate.settled, PATIENCE, "all workers are there")

    def master(self):
        """The workers go on without it, until they are killed."""
        self.gate.kill_master()
        self.progress(100)
        self.everything()

    def everything(self):
        self.kill_all()
        self.judge_dead()
        self.gate.start()

    def kill_all(self):
        self.dies(self.gate.workers_wanted)
        self.gate.kill_all()
        until(self.load.deaf, PATIENCE, "clients have noticed")

    def rounds(self, deaths):
        for death in deaths:
            self.progress(self.rng.randrange(20, 300 if ASAN else 2000))
            getattr(self, death)()

    def finish(self):
        """All that was received is recorded as it was received."""
        self.progress(100)
        self.load.finish()
        self.gate.stop(signal.SIGQUIT)
        self.read()
        assert self.trail.finish() == []
        answers = self.load.received
        lost = missing(self.trail, answers)
        assert self.forgiven(lost), (len(lost), lost[:5])
        assert unlike(self.trail, answers) == []

        # the load was what it should be
        statuses = Counter(status for _, status, *_ in answers)
        assert set(statuses) >= {200, 204, 304, 400, 401, 403, 404}
        assert statuses[200] > len(answers) / 2
        assert not [status for status in statuses if status >= 500]

    def forgiven(self, lost):
        return not lost


class PowerRun(Run):
    """durability=fsync: at any moment each answer that was received has its
    record in what a power loss now would leave."""

    delay = 4               # ms, a sync takes longer

    def __init__(self, directory, upstream, audit, seed):
        directory.mkdir(parents=True)
        self.log = directory / "synced"
        self.log_offset = 0
        self.sizes = {}
        # instead of nginx, also behind the wrapper that loads a sanitizer
        nginx = directory / "nginx"
        nginx.write_text(
            "#!/bin/sh\nLD_PRELOAD=${LD_PRELOAD:+$LD_PRELOAD:}"
            f"{shlex.quote(POWER_LOSS)} exec {shlex.quote(PLAIN)} \"$@\"\n")
        nginx.chmod(0o755)
        super().__init__(
            directory / "gate", upstream, audit, seed,
            program=SERVER if ASAN else str(nginx),
            env={"HX_NGINX_BIN": str(nginx), "HX_POWER_LOSS_LOG":
                 str(self.log), "HX_POWER_LOSS_DELAY": str(self.delay)})

    def synced(self):
        """Bytes of the audit file that survive."""
        with open(self.log, "rb") as f:
            f.seek(self.log_offset)
            data = f.read()
        data = data[:len(data) // 64 * 64]
        self.log_offset += len(data)
        for inode, size in synced_sizes(data).items():
            self.sizes[inode] = max(size, self.sizes.get(inode, 0))
        stat = self.gate.audit_log.stat()
        return self.sizes.get(f"{stat.st_dev}:{stat.st_ino}", 0)

    def judge(self):
        n = len(self.load.received)
        self.read(self.synced())
        self.none_missing(n)

    def judge_dead(self):
        """The power is lost: of the file remains what was synced, of shared
        memory nothing."""
        size = self.synced()
        assert size >= self.offset
        os.truncate(self.gate.audit_log, size)
        forget_memory(self.gate)
        self.judge()
        self.trail.power_lost()


class SlowDiskRun(PowerRun):
    delay = 300


def forget_memory(gate):
    found = list(gate.directory.glob("hx-gate-*"))
    assert found, "the zone's file has another name"
    for path in found:
        path.unlink()


class BufferedRun(Run):
    """durability=buffered: each answer that was received has its record in the
    file once nginx runs again.  A worker hands the answer to the kernel, then
    makes the record: kill -9 in between takes that of one request along, and
    those of requests whose connections it was just closing."""

    lost_with_power = frozenset()

    def judge(self):
        self.read()
        assert not self.trail.faults, self.trail.faults[:3]

    def recovered(self):
        super().recovered()
        answers = self.load.received[:]

        def all_there():
            self.judge()
            return self.forgiven(missing(self.trail, answers))
        until(all_there, PATIENCE, "records of what was answered")

    def everything(self):
        super().everything()
        self.recovered()

    def power(self):
        """Nothing syncs the file here, and nothing is cut of it: what is lost
        is what was in memory."""
        killed = time.monotonic()
        self.kill_all()
        self.read()
        answers = self.load.received
        old = late(self.trail, answers, killed - FLUSH - TOLERANCE)
        assert self.forgiven(old), (len(old), old[:5])
        self.lost_with_power |= frozenset(missing(self.trail, answers))
        forget_memory(self.gate)
        self.trail.power_lost()
        self.gate.start()
        self.recovered()

    def forgiven(self, lost):
        lost = set(lost) - self.lost_with_power
        closing = {name for name, status, got, line in self.load.received
                   if name in lost and (status == 400 or line[-3:] == "1.0")
                   and any(abs(killed - got) < TOLERANCE
                           for killed in self.killed)}
        return len(lost - closing) <= self.deaths


@pytest.fixture
def upstream(state_dirs):
    with started(Bodies(state_dirs())) as server:
        yield server


@pytest.fixture
def make_run(state_dirs, upstream):
    runs = []

    def make(kind, audit, seed):
        runs.append(kind(state_dirs(), upstream, audit, seed))
        runs[-1].start()
        return runs[-1]
    yield make
    for run in runs:
        run.stop()


def deaths(seed, share, **weights):
    """A share of all rounds, in a random order."""
    n = max(ROUNDS * share // 100, len(weights))
    whole = sum(weights.values())
    names = [name for name, weight in weights.items()
             for _ in range(max(n * weight // whole, 1))]
    names += [next(iter(weights))] * (n - len(names))
    random.Random(seed).shuffle(names)
    return names


def test_written(make_run):
    """Nginx is started again, or it is not."""
    run = make_run(Run, "{log} durability=write", seed=1)
    run.rounds(deaths(1, 40, worker=40, workers=20, master=20, everything=20))
    run.finish()


def test_synced(make_run):
    """Each of them is a power loss, or a worker dies before it."""
    run = make_run(PowerRun, "{log} durability=fsync", seed=2)
    run.rounds(deaths(2, 30, everything=70, master=15, worker=15))
    run.finish()


def test_buffered(make_run):
    run = make_run(BufferedRun, f"{{log}} flush={FLUSH * 1000:.0f}ms", seed=3)
    run.rounds(deaths(3, 30, worker=35, power=25, workers=15, master=10,
                      everything=15))
    run.finish()


def test_buffered_for_so_long(make_run):
    """Without deaths, a record is in the file when flush= has passed."""
    run = make_run(BufferedRun, f"{{log}} flush={FLUSH * 1000:.0f}ms", seed=4)
    end = time.monotonic() + 60
    begin = time.monotonic()
    while (not run.load.beyond(2000)
           or time.monotonic() < begin + 2 * (FLUSH + TOLERANCE)):
        now = time.monotonic()
        assert now < end, "2000 answers"
        run.judge()
        answers = run.load.received[:]
        old = late(run.trail, answers, now - FLUSH - TOLERANCE)
        assert not old, (len(old), old[:5])
        time.sleep(0.02)
    run.finish()


# -- clients that take their time --

class Reader:
    """Reads a large answer in small pieces, on a connection with little room
    for what was not read."""

    def __init__(self, run, target, name):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", run.slow_port))
        self.socket.sendall(text_of((1, "GET", target, None, None), run.key,
                                    name))
        self.inbox = bytearray()

    def read(self, size):
        """Reads until so much has come, or a little more."""
        while len(self.inbox) < size:
            data = self.socket.recv(8192)
            assert data, "the answer ends too early"
            self.inbox += data

    def whole(self):
        while answer_end(self.inbox, 0, "GET") is None:
            self.read(len(self.inbox) + 1)
        return answer_end(self.inbox, 0, "GET")[0]

    def leave(self):
        self.socket.close()


@pytest.fixture
def readers():
    opened = {}
    yield opened
    for reader in opened.values():
        reader.leave()


def read_some(run, readers, target):
    """Readers of large answers, who have got between nothing and the half."""
    for n in range(8):
        reader = Reader(run, target, f"r-{n}")
        readers[f"r-{n}"] = reader
        reader.read(LARGE // 16 * n + 1)


BOTH = pytest.mark.parametrize("kind, durability", [(Run, "write"),
                                                    (PowerRun, "fsync")])
TARGETS = pytest.mark.parametrize("target", [
    pytest.param("/v1/list/default?b=large", id="record first"),
    pytest.param("/v1/get/default/k?b=large", id="record last")])


@BOTH
@TARGETS
def test_who_reads_slowly(make_run, readers, kind, durability, target):
    """Whoever gets to the end has a record then."""
    run = make_run(kind, f"{{log}} durability={durability}", seed=5)
    read_some(run, readers, target)
    for name, reader in readers.items():
        status = reader.whole()
        run.load.received.append((name, status, time.monotonic(), target))
        run.judge()
    run.finish()


@BOTH
@TARGETS
def test_who_leaves(make_run, readers, kind, durability, target):
    """Whoever leaves before the end has a second record that says so, whether
    the gate had all of the answer by then ("record first") or not."""
    run = make_run(kind, f"{{log}} durability={durability}", seed=6)
    read_some(run, readers, target)
    for reader in readers.values():
        reader.leave()

    def told():
        run.judge()
        return readers.keys() <= run.trail.status.keys()
    until(told, PATIENCE, "records of who has left")
    run.finish()
    assert not claimed(run.trail, readers)
    if target == "/v1/list/default?b=large":
        assert run.trail.amended >= readers.keys()


def test_what_ends_with_the_connection(make_run):
    """An answer without a length to a client of HTTP/1.0, passed on as it
    comes: the last byte of the body waits for the record, not only the end of
    the connection."""
    run = make_run(PowerRun, "{log} durability=fsync", seed=10)
    choice = (1, "GET", "/v1/get/default/k?b=chunked", None, None)
    for n in range(20):
        name = f"r-{n}"
        answer = b""
        with socket.create_connection(("127.0.0.1", run.gate.port),
                                      PATIENCE) as client:
            client.sendall(text_of(choice, run.key, name, "1.0"))
            while answer_end(answer, 0, "GET") is None:
                data = client.recv(4096)
                assert data, "the answer ends too early"
                answer += data
        status = answer_end(answer, 0, "GET")[0]
        run.load.received.append((name, status, time.monotonic(), choice[2]))
        run.judge()
    run.finish()


def test_who_leaves_while_it_is_synced(make_run):
    """The record is in the file, the answer waits for the disk: that the client
    left is told by another record."""
    run = make_run(SlowDiskRun, "{log} durability=fsync", seed=7)
    names = [f"r-{n}" for n in range(4)]
    for name in names:
        client = Pipeline(run.gate.port)
        client.send(name, text_of(REQUESTS[0], run.key, name))
        mark = f'"{name}"'.encode()
        until(lambda: mark in run.gate.audit_log.read_bytes(), PATIENCE,
              "the record")
        client.close()

    def amended():
        run.judge()
        return run.trail.amended.intersection(names)    # a disk may be quick
    until(amended, PATIENCE, "a record that amends it")
    run.finish()


# -- what the judge would find --

def lost_when_dead(run):
    """After a while all is killed, and nothing started again."""
    run.load.beyond(0)
    until(lambda: run.load.beyond(500), 60, "500 answers")
    run.kill_all()
    with pytest.raises(AssertionError, match="have no record"):
        run.judge_dead()


def test_buffered_is_not_written(make_run):
    lost_when_dead(make_run(Run, "{log} flush=5s buffer=1m", seed=6))


def test_what_is_written_afterwards_is_not_written(make_run):
    """Also found when nothing dies: flush=0 writes in the log phase."""
    run = make_run(Run, "{log} flush=0", seed=9)
    with pytest.raises(AssertionError, match="have no record"):
        run.progress(1_000_000)


def test_buffered_is_not_synced(make_run):
    lost_when_dead(make_run(PowerRun, "{log} flush=20ms", seed=7))


def test_written_is_not_synced(make_run):
    lost_when_dead(make_run(PowerRun, "{log} durability=write", seed=8))
