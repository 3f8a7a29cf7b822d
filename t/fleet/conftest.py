"""Fixtures of the fleet tests: three nginx nodes on one registry.  What they
share with t/e2e (ports, waiting, an nginx of a test's own) is taken from
there."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "t" / "lib"))

from by_path import load    # noqa: E402 (a folder of ours)


e2e = load("e2e_conftest", TOP / "t" / "e2e" / "conftest.py")
scratch, free_port, until, running = (e2e.scratch, e2e.free_port, e2e.until,
                                      e2e.running)
sys.path.append(str(TOP / "t" / "e2e"))     # own_nginx and what it needs


# "hx_gate_registry redis://" is there: the tests that need it are part of the
# group, the others run on Redis.  HX_FLEET_REDIS=1 or 0 says otherwise.
REDIS_DIRECTIVE = True

ON_REDIS = os.environ.get("HX_FLEET_REDIS", str(int(REDIS_DIRECTIVE))) == "1"
BACKEND = "redis" if ON_REDIS else "lmdb"

if not ON_REDIS:
    collect_ignore_glob = ["test_redis_*.py"]


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true",
                     help="fewer rounds: some minutes for all")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: not with --quick")


def pytest_collection_modifyitems(config, items):
    """Some tests are left out with --quick, and counted as deselected."""
    if config.getoption("--quick"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def quick(request):
    return request.config.getoption("--quick")


def program(name, variable):
    """A program of ours that the tests use."""
    path = os.environ.get(variable) or TOP / "build" / "release" / name
    assert Path(path).exists(), f"{path} is missing: make fleet-tools"
    return str(path)


@pytest.fixture(scope="session")
def session_dir():
    base = scratch() / f"fleet-{os.getpid()}"
    base.mkdir(mode=0o755, parents=True, exist_ok=True)
    yield base
    shutil.rmtree(base)


@pytest.fixture(scope="session")
def new_dir(session_dir):
    """Makes directories; they go away with the session."""
    counter = itertools.count(1)

    def make():
        path = session_dir / str(next(counter))
        path.mkdir()
        return path
    return make


def run(*command, **more):
    """A command that has to succeed; its output."""
    done = subprocess.run([str(part) for part in command], check=False,
                          capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
