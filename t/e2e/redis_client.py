"""What tests of the client of Redis share: nginx with the test module, real
servers (t/lib/redis.sh), and servers that answer as a test says."""

import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import requests

from conftest import TOP, free_port, running, until
from own_nginx import Nginx

MODULE = os.environ.get("HX_REDIS_TEST") or str(
    TOP / "build" / "release" / "ngx_http_hx_redis_test_module.so")
SCRIPT = TOP / "t" / "lib" / "redis.sh"


def free_block(n):
    """The first of n ports in a row that nobody listens on."""
    for _ in range(200):
        base = random.randrange(10000, 20000 - n)
        held = []
        try:
            for port in range(base, base + n):
                s = socket.socket()
                held.append(s)
                s.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise RuntimeError("no free ports in 10000..20000")


class Asker(Nginx):
    """nginx with one client; its locations ask what a test wants."""

    def __init__(self, directory, url, options="", http="", **more):
        self.url = f"http://127.0.0.1:{free_port()}"
        port = int(self.url.rsplit(":", 1)[1])
        self.session = requests.Session()
        self.session.trust_env = False
        super().__init__(directory, port, load=f"load_module {MODULE};", http=f"""
            {http}
            hx_redis_test_server {url} {options};
            server {{
                listen 127.0.0.1:{port};
                location /ask {{ hx_redis_test ask; }}
                location /messages {{ hx_redis_test messages; }}
                location /counters {{ hx_redis_test counters; }}
                location /fast {{ return 200 fast; }}
            }}""", **more)

    def ask(self, *argv, **options):
        """One question: {"reply":, "ok":, "ms":} or "word" of the failure."""
        query = urlencode([("a", a) for a in argv] + list(options.items()),
                          quote_via=quote)
        answer = self.session.get(f"{self.url}/ask?{query}", timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def reply(self, *argv, **options):
        answer = self.ask(*argv, **options)
        assert answer["ok"] == 1, answer
        return answer["reply"]

    def word(self, *argv, **options):
        """Why there was no reply."""
        return self.ask(*argv, **options).get("word")

    def messages(self):
        return self.session.get(self.url + "/messages", timeout=20).json()

    def counters(self):
        return self.session.get(self.url + "/counters", timeout=20).json()

    def fast(self):
        """Seconds that a location without Redis takes."""
        begin = time.monotonic()
        assert self.session.get(self.url + "/fast", timeout=20).text == "fast"
        return time.monotonic() - begin

    def works(self, seconds=10):
        """Waits until questions are answered; seconds that took."""
        begin = time.monotonic()
        until(lambda: self.ask("PING")["ok"], seconds, "Redis answers")
        return time.monotonic() - begin

    def fails_at_once(self, seconds=1):
        """Waits until questions are refused without being asked."""
        until(lambda: self.word("PING") == "breaker_open", seconds,
              "the breaker opens")

    def log(self):
        return self.error_log.read_text()

    def fds(self):
        pid, = self.workers()
        return len(os.listdir(f"/proc/{pid}/fd"))

    def memory(self):
        """KiB that the worker has in memory."""
        pid, = self.workers()
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("no VmRSS")


def cli(port, *args):
    """redis-cli; what it prints."""
    run = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(port),
                          *args], capture_output=True, text=True, timeout=20,
                         check=False)
    return run.stdout.strip()


class Servers:
    """What redis.sh starts in a directory."""

    def __init__(self, mode, directory, *options, port=None):
        self.mode = mode
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_block(30)
        self.options = options
        self.start()

    def start(self):
        subprocess.run([SCRIPT, self.mode, self.directory, str(self.port),
                        *self.options], check=True, timeout=60)

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.directory], check=True,
                       timeout=60)

    def pid(self, name=None):
        return int((self.directory / (name or self.mode) / "pid").read_text())

    def signal(self, how, name=None):
        os.kill(self.pid(name), how)

    def kill(self, name=None):
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not running(pid), 10, "the server is gone")

    def pause(self, name=None):
        self.signal(signal.SIGSTOP, name)

    def resume(self, name=None):
        self.signal(signal.SIGCONT, name)

    def cli(self, *args, port=None):
        return cli(port or self.port, *args)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Fake:
    """A server that answers what "answer" (a function of the words) says:
    bytes, or None for what Redis would say to a greeting.  "delay": seconds
    before each answer.  "hang up" instead of bytes closes the connection."""

    GREETING = {b"AUTH": b"+OK\r\n", b"SELECT": b"+OK\r\n",
                b"CLIENT": b"+OK\r\n", b"PING": b"+PONG\r\n",
                b"ROLE": b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"}
    HANG_UP = b"hang up"

    def __init__(self, answer=None, delay=0, port=0, address="127.0.0.1"):
        self.answer = answer or (lambda words: b"+OK\r\n")
        self.delay = delay
        self.accepted = []          # when
        self.words = []
        self.listener = socket.create_server((address, port), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.open = set()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.accepted.append(time.monotonic())
            self.open.add(s)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            f = s.makefile("rb")
            while line := f.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int(f.readline()[1:])
                    words.append(f.read(size + 2)[:-2])
                self.words.append(words)
                if self.delay:
                    time.sleep(self.delay)
                said = self.answer(words)
                if said is None:
                    said = self.GREETING[words[0]]
                if said.endswith(self.HANG_UP):
                    s.sendall(said[:-len(self.HANG_UP)])
                    break
                s.sendall(said)
        except (OSError, ValueError):
            pass
        finally:
            self.open.discard(s)
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for s in list(self.open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(10)


class Names:
    """A DNS server: every name has the address, or none (NXDOMAIN)."""

    def __init__(self, address=None):
        self.address = address
        self.silent = False
        self.asked = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            query, sender = self.socket.recvfrom(512)
            if not query:
                return
            self.asked += 1
            if self.silent:
                continue
            found = self.address is not None
            question = query[12:query.index(b"\0", 12) + 5]
            answer = query[:2] + (b"\x81\x80" if found else b"\x81\x83")
            answer += bytes([0, 1, 0, int(found), 0, 0, 0, 0]) + question
            if found:
                answer += b"\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04"
                answer += socket.inet_aton(self.address)
            self.socket.sendto(answer, sender)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(10)
        self.socket.close()


def greets(then):
    """An answer function: greetings as Redis, questions as "then" says."""
    return lambda words: None if words[0] in Fake.GREETING else then(words)
