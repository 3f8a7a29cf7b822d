"""The hardening the configuration's README promises."""

import subprocess

import pytest


def handshake(gate, *versions):
    return subprocess.run(
        ["curl", "-sS", "--cacert", gate.ca, *versions, "-o", "/dev/null",
         "--ciphers", "DEFAULT@SECLEVEL=0", gate.url + "/health"],
        capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_current_versions(gate, version):
    run = handshake(gate, f"--tlsv{version}", "--tls-max", version)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_old_versions_are_refused(gate, version):
    """By the server: the client offers them (security level 0)."""
    run = handshake(gate, f"--tlsv{version}", "--tls-max", version)
    assert run.returncode == 35, run.stderr
    assert "alert protocol version" in run.stderr


def test_plain_http_is_refused(gate):
    answer = gate.session.get(gate.url.replace("https", "http") + "/health",
                              timeout=30)
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/health", "/nothing", "/v1/list/staging"])
def test_headers(gate, path):
    answer = gate.call("GET", path)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "nginx"
