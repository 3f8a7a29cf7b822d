"""TLS on the engine itself: put, serve, large bodies, old protocols."""

import contextlib
import socket
import ssl
import subprocess

import pytest
from conftest import KEY, head, read_all, read_response


@pytest.fixture
def tls(make_engine, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", str(key),
                    "-out", str(cert)], check=True, capture_output=True)
    e = make_engine(HOLONOMIX_TLS_CERT_PATH=cert,
                    HOLONOMIX_TLS_KEY_PATH=key).start()
    e.session.verify = str(cert)
    e.cert = cert
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
