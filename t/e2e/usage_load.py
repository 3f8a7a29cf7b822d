"""A client of many tenants that asks for everything there is to be charged,
and much that is not; a process of its own.  What it is to do comes as JSON on
stdin; "id status" of each request goes to a file, 0 for one that was lost.  It
ends after so many requests, but not before a flag is raised: a file is there.
"""

import json
import random
import sys
from pathlib import Path

from http_load import saturate

# weight, method, target, body, key: of the tenant unless said otherwise
REQUESTS = [
    (16, "GET", "/v1/get/default/k{n}", None, None),
    (3, "GET", "/v1/get/default/k{n}?s=304", None, None),
    (3, "GET", "/v1/get/default/k{n}?s=404", None, None),
    (16, "GET", "/v1/list/default", None, None),
    (2, "GET", "/v1/list/default?s=500", None, None),
    (12, "POST", "/v1/serve", '{"key":"k","namespace":"default"}', None),
    (2, "POST", "/v1/serve?s=404", '{"key":"k"}', None),
    (14, "POST", "/v1/put", '{"namespace":"default","key":"k",'
                            '"data_b64":"AAAA"}', None),
    (2, "POST", "/v1/put?s=500", '{"key":"k","data_b64":"AAAA"}', None),
    (8, "POST", "/v1/search", '{"filters":{"a":1}}', None),
    (8, "GET", "/v1/report/default", None, None),
    (4, "GET", "/v1/list/another", None, None),             # 403
    (2, "POST", "/v1/put", '{"namespace":"another"}', None),
    (3, "GET", "/v1/list/default", None, "wrong"),          # 401
]


def halves(keys):
    """Requests, in the frequency they are to have, without their ids."""
    made = []
    for key in keys:
        for weight, method, target, body, other in REQUESTS:
            text = (f"{method} {target} HTTP/1.1\r\nHost: gate\r\n"
                    f"X-Api-Key: {other or key}\r\n")
            end = "\r\n\r\n"
            if body is not None:
                text += (f"Content-Type: application/json\r\n"
                         f"Content-Length: {len(body)}\r\n")
                end += body
            made += [(text + "X-Request-Id: ", end)] * weight
    return made


def run(port, keys, prefix, seed, connections, depth, go_on, tell):
    """go_on(n): shall there be one more request after n?  tell: of
    http_load.saturate()."""
    rng = random.Random(seed)
    choices = halves(keys)
    serial = 0

    def make():
        nonlocal serial
        if not go_on(serial):
            return None
        serial += 1
        name = f"{prefix}-{serial}"
        begin, end = rng.choice(choices)
        begin = begin.replace("{n}", str(serial % 7))
        return name, f"{begin}{name}{end}".encode()

    saturate(port, connections, depth, make, tell)


def main():
    job = json.load(sys.stdin)
    flag = Path(job["flag"])
    with open(job["log"], "w", encoding="ascii") as log:
        run(job["port"], job["keys"], job["prefix"], job["seed"],
            job["connections"], job["depth"],
            lambda n: n < job["requests"] or n % 100 or not flag.exists(),
            lambda name, status, _: log.write(f"{name} {status}\n"))


if __name__ == "__main__":
    main()
