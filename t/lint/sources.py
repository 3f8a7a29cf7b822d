"""The C sources of a tree, and their text with comments and strings blanked."""

import re
from pathlib import Path


class Source:
    """One .c or .h file: path relative to the root, text, bare code."""

    def __init__(self, root, path):
        self.path = path
        self.name = path.name
        self.text = (root / path).read_text(encoding="utf-8")
        self.code, self.line_comments = blank(self.text)

    @property
    def part(self):
        """gate, engine or tests."""
        return {"ngx_hx_gate_module": "gate", "hx-engine": "engine"}.get(
            self.path.parts[0], "tests")

    @property
    def room(self):
        return self.path.parts[1] if len(self.path.parts) > 2 else ""

    def lines(self):
        return enumerate(self.text.splitlines(), 1)

    def code_lines(self):
        return enumerate(self.code.splitlines(), 1)


def blank(text):
    """Comments and the inside of strings become blanks, line breaks stay.
    Also returns the line numbers of // comments."""
    out = []
    slashes = []
    line = 1
    i = 0
    while i < len(text):
        two = text[i:i + 2]
        if two == "/*":
            end = text.find("*/", i + 2)
            end = len(text) if end < 0 else end + 2
        elif two == "//":
            slashes.append(line)
            end = text.find("\n", i)
            end = len(text) if end < 0 else end
        elif text[i] in "\"'":
            end = i + 1
            while end < len(text) and text[end] not in (text[i], "\n"):
                end += 2 if text[end] == "\\" else 1
            end = min(end + 1, len(text))
            out.append(text[i])
            inside = text[i + 1:end - 1]
            out.append(re.sub(r"[^\n]", " ", inside))
            out.append(text[end - 1] if end - 1 > i else "")
            line += text.count("\n", i, end)
            i = end
            continue
        else:
            out.append(text[i])
            line += text[i] == "\n"
            i += 1
            continue
        out.append(re.sub(r"[^\n]", " ", text[i:end]))
        line += text.count("\n", i, end)
        i = end
    return "".join(out), slashes


def load(root):
    """Every C source below the three source folders, sorted by path."""
    root = Path(root)
    found = []
    for top in ("ngx_hx_gate_module", "hx-engine", "t"):
        for suffix in ("*.c", "*.h"):
            found += (root / top).rglob(suffix)
    return [Source(root, p.relative_to(root)) for p in sorted(found)]
