"""The Debian packages (HX_DEB_DIR): clean, installed in a fresh Debian 12, used,
upgraded, removed.  The tests build on each other, in this order."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from conftest import TOP, run, version
from fresh_root import Root

DEBS = Path(os.environ.get("HX_DEB_DIR", TOP / "build" / "deb"))
NAMES = ("hx-engine", "hx-gate-tools", "libnginx-mod-http-hx-gate")
DEBIAN_VERSION = version() + "-0hx1"


def deb(name):
    found = list(DEBS.glob(f"{name}_{DEBIAN_VERSION}_*.deb"))
    assert len(found) == 1, found
    return found[0]


def fields(name, *names):
    out = run("dpkg-deb", "-f", deb(name), *names).stdout
    return dict(line.split(": ", 1) for line in out.splitlines())


@pytest.fixture(scope="module")
def root():
    assert os.geteuid() == 0, "as root, please: a chroot is made"
    place = Path(tempfile.mkdtemp(prefix="hx-deb-"))
    place.chmod(0o755)
    made = Root(place / "root", "bookworm", [
        "ca-certificates", "curl", "logrotate", "nginx", "openssl"])
    made.file("/root/debs").mkdir()
    for name in NAMES:
        shutil.copy(deb(name), made.file("/root/debs"))
    shutil.copy(TOP / "t/package/smoke.sh", made.file("/root"))
    yield made
    made.remove()
    place.rmdir()


def test_lintian():
    """Errors and warnings alike."""
    changes = list(DEBS.glob("hx-gate_*.changes"))
    assert len(changes) == 1
    p = run("lintian", "--allow-root", "--fail-on", "error,warning", changes[0])
    assert p.stdout == ""


def test_lintian_finds_something(tmp_path):
    """The same call does fail where there is something to find."""
    tree = tmp_path / "tree"
    run("dpkg-deb", "-R", deb("hx-gate-tools"), tree)
    (tree / "usr/bin/hx-audit").chmod(0o644)
    shutil.rmtree(tree / "usr/share/doc")
    run("dpkg-deb", "--root-owner-group", "-b", tree, tmp_path / "bad.deb")
    p = run("lintian", "--allow-root", "--fail-on", "error,warning",
            tmp_path / "bad.deb", code=2)
    assert "no-copyright-file" in p.stdout


def test_the_module_depends_on_the_abi_of_nginx():
    have = run("dpkg-query", "-W", "-f", "${Provides}", "nginx").stdout
    abi = [x for x in have.replace(",", " ").split()
           if x.startswith("nginx-abi-")]
    needs = fields("libnginx-mod-http-hx-gate", "Depends", "Version")
    assert len(abi) == 1
    assert abi[0] in needs["Depends"].split(", ")


def test_install(root):
    root.run("apt-get -q update && "
             "apt-get -q -y install --no-install-recommends "
             "/root/debs/*.deb", timeout=1200)
    for name in NAMES:
        assert root.out("dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "
                        f"{name}") == f"ii  {DEBIAN_VERSION}"
    rights = root.out(
        "stat -c '%n %U:%G %a' /etc/hx-gate /etc/hx-engine/service.key "
        "/var/lib/hx-gate/registry /var/log/hx-gate/audit.jsonl "
        "/var/lib/hx-engine /etc/hx-engine/hx-engine.env")
    assert rights.splitlines() == [
        "/etc/hx-gate root:root 700",
        "/etc/hx-engine/service.key root:root 600",
        "/var/lib/hx-gate/registry www-data:www-data 750",
        "/var/log/hx-gate/audit.jsonl www-data:adm 640",
        "/var/lib/hx-engine hx-engine:hx-engine 750",
        "/etc/hx-engine/hx-engine.env root:root 644"]
    assert len(root.file("/etc/hx-engine/service.key").read_text()) == 65

    # the module is loaded, and by itself changes nothing
    assert root.file("/etc/nginx/modules-enabled/50-mod-http-hx-gate.conf"
                     ).is_symlink()
    root.run("nginx -t -q")
    for program in ("hx-engine", "hx-audit", "hx-gate-check",
                    "hx-gate-registry"):
        assert root.out(f"{program} --version") == f"{program} {version()}\n"


def test_the_unit_is_right_where_it_is_installed(root):
    unit = "/lib/systemd/system/hx-engine.service"
    p = root.run(f"systemd-analyze verify --man=no {unit}")
    assert "hx-engine" not in p.stdout + p.stderr
    root.run("mv /usr/sbin/hx-engine /root/away")
    p = root.run(f"systemd-analyze verify --man=no {unit}", code=1)
    assert "hx-engine is not executable" in p.stderr
    root.run("mv /root/away /usr/sbin/hx-engine")


def smoke(root):
    report = json.loads(root.run("/root/smoke.sh", network="own").stdout)
    return {x["check"]: x["result"] for x in report["checks"]}


def test_a_request_through_gate_and_engine(root):
    """And hx-gate-check has no complaint but of what only an operator can
    know: where records are shipped to, whose pages may call."""
    said = smoke(root)
    failed = {k for k, v in said.items() if v not in ("pass", "n/a")}
    assert failed == {"audit-shipped", "cors"}
    assert len(said) > 10


def edited(name, tmp_path):
    """A newer package of that name, with a newer configuration file."""
    tree = tmp_path / name
    run("dpkg-deb", "-R", deb(name), tree)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace(
        f"Version: {DEBIAN_VERSION}", "Version: 99-1"))
    for conf in (tree / "DEBIAN/conffiles").read_text().splitlines():
        with open(tree / conf.lstrip("/"), "a", encoding="ascii") as f:
            f.write("# newer\n")
    run("dpkg-deb", "--root-owner-group", "-b", tree,
        tmp_path / f"{name}_99-1.deb")
    return tmp_path / f"{name}_99-1.deb"


def test_an_upgrade_keeps_what_was_changed(root, tmp_path):
    mine = {"/etc/nginx/hx-gate/hx-gate.conf": "# mine\n",
            "/etc/hx-engine/hx-engine.env": "HOLONOMIX_LOG_LEVEL=debug\n"}
    for name, line in mine.items():
        with open(root.file(name), "a", encoding="ascii") as f:
            f.write(line)
    key = root.file("/etc/hx-engine/service.key").read_text()
    for name in ("hx-engine", "libnginx-mod-http-hx-gate"):
        shutil.copy(edited(name, tmp_path), root.file("/root"))
    root.run("dpkg --force-confold -i /root/*_99-1.deb")

    for name, line in mine.items():
        text = root.file(name).read_text()
        assert text.endswith(line) and "# newer" not in text
        assert root.file(name + ".dpkg-dist").read_text().endswith("# newer\n")
    untouched = root.file("/etc/nginx/hx-gate/hx-gate-server.conf")
    assert untouched.read_text().endswith("# newer\n")
    assert root.file("/etc/hx-engine/service.key").read_text() == key
    smoke(root)         # tenant, key and value of before


def left(root):
    """What has to do with the packages: names of files, lines in /etc."""
    names = root.out("find / -xdev \\( -path /proc -o -path /root -o -path "
                     "/var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache "
                     "\\) -prune -o -name '*hx*' -print; ls /var/lib/dpkg/info"
                     " | grep hx || true")
    return set(names.split())


def test_removed_and_purged(root):
    links = [f"/etc/nginx/conf.d/{x}" for x in (
        "10-hx-gate.conf", "20-hx-gate-server.conf",
        "30-hx-gate-metrics.conf")]
    links.append("/etc/nginx/modules-enabled/60-hx-gate.conf")
    root.run("rm " + " ".join(links))
    root.run("apt-get -q -y remove " + " ".join(NAMES))
    root.run("nginx -t -q")
    for name in ("/usr/sbin/hx-engine", "/usr/bin/hx-audit",
                 "/usr/lib/nginx/modules/ngx_http_hx_gate_module.so"):
        assert not root.file(name).exists()
    assert root.file("/etc/nginx/hx-gate/hx-gate.conf").exists()
    assert root.file("/etc/hx-engine/service.key").exists()

    said = root.out("apt-get -q -y purge " + " ".join(NAMES))
    assert "hx-engine: kept /var/lib/hx-engine" in said
    assert left(root) == {"/etc/hx-gate", "/var/lib/hx-gate",
                          "/var/log/hx-gate", "/var/lib/hx-engine"}
    assert root.file("/var/lib/hx-engine/data.mdb").exists()
    assert {x.name for x in root.file("/etc/hx-gate").iterdir()} == {
        "service.key", "tls.crt", "tls.key"}
    assert "hx" not in root.out("cat /etc/group /etc/passwd").replace(
        "hx-engine", "")


def test_a_purge_of_what_was_never_used_leaves_nothing(root):
    root.run("rm -rf /etc/hx-gate /var/lib/hx-gate /var/log/hx-gate "
             "/var/lib/hx-engine")
    root.run("dpkg -i /root/debs/*.deb")
    root.run("dpkg -P " + " ".join(NAMES))
    assert left(root) == set()
