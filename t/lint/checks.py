"""Our own checks.  Each takes the root of a tree and yields messages
"path:line: text"; no message means that the tree is fine.  selftest/ shows for
each of them a sample that it catches and one that it leaves alone."""

import re
from pathlib import Path

import sources

LINE_MAX = 80
FILE_MAX = 550              # "around 500"
FUNCTION_MAX = 60           # for nine of ten functions

BANNED = ("strcpy strcat sprintf vsprintf gets strtok atoi atol atoll alloca "
          "strncpy strncat tmpnam mktemp").split()

# Rooms a file may include from, besides its own.
GATE_BELOW = {
    "core": [],
    "policy": ["core"],
    "store": ["core", "policy"],
    "request": ["core", "policy", "store"],
    "step": ["core", "policy", "store", "request"],
    "after": ["core", "policy", "store", "request"],
    "admin": ["core", "policy", "store", "request"],
    "module": ["core", "policy", "store", "request", "step", "after", "admin"],
    "tool": ["core", "policy", "store"],
}

# Rooms of programs beside the module.
GATE_PROGRAMS = {"tool"}

ENGINE_BELOW = {
    "num": [],
    "codec": ["num"],
    "store": ["num", "codec"],
    "index": ["num", "codec", "store"],
    "api": ["num", "codec", "store", "index"],
    "server": ["num", "codec", "store", "index", "api"],
}

# What a room without I/O and without a clock has no business with.
PURE_ROOMS = {("gate", "core"), ("gate", "policy"), ("engine", "codec"),
              ("engine", "num")}
PURE_EXCEPT = {"hx_lmdb.c", "hx_lmdb.h"}
IMPURE_HEADER = re.compile(
    r"ngx_.*|nginx\.h|sys/.*|netinet/.*|arpa/.*|net/.*|netdb\.h|poll\.h|"
    r"time\.h|unistd\.h|fcntl\.h|signal\.h|dirent\.h|pthread\.h|threads\.h|"
    r"lmdb\.h")
IMPURE_CALL = re.compile(
    r"\b(time|clock|clock_gettime|gettimeofday|localtime\w*|gmtime\w*|fopen|"
    r"printf|fprintf|puts|perror|getenv|rand|random|syslog|abort|exit)\s*\(")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]')

# nginx looks these up in a module; everything else stays inside.
EXPORTS = {"ngx_modules", "ngx_module_names", "ngx_module_order"}


def c_sources(root):
    return sources.load(root)


def check_layout(root):
    """80 columns, no tabs, no blanks at line ends, no // comments."""
    for s in c_sources(root):
        for n, line in s.lines():
            if len(line) > LINE_MAX:
                yield f"{s.path}:{n}: {len(line)} columns"
            if "\t" in line:
                yield f"{s.path}:{n}: tab"
            if line != line.rstrip():
                yield f"{s.path}:{n}: blanks at the end of the line"
        for n in s.line_comments:
            yield f"{s.path}:{n}: // comment"
        if s.text and not s.text.endswith("\n"):
            yield f"{s.path}:1: no line break at the end of the file"


def check_head(root):
    """Every file starts with a comment that says what it owns."""
    for s in c_sources(root):
        head = s.text.lstrip()
        if not head.startswith("/*"):
            yield f"{s.path}:1: no head comment"


def check_markers(root):
    """Nothing unfinished is left behind."""
    for s in c_sources(root):
        for n, line in s.lines():
            found = re.search(r"\b(TODO|FIXME|XXX)\b", line)
            if found:
                yield f"{s.path}:{n}: {found.group(1)}"


def check_banned(root):
    """Functions that cannot be used safely, or have a better sister."""
    banned = re.compile(r"\b(" + "|".join(BANNED) + r")\s*\(")
    for s in c_sources(root):
        for n, line in s.code_lines():
            for found in banned.finditer(line):
                yield f"{s.path}:{n}: {found.group(1)} is banned"


def functions(source):
    """(name, first line, number of lines) of every function, nginx style:
    the body's braces stand in column one."""
    name = None
    start = 0
    for n, line in source.code_lines():
        found = re.match(r"([A-Za-z_]\w*)\s*\(", line)
        if found:
            name = found.group(1)
        if line.startswith("{") and name:
            start = n
        elif line.startswith("}") and name and start:
            yield name, start, n - start + 1
            name = None
            start = 0


def check_size(root):
    """No file of the programs beyond 550 lines; nine of ten functions within
    60 lines."""
    sizes = []
    for s in c_sources(root):
        if s.part == "tests":
            continue
        count = s.text.count("\n")
        if count > FILE_MAX:
            yield f"{s.path}:1: {count} lines, at most {FILE_MAX}"
        sizes += [(size, f"{s.path}:{line}: {name}: {size} lines")
                  for name, line, size in functions(s)]
    long = [text for size, text in sizes if size > FUNCTION_MAX]
    if len(long) * 10 > len(sizes):
        yield from long
        yield (f"{len(long)} of {len(sizes)} functions have more than "
               f"{FUNCTION_MAX} lines, at most one of ten may")


def check_names(root):
    """nginx makes object names of the last folder and the file name: a C file
    name stands once in the whole tree."""
    seen = {}
    for s in c_sources(root):
        if s.name in seen:
            yield f"{s.path}:1: same name as {seen[s.name]}"
        seen[s.name] = s.path


def check_config(root):
    """ngx_hx_gate_module/config lists every .c and .h of the module, nothing
    that is not there, and nothing of a program beside it."""
    config = Path(root) / "ngx_hx_gate_module" / "config"
    where = "ngx_hx_gate_module/config:1"
    if not config.exists():
        yield f"{where}: missing"
        return
    text = re.sub(r"#.*", "", config.read_text(encoding="utf-8"))
    listed = set(re.findall(r"[\w.-]+/[\w.-]+\.[ch]\b", text))
    there = {"/".join(s.path.parts[1:]) for s in c_sources(root)
             if s.part == "gate" and s.room not in GATE_PROGRAMS}
    for path in sorted(there - listed):
        yield f"{where}: {path} is not listed"
    for path in sorted(listed - there):
        yield f"{where}: {path} does not exist"


def allowed(source, target):
    """May source include target?"""
    if source.part == "tests":
        return True
    if source.part == "gate":
        return target.part == "gate" and (
            target.room == source.room or
            target.room in GATE_BELOW.get(source.room, []))
    if target.part == "gate":
        return target.room == "core"
    return target.part == "engine" and (
        target.room == source.room or
        target.room in ENGINE_BELOW.get(source.room, []))


def check_direction(root):
    """Outer rooms include inner rooms, never back, never sideways."""
    found = c_sources(root)
    by_name = {s.name: s for s in found}
    for s in found:
        for n, line in s.lines():
            include = INCLUDE.match(line)
            if not include or include.group(1) == "<":
                continue
            target = by_name.get(include.group(2))
            if target is None:
                yield f"{s.path}:{n}: \"{include.group(2)}\" is not ours"
            elif not allowed(s, target):
                yield (f"{s.path}:{n}: {s.part} {s.room} must not include "
                       f"{target.part} {target.room} ({target.name})")


def check_pure(root):
    """core, policy, num and codec: no nginx, no I/O, no clock."""
    for s in c_sources(root):
        if (s.part, s.room) not in PURE_ROOMS or s.name in PURE_EXCEPT:
            continue
        for n, line in s.lines():
            include = INCLUDE.match(line)
            if include and (IMPURE_HEADER.fullmatch(include.group(2)) or
                            include.group(2) in PURE_EXCEPT):
                yield f"{s.path}:{n}: pure room includes {include.group(2)}"
        for n, line in s.code_lines():
            for found in IMPURE_CALL.finditer(line):
                yield f"{s.path}:{n}: pure room calls {found.group(1)}"


def check_links(root):
    """Relative links of the README files lead somewhere."""
    root = Path(root)
    for page in sorted(root.rglob("*.md")):
        if "build" in page.relative_to(root).parts:
            continue
        text = page.read_text(encoding="utf-8")
        for n, line in enumerate(text.splitlines(), 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", line):
                if "://" in target or target.startswith("mailto:"):
                    continue
                if not (page.parent / target).exists():
                    yield f"{page.relative_to(root)}:{n}: dead link {target}"


def check_exports(nm_output):
    """Output of "nm -D --defined-only" of the module: exactly nginx's three
    symbols."""
    names = {line.split()[-1] for line in nm_output.splitlines() if line}
    for name in sorted(names - EXPORTS):
        yield f"module: exports {name}"
    for name in sorted(EXPORTS - names):
        yield f"module: does not export {name}"


def check_program_exports(program, nm_output):
    """The same of a program: it has nothing that a library it loads (a BLAS, a
    test's preload) could bind to; what it copies from libraries has a
    version."""
    for line in nm_output.splitlines():
        name = line.split()[-1] if line else ""
        if name and "@" not in name:
            yield f"{program}: exports {name}"


TREE_CHECKS = [check_layout, check_head, check_markers, check_banned,
               check_size, check_names, check_config, check_direction,
               check_pure, check_links]
