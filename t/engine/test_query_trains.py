"""Queries among arrays that are stored as trains: compared core by core where
that is exact, decoded where it is not, in one namespace with others."""

import base64

import numpy
import pytest

import query_model as model
from conftest import wait_for

METRICS = ["cosine", "euclidean", "dot"]


@pytest.fixture
def rng():
    return numpy.random.default_rng(3)


def waves(rng, n, count=6):
    x = numpy.arange(n) / n
    return sum(rng.standard_normal() / (f + 1)
               * numpy.sin(2 * numpy.pi * f * x + rng.uniform(0, 6))
               for f in range(count))


def served(engine, key):
    """What serve gives, which is what is compared."""
    body = engine.serve(key).json()
    a = numpy.frombuffer(base64.b64decode(body["data_b64"]), body["dtype"])
    return a.reshape(body["shape"],
                     order="F" if body["fortran_order"] else "C")


def store(engine, arrays):
    """Puts them; the arrays as they are served, and which are trains."""
    model.fill(engine, arrays)
    trains = {key for key in arrays
              if engine.get(key).json()["encoding"] == "tt"}
    return {key: served(engine, key) for key in arrays}, trains


def ask(engine, arrays, metric, keys, k=10):
    for key in keys:
        r = model.topk(engine, key, metric, k=k)
        assert r.status_code == 200, r.text
        model.check(r.json(), arrays, arrays[key], metric, k, skip=key)


def figures(engine):
    text = engine.request("GET", "/metrics").text
    return {line.split(" ")[0]: float(line.split(" ")[1])
            for line in text.splitlines()
            if line.startswith("hx_engine_index")}


@pytest.mark.parametrize("n", [131072, 100000])
def test_trains_and_others(engine, rng, n):
    arrays = {f"w{i}": waves(rng, n) for i in range(25)}
    arrays.update({f"f{i}": waves(rng, n).astype("f4") for i in range(6)})
    arrays.update({f"n{i}": rng.standard_normal(n) for i in range(4)})
    arrays["near"] = arrays["w3"] * (1 + 1e-9)
    arrays["zero"] = numpy.zeros(n)
    arrays["one"] = numpy.ones(n)
    arrays["step"] = (numpy.arange(n) > n // 3).astype("f8")
    arrays["int"] = (1000 * waves(rng, n)).astype("i2")
    exact, trains = store(engine, arrays)
    assert len(trains) > 25
    assert figures(engine)["hx_engine_index_train_rows"] >= 25
    keys = ["w0", "w3", "near", "f1", "n2", "one", "step", "int", "zero"]
    for i, metric in enumerate(METRICS):
        ask(engine, exact, metric, keys[i::3])
        r = model.vector(engine, arrays["w7"].tobytes(), metric, k=3)
        model.check(r.json(), exact, arrays["w7"], metric, 3)
        for a, b in zip(keys, keys[i:] + keys[:i]):
            r = model.similarity(engine, a, b, metric).json()
            size = model.scale(metric, exact[a], exact[b])
            assert abs(r["score"] - model.score(metric, exact[a], exact[b])) \
                <= model.TOLERANCE * size


def test_shapes_and_orders_of_trains(engine, rng):
    x, y = numpy.meshgrid(numpy.arange(256) / 256, numpy.arange(256) / 256,
                          indexing="ij")
    arrays = {}
    for i in range(8):
        a = numpy.sin(3 * x + i) * numpy.cos(2 * y - i) + 0.1 * i * x * y
        arrays[f"c{i}"] = a
        arrays[f"f{i}"] = numpy.asfortranarray(a)
        arrays[f"t{i}"] = numpy.asfortranarray(a.T)
        arrays[f"v{i}"] = a.ravel()
        arrays[f"d{i}"] = numpy.abs(x - y) * (i + 1) + 0.01 * a
        arrays[f"n{i}"] = rng.standard_normal((64, 1024))
    exact, trains = store(engine, arrays)
    assert len(trains) >= 24
    assert figures(engine)["hx_engine_index_train_rows"] >= 16
    keys = ["c0", "f1", "t2", "v3", "d4", "n5"]
    for i, metric in enumerate(METRICS):
        ask(engine, exact, metric, keys[i::3], k=20)


def wave_cores(terms, d):
    """The train of sum a sin(w i + p), i < 2^d, term by term: rank 2 each."""
    out = []
    for k in range(d):
        step = 1 << (d - 1 - k)
        left, right = (1 if k == 0 else 2), (1 if k == d - 1 else 2)
        n = len(terms)
        c = numpy.zeros((left if k == 0 else 2 * n, 2,
                         right if k == d - 1 else 2 * n))
        for j, (a, w, p) in enumerate(terms):
            for b in range(2):
                t = w * step * b
                turn = numpy.array([[numpy.cos(t), numpy.sin(t)],
                                    [-numpy.sin(t), numpy.cos(t)]])
                if k == 0:
                    turn = a * numpy.array([[numpy.sin(p), numpy.cos(p)]]) \
                        @ turn.T
                elif k == d - 1:
                    turn = turn.T @ numpy.array([[1.0], [0.0]])
                else:
                    turn = turn.T
                c[0 if k == 0 else slice(2 * j, 2 * j + 2), b,
                  0 if k == d - 1 else slice(2 * j, 2 * j + 2)] \
                    += turn.reshape(turn.shape[0] if k else -1) \
                    if k == 0 or k == d - 1 else turn
        out.append({"shape": list(c.shape), "data_b64": base64.b64encode(
            c.astype("<f8").tobytes()).decode()})
    return out


def test_a_smooth_corpus_is_pruned(make_engine, rng):
    """Few of many rows are multiplied, fewer decoded, none is missed."""
    e = make_engine().start()
    d, count = 16, 200
    i = numpy.arange(2 ** d)
    exact, items = {}, []
    for k in range(count):
        terms = [(rng.standard_normal() / (f + 1), 2 * numpy.pi * f / 2 ** d,
                  rng.uniform(0, 6)) for f in range(1, 3)]
        key = f"w{k:03}"
        exact[key] = sum(a * numpy.sin(w * i + p) for a, w, p in terms)
        items.append({"key": key, "cores": wave_cores(terms, d)})
    for at in range(0, count, 100):
        r = e.request("POST", "/v1/put_cores_batch",
                      json={"items": items[at:at + 100]})
        assert r.status_code == 200, r.text
    assert numpy.abs(served(e, "w007") - exact["w007"]).max() < 1e-12
    assert figures(e)["hx_engine_index_train_rows"] == count
    for restart in (False, True):
        if restart:
            e.stop()
            e.start()
            wait_for(lambda: model.ready(e), "the index")
        before = figures(e)
        keys = ["w000", "w123", "w199"]
        for key, metric in zip(keys, METRICS):
            ask(e, exact, metric, [key])
        after = figures(e)
        rows = (count - 1) * len(keys)
        assert after["hx_engine_index_pruned_rows_total"] \
            - before["hx_engine_index_pruned_rows_total"] > rows * 0.8
        assert after["hx_engine_index_compared_rows_total"] \
            - before["hx_engine_index_compared_rows_total"] < rows / 10


def test_cores_of_a_client(engine, rng):
    """Ill-conditioned, padded, and of a whole number type."""
    d = 16

    def cores(values):
        return [{"shape": [r0, 2, r1],
                 "data_b64": base64.b64encode(
                     numpy.asarray(c, dtype="<f8").tobytes()).decode()}
                for r0, r1, c in values]

    def random(rank, scale=1.0):
        ranks = [1] + [rank] * (d - 1) + [1]
        return [(ranks[i], ranks[i + 1], scale
                 * rng.standard_normal((ranks[i], 2, ranks[i + 1])))
                for i in range(d)]

    def cancelling():
        """a - b, where a and b are nearly equal and large."""
        a = [c for _, _, c in random(2)]
        b = [c.copy() for c in a]
        b[4] *= 1 + 1e-9
        out = []
        for i in range(d):
            ra, rb = a[i].shape[0] * 2, a[i].shape[2] * 2
            if i == 0:
                c = numpy.concatenate([a[i], -b[i]], axis=2)
            elif i == d - 1:
                c = numpy.concatenate([a[i], b[i]], axis=0)
            else:
                c = numpy.zeros((ra, 2, rb))
                c[:ra // 2, :, :rb // 2] = a[i]
                c[ra // 2:, :, rb // 2:] = b[i]
            out.append((c.shape[0], c.shape[2], c))
        return out

    names = {}
    for i in range(8):
        names[f"r{i}"] = (cores(random(2)), {})
        names[f"c{i}"] = (cores(cancelling()), {})
        names[f"p{i}"] = (cores(random(2)), {"length": 60000})
        names[f"i{i}"] = (cores(random(2, 3.0)),
                          {"dtype": "i4", "length": 65536})
    for key, (c, more) in names.items():
        r = engine.request("POST", "/v1/put_cores",
                           json={"key": key, "cores": c, **more})
        assert r.status_code == 200, r.text
    exact = {key: served(engine, key) for key in names}
    for metric in METRICS:
        ask(engine, exact, metric, ["r0", "c1", "p2", "i3"], k=6)


def test_batches_are_seen_together(engine, rng):
    x = base64.b64encode(numpy.ones(2).tobytes()).decode()
    core = {"shape": [1, 2, 1], "data_b64": x}
    items = [{"key": f"b{i}", "cores": [core] * 3} for i in range(20)]
    r = engine.request("POST", "/v1/put_cores_batch", json={"items": items})
    assert r.status_code == 200, r.text
    got = model.vector(engine, numpy.ones(8).tobytes(), "dot", k=30).json()
    assert got["n_candidates"] == 20
    assert got["results"] == [[key, 8.0] for key in sorted(
        f"b{i}" for i in range(20))]
