"""Who may touch the shared memory of the gate, and when.

Locks are robust mutexes in the memory itself, each behind functions of its own.
A function whose parameters show a tenant's block or a stripe is one that works
under the stripe's lock, and its callers hold it: the type is the convention, no
name has to say it.  The engine's mutexes are checked for balance on each path.
"""

import re

import flow
import sources

# function: (lock, what its result is when the lock is ours)
TAKES = {
    "hx_state_lock": ("the stripe", "ok"),
    "hx_state_lock_block": ("the stripe", "ptr"),
    "hx_state_enter": ("the stripe", "ptr"),
    "hx_state_lock_allocator": ("the allocator", "true"),
    "hx_state_save_lock": ("saving", "ok"),
    "hx_box_lock": ("the audit file", "ptr"),
    "hx_lease_table_lock": ("the set of leases", "ok"),
    "hx_lease_table_enter": ("the set of leases", "ok"),
}
GIVES = {
    "hx_state_unlock": "the stripe",
    "hx_state_unlock_allocator": "the allocator",
    "hx_state_save_unlock": "saving",
    "hx_lease_table_unlock": "the set of leases",
    "hx_lease_table_leave": "the set of leases",
}

# The functions above return with a lock, or are entered with one; hx_box.c
# holds the lock of a box as long as the process lives.
PRIMITIVES = set(TAKES) | set(GIVES) | {
    "hx_state_mutex_init", "hx_state_locked", "hx_lease_table_init",
    "hx_box_own", "hx_box_claim_one", "hx_box_release"}
KEEPS = {"hx_state_enter": "the stripe",
         "hx_lease_table_enter": "the set of leases"}

# One that is held is never waited for together with one of its rank or below.
RANK = {"saving": 0, "the audit file": 1, "the set of leases": 2,
        "the stripe": 2, "the allocator": 3}
# Microseconds: everybody's requests wait for these.
SHORT = {"the set of leases", "the stripe", "the allocator"}
# (from, to): two memories, and only who makes the new one takes both
ORDERED = {("hx_state_copy_windows", "hx_state_copy_window"),
           ("hx_state_copy_window", "hx_state_lock")}

# A parameter or a variable of the type is looked into under the lock alone.
GUARDED = {"hx_tenant_block_t": "the stripe", "hx_stripe_t": "the stripe",
           "hx_lease_place_t": "the set of leases"}
# These have no such parameter.
UNDER = {"hx_state_find": "the stripe", "hx_state_create": "the stripe",
         "hx_state_get": "the stripe"}
# Nobody else has the memory open (see their head comments).
ALONE = {"hx_state_repair.c", "hx_state_layout.c"}
# Functions that see the type, but nothing in it that others change.
INNOCENT = {"hx_state_stripe", "hx_state_lock"}

# Members of the memory's head.
HEAD_FILE = re.compile(r"hx_state\w*\.[ch]$")
HEAD_GUARDED = re.compile(r"\b(?:h|head)->(free|fresh|used|n_names)\b")
HEAD_ATOMIC = re.compile(r"(?<!&)\b(?:st->head|h|head)->(unclean|recovered|"
                         r"evicted|full|tenants|holding|incarnation|cursor)\b")
ATOMIC_CALL = re.compile(r"__atomic_\w+\s*\((?:[^()]|\([^()]*\))*\)")

# What nobody waits for under a short lock.
BLOCKS = re.compile(
    r"(?:malloc|calloc|realloc|free|strdup|ngx_\w+|mdb_\w+|hx_lmdb_\w+|redis\w+"
    r"|open|openat|close|p?read|p?write|p?readv|p?writev|f(?:data)?sync|flock"
    r"|ftruncate|fopen|fclose|v?f?printf|syslog|connect|send\w*|recv\w*|poll"
    r"|select|epoll_wait|getaddrinfo|\w*sleep|pthread_cond_\w+"
    r"|pthread_create|fork|waitpid)")
# Names that begin like one of those and wait for nothing.
HARMLESS = {"ngx_memzero", "ngx_memcpy", "ngx_min", "ngx_max", "ngx_memcmp",
            "ngx_hx_fleet_limit_now"}

RAW = re.compile(r"pthread_mutex_(?:lock|trylock|unlock|consistent)")


def guarded(text):
    """(type, name) of what is declared in parameters or a body."""
    return re.findall(r"\b(" + "|".join(GUARDED) + r")\s+\*(?!\*)(\w+)", text)


class Gate:
    """The rules for the module's functions; "index" is all of them by name."""

    def __init__(self, index):
        self.index = index
        self.blocks = {}
        self.waits = {}

    def primitive(self, function):
        return function.name in PRIMITIVES and function.name not in KEEPS

    def under(self, function):
        """The lock that callers of the function hold."""
        if function.name in UNDER:
            return UNDER[function.name]
        if function.name in PRIMITIVES | INNOCENT:
            return None
        found = guarded(function.params)
        return GUARDED[found[0][0]] if found else None

    def takes(self, function, name, _args):
        return TAKES.get(name, (None, None))

    def gives(self, function, name, args):
        if name == "pthread_mutex_unlock" and args.strip() == "lock":
            return "the audit file"
        return GIVES.get(name)

    def may_leave(self, function, item):
        return KEEPS.get(function.name) == item[1]

    # what a function does by itself or through what it calls

    def reach(self, name, memory, own, seen=()):
        """What own() says of a function and of all it calls."""
        if name not in self.index or name in seen:
            return {}
        if name not in memory:
            out = {}
            function = self.index[name]
            for callee, args, _, _ in flow.calls(function.text):
                for what in own(callee, args):
                    out.setdefault(what, callee)
                deeper = self.reach(callee, memory, own, seen + (name,))
                for what in deeper:
                    out.setdefault(what, callee)
            if seen:
                return out
            memory[name] = out
        return memory[name]

    @staticmethod
    def blocking(name, _args):
        if BLOCKS.fullmatch(name) and name not in HARMLESS:
            yield name

    @staticmethod
    def waiting(name, args):
        if name not in TAKES:
            return
        # hx_state_lock_block() without "wait" only tries
        if name == "hx_state_lock_block" and flow.arguments(args)[2] == "0":
            return
        yield TAKES[name][0]

    def look(self, function, text, held):
        here = held | {self.under(function)} - {None}
        bare = ATOMIC_CALL.sub("", text)
        if function.path.name not in ALONE:
            yield from self.touch(function, bare, here)
        for name, args, _, _ in flow.calls(text):
            yield from self.call(function, name, args, here)

    def touch(self, function, text, here):
        for kind, variable in guarded(function.text):
            lock = GUARDED[kind]
            if lock not in here and re.search(rf"\b{variable}->", text):
                yield f"{variable} is looked into without {lock}"
        if not HEAD_FILE.search(function.path.name):
            return
        for member in HEAD_GUARDED.findall(text):
            if "the allocator" not in here:
                yield f"{member} of the head is touched without the allocator"
        for member in HEAD_ATOMIC.findall(text):
            yield f"{member} of the head is only for __atomic functions"

    def call(self, function, name, args, here):
        callee = self.index.get(name)
        if callee is not None and function.path.name not in ALONE:
            need = self.under(callee)
            if need is not None and need not in here:
                yield f"{name}() is called without {need}"
        if here & SHORT:
            deep = dict.fromkeys(self.blocking(name, args), None)
            deep.update(self.reach(name, self.blocks, self.blocking))
            for what, through in deep.items():
                way = "" if what == name else f" (through {name}())"
                yield f"{what}() under {sorted(here & SHORT)[0]}{way}"
        if here and (function.name, name) not in ORDERED:
            deep = set(self.waiting(name, args))
            if name not in TAKES:
                deep |= set(self.reach(name, self.waits, self.waiting))
            for lock in deep:
                for other in here:
                    if RANK[lock] <= RANK[other]:
                        yield f"{name}() waits for {lock} under {other}"


class Engine:
    """A mutex that is locked is unlocked, on every path, once."""

    def takes(self, function, name, args):
        if name == "pthread_mutex_lock":
            return args.strip().lstrip("&"), "always"
        return None, None

    def gives(self, function, name, args):
        return args.strip().lstrip("&") if name == "pthread_mutex_unlock" \
            else None

    def may_leave(self, function, item):
        return False

    def look(self, function, text, held):
        for name, _, _, _ in flow.calls(text):
            if held and re.fullmatch(r"mdb_txn_commit|f(?:data)?sync|malloc_trim"
                                     r"|SSL_\w+|connect|getaddrinfo|usleep",
                                     name):
                yield f"{name}() under {sorted(held)[0]}"


def check_locks(root):
    """Shared memory is touched under its locks, and they are given back."""
    found = {"gate": [], "engine": []}
    for s in sources.load(root):
        if s.part in found and s.room != "tool":
            found[s.part] += flow.functions(s)
    gate = Gate({f.name: f for f in found["gate"]})
    for f in found["gate"]:
        if f.name not in PRIMITIVES:
            for name, args, begin, _ in flow.calls(f.text):
                if RAW.fullmatch(name) and gate.gives(f, name, args) is None:
                    line = f.line + f.text.count("\n", 0, begin) + 1
                    yield (f"{f.path}:{line}: {name}() in {f.name}(), beside "
                           f"the functions that stand for it")
        if not gate.primitive(f):
            for line, text in flow.Walk(f, gate).run():
                yield f"{f.path}:{line}: {text}"
    for f in found["engine"]:
        for line, text in flow.Walk(f, Engine()).run():
            yield f"{f.path}:{line}: {text}"
