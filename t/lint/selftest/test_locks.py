"""check_locks fires on each way of getting the locks of shared memory wrong, and
on every unlock that is taken out of the real sources."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import flow
import lock_rules
import sources

TOP = Path(__file__).resolve().parents[3]
STORE = "ngx_hx_gate_module/store"

LOCKS = """/* locks */
hx_tenant_block_t *
hx_state_find(const hx_state_t *st, uint32_t hash)
{
    return st->blocks;
}


void
hx_state_count(hx_state_t *st, hx_tenant_block_t *t)
{
    t->held++;
}


static void
deeper(const char *text)
{
    fprintf(stderr, "%s", text);
}
"""

SHAPE = """/* a function */
hx_rc_t
visit(hx_state_t *st, uint32_t hash)
{
    int                 rc;
    hx_stripe_t        *s;
    hx_tenant_block_t  *t;

%s
}
"""

GOOD = """
    if (hx_state_lock(st, hash, &s) != HX_OK) {
        return HX_FAIL;
    }

    t = hx_state_find(st, hash);

    if (t == NULL) {
        hx_state_unlock(s);
        return HX_NO;
    }

    hx_state_count(st, t);
    t->base = 1;
    hx_state_unlock(s);

    return HX_OK;
"""


def messages(tree, body, path=f"{STORE}/hx_state_a.c"):
    tree.write(f"{STORE}/hx_state_locks.c", LOCKS)
    tree.write(path, SHAPE % body if "{\n    int " not in body else body)
    return tree.messages(lock_rules.check_locks)


@pytest.mark.parametrize("body", [
    GOOD,
    # the other way round, a loop, and a lock that is only held on one path
    """
    for (rc = 0; rc < 9; rc++) {
        if (hx_state_lock(st, hash, &s) == HX_OK) {
            hx_state_unlock(s);
        }
    }

    t = hx_state_lock_block(st, hash, 1, &s);

    if (t != NULL) {
        t->held = 0;
        hx_state_unlock(s);
    }

    return HX_OK;
""",
    """
    rc = hx_state_save_lock(st, 1);

    if (rc != HX_OK) {
        return rc;
    }

    rc = fsync(3);
    hx_state_save_unlock(st);

    return rc;
""",
    """
    if (hash != 0 && hx_state_lock(st, hash, &s) == HX_OK) {
        goto held;
    }

    return HX_NO;

held:

    hx_state_unlock(s);

    return HX_OK;
""",
    """
    t = hx_state_block(st, hash);
    rc = __atomic_load_n(&st->head->unclean, __ATOMIC_SEQ_CST);

    if (!hx_state_lock_allocator(st)) {
        return HX_FAIL;
    }

    st->head->free = 0;
    hx_state_unlock_allocator(st);

    return rc;
"""])
def test_is_silent(tree, body):
    assert messages(tree, body) == []


BAD = [
    # (what is changed in GOOD, into what, what is said)
    ("        hx_state_unlock(s);\n        return HX_NO;",
     "        return HX_NO;", "returns with the stripe locked"),
    ("    hx_state_unlock(s);\n\n    return HX_OK;", "\n    return HX_OK;",
     "returns with the stripe locked"),
    ("    if (t == NULL) {\n        hx_state_unlock(s);",
     "    hx_state_unlock(s);\n\n    if (t == NULL) {\n"
     "        hx_state_unlock(s);", "is not locked here"),
    ("    t->base = 1;\n    hx_state_unlock(s);",
     "    hx_state_unlock(s);\n    t->base = 1;",
     "t is looked into without the stripe"),
    ("    hx_state_count(st, t);\n    t->base = 1;\n    hx_state_unlock(s);",
     "    hx_state_unlock(s);\n    hx_state_count(st, t);",
     "hx_state_count() is called without the stripe"),
    ("    t->base = 1;", "    ngx_log_error(1, log, 0, \"x\");",
     "ngx_log_error() under the stripe"),
    ("    t->base = 1;", "    t->place = malloc(4);",
     "malloc() under the stripe"),
    ("    t->base = 1;", "    deeper(\"x\");",
     "fprintf() under the stripe (through deeper())"),
    ("    t->base = 1;", "    rc = hx_state_save_lock(st, 1);\n"
     "    if (rc == HX_OK) {\n        hx_state_save_unlock(st);\n    }",
     "waits for saving under the stripe"),
    ("    t->base = 1;", "    if (hx_state_lock(st, 1, &s) != HX_OK) {\n"
     "        hx_state_count(st, t);\n    }", "the stripe is locked already"),
    ("    t->base = 1;", "    st->head->free = 0;",
     "free of the head is touched without the allocator"),
    ("    t->base = 1;", "    st->head->evicted++;",
     "evicted of the head is only for __atomic functions"),
    ("    if (hx_state_lock(st, hash, &s) != HX_OK) {\n"
     "        return HX_FAIL;\n    }", "    hx_state_lock(st, hash, &s);",
     "nobody looks whether the stripe was locked"),
    ("!= HX_OK) {\n        return", "== HX_OK) {\n        return",
     "returns with the stripe locked"),
    ("    t = hx_state_find(st, hash);",
     "    t = hx_state_find(st, hash);\n    pthread_mutex_lock(&s->lock);",
     "beside the functions that stand for it"),
    ("    t->base = 1;\n    hx_state_unlock(s);\n\n    return HX_OK;",
     "    goto out;\n\nout:\n\n    return HX_OK;",
     "returns with the stripe locked"),
    ("    t->base = 1;", "    while (t->held) {\n        if (t->base) {\n"
     "            break;\n        }\n        hx_state_unlock(s);\n    }",
     "is not locked here"),
    ("    t->base = 1;", "    switch (rc) {\n    case 1:\n"
     "        return HX_OK;\n    default:\n        break;\n    }",
     "returns with the stripe locked"),
]


@pytest.mark.parametrize("old, new, text", BAD, ids=range(len(BAD)))
def test_fires(tree, old, new, text):
    assert GOOD.count(old) == 1
    said = messages(tree, GOOD.replace(old, new))
    assert any(text in m for m in said), said


def test_an_allocator_never_waits_for_a_stripe(tree):
    said = messages(tree, """
    if (!hx_state_lock_allocator(st)) {
        return HX_FAIL;
    }

    if (hx_state_lock(st, hash, &s) == HX_OK) {
        hx_state_unlock(s);
    }

    hx_state_unlock_allocator(st);

    return HX_OK;
""")
    assert any("waits for the stripe under the allocator" in m for m in said)


ENGINE = """/* a function */
int
take(hx_queue_t *q)
{
    pthread_mutex_lock(&q->lock);

    if (q->n == 0) {
        %s
        return 0;
    }

    q->n--;
    pthread_mutex_unlock(&q->lock);

    return 1;
}
"""


def test_engine(tree):
    tree.write("hx-engine/server/a.c",
               ENGINE % "pthread_mutex_unlock(&q->lock);")
    assert tree.messages(lock_rules.check_locks) == []
    tree.write("hx-engine/server/a.c", ENGINE % "")
    assert tree.messages(lock_rules.check_locks) == [
        "hx-engine/server/a.c:9: take() returns with q->lock locked"]
    tree.write("hx-engine/server/a.c",
               ENGINE % "pthread_mutex_unlock(&q->other);")
    assert len(tree.messages(lock_rules.check_locks)) == 2
    tree.write("hx-engine/server/a.c",
               ENGINE.replace("    q->n--;", "    fdatasync(q->fd);")
               % "pthread_mutex_unlock(&q->lock);")
    assert tree.messages(lock_rules.check_locks) == [
        "hx-engine/server/a.c:12: fdatasync() under q->lock"]


# ---- the real sources

UNLOCK = re.compile(r"(?:\(void\) )?(?:" + "|".join(lock_rules.GIVES)
                    + r"|pthread_mutex_unlock)\s*\([^;]*\);")


def real(part):
    found = []
    for s in sources.load(TOP):
        if s.part == part and s.room != "tool":
            found += [(s, f) for f in flow.functions(s)]
    return found


def without(source, function, unlock):
    """The function, one unlock less."""
    text = source.code.splitlines(keepends=True)
    first = function.line - 1
    whole = "".join(text[first:])
    at = whole.index(function.text)
    body = function.text
    body = body[:unlock.start()] + ";" + body[unlock.end():]
    code = whole[:at] + body + "}\n"
    fake = SimpleNamespace(path=function.path, code=code)
    return next(f for f in flow.functions(fake) if f.name == function.name)


@pytest.mark.parametrize("part, at_least", [("gate", 25), ("engine", 20)])
def test_every_unlock_is_missed(part, at_least):
    found = real(part)
    rules = (lock_rules.Gate({f.name: f for _, f in found})
             if part == "gate" else lock_rules.Engine())
    tried = 0
    for source, function in found:
        if part == "gate" and function.name in lock_rules.PRIMITIVES:
            continue
        for unlock in UNLOCK.finditer(function.text):
            worse = without(source, function, unlock)
            assert flow.Walk(worse, rules).run(), (function.name,
                                                   unlock.group())
            tried += 1
    assert tried >= at_least
