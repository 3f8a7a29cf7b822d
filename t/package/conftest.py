"""What the tests of packages and releases share."""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("HX_ENGINE", TOP / "build" / "hx-engine")).parent
PROGRAMS = ("hx-engine", "hx-audit", "hx-gate-check", "hx-gate-registry",
            "ngx_http_hx_gate_module.so")

sys.dont_write_bytecode = True


def run(*command, code=0, **kw):
    """The process that ended, with the exit code that was expected."""
    p = subprocess.run([str(x) for x in command], capture_output=True,
                       text=True, timeout=kw.pop("timeout", 600), check=False,
                       **kw)
    assert p.returncode == code, f"{command}\n{p.stdout[-4000:]}{p.stderr[-4000:]}"
    return p


def version():
    return run(TOP / "packaging/version.sh").stdout.strip()
