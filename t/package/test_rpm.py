"""The RPM packages (HX_RPM_DIR), looked at with rpm: what is in them, what they
need, what their scripts do."""

import os
import re
import shutil
from pathlib import Path

from conftest import TOP, run, version

RPMS = Path(os.environ.get("HX_RPM_DIR", TOP / "build" / "rpm"))
NAMES = ("nginx-mod-hx-gate", "hx-engine", "hx-gate-tools")


def package(name):
    found = list(RPMS.glob(f"RPMS/*/{name}-{version()}-*.rpm"))
    assert len(found) == 1, found
    return found[0]


def query(name, *words):
    return run("rpm", "-qp", *words, package(name)).stdout


def files(name):
    out = query(name, "--qf", r"[%{FILENAMES} %{FILEMODES:perms} "
                r"%{FILEUSERNAME} %{FILEFLAGS:fflags}\n]")
    return {line.split(" ")[0]: line.split(" ")[1:]
            for line in out.splitlines()}


def test_contents():
    module, engine, tools = (files(x) for x in NAMES)
    conf = "/etc/nginx/hx-gate/hx-gate.conf"
    assert module[conf] == ["-rw-r--r--", "root", "cn"]
    assert [x for x in module if x.endswith("ngx_http_hx_gate_module.so")]
    assert [x for x in module if x.endswith("mod-hx-gate.conf")]
    assert module["/var/log/hx-gate"][:2] == ["drwxr-x---", "nginx"]
    assert engine["/usr/sbin/hx-engine"][0] == "-rwxr-xr-x"
    assert "/usr/lib/systemd/system/hx-engine.service" in engine
    assert engine["/etc/hx-engine/hx-engine.env"][2] == "cn"
    assert engine["/etc/hx-engine/service.key"] == ["-rw-------", "root", "g"]
    assert {x for x in tools if x.startswith("/usr/bin/")} == {
        "/usr/bin/hx-audit", "/usr/bin/hx-gate-check",
        "/usr/bin/hx-gate-registry"}
    for one in (module, engine, tools):
        assert {user for name, (_, user, *_) in one.items()
                if name != "/var/log/hx-gate"} == {"root"}
        assert [x for x in one if x.endswith("/LICENSE")]
        assert not [x for x in one if "build" in x and "build-id" not in x]


def test_pages_completions_and_rules():
    module, engine, tools = (files(x) for x in NAMES)
    for one in (engine, tools):
        for program in (Path(x).name for x in one
                        if x.startswith(("/usr/bin/", "/usr/sbin/"))):
            assert [x for x in one if x.startswith("/usr/share/man/man")
                    and x.rsplit("/", 1)[1] in (f"{program}.1.gz",
                                                f"{program}.8.gz")]
            assert f"/usr/share/bash-completion/completions/{program}" in one
    assert "/usr/share/man/man5/hx-gate.conf.5.gz" in module
    assert [x for x in module if x.endswith("/prometheus/hx-gate.rules.yml")]
    assert [x for x in module if x.endswith("/grafana/hx-gate.json")]


def test_what_they_need():
    nginx = run("nginx", "-v").stderr.strip().split("/")[1].split(" ")[0]
    assert f"nginx(abi) = {nginx}" in query(
        "nginx-mod-hx-gate", "--requires").splitlines()
    for name, library in (("nginx-mod-hx-gate", "libhiredis.so"),
                          ("hx-engine", "libzstd.so"),
                          ("hx-gate-tools", "libyajl.so")):
        assert library in query(name, "--requires")


def test_the_user_of_nginx_there(tmp_path):
    """No file of the package speaks of Debian's."""
    tree = tmp_path / "tree"
    tree.mkdir()
    run("sh", "-c", 'rpm2cpio "$1" | cpio -idm --quiet', "_",
        package("nginx-mod-hx-gate"), cwd=tree)
    text = "".join(p.read_text() for p in tree.rglob("*") if p.is_file()
                   and (".d/" in str(p) or p.suffix == ".conf")
                   and "/doc/" not in str(p))
    assert "www-data" not in text and "nginx" in text
    main = tree / "etc/nginx/hx-gate/snippets/hx-gate-main.conf"
    assert "\nload_module" not in main.read_text()


def test_scripts_are_shell():
    for name in NAMES:
        text = query(name, "--scripts")
        for part in re.split(r"^\w+ scriptlet \(using /bin/sh\):\n", text,
                             flags=re.M)[1:]:
            run("sh", "-n", "-c", part)
            assert "%" not in part.replace("%{", "")


def test_the_key_is_made_once(tmp_path):
    script = query("hx-engine", "--qf", "%{POSTIN}").replace(
        "/etc/hx-engine", str(tmp_path))
    shutil.copy("/bin/true", tmp_path / "systemctl")
    shutil.copy("/bin/true", tmp_path / "systemd-tmpfiles")
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    key = tmp_path / "service.key"
    run("sh", "-e", "-c", script, env=env)
    first = key.read_text()
    assert re.fullmatch("[0-9a-f]{64}\n", first)
    assert key.stat().st_mode & 0o777 == 0o600
    run("sh", "-e", "-c", script, env=env)
    assert key.read_text() == first


def rpmlint(tmp_path, text, code):
    conf = tmp_path / "rpmlint.toml"
    conf.write_text(text)
    return run("rpmlint", "-c", conf, *(package(x) for x in NAMES),
               code=code).stdout


def reasons():
    return (TOP / "packaging/rpm/rpmlint.toml").read_text()


def test_rpmlint(tmp_path):
    """No error, no warning, but those that rpmlint.toml gives reasons for."""
    assert " 0 errors, 0 warnings" in rpmlint(tmp_path, reasons(), 0)


def test_rpmlint_finds_something(tmp_path):
    text = "".join(x for x in reasons().splitlines(True)
                   if '"non-readable ' not in x)
    out = rpmlint(tmp_path, text, 64)
    assert "E: non-readable /etc/hx-engine/service.key" in out
    assert " 1 errors, 0 warnings" in out
