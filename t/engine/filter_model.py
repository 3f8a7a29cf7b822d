"""Random metadata and filters, and what README.md says about them, in Python:
the reference of test_search.py.  Numbers are Fractions of their text."""

import json
import random
from fractions import Fraction

NAMES = ["a", "b", "c", "a.b", "tag", "", "\u00e9\n", "b.c.d"]
NUMBERS = ["0", "-0", "0.0", "1", "1.0", "10e-1", "2", "-1.5", "-15E-1",
           "9007199254740992", "9007199254740993", "1e400", "10e399",
           "1.00000000000000000001", "-1e401", "0.1", "100", "1e-400"]
STRINGS = ["", "a", "ab", "a\u0000", "a\u0000b", "b", "1", "\u00e9", "\"",
           "\U0001f600", "x" * 96, "x" * 97, "x" * 96 + "y", "null"]


class Number:
    """A number as it is written."""

    def __init__(self, text):
        self.text = text
        self.value = Fraction(text)


def text(v):
    """JSON text; numbers as they were written."""
    if isinstance(v, Number):
        return v.text
    if isinstance(v, dict):
        return "{" + ",".join(json.dumps(k) + ":" + text(x)
                              for k, x in v.items()) + "}"
    if isinstance(v, list):
        return "[" + ",".join(text(x) for x in v) + "]"
    return json.dumps(v)


def simple(r):
    return r.choice([None, True, False,
                     Number(r.choice(NUMBERS)), Number(r.choice(NUMBERS)),
                     Number(r.choice(NUMBERS[3:7])),
                     r.choice(STRINGS), r.choice(STRINGS[1:4])])


def value(r, depth):
    kind = r.randrange(8) if depth else 0
    if kind < 4:
        return simple(r)
    if kind < 6:
        n = 80 if r.randrange(60) == 0 else r.randrange(4)
        return [value(r, depth - 1 if n < 80 else 0) for _ in range(n)]
    return {n: value(r, depth - 1)
            for n in r.sample(NAMES, r.randrange(4))}


def document(r):
    if r.randrange(80) == 0:            # more terms than an index keeps
        return {"wide": {f"w{i}": Number(str(i % 7)) for i in range(300)},
                "a": simple(r)}
    return {n: value(r, 3) for n in r.sample(NAMES[:5], r.randrange(5))}


def operand(r, op):
    if op in ("$eq", "$ne"):
        return simple(r) if r.randrange(6) else [simple(r) for _ in
                                                 range(r.randrange(3))]
    if op == "$in":
        return [simple(r) for _ in range(r.randrange(5))]
    if op == "$exists":
        return r.choice([True, False])
    while True:
        v = simple(r)
        if isinstance(v, (Number, str)):
            return v


OPERATORS = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$exists"]


def condition(r, depth):
    kind = r.randrange(5 if depth else 4)
    if kind == 0:
        return operand(r, "$eq")
    if kind < 4:
        ops = r.sample(OPERATORS, r.choice([1, 1, 2]))
        return {op: operand(r, op) for op in ops}
    return {n: condition(r, depth - 1)
            for n in r.sample(NAMES, r.choice([1, 2]))}


def query(r):
    return {n: condition(r, 2)
            for n in r.sample(NAMES, r.choice([0, 1, 1, 1, 2, 3]))}


def flat(filters, path=None):
    """(field, operator, operand) of all conditions."""
    for name, v in filters.items():
        field = name if path is None else path + "." + name
        if not isinstance(v, dict):
            yield field, "$eq", v
        elif all(k.startswith("$") for k in v):
            for op, x in v.items():
                yield field, op, x
        else:
            yield from flat(v, field)


def values(doc, path):
    """The field's values; an array is one."""
    for name, v in doc.items():
        if name == path:
            yield v
        elif path.startswith(name + "."):
            rest = path[len(name) + 1:]
            if isinstance(v, dict):
                yield from values(v, rest)
            elif isinstance(v, list):
                for e in v:
                    if isinstance(e, dict):
                        yield from values(e, rest)


def same(a, b):
    if isinstance(a, Number) and isinstance(b, Number):
        return a.value == b.value
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and not isinstance(a, (Number, list, dict)) \
        and a == b


def order(a, b):
    """< 0, 0, > 0 or None: they do not compare."""
    if isinstance(a, Number) and isinstance(b, Number):
        return (a.value > b.value) - (a.value < b.value)
    if isinstance(a, str) and isinstance(b, str):
        x, y = a.encode(), b.encode()
        return (x > y) - (x < y)
    return None


def holds(v, op, want):
    if op in ("$eq", "$ne"):
        return same(v, want)
    if op == "$in":
        return any(same(v, x) for x in want)
    o = order(v, want)
    return o is not None and {"$gt": o > 0, "$gte": o >= 0, "$lt": o < 0,
                              "$lte": o <= 0}[op]


def matches(doc, filters):
    for field, op, want in flat(filters):
        found = list(values(doc, field))
        if op == "$exists":
            if bool(found) != want:
                return False
            continue
        hit = any(holds(v, op, want) or isinstance(v, list)
                  and any(holds(e, op, want) for e in v) for v in found)
        if not found and op in ("$eq", "$ne", "$in"):
            null = want if op == "$in" else [want]
            hit = any(x is None for x in null)
        if hit == (op == "$ne"):
            return False
    return True


def generator(seed):
    return random.Random(seed)
