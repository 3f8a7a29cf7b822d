"""TLS between a worker and Redis: whose certificate is taken, and that nothing
is said to anybody else."""

import itertools
import socket
import subprocess

import pytest

from conftest import until
from own_nginx import started
from redis_client import SCRIPT, Asker, Servers, free_block

# OpenSSL's words, as more or less of the chain was sent
UNKNOWN = ("tls: unable to get local issuer certificate",
           "tls: unable to verify the first certificate",
           "tls: self-signed certificate in certificate chain")


@pytest.fixture(scope="module")
def certs(state_dirs):
    """A directory with tls/*.crt and *.key."""
    directory = state_dirs()
    subprocess.run([SCRIPT, "certs", directory], check=True, timeout=60)
    return directory / "tls"


@pytest.fixture
def place(state_dirs):
    base = state_dirs()
    counter = itertools.count(1)
    return lambda: base / str(next(counter))


def server(place, certs, name="server", *options):
    """A Redis whose certificate is that of the name; TLS on port + 1."""
    port = free_block(2)
    return Servers("single", place(), "--tls-port", str(port + 1),
                   "--tls-auth-clients", "no",
                   "--tls-cert-file", str(certs / f"{name}.crt"),
                   "--tls-key-file", str(certs / f"{name}.key"),
                   "--tls-ca-cert-file", str(certs / "ca.crt"), *options,
                   port=port)


def asker(place, redis, certs, options="", host="127.0.0.1", ca="ca",
          login=""):
    return started(Asker(
        place(), f"rediss://{login}{host}:{redis.port + 1}",
        f"ca={certs}/{ca}.crt connect_timeout=500 channel=news {options}"))


def localhost():
    """The addresses of that name that one can listen on."""
    found = []
    for family, _, _, _, where in socket.getaddrinfo(
            "localhost", 0, type=socket.SOCK_STREAM):
        with socket.socket(family) as s:
            try:
                s.bind(where)
            except OSError:
                continue
        found.append(where[0])
    return found


def refused(nginx, *why):
    nginx.fails_at_once(3)
    until(lambda: any(text in nginx.log() for text in why), 5, why)


def test_right_certificate(place, certs):
    with server(place, certs, "server", "--requirepass", "word") as redis:
        for host in ("127.0.0.1", "localhost"):
            with asker(place, redis, certs, host=host, login=":word@") as nginx:
                nginx.works()
                assert nginx.reply("SET", "foo", "bar") == "OK"
                assert nginx.reply("SET", "big", size=3000000,
                                   timeout=5000) == "OK"
                assert nginx.reply("GET", "big", timeout=5000) \
                    == "3000000 bytes"
                answer = nginx.ask("ECHO", count=1000, index=1, timeout=5000)
                assert (answer["ok"], answer["wrong"]) == (1000, 0)
                until(lambda: nginx.messages()["up"], 5, "it listens")
                redis.cli("-a", "word", "PUBLISH", "news", "hello")
                until(lambda: nginx.messages()["messages"] == ["hello"], 5,
                      "a message")


@pytest.mark.parametrize("name, host, works", [
    ("name", "localhost", True),
    ("name", "127.0.0.1", False),
    ("address", "127.0.0.1", True),
    ("address", "localhost", False),
])
def test_name_and_address(place, certs, name, host, works):
    # on each address of the name, or the log tells of the one that is closed
    with server(place, certs, name, "--requirepass", "word",
                "--bind", *localhost()) as redis:
        with asker(place, redis, certs, host=host, login=":word@") as nginx:
            if works:
                nginx.works()
            else:
                refused(nginx, "tls: the certificate is for another name")
                assert "setname" not in redis.cli("-a", "word", "INFO",
                                                  "commandstats")


@pytest.mark.parametrize("server_name, works", [
    ("localhost", True), ("127.0.0.1", False), ("redis.example.org", False),
])
def test_server_name(place, certs, server_name, works):
    with server(place, certs, "name") as redis:
        with asker(place, redis, certs, f"server_name={server_name}") as nginx:
            if works:
                nginx.works()
            else:
                refused(nginx, "tls: the certificate is for another name")


def test_wrong_authority(place, certs):
    with server(place, certs) as redis:
        with asker(place, redis, certs, ca="other") as nginx:
            refused(nginx, *UNKNOWN)


def test_authorities_of_the_system(place, certs):
    with server(place, certs) as redis:
        with started(Asker(place(), f"rediss://127.0.0.1:{redis.port + 1}",
                           "connect_timeout=500")) as nginx:
            refused(nginx, *UNKNOWN)


def test_client_certificate(place, certs):
    with server(place, certs, "server") as redis:
        redis.cli("CONFIG", "SET", "tls-auth-clients", "yes")
        with asker(place, redis, certs) as nginx:
            refused(nginx, ": tls: ", ": closed")
        with asker(place, redis, certs,
                   f"certificate={certs}/client.crt "
                   f"certificate_key={certs}/client.key") as nginx:
            nginx.works()
            assert nginx.reply("PING") == "PONG"


def test_server_without_tls(place, certs):
    with server(place, certs) as redis:
        with started(Asker(place(), f"rediss://127.0.0.1:{redis.port}",
                           f"ca={certs}/ca.crt connect_timeout=500")) as nginx:
            refused(nginx, "tls: handshake failed", "timeout: TLS handshake")


def test_silent_handshake(place, certs):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hole:
        with started(Asker(place(), f"rediss://127.0.0.1:"
                           f"{hole.getsockname()[1]}",
                           f"ca={certs}/ca.crt")) as nginx:
            refused(nginx, "timeout: TLS handshake")
            assert max(nginx.fast() for _ in range(50)) < 0.5


def test_stopped(place, certs):
    with server(place, certs) as redis:
        with asker(place, redis, certs) as nginx:
            nginx.works()
            redis.pause()
            nginx.fails_at_once(2)
            redis.resume()
            assert nginx.works() < 3
            until(lambda: redis.cli("CLIENT", "LIST").count("name=hx-gate")
                  == 5, 5, "all are there")
            fds = nginx.fds()
            for _ in range(3):
                redis.kill()
                nginx.fails_at_once(2)
                redis.start()
                nginx.works()
            until(lambda: nginx.fds() == fds, 5, "no more connections")
