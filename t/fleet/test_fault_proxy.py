"""The fault proxy: each fault is what it says, and is over with "pass"."""

import contextlib
import socket
import struct
import threading
import time

import pytest

from conftest import until
from fault_proxy import FaultProxy
from redis_servers import Client, RedisError, servers


@pytest.fixture(scope="module")
def redis(new_dir):
    with servers(new_dir()) as made:
        yield made


@pytest.fixture
def proxy(redis):
    with FaultProxy(redis.port) as made:
        yield made


def silent(ask, *words, seconds=0.3):
    """Nothing comes back in that time."""
    ask.socket.settimeout(seconds)
    with pytest.raises(TimeoutError):
        ask(*words)
    ask.socket.settimeout(10)


def ended(ask):
    """The connection was reset."""
    with pytest.raises((ConnectionError, BrokenPipeError)):
        ask("PING")
        ask("PING")


def test_passes_everything(redis, proxy):
    value = bytes(range(256)) * 40000           # 10 MB
    with Client(proxy.port) as ask, redis.client() as direct:
        assert ask("SET", "big", value) == "OK"
        assert direct("GET", "big") == value
        assert ask("GET", "big") == value
        assert ask("EVAL", "return {1,{'a','message'},false,{}}", 0) == [
            1, [b"a", b"message"], None, []]
        with pytest.raises(RedisError, match="^ERR"):
            ask("NONSENSE")
    stat = proxy.stat()
    assert stat["commands"] == stat["replies"] == 4
    assert stat["accepted"] == 1 and len(proxy.accepts()) == 1
    assert abs(proxy.accepts()[0] - time.monotonic()) < 20
    until(lambda: proxy.stat()["open"] == 0, 5, "the end is passed on")
    assert proxy.stat()["resets"] == 0


def test_pieces(redis, proxy):
    """Values in whatever pieces: each byte by itself."""
    with Client(proxy.port) as ask:
        for byte in b"*3\r\n$3\r\nSET\r\n$5\r\npiece\r\n$4\r\n\r\n$\r\r\n":
            ask.socket.sendall(bytes([byte]))
        assert ask.read() == "OK"
        assert redis.ask("GET", "piece") == b"\r\n$\r"
    assert proxy.stat()["commands"] == 1


def test_pipeline(proxy):
    with Client(proxy.port) as ask:
        ask.socket.sendall(b"*1\r\n$4\r\nPING\r\n" * 1000)
        assert [ask.read() for _ in range(1000)] == ["PONG"] * 1000
    assert proxy.stat()["commands"] == proxy.stat()["replies"] == 1000


def test_not_redis(proxy):
    """Another protocol (TLS, for example) passes as it is."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy.do(f"target {listener.getsockname()[1]}")
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        server, _ = listener.accept()
        listener.close()
        with server:
            client.sendall(b"\x16\x03\x01*3\r\nabc\n")
            assert server.recv(100) == b"\x16\x03\x01*3\r\nabc\n"
            server.sendall(b"*1\r\n\x15\x03\n+")
            time.sleep(0.05)
            assert client.recv(100) == b"*1\r\n\x15\x03\n+"
    assert proxy.stat()["commands"] == 0


def test_drop(redis, proxy):
    with Client(proxy.port) as used, Client(proxy.port) as idle:
        assert used("PING") == idle("PING") == "PONG"
        with proxy.fault("drop"):
            silent(used, "SET", "dropped", "1")
            with Client(proxy.port) as late:            # accepted
                silent(late, "PING")
        assert redis.ask("GET", "dropped") is None
        ended(used)                                     # has lost bytes
        assert idle("PING") == "PONG"
    with Client(proxy.port) as ask:
        assert ask("PING") == "PONG"


@pytest.mark.parametrize("way, arrives", [("up", None), ("down", b"1")])
def test_half_open(redis, proxy, way, arrives):
    redis.ask("DEL", "half")
    with Client(proxy.port) as ask:
        ask("PING")
        with proxy.fault(f"drop {way}"):
            silent(ask, "SET", "half", "1")
            assert redis.ask("GET", "half") == arrives
        ended(ask)


@pytest.mark.parametrize("way, arrives", [("up", None), ("down", b"1"),
                                          ("", None)])
def test_stall(redis, proxy, way, arrives):
    redis.ask("DEL", "stalled")
    with Client(proxy.port) as ask:
        ask("PING")
        with proxy.fault(f"stall {way}".strip()):
            silent(ask, "SET", "stalled", "1")
            assert redis.ask("GET", "stalled") == arrives
        with contextlib.closing(ask.socket.makefile("rb")) as file:
            assert file.readline() == b"+OK\r\n"        # comes late
        assert redis.ask("GET", "stalled") == b"1"


def test_refuse(proxy):
    with Client(proxy.port) as ask:
        ask("PING")
        with proxy.fault("refuse"):
            ended(ask)
            with pytest.raises(ConnectionRefusedError):
                Client(proxy.port)
    with Client(proxy.port) as ask:
        assert ask("PING") == "PONG"


def test_reset(proxy):
    with Client(proxy.port) as ask:
        ask("PING")
        with proxy.fault("reset"):
            ended(ask)
            for _ in range(3):
                with contextlib.suppress(ConnectionError):
                    with Client(proxy.port) as another:
                        ended(another)
            assert proxy.stat()["accepted"] == 4
            assert len(proxy.accepts()) == 4
    with Client(proxy.port) as ask:
        assert ask("PING") == "PONG"


def test_cut(proxy):
    """Resets, not ends; with "push" only those that subscribed."""
    with Client(proxy.port) as ask, Client(proxy.port) as listener:
        ask("PING")
        listener("SUBSCRIBE", "news")
        proxy.do("cut push")
        with pytest.raises(ConnectionResetError):
            listener.socket.recv(1)
        assert ask("PING") == "PONG"
        proxy.do("cut")
        with pytest.raises(ConnectionResetError):
            ask.socket.recv(1)
    assert proxy.stat()["resets"] == 2


@pytest.mark.parametrize("way", ["up", "down", ""])
def test_delay(proxy, way):
    with Client(proxy.port) as ask:
        ask("PING")
        with proxy.fault(f"delay 200 {way}".strip()):
            began = time.monotonic()
            ask.socket.sendall(b"*1\r\n$4\r\nPING\r\n" * 3)
            assert [ask.read() for _ in range(3)] == ["PONG"] * 3
            assert 0.198 < time.monotonic() - began < 0.35
        began = time.monotonic()
        ask("PING")
        assert time.monotonic() - began < 0.15


def test_throttle(redis, proxy):
    redis.ask("SET", "wide", b"x" * 50000)
    with Client(proxy.port) as ask:
        with proxy.fault("throttle 100000"):
            began = time.monotonic()
            ask("GET", "wide")
            assert 0.4 < time.monotonic() - began < 0.9
        began = time.monotonic()
        ask("GET", "wide")
        assert time.monotonic() - began < 0.2


def test_mute(redis, proxy):
    """Messages are lost, confirmations and answers are not."""
    with Client(proxy.port) as ask, Client(proxy.port) as listener:
        assert listener("SUBSCRIBE", "news") == [b"subscribe", b"news", 1]
        assert redis.ask("PUBLISH", "news", "one") == 1
        assert listener.read() == [b"message", b"news", b"one"]
        # a reply that looks like a message, to who has not subscribed
        look = ("EVAL", "return {'message','news','x'}", 0)
        with proxy.fault("mute"):
            assert redis.ask("PUBLISH", "news", "two") == 1
            assert listener("PING") == [b"pong", b""]
            assert listener("SUBSCRIBE", "more") == [b"subscribe", b"more", 2]
            assert ask(*look) == [b"message", b"news", b"x"]
        assert redis.ask("PUBLISH", "more", "x" * 200000) == 1
        assert listener.read() == [b"message", b"more", b"x" * 200000]
    stat = proxy.stat()
    assert stat["messages"] == 3 and stat["muted"] == 1


def test_answer(redis, proxy):
    with Client(proxy.port) as ask:
        ask("PING")
        with proxy.fault("answer -LOADING Redis is loading the dataset"):
            for _ in range(2):
                with pytest.raises(RedisError, match="^LOADING Redis is load"):
                    ask("SET", "answered", "1")
        assert ask("GET", "answered") is None
    assert proxy.stat()["answered"] == 2


def test_nobody_behind(proxy):
    proxy.do("target 1")
    with contextlib.suppress(ConnectionError):
        with Client(proxy.port) as ask:
            ended(ask)
    until(lambda: proxy.stat()["unreachable"] == 1, 5, "it is counted")


def test_a_client_resets(proxy):
    with Client(proxy.port) as ask:
        ask("PING")
        ask.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack("ii", 1, 0))
    until(lambda: proxy.stat()["open"] == 0, 5, "and so does the proxy")


def test_bad_commands(proxy):
    for command in ("", "nonsense", "delay", "delay x", "delay 1 sideways",
                    "drop left", "cut x", "target 0", "throttle -1"):
        with pytest.raises(AssertionError):
            proxy.do(command)
    with Client(proxy.port) as ask:
        assert ask("PING") == "PONG"


def test_speed(proxy):
    """20,000 messages a second and more, four connections."""
    count, errors = 10000, []

    def work():
        try:
            with Client(proxy.port) as ask:
                done = 0
                while done < count:
                    ask.socket.sendall(b"*1\r\n$4\r\nPING\r\n" * 20)
                    got = 0
                    while got < 20 * 7:
                        got += len(ask.socket.recv(4096))
                    done += 20
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    assert not errors
    assert proxy.stat()["commands"] == 4 * count
    assert 4 * count / took > 20000
