"""Bad configuration: one clear line, exit code not 0."""

import os
import socket
import subprocess

import pytest
from conftest import KEY, Engine, program


def fails(tmp_path, **env):
    e = Engine(tmp_path / "e", **env)
    p = subprocess.run([program()], env=e.environment(), timeout=20,
                       stdin=subprocess.DEVNULL, capture_output=True,
                       check=False)
    text = p.stderr.decode()
    assert p.returncode == 1 and p.stdout == b""
    assert text.startswith("hx-engine: ") and text.count("\n") == 1, text
    assert KEY not in text
    return text


@pytest.mark.parametrize("name,value", [
    ("HOLONOMIX_PORT", "65536"), ("HOLONOMIX_PORT", "x"),
    ("HOLONOMIX_PORT", "-1"), ("HOLONOMIX_MAX_UPLOAD_BYTES", "0"),
    ("HOLONOMIX_MAX_UPLOAD_BYTES", "100MB"),
    ("HOLONOMIX_INFLIGHT_BYTES", "1"), ("HOLONOMIX_MAP_SIZE", "1000"),
    ("HOLONOMIX_IO_THREADS", "0"), ("HOLONOMIX_IO_THREADS", "65"),
    ("HOLONOMIX_WORKERS", "-1"), ("HOLONOMIX_MAX_CONNECTIONS", "0"),
    ("HOLONOMIX_WRITE_QUEUE", "0"), ("HOLONOMIX_HEADER_TIMEOUT", "0"),
    ("HOLONOMIX_BODY_TIMEOUT", "1.5"), ("HOLONOMIX_IDLE_TIMEOUT", " 1"),
    ("HOLONOMIX_SEND_TIMEOUT", "01"), ("HOLONOMIX_DRAIN_TIMEOUT", "3601"),
    ("HOLONOMIX_KEEP_VERSIONS", "-1"), ("HOLONOMIX_PURGE_DELETED", "7d"),
    ("HOLONOMIX_LOG_LEVEL", "loud"), ("HOLONOMIX_REQUIRE_AUTH", "maybe"),
    ("HOLONOMIX_HOST", "256.1.1.1.1"), ("HOLONOMIX_DATA_DIR", "/proc/x/y"),
    ("HOLONOMIX_DATA_DIR", "/etc/passwd")])
def test_bad_values_name_the_variable(tmp_path, name, value):
    assert name in fails(tmp_path, **{name: value})


@pytest.mark.parametrize("key", ["", "x" * 31, "x" * 257, "x" * 31 + " ",
                                 "x" * 31 + "\u00e9"])
def test_service_key(tmp_path, key):
    text = fails(tmp_path, HX_GATE_ENGINE_SERVICE_KEY=key)
    assert "HX_GATE_ENGINE_SERVICE_KEY" in text and "xxxx" not in text


@pytest.mark.parametrize("text", ["", "\n", "x" * 31, "x" * 257,
                                  "x" * 40 + "\n\n", "x" * 32 + " \n",
                                  "x" * 40 + "\nsecond"])
def test_bad_key_files(tmp_path, text):
    path = tmp_path / "key"
    path.write_text(text)
    text = fails(tmp_path, HX_GATE_ENGINE_SERVICE_KEY="",
                 HX_GATE_ENGINE_SERVICE_KEY_FILE=str(path))
    assert "HX_GATE_ENGINE_SERVICE_KEY_FILE" in text and "xxxx" not in text


def test_key_files_that_cannot_be_read(tmp_path):
    for path in tmp_path / "none", tmp_path:
        text = fails(tmp_path, HX_GATE_ENGINE_SERVICE_KEY="",
                     HX_GATE_ENGINE_SERVICE_KEY_FILE=str(path))
        assert "HX_GATE_ENGINE_SERVICE_KEY_FILE: cannot read" in text


def test_key_and_key_file_together(tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY)
    assert "set only one" in fails(tmp_path,
                                   HX_GATE_ENGINE_SERVICE_KEY_FILE=str(path))


@pytest.mark.parametrize("end", ["", "\n"])
def test_key_from_a_file(make_engine, tmp_path, end):
    path = tmp_path / "key"
    path.write_text(KEY + end)
    e = make_engine(HX_GATE_ENGINE_SERVICE_KEY="",
                    HX_GATE_ENGINE_SERVICE_KEY_FILE=str(path)).start()
    assert e.put("k", b"x").status_code == 200
    e.session.headers["Authorization"] += "x"
    assert e.get("k").status_code == 401


def test_a_short_key_is_refused_even_without_auth(tmp_path):
    fails(tmp_path, HX_GATE_ENGINE_SERVICE_KEY="short",
          HOLONOMIX_REQUIRE_AUTH="false")


def test_tls_needs_both_files_and_good_ones(tmp_path):
    text = fails(tmp_path, HOLONOMIX_TLS_CERT_PATH="/x")
    assert "HOLONOMIX_TLS_KEY_PATH" in text
    text = fails(tmp_path, HOLONOMIX_TLS_CERT_PATH="/x",
                 HOLONOMIX_TLS_KEY_PATH="/x")
    assert "HOLONOMIX_TLS_CERT_PATH" in text


def test_port_in_use(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        text = fails(tmp_path, HOLONOMIX_PORT=str(port))
        assert f"port {port}" in text and "in use" in text


def test_port_of_another_engine(engine, tmp_path):
    assert "in use" in fails(tmp_path, HOLONOMIX_PORT=str(engine.port))


def test_data_directory_of_another_engine(engine, tmp_path):
    text = fails(tmp_path, HOLONOMIX_DATA_DIR=str(engine.data))
    assert "in use by another hx-engine" in text


def test_more_connections_than_descriptors(tmp_path):
    e = Engine(tmp_path / "e", HOLONOMIX_MAX_CONNECTIONS="4096")
    p = subprocess.run(["/bin/sh", "-c", "ulimit -Hn 100; ulimit -n 100; "
                        "exec \"$0\"", program()], env=e.environment(),
                       capture_output=True, timeout=20, check=False)
    assert p.returncode == 1
    assert b"HOLONOMIX_MAX_CONNECTIONS" in p.stderr


def test_data_directory_is_private(engine):
    assert os.stat(engine.data).st_mode & 0o777 == 0o700
    for f in engine.data.iterdir():
        assert f.stat().st_mode & 0o777 == 0o600, f
