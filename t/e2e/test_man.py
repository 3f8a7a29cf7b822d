"""Man pages and completions: clean, and complete by what the programs and the
sources say, in both directions."""

import os
import re
import subprocess

import pytest
from conftest import TOP

MAN = TOP / "packaging" / "man"
BASH = TOP / "packaging" / "completion" / "hx-tools.bash"
ZSH = TOP / "packaging" / "completion" / "_hx-tools"
PROGRAMS = {"hx-engine": "HX_ENGINE", "hx-audit": "HX_AUDIT",
            "hx-gate-check": "HX_GATE_CHECK",
            "hx-gate-registry": "HX_GATE_REGISTRY"}
PAGES = ("hx-audit.1", "hx-gate-check.1", "hx-gate-registry.1",
         "hx-engine.conf.5", "hx-gate.conf.5", "hx-engine.8")
AUDIT = ("verify", "filter", "follow", "stats", "replay")


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          check=False, **more)


def told(program, *words):
    """What it says for --help."""
    path = os.environ.get(PROGRAMS[program]) or TOP / "build" / program
    said = run(path, *words, "--help")
    assert said.returncode == 0, said.stderr
    return said.stdout


def options(text):
    """Long options that lines of a help text begin with."""
    return set(re.findall(r"^ +(--[a-z-]+)", text, re.M))


def page(name):
    return (MAN / name).read_text(encoding="utf-8")


def documented(text):
    """Options that a page explains: items of its lists."""
    return {"-" + name for name in
            re.findall(r"^\.It Fl (-[a-z-]+)", text, re.M)}


def sections(text):
    """The subsections of a page, by name."""
    parts = re.split(r"^\.S[hs] (.*)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


# --------------------------------------------------------------- pages --

def lint(directory, *names):
    return run("mandoc", "-T", "lint", *names, cwd=directory)


def test_mandoc_finds_nothing():
    assert sorted(p.name for p in MAN.iterdir()) == sorted(PAGES)
    verdict = lint(MAN, *PAGES)
    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_mandoc_finds_something(tmp_path):
    text = page("hx-audit.1")
    (tmp_path / "a.1").write_text(text.replace(".Nd ", ".Nq "))
    verdict = lint(tmp_path, "a.1")
    assert verdict.returncode != 0 and "Nq" in verdict.stdout


@pytest.mark.parametrize("name", PAGES)
def test_parts_of_a_page(name):
    wanted = ["NAME", "DESCRIPTION", "EXAMPLES", "SEE ALSO"]
    if not name.endswith(".5"):
        wanted += ["SYNOPSIS", "EXIT STATUS", "FILES"]
    assert set(wanted) <= set(sections(page(name)))
    others = set(re.findall(r"^\.Xr (\S+) (\d)", page(name), re.M))
    assert others and {f"{a}.{b}" for a, b in others} <= set(PAGES)


@pytest.mark.parametrize("program", ["hx-gate-check", "hx-gate-registry"])
def test_options_are_those_of_help(program):
    said = options(told(program))
    assert len(said) > 4
    assert documented(page(f"{program}.1")) == said


def of_audit(command):
    """A page of commands: those that refer to filter have its options."""
    parts = sections(page("hx-audit.1"))
    found = documented(parts[command])
    if command in ("follow", "stats"):
        found |= documented(parts["filter"]) - {"--count"}
    if command == "stats":
        found -= {"--checkpoints"}      # no condition
    return found


@pytest.mark.parametrize("command", AUDIT)
def test_options_of_audit(command):
    said = options(told("hx-audit", command))
    assert len(said) > 5
    assert of_audit(command) == said


def test_an_option_that_is_not_there_is_missed():
    text = page("hx-gate-check.1")
    said = options(told("hx-gate-check"))
    assert documented(text.replace(".It Fl -only", ".It Fl -once")) != said
    assert documented(text.replace(".It Fl -only", ".Pp")) != said
    assert documented(text + ".It Fl -more\n") != said


def commands_of_help(program):
    text = told(program)
    if program == "hx-audit":
        return re.findall(r"^  ([a-z]+) {2,}", text, re.M)
    return re.findall(rf"{program}(?: \[OPTION...\])? ([a-z]+)(?: |$)", text,
                      re.M)


@pytest.mark.parametrize("name", ["hx-engine.8", "hx-gate-registry.1",
                                  "hx-audit.1"])
def test_commands_are_those_of_help(name):
    program = name[:-2]
    said = set(commands_of_help(program))
    if program == "hx-engine":
        said -= {"stores"}              # "NAME hx-engine - stores"
    text = page(name)
    assert len(said) > 3
    assert said == set(re.findall(r"^\.Cm (\w+)", sections(text)["SYNOPSIS"],
                                  re.M))
    if program == "hx-audit":
        assert set(sections(text)) >= said
    else:
        assert said == set(re.findall(r"^\.It Cm (\w+)", text, re.M))


def test_checks_are_those_of_the_list():
    path = os.environ.get("HX_GATE_CHECK") or TOP / "build" / "hx-gate-check"
    checks = [line.split()[0] for line in
              run(path, "--list").stdout.splitlines()]
    found = re.findall(r"^\.It Cm (\S+)", page("hx-gate-check.1"), re.M)
    assert checks and found == checks


def strings(folder, pattern):
    found = set()
    for file in (TOP / folder).rglob("*.c"):
        found |= set(re.findall(pattern, file.read_text(encoding="utf-8")))
    return found


def test_variables_of_the_engine():
    names = strings("hx-engine/server",
                    r'"((?:HOLONOMIX|HX_GATE)_[A-Z_]+)"')
    text = page("hx-engine.conf.5")
    assert len(names) > 20
    assert set(re.findall(r"^\.It Ev (\S+)", text, re.M)) == names


def test_directives_and_variables_of_the_gate():
    names = strings("ngx_hx_gate_module/module",
                    r'\{ ngx_string\("(hx_gate\w*)"\),')
    text = page("hx-gate.conf.5")
    directives = set(re.findall(r"^\.It Ic (\S+)", text, re.M))
    variables = set(re.findall(r"^\.It Va \$(\S+)", text, re.M))
    assert len(directives) > 15 and len(variables) > 5
    assert directives | variables == names
    readme = (TOP / "ngx_hx_gate_module/README.md").read_text(encoding="utf-8")
    headed = re.findall(r"^### (hx_gate.*)$", readme, re.M)
    assert directives == set(", ".join(headed).split(", "))
    environment = set(re.findall(r"^\.It Ev (\S+)", text, re.M))
    assert environment == strings("ngx_hx_gate_module",
                                  r'"(HX_GATE_[A-Z_]+)"') - {"HX_GATE_CHECK"}


# ---------------------------------------------------------- completion --

DRIVER = """
source "$1"; shift
spec=$(complete -p "$1")
function=${spec#*-F }; function=${function%% *}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words, cwd=None):
    """What bash would offer for these words, of which the last is typed."""
    answer = run("bash", "--norc", "-c", DRIVER, "driver", BASH, *words,
                 cwd=cwd)
    assert (answer.returncode, answer.stderr) == (0, "")
    return set(answer.stdout.split())


@pytest.mark.parametrize("program", ["hx-gate-check", "hx-gate-registry"])
def test_bash_knows_the_options(program):
    assert completed(program, "-") == options(told(program))
    assert completed(program, "--pro") == {
        name for name in options(told(program)) if name.startswith("--pro")}


@pytest.mark.parametrize("command", AUDIT)
def test_bash_knows_the_options_of_audit(command):
    said = options(told("hx-audit", command))
    assert completed("hx-audit", command, "-") == said
    assert completed("hx-audit", command, "--js") == said & {"--json"}


def test_bash_knows_the_commands():
    assert completed("hx-audit", "") == {
        *commands_of_help("hx-audit"), "help", "--help", "--version"}
    assert completed("hx-audit", "f") == {"filter", "follow"}
    assert completed("hx-engine", "") == {
        "backup", "check", "restore", "help", "version", "--help",
        "--version"}
    assert set(commands_of_help("hx-engine")) - {"stores"} == \
        completed("hx-engine", "") - {"--help", "--version"}
    assert completed("hx-gate-registry", "") == \
        set(commands_of_help("hx-gate-registry"))
    assert completed("hx-gate-registry", "--quiet", "c") == {"copy", "compare"}


def test_bash_knows_values(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "audit.jsonl").write_text("")
    both = {"folder", "audit.jsonl"}
    path = os.environ.get("HX_GATE_CHECK") or TOP / "build" / "hx-gate-check"
    checks = {line.split()[0] for line in
              run(path, "--list").stdout.splitlines()}
    assert completed("hx-gate-check", "--only", "") == checks
    assert completed("hx-gate-check", "--skip", "tls,eng") == {
        "tls,engine-auth", "tls,engine-tls"}
    assert completed("hx-audit", "stats", "--by", "") == {
        "tenant", "namespace", "operation", "path"}
    assert completed("hx-audit", "filter", "--tenant", "") == set()
    assert completed("hx-audit", "filter", "", cwd=tmp_path) == both
    assert completed("hx-audit", "replay", "--registry", "",
                     cwd=tmp_path) == {"folder"}
    assert completed("hx-engine", "backup", "", cwd=tmp_path) == {"folder"}
    assert completed("hx-gate-registry", "import", "lmdb:x", "",
                     cwd=tmp_path) == both
    places = completed("hx-gate-registry", "copy", "")
    assert len(places) == 7 and "lmdb:" in places
    assert completed("hx-engine", "help", "") == set()


def test_zsh_can_read_it():
    assert run("zsh", "-n", ZSH).returncode == 0
    first = ZSH.read_text(encoding="utf-8").splitlines()[0]
    assert first.split() == ["#compdef", *sorted(PROGRAMS)]


def test_zsh_finds_what_it_cannot_read(tmp_path):
    file = tmp_path / "broken"
    file.write_text(ZSH.read_text(encoding="utf-8").replace("esac", "", 1))
    assert run("zsh", "-n", file).returncode != 0


def test_zsh_knows_the_options():
    text = ZSH.read_text(encoding="utf-8")
    functions = dict(re.findall(r"^(_hx_\w+)\(\) \{\n(.*?)^\}", text,
                                re.M | re.S))
    for program in ("hx-gate-check", "hx-gate-registry", "hx-audit"):
        said = (options(told(program)) if program != "hx-audit" else
                {"--version"}.union(*(options(told("hx-audit", command))
                                      for command in AUDIT)))
        body = functions["_" + program.replace("-", "_")]
        assert set(re.findall(r"['\"]\*?(--[a-z-]+)", body)) == said
