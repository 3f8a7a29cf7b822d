"""A fresh Debian, made with mmdebstrap from the mirror of this machine, and
commands in it: chroot in a mount and a process namespace of their own, so that
nothing that was mounted or started is left; on request without any network but
a loopback of its own, where every port is free."""

import shutil
import subprocess
from pathlib import Path

MIRROR = Path(__file__).parents[2] / "packaging/dev/debian-mirror.sh"

ENTER = r"""
set -e
mount --make-rprivate /
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/dev/shm"
mount -t tmpfs tmpfs "$1/run"
[ "$3" = shared ] || ip link set lo up
# not exec: what is process 1 behaves in its own way, systemd-analyze, too
chroot "$1" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -eu -c "$2" ||
    exit $?
"""


def mirror():
    """Where this machine has its own packages from."""
    return subprocess.run([MIRROR], check=True, capture_output=True,
                          text=True).stdout.strip()


class Root:
    def __init__(self, path, suite, packages):
        self.path = path
        subprocess.run(
            ["mmdebstrap", "-q", "--variant=minbase",
             "--include=" + ",".join(packages),
             "--aptopt=Acquire::Check-Valid-Until false",
             "--essential-hook=printf '#!/bin/sh\\nexit 101\\n' > "
             "\"$1/usr/sbin/policy-rc.d\"; chmod 755 "
             "\"$1/usr/sbin/policy-rc.d\"",
             suite, str(path), mirror()],
            check=True, timeout=1200, stdin=subprocess.DEVNULL)
        shutil.copy("/etc/resolv.conf", path / "etc/resolv.conf")

    def run(self, script, code=0, network="shared", timeout=900):
        """The process that ended; its output is checked only for the code."""
        apart = [] if network == "shared" else ["-n"]
        p = subprocess.run(
            ["unshare", "-m", *apart, "--pid", "--fork", "--kill-child",
             "bash", "-c", ENTER, "_", str(self.path), script, network],
            capture_output=True, text=True, timeout=timeout, check=False,
            stdin=subprocess.DEVNULL)
        assert p.returncode == code, \
            f"{script}\n{p.stdout[-4000:]}\n{p.stderr[-4000:]}"
        return p

    def out(self, script):
        return self.run(script).stdout

    def file(self, name):
        return self.path / name.lstrip("/")

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
