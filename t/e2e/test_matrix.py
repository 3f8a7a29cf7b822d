"""t/matrix/table.py, which says whether "make matrix" passed: what it must not
take for a group that passed."""

import subprocess

import pytest
from conftest import TOP

TABLE = TOP / "t" / "matrix" / "table.py"

PROVE = """\
[05:40:00] t/gate/auth.t .. ok     1200 ms
All tests successful.
Files=2, Tests=41,  3 wallclock secs
Result: PASS
"""
PROVE_FAILED = """\
Test Summary Report
-------------------
t/gate/auth.t         (Wstat: 512 (exited 2) Tests: 30 Failed: 2)
  Failed tests:  3-4
t/gate/cors.t         (Wstat: 256 Tests: 11 Failed: 1)
  Failed test:  7
Files=2, Tests=41,  3 wallclock secs
Result: FAIL
"""
PYTEST = """\
..............
14 passed in 3.20s
"""


def table(directory, groups, asked=("gate", "e2e"),
          found="nginx=1.26.3\nvalkey-server=8.1.1\n"):
    """What it prints of {group: (output, exit code)}, and whether it passed."""
    release = directory / "trixie"
    release.mkdir()
    if found:
        (release / "versions").write_text(found)
    for group, (text, code) in groups.items():
        (release / f"{group}.log").write_text(text)
        (release / f"{group}.rc").write_text(f"{code}\n")
    run = subprocess.run(
        [TABLE, directory, "trixie", *asked], capture_output=True, text=True,
        timeout=60, check=False)
    assert run.returncode in (0, 1), run.stderr
    return run.stdout.splitlines()[-1], run.returncode == 0


def test_passed(tmp_path):
    line, passed = table(tmp_path, {"gate": (PROVE, 0), "e2e": (PYTEST, 0)})
    assert passed
    assert line == ("| 13 trixie | 1.26.3 | ? | ? | ? | ? | 8.1.1 | 41 | 14 "
                    "| passed |")


@pytest.mark.parametrize("group, text, code, said", [
    ("gate", PROVE_FAILED, 1, "**3 of 41 failed**"),
    ("gate", PROVE.replace("PASS", "FAIL"), 0, "**1 of 41 failed**"),
    ("gate", PROVE, 2, "41, **exit 2**"),
    ("gate", PROVE.replace("Result: PASS\n", ""), 0, "**no test ran**"),
    ("gate", "Files=0, Tests=0,  0 wallclock secs\nResult: NOTESTS\n", 0,
     "**no test ran**"),
    ("gate", "make: *** [Makefile:9: module] Error 1\n", 2, "**no test ran**"),
    ("e2e", "2 failed, 12 passed in 3.20s\n", 1, "**2 of 14 failed**"),
    ("e2e", "= 1 failed, 12 passed, 1 error in 63.20s (0:01:03) =\n", 1,
     "**2 of 14 failed**"),
    ("e2e", "13 passed, 1 skipped in 3.20s\n", 0, "**1 of 14 failed**"),
    ("e2e", "no tests ran in 0.01s\n", 5, "**no test ran**"),
    ("e2e", PYTEST, 3, "14, **exit 3**"),
])
def test_failed(tmp_path, group, text, code, said):
    groups = {"gate": (PROVE, 0), "e2e": (PYTEST, 0), group: (text, code)}
    line, passed = table(tmp_path, groups)
    assert not passed
    assert f"| {said} |" in line
    assert line.endswith("| **failed** |")


def test_did_not_run(tmp_path):
    line, passed = table(tmp_path, {"gate": (PROVE, 0)})
    assert not passed
    assert "| **did not run** | **failed** |" in line


def test_valkey(tmp_path):
    line, passed = table(tmp_path, {"e2e": (PYTEST, 0)}, ("e2e", "valkey"),
                         "nginx=1.22.1\n")
    assert passed
    assert "| 14 | none here | passed |" in line


@pytest.mark.parametrize("found", ["", "valkey-server=8.1.1\n"])
def test_valkey_did_not_run(tmp_path, found):
    line, passed = table(tmp_path, {}, ("valkey",), found)
    assert not passed
    assert "| **did not run** | **failed** |" in line
