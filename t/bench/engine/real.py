"""Real and computed data in a running engine: ratio, verdict, error and time,
with zstd and zfp beside them; the table of t/bench/README.md.

The phase "real" of make bench-engine.
"""

import os
import subprocess
import sys

import numpy as np

import common
import service
from verdict_check import complaints, npy

DATA = os.path.join(common.TOP, "t", "data")
FILES = ["sunspots", "elnino", "co2", "digits", "camera", "retina", "ecg",
         "bell", "voice", "vortex", "wave", "heat", "shock"]
ZFP_KNOWS = ("<f4", "<f8", "<i4", "<i8")
FEW = 3                     # turns; the least counts


def arrays(env):
    """(name, array); computed ones are made when they are not there."""
    place = env.path("data")
    os.makedirs(place, exist_ok=True)
    for script in ("make_packaged.py", "make_fields.py"):
        subprocess.run([sys.executable, os.path.join(DATA, script), place],
                       check=True)
    for name in FILES:
        kept = os.path.join(DATA, name + ".npy")
        path = kept if os.path.exists(kept) \
            else os.path.join(place, name + ".npy")
        yield name, np.load(path)
    co2 = np.load(os.path.join(DATA, "co2.npy"))
    gaps = np.isnan(co2)
    at = np.arange(co2.size)
    co2[gaps] = np.interp(at[gaps], at[~gaps], co2[~gaps])
    yield "co2, gaps filled", co2


def lossless(env, path, a):
    """{name: (ratio, ns)}"""
    out = {}
    for name, size, *ns in common.run(env.tool("engine_lossless"), path,
                                      a.itemsize, FEW):
        out[name] = a.nbytes / int(size), min(int(x) for x in ns)
    return out


def zfp(env, path, a, error):
    """(ratio, ns) of zfp with no larger a relative error, lossless for 0; it
    knows no integers below 32 bits, and no NaN."""
    if a.dtype.kind == "f" and not np.all(np.isfinite(a)):
        return None
    b = a if a.dtype.str in ZFP_KNOWS else a.astype("<i4")
    b.tofile(path)
    shape = "x".join(str(x) for x in a.shape if x > 1) or "1"

    def once(tolerance, rounds):
        size, got, _, *ns = common.run(
            env.tool("engine_zfp"), path, b.dtype.str[1:], shape, tolerance,
            rounds)[0]
        return float(got), a.nbytes / int(size), min(int(x) for x in ns)

    if error == 0 or b.dtype.kind != "f":
        return once("reversible", FEW)[1:]
    tolerance = float(np.max(np.abs(a)))
    while once(tolerance, 1)[0] > error:
        tolerance /= 2
    return once(tolerance, FEW)[1:]


def said_of(client, name, a, ns):
    """(what get says, ns of a put, ns of a serve), checked by numpy."""
    body = service.request("POST", "/v1/put", {
        "key": name, "namespace": ns, "data_b64": npy(a)})
    took, served = [], []
    for _ in range(FEW):
        ns_taken, status, _, text = client.send(body)
        if status != 200:
            raise common.Trouble(f"{name}: {status} {text[:300]!r}")
        took.append(ns_taken)
        ns_taken, raw = client.serve(name, ns)
        served.append(ns_taken)
    said = client.get(name, ns)
    wrong = complaints(a, said, raw, ns == "weak")
    return said, min(took), min(served), wrong


def cell(figure):
    if figure is None:
        return ""
    ratio, ns = figure
    return f"{ratio:.2f}, {common.milliseconds(ns)}"


def real(bench):
    env = bench.env
    bench.table.title(
        "Real and computed data", "ratio and time, least of "
        f"{FEW}: ours of a whole put through HTTP with JSON and base64, disk "
        "included; the others of compression in memory. zfp gets the error "
        "that ours has, and is lossless where ours is. \"weak\": where the "
        "operator allows errors up to 1e-3")
    print("| data | | verdict | error | hx-engine | serve | zstd -3 | "
          "with shuffle | zfp |\n"
          "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    bad = []
    common.on(common.OTHER)
    path = env.path("array")
    data = list(arrays(env))
    with service.Engine(env, "real", HOLONOMIX_ALLOW_WEAK="weak") as engine:
        with engine.client() as client:
            for name, a in data:
                a.tofile(path)
                peers = lossless(env, path, a)
                row(bench, client, name, a, peers, path, bad)
    os.unlink(path)
    for text in bad:
        bench.notes.append("WRONG: " + text)
        bench.table.failed.append(text)


def row(bench, client, name, a, peers, path, bad):
    what = f"{a.dtype.name} " + " x ".join(map(str, a.shape))
    strict = None
    for ns in ("default", "weak"):
        said, put, serve, wrong = said_of(client, name.split(",")[0], a, ns)
        bad += [f"{name}: {text}" for text in wrong]
        if ns == "weak" and said["verdict"] == strict:
            continue
        strict = said["verdict"]
        error = said["rel_error"] or 0.0
        print(f"| {name} | {what} | {strict} | {error:.1e} | "
              f"{cell((said['compression_ratio'], put))} | "
              f"{common.milliseconds(serve)} | {cell(peers['zstd-3'])} | "
              f"{cell(peers['zstd-3-shuffle'])} | "
              f"{cell(zfp(bench.env, path, a, error))} |", flush=True)
