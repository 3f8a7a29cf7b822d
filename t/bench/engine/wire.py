"""Phases that talk to a running engine."""

import base64
import io
import json
import os
import shutil

import numpy as np

import arrays
import common
import contest
import service
import ttsvd
from clock import timed
from verdict_check import complaints, npy, random_array

GET_RATIO = 1.25            # of nginx's CPU time, at most
LINEAR = 11.0               # 100 MB against 10 MB, at most
INGEST = 12.0               # times Python's, at least
DURABLE = 12.0              # times one commit each, at least
MEMORY = 2.2                # payloads, and 16 MB, at most
MB = 1_000_000


def get(bench):
    """CPU time of GET /v1/get/... beside nginx's constant answer."""
    env, table = bench.env, bench.table
    os.sched_setaffinity(0, common.CPUS)
    bench.table.title(
        "GET of metadata beside nginx", "CPU time of all the server's "
        "processes and threads by the scheduler's account, for each request "
        "of wrk (1 thread, 32 keep-alive connections); the engine checks the "
        "service key and looks the key up; neither writes a log")
    keys = 1000
    requests = env.path("requests-get")
    with open(requests, "w", encoding="ascii") as out:
        for i in range(keys):
            head = service.request("GET", f"/v1/get/default/k{i:08d}")
            lines = head.decode().split("\r\n")
            out.write("\n".join(x for x in lines if x and
                                not x.startswith("Content-Length")) + "\n.\n")
    values = env.path("values")
    with open(values, "wb") as f:
        f.write(arrays.normal(keys * 16).tobytes())
    with service.Engine(env, "get") as engine:
        load(bench, engine, values, 128, keys, 32, dtype="-")
        with engine.client() as client:
            text = json.dumps(client.get("k00000000"), separators=(",", ":"))
        with contest.Nginx(env, "return", "return.conf",
                           {"text": text}) as nginx:
            nginx.start()

            def one(server):
                before = contest.cpu_ns(server.process.pid)
                n, _ = contest.wrk(server, requests, 1)
                return (contest.cpu_ns(server.process.pid) - before) / n

            one(nginx), one(engine)
            pairs = common.turns(bench.args.rounds, lambda: one(nginx),
                                 lambda: one(engine))
    beside = common.median(b / a for a, b in pairs)
    table.row(f"CPU of a GET ({len(text)} bytes) vs nginx `return 200`",
              common.milliseconds(common.median(a for a, _ in pairs)),
              common.milliseconds(common.median(b for _, b in pairs)),
              f"{beside:.2f}", f"<= {GET_RATIO}", beside <= GET_RATIO)


def load(bench, engine, values, size, count, connections, ns="default",
         dtype="-"):
    """Puts with engine_load: (puts a second, median ns, 99 % ns)."""
    env = {**os.environ, "HX_GATE_ENGINE_SERVICE_KEY": service.KEY}
    fields = common.run(bench.env.tool("engine_load"), engine.port,
                        connections, values, size, count, ns, dtype, env=env,
                        preexec_fn=common.pinned(common.OTHER))[0]
    count, took, middle, late, _ = map(int, fields)
    return count / took * 1e9, middle, late


def durable(bench):
    env, table = bench.env, bench.table
    os.sched_setaffinity(0, common.CPUS)
    table.title("Durable puts of 1 KB",
                "puts a second, each synced before its answer, on the disk of "
                "the build folder; the peer is a C program without network "
                "that commits each value to an LMDB of its own")
    values = env.path("values")
    with open(values, "wb") as f:
        f.write(arrays.normal(1 << 17).tobytes())
    place = env.path("commit")
    latency = []

    def alone():
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        fields = common.run(env.tool("engine_commit"), place, 1024, 1000, 1)[0]
        return int(fields[1]) / int(fields[2]) * 1e9

    # the writer waits for the disk while others work: no core is set apart
    with service.Engine(env, "durable", cpu=None) as engine:
        for clients, goal in ((1, None), (32, DURABLE), (256, None)):
            latency.clear()

            def clients_put(clients=clients):
                count = 1000 if clients == 1 else 20_000
                rate, middle, late = load(bench, engine, values, 1024, count,
                                          clients)
                latency.append((middle, late))
                return rate

            clients_put()
            latency.clear()
            pairs = common.turns(bench.args.rounds, alone, clients_put)
            ratio = common.median(b / a for a, b in pairs)
            table.row(f"durable puts, {clients} client"
                      f"{'s' if clients > 1 else ''}, vs a commit each",
                      f"{common.median(a for a, _ in pairs):.0f} /s",
                      f"{common.median(b for _, b in pairs):.0f} /s, 99 % in "
                      + common.milliseconds(
                          common.median(late for _, late in latency)),
                      f"{ratio:.1f} x", f">= {goal:g} x" if goal else "",
                      ratio >= goal if goal else None)
    shutil.rmtree(place)


def ingest(bench):
    """JSON with base64: from a body's bytes to the payload's."""
    table = bench.table
    table.title("Taking a body in", "JSON with base64, 10 MB of payload; the "
                "peer is json.loads and base64.b64decode")
    data = np.random.default_rng(7).bytes(10 * MB)
    text = service.request("POST", "/v1/put", {"key": "k", "data_b64": data})
    text = text[text.index(b"\r\n\r\n") + 4:]
    large = []

    def peer():
        return timed(lambda: base64.b64decode(json.loads(text)["data_b64"]),
                     3)[0]

    def ours():
        found = {(form, int(size)): int(least) for form, size, least, _
                 in common.run(bench.env.tool("engine_ingest"), 5)}
        large.append((found["json", 10 * MB], found["json", 100 * MB]))
        return large[-1][0]

    table.times("ingest of 10 MB vs Python",
                common.turns(bench.args.rounds, peer, ours), INGEST)
    # 10 MB stay in a large cache, so this is no proof that the work is linear:
    # that is the goal of whole puts, below

    ratio = common.median(b / a for a, b in large)
    table.row("ingest of 100 MB vs 10 MB",
              common.milliseconds(common.median(a for a, _ in large)),
              common.milliseconds(common.median(b for _, b in large)),
              f"{ratio:.2f} x", "", None)


def body_of(n_bytes):
    """A put of a .npy of smooth values, n_bytes in all of them."""
    return service.request("POST", "/v1/put", {
        "key": "k", "data_b64": npy(arrays.smooth(n_bytes // 8))})


def linear(bench):
    """Whole puts through HTTP: 100 MB against 10 MB, and beside Python."""
    table = bench.table
    table.title("A put through HTTP", "JSON with base64, .npy of smooth "
                "float64; least of the turns")
    common.on(common.OTHER)
    small, large = body_of(10 * MB), body_of(100 * MB)
    with service.Engine(bench.env, "linear") as engine:
        with engine.client() as client:
            def put(body):
                took, status, _, text = client.send(body)
                if status != 200:
                    raise common.Trouble(f"put: {status} {text[:300]!r}")
                return took

            put(small), put(large)
            pairs = common.turns(bench.args.rounds, lambda: put(small),
                                 lambda: put(large))
            eight = body_of(1 << 23)
            beside = common.turns(min(3, bench.args.rounds),
                                  lambda: python_put(eight),
                                  lambda: put(eight))
    a, b = min(a for a, _ in pairs), min(b for _, b in pairs)
    table.row("put of 100 MB vs 10 MB", common.milliseconds(a),
              common.milliseconds(b), f"{b / a:.2f} x", f"<= {LINEAR:g} x",
              b / a <= LINEAR)
    table.times("put of 8 MB vs Python's json, base64 and TT-SVD", beside)


def python_put(body):
    """What a Python server would do with the same request."""
    def all_of_it():
        text = json.loads(body[body.index(b"\r\n\r\n") + 4:])
        a = np.load(io.BytesIO(base64.b64decode(text["data_b64"])))
        ttsvd.compress(a, 1e-13)

    return timed(all_of_it, 1)[0]


def memory(bench):
    """VmHWM of an engine that took one put, over what it had before."""
    table = bench.table
    table.title("Memory of a put", "peak resident memory (VmHWM) over that "
                "before the request; pages of the data file count too")
    common.on(common.OTHER)
    n = 12_500_000
    for name, make in (
            ("smooth float64", arrays.smooth),
            ("random float64", arrays.normal),
            ("smooth float32",
             lambda n: arrays.smooth(2 * n).astype(np.float32))):
        data = npy(make(n))
        body = service.request("POST", "/v1/put", {"key": "k",
                                                   "data_b64": data})
        with service.Engine(bench.env, "memory") as engine:
            with engine.client() as client:
                client.put("warm", npy(arrays.smooth(1 << 16)))
                before = engine.status("VmRSS")
                status = client.send(body)[1]
                if status != 200:
                    raise common.Trouble(f"put of 100 MB: {status}")
                used = engine.status("VmHWM") - before
        most = MEMORY * len(data) + 16 * MB
        table.row(f"memory of a put of 100 MB, {name}", "",
                  f"{used / MB:.0f} MB", f"{used / len(data):.2f} payloads",
                  f"<= {most / MB:.0f} MB", used <= most)
        del data, body


def verdict(bench):
    """Stored errors against numpy's of the served arrays."""
    os.sched_setaffinity(0, common.CPUS)
    bench.table.title("Verdicts", "arrays of any family, type, shape and noise "
                      "through HTTP; numpy measures what is served")
    count, bad, seen = bench.args.arrays, [], {}
    with service.Engine(bench.env, "verdict", cpu=None,
                        HOLONOMIX_ALLOW_WEAK="weak") as engine:
        with engine.client() as client:
            for seed in range(count):
                name, a = random_array(seed, 20)
                ns = "weak" if seed % 2 else "default"
                client.put("k", npy(a), namespace=ns)
                said = client.get("k", ns)
                wrong = complaints(a, said, client.serve("k", ns)[1],
                                   ns == "weak")
                bad += [f"{name}: {text}" for text in wrong]
                seen[said["verdict"]] = seen.get(said["verdict"], 0) + 1
    bench.notes += bad[:20]
    bench.notes.append(", ".join(f"{n} {word}" for word, n in seen.items()))
    bench.table.row(f"stored errors of {count} arrays within 1 % of numpy's, "
                    "no verdict too good", "", f"{len(bad)} wrong", "", "0",
                    not bad)
