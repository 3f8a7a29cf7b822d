"""Audit trails as the gate writes them with "chain", made independently of it:
the format from its description, hashes and signatures from elsewhere."""

import hashlib
import hmac
import json
import random
import subprocess


def stamp(ms):
    """Unix milliseconds as a record has them."""
    days, rest = divmod(ms, 86_400_000)
    # civil from days, after Howard Hinnant
    z = days + 719_468
    era, doe = divmod(z, 146_097)
    yoe = (doe - doe // 1460 + doe // 36_524 - doe // 146_096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    day = doy - (153 * mp + 2) // 5 + 1
    month = mp + 3 if mp < 10 else mp - 9
    year = yoe + era * 400 + (month <= 2)
    sec, milli = divmod(rest, 1000)
    return (f"{year:04}-{month:02}-{day:02}T{sec // 3600:02}:"
            f"{sec // 60 % 60:02}:{sec % 60:02}.{milli:03}Z")


def record(ms, tenant="acme", method="GET", path="/v1/list/default",
           ns="default", status=200, cus="0.1", latency=3, request_id="r",
           **more):
    """The members of a record, as a line without its closing brace."""
    text = json.dumps({"ts": stamp(ms), "tenant_id": tenant, "method": method,
                       "path": path, "namespace": ns, "status": status},
                      separators=(",", ":"), ensure_ascii=False)[:-1]
    text += f',"cus":{cus},"latency_ms":{latency}'
    rest = json.dumps({"request_id": request_id, **more},
                      separators=(",", ":"), ensure_ascii=False)
    return (text + "," + rest[1:-1]).encode()


class Hmac:
    """A key file with a secret."""

    def __init__(self, path, secret):
        path.write_bytes(secret + b"\n")
        self.path = path
        self.secret = secret
        self.name = "hmac-sha256:" + hmac.new(
            secret, b"", hashlib.sha256).hexdigest()[:16]

    def sign(self, message):
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


class Ed25519:
    """A key file of Ed25519, and its public half."""

    def __init__(self, folder):
        self.path = folder / "ed25519.pem"
        self.public = folder / "ed25519.pub"
        self.folder = folder
        openssl = ["openssl", "genpkey", "-algorithm", "ed25519"]
        subprocess.run([*openssl, "-out", self.path], check=True,
                       capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-out",
                        self.public], check=True)
        der = subprocess.run(["openssl", "pkey", "-pubin", "-in", self.public,
                              "-outform", "DER"], check=True,
                             capture_output=True).stdout
        self.name = "ed25519:" + hashlib.sha256(der[-32:]).hexdigest()[:16]

    def sign(self, message):
        text = self.folder / "message"
        text.write_bytes(message)
        out = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-in",
                              text, "-inkey", self.path], check=True,
                             capture_output=True).stdout
        return out.hex()


class Writer:
    """One chain.  Methods return whole lines without their line feed."""

    def __init__(self, name, node="gate-1", key=None):
        self.name = name
        self.node = node
        self.key = key
        self.seq = 0
        self.hash = bytes(32)

    def link(self, head):
        self.seq += 1
        head += f',"writer":"{self.name}","seq":{self.seq}'.encode()
        self.hash = hashlib.sha256(self.hash + head).digest()
        return head + f',"hash":"{self.hash.hex()}"'.encode()

    def record(self, *args, **kwargs):
        return self.link(record(*args, **kwargs)) + b"}"

    def checkpoint(self, kind, ms, lost=0):
        head = (f'{{"ts":"{stamp(ms)}","checkpoint":"{kind}","node":'
                f'{json.dumps(self.node)},"lost":{lost},"key":')
        head += f'"{self.key.name}"' if self.key else "null"
        line = self.link(head.encode())
        if self.key:
            sig = self.key.sign(b"hx-audit-1 " + self.hash.hex().encode())
            line += f',"sig":"{sig}"'.encode()
        return line + b"}"


START = 1_767_225_600_000       # 2026-01-01
TENANTS = ["acme", "beta", "corp-3", None]


def trail(records, n_files=3, n_writers=4, seed=1, key=None, node="gate-1",
          mark=200):
    """Files, each a list of lines: several writers that take turns at random,
    rotation, checkpoints."""
    rng = random.Random(seed)
    writers = [Writer(f"{rng.getrandbits(64):016x}", node, key)
               for _ in range(n_writers)]
    ms = START
    files = []
    for number in range(n_files):
        lines = [w.checkpoint("open" if number else "begin", ms)
                 for w in writers]
        for _ in range(records // n_files + (number < records % n_files)):
            ms += rng.randrange(40)
            w = rng.choice(writers)
            tenant = rng.choice(TENANTS)
            lines.append(w.record(
                ms, tenant, rng.choice(["GET", "POST", "DELETE"]),
                f"/v1/get/default/k{rng.randrange(999)}",
                "default" if tenant else None, 200 if tenant else 401,
                "0.1" if tenant else "0.0", rng.randrange(300),
                f"{rng.getrandbits(64):016x}-{len(lines)}"))
            if w.seq % mark == 0:
                lines.append(w.checkpoint("mark", ms))
        last = number == n_files - 1
        lines += [w.checkpoint("end" if last else "rotate", ms)
                  for w in writers]
        files.append(lines)
    return files


def members(line):
    """(writer, seq) of a chained line."""
    value = json.loads(line)
    return value["writer"], value["seq"]
