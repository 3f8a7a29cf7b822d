"""Verdicts are measurements: the stored error is numpy's own of the array that
is served, within 1 %, and no verdict is better than that."""

import pytest

from verdict_check import complaints, named_arrays, npy, random_array

NAMED = dict(named_arrays())
SEEDS = 90


def check(engine, name, a, ns="default", weak=False):
    """The verdict, once all is well."""
    put = engine.put("k", npy(a), namespace=ns)
    assert put.status_code == 200, (name, put.text)
    said = engine.get("k", ns).json()
    for member in ("verdict", "rel_error", "compression_ratio", "n_cores"):
        assert said[member] == put.json()[member], (name, member)
    raw = engine.serve("k", namespace=ns,
                       headers={"Accept": "application/octet-stream"})
    assert raw.status_code == 200, (name, raw.text)
    assert complaints(a, said, raw.content, weak) == [], name
    # the file comes back as a file
    file = engine.serve("k", namespace=ns, format="npy",
                        headers={"Accept": "application/octet-stream"})
    assert file.content.endswith(raw.content), name
    if said["verdict"] == "passthrough":
        assert file.content == npy(a), name
    return said["verdict"]


@pytest.mark.parametrize("name", NAMED)
def test_named(engine, name):
    check(engine, name, NAMED[name])


def test_random(engine):
    found = {check(engine, *random_array(seed)) for seed in range(SEEDS)}
    assert found == {"exact", "safe", "passthrough"}


def test_weak_where_allowed(make_engine):
    e = make_engine(HOLONOMIX_ALLOW_WEAK="lossy").start()
    here, there = set(), set()
    for seed in range(SEEDS // 2):
        name, a = random_array(1000 + seed, 15)
        here.add(check(e, name, a, "lossy", weak=True))
        there.add(check(e, name, a))
    assert here == {"exact", "safe", "weak", "passthrough"}
    assert "weak" not in there


def test_what_is_known(engine):
    """Kinds of arrays whose verdict is no accident."""
    for name in ("no power of two", "ramp of integers", "squares", "constant",
                 "Fortran order", "distance, interleaved"):
        assert check(engine, name, NAMED[name]) == "exact", name
    for name in ("a NaN", "an infinity", "all NaN"):
        assert check(engine, name, NAMED[name]) == "passthrough", name
    assert check(engine, "noise", NAMED["noise of 3e-07"]) == "safe"
    assert check(engine, "noise", NAMED["noise of 0.0001"]) == "passthrough"


def test_same_bytes_same_cores(make_engine):
    """Another engine, another key, after other work: nothing differs."""
    seen = []
    for turn in range(2):
        e = make_engine(f"e{turn}").start()
        for seed in range(turn * 3):
            check(e, *random_array(2000 + seed))
        for seed in range(8):
            _, a = random_array(3000 + seed)
            assert e.put(f"k{turn}", npy(a)).status_code == 200
            said = e.get(f"k{turn}").json()
            raw = e.serve(f"k{turn}",
                          headers={"Accept": "application/octet-stream"})
            seen.append((seed, said["ranks"], said["rel_error"], raw.content))
        e.stop()
    assert seen[:8] == seen[8:]


def test_the_judge(engine):
    """complaints() finds what is wrong."""
    name, a = "wave", NAMED["no power of two"]
    check(engine, name, a)
    said = engine.get("k").json()
    raw = engine.serve("k", headers={"Accept": "application/octet-stream"})
    good = raw.content
    assert complaints(a, said, good) == []
    other = {"rel_error": said["rel_error"] * 1.02 + 1e-15}
    assert complaints(a, {**said, **other}, good)
    assert complaints(a, {**said, "verdict": "weak"}, good)
    assert complaints(a, {**said, "verdict": "passthrough"}, good)
    assert complaints(a, {**said, "shape": [1]}, good)
    assert complaints(a, {**said, "ranks": said["ranks"][:-1]}, good)
    assert complaints(a * (1 + 1e-11), said, good)
