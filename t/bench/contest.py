"""Contestants: nginx with one configuration each, and what can be counted of
them.  Everything started here is stopped by its process id; every wait has an
end."""

import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Trouble(Exception):
    """The bench cannot go on; the text is for the user."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Trouble(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def pin(cpu):
    """For preexec_fn: the contestant on one processor, the load elsewhere; or
    "all"."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) == 1 or cpu == "all":
        return None
    chosen = {cpus[0]} if cpu == "gate" else set(cpus[1:])
    return lambda: os.sched_setaffinity(0, chosen)


def family(pid):
    """The process and its living children."""
    pids = [pid]
    for name in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(name, encoding="ascii") as f:
            pids += [int(child) for child in f.read().split()]
    return pids


def cpu_ns(pid):
    """Run time of the process and its children so far, all threads."""
    total = 0
    for each in family(pid):
        for name in glob.glob(f"/proc/{each}/task/*/schedstat"):
            with open(name, encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total


class Nginx:
    """One nginx in its own directory, on its own port."""

    def __init__(self, env, name, config, conf_vars=None):
        self.env = env
        self.name = name
        self.dir = os.path.join(env.scratch, name)
        self.process = None
        self.port = free_port()
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.sources = (config, "common.conf")
        self.values = {
            "dir": self.dir, "port": self.port, "module": env.module,
            "user": "user root;" if os.geteuid() == 0 else "",
            "registry": os.path.join(self.dir, "registry"),
            "key": os.path.join(self.dir, "service.key"),
            "audit": "access_log off; hx_gate_audit_log "
                     f"{self.dir}/audit.jsonl flush=100ms;",
            "workers": 1, "zone": "64m", **(conf_vars or {})}
        self.config = os.path.join(self.dir, config)
        self.write({})

    def write(self, more):
        """Its configuration, at first and with other values."""
        self.values.update(more)
        for source in self.sources:
            with open(os.path.join(HERE, "conf", source),
                      encoding="utf-8") as f:
                text = f.read()
            text = re.sub(r"@(\w+)@",
                          lambda m: str(self.values.get(m.group(1), "")),
                          text)
            with open(os.path.join(self.dir, source), "w",
                      encoding="utf-8") as f:
                f.write(text)

    def start(self, directives="daemon off;", wrapper=(), cpu="gate"):
        command = [*wrapper, self.env.nginx, "-p", self.dir, "-c", self.config,
                   "-e", os.path.join(self.dir, "error.log"), "-g", directives]
        with open(os.path.join(self.dir, "stderr"), "ab") as err:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                preexec_fn=pin(cpu))
        until(f"{self.name} listens on {self.port}", 60, self.listens)
        return self

    def listens(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.dir, "stderr"),
                      encoding="utf-8", errors="replace") as f:
                raise Trouble(f"{self.name} did not start: {f.read()[-500:]}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in reversed(family(self.process.pid)):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def lines(self):
        """Of the audit trail or access log."""
        try:
            with open(os.path.join(self.dir, "audit.jsonl"), "rb") as f:
                return sum(chunk.count(b"\n")
                           for chunk in iter(lambda: f.read(1 << 20), b""))
        except FileNotFoundError:
            return 0

    def pss(self):
        """Memory of all its processes, shared pages in parts: bytes."""
        total = 0
        for pid in family(self.process.pid):
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += int(re.search(r"^Pss:\s+(\d+) kB", f.read(),
                                       re.M).group(1)) * 1024
        return total

    def rss(self):
        """Memory of its workers, and what of it is no shared memory: bytes."""
        resident = own = 0
        for pid in family(self.process.pid)[1:]:
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                kb = dict(re.findall(r"^(VmRSS|RssAnon):\s+(\d+) kB", f.read(),
                                     re.M))
            resident += int(kb["VmRSS"]) * 1024
            own += int(kb["RssAnon"]) * 1024
        return resident, own

    def cpu_ns(self):
        return cpu_ns(self.process.pid)


class Callgrind:
    """nginx as a single process under callgrind."""

    def __init__(self, nginx):
        self.nginx = nginx
        self.out = os.path.join(nginx.dir, "callgrind.out")
        self.parts = 0
        nginx.start("daemon off; master_process off;",
                    ["valgrind", "--tool=callgrind", "-q",
                     "--compress-strings=no",
                     "--callgrind-out-file=" + self.out])

    def take(self):
        """Instructions since the last call.  The profile stays as
        callgrind.out.<n>, n being self.parts."""
        self.parts += 1
        part = f"{self.out}.{self.parts}"
        subprocess.run(["callgrind_control", "-d",
                        str(self.nginx.process.pid)],
                       check=True, capture_output=True, timeout=60)
        found = []

        def totals():
            if os.path.exists(part):
                with open(part, encoding="utf-8", errors="replace") as f:
                    found[:] = re.findall(r"^totals: (\d+)", f.read(), re.M)
            return found

        until("callgrind writes a profile", 60, totals)
        return int(found[0])


def strace(nginx, drive):
    """System calls of all its processes while drive() runs."""
    out = os.path.join(nginx.dir, "strace")
    command = ["strace", "-c", "-f", "-U", "calls,name", "-o", out]
    for pid in family(nginx.process.pid):
        command += ["-p", str(pid)]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)

    def attached():
        if tracer.poll() is not None:
            raise Trouble("strace may not attach to a process")
        return all(
            f"TracerPid:\t{tracer.pid}\n" in open(f"/proc/{pid}/status",
                                                  encoding="utf-8").read()
            for pid in family(nginx.process.pid))

    try:
        until("strace attaches", 20, attached)
        drive()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)
    with open(out, encoding="utf-8") as f:
        return {name: int(calls) for calls, name in
                re.findall(r"^\s*(\d+)\s+(\w+)$", f.read(), re.M)
                if name != "total"}


def wrk(nginx, requests, seconds, connections=32, mode="cycle"):
    """One saturating run: (requests, seconds it took).  mode: see load.lua."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
         "-s", os.path.join(HERE, "load.lua"),
         f"http://127.0.0.1:{nginx.port}", "--", requests],
        capture_output=True, text=True, check=False, timeout=60 + seconds,
        env={**os.environ, "HX_BENCH_LOAD": mode}, preexec_fn=pin("load"))
    found = re.search(r"^BENCH (\d+) (\d+) (\d+) (\d+)$", done.stdout, re.M)
    if not found:
        raise Trouble("wrk: " + done.stdout + done.stderr)
    requests, refused, broken, us = map(int, found.groups())
    if refused or broken or not requests:
        raise Trouble(f"{nginx.name}: of {requests} requests {refused} were "
                      f"refused and {broken} broke")
    return requests, us / 1e6
