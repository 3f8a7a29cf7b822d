"""similarity: the score of two keys."""

import numpy
import pytest

import query_model as model
from conftest import error

METRICS = ["cosine", "euclidean", "dot"]


@pytest.fixture
def rng():
    return numpy.random.default_rng(11)


def check(engine, arrays, a, b, metric):
    r = model.similarity(engine, a, b, metric)
    assert r.status_code == 200, r.text
    body = r.json()
    assert list(body) == ["key_a", "key_b", "metric", "score"]
    assert (body["key_a"], body["key_b"], body["metric"]) == (a, b, metric)
    want = model.score(metric, arrays[a], arrays[b])
    size = model.scale(metric, arrays[a], arrays[b])
    assert abs(body["score"] - want) <= size * model.TOLERANCE
    return body["score"]


@pytest.mark.parametrize("metric", METRICS)
def test_scores(engine, rng, metric):
    arrays = {
        "a": rng.standard_normal(600),
        "b": rng.standard_normal(600).astype("f4"),
        "c": rng.integers(-100, 100, (20, 30)).astype("i2"),
        "d": numpy.asfortranarray(rng.standard_normal((2, 30, 10))),
        "zero": numpy.zeros(600, dtype="u1"),
        "smooth": numpy.sin(numpy.arange(600) / 90.0),
    }
    model.fill(engine, arrays)
    for a in arrays:
        for b in arrays:
            assert check(engine, arrays, a, b, metric) \
                == check(engine, arrays, b, a, metric)
    assert check(engine, arrays, "a", "a", "cosine") == pytest.approx(1)
    assert check(engine, arrays, "a", "a", "euclidean") == 0


def test_cosine_is_the_default(engine):
    model.fill(engine, {"a": numpy.array([1.0, 1.0]),
                        "b": numpy.array([1.0, 0.0])})
    r = engine.request("POST", "/v1/query/similarity",
                       json={"key_a": "a", "key_b": "b"})
    assert r.json()["metric"] == "cosine"
    assert abs(r.json()["score"] - 0.5 ** 0.5) < 1e-15


def test_nearly_equal_arrays_lose_no_digits(engine, rng):
    a = rng.standard_normal(5000)
    b = a.copy()
    b[17] += 1e-9
    b[4000] -= 3e-12
    arrays = {"a": a, "b": b, "c": a * (1 + 1e-13)}
    model.fill(engine, arrays)
    for x in "ab":
        for y in "bc":
            check(engine, arrays, x, y, "euclidean")


def test_seventeen_digits(engine):
    model.fill(engine, {"a": numpy.array([1.0, 2.0, 3.0]),
                        "b": numpy.array([1.0, 1.0, 7.1])})
    text = model.similarity(engine, "a", "b", "dot").text
    assert float(text.split('"score":')[1].rstrip("}")) == 1 + 2 + 3 * 7.1


def test_missing_keys_are_named(engine, rng):
    model.fill(engine, {"a": rng.standard_normal(4)})
    for a, b in (("a", "no"), ("no", "a"), ("no", "no")):
        error(model.similarity(engine, a, b), 404, "not_found",
              "Key 'no' not found in namespace 'default'")
    error(model.similarity(engine, "a", "a", namespace="n"), 404, "not_found",
          "Key 'a' not found in namespace 'n'")


def test_what_cannot_be_compared(engine, rng):
    model.fill(engine, {"a": rng.standard_normal(4),
                        "b": rng.standard_normal(5),
                        "nan": numpy.array([1, 2, 3, numpy.nan]),
                        "inf": numpy.array([1, 2, -numpy.inf, 3])})
    engine.put("opaque", b"abc")
    error(model.similarity(engine, "a", "b"), 400, "invalid_request",
          "Arrays in fields 'key_a' and 'key_b' have different numbers of "
          "elements")
    for metric in METRICS:
        for bad in ("nan", "inf"):
            error(model.similarity(engine, "a", bad, metric), 400,
                  "invalid_request",
                  f"Key '{bad}' in field 'key_b' holds NaN or infinity")
            error(model.similarity(engine, bad, "a", metric), 400,
                  "invalid_request",
                  f"Key '{bad}' in field 'key_a' holds NaN or infinity")
    error(model.similarity(engine, "a", "opaque"), 400, "invalid_request",
          "Key 'opaque' in field 'key_b' holds opaque bytes, not an array of "
          "numbers")


@pytest.mark.parametrize("body,detail", [
    ({}, "Missing required field 'key_a'"),
    ({"key_a": "a"}, "Missing required field 'key_b'"),
    ({"key_b": "a"}, "Missing required field 'key_a'"),
    ({"key_a": "a", "key_b": None}, "Missing required field 'key_b'"),
    ({"key_a": 1, "key_b": "a"}, "Field 'key_a' must be a string"),
    ({"key_a": "a", "key_b": ["a"]}, "Field 'key_b' must be a string"),
    ({"key_a": "a b", "key_b": "a"}, "Invalid key in field 'key_a'"),
    ({"key_a": "a", "key_b": "x" * 300}, "Invalid key in field 'key_b'"),
    ({"key_a": "a", "key_b": "a/../b"}, "Invalid key in field 'key_b'"),
    ({"key_a": "a", "key_b": "a", "metric": "manhattan"},
     "Field 'metric' must be 'cosine', 'euclidean' or 'dot'"),
    ({"key_a": "a", "key_b": "a", "metric": "Dot"},
     "Field 'metric' must be 'cosine', 'euclidean' or 'dot'"),
    ({"key_a": "a", "key_b": "a", "metric": 3},
     "Field 'metric' must be a string"),
    ({"key_a": "a", "key_b": "a", "namespace": "x y"},
     "Invalid namespace 'x y'"),
])
def test_bad_members(engine, body, detail):
    engine.put("a", numpy.arange(4.0).tobytes())
    error(engine.request("POST", "/v1/query/similarity", json=body), 400,
          "invalid_request", detail)


def test_duplicate_members(engine):
    for name in ("key_a", "metric", "namespace"):
        r = engine.request("POST", "/v1/query/similarity",
                           data='{"%s":"a","%s":"a"}' % (name, name))
        error(r, 400, "invalid_request", f"Duplicate field '{name}'")
