"""Clients of several tenants that put, get, list and search, and ask for what
is not theirs.  Each has keys of its own and waits for each answer, so it knows
what every key may have.  TLS; half of them keep their connections."""

import base64
import hashlib
import http.client
import json
import random
import ssl
import threading
import time

from verdict import LOST, RACES, Ask

GAP = 0.012             # seconds between two requests of a client
TIMEOUT = 45
SIZES = [41] * 30 + [3001] * 9 + [60_001]     # odd: no array, comes back as is
BROKEN = (OSError, http.client.HTTPException, ssl.SSLError)


def content(name, size):
    return hashlib.shake_256(name.encode()).digest(size)


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Client(threading.Thread):
    """One of a tenant's.  "others": [(key, namespace)] that open nothing: each
    is asked for, and never to be served."""

    def __init__(self, load, number, tenant, key, namespace, others, keep):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        self.tenant = tenant
        self.key = key
        self.namespace = namespace
        self.others = others
        self.keep = keep
        self.rng = random.Random(load.seed * 1000 + number)
        self.asks = []
        self.has = {}           # key: digests that it may have
        self.sure = []          # keys whose content is known
        self.sizes = {}
        self.connection = None
        self.serial = 0
        self.wrong = []         # answers with other content
        self.error = None

    # -- one request --

    def ask(self, operation, method, path, body=None, key=None,
            foreign=False, accept=None):
        """(status, body); the status is None when no whole answer came."""
        self.serial += 1
        ask = Ask(f"c{self.number}-{self.serial}", self.tenant, operation,
                  foreign)
        self.asks.append(ask)
        headers = {"X-Api-Key": key or self.key, "X-Request-Id": ask.name}
        if accept:
            headers["Accept"] = accept
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        ask.sent = time.monotonic()
        before = self.load.phase
        used = self.connection is not None
        data = b""
        try:
            ask.status, data = self.exchange(method, path, body, headers)
        except BROKEN as error:
            raced = used and isinstance(error, (
                http.client.RemoteDisconnected, ConnectionResetError,
                BrokenPipeError, ssl.SSLEOFError))
            ask.end = RACES if raced else LOST
            self.drop()
        ask.got = time.monotonic()
        ask.phases = tuple(dict.fromkeys((before, self.load.phase)))
        if not self.keep:
            self.drop()
        return ask.status, data

    def exchange(self, method, path, body, headers):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(
                "127.0.0.1", self.load.port, timeout=TIMEOUT,
                context=self.load.context)
            self.connection.connect()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.will_close:
            self.drop()
        return answer.status, data

    def drop(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    # -- what it does --

    def run(self):
        try:
            while not self.load.over:
                if self.load.paused:
                    self.drop()
                    self.load.idle.add(self.number)
                    self.load.go.wait(1)
                    continue
                self.load.idle.discard(self.number)
                self.step()
                last = self.asks[-1]
                self.load.wake.wait(GAP if last.status else 0.05)
        except BaseException as error:      # for whoever judges
            self.error = error
        finally:
            self.drop()
            self.load.idle.add(self.number)

    def step(self):
        doing = self.rng.choices(
            [self.put, self.get, self.serve, self.list, self.search,
             self.foreign], [20, 26, 18, 12, 11, 13])[0]
        doing()

    def put(self):
        if self.sure and self.rng.random() < 0.6:
            key = self.rng.choice(self.sure)
        else:
            key = f"k{self.number}-{len(self.has)}"
        size = self.rng.choice(SIZES)
        data = content(f"{key} {self.serial}", size)
        status, _ = self.ask("put", "POST", "/v1/put", {
            "namespace": self.namespace, "key": key,
            "data_b64": base64.b64encode(data).decode()})
        if status == 200:
            self.has[key] = {digest(data)}
            if key not in self.sure:
                self.sure.append(key)
        else:                   # done or not, and perhaps later: not used again
            self.has.setdefault(key, {None}).add(digest(data))
            if key in self.sure:
                self.sure.remove(key)

    def get(self):
        if self.sure:
            key = self.rng.choice(self.sure)
            status, data = self.ask("get", "GET",
                                    f"/v1/get/{self.namespace}/{key}")
            if status == 200:
                self.compare(key, json.loads(data)["sha256"])
        else:
            self.put()

    def serve(self):
        if self.sure:
            self.read(self.rng.choice(self.sure))
        else:
            self.put()

    def read(self, key):
        """What a key has: its digest, None for nothing."""
        status, data = self.ask(
            "serve", "POST", "/v1/serve",
            {"namespace": self.namespace, "key": key},
            accept="application/octet-stream")
        if status == 200:
            self.compare(key, digest(data))
            return digest(data)
        return None if status == 404 else f"status {status}"

    def compare(self, key, found):
        if found not in self.has[key]:
            self.wrong.append(f"{self.asks[-1].name}: {key} has {found}")

    def list(self):
        self.ask("list", "GET", f"/v1/list/{self.namespace}?limit=20")

    def search(self):
        self.ask("search", "POST", "/v1/search", {
            "namespace": self.namespace, "limit": 5,
            "filters": {"domain": "structured_data"}})

    def foreign(self):
        key, namespace = self.rng.choice(self.others)
        if self.rng.random() < 0.5:
            self.ask("get", "GET", f"/v1/list/{namespace}", key=key,
                     foreign=True)
        else:
            self.ask("put", "POST", "/v1/put", {
                "namespace": namespace, "key": f"x{self.number}",
                "data_b64": "QQ=="}, key=key, foreign=True)


class Load:
    """All clients; "phase" is what is being done to those they ask."""

    def __init__(self, port, ca, seed, tenants, closed, each=2):
        """tenants: {name: (key, namespace)}; closed: keys that open nothing"""
        self.port = port
        self.context = ssl.create_default_context(cafile=ca)
        self.seed = seed
        self.phase = "none"
        self.over = self.paused = False
        self.idle = set()
        self.go = threading.Event()
        self.wake = threading.Event()       # never set: a wait
        self.clients = []
        number = 0
        for name, (key, namespace) in tenants.items():
            others = [(key, other[1]) for who, other in tenants.items()
                      if who != name] + [(bad, namespace) for bad in closed]
            for i in range(each):
                self.clients.append(Client(self, number, name, key, namespace,
                                           others, keep=i % 2 == 0))
                number += 1

    def start(self):
        for client in self.clients:
            client.start()

    def asks(self):
        return [ask for client in self.clients for ask in client.asks[:]]

    def count(self):
        return sum(len(client.asks) for client in self.clients)

    def failed(self):
        for client in self.clients:
            if client.error is not None:
                raise client.error

    def pause(self):
        self.go.clear()
        self.paused = True

    def resume(self):
        self.paused = False
        self.go.set()

    def all_idle(self):
        self.failed()
        return len(self.idle) == len(self.clients)

    def finish(self):
        self.over = True
        self.go.set()
        for client in self.clients:
            client.join(2 * TIMEOUT)
            assert not client.is_alive()
        self.failed()

    def read_all(self):
        """Every key that was put: ({key: may have}, {key: has})."""
        self.over = False
        wanted, found = {}, {}

        def of(client):
            client.keep = True
            for key in client.has:
                wanted[key] = client.has[key]
                found[key] = client.read(key)
            client.drop()
        readers = [threading.Thread(target=of, args=(client,))
                   for client in self.clients]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return wanted, found
