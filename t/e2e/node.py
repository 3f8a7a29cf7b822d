"""Programs for node that tests talk to, with the libraries they need; run as a
program (make test-deps), it fetches all of them."""

import fcntl
import shutil
import sys

from conftest import TOP, scratch

sys.path.append(str(TOP / "t" / "lib"))

import npm                  # noqa: E402 (a folder of ours)


SOURCES = TOP / "t" / "e2e"


def installed(name, program):
    """A directory with the program of t/e2e/<name> and its node_modules."""
    source = SOURCES / name
    place = npm.installed(source, scratch() / name)
    with open(place / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.copy(source / program, place)
    return place


def fetch_all():
    locks = sorted(SOURCES.glob("*/package-lock.json"))
    assert locks
    for lock in locks:
        npm.installed(lock.parent, scratch() / lock.parent.name)


if __name__ == "__main__":
    fetch_all()
