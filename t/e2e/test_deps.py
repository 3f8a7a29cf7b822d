"""packaging/deps/install.sh: silent when all is there; another user than root
is told the exact line."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import TOP

NOBODY = 65534


@pytest.fixture
def deps(state_dirs):
    """A copy of the lists that may be spoilt, where any user can read it."""
    top = state_dirs()
    copy = top / "packaging" / "deps"
    shutil.copytree(TOP / "packaging" / "deps", copy)
    (top / "t" / "lib").mkdir(parents=True)
    shutil.copy(TOP / "t" / "lib" / "install-test-nginx.sh", top / "t" / "lib")
    return copy


def install(deps, *groups):
    """As nobody when we are root."""
    command = [deps / "install.sh", *groups]
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                   "--clear-groups", *command]
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          check=False)


def test_all_there(deps):
    run = install(deps, "build", "run")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_missing_packages_are_named(deps):
    with open(deps / "run.list", "a", encoding="ascii") as f:
        f.write("# a comment\nhx-no-such-package\nhx-neither-this\n")
    run = install(deps, "build", "run")
    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "Packages are missing. Run as root, then try again:",
        "    apt-get install --no-install-recommends hx-no-such-package "
        "hx-neither-this"]


def test_names_of_a_release(deps):
    """What a release calls otherwise, or does not have."""
    codename = re.search(r"^VERSION_CODENAME=(.*)$",
                         Path("/etc/os-release").read_text(), re.M)[1]
    with open(deps / "run.list", "a", encoding="ascii") as f:
        f.write("hx-old\nhx-nowhere\nhx-kept\n")
    with open(deps / f"{codename}.names", "a", encoding="ascii") as f:
        f.write("# a comment\nhx-old hx-new hx-newer\nhx-nowhere\n")
    run = install(deps, "build", "run")
    assert run.returncode == 1
    assert run.stderr.splitlines()[1] == (
        "    apt-get install --no-install-recommends hx-new hx-newer hx-kept")


def test_unknown_group(deps):
    assert install(deps, "builds").returncode == 2
