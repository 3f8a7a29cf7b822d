"""t/lib/sanitizer-check.sh fails on a report that names a source of ours, and
only then."""

import subprocess
from pathlib import Path

import pytest

CHECK = Path(__file__).resolve().parents[2] / "lib" / "sanitizer-check.sh"

OURS = """==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x6020
    #0 0x7f in ngx_hx_audit_flush ngx_hx_gate_module/after/ngx_hx_audit.c:99
    #1 0x55 in ngx_event_expire_timers (/usr/sbin/nginx+0x5)
"""
OURS_UBSAN = "core/hx_text.c:12:5: runtime error: signed integer overflow\n"
NGINX = """==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x6020
    #0 0x55 in ngx_http_parse_request_line (/usr/sbin/nginx+0x5)
"""


def run(directory):
    return subprocess.run([CHECK, directory], capture_output=True, text=True,
                          check=False)


@pytest.mark.parametrize("report", [OURS, OURS_UBSAN, NGINX + OURS])
def test_fires(tmp_path, report):
    (tmp_path / "nginx.1").write_text(NGINX)
    (tmp_path / "nginx.2").write_text(report)
    result = run(tmp_path)
    assert result.returncode == 1
    assert "1 reports name our sources" in result.stdout


@pytest.mark.parametrize("report", [NGINX, ""])
def test_is_silent(tmp_path, report):
    (tmp_path / "nginx.1").write_text(report)
    assert run(tmp_path).returncode == 0


def test_is_silent_without_reports(tmp_path):
    assert run(tmp_path).returncode == 0
