"""topk and vector: exact, for every metric, type and order."""

import numpy
import pytest

import query_model as model
from conftest import wait_for

METRICS = ["cosine", "euclidean", "dot"]


@pytest.fixture
def rng():
    return numpy.random.default_rng(7)


def ask(engine, arrays, metric, k=10, keys=None):
    for key in keys if keys is not None else list(arrays):
        r = model.topk(engine, key, metric, k=k)
        assert r.status_code == 200, r.text
        model.check(r.json(), arrays, arrays[key], metric, k, skip=key)


@pytest.mark.parametrize("metric", METRICS)
def test_noise(engine, rng, metric):
    arrays = {f"k{i}": rng.standard_normal(200).astype(numpy.float32)
              for i in range(700)}
    model.fill(engine, arrays)
    ask(engine, arrays, metric, keys=["k0", "k350", "k699"])
    ask(engine, arrays, metric, k=1, keys=["k1"])
    ask(engine, arrays, metric, k=1000, keys=["k2"])

    # the vector itself is among the results of vector

    for i in range(3):
        v = rng.standard_normal(200) * 10 ** i
        r = model.vector(engine, v.tobytes(), metric, k=5)
        model.check(r.json(), arrays, v, metric, 5)


@pytest.mark.parametrize("metric", METRICS)
def test_all_types_are_compared_with_each_other(engine, rng, metric):
    types = "f4 f8 i1 i2 i4 i8 u1 u2 u4 u8".split()
    arrays = {}
    for t in types:
        for i in range(12):
            a = rng.standard_normal(97) * 40
            if t[0] == "u":
                a = abs(a)
            arrays[f"{t}-{i}"] = a.astype(t)
    arrays["big"] = numpy.full(97, 2 ** 63 + 1025, dtype="u8")
    arrays["low"] = numpy.full(97, -2 ** 63, dtype="i8")
    model.fill(engine, arrays)
    ask(engine, arrays, metric, k=15)


@pytest.mark.parametrize("metric", METRICS)
def test_clusters(engine, rng, metric):
    centers = rng.standard_normal((5, 1100))
    arrays = {}
    for i in range(400):
        a = centers[i % 5] + 0.05 * rng.standard_normal(1100)
        arrays[f"k{i:03}"] = (a * (1 + i % 3)).astype(numpy.float32)
    model.fill(engine, arrays)
    ask(engine, arrays, metric, k=7, keys=["k000", "k123", "k399"])


@pytest.mark.parametrize("metric", METRICS)
def test_fortran_order_is_compared_in_logical_order(engine, rng, metric):
    base = [rng.standard_normal((6, 5, 7)) for _ in range(40)]
    arrays = {}
    for i, a in enumerate(base):
        arrays[f"c{i}"] = a
        arrays[f"f{i}"] = numpy.asfortranarray(a)
        arrays[f"m{i}"] = numpy.asfortranarray(a.reshape(42, 5))
        arrays[f"v{i}"] = a.ravel()
    model.fill(engine, arrays)
    ask(engine, arrays, metric, k=9, keys=["c0", "f1", "m2", "v3"])

    # the four forms of one array tie, and so come by key

    got = model.topk(engine, "c0", metric, k=3).json()["results"]
    if metric != "dot":
        assert [key for key, _ in got] == ["f0", "m0", "v0"]
        assert len({value for _, value in got}) == 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n", [16, 2000])
def test_ties_come_by_key(engine, rng, metric, n):
    a = rng.standard_normal(n)
    names = [f"t{i}" for i in range(30)] + ["Z", "a/b", "a-b", "~"]
    arrays = {name: a for name in names}
    arrays["other"] = -a
    model.fill(engine, arrays)
    ask(engine, arrays, metric, k=12, keys=["t5", "other"])
    got = model.topk(engine, "t5", metric, k=8).json()["results"]
    want = sorted((x.encode() for x in names if x != "t5"))[:8]
    assert [key.encode() for key, _ in got] == want


@pytest.mark.parametrize("metric", METRICS)
def test_zero_vectors(engine, rng, metric):
    arrays = {f"z{i}": numpy.zeros(33) for i in range(4)}
    arrays["n"] = -numpy.zeros(33)
    for i in range(9):
        arrays[f"k{i}"] = rng.standard_normal(33)
    model.fill(engine, arrays)
    ask(engine, arrays, metric, k=6)
    ask(engine, arrays, metric, k=100)
    if metric == "cosine":
        got = model.topk(engine, "z0", metric).json()["results"]
        assert all(value == 0.0 for _, value in got)


@pytest.mark.parametrize("metric", METRICS)
def test_the_ends_of_float64(engine, rng, metric):
    arrays = {f"k{i}": rng.standard_normal(50) for i in range(20)}
    arrays["huge"] = rng.standard_normal(50) * 1e307
    arrays["huge2"] = rng.standard_normal(50) * 1e306
    arrays["tiny"] = rng.standard_normal(50) * 1e-307
    arrays["least"] = numpy.full(50, 5e-324)
    arrays["mixed"] = numpy.concatenate([rng.standard_normal(25) * 1e300,
                                         rng.standard_normal(25) * 1e-300])
    model.fill(engine, arrays)
    wide = {key: a.astype(numpy.longdouble) for key, a in arrays.items()}
    top = numpy.finfo(numpy.float64).max

    def exact(a, b):
        a, b = wide[a], wide[b]
        if metric == "dot":
            return float(numpy.clip((a * b).sum(), -top, top))
        if metric == "euclidean":
            return float(min(numpy.sqrt(((a - b) ** 2).sum()), top))
        na, nb = numpy.sqrt((a * a).sum()), numpy.sqrt((b * b).sum())
        return float((a * b).sum() / na / nb)

    for key in arrays:
        r = model.topk(engine, key, metric, k=100).json()
        assert r["n_candidates"] == len(arrays) - 1
        got = dict(r["results"])
        assert set(got) == set(arrays) - {key}
        for other, value in got.items():
            want = exact(key, other)
            size = 1.0 if metric == "cosine" else abs(want)
            if metric == "dot":
                na = numpy.sqrt((wide[key] ** 2).sum())
                nb = numpy.sqrt((wide[other] ** 2).sum())
                size = float(min(na * nb, top))
            assert abs(value - want) <= 1e-12 * size + 5e-324
        assert r["results"] == sorted(r["results"], key=model.order(metric))


def test_what_is_no_candidate(engine, rng):
    arrays = {f"k{i}": rng.standard_normal(8) for i in range(5)}
    model.fill(engine, arrays)
    engine.put("short", model.npy(rng.standard_normal(7)))
    engine.put("nan", model.npy(numpy.array([1.0] * 7 + [numpy.nan])))
    engine.put("inf", model.npy(numpy.array([numpy.inf] + [1.0] * 7)))
    engine.put("opaque", b"x" * 63)
    engine.put("elsewhere", model.npy(arrays["k0"]), namespace="other")
    ask(engine, arrays, "cosine")
    r = model.topk(engine, "short").json()
    assert (r["n_candidates"], r["results"]) == (0, [])
    r = model.topk(engine, "elsewhere", namespace="other").json()
    assert (r["n_candidates"], r["results"]) == (0, [])
    r = model.vector(engine, rng.standard_normal(8).tobytes(),
                     namespace="nobody").json()
    assert (r["n_candidates"], r["results"]) == (0, [])


def test_overwritten_and_deleted_keys(engine, rng):
    arrays = {f"k{i}": rng.standard_normal(64) for i in range(60)}
    model.fill(engine, arrays)
    ask(engine, arrays, "cosine", keys=["k0"])

    for turn in range(6):
        for i in range(turn, 60, 3):
            key = f"k{i}"
            what = (i + turn) % 4
            if what == 0:
                engine.delete(key)
                arrays.pop(key, None)
            elif what == 1:
                arrays[key] = rng.standard_normal(65)   # another length
                engine.put(key, model.npy(arrays[key]))
            elif what == 2:
                engine.put(key, b"opaque!")
                arrays.pop(key, None)
            else:
                arrays[key] = rng.standard_normal(64)
                engine.put(key, model.npy(arrays[key]))
        for n in (64, 65):
            v = rng.standard_normal(n)
            for metric in METRICS:
                r = model.vector(engine, v.tobytes(), metric, k=50)
                model.check(r.json(), arrays, v, metric, 50)


def test_whoever_was_answered_is_found(engine, rng):
    v = rng.standard_normal(32)
    for i in range(200):
        r = engine.put("k", (v * (i + 1)).tobytes())
        assert r.json()["version"] == i + 1
        got = model.vector(engine, v.tobytes(), "dot").json()
        assert got["n_candidates"] == 1
        assert abs(got["results"][0][1] / (v @ v) - (i + 1)) < 1e-9


def test_a_restart_finds_the_same(make_engine, rng):
    e = make_engine().start()
    arrays = {f"k{i}": rng.standard_normal(40 + i % 3) for i in range(900)}
    model.fill(e, arrays)
    for i in range(0, 900, 7):
        e.delete(f"k{i}")
        del arrays[f"k{i}"]
    before = [model.topk(e, f"k{i}", k=20).json() for i in (1, 2, 3)]
    e.stop()
    e.start()
    wait_for(lambda: model.ready(e), "the index")
    assert [model.topk(e, f"k{i}", k=20).json() for i in (1, 2, 3)] == before
    ask(e, arrays, "euclidean", keys=["k1", "k2", "k3"])
    last = e.log("index")[-1]
    assert (last["state"], last["done"], last["corrupt"]) \
        == ("ready", len(arrays), 0)


@pytest.mark.parametrize("metric", METRICS)
def test_little_memory(make_engine, rng, metric):
    """Copies for a few entries only: the others are read."""
    e = make_engine(HOLONOMIX_INDEX_BYTES=20000).start()
    arrays = {f"k{i}": rng.standard_normal(300) for i in range(150)}
    arrays["smooth"] = numpy.sin(numpy.arange(300) / 50)
    model.fill(e, arrays)
    ask(e, arrays, metric, keys=["k0", "k77", "k149", "smooth"])
    e.stop()
    e.start()
    wait_for(lambda: model.ready(e), "the index")
    ask(e, arrays, metric, keys=["k0", "k77", "k149", "smooth"])


def test_one_element_and_scalars(engine):
    arrays = {"one": numpy.array([2.5]), "two": numpy.array([-3.0]),
              "scalar": numpy.array(4.0), "nested": numpy.array([[[7]]])}
    model.fill(engine, arrays)
    for metric in METRICS:
        ask(engine, arrays, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_values_in_several_chunks(engine, rng, metric):
    n = 90001                   # 720 KB: three chunks
    arrays = {f"k{i}": rng.standard_normal(n) for i in range(6)}
    arrays["fortran"] = numpy.asfortranarray(
        rng.standard_normal((3, 30000, 1)).reshape(3, 30000))
    arrays["c"] = rng.standard_normal(90000)
    arrays["f4"] = rng.standard_normal(n).astype("f4")
    arrays["packed"] = (numpy.arange(n) // 1000).astype("i4")
    arrays["steps"] = numpy.repeat(rng.standard_normal(91), 1000)[:n]
    model.fill(engine, arrays)
    ask(engine, arrays, metric, keys=["k0", "fortran", "c", "packed", "steps"])


@pytest.mark.parametrize("metric", METRICS)
def test_large_queries_are_read_piece_by_piece(engine, rng, metric):
    n = 400000                  # more than is kept as float64
    arrays = {f"k{i}": rng.integers(0, 200, n).astype("u1") for i in range(4)}
    arrays["few"] = (numpy.arange(n) // 30000).astype("u1")
    arrays["wave"] = (100 + 100 * numpy.sin(numpy.arange(n) / 3e4)).astype("f8")
    model.fill(engine, arrays)
    ask(engine, arrays, metric)
