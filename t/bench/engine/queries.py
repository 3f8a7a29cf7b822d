"""The phase topk: exact nearest rows beside faiss and usearch."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np

import arrays
import common
import service
import wire

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS, DIM, K, QUERIES = 100_000, 1024, 10, 16
FAISS, USEARCH = 15.0, 3.5  # times faster, at least
BANDWIDTH = 0.75            # of what one core reads, at least


def topk(bench):
    for name, make in (("normal", arrays.vectors),
                       ("clustered", arrays.clustered)):
        kind(bench, name, make)


def kind(bench, name, make):
    env = bench.env
    bench.table.title(
        f"Top {K} of {ROWS} x {DIM} float32, {name}",
        "inner product, exact, one query at a time; faiss IndexFlatIP of "
        "Debian and usearch's exactSearch, one thread; recall against numpy")
    rows = make(ROWS, DIM)
    asked = make(QUERIES, DIM, seed=99)
    paths = env.path("rows"), env.path("queries")
    for path, a in zip(paths, (rows, asked)):
        a.tofile(path)
    want = nearest(rows, asked)
    del rows
    try:
        beside(bench, name, paths, want)
        through_http(bench, name, paths, asked, want)
    finally:
        for path in paths:
            os.unlink(path)


def nearest(rows, asked):
    """By numpy: candidates in float32, ranked in float64."""
    out = []
    for q in asked:
        best = np.argpartition(rows @ q, -10 * K)[-10 * K:]
        score = rows[best].astype(np.float64) @ q.astype(np.float64)
        out.append([int(x) for x in best[np.argsort(-score)[:K]]])
    return out


def recall(found, want):
    """Of all queries together."""
    hits = sum(len(set(a) & set(b)) for a, b in zip(found, want))
    return hits / sum(len(x) for x in want)


class Asker:
    """Asks a peer for one query after the other, and keeps what it found."""

    def __init__(self, peer):
        self.peer = peer
        self.next = 0
        self.found = {}

    def turn(self, times=4):
        took = []
        for _ in range(times):
            i = self.next % QUERIES
            ns, *found = self.peer.ask(i)
            self.found[i] = [int(x) for x in found]
            took.append(int(ns))
            self.next += 1
        return common.median(took)

    def bandwidth(self, times=QUERIES):
        """GB/s of the columns that a query reads, the fastest of all."""
        size = int(self.peer.ask("bytes")[0])
        return size / min(self.turn(1) for _ in range(times))

    def recall(self, want):
        while len(self.found) < QUERIES:
            self.turn()
        return recall([self.found[i] for i in range(QUERIES)], want)


def beside(bench, name, paths, want):
    env, table = bench.env, bench.table
    command = [*paths, DIM, K]
    with common.Peer("faiss", [sys.executable,
                               os.path.join(HERE, "faiss_peer.py"), *command],
                     env={**os.environ, "OMP_NUM_THREADS": "1"}) as faiss, \
         common.Peer("usearch", ["node", "search.js", *command],
                     cwd=usearch(env)) as usearch_peer, \
         common.Peer("engine_scan", [env.tool("engine_scan"), *command],
                     env={**os.environ, "TMPDIR": env.scratch}) as scan:
        peers = {"faiss flat": (Asker(faiss), FAISS),
                 "usearch exact": (Asker(usearch_peer), USEARCH)}
        ours = Asker(scan)
        ours.turn()
        for title, (asker, goal) in peers.items():
            asker.turn()
            pairs = common.turns(bench.args.rounds, asker.turn, ours.turn)
            table.times(f"{name}: vs {title}", pairs, goal)
        for title, (asker, _) in peers.items():
            bench.notes.append(f"{name}: {title} has recall "
                               f"{asker.recall(want):.3f}")
        mine = ours.recall(want)
        table.row(f"{name}: recall", "", f"{mine:.3f}", "", "1.000",
                  mine == 1)
        rate = common.turns(bench.args.rounds, lambda: bandwidth(env),
                            ours.bandwidth)
        part = common.median(b / a for a, b in rate)
        table.row(f"{name}: bytes read a second vs a bare read",
                  f"{common.median(a for a, _ in rate):.1f} GB/s",
                  f"{common.median(b for _, b in rate):.1f} GB/s",
                  f"{part:.2f}", f">= {BANDWIDTH:g}", part >= BANDWIDTH)


def bandwidth(env):
    """GB/s of one core over 400 MB, the fastest of a few."""
    size, *ns = common.run(env.tool("engine_read"), 400, 10)[0]
    return int(size) / min(int(x) for x in ns)


def usearch(env):
    """The folder with usearch in it, fetched once by npm."""
    place = env.path("usearch")
    source = os.path.join(HERE, "usearch")
    with open(os.path.join(source, "package-lock.json"),
              encoding="ascii") as f:
        wanted = f.read()
    done = os.path.join(place, "installed")
    os.makedirs(place, exist_ok=True)
    for name in ("package.json", "package-lock.json", "search.js"):
        shutil.copy(os.path.join(source, name), place)
    if os.path.exists(done) and open(done, encoding="ascii").read() == wanted:
        return place
    # its package brings the library built for the usual systems
    run = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
         "--cache", os.path.join(place, "cache")], cwd=place,
        capture_output=True, text=True, timeout=600, check=False)
    if run.returncode != 0:
        raise common.Trouble("npm: " + (run.stdout + run.stderr)[-500:])
    with open(done, "w", encoding="ascii") as f:
        f.write(wanted)
    return place


def through_http(bench, name, paths, asked, want):
    """The same rows in a running engine: put, then POST /v1/query/vector."""
    env, table = bench.env, bench.table
    os.sched_setaffinity(0, common.CPUS)
    with service.Engine(env, "topk") as engine:
        rate, _, _ = wire.load(bench, engine, paths[0], DIM * 4, ROWS, 64,
                               ns="rows", dtype="<f4")
        bench.notes.append(f"{name}: {rate:.0f} durable puts a second while "
                           "the rows went in")
        common.on(common.OTHER)
        with engine.client() as client:
            bodies = [service.request("POST", "/v1/query/vector", {
                "data_b64": q.tobytes(), "dtype": "<f4", "shape": [DIM],
                "namespace": "rows", "k": K, "metric": "dot"}) for q in asked]
            took, found = [], []
            for body in (*bodies, *bodies):
                ns, status, _, text = client.send(body)
                if status != 200:
                    raise common.Trouble(f"query: {status} {text[:300]!r}")
                took.append(ns)
                found.append([int(key[1:]) for key, _ in
                              json.loads(text)["results"]])
    # the first questions build the columns
    mine = recall(found[QUERIES:], want)
    table.row(f"{name}: through HTTP, latency and recall", "",
              f"{common.milliseconds(common.median(took[QUERIES:]))}, first "
              f"{common.milliseconds(took[0])}", f"{mine:.3f}", "1.000",
              mine == 1)
