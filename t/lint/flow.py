"""C functions as trees of statements, and which locks are held on every path
through one: what lock_rules.py says is checked with this.  It reads the house's
style alone: names and braces of functions in column one, braces around every
branch, and a lock whose result is looked at in a condition."""

import re
from collections import namedtuple

Function = namedtuple("Function", "name path line params body text")
Node = namedtuple("Node", "kind text line then other")

HEAD = re.compile(r"^([A-Za-z_]\w*)\s*\(", re.M)
CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
WORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else"}


def closing(text, at, pair="()"):
    """Index of what closes the bracket at "at"."""
    depth = 0
    for i in range(at, len(text)):
        if text[i] == pair[0]:
            depth += 1
        elif text[i] == pair[1]:
            depth -= 1
            if depth == 0:
                return i
    raise ValueError("a bracket stays open")


def functions(source):
    """Every function of a source (sources.Source)."""
    code = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$",
                  lambda m: re.sub(r"[^\n]", " ", m.group()), source.code,
                  flags=re.M)
    for head in HEAD.finditer(code):
        end = closing(code, head.end() - 1)
        brace = re.match(r"\s*\{", code[end + 1:])
        if brace is None or code[end + brace.end() - 1] != "\n":
            continue
        start = end + brace.end()
        stop = closing(code, start, "{}")
        line = code.count("\n", 0, head.start()) + 1
        first = code.count("\n", 0, start) + 1
        body = Parser(code[start + 1:stop], first).block()
        yield Function(head.group(1), source.path, line,
                       code[head.end():end], body, code[start:stop])


class Parser:
    """Statements of the inside of a block."""

    def __init__(self, text, line):
        self.text = text
        self.at = 0
        self.first = line

    def line(self):
        return self.first + self.text.count("\n", 0, self.at)

    def blank(self):
        self.at += len(re.match(r"\s*", self.text[self.at:]).group())

    def block(self):
        out = []
        while True:
            self.blank()
            if self.at >= len(self.text):
                return out
            out.append(self.statement())

    def inner(self):
        """The statement that a condition is for: its own block, mostly."""
        self.blank()
        if self.text[self.at] != "{":
            return [self.statement()]
        end = closing(self.text, self.at, "{}")
        inside = Parser(self.text[self.at + 1:end], self.line())
        self.at = end + 1
        return inside.block()

    def bracket(self):
        self.at = self.text.index("(", self.at)
        end = closing(self.text, self.at)
        inside = self.text[self.at + 1:end]
        self.at = end + 1
        return inside

    def statement(self):
        line = self.line()
        rest = self.text[self.at:]
        word = re.match(r"[A-Za-z_]\w*", rest)
        word = word.group() if word else ""
        if rest.startswith("{"):
            return Node("block", "", line, self.inner(), [])
        if word in ("if", "for", "while", "switch"):
            condition = self.bracket()
            then = self.inner()
            other = []
            self.blank()
            if word == "if" and re.match(r"else\b", self.text[self.at:]):
                self.at += 4
                other = self.inner()
            return Node(word, condition, line, then, other)
        if word == "do":
            self.at += 2
            then = self.inner()
            condition = self.bracket()
            self.at = self.text.index(";", self.at) + 1
            return Node("do", condition, line, then, [])
        label = re.match(r"(?:case\b[^:?]*|default|[A-Za-z_]\w*)\s*:(?!:)",
                         rest)
        if label:
            self.at += label.end()
            name = label.group()[:-1].strip()
            kind = "case" if re.match(r"case\b|default$", name) else "label"
            return Node(kind, name, line, [], [])
        # "= { 1, 2 };" has braces of its own
        end, depth = 0, 0
        while rest[end] != ";" or depth:
            depth += (rest[end] in "({[") - (rest[end] in ")}]")
            end += 1
        text = rest[:end]
        self.at += end + 1
        kind = word if word in ("return", "break", "continue",
                                "goto") else "do it"
        return Node(kind, text, line, [], [])


def calls(text):
    """(name, arguments, begin, end) of every call in an expression."""
    for found in CALL.finditer(text):
        if found.group(1) not in WORDS:
            end = closing(text, found.end() - 1)
            yield (found.group(1), text[found.end():end], found.start(),
                   end + 1)


def arguments(text):
    """Arguments of a call, split at the commas of this level."""
    out, depth, last = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            out.append(text[last:i].strip())
            last = i + 1
    out.append(text[last:].strip())
    return out


def split(text, operator):
    """Terms of a condition between && or ||, at this level."""
    out, depth, last, i = [], 0, 0, 0
    while i < len(text):
        depth += (text[i] in "([{") - (text[i] in ")]}")
        if depth == 0 and text.startswith(operator, i):
            out.append(text[last:i])
            last = i = i + 2
        else:
            i += 1
    out.append(text[last:])
    return [term.strip() for term in out]


class Walk:
    """All paths of one function.  A state is a frozenset of ("held", lock) and
    ("try", lock, variable, test); "rules" says what takes and gives a lock, and
    is asked about every expression with what is held there."""

    def __init__(self, function, rules):
        self.f = function
        self.rules = rules
        self.jumps = {}
        self.loops = []
        self.found = set()

    def say(self, line, text):
        self.found.add((line, text))

    def run(self):
        out = self.many(self.f.body, {frozenset()})
        last = self.f.line + self.f.text.count("\n")
        self.leave(out, last)
        return sorted(self.found)

    def leave(self, states, line):
        for state in states:
            for item in state:
                if not self.rules.may_leave(self.f, item):
                    self.say(line, f"{self.f.name}() returns with "
                                   f"{item[1]} locked")

    def many(self, nodes, states):
        for node in nodes:
            if node.kind == "label":
                states = states | self.jumps.pop(node.text, set())
            elif node.kind == "case":
                states = states | self.loops[-1]["case"]
            if states:
                states = self.one(node, states)
        return states

    def one(self, node, states):
        if node.kind in ("case", "label"):
            return states
        if node.kind == "block":
            return self.many(node.then, states)
        if node.kind == "if":
            yes, no = self.condition(node.text, states, node.line)
            return self.many(node.then, yes) | self.many(node.other, no)
        if node.kind in ("for", "while", "do"):
            return self.loop(node, states)
        if node.kind == "switch":
            states = self.expression(node.text, states, node.line)
            self.loops.append({"case": states, "break": set(), "next": None})
            out = self.many(node.then, set(states)) | states
            return out | self.loops.pop()["break"]
        if node.kind in ("break", "continue"):
            for loop in reversed(self.loops):
                if node.kind == "break" or loop["next"] is not None:
                    loop["break" if node.kind == "break" else "next"] |= states
                    break
            return set()
        if node.kind == "goto":
            self.jumps.setdefault(node.text.split()[1], set()).update(states)
            return set()
        out = self.expression(node.text, states, node.line)
        if node.kind == "return":
            self.leave(out, node.line)
            return set()
        return out

    def loop(self, node, states):
        parts = node.text.split(";") if node.kind == "for" else ["", node.text,
                                                                 ""]
        states = self.expression(parts[0], states, node.line)
        seen, out, never = set(), set(), parts[1].strip() in ("", "1")
        enter = states
        while enter - seen:
            seen |= enter
            if node.kind == "do":
                yes = enter
            else:
                yes, no = self.condition(parts[1], enter, node.line)
                out |= set() if never else no
            self.loops.append({"case": set(), "break": set(), "next": set()})
            end = self.many(node.then, yes)
            here = self.loops.pop()
            out |= here["break"]
            end = self.expression(parts[2], end | here["next"], node.line)
            if node.kind == "do":
                end, no = self.condition(parts[1], end, node.line)
                out |= no
            enter = end
        return out

    def condition(self, text, states, line):
        """(states where it is true, states where it is false)."""
        text = text.strip()
        while text.startswith("(") and closing(text, 0) == len(text) - 1:
            text = text[1:-1].strip()
        if re.match(r"!\s*\(", text) and \
                closing(text, text.index("(")) == len(text) - 1:
            yes, no = self.condition(text[1:], states, line)
            return no, yes
        for operator in ("||", "&&"):
            terms = split(text, operator)
            if len(terms) == 1:
                continue
            done = set()
            for term in terms:
                yes, no = self.condition(term, states, line)
                done |= yes if operator == "||" else no
                states = no if operator == "||" else yes
            return (done, states) if operator == "||" else (states, done)
        return self.term(text, states, line)

    def term(self, text, states, line):
        states = self.expression(text, states, line, asked=True)
        yes, no = set(), set()
        for state in states:
            item = next((i for i in state if i[0] == "try"
                         and self.means(text, i) is not None), None)
            if item is None:
                yes.add(state)
                no.add(state)
                continue
            rest = state - {item}
            have = rest | {("held", item[1])}
            good, bad = ((yes, no) if self.means(text, item) else (no, yes))
            good.add(frozenset(have))
            bad.add(frozenset(rest))
        return yes, no

    @staticmethod
    def means(text, item):
        """Does the condition say that the lock is ours (True), that it is not
        (False), or nothing of it (None)?"""
        _, _, variable, test = item
        name = re.escape(variable)
        good = {"ok": "HX_OK", "ptr": "NULL", "true": "0"}[test]
        if re.fullmatch(name + r"\s*==\s*" + good, text):
            return test == "ok"
        if re.fullmatch(name + r"\s*!=\s*" + good, text):
            return test != "ok"
        if test != "ok" and re.fullmatch(name, text):
            return True
        if test != "ok" and re.fullmatch(r"!\s*" + name, text):
            return False
        return None

    def expression(self, text, states, line, asked=False):
        """What an expression does to the states."""
        out = set()
        for state in states:
            held = {i[1] for i in state if i[0] == "held"}
            for message in self.rules.look(self.f, text, held):
                self.say(line, message)
            out |= self.effect(text, state, line, asked)
        return out

    def effect(self, text, state, line, asked):
        for name, args, begin, end in calls(text):
            lock, test = self.rules.takes(self.f, name, args)
            if lock is not None:
                if ("held", lock) in state:
                    self.say(line, f"{name}(): {lock} is locked already")
                if test == "always":
                    state = state | {("held", lock)}
                    continue
                variable = self.result(text, begin, end, asked)
                if variable is None:
                    self.say(line, f"{name}(): nobody looks whether {lock} "
                                   f"was locked")
                    continue
                state = state | {("try", lock, variable, test)}
            lock = self.rules.gives(self.f, name, args)
            if lock is not None:
                if ("held", lock) not in state:
                    self.say(line, f"{name}(): {lock} is not locked here")
                state = state - {("held", lock)}
        return {frozenset(state)}

    @staticmethod
    def result(text, begin, end, asked):
        """What a condition has to look at: the call itself, or a variable."""
        to = re.search(r"(?:^|[(\s])([A-Za-z_]\w*)\s*=\s*$", text[:begin])
        if to:
            return to.group(1)
        if asked or text.startswith("return"):
            return text[begin:end]
        return None
