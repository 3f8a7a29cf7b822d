"""Libraries of npm that tests need: of the versions in a package-lock.json,
fetched once."""

import fcntl
import shutil
import subprocess


def installed(source, place):
    """place has the node_modules of source's package-lock.json."""
    for needed in ("node", "npm"):
        assert shutil.which(needed), f"{needed} is not installed"
    place.mkdir(exist_ok=True)
    lock_file = (source / "package-lock.json").read_text()
    with open(place / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = place / "installed"
        if not done.exists() or done.read_text() != lock_file:
            for file in ("package.json", "package-lock.json"):
                shutil.copy(source / file, place)
            run = subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                 "--cache", place / "cache"],
                cwd=place, capture_output=True, text=True, timeout=300,
                check=False)
            assert run.returncode == 0, run.stdout + run.stderr
            done.write_text(lock_file)
    return place
