"""Each check fires on a bad sample and is silent on a good one."""

import shutil
import subprocess
from pathlib import Path

import pytest

import checks
import sources

TOP = Path(__file__).resolve().parents[3]
HEAD = "/* what it owns */\n"


def fires(tree, check, text):
    """Exactly one message, and it says so."""
    messages = tree.messages(check)
    assert len(messages) == 1, messages
    assert text in messages[0]


@pytest.mark.parametrize("line, text", [
    ("int a;" + " " * 80 + "int b;", "92 columns"),
    ("int a;\tint b;", "tab"),
    ("int a; ", "blanks at the end"),
    ("int a;  // no", "// comment"),
    ("int a; /* x */ // no", "// comment"),
])
def test_layout_fires(tree, line, text):
    tree.write("hx-engine/api/a.c", HEAD + line + "\n")
    fires(tree, checks.check_layout, text)


@pytest.mark.parametrize("line", [
    "/* http://example.org */",
    'const char *url = "http://example.org";',
    'const char *quote = "\\"//";',
    "char c = '\"'; char d = '/';",
    "x" * 80,
])
def test_layout_is_silent(tree, line):
    tree.write("hx-engine/api/a.c", HEAD + line + "\n")
    assert tree.messages(checks.check_layout) == []


def test_line_numbers_survive_comments_and_strings():
    text = '/* a\n b */ "x\\"y" /* c */\nint d;  // e\n'
    code, slashes = sources.blank(text)
    assert code.splitlines()[2].strip() == "int d;"
    assert slashes == [3]
    assert len(code.splitlines()) == len(text.splitlines())


def test_missing_line_break_fires(tree):
    tree.write("t/unit/core/a_test.c", HEAD + "int a;")
    fires(tree, checks.check_layout, "no line break")


def test_head(tree):
    tree.write("hx-engine/api/good.c", HEAD + "int a;\n")
    assert tree.messages(checks.check_head) == []
    tree.write("hx-engine/api/bad.c", "#include <stdio.h>\n")
    fires(tree, checks.check_head, "bad.c:1: no head comment")


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX"])
def test_markers(tree, word):
    tree.write("hx-engine/api/a.c", HEAD + "/* TODOS and XXXL are words */\n")
    assert tree.messages(checks.check_markers) == []
    tree.write("hx-engine/api/a.c", HEAD + f"/* {word}: later */\n")
    fires(tree, checks.check_markers, word)


@pytest.mark.parametrize("name", checks.BANNED)
def test_banned(tree, name):
    tree.write("hx-engine/api/a.c",
               HEAD + f'/* {name}(a) */\nint my_{name}(int a);\n'
               f'const char *s = "{name}(a)";\n')
    assert tree.messages(checks.check_banned) == []
    tree.write("hx-engine/api/a.c", HEAD + f"    {name} (a, b);\n")
    fires(tree, checks.check_banned, f"{name} is banned")


def function(name, lines):
    body = "    f();\n" * (lines - 2)
    return f"void\n{name}(void)\n{{\n{body}}}\n\n\n"


def test_file_size(tree):
    tree.write("hx-engine/api/a.c", HEAD + "\n" * (checks.FILE_MAX - 1))
    assert tree.messages(checks.check_size) == []
    tree.write("hx-engine/api/a.c", HEAD + "\n" * checks.FILE_MAX)
    fires(tree, checks.check_size, "lines, at most")


def test_function_size(tree):
    tree.write("hx-engine/api/short.c", HEAD + "".join(
        function(f"f{i}", 50) for i in range(9)))
    tree.write("hx-engine/api/one.c", HEAD + function("long_one", 61))
    assert tree.messages(checks.check_size) == []
    tree.write("hx-engine/api/two.c", HEAD + function("long_two", 61))
    messages = tree.messages(checks.check_size)
    assert "2 of 11 functions" in messages[-1]
    assert any("long_two: 61 lines" in m for m in messages)


def test_names(tree):
    tree.write("hx-engine/api/a.c", HEAD)
    tree.write("hx-engine/store/b.c", HEAD)
    assert tree.messages(checks.check_names) == []
    tree.write("ngx_hx_gate_module/core/a.c", HEAD)
    fires(tree, checks.check_names, "same name as")


def test_config(tree):
    listing = 'deps="$ngx_addon_dir/core/a.h"\nsrcs="$ngx_addon_dir/core/a.c"\n'
    tree.write("ngx_hx_gate_module/core/a.h", HEAD)
    tree.write("ngx_hx_gate_module/core/a.c", HEAD)
    fires(tree, checks.check_config, "missing")
    tree.write("ngx_hx_gate_module/config", listing)
    assert tree.messages(checks.check_config) == []
    tree.write("ngx_hx_gate_module/step/b.c", HEAD)
    fires(tree, checks.check_config, "step/b.c is not listed")
    tree.write("ngx_hx_gate_module/config", listing + "# core/no.h\n"
               + 'more="$ngx_addon_dir/step/b.c $ngx_addon_dir/step/c.c"\n')
    fires(tree, checks.check_config, "step/c.c does not exist")


def test_config_without_programs(tree):
    tree.write("ngx_hx_gate_module/tool/a.c", HEAD)
    tree.write("ngx_hx_gate_module/config", "srcs=\n")
    assert tree.messages(checks.check_config) == []
    tree.write("ngx_hx_gate_module/config",
               'srcs="$ngx_addon_dir/tool/a.c"\n')
    fires(tree, checks.check_config, "tool/a.c does not exist")


GATE = "ngx_hx_gate_module"
WRONG = [
    (f"{GATE}/core", f"{GATE}/policy"),
    (f"{GATE}/policy", f"{GATE}/store"),
    (f"{GATE}/store", f"{GATE}/request"),
    (f"{GATE}/request", f"{GATE}/step"),
    (f"{GATE}/step", f"{GATE}/after"),
    (f"{GATE}/step", f"{GATE}/admin"),
    (f"{GATE}/after", f"{GATE}/step"),
    (f"{GATE}/after", f"{GATE}/admin"),
    (f"{GATE}/admin", f"{GATE}/step"),
    (f"{GATE}/admin", f"{GATE}/module"),
    (f"{GATE}/tool", f"{GATE}/request"),
    (f"{GATE}/tool", f"{GATE}/module"),
    (f"{GATE}/store", f"{GATE}/tool"),
    (f"{GATE}/module", f"{GATE}/tool"),
    (f"{GATE}/core", "hx-engine/codec"),
    ("hx-engine/codec", "hx-engine/store"),
    ("hx-engine/store", "hx-engine/api"),
    ("hx-engine/api", "hx-engine/server"),
    ("hx-engine/api", f"{GATE}/policy"),
    ("hx-engine/server", f"{GATE}/request"),
]
RIGHT = [
    (f"{GATE}/core", f"{GATE}/core"),
    (f"{GATE}/step", f"{GATE}/core"),
    (f"{GATE}/module", f"{GATE}/admin"),
    (f"{GATE}/tool", f"{GATE}/core"),
    (f"{GATE}/tool", f"{GATE}/policy"),
    (f"{GATE}/tool", f"{GATE}/store"),
    ("hx-engine/codec", f"{GATE}/core"),
    ("hx-engine/server", "hx-engine/codec"),
    ("t/unit/core", f"{GATE}/core"),
]


@pytest.mark.parametrize("inside, outside", WRONG)
def test_direction_fires(tree, inside, outside):
    tree.write(f"{outside}/target.h", HEAD)
    tree.write(f"{inside}/a.c", HEAD + '#include "target.h"\n')
    fires(tree, checks.check_direction, "must not include")


@pytest.mark.parametrize("outside, inside", RIGHT)
def test_direction_is_silent(tree, outside, inside):
    tree.write(f"{inside}/target.h", HEAD)
    tree.write(f"{outside}/a.c", HEAD + '#include "target.h"\n')
    assert tree.messages(checks.check_direction) == []


def test_direction_unknown_header(tree):
    tree.write("hx-engine/api/a.c", HEAD + '#include "lmdb.h"\n')
    fires(tree, checks.check_direction, "is not ours")


@pytest.mark.parametrize("room", [f"{GATE}/core", f"{GATE}/policy",
                                  "hx-engine/codec"])
@pytest.mark.parametrize("line, text", [
    ("#include <ngx_core.h>", "includes ngx_core.h"),
    ("#include <sys/socket.h>", "includes sys/socket.h"),
    ("#include <time.h>", "includes time.h"),
    ('#include "hx_lmdb.h"', "includes hx_lmdb.h"),
    ("    now = time(NULL);", "calls time"),
    ("    fprintf(stderr, s);", "calls fprintf"),
])
def test_pure_fires(tree, room, line, text):
    tree.write(f"{room}/a.c", HEAD + line + "\n")
    fires(tree, checks.check_pure, text)


@pytest.mark.parametrize("path, line", [
    (f"{GATE}/core/a.c", "#include <string.h>"),
    (f"{GATE}/core/a.c", "/* time(NULL) is an argument */"),
    (f"{GATE}/core/a.c", "    hx_text_time(out, sec, 0);"),
    (f"{GATE}/core/hx_lmdb.c", "#include <lmdb.h>"),
    (f"{GATE}/step/a.c", "#include <ngx_core.h>"),
    ("hx-engine/server/a.c", "#include <sys/socket.h>"),
])
def test_pure_is_silent(tree, path, line):
    tree.write(path, HEAD + line + "\n")
    assert tree.messages(checks.check_pure) == []


def test_links(tree):
    tree.write("README.md", "[a](t/README.md) [b](https://x.example/) [c](#d)\n")
    tree.write("t/README.md", "[up](../README.md#what)\n")
    assert tree.messages(checks.check_links) == []
    tree.write("t/README.md", "[gone](gone.md)\n")
    fires(tree, checks.check_links, "dead link gone.md")


def shared_object(tmp_path, version_script):
    """A module with nginx's three symbols and one more, linked as ours is."""
    source = tmp_path / "m.c"
    source.write_text("int ngx_modules, ngx_module_names, ngx_module_order;\n"
                      "int hx_leak;\n")
    out = tmp_path / "m.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", out, source,
                    *version_script], check=True)
    return subprocess.run(["nm", "-D", "--defined-only", out], check=True,
                          capture_output=True, text=True).stdout


def test_exports_fires(tmp_path):
    nm = shared_object(tmp_path, [])
    assert list(checks.check_exports(nm)) == ["module: exports hx_leak"]


def test_exports_is_silent_with_our_version_script(tmp_path):
    script = TOP / "ngx_hx_gate_module" / "ngx_hx_gate.map"
    nm = shared_object(tmp_path, [f"-Wl,--version-script={script}"])
    assert list(checks.check_exports(nm)) == []


def program(tmp_path, *options):
    source = tmp_path / "p.c"
    source.write_text("#include <stdio.h>\nint hx_leak;\n"
                      "int main(void)\n{\n    hx_leak = fileno(stderr);\n"
                      "    return 0;\n}\n")
    out = tmp_path / "p"
    subprocess.run(["gcc", "-pie", "-fPIE", "-o", out, source, *options],
                   check=True)
    return subprocess.run(["nm", "-D", "--defined-only", out], check=True,
                          capture_output=True, text=True).stdout


def test_program_exports(tmp_path):
    assert list(checks.check_program_exports("p", program(tmp_path))) == []
    said = list(checks.check_program_exports("p", program(tmp_path,
                                                          "-rdynamic")))
    assert "p: exports hx_leak" in said


def test_exports_missing():
    missing = list(checks.check_exports("0000 D ngx_modules\n"))
    assert missing == ["module: does not export ngx_module_names",
                       "module: does not export ngx_module_order"]


def test_cppcheck_with_our_suppressions_fires(tmp_path):
    bad = tmp_path / "bad.c"
    bad.write_text("int f(void)\n{\n    int a[2];\n    return a[2];\n}\n")
    assert shutil.which("cppcheck")
    run = subprocess.run(
        ["cppcheck", "--quiet", "--error-exitcode=1",
         f"--suppressions-list={TOP}/t/lint/cppcheck.suppress", str(bad)],
        capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "arrayIndexOutOfBounds" in run.stderr
