"""Synthetic arrays.  The same bytes at every call: their seeds are fixed."""

import numpy as np


def smooth(n):
    """Waves, a decay, a bump and a pole near by: ranks of 12 to 13."""
    x = np.arange(n) / n
    return (np.exp(-2 * x) * np.sin(40 * x + 0.3) + 0.5 * np.cos(123 * x)
            + np.exp(-50 * (x - 0.6) ** 2) + 1 / (1 + 25 * (x - 0.3) ** 2))


def noisy(n, level=1e-8):
    """smooth() with noise that no train can keep: "safe" is what is left."""
    a = smooth(n)
    noise = np.random.default_rng(1).standard_normal(n)
    return a + noise * (level * np.linalg.norm(a) / np.sqrt(n))


def steps(n, count=50):
    rng = np.random.default_rng(2)
    edges = np.sort(rng.integers(1, n, count))
    return np.repeat(rng.standard_normal(count + 1),
                     np.diff(np.concatenate(([0], edges, [n]))))


def spikes(n, count=100):
    rng = np.random.default_rng(3)
    a = np.zeros(n)
    a[rng.choice(n, count, replace=False)] = rng.standard_normal(count)
    return a


def chirp(n):
    """cos(780 x y) on a square: a rank of 280, and one that ends slowly."""
    side = 1 << (n.bit_length() - 1) // 2
    x = np.arange(n)
    return np.cos(780 * (x // side) / (n // side) * (x % side) / side + 1)


def normal(n):
    return np.random.default_rng(4).standard_normal(n)


def vectors(n, dim, seed=5):
    """Rows without structure: what an embedding is to a train."""
    return np.random.default_rng(seed).standard_normal((n, dim),
                                                       dtype=np.float32)


def clustered(n, dim, seed=6):
    """Rows around a few hundred centres, as embeddings of texts lie."""
    rng = np.random.default_rng(seed)
    centre = rng.standard_normal((300, dim), dtype=np.float32)
    rows = centre[rng.integers(0, len(centre), n)]
    rows += 0.5 * rng.standard_normal((n, dim), dtype=np.float32)
    return rows
