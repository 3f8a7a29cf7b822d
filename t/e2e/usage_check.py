"""The sums that the audit trail bears, kept by tenant, month and operation
while the file grows; what must not be in such a file stops the test."""

import json
import re
from collections import defaultdict

from audit_check import is_fragment, still_alone
from test_audit import MEMBERS

# The operation of a path, and its price in tenths of a CU.
OPERATIONS = [
    (re.compile(r"/v1/get/[^/]+/.+"), "get", 1),
    (re.compile(r"/v1/list/[^/]+"), "list", 1),
    (re.compile(r"/v1/serve"), "serve", 5),
    (re.compile(r"/v1/search"), "search", 5),
    (re.compile(r"/v1/put"), "put", 10),
    (re.compile(r"/v1/report/[^/]+"), "report", 123),
]
CHARGED = (200, 304)


def tenths(text):
    """Of "12.3"; JSON is to be parsed with parse_float=str."""
    assert isinstance(text, str) and re.fullmatch(r"\d+\.\d", text), text
    return int(text.replace(".", ""))


def operation_of(path):
    for pattern, name, price in OPERATIONS:
        if pattern.fullmatch(path):
            return name, price
    return None, 0


class Ledger:
    """An audit file, read as far as there are whole lines."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.rest = b""
        self.sums = defaultdict(int)    # (tenant, month, operation): tenths
        self.refused = defaultdict(int) # (tenant, month): answers 429
        self.status = {}                # request id: status
        self.names = {}                 # path: (operation, price)
        self.fragments = []     # lines that a kill has cut, a record follows

    def __len__(self):
        return len(self.status)

    def read(self):
        """What has been added; returns itself."""
        try:
            with open(self.path, "rb") as f:
                f.seek(self.offset)
                data = f.read()
        except FileNotFoundError:
            data = b""
        self.offset += len(data)
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            self.add(line)
        return self

    def finish(self):
        """Nothing will be added: the last line is whole, too."""
        self.read()
        assert self.rest == b"", self.rest
        assert self.fragments == []
        return self

    def add(self, line):
        try:
            record = json.loads(line, parse_float=str)
        except ValueError as error:
            if not is_fragment(line):
                raise AssertionError(f"no record: {line!r}") from error
            self.fragments.append(line)
            return
        self.fragments = still_alone(self.fragments, line)
        assert isinstance(record, dict) and list(record) == MEMBERS, line
        assert record["request_id"] not in self.status, f"twice: {line!r}"
        self.status[record["request_id"]] = record["status"]

        path = record["path"]
        if path not in self.names:
            self.names[path] = operation_of(path)
        operation, price = self.names[path]
        charged = tenths(record["cus"])
        assert charged == (price if record["status"] in CHARGED else 0), line
        tenant, month = record["tenant_id"], record["ts"][:7]
        if charged:
            assert tenant, line
            self.sums[tenant, month, operation] += charged
        elif record["status"] == 429:
            self.refused[tenant, month] += 1

    def months(self):
        return sorted({month for _, month, _ in self.sums})

    def usage(self, tenant, month):
        """{operation: tenths}"""
        return {operation: n for (who, when, operation), n
                in self.sums.items() if (who, when) == (tenant, month)}


def usage_of(gate, tenant, month):
    """The same as the gate tells; its own sum is right, too."""
    status, told = gate.admin("GET", f"admin/usage/{tenant}?period={month}")
    assert status == 200, told
    assert (told["tenant_id"], told["period"]) == (tenant, month)
    parts = {name: tenths(n) for name, n in told["breakdown"].items()}
    assert tenths(told["cus_used"]) == sum(parts.values()), told
    return parts
