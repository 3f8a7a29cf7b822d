"""make install: what a packager gets, and that nginx takes it."""

import os
import subprocess

from conftest import TOP

NGINX = os.environ.get("HX_NGINX", "/usr/sbin/nginx")


def install(destdir):
    build = os.environ.get("HX_BUILD")
    return subprocess.run(
        ["make", "-C", TOP, "install", f"DESTDIR={destdir}",
         *([f"BUILD={build}"] if build else [])],
        capture_output=True, text=True, timeout=300, check=False)


def test_what_is_installed(state_dirs):
    destdir = state_dirs()
    run = install(destdir)
    assert run.returncode == 0, run.stderr
    files = {str(p.relative_to(destdir)): p.stat().st_mode & 0o777
             for p in destdir.rglob("*") if p.is_file()}
    assert files == {
        "usr/lib/nginx/modules/ngx_http_hx_gate_module.so": 0o644,
        "usr/sbin/hx-engine": 0o755,
        "usr/bin/hx-audit": 0o755,
        "usr/bin/hx-gate-check": 0o755,
        "usr/bin/hx-gate-registry": 0o755,
        **{f"etc/nginx/hx-gate/{name}": 0o644 for name in (
            "README.md", "hx-gate.conf", "hx-gate-fleet.conf",
            "hx-gate-server.conf",
            "hx-gate-metrics.conf",
            "snippets/hx-gate-main.conf", "snippets/hx-gate-proxy.conf",
            "snippets/hx-gate-tls.conf")},
        "etc/logrotate.d/hx-gate": 0o644,
        **{f"usr/share/doc/hx-gate/{name}": 0o644 for name in (
            "logrotate/hx-gate", "siem/README.md", "siem/vector.toml",
            "siem/fluent-bit.conf", "siem/parsers.conf", "siem/rsyslog.conf",
            "siem/splunk/inputs.conf", "siem/splunk/props.conf",
            "siem/splunk/limits.conf", "siem/splunk/savedsearches.conf",
            "openapi/data.yaml", "openapi/admin.yaml")},
        **{f"usr/share/man/man{name[-1]}/{name}": 0o644 for name in (
            "hx-audit.1", "hx-gate-check.1", "hx-gate-registry.1",
            "hx-engine.conf.5", "hx-gate.conf.5", "hx-engine.8")},
        **{f"usr/share/bash-completion/completions/{name}": 0o644 for name in (
            "hx-audit", "hx-engine", "hx-gate-check", "hx-gate-registry")},
        "usr/share/zsh/vendor-completions/_hx-tools": 0o644}

    module = destdir / "usr/lib/nginx/modules/ngx_http_hx_gate_module.so"
    conf = destdir / "nginx.conf"
    conf.write_text(f"load_module {module};\nevents {{ }}\n"
                    f"pid {destdir}/pid;\n")
    test = subprocess.run([NGINX, "-t", "-e", f"{destdir}/log", "-p", destdir,
                           "-c", conf], capture_output=True, text=True,
                          timeout=60, check=False)
    assert test.returncode == 0, test.stderr

    for tool, said in (("hx-audit", "COMMAND"), ("hx-gate-check", "--json"),
                       ("hx-gate-registry", "--replace")):
        run = subprocess.run([destdir / "usr/bin" / tool, "--help"],
                             capture_output=True, text=True, timeout=60,
                             check=False)
        assert run.returncode == 0, run.stderr
        assert said in run.stdout


def test_all_programs_have_the_version_of_the_tree(state_dirs):
    destdir = state_dirs()
    assert install(destdir).returncode == 0
    version = subprocess.run([TOP / "packaging/version.sh"], timeout=60,
                             capture_output=True, text=True, check=True).stdout
    for program in ("sbin/hx-engine", "bin/hx-audit", "bin/hx-gate-check",
                    "bin/hx-gate-registry"):
        run = subprocess.run([destdir / "usr" / program, "--version"],
                             capture_output=True, text=True, timeout=60,
                             check=False)
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout == f"{program.split('/')[1]} {version}"


def test_a_changed_configuration_is_kept(state_dirs):
    destdir = state_dirs()
    assert install(destdir).returncode == 0
    mine = destdir / "etc/nginx/hx-gate/hx-gate.conf"
    mine.write_text("# mine\n")
    run = install(destdir)
    assert run.returncode == 0
    assert mine.read_text() == "# mine\n"
    assert "kept " in run.stderr
    new = mine.with_name("hx-gate.conf.new")
    assert new.read_text() == (TOP / "nginx-conf/hx-gate.conf").read_text()


def test_a_changed_rotation_is_kept(state_dirs):
    """The new one must not lie beside it: logrotate would read both."""
    destdir = state_dirs()
    assert install(destdir).returncode == 0
    mine = destdir / "etc/logrotate.d/hx-gate"
    ours = (TOP / "packaging/logrotate/hx-gate").read_text()
    assert mine.read_text() == ours
    mine.write_text("# mine\n")
    run = install(destdir)
    assert run.returncode == 0
    assert "kept " in run.stderr
    assert mine.read_text() == "# mine\n"
    assert [file.name for file in mine.parent.iterdir()] == ["hx-gate"]
    doc = destdir / "usr/share/doc/hx-gate/logrotate/hx-gate"
    assert doc.read_text() == ours
