"""What similarity queries must answer, in plain float64, and engines filled
with arrays.

Candidates are the latest arrays of a namespace with as many elements; values
are compared in logical order, as float64.
"""

import io
import math

import numpy

TOLERANCE = 1e-12


def npy(array):
    out = io.BytesIO()
    numpy.lib.format.write_array(out, array)
    return out.getvalue()


def flat(array):
    return numpy.asarray(array).ravel(order="C").astype(numpy.float64)


def total(a):
    """The sum, rounded once or nearly."""
    if a.size < 1000:
        return math.fsum(a)
    return float(a.astype(numpy.longdouble).sum())


def score(metric, a, b):
    a, b = flat(a), flat(b)
    if metric == "dot":
        return total(a * b)
    if metric == "euclidean":
        return math.sqrt(total((a - b) ** 2))
    na, nb = math.sqrt(total(a * a)), math.sqrt(total(b * b))
    return total(a * b) / na / nb if na and nb else 0.0


def scale(metric, a, b):
    """What errors are relative to."""
    a, b = flat(a), flat(b)
    if metric == "dot":
        return numpy.linalg.norm(a) * numpy.linalg.norm(b)
    if metric == "euclidean":
        return numpy.linalg.norm(a - b)
    return 1.0


def order(metric):
    if metric == "euclidean":
        return lambda pair: (pair[1], pair[0].encode())
    return lambda pair: (-pair[1], pair[0].encode())


def check(answer, arrays, query, metric, k=10, skip=None, wanted=None):
    """The answer of a top-k query against all of arrays ({key: array}); wanted:
    which keys are candidates, if not all of that length."""
    n = flat(query).size
    keys = [key for key, a in arrays.items()
            if key != skip and flat(a).size == n
            and (wanted is None or key in wanted)]
    assert answer["metric"] == metric
    assert answer["query_key"] == skip
    assert answer["n_candidates"] == len(keys)
    got = answer["results"]
    assert len(got) == min(k, len(keys))
    assert len({key for key, _ in got}) == len(got)
    exact = {key: score(metric, query, arrays[key]) for key in keys}
    near = {key: scale(metric, query, arrays[key]) * TOLERANCE for key in keys}

    for key, value in got:
        assert abs(value - exact[key]) <= near[key], (key, value, exact[key])

    # in order, ties by key

    assert got == sorted(got, key=order(metric))

    # nobody who was left out is better than the last one

    if got and len(keys) > len(got):
        names = {key for key, _ in got}
        last_key, last = got[-1]
        for key in keys:
            if key in names:
                continue
            room = near[key] + near[last_key]
            if metric == "euclidean":
                assert exact[key] >= last - room
            else:
                assert exact[key] <= last + room
            if numpy.array_equal(flat(arrays[key]), flat(arrays[last_key])):
                assert key.encode() > last_key.encode()


def fill(engine, arrays, ns="default"):
    for key, a in arrays.items():
        r = engine.put(key, npy(a), namespace=ns)
        assert r.status_code == 200, r.text


def topk(engine, key, metric="cosine", **fields):
    return engine.request("POST", "/v1/query/topk",
                          json={"query_key": key, "metric": metric, **fields})


def vector(engine, data, metric="cosine", **fields):
    import base64
    return engine.request("POST", "/v1/query/vector", json={
        "data_b64": base64.b64encode(data).decode(), "metric": metric,
        **fields})


def similarity(engine, a, b, metric="cosine", **fields):
    return engine.request("POST", "/v1/query/similarity", json={
        "key_a": a, "key_b": b, "metric": metric, **fields})


def ready(engine):
    return engine.request("GET", "/ready").status_code == 200
