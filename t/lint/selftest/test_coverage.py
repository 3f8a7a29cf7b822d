"""t/lib/cov_report.py: what ran is counted, a room below its limit fails, and an
error path that never ran is named with its text."""

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "t" / "lib"))
import cov_report  # noqa: E402

SOURCE = """/* a file of a room */
#include <stdlib.h>

int hx_half(int n);

int
hx_half(int n)
{
    if (n % 2) {
        return -1;
    }

    return n / 2;
}

int
main(int argc, char **argv)
{
    return hx_half(argc > 1 ? atoi(argv[1]) : 2) == 9;
}
"""


@pytest.fixture
def built(tmp_path):
    """A tree with one source, built as the Makefile does; run(argument...)."""

    class Built:
        room = tmp_path / "hx-engine" / "num"
        build = tmp_path / "build"
        data = tmp_path / "data"

        def run(self, *args):
            return subprocess.run([self.build / "a", *args], check=False)

        def report(self, capsys, **kw):
            rc = cov_report.report(self.build, self.data, kw.get("floor", 100),
                                 kw.get("rooms", []), tmp_path)
            return rc, capsys.readouterr().out

    b = Built()
    b.room.mkdir(parents=True)
    b.build.mkdir()
    (b.room / "a.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O0", "-g", "--coverage",
                    f"-ffile-prefix-map={tmp_path}/=",
                    f"-fprofile-dir={b.data}", "-c", "-o", b.build / "a.o",
                    "hx-engine/num/a.c"], cwd=tmp_path, check=True)
    subprocess.run(["gcc", "--coverage", "-o", b.build / "a",
                    b.build / "a.o"], check=True)
    cov_report.begin(b.build, b.data)
    return b


def test_a_room_below_its_limit_fails(built, capsys):
    built.run("4")
    rc, out = built.report(capsys)
    assert rc == 1
    assert "engine/num is below its limit" in out
    assert "engine/num 1" in out                    # error paths
    said = (built.build / "coverage" / "errors.txt").read_text()
    assert said == "hx-engine/num/a.c:10:         return -1;\n\n"


def test_what_ran_in_any_run_counts(built, capsys):
    built.run("4")
    built.run("3")
    built.run()
    rc, out = built.report(capsys)
    assert rc == 0, out
    row = next(x for x in out.splitlines() if x.startswith("engine/num"))
    assert row.split()[2] == "100.0" and row.split()[5] == "100.0"
    assert (built.build / "coverage" / "errors.txt").read_text() == ""


def test_nothing_ran(built, capsys):
    rc, out = built.report(capsys)
    assert rc == 1
    assert " 0.0 " in out


def test_begin_forgets(built, capsys):
    built.run("3")
    built.run("4")
    cov_report.begin(built.build, built.data)
    assert built.report(capsys)[0] == 1


def test_anybody_may_write_the_counters(built):
    file = next(built.data.rglob("*.gcda"))
    assert file.stat().st_mode & 0o777 == 0o666


def test_floor_and_rooms(built, capsys):
    built.run("4")
    assert built.report(capsys, floor=10)[0] == 0
    assert built.report(capsys, rooms=["gate/core"])[0] == 1


def test_no_objects(tmp_path):
    with pytest.raises(SystemExit):
        cov_report.begin(tmp_path, tmp_path / "data")
