"""Arrays of all kinds, and the judge of what an engine says about them: its
verdict and error against numpy's of the array that it serves.  For
test_verdict.py and t/bench/engine.

Errors are summed in long double: its range has room for squares of 1e308 and of
denormal numbers, its mantissa for every 64-bit integer.
"""

import io

import numpy as np

BELOW = {"exact": 1e-12, "safe": 1e-6, "weak": 1e-3}
WITHIN = 0.01               # of numpy's error
INTEGERS = ["<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8"]


def npy(a):
    """The file that numpy.save() writes."""
    out = io.BytesIO()
    np.save(out, a)
    return out.getvalue()


def relative_error(want, got):
    """Of real elements; 0 where both are all zero, inf where only one is."""
    a = np.asarray(want).astype(np.longdouble).ravel()
    e = np.asarray(got).astype(np.longdouble).ravel() - a
    norm, off = np.sqrt(np.sum(a * a)), np.sqrt(np.sum(e * e))
    if norm == 0:
        return 0.0 if off == 0 else float("inf")
    return float(off / norm)


def complaints(a, said, raw, weak=False):
    """What is wrong: a the array that was put, said what get answers, raw the
    bytes of serve, weak whether the operator allows that verdict."""
    order = "F" if said["fortran_order"] else "C"
    if np.dtype(said["dtype"]) != a.dtype:
        return [f"dtype {said['dtype']}, not {a.dtype.str}"]
    if tuple(said["shape"]) != a.shape or len(raw) != a.nbytes:
        return [f"shape {said['shape']}, {len(raw)} bytes, not {a.shape}, "
                f"{a.nbytes} bytes"]
    got = np.frombuffer(raw, a.dtype).reshape(a.shape, order=order)
    verdict, stored = said["verdict"], said["rel_error"]
    wrong = []
    if verdict == "passthrough":
        if got.tobytes("A") != a.tobytes("A") or raw != a.tobytes(order):
            wrong.append("passthrough changed bytes")
        if stored not in (0, None):
            wrong.append(f"passthrough with error {stored}")
        return wrong
    if verdict not in BELOW:
        return [f"verdict {verdict!r}"]
    if not np.all(np.isfinite(got)) or not np.all(np.isfinite(a)):
        return ["NaN or infinity in a train"]
    true = relative_error(a, got)
    if not true < BELOW[verdict]:
        wrong.append(f"verdict {verdict} with an error of {true:.3e}")
    if not abs(stored - true) <= WITHIN * true:
        wrong.append(f"stored error {stored:.6e}, numpy's {true:.6e}")
    if verdict == "weak" and not weak:
        wrong.append("weak, which nobody allowed")
    return wrong + trains(a, said)


def trains(a, said):
    """Whether the fingerprint of a train agrees with itself."""
    r = said["ranks"]
    wrong = []
    if len(r) != said["n_cores"] + 1 or r[0] != 1 or r[-1] != 1:
        wrong.append(f"ranks {r}, {said['n_cores']} cores")
    elif 2 ** said["n_cores"] < a.size:
        wrong.append(f"{said['n_cores']} cores for {a.size} values")
    if said["max_rank"] != max(r):
        wrong.append(f"max_rank {said['max_rank']} of {r}")
    size = 16 * sum(x * y for x, y in zip(r, r[1:]))
    if said["stored_core_bytes"] != size:
        wrong.append(f"{said['stored_core_bytes']} bytes, ranks say {size}")
    ratio = said["original_bytes"] / max(size, 1)
    if abs(said["compression_ratio"] - ratio) > 0.01 * ratio:
        wrong.append(f"ratio {said['compression_ratio']}, sizes say {ratio}")
    return wrong


# -- arrays

def wave(n, rng):
    """A few waves, a decay, a pole: low ranks."""
    x = np.arange(n) / max(n, 1)
    f, p = rng.uniform(1, 80, 3), rng.uniform(0, 6, 3)
    return (np.exp(-2 * x) * np.sin(f[0] * x + p[0])
            + 0.3 * np.cos(f[1] * x + p[1]) + 1 / (1 + 25 * (x - 0.4) ** 2))


def poly(n, rng):
    x = np.arange(n) / max(n, 1)
    return np.polyval(rng.uniform(-1, 1, 4), x)


def step(n, rng):
    k = int(rng.integers(1, 20))
    edges = np.sort(rng.integers(0, n + 1, k))
    return np.repeat(rng.standard_normal(k + 1),
                     np.diff(np.concatenate(([0], edges, [n]))))


def spike(n, rng):
    a = np.zeros(n)
    a[rng.integers(0, n, min(n, 8))] = rng.standard_normal(min(n, 8))
    return a


def noise(n, rng):
    return rng.standard_normal(n)


def plane(n, rng):
    """Two dimensions as one: a bump, seen row by row."""
    side = max(1, int(np.sqrt(n)))
    x = np.arange(side) / side
    a = np.exp(-20 * (x[:, None] - rng.random()) ** 2
               - 30 * (x[None] - rng.random()) ** 2).ravel()
    return np.concatenate([a, np.zeros(n - a.size)])


def shapes(n, rng):
    """A shape of n elements."""
    out = []
    while n > 1 and len(out) < 4 and rng.random() < 0.5:
        part = int(rng.choice([x for x in (2, 3, 4, 5, 8, 10, 16, 64)
                               if n % x == 0] or [1]))
        out.append(part)
        n //= part
    return (*out, n)


def as_dtype(a, name, rng):
    """The same course in another type; integers fill a part of their range."""
    if name == "<f8":
        return a * 10.0 ** float(rng.choice([0, 0, 0, 5, -5, 150, -150]))
    if name == "<f4":
        return (a * 10.0 ** float(rng.choice([0, 0, 15, -15]))).astype(name)
    info = np.iinfo(name)
    top = float(np.max(np.abs(a))) or 1.0
    high = min(float(info.max), 10.0 ** float(rng.uniform(0.5, 18)))
    low = 0 if info.min == 0 else -high
    scaled = a / top * high if low else (a / top + 1) / 2 * high
    # 0.99: the float64 next to the highest 64-bit number is above it
    return np.rint(scaled * 0.99).astype(name)


def random_array(seed, largest=17):
    """(name, array): any family, length, noise, type, shape, order."""
    rng = np.random.default_rng(seed)
    family = rng.choice([wave, wave, poly, step, spike, noise, plane])
    n = int(2.0 ** rng.uniform(0, largest))
    if rng.random() < 0.5:
        n = 1 << int(np.ceil(np.log2(max(n, 2))))
    a = family(n, rng)
    if rng.random() < 0.6:
        level = 10.0 ** rng.uniform(-16, -2)
        a = a + level * np.sqrt(np.mean(a * a)) * rng.standard_normal(n)
    name = str(rng.choice(5 * ["<f8"] + 3 * ["<f4"] + INTEGERS))
    a = as_dtype(a, name, rng).reshape(shapes(n, rng))
    if rng.random() < 0.3:
        a = np.asfortranarray(a)
    return f"{seed}: {family.__name__} {name} {a.shape}", a


def named_arrays():
    """(name, array): what is easily got wrong."""
    rng = np.random.default_rng(0)
    x = wave(4096, rng)
    yield "one element", np.array([3.25])
    yield "one integer", np.array([7], "<i4")
    yield "two elements", np.array([1.0, -1e-9])
    yield "three elements", np.array([1.0, 2.0, 4.0])
    yield "no power of two", wave(4097, rng)
    yield "prime length", wave(65537, rng)
    yield "zeros", np.zeros(1000)
    yield "negative zeros", np.full(1000, -0.0)
    yield "integer zeros", np.zeros((3, 5, 7), "<i2")
    yield "constant", np.full(3000, 0.1)
    yield "constant integers", np.full((10, 10), -128, "<i1")
    yield "1e308", x / np.max(np.abs(x)) * 1e308
    yield "largest float64", np.full(512, np.finfo("<f8").max)
    yield "1e-308", x * 1e-308
    yield "denormal", x * 1e-318
    yield "smallest denormal", np.full(512, 5e-324)
    yield "largest float32", np.full(512, np.finfo("<f4").max, "<f4")
    yield "denormal float32", (x * 1e-42).astype("<f4")
    yield "a NaN", np.where(np.arange(4096) == 77, np.nan, x)
    yield "an infinity", np.where(np.arange(4096) == 78, -np.inf, x)
    yield "all NaN", np.full(64, np.nan)
    yield "ramp of integers", np.arange(100_000, dtype="<i4")
    yield "squares", np.arange(65536, dtype="<i8") ** 2
    yield "beyond 2^53", np.arange(4096, dtype="<i8") + (1 << 60)
    yield "top of u8", np.full(4096, 2 ** 64 - 1, "<u8")
    yield "ends of i8", np.tile(np.array([-2 ** 63, 2 ** 63 - 1], "<i8"), 2048)
    yield "bytes", np.arange(4096, dtype="<u1")
    yield "tiny beside huge", np.where(np.arange(4096) < 9, 1e200, 1e-200)
    yield "a spike in a wave", x + np.where(np.arange(4096) == 1234, 1e6, 0)
    i, k = np.indices((128, 128))
    yield "distance, interleaved", np.abs(i - k).astype("<f8")
    yield "Fortran order", np.asfortranarray(
        np.exp(-((i - 60) ** 2 + (k - 50) ** 2) / 900.0))
    yield "odd dimensions", np.cos(0.02 * np.indices((37, 91)).sum(0))
    yield "long and thin", np.sin(0.001 * np.arange(30000)).reshape(10000, 3)
    yield "four dimensions", wave(4096, rng).reshape(8, 4, 16, 8)
    for level in (3e-13, 9.9e-13, 1.1e-12, 3e-7, 9.9e-7, 1.1e-6, 1e-4, 9.9e-4):
        a = wave(16384, rng)
        e = rng.standard_normal(a.size)
        yield f"noise of {level}", a + e * (level * np.linalg.norm(a)
                                            / np.linalg.norm(e))
