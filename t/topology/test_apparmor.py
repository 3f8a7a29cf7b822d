"""hx-engine's AppArmor profile: the parser takes it, and a traced engine asks
the kernel for nothing that it has no rule for.  No kernel with AppArmor is
needed: its rules are matched here."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PROFILE = TOP / "packaging" / "apparmor" / "usr.sbin.hx-engine"
ENGINE = Path(os.environ["HX_ENGINE"]).resolve()
KEY = "0123456789abcdef0123456789abcdef"
VARIABLES = {"@{multiarch}": "*-linux-gnu*", "@{sys}": "/sys", "@{PROC}": "/proc",
             "@{run}": "{/run,/var/run}"}
CALLS = ("open,openat,creat,mkdir,mkdirat,unlink,unlinkat,rmdir,rename,"
         "renameat,renameat2,link,linkat,symlink,symlinkat,chmod,fchmodat,"
         "chown,truncate,execve,execveat,flock,fcntl,mmap,socket,sendto,"
         "sendmsg,connect")


def pattern(glob):
    """A glob of AppArmor's as a regular expression."""
    for name, value in VARIABLES.items():
        glob = glob.replace(name, value)
    assert "@" not in glob, glob
    # a component that is nothing but stars is not empty
    glob = re.sub(r"(?<=/)(\*\*?)(?=/|$)", r"[^/]\1", glob)
    out, depth = "", 0
    for piece in re.findall(r"\*\*|\[[^]]*\]|.", glob):
        if piece in "{}":
            depth += 1 if piece == "{" else -1
        out += {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:",
                "}": ")", ",": "|" if depth else ","}.get(
                    piece, piece if piece[0] == "[" else re.escape(piece))
    return re.compile(out + r"\Z")


def rules(text):
    """([(pattern, modes)], {socket families and types})"""
    files, sockets = [], set()
    for line in text.splitlines():
        line = line.strip()
        found = re.match(r"((?:/|@)\S*) ([a-z]+),$", line)
        if found:
            files.append((pattern(found[1]), set(found[2])))
        elif line.startswith("network "):
            sockets.add(tuple(line.rstrip(",").split()[1:]))
    return files, sockets


def uncovered(asked, text):
    """What of [(mode, path)] and [(family, type)] no rule lets through."""
    files, sockets = rules(text)
    left = set()
    for what in asked:
        if what[0] in ("inet", "inet6", "unix", "netlink", "other"):
            if what not in sockets:
                left.add(what)
            continue
        for mode in what[0]:
            if not any(mode in modes and glob.match(what[1])
                       for glob, modes in files):
                left.add((mode, what[1]))
    return left


def opened(arguments, result):
    """An open that succeeded: its modes and what the kernel came to."""
    path = re.search(r"<([^>]*)>", result)[1]
    if "O_DIRECTORY" in arguments:
        path += "/"         # as AppArmor names them
    if "O_RDWR" in arguments:
        return "rw", path
    return ("w" if "O_WRONLY" in arguments or "O_CREAT" in arguments
            else "r"), path


def asked_for(lines):
    """(modes, path) and (family, type) of strace's lines; refused and failed
    calls count but for files that are not there."""
    asked = set()
    for line in lines:
        found = re.match(r"\d+ +(\w+)\((.*)\) += (.*)$", line)
        if not found or "ENOENT" in found[3]:
            continue
        call, arguments, result = found.groups()
        paths = re.findall(r'"(/[^"]*)"', arguments)
        fd = re.match(r"\d+<(/[^>]*)>", arguments)
        if call in ("open", "openat", "creat"):
            if result.startswith("-1"):
                asked.add(("r", paths[0]))
            else:
                asked.add(opened(arguments, result))
        elif call in ("execve", "execveat"):
            asked.add(("x", paths[0]))
        elif call == "socket":
            family = re.match(r"AF_(\w+), SOCK_(\w+)", arguments)
            asked.add((family[1].lower() if family[1] in (
                "INET", "INET6", "UNIX", "NETLINK") else "other",
                family[2].lower()))
        elif call in ("sendto", "sendmsg", "connect"):
            found = re.search(r'sun_path="([^"]*)"', arguments)
            if found:
                asked.add(("w", found[1]))
        elif call == "mmap":
            found = re.search(r"PROT_EXEC.*, \d+<(/[^>]*)>, ", arguments)
            if found:
                asked.add(("m", found[1]))
        elif call == "flock" or (call == "fcntl" and
                                 re.search("F_(OFD_)?SETLK", arguments)):
            asked.add(("k", fd[1]))
        elif call in ("mkdir", "mkdirat", "rmdir"):
            asked.add(("w", paths[0].rstrip("/") + "/"))
        elif call != "fcntl":
            asked.update(("w", path) for path in paths)
    return asked


def placed(asked, places):
    """Scratch paths as the ones that an installed engine has."""
    out = set()
    for what in asked:
        name = what[1]
        for here, there in places.items():
            if name == here or name.startswith(here + "/"):
                name = there + name[len(here):]
                break
        out.add((what[0], name))
    return out


def request(port, method, path, body=None):
    headers = {"Authorization": "Bearer " + KEY,
               "Content-Type": "application/json"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", method=method, headers=headers,
            data=body and json.dumps(body).encode()), timeout=60) as answer:
        assert answer.status == 200
        return answer.read()


def traced(place, name, *words, env):
    """strace's command and the file that it fills."""
    trace = place / f"trace-{name}"
    return trace, (["strace", "-f", "-qq", "-y", "-s", "256", "-o", trace,
                    "-e", "trace=" + CALLS, ENGINE, *words], env)


def start(place, name, env):
    """An engine that has told NOTIFY_SOCKET that it serves: (process, trace,
    port)."""
    log = place / f"log-{name}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(env["NOTIFY_SOCKET"])
    listener.settimeout(60)
    trace, (command, env) = traced(place, name, env=env)
    with open(log, "wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out,
                                   stdin=subprocess.DEVNULL)
    try:
        while b"READY=1" not in listener.recv(4096):
            pass
    except BaseException:
        stop(process, trace)
        raise
    finally:
        listener.close()
        os.unlink(env["NOTIFY_SOCKET"])
    end = time.monotonic() + 60
    while True:
        found = re.search(r'"event":"started".*?"port":(\d+)',
                          log.read_text())
        if found:
            return process, trace, int(found[1])
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)


def stop(process, trace, *signals):
    """Signals to the engine, not to strace; then both have ended."""
    try:
        pid = int(trace.read_text().split(maxsplit=1)[0])
        for one in signals or (signal.SIGKILL,):
            os.kill(pid, one)
        return process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="module", name="asked")
def _asked(tmp_path_factory):
    place = tmp_path_factory.mktemp("apparmor").resolve()
    files = {name: place / name for name in ("key", "crt", "pem", "notify",
                                             "data", "backups")}
    for name in ("data", "backups"):
        files[name].mkdir(mode=0o700)
    files["key"].write_text(KEY + "\n")
    files["key"].chmod(0o600)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", files["pem"], "-out", files["crt"], "-subj",
                    "/CN=engine"], check=True, capture_output=True)
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("HOLONOMIX_", "HX_GATE_", "LD_"))}
    env.update(HX_GATE_ENGINE_SERVICE_KEY_FILE=str(files["key"]),
               HOLONOMIX_DATA_DIR=str(files["data"]), HOLONOMIX_PORT="0",
               NOTIFY_SOCKET=str(files["notify"]))

    process, trace, port = start(place, "serve", env)
    try:
        request(port, "POST", "/v1/put", {
            "namespace": "n", "key": "k", "data_b64": "aGVsbG8="})
        request(port, "GET", "/v1/get/n/k")
        assert b'"aGVsbG8="' in request(port, "POST", "/v1/serve", {
            "namespace": "n", "key": "k"})
        backup, (command, _) = traced(place, "backup", "backup",
                                      files["backups"] / "today", env=env)
        subprocess.run(command, env=env, check=True, capture_output=True,
                       timeout=60)
    finally:
        code = stop(process, trace, signal.SIGHUP, signal.SIGTERM)
    assert code == 0

    # once more with TLS, on IPv6's loopback, with the store that is there
    env6 = dict(env, HOLONOMIX_HOST="::1",
                HOLONOMIX_TLS_CERT_PATH=str(files["crt"]),
                HOLONOMIX_TLS_KEY_PATH=str(files["pem"]))
    process, tls, _ = start(place, "tls", env6)
    assert stop(process, tls, signal.SIGTERM) == 0

    # and what an operator does with a backup
    traces = [trace, backup, tls]
    (files["data"] / "data.mdb").unlink()
    for word in ("restore", "check"):
        one, (command, _) = traced(place, word, word, files["backups"] / "today",
                                   env=env)
        subprocess.run(command, env=env, check=True, capture_output=True,
                       timeout=60)
        traces.append(one)

    found = set()
    for one in traces:
        found |= asked_for(one.read_text().splitlines())
    return placed(found, {
        str(ENGINE): "/usr/sbin/hx-engine",
        str(files["key"]):
            "/run/credentials/hx-engine.service/service-key",
        str(files["crt"]): "/etc/hx-engine/tls.crt",
        str(files["pem"]): "/etc/hx-engine/tls.key",
        str(files["notify"]): "/run/systemd/notify",
        str(files["data"]): "/var/lib/hx-engine",
        str(files["backups"]): "/var/backups/hx-engine",
        str(place): "/var/lib"}) - {
            # strace starts it; it starts nothing
            ("x", "/usr/sbin/hx-engine")}


def parse(path):
    return subprocess.run(["apparmor_parser", "-QK", path], text=True,
                          capture_output=True, timeout=60)


def test_the_parser_takes_it(tmp_path):
    said = parse(PROFILE)
    assert said.returncode == 0, said.stderr
    wrong = tmp_path / "wrong"
    wrong.write_text(PROFILE.read_text().replace("rwk,", "rwy,", 1))
    assert parse(wrong).returncode != 0


def test_no_capability_and_no_other_program():
    text = PROFILE.read_text()
    lines = [line.strip() for line in text.splitlines()
             if not line.strip().startswith("#")]
    assert not [x for x in lines if x.startswith(("capability", "mount",
                                                  "ptrace", "change_"))]
    assert not [modes for _, modes in rules(text)[0] if "x" in modes]
    assert "unconfined" not in text.replace("peer=unconfined", "")


def test_every_rule_is_read():
    """The matcher knows all lines that give something."""
    text = PROFILE.read_text()
    inner = text[text.index("{\n") + 2:text.rindex("}")]
    lines = [line.strip() for line in inner.splitlines()]
    giving = [x for x in lines if x and not x.startswith(
        ("#", "include ", "signal "))]
    files, sockets = rules(text)
    assert len(giving) == len(files) + len(sockets)


def test_what_the_engine_asks_for_is_allowed(asked):
    for what in (("rw", "/var/lib/hx-engine/data.mdb"),
                 ("r", "/run/credentials/hx-engine.service/service-key"),
                 ("r", "/etc/hx-engine/tls.key"),
                 ("w", "/run/systemd/notify"),
                 ("inet", "stream"), ("inet6", "stream")):
        assert what in asked
    assert any("k" in modes for modes, _ in asked)
    assert any(path.startswith("/var/backups/") for _, path in asked)
    assert uncovered(asked, PROFILE.read_text()) == set()


@pytest.mark.parametrize("rule", [
    "/var/lib/hx-engine/** ", "/var/backups/hx-engine/** ", "/etc/ld.so.cache",
    "@{run}/credentials", "/etc/hx-engine/*", "@{run}/systemd/notify",
    "@{sys}/devices", "/etc/ssl/openssl.cnf", "network inet ",
    "network inet6 ", "network unix ", "/var/lib/hx-engine/ ",
    "/var/backups/hx-engine/ ", "@{PROC}",
    "/{,usr/}lib{,64}/{,@{multiarch}/}lib"])
def test_a_rule_that_is_missing_is_found(asked, rule):
    lines = PROFILE.read_text().splitlines()
    less = [line for line in lines if not line.strip().startswith(rule)]
    assert len(less) < len(lines)
    assert uncovered(asked, "\n".join(less))


def test_a_mode_that_is_missing_is_found(asked):
    text = PROFILE.read_text().replace("/var/lib/hx-engine/** rwk",
                                       "/var/lib/hx-engine/** rw")
    assert {mode for mode, _ in uncovered(asked, text)} == {"k"}


def test_the_trace_is_read():
    assert asked_for([
        '1 openat(AT_FDCWD, "/a", O_RDWR|O_CREAT, 0600) = 3</b>',
        '1 openat(AT_FDCWD, "/no", O_RDONLY) = -1 ENOENT (No such file)',
        '1 openat(AT_FDCWD, "/shut", O_RDONLY) = -1 EACCES (Denied)',
        '1 fcntl(3</b>, F_SETLK, {l_type=F_WRLCK}) = 0',
        '1 fcntl(3</b>, F_SETFD, FD_CLOEXEC) = 0',
        '1 mmap(NULL, 9, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</l.so>, 0) = 0x7',
        '1 execve("/bin/sh", ["sh"], 0x7 /* 9 vars */) = 0',
        '1 socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 4<x>',
        '1 mkdir("/d", 0700) = 0']) == {
            ("rw", "/b"), ("r", "/shut"), ("k", "/b"), ("m", "/l.so"),
            ("x", "/bin/sh"), ("netlink", "raw"), ("w", "/d/")}


def test_globs():
    assert pattern("/a/*").match("/a/b") and not pattern("/a/*").match("/a/b/c")
    assert pattern("/a/**").match("/a/b/c")
    assert not pattern("/a/").match("/a/b")
    assert not pattern("/a/**").match("/a/")
    assert pattern("/{,usr/}lib{a,b}.so*").match("/usr/libb.so.1")
