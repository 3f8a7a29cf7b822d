"""TLS on the engine itself: put, serve, large bodies, old protocols."""

import contextlib
import signal
import socket
import ssl
import subprocess
import threading

import pytest
from conftest import KEY, head, read_all, read_response, wait_for


def make_pair(cert, key, name="localhost"):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=" + name, "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", str(key),
                    "-out", str(cert)], check=True, capture_output=True)


@pytest.fixture
def tls(make_engine, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make_pair(cert, key)
    e = make_engine(HOLONOMIX_TLS_CERT_PATH=cert,
                    HOLONOMIX_TLS_KEY_PATH=key).start()
    e.session.verify = str(cert)
    e.cert, e.key = cert, key
    return e


@pytest.mark.parametrize("size", [10, 100_000, 5_000_000])
def test_round_trip(tls, size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert tls.put("k", data).status_code == 200
    r = tls.serve("k", headers={"Accept": "application/octet-stream"})
    assert r.content == data
    assert len(tls.serve("k").json()["data_b64"]) == (len(data) + 2) // 3 * 4


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_pipelining(tls, version):
    context = ssl.create_default_context(cafile=str(tls.cert))
    context.minimum_version = context.maximum_version = version
    with context.wrap_socket(tls.connect(), server_hostname="127.0.0.1") as s:
        s.sendall(head("GET", "/health") * 50)
        rest = b""
        for _ in range(50):
            status, _, _, rest = read_response(s, rest)
            assert status == 200


def test_old_protocols_are_refused(tls):
    p = subprocess.run(["openssl", "s_client", "-connect",
                        f"127.0.0.1:{tls.port}", "-tls1_1", "-cipher",
                        "ALL@SECLEVEL=0"], input=b"", capture_output=True,
                       timeout=20, check=False)
    assert p.returncode != 0


def test_plain_http_on_the_tls_port_ends_the_connection(tls):
    with tls.connect() as s:
        data = b""
        with contextlib.suppress(OSError):      # it may be gone already
            s.sendall(head("GET", "/health"))
            s.shutdown(socket.SHUT_WR)
            data = read_all(s)
        assert b"HTTP/1.1" not in data
    assert tls.request("GET", "/health").status_code == 200
    assert KEY not in tls.log_text()


def subject(e):
    """The name in the certificate that a new connection is shown."""
    with wrap(e, None) as s:
        der = s.getpeercert(binary_form=True)
    text = subprocess.run(["openssl", "x509", "-inform", "der", "-noout",
                           "-subject", "-nameopt", "multiline"], input=der,
                          capture_output=True, check=True).stdout
    return text.decode().split("= ")[1].strip()


def wrap(e, cafile):
    """A new connection, checked against the certificate in cafile or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = cafile is not None
    context.verify_mode = ssl.CERT_REQUIRED if cafile else ssl.CERT_NONE
    if cafile:
        context.load_verify_locations(str(cafile))
    return context.wrap_socket(e.connect(), server_hostname="127.0.0.1")


def hangup(e, event, n):
    e.signal(signal.SIGHUP)
    wait_for(lambda: len(e.log(event)) == n, event)


def test_hangup_brings_the_new_certificate(tls, tmp_path):
    with wrap(tls, tls.cert) as old:
        old.sendall(head("GET", "/health"))
        rest = read_response(old)[3]
        make_pair(tls.cert, tls.key, "second")
        assert subject(tls) == "localhost"          # not before it is told
        hangup(tls, "tls_reloaded", 1)
        assert subject(tls) == "second"
        with wrap(tls, tls.cert) as new:
            new.sendall(head("GET", "/health"))
            assert read_response(new)[0] == 200
        old.sendall(head("GET", "/health"))         # on the old one
        assert read_response(old, rest)[0] == 200


def test_what_cannot_be_used_changes_nothing(tls, tmp_path):
    other = tmp_path / "other.pem"
    make_pair(other, tmp_path / "other.key", "other")
    good = tls.cert.read_bytes()
    n = 0
    for bad in (other.read_bytes(), b"", good[:200], b"no PEM", None):
        tls.cert.unlink()
        if bad is not None:
            tls.cert.write_bytes(bad)
        n += 1
        hangup(tls, "tls_reload_failed", n)
        assert subject(tls) == "localhost"
    line = tls.log("tls_reload_failed")[-1]
    assert line["level"] == "error"
    assert "HOLONOMIX_TLS_CERT_PATH" in line["reason"]
    assert "HOLONOMIX_TLS_KEY_PATH" in tls.log("tls_reload_failed")[0][
        "reason"]
    assert not tls.log("tls_reloaded")
    with wrap(tls, None) as s:
        s.sendall(head("GET", "/metrics"))
        text = read_response(s)[2].decode()
    assert f"hx_engine_tls_reload_failures_total {n}\n" in text
    make_pair(tls.cert, tls.key, "healed")
    hangup(tls, "tls_reloaded", 1)
    assert subject(tls) == "healed"


def test_reloading_under_load_fails_no_request(tls):
    """Every client checks against the certificates that there were; handshakes
    and requests go on all the time, none fails."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(tls.cert))
    stop, done, failed = threading.Event(), [0] * 4, []

    def client(n):
        try:
            while not stop.is_set():
                with context.wrap_socket(
                        tls.connect(), server_hostname="127.0.0.1") as s:
                    for _ in range(n + 1):
                        s.sendall(head("GET", "/v1/list/default"))
                        assert read_response(s)[0] == 200
                done[n] += 1
        except Exception as e:          # reported below, with its text
            failed.append(repr(e))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for i in range(20):
        cert, key = tls.cert.with_suffix(".new"), tls.key.with_suffix(".new")
        make_pair(cert, key, f"n{i}")
        context.load_verify_locations(str(cert))
        cert.replace(tls.cert)
        key.replace(tls.key)
        hangup(tls, "tls_reloaded", i + 1)
        before = list(done)
        wait_for(lambda: failed or all(
            a > b for a, b in zip(done, before)), "a handshake of each")
    stop.set()
    for t in threads:
        t.join()
    assert not failed
    assert subject(tls) == "n19"


def test_hangup_without_tls_does_no_harm(engine):
    engine.signal(signal.SIGHUP)
    wait_for(lambda: engine.log("tls_reloaded"), "the line")
    assert engine.put("k", b"x").status_code == 200
