"""BUILD=tsan and BUILD=valgrind find what they are for: a program with the
fault in a file of our names, run as "make" runs it, fails the group."""

import os
import subprocess
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[2] / "lib"

RACE = """#include <pthread.h>
static int n;
static void *add(void *p) { (void) p; %s return 0; }
int main(void)
{
    pthread_t a, b;
    pthread_create(&a, 0, add, 0);
    pthread_create(&b, 0, add, 0);
    pthread_join(a, 0);
    pthread_join(b, 0);
    return n == 0;
}
"""

MEMORY = """#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    char *p = malloc(8);
    int rc = 0;
    memset(p, 0, 8);
    (void) argv;
    %s
    free(p);
    return rc;
}
"""


def compile_to(path, text, *options):
    source = path.with_name("hx_fault_sample.c")
    source.write_text(text)
    subprocess.run(["gcc", "-g", "-O0", "-o", path, source, *options],
                   check=True)


def reports(directory):
    run = subprocess.run([LIB / "sanitizer-check.sh", directory], check=False,
                         capture_output=True, text=True)
    return run.returncode, run.stdout


@pytest.mark.parametrize("line, bad", [
    ("n++;", True), ("__atomic_fetch_add(&n, 1, 5);", False)])
def test_a_race(tmp_path, line, bad):
    compile_to(tmp_path / "p", RACE % line, "-fsanitize=thread", "-pthread")
    out = tmp_path / "reports"
    out.mkdir()
    run = subprocess.run(
        [tmp_path / "p"], check=False,
        env={"TSAN_OPTIONS": f"suppressions={LIB}/tsan.supp:"
                             f"log_path={out}/engine"})
    code, text = reports(out)
    assert (code, run.returncode) == ((1, 66) if bad else (0, 0)), text
    assert ("data race" in text) == bad


@pytest.mark.parametrize("line, text", [
    ("p[argc + 7] = 1;", "Invalid write of size 1"),
    ("if (((char *) malloc(1))[0]) rc = 0;", "uninitialised value"),
    ("p = malloc(16);", "8 bytes in 1 blocks are definitely lost"),
    ("p[argc] = 1;", None)])
def test_memory(tmp_path, line, text):
    program = tmp_path / "hx-sample"
    compile_to(program, MEMORY % line)
    out = tmp_path / "reports"
    out.mkdir()
    wrappers = tmp_path / "under"
    subprocess.run([LIB / "make-wrappers.sh", wrappers, LIB / "valgrind-run.sh",
                    f"hx-sample={program}", "run="], check=True)
    env = {**os.environ, "HX_SAN_DIR": str(out),
           "HX_VALGRIND_SUPP": str(LIB / "valgrind.supp")}
    for command in ([wrappers / "hx-sample"], [wrappers / "run", program]):
        assert subprocess.run(command, env=env, check=False).returncode == 0
    code, said = reports(out)
    if text is None:
        assert code == 0 and "no report" in said
        assert all(f.stat().st_size == 0 for f in out.iterdir())
    else:
        assert code == 1 and said.count(text) == 2, said
        assert "2 reports name our sources" in said


def test_a_script_runs_as_it_is(tmp_path):
    script = tmp_path / "s.t"
    script.write_text("#!/bin/sh\nexit $1\n")
    script.chmod(0o755)
    env = {**os.environ, "HX_SAN_DIR": str(tmp_path / "none"),
           "HX_VALGRIND_SUPP": "/dev/null"}
    run = subprocess.run([LIB / "valgrind-run.sh", script, "7"], env=env,
                         check=False)
    assert run.returncode == 7
