"""Phases that compress: put beside numpy and zfp, small arrays, rejection."""

import os

import arrays
import common
import ttsvd
from clock import timed

EXACT = 1e-13               # what the peer is asked for; "exact" is 1e-12
GOALS = {"smooth": 40.0, "steps": 8.0, "spikes": 8.0}
LARGE = 60.0                # 2^24
SMALL = 4.0                 # 2^10 .. 2^14
DECIDE = 1e6                # ns, for 2^20 values without structure
DOT = 100.0
VERDICTS = ("exact", "safe", "weak")
ZFP_SPEED, ZFP_RATIO = 10.0, 50.0


def save(env, name, a):
    path = env.path(name)
    a.tofile(path)
    return path


def put(bench):
    """2^20 and 2^24 values, exact."""
    bench.table.title(
        "Compression, exact", "float64; the peer is t/bench/engine/ttsvd.py "
        f"with a tolerance of {EXACT:g} and measures no error; ours ends with "
        "the measured verdict")
    families = (("smooth", arrays.smooth), ("steps", arrays.steps),
                ("spikes", arrays.spikes))
    for name, make in families:
        beside_numpy(bench, f"{name}, 2^20", make(1 << 20), GOALS[name],
                     bench.args.rounds)
    beside_numpy(bench, "smooth with noise of 1e-8, 2^20, safe",
                 arrays.noisy(1 << 20), None, bench.args.rounds, 3e-7)
    for name, a in (("420 steps", arrays.steps(1 << 20, 420)),
                    ("cos(780 x y)", arrays.chirp(1 << 20))):
        beside_numpy(bench, f"{name}, 2^20: ranks near 300", a, None,
                     min(3, bench.args.rounds), repeat=3)
    beside_numpy(bench, "smooth, 2^24", arrays.smooth(1 << 24), LARGE,
                 min(3, bench.args.rounds))


def beside_numpy(bench, name, a, goal, rounds, tol=EXACT, repeat=5):
    """One row, and a line of what each came to."""
    path = save(bench.env, "array", a)
    cores, said = [], []

    def peer():
        took, out = timed(lambda: ttsvd.compress(a, tol), max(1, repeat // 10))
        cores[:] = out
        return took

    def ours():
        said[:] = [compress(bench.env, path, repeat)]
        return said[0]["ns"]

    peer(), ours()
    bench.table.times(name, common.turns(rounds, peer, ours), goal)
    tt = said[0]
    bench.notes.append(
        f"{name}: numpy ratio {ttsvd.ratio(a, cores):.1f}, error "
        f"{ttsvd.error(a, cores):.1e}; ours {tt['verdict']}, ratio "
        f"{tt['ratio']:.1f}, error {tt['rel_error']:.1e}, rank {tt['rank']}")
    os.unlink(path)


def small(bench):
    bench.table.title("Small arrays, exact", "smooth float64")
    for d in (10, 11, 12, 13, 14):
        beside_numpy(bench, f"smooth, 2^{d}", arrays.smooth(1 << d), SMALL,
                     2 * bench.args.rounds, repeat=100)


def reject(bench):
    bench.table.title("Values without structure",
                      "time until the engine knows that no train will do; "
                      "the peer finds full ranks")
    a = arrays.normal(1 << 20)
    path = save(bench.env, "array", a)
    turns = [compress(bench.env, path, 5) for _ in range(bench.args.rounds)]
    peer = timed(lambda: ttsvd.compress(a, EXACT), 1)[0]
    took = common.median(x["ns"] for x in turns)
    bench.table.row("normal, 2^20: decided after", common.milliseconds(peer),
                    common.milliseconds(took), f"{peer / took:.0f} x",
                    f"<= {DECIDE / 1e6:g} ms",
                    took <= DECIDE and turns[0]["verdict"] not in VERDICTS)
    os.unlink(path)


def zfp(bench):
    """The tolerance at which zfp's error is not below ours, nor far above."""
    env, table = bench.env, bench.table
    a = arrays.smooth(1 << 20)
    path = save(env, "array", a)
    table.title("Beside zfp", "smooth, 2^20; zfp with fixed accuracy, one "
                "thread; lossless peers for comparison")

    def peer(tolerance, rounds=3):
        size, error, _, *ns = common.run(env.tool("engine_zfp"), path, "f8",
                                         a.size, tolerance, rounds)[0]
        return {"ratio": a.nbytes / int(size), "error": float(error),
                "ns": [int(x) for x in ns]}

    tt = compress(env, path, 5)
    tolerance = 2.0 ** -20
    while peer(tolerance / 2, 1)["error"] >= tt["rel_error"]:
        tolerance /= 2
    for name, tolerance, judged in (
            ("as exact", tolerance, True), ("1e-9", 1e-9, False),
            ("1e-6", 1e-6, False), ("1e-3", 1e-3, False)):
        z = peer(tolerance)
        pairs = common.turns(
            bench.args.rounds,
            lambda t=tolerance: common.median(peer(t)["ns"]),
            lambda: compress(env, path, 5)["ns"])
        table.times(f"speed vs zfp {name}, error {z['error']:.0e} (ours "
                    f"{tt['rel_error']:.0e})", pairs,
                    ZFP_SPEED if judged else None)
        smaller = tt["ratio"] / z["ratio"]
        table.row(f"ratio vs zfp {name}", f"{z['ratio']:.2f}",
                  f"{tt['ratio']:.1f}", f"{smaller:.0f} x",
                  f">= {ZFP_RATIO:g} x" if judged else "",
                  smaller >= ZFP_RATIO if judged else None)
    lossless(bench, path, a, tt, "smooth")
    for name, make in (("steps", arrays.steps), ("spikes", arrays.spikes)):
        a = make(1 << 20)
        a.tofile(path)
        lossless(bench, path, a, compress(env, path, 5), name)
    os.unlink(path)


def lossless(bench, path, a, tt, family):
    """Rows without a goal: what loses nothing, and where that wins."""
    ours = tt["ns"]
    for name, size, *ns in common.run(bench.env.tool("engine_lossless"), path,
                                      a.itemsize, 3):
        took = common.median(int(x) for x in ns)
        bench.table.row(
            f"{family}: ratio and time vs {name}",
            f"{a.nbytes / int(size):.2f}, {common.milliseconds(took)}",
            f"{tt['ratio']:.1f}, {common.milliseconds(ours)}",
            beside(tt["ratio"] * int(size) / a.nbytes, "smaller", "larger")
            + ", " + beside(took / ours, "faster", "slower"))


def beside(x, better, worse):
    return f"{x:.1f} x {better}" if x >= 1 else f"{1 / x:.1f} x {worse}"


def dot(bench):
    """Two trains against the same arrays, dense."""
    bench.table.title("Inner products", "trains of 2^20 values "
                      "against the decoded arrays (2 x 8 MB)")
    for rank, goal in ((4, None), (8, DOT), (16, None), (32, None)):
        ways = {name: [int(x) for x in ns] for name, _, *ns in common.run(
            bench.env.tool("engine_dot"), 20, rank,
            50 * bench.args.rounds)}
        for peer in ("blas", "loop"):
            pairs = list(zip(ways[peer], ways["train"]))
            bench.table.times(f"trains of rank {rank} vs dense, {peer}", pairs,
                              goal if peer == "blas" else None)


def compress(env, path, repeat):
    """engine_tt: least CPU nanoseconds, verdict (for passthrough: why),
    error, ratio, rank."""
    _, _, least, _, verdict, rank, _, ratio, error, *_ = common.run(
        env.tool("engine_tt"), path, repeat)[0]
    return {"ns": float(least) * 1e9, "verdict": verdict, "rank": int(rank),
            "ratio": float(ratio), "rel_error": float(error)}
