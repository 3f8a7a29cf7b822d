"""Programs for node that tests talk to, with the libraries they need."""

import fcntl
import shutil
import sys

from conftest import TOP, scratch

sys.path.append(str(TOP / "t" / "lib"))

import npm                  # noqa: E402 (a folder of ours)


def installed(name, program):
    """A directory with the program of t/e2e/<name> and its node_modules."""
    source = TOP / "t" / "e2e" / name
    place = npm.installed(source, scratch() / name)
    with open(place / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.copy(source / program, place)
    return place
