"""The servers that the other tests run on: each kind starts, does what it is
for, and leaves no process behind."""

import os
import ssl
import socket

import pytest

from conftest import running, until
from redis_servers import ROOM, RedisError, info, loading, servers


def pids(made):
    return [int(path.read_text()) for path in made.directory.glob("*/pid")]


@pytest.mark.parametrize("mode, count", [
    ("single", 1), ("tls", 1),
    *(pytest.param(mode, 6, marks=pytest.mark.long)
      for mode in ("sentinel", "cluster", "tls-sentinel", "tls-cluster"))])
def test_starts_and_ends(new_dir, mode, count):
    with servers(new_dir(), mode) as made:
        processes = pids(made)
        assert len(processes) == count
        assert all(running(pid) for pid in processes)
        assert 10000 <= made.port < 20000 - ROOM[mode]
        for port in made.ports:
            assert made.ask("PING", port=port) == "PONG"
    assert not any(running(pid) for pid in processes)


def test_tls(new_dir):
    with servers(new_dir(), "tls") as made:
        context = ssl.create_default_context(cafile=made.ca)
        with socket.create_connection(("127.0.0.1", made.tls_port)) as plain:
            with context.wrap_socket(plain,
                                     server_hostname="localhost") as link:
                link.sendall(b"PING\r\n")
                assert link.recv(100) == b"+PONG\r\n"


def test_sentinel_failover(new_dir):
    with servers(new_dir(), "sentinel") as made:
        first = made.master()
        assert first == made.port
        with made.client() as ask:
            ask("SET", "a", "1")
            assert ask("WAIT", "2", "5000") == 2
        made.kill(first)
        until(lambda: made.master() != first, 20, "another master")
        second = made.master()
        until(lambda: info(second, "replication")["role"] == "master", 10,
              "it knows that it is")
        assert made.ask("GET", "a", port=second) == b"1"


@pytest.mark.long
def test_cluster_failover(new_dir):
    with servers(new_dir(), "cluster") as made:
        first = made.owner("{hx-gate}:epoch")
        with made.client(first) as ask:
            ask("SET", "{hx-gate}:epoch", "1")
            assert ask("WAIT", "1", "5000") == 1
        with pytest.raises(RedisError, match="^MOVED "):
            other = next(p for p in made.ports if p != first
                         and info(p, "replication")["role"] == "master")
            made.ask("GET", "{hx-gate}:epoch", port=other)
        made.kill(first)
        until(lambda: made.owner("{hx-gate}:epoch") != first, 20,
              "another owner")
        second = made.owner("{hx-gate}:epoch")
        assert made.ask("GET", "{hx-gate}:epoch", port=second) == b"1"


def test_faults_of_a_server(new_dir):
    """Those that a server can be asked for: silence, LOADING, NOAUTH,
    READONLY."""
    with servers(new_dir()) as made:
        with made.stopped():
            with made.client(timeout=0.3) as ask:
                with pytest.raises(OSError):
                    ask("PING")
        made.ask("SET", "kept", "1")
        with loading(made, 1.5):
            with pytest.raises(RedisError, match="^LOADING "):
                made.ask("GET", "kept")
        assert made.ask("GET", "kept") == b"1"
        assert made.ask("DBSIZE") == 1

        with made.client() as ask:
            ask("CONFIG", "SET", "requirepass", "secret")
            with pytest.raises(RedisError, match="^NOAUTH "):
                made.ask("PING")
            ask("CONFIG", "SET", "requirepass", "")
            ask("REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(RedisError, match="^READONLY "):
                made.ask("SET", "a", "1")
            ask("REPLICAOF", "NO", "ONE")
            made.ask("SET", "a", "1")
        assert made.commands()["set"] >= 1


def test_kill(new_dir):
    with servers(new_dir()) as made:
        pid = made.pid()
        made.kill()
        assert not running(pid)
        made.start()
        assert made.pid() != pid
        assert made.ask("DBSIZE") == 0
        os.kill(made.pid(), 0)
