"""A release: the tarball is the same whoever makes it, checksums and signature
tell of every change."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from conftest import BIN, PROGRAMS, TOP, run, version

NAME = f"hx-gate-{version()}"


def clone(place):
    """A checkout of what this tree has, committed."""
    place.mkdir()
    files = run("git", "ls-files", "-z", cwd=TOP).stdout
    for name in files.strip("\0").split("\0"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / name, place / name, follow_symlinks=False)
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
    run("git", "init", "-q", cwd=place)
    run("git", "add", "-A", cwd=place)
    run(*git, "commit", "-q", "-m", "x", cwd=place,
        env={**os.environ, "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"})
    return place


def tarball(tree, out, **env):
    p = run(tree / "packaging/dist/tarball.sh", out,
            env={**os.environ, **env})
    path = Path(p.stdout.strip())
    assert path == out / f"{NAME}.tar.gz"
    return path.read_bytes(), p.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return clone(tmp_path_factory.mktemp("tree") / "checkout")


def test_the_same_bytes_twice_and_elsewhere(tree, tmp_path):
    first, said = tarball(tree, tmp_path / "a")
    assert said == ""
    other = tmp_path / "other"
    run("git", "clone", "-q", tree, other)
    (other / "Makefile").chmod(0o600)
    os.utime(other / "README.md", (1, 1))
    run("git", "config", "core.fileMode", "false", cwd=other)
    second, said = tarball(other, tmp_path / "b", TZ="Asia/Tokyo",
                           LC_ALL="C.UTF-8")
    assert second == first and said == ""


def test_an_unpacked_tarball_makes_the_same(tree, tmp_path):
    first, _ = tarball(tree, tmp_path / "a")
    run("tar", "-x", "-f", tmp_path / "a" / f"{NAME}.tar.gz", "-C", tmp_path)
    (tmp_path / NAME / "build").mkdir()
    (tmp_path / NAME / "build" / "object.o").write_text("x")
    assert tarball(tmp_path / NAME, tmp_path / "b")[0] == first


def test_a_change_is_another_tarball_and_is_told(tree, tmp_path):
    first, _ = tarball(tree, tmp_path / "a")
    other = tmp_path / "other"
    run("git", "clone", "-q", tree, other)
    with open(other / "README.md", "a", encoding="utf-8") as f:
        f.write("x\n")
    second, said = tarball(other, tmp_path / "b")
    assert second != first
    assert "not what was committed" in said


def test_what_is_in_it(tree, tmp_path):
    tarball(tree, tmp_path)
    with tarfile.open(tmp_path / f"{NAME}.tar.gz") as tar:
        members = {m.name.removeprefix(NAME + "/"): m for m in tar}
    tracked = run("git", "ls-files", "-z", cwd=tree).stdout.strip("\0")
    assert list(members) == sorted(tracked.split("\0"),
                                   key=lambda x: x.encode())
    for m in members.values():
        assert (m.uid, m.gid, m.uname, m.gname) == (0, 0, "", "")
        assert m.mtime == 1767323045        # the commit's
        assert m.mode in ((0o777,) if m.issym() else (0o644, 0o755))
    assert members["packaging/version.sh"].mode == 0o755
    assert members["LICENSE"].mode == 0o644


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """A throw-away key, and the keyring a user would have."""
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key",
        "release@example.org", "ed25519", "sign", "never")
    run("gpg", "--output", tmp_path / "hx-gate.gpg", "--export",
        "release@example.org")
    yield tmp_path / "hx-gate.gpg"
    run("gpgconf", "--kill", "all")


def verified(out, keyring):
    """What packaging/README.md tells a user to type."""
    page = (TOP / "packaging/README.md").read_text(encoding="utf-8")
    lines = [x for x in page.splitlines() if x.startswith(("gpgv", "sha256"))]
    assert len(lines) == 2
    shutil.copy(keyring, out / "hx-gate.gpg")
    return [subprocess.run(["sh", "-c", line], cwd=out, capture_output=True,
                           timeout=60, check=False).returncode
            for line in lines]


def test_signed_and_verified_and_a_changed_byte_found(tree, tmp_path, keys):
    out = tmp_path / "out"
    run(tree / "packaging/dist/build.sh", out, BIN,
        env={**os.environ, "SIGN": "release@example.org"})
    assert {x.name for x in out.iterdir()} == {
        f"{NAME}.tar.gz", f"{NAME}.cdx.json", "SHA256SUMS", "SHA256SUMS.asc"}
    assert verified(out, keys) == [0, 0]

    # a byte of a file: the sums tell; then of the sums: the signature tells
    for name, told in ((f"{NAME}.tar.gz", [0, 1]),
                       (f"{NAME}.cdx.json", [0, 1])):
        good = (out / name).read_bytes()
        bad = bytearray(good)
        bad[len(bad) // 2] ^= 1
        (out / name).write_bytes(bad)
        assert verified(out, keys) == told
        (out / name).write_bytes(good)
    sums = (out / "SHA256SUMS").read_text()
    flipped = "0" if sums[0] != "0" else "1"
    (out / "SHA256SUMS").write_text(flipped + sums[1:])
    assert verified(out, keys)[0] != 0
    (out / "SHA256SUMS").write_text(sums)
    assert verified(out, keys) == [0, 0]


def test_another_key_is_not_believed(tree, tmp_path, keys):
    out = tmp_path / "out"
    run(tree / "packaging/dist/build.sh", out, BIN,
        env={**os.environ, "SIGN": "release@example.org"})
    run("gpg", "--batch", "--passphrase", "", "--quick-generate-key",
        "other@example.org", "ed25519", "sign", "never")
    run("gpg", "--output", tmp_path / "other.gpg", "--export",
        "other@example.org")
    assert verified(out, tmp_path / "other.gpg") == [2, 0]


def test_without_a_key_there_is_no_signature(tree, tmp_path, keys):
    out = tmp_path / "out"
    run(tree / "packaging/dist/build.sh", out, BIN)
    assert not (out / "SHA256SUMS.asc").exists()
    run(tree / "packaging/dist/build.sh", out, BIN, code=2,
        env={**os.environ, "SIGN": "nobody@example.org"})
    assert not (out / "SHA256SUMS.asc").exists()


def test_all_programs_are_in_the_sbom(tree, tmp_path):
    run(tree / "packaging/dist/build.sh", tmp_path / "out", BIN)
    text = (tmp_path / "out" / f"{NAME}.cdx.json").read_text(encoding="utf-8")
    for name in PROGRAMS:
        assert f'"hx-gate/{name}"' in text
