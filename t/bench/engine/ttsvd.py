"""The peer of put: TT-SVD as one writes it with numpy, without a verdict.

One SVD of each unfolding (I. Oseledets, "Tensor-train decomposition", SIAM J.
Sci. Comput. 33(5), 2011, algorithm 1); BLAS with one thread, else idle threads
of it spin and make it slower.
"""

import numpy as np


def compress(a, tol):
    d = int(a.size).bit_length() - 1
    delta = tol * np.linalg.norm(a) / np.sqrt(max(d - 1, 1))
    cores, rank, rest = [], 1, a
    for _ in range(d - 1):
        u, s, v = np.linalg.svd(rest.reshape(2 * rank, -1),
                                full_matrices=False)
        tail = np.sqrt(np.cumsum(s[::-1] ** 2))[::-1]
        keep = max(1, int(np.count_nonzero(tail > delta)))
        cores.append(u[:, :keep].reshape(rank, 2, keep))
        rest, rank = s[:keep, None] * v[:keep], keep
    cores.append(rest.reshape(rank, 2, 1))
    return cores


def dense(cores):
    m = cores[0].reshape(2, -1)
    for core in cores[1:]:
        m = (m @ core.reshape(core.shape[0], -1)).reshape(-1, core.shape[2])
    return m.ravel()


def error(a, cores):
    return float(np.linalg.norm(dense(cores) - a) / np.linalg.norm(a))


def ratio(a, cores):
    return a.size / sum(core.size for core in cores)
