#!/usr/bin/python3
"""make_fields.py DIRECTORY: solutions of differential equations, as .npy files.

heat.npy     float32 128 x 128 x 128: the heat equation, exact in time
wave.npy     float64 1024 x 1024: a pulse that has met a lens and a wall, 700
             leapfrog steps
vortex.npy   float64 256 x 256: vorticity of a decaying two-dimensional flow,
             pseudo-spectral, 600 Runge-Kutta steps of fourth order
shock.npy    float64 1024 x 4096: Burgers' equation, time by space, of which a
             shock forms; the exact solution after Cole and Hopf

Needs numpy alone; half a minute.  The same bytes with the same numpy: its FFT
and exp() may round otherwise elsewhere.  A file that is there already is left
alone.
"""

import os
import sys

import numpy as np


def frequencies(n):
    return 2 * np.pi * np.fft.fftfreq(n, 1 / n)


def heat():
    """u_t = u_xx + u_yy + u_zz on a periodic unit cube: 60 hot spots."""
    n, time = 128, 4e-4
    rng = np.random.default_rng(1)
    u = np.zeros((n, n, n))
    for _ in range(60):
        i = rng.integers(0, n - 8, 3)
        u[i[0]:i[0] + 8, i[1]:i[1] + 8, i[2]:i[2] + 8] += rng.uniform(50, 500)
    k = frequencies(n)
    decay = [np.exp(-k * k * time).reshape(s)
             for s in ((n, 1, 1), (1, n, 1), (1, 1, n))]
    spectrum = np.fft.fftn(u) * decay[0] * decay[1] * decay[2]
    return (293 + np.fft.ifftn(spectrum).real).astype("<f4")


def wave():
    """u_tt = c^2 (u_xx + u_yy), u = 0 on the walls; slower within a disc."""
    n, steps = 1024, 700
    x = np.arange(n) / n
    lens = (x[:, None] - 0.5) ** 2 + (x[None] - 0.62) ** 2
    speed = np.where(lens < 0.03, 0.6, 1.0)
    factor = (0.5 * speed) ** 2                 # (c dt / dx)^2, stable
    old = np.exp(-2500 * ((x[:, None] - 0.45) ** 2 + (x[None] - 0.25) ** 2))
    now = old.copy()
    for _ in range(steps):
        bend = -4 * now
        bend[1:] += now[:-1]
        bend[:-1] += now[1:]
        bend[:, 1:] += now[:, :-1]
        bend[:, :-1] += now[:, 1:]
        bend *= factor
        bend += 2 * now
        bend -= old
        bend[0] = bend[-1] = 0
        bend[:, 0] = bend[:, -1] = 0
        old, now = now, bend
    return now


def vortex():
    """w_t + u . grad w = nu laplace w, periodic, from random large eddies."""
    n, steps, dt, nu = 256, 600, 0.005, 5e-4
    k = np.fft.fftfreq(n, 1 / n)
    kx, ky = k[:, None], k[None, :n // 2 + 1].copy()
    ky[0, -1] = n // 2
    k2 = kx * kx + ky * ky
    inverse = 1 / np.where(k2 == 0, 1, k2)
    keep = (np.abs(kx) < n / 3) & (np.abs(ky) < n / 3)  # no aliases

    rng = np.random.default_rng(2)
    w = np.fft.rfft2(rng.standard_normal((n, n)))
    w *= np.sqrt(k2) ** 3 / (1 + (np.sqrt(k2) / 6) ** 8) * keep
    w *= 6 / np.std(np.fft.irfft2(w))

    def slope(w):
        stream = w * inverse
        u, v = (np.fft.irfft2(f) for f in (1j * ky * stream,
                                           -1j * kx * stream))
        wx, wy = (np.fft.irfft2(f) for f in (1j * kx * w, 1j * ky * w))
        return keep * np.fft.rfft2(-u * wx - v * wy) - nu * k2 * w

    for _ in range(steps):
        a = slope(w)
        b = slope(w + dt / 2 * a)
        c = slope(w + dt / 2 * b)
        w = w + dt / 6 * (a + 2 * b + 2 * c + slope(w + dt * c))
    return np.fft.irfft2(w)


def shock():
    """u_t + u u_x = nu u_xx of u = -sin(pi x), |x| <= 1, by quadrature of Cole
    and Hopf's formula: heat kernel over 200 points of Gauss and Hermite."""
    nu = 0.01 / np.pi
    x = np.linspace(-1, 1, 4096)
    node, weight = np.polynomial.hermite.hermgauss(200)
    out = np.empty((1024, x.size))
    for row, t in enumerate(np.linspace(0, 1, 1024)):
        if t == 0:
            out[row] = -np.sin(np.pi * x)
            continue
        y = x[:, None] - np.sqrt(4 * nu * t) * node
        f = np.exp(-np.cos(np.pi * y) / (2 * np.pi * nu)) * weight
        out[row] = -(np.sin(np.pi * y) * f).sum(1) / f.sum(1)
    return out


MAKERS = {"heat": heat, "wave": wave, "vortex": vortex, "shock": shock}


def main():
    place = sys.argv[1]
    for name, make in MAKERS.items():
        path = os.path.join(place, name + ".npy")
        if not os.path.exists(path):
            np.save(path + ".part.npy", np.ascontiguousarray(make()))
            os.rename(path + ".part.npy", path)


if __name__ == "__main__":
    main()
