"""The Debian packages in a machine of its own, which qemu emulates: a kernel
with AppArmor, systemd as process 1, both services as their units run them.
vm.sh does it all in there and writes down what it found; the tests judge it.
Minutes, as root, with a Debian mirror."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from conftest import TOP
from fresh_root import Root
from test_deb import NAMES, deb

PACKAGES = ["apparmor", "ca-certificates", "curl", "dbus", "iproute2", "kmod",
            "linux-image-cloud-amd64", "logrotate", "nginx", "openssl",
            "systemd-sysv", "udev"]
UNIT = """\
[Unit]
After=network.target apparmor.service nginx.service hx-engine.service
[Service]
Type=oneshot
ExecStart=/root/vm.sh
Environment=HOME=/root
[Install]
WantedBy=multi-user.target
"""


def boot(root, image, place):
    """Runs the machine to its end: the facts."""
    serial = [place / "console", place / "facts"]
    # emulated: what acceleration there is differs from machine to machine
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi",
               "-cpu", "max", "-smp", "2", "-m", "1024", "-no-reboot",
               "-nodefaults", "-display", "none", "-nic", "none",
               "-kernel", next(root.file("/boot").glob("vmlinuz-*")),
               "-initrd", next(root.file("/boot").glob("initrd.img-*")),
               "-append", "root=/dev/vda rw console=ttyS0 panic=-1",
               "-drive", f"file={image},if=virtio,format=raw,cache=unsafe"]
    for file in serial:
        command += ["-serial", f"file:{file}"]
    try:
        subprocess.run(command, timeout=900, check=True,
                       stdin=subprocess.DEVNULL)
    finally:
        # pytest shows it if a test fails
        print(serial[0].read_text(errors="replace")[-8000:])
    lines = serial[1].read_text(errors="replace").splitlines()
    return dict(line.split(" ", 1) for line in lines)


@pytest.fixture(scope="module", name="facts")
def _facts():
    place = Path(tempfile.mkdtemp(prefix="hx-vm-"))
    place.chmod(0o755)
    root = Root(place / "root", "bookworm", PACKAGES)
    try:
        debs = root.file("/root/debs")
        debs.mkdir()
        for name in NAMES:
            shutil.copy(deb(name), debs)
        root.run("apt-get -q update && apt-get -q -y install "
                 "--no-install-recommends /root/debs/*.deb")
        for name in ("smoke.sh", "vm.sh"):
            shutil.copy(TOP / "t/package" / name, root.file("/root"))
        root.file("/etc/systemd/system/hx-vm.service").write_text(UNIT)
        root.file("/etc/fstab").write_text("/dev/vda / ext4 rw 0 1\n")
        root.run("systemctl -q enable hx-vm; rm -f /usr/sbin/policy-rc.d")
        image = place / "image"
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root.path, image,
                        "3G"], check=True, capture_output=True)
        yield boot(root, image, place)
    finally:
        shutil.rmtree(place)


def test_it_ran_to_its_end(facts):
    assert facts.get("end") == "reached"


def test_both_services_are_up_after_a_boot(facts):
    assert facts["booted"] == "active active"
    assert facts["failed-units"] == ""


def test_the_unit_holds_the_engine(facts):
    assert facts["user"] == "hx-engine"
    assert set(facts["status"].split()) == {
        "CapEff=0000000000000000", "CapBnd=0000000000000000", "NoNewPrivs=1",
        "Seccomp=2"}
    assert facts["key-in-environment"] == "0"


def test_apparmor_holds_the_engine_and_nobody_else(facts):
    assert "apparmor" in facts["lsm"].split(",")
    assert facts["profile"] == "hx-engine (enforce)"
    assert facts["nginx-profile"] == "unconfined"


@pytest.mark.parametrize("name", [
    "smoke", "reload", "smoke-after-crash", "nginx-reload",
    "smoke-after-reload", "backup", "check", "check-backup", "restore",
    "smoke-restored", "stop"])
def test_works_as_confined_as_it_is(facts, name):
    assert facts[name] == "0"


def test_a_crash_is_followed_by_a_start(facts):
    assert facts["restarts"] == "1"
    assert facts["result"] == "success"         # of the last end


def test_its_log_is_in_the_journal(facts):
    """A profile without the stream to journald lost all of it: nothing failed.
    At boot, smoke.sh three times, the crash."""
    assert facts["starts-logged"] == "5"


def test_nothing_it_needs_was_refused(facts):
    assert facts["denied-before"] == "0"
    assert facts["seccomp-before"] == "0"


def test_other_places_are_refused_and_that_is_seen(facts):
    assert facts["backup-elsewhere"] == "1"
    assert int(facts["denied-elsewhere"]) > 0
    assert facts["denied-last"] == facts["denied-elsewhere"]


def test_the_operator_allows_other_places(facts):
    assert facts["load-local"] == "0"
    assert facts["backup-allowed"] == "0"


def test_only_this_machine_connects_until_the_operator_says_so(facts):
    assert facts["restart-anywhere"] == "0"
    assert facts["from-here"] == "0"
    assert facts["from-outside"] == "28"        # curl: no answer in time
    assert facts["restart-allowed"] == "0"
    assert facts["from-outside-allowed"] == "0"
