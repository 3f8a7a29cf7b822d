"""put and serve of arrays that are tensor trains: the verdict is what NumPy
measures on what is served, nothing is lost unasked, and what is no train comes
back bit for bit."""

import base64
import hashlib
import io
import subprocess

import numpy as np
import pytest
from conftest import program

BELOW = {"exact": 1e-12, "safe": 1e-6, "weak": 1e-3}


def npy(array):
    f = io.BytesIO()
    np.save(f, array)
    return f.getvalue()


def served(engine, key, ns="default", version=None):
    """The array, as a client makes it of the answer."""
    fields = {"namespace": ns}
    if version is not None:
        fields["version"] = version
    r = engine.serve(key, **fields).json()
    raw = base64.b64decode(r["data_b64"], validate=True)
    return np.frombuffer(raw, r["dtype"]).reshape(
        r["shape"], order="F" if r["fortran_order"] else "C")


def distance(a, b):
    """Relative Frobenius error of a against b, in extended precision."""
    a = np.asarray(a).astype(np.longdouble)
    b = np.asarray(b).astype(np.longdouble)
    norm = np.sqrt(np.sum(b * b))
    error = np.sqrt(np.sum((a - b) ** 2))
    return float(error / norm) if norm != 0 else float(error)


def smooth(n, terms=3):
    x = np.linspace(0, 1, n)
    return sum(np.sin((5 * k + 3) * x + k) / (k + 1) for k in range(terms))


def test_integers_come_back_to_the_last_bit(make_engine):
    """... or as they came; losses are for where the operator allowed them."""
    engine = make_engine(HOLONOMIX_ALLOW_WEAK="lossy").start()
    wave = np.rint(1e9 * smooth(1 << 14)).astype("i4")
    r = engine.put("k", npy(wave)).json()
    assert r["verdict"] == "passthrough"
    assert np.array_equal(served(engine, "k"), wave)
    r = engine.put("k", npy(wave), namespace="lossy").json()
    assert r["verdict"] == "safe" and 0 < r["rel_error"] < 1e-6
    truthful(r, wave, served(engine, "k", "lossy"))
    line = np.arange(1 << 14, dtype="i8") * 12345 + 10**11
    r = engine.put("k", npy(line)).json()
    assert r["verdict"] == "exact" and r["rel_error"] == 0
    assert np.array_equal(served(engine, "k"), line)


def truthful(answer, array, back):
    """The verdict and its error against NumPy's own measurement."""
    measured = distance(back, array)
    assert back.dtype == array.dtype and back.shape == array.shape
    if answer["verdict"] == "passthrough":
        assert answer["rel_error"] == 0
        assert back.tobytes() == array.tobytes()
        return
    assert measured < BELOW[answer["verdict"]]
    assert answer["rel_error"] == pytest.approx(measured, rel=0.01, abs=1e-18)


def test_a_smooth_array(engine):
    array = smooth(1 << 16)
    r = engine.put("k", array.tobytes()).json()
    assert r["compressed"] is True
    assert r["verdict"] == "exact"
    assert r["encoding"] == "tt"
    assert r["n_cores"] == 16
    assert r["original_bytes"] == array.nbytes
    assert r["compression_ratio"] == array.nbytes / r["stored_core_bytes"]
    assert r["compression_ratio"] > 50
    truthful(r, array, served(engine, "k"))

    got = engine.get("k").json()
    assert got["ranks"][0] == got["ranks"][-1] == 1
    assert len(got["ranks"]) == 17
    assert got["max_rank"] == max(got["ranks"])
    assert got["sha256"] == hashlib.sha256(array.tobytes()).hexdigest()
    assert r["stored_core_bytes"] == sum(
        a * 2 * b * 8 for a, b in zip(got["ranks"], got["ranks"][1:]))
    for name in ("rel_error", "verdict", "n_cores", "stored_core_bytes"):
        assert got[name] == r[name]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i2", "i4", "i8", "u1",
                                   "u2", "u4", "u8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_dtype(engine, dtype, order):
    array = np.round(40 + 30 * np.add.outer(smooth(300), smooth(411)))
    array = np.array(array.astype(dtype), order=order)
    r = engine.put("k", npy(array)).json()
    truthful(r, array, served(engine, "k"))
    if np.dtype(dtype).kind in "iu":
        assert r["verdict"] in ("exact", "passthrough")


@pytest.mark.parametrize("length", [1, 2, 3, 5, 64, 1000, 4095, 4096, 4097,
                                    65537, 100000])
def test_every_length(engine, length):
    array = np.exp(-3 * np.linspace(0, 1, length))
    r = engine.put("k", array.tobytes()).json()
    assert r["shape"] == [length]
    truthful(r, array, served(engine, "k"))
    assert r["compressed"] == (length >= 64)


@pytest.mark.parametrize("array", [
    np.zeros(1000), np.full(5000, 7.25), np.full((64, 64), -3, "i2"),
    np.array([0.0, -0.0] * 500), np.full(4096, 1e308), np.full(4096, 5e-324),
    np.linspace(0, 1, 4096) * 1e-310, np.linspace(-1, 1, 4096) * 1e307,
    np.eye(64), np.arange(4096.0), np.arange(-2048, 2048, dtype="i8") * 2**50,
    np.full(4096, 2**63 - 1, "i8"), np.full(4096, 2**64 - 1, "u8"),
    np.arange(4096, dtype="u8") + np.uint64(2**63)],
    ids=lambda a: f"{a.dtype}-{a.ravel()[0]}-{a.ravel()[-1]}")
def test_unusual_numbers(engine, array):
    r = engine.put("k", npy(array)).json()
    back = served(engine, "k")
    if array.dtype.kind in "iu" and r["verdict"] == "exact":
        assert np.array_equal(back, array)
    truthful(r, array, back)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_come_back_as_they_are(engine, value):
    array = smooth(4096)
    array[1234] = value
    for data in npy(array), npy(array.astype("f4")):
        r = engine.put("k", data).json()
        assert r["verdict"] == "passthrough"
        assert base64.b64decode(
            engine.serve("k", format="npy").json()["data_b64"]) == data


def test_noise_is_passed_through(engine):
    array = np.random.default_rng(1).standard_normal(1 << 16)
    r = engine.put("k", array.tobytes()).json()
    assert r["compressed"] is False and r["verdict"] == "passthrough"
    assert r["encoding"] == "raw" and r["compression_ratio"] == 1.0
    assert served(engine, "k").tobytes() == array.tobytes()


def test_what_is_no_train_is_packed_where_that_pays(engine):
    data = b"2026-11-29 12:00:00 INFO something happened again\n" * 9000
    r = engine.put("k", data).json()
    assert r["verdict"] == "passthrough" and r["compressed"] is False
    assert r["encoding"] == "zstd"
    assert r["original_bytes"] == len(data)
    assert r["stored_core_bytes"] < len(data) / 20
    assert r["compression_ratio"] == len(data) / r["stored_core_bytes"]
    r = engine.serve("k")
    assert base64.b64decode(r.json()["data_b64"], validate=True) == data
    assert r.headers["Content-Length"] == str(len(r.content))
    r = engine.serve("k", headers={"Accept": "application/octet-stream"})
    assert r.content == data

    # numbers with a random low byte: half of them is worth packing
    array = np.random.default_rng(2).integers(0, 256, 100000).astype("i2")
    r = engine.put("n", npy(array)).json()
    assert r["encoding"] == "zstd"
    assert base64.b64decode(
        engine.serve("n", format="npy").json()["data_b64"]) == npy(array)
    assert np.array_equal(served(engine, "n"), array)


@pytest.mark.parametrize("data", [
    b"a line of text that repeats itself\n" * 8000, b" " * 80000,
    b"0123456789,;\n--" * 4096, smooth(1 << 15).astype("f4").tobytes(),
    np.full(1 << 14, 1.1, "f4").tobytes(),
    np.rint(9e3 * smooth(1 << 15)).astype("i2").tobytes(),
    np.arange(1 << 15, dtype="i4").tobytes()], ids=range(7))
def test_bytes_that_only_pass_for_float64_are_not_changed(engine, data):
    """Without a dtype this is taken for an array, as documented; what does not
    look like one is kept bit for bit."""
    assert len(data) % 8 == 0
    r = engine.put("k", data).json()
    assert r["dtype"] == "float64" and r["verdict"] == "passthrough"
    r = engine.serve("k", headers={"Accept": "application/octet-stream"})
    assert r.content == data


def test_weak_is_only_where_it_is_allowed(make_engine):
    engine = make_engine(HOLONOMIX_ALLOW_WEAK="lossy,domain:sketch").start()
    rng = np.random.default_rng(3)
    array = smooth(1 << 15)
    array += 1e-4 * rng.standard_normal(len(array))
    data = array.tobytes()
    for ns, domain, verdict in [
            ("default", "structured_data", "passthrough"),
            ("lossy", "structured_data", "weak"), ("other", "sketch", "weak"),
            ("sketch", "lossy", "passthrough")]:
        r = engine.put("k", data, namespace=ns, domain=domain).json()
        assert r["verdict"] == verdict, (ns, domain)
        truthful(r, array, served(engine, "k", ns))


def test_safe_loses_less_than_a_millionth(engine):
    rng = np.random.default_rng(4)
    array = smooth(1 << 15) + 1e-8 * rng.standard_normal(1 << 15)
    r = engine.put("k", array.tobytes()).json()
    assert r["verdict"] == "safe"
    assert 1e-9 < r["rel_error"] < 1e-6
    truthful(r, array, served(engine, "k"))


def test_two_dimensions_choose_their_bit_order(engine):
    x = np.arange(256) / 256
    array = np.abs(np.subtract.outer(x, x))
    r = engine.put("k", npy(array)).json()
    assert r["verdict"] == "exact"
    assert r["compression_ratio"] > 100
    truthful(r, array, served(engine, "k"))
    wide = np.abs(np.subtract.outer(np.arange(100) / 100, np.arange(37) / 37))
    r = engine.put("w", npy(wide)).json()
    truthful(r, wide, served(engine, "w"))


def test_a_train_in_every_form(engine):
    array = np.add.outer(smooth(123), smooth(457)).astype("f8")
    engine.put("k", npy(array))
    back = served(engine, "k")
    raw = back.tobytes()
    r = engine.serve("k", headers={"Accept": "application/octet-stream"})
    assert r.content == raw
    assert r.headers["X-HX-Shape"] == "123,457"
    assert r.headers["Content-Length"] == str(len(raw))
    want = npy(back)
    r = engine.serve("k", format="npy",
                     headers={"Accept": "application/octet-stream"})
    assert r.content == want
    r = engine.serve("k", format="npy")
    assert base64.b64decode(r.json()["data_b64"], validate=True) == want


def test_the_same_bytes_give_the_same_answer(engine):
    for array in smooth(50000), np.random.default_rng(5).random(5000):
        a = engine.put("a", array.tobytes()).json()
        b = engine.put("b", array.tobytes()).json()
        for name in a:
            assert a[name] == b[name] or name == "key"
        assert served(engine, "a").tobytes() == served(engine, "b").tobytes()


def test_versions_may_differ_in_kind(engine):
    one, two = smooth(5000), np.random.default_rng(6).random(1000)
    engine.put("k", one.tobytes())
    engine.put("k", two.tobytes())
    engine.put("k", b"not numbers")
    assert distance(served(engine, "k", version=1), one) < 1e-12
    assert served(engine, "k", version=2).tobytes() == two.tobytes()
    r = engine.serve("k").json()
    assert base64.b64decode(r["data_b64"]) == b"not numbers"


def test_settings_are_checked(make_engine):
    for bad in "a,,b", "a b", "domain:", ",":
        engine = make_engine("bad", HOLONOMIX_ALLOW_WEAK=bad)
        done = subprocess.run([program()], env=engine.environment(),
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 1
        assert done.stderr.startswith("hx-engine: HOLONOMIX_ALLOW_WEAK: ")
        assert done.stderr.count("\n") == 1


def test_trains_survive_a_restart(make_engine):
    engine = make_engine().start()
    array = smooth(70000, 6)
    engine.put("k", array.tobytes())
    before = served(engine, "k").tobytes()
    engine.kill()
    engine.start()
    assert served(engine, "k").tobytes() == before
