"""Judges a run by what was seen from outside: what clients sent and got, the
audit files, what the engine has logged, what the admin plane tells.  Pure:
each function returns the faults that it finds, as text; none is good."""

from collections import Counter

RACES = "raced"         # closed while idle, before a byte of an answer
LOST = "lost"           # no answer, or a part of one
REFUSED = (401, 403)


class Ask:
    """One request of a client.  "phases": the faults that were there while it
    was under way; "status" is None when it has no whole answer."""

    __slots__ = ("name", "tenant", "operation", "foreign", "phases", "status",
                 "end", "sent", "got")

    def __init__(self, name, tenant, operation, foreign=False, phases=(),
                 status=None, end=None):
        self.name = name
        self.tenant = tenant
        self.operation = operation
        self.foreign = foreign
        self.phases = phases
        self.status = status
        self.end = end
        self.sent = self.got = 0.0


def allowed(ask, rules):
    """May it have ended like this?  rules: {phase: (statuses, may be lost)};
    beside them it may do what is right: 200, and 401 or 403 where it asks for
    what is not its own."""
    if ask.end == RACES:
        return True             # whether it was served: ran()
    if ask.status is None:
        return any(rules[phase][1] for phase in ask.phases)
    if ask.status in (REFUSED if ask.foreign else (200,)):
        return True
    return any(ask.status in rules[phase][0] for phase in ask.phases)


def failures(asks, rules):
    return [f"{ask.name} {ask.operation} of {ask.tenant} in "
            f"{'/'.join(ask.phases)}: {ask.status or ask.end}"
            for ask in asks if not allowed(ask, rules)]


def entered(asks):
    """Foreign requests that were served."""
    return [f"{ask.name} {ask.operation} of {ask.tenant}: {ask.status}"
            for ask in asks
            if ask.foreign and ask.status is not None and ask.status < 400]


def unreadable(wanted, found):
    """wanted: {key: what it may have, None = nothing}; found: {key: what was
    read}, of all keys."""
    return [f"{key} has {found.get(key, 'not been read')}, not {may}"
            for key, may in wanted.items()
            if key not in found or found[key] not in may]


def unrecorded(asks, status):
    """Answers without a record, or with another one; status: {id: status} of
    the audit files."""
    faults = []
    for ask in asks:
        if ask.status is not None and status.get(ask.name) != ask.status:
            faults.append(f"{ask.name} was answered {ask.status} and is "
                          f"recorded as {status.get(ask.name)}")
    return faults


def ran(asks, status):
    """Requests on connections that were closed as idle, and that were served
    although no client would know."""
    return [f"{ask.name} was closed as idle and is recorded as "
            f"{status[ask.name]}" for ask in asks
            if ask.end == RACES and ask.name in status]


def unasked(status, tenant_of, sent, counted):
    """Records of requests that nobody sent.  counted: tenants whose requests
    have no ids of their own, and are counted instead."""
    return [f"{name} of {tenant_of[name]} is recorded and was not sent"
            for name in status
            if name not in sent and tenant_of[name] not in counted]


def miscounted(status, tenant_of, tenant, answered, lost=0):
    """A tenant with as many records as answers; each of those that were lost
    may have one."""
    found = sum(1 for name in status if tenant_of[name] == tenant)
    if answered <= found <= answered + lost:
        return []
    return [f"{found} records of {tenant}, {answered} answers"]


def unauthorised(seen, records, excused=()):
    """What has reached the engine, [(id, tenant, path)], and was not granted
    once: records: {id: (tenant, path, status)}; excused: ids of requests whose
    gate was killed before it could answer and record them."""
    faults = [f"{name} has reached the engine {times} times"
              for name, times in Counter(name for name, *_ in seen).items()
              if times > 1]
    for name, tenant, path in seen:
        if name not in records and name in excused:
            continue
        if name not in records:
            faults.append(f"{name} {path} has reached the engine, and no "
                          f"record says so")
            continue
        whose, where, status = records[name]
        if (whose, where) != (tenant, path) or status in REFUSED:
            faults.append(f"{name} {path} has reached the engine for {tenant}:"
                          f" recorded {whose} {where} {status}")
    return faults


def charges(records):
    """{tenant: tenths} that records [(tenant, tenths)] bear, all of them: one
    that amends another has none of its own, and takes none back."""
    born = Counter()
    for tenant, tenths in records:
        if tenths:
            born[tenant] += tenths
    return dict(born)


def misbilled(told, born):
    """{tenant: tenths of a CU}, by the admin plane and by the records."""
    return [f"{tenant} is charged {told.get(tenant, 0)} tenths and has "
            f"records of {born.get(tenant, 0)}"
            for tenant in sorted(told.keys() | born.keys())
            if told.get(tenant, 0) != born.get(tenant, 0)]


def grown(first, last, more_kb=6144, more_fds=12):
    """{program: (kilobytes, descriptors)} in the first and the last quiet."""
    faults = []
    for name, (kb, fds) in first.items():
        if last[name][0] > kb * 1.15 + more_kb:
            faults.append(f"{name} has grown from {kb} to {last[name][0]} kB")
        if last[name][1] > fds + more_fds:
            faults.append(f"{name} has {last[name][1]} descriptors, had {fds}")
    return faults


def slower(quiet, hostile, within=1.10):
    """99th percentiles of windows that took turns, in ms.  What two quiet
    windows in a row differ by no hostile one is accused of.  (the quiet one,
    ratio, ratio of the quiet ones, faults)"""
    def middle(values):
        values = sorted(values)
        at = len(values) // 2
        return values[at] if len(values) % 2 else \
            (values[at - 1] + values[at]) / 2
    ratio = middle(hostile) / middle(quiet)
    halves = sorted((middle(quiet[::2]), middle(quiet[1::2])))
    noise = halves[1] / halves[0]
    bound = max(within, noise)
    faults = [] if ratio <= bound else [
        f"p99 is {ratio:.2f} times as long, the bound {bound:.2f}"]
    return middle(quiet), ratio, noise, faults
