"""Clients for load: HTTP/1.1 over plain sockets, many requests outstanding on
each connection, one epoll for all.  Every request has an id of its own."""

import select
import socket
import time
from collections import deque

PATIENCE = 20           # seconds, for an answer


def field(head, name):
    """The value of a header field, or None; name is b"Content-Length"."""
    at = head.find(b"\r\n" + name + b": ")
    if at < 0:
        return None
    at += len(name) + 4
    return head[at:head.index(b"\r\n", at)]


class Broken(Exception):
    """The connection has ended; what was outstanding has no answer."""


class Pipeline:
    """One connection; answers come in the order of the requests."""

    def __init__(self, port):
        self.port = port
        self.waiting = deque()
        self.inbox = bytearray()
        self.outbox = b""
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()

    def send(self, request, data):
        """Whatever does not fit into the socket now goes with the next."""
        self.waiting.append(request)
        self.outbox += data
        self.flush()

    def flush(self):
        try:
            self.outbox = self.outbox[self.socket.send(self.outbox):]
        except BlockingIOError:
            pass
        except OSError:
            pass                # what ended it is read below

    def receive(self):
        """Answers that have come: [(request, status, head)]."""
        try:
            data = self.socket.recv(262144)
        except BlockingIOError:
            return []
        except OSError as error:
            raise Broken from error
        if not data:
            raise Broken
        if self.outbox:
            self.flush()
        self.inbox += data
        return self.answers()

    def answers(self):
        found = []
        inbox = self.inbox
        at = 0
        while True:
            end = inbox.find(b"\r\n\r\n", at)
            if end < 0:
                break
            head = bytes(inbox[at:end + 2])
            assert head.startswith(b"HTTP/1.1 "), head
            status = int(head[9:12])
            length = 0 if status == 304 else int(field(head,
                                                       b"Content-Length"))
            if len(inbox) < end + 4 + length:
                break
            at = end + 4 + length
            found.append((self.waiting.popleft(), status, head))
        del inbox[:at]
        return found


class Request:
    """What happened to one request.  Times are CLOCK_MONOTONIC, in ns, and
    enclose it: "sent" before its first byte was written, "got" after the answer
    was read.  A lost one (status None) has in "got" when that was noticed."""

    __slots__ = ("tenant", "id", "sent", "got", "status", "head")

    def __init__(self, tenant, request_id):
        self.tenant = tenant
        self.id = request_id
        self.sent = self.got = self.status = self.head = None


def offer(port, n_connections, arrivals, text_of, actions=()):
    """Sends requests when they are due, whether or not earlier ones were
    answered; one that is lost with its connection is sent anew, as another
    request, on a new connection.

    arrivals: [(seconds from the beginning, tenant, connection)] in order;
    text_of(tenant, id) gives the request's bytes; actions: [(seconds,
    function)] in order.  Returns all requests when all have an end, and how
    many connections broke."""
    epoll = select.epoll()
    connections = []
    by_fd = {}
    log = []
    serial = broken = 0

    def connect(number):
        connection = Pipeline(port)
        connections[number] = connection
        by_fd[connection.fileno()] = number
        epoll.register(connection.fileno(), select.EPOLLIN)

    def send(tenant, number):
        nonlocal serial
        serial += 1
        request = Request(tenant, f"{prefix}-{serial}")
        data = text_of(tenant, request.id)
        log.append(request)
        request.sent = time.monotonic_ns()
        connections[number].send(request, data)

    def reconnect(number):
        nonlocal broken
        broken += 1
        connection = connections[number]
        now = time.monotonic_ns()
        epoll.unregister(connection.fileno())
        del by_fd[connection.fileno()]
        connection.close()
        connect(number)
        for request in connection.waiting:
            request.got = now
            send(request.tenant, number)

    def receive(number):
        try:
            answers = connections[number].receive()
        except Broken:
            reconnect(number)
            return
        now = time.monotonic_ns()
        for request, status, head in answers:
            request.got, request.status, request.head = now, status, head

    for number in range(n_connections):
        connections.append(None)
        connect(number)

    begin = time.monotonic()
    prefix = f"{time.monotonic_ns():x}"
    arrivals = deque(arrivals)
    actions = deque(actions)
    ended = None
    try:
        while True:
            now = time.monotonic() - begin
            for _ in range(50):
                if not arrivals or arrivals[0][0] > now:
                    break
                _, tenant, number = arrivals.popleft()
                send(tenant, number)
            while actions and actions[0][0] <= now:
                actions.popleft()[1]()      # right behind what was sent
            if not arrivals:
                if not any(c.waiting for c in connections):
                    break
                ended = ended or now
                assert now < ended + PATIENCE, "answers are missing"
            due = arrivals[0][0] if arrivals else now + 0.05
            if actions:
                due = min(due, actions[0][0])
            for fd, _ in epoll.poll(max(due - now, 0)):
                if fd in by_fd:
                    receive(by_fd[fd])
    finally:
        epoll.close()
        for connection in connections:
            connection.close()
    assert not actions, "the load ended before all was done to nginx"
    return log, broken


def saturate(port, n_connections, depth, next_request, tell):
    """Keeps "depth" requests outstanding on each connection until
    next_request() gives None instead of (id, bytes).  tell(id, status, head)
    tells the end of each, status 0 of one that was lost; a connection that
    ends is made again, for as long as PATIENCE when nobody listens."""
    epoll = select.epoll()
    by_fd = {}
    over = False

    def connect():
        end = time.monotonic() + PATIENCE
        while True:
            try:
                connection = Pipeline(port)
                break
            except OSError:
                assert time.monotonic() < end, "nobody listens"
                time.sleep(0.01)
        by_fd[connection.fileno()] = connection
        epoll.register(connection.fileno(), select.EPOLLIN)
        fill(connection)

    def drop(connection):
        epoll.unregister(connection.fileno())
        del by_fd[connection.fileno()]
        connection.close()
        for request in connection.waiting:
            tell(request, 0, None)

    def fill(connection):
        nonlocal over
        data = []
        while not over and len(connection.waiting) < depth:
            made = next_request()
            if made is None:
                over = True
                break
            connection.waiting.append(made[0])
            data.append(made[1])
        if data:
            connection.outbox += b"".join(data)
            connection.flush()
        elif not connection.waiting:
            drop(connection)

    for _ in range(n_connections):
        connect()
    while by_fd:
        events = epoll.poll(PATIENCE)
        assert events, "no answer in time"
        for fd, _ in events:
            connection = by_fd.get(fd)
            if connection is None:
                continue
            try:
                answers = connection.receive()
            except Broken:
                drop(connection)
                if not over:
                    connect()
                continue
            for answer in answers:
                tell(*answer)
            fill(connection)
    epoll.close()
