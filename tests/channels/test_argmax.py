"""The argmax output: identities of both forms, and the exact integral where it is hard."""

import math
from itertools import product

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.argmax_exact import ArgmaxExactOutput

from sklearn_bp.backends.cpu import argmax

DTYPES = [np.float32, np.float64]
KINDS = ("argmax", "argmax_exact")


def _run(kind, y, omega, v):
    """Return φ (M,), g and Γ (M, K)."""
    return _run_all(kind, y, omega, v)[1:]


def _run_rows(kind, y, omega, v, log_z, g, gamma, start, stop):
    """Write normalised log Z, g and Γ of some rows."""
    if kind == "argmax_exact":
        argmax.argmax_exact(y, omega, v, log_z, g, gamma, start, stop)
        return
    argmax.argmax_pairwise_normalised(y, omega, v, log_z, g, gamma, start, stop)
    argmax.argmax_pairwise(y, omega, v, g, gamma, start, stop)


def _run_all(kind, y, omega, v):
    """Return log Z of the network's answer (M,), and the same."""
    g, gamma = np.empty_like(omega), np.empty_like(omega)
    log_z, phi = np.empty(len(y), omega.dtype), np.empty(len(y), omega.dtype)
    _run_rows(kind, y, omega, v, log_z, g, gamma, 0, len(y))
    if kind == "argmax_exact":
        return log_z, log_z, g, gamma
    argmax.argmax_pairwise_log_z(y, omega, v, phi, np.empty_like(omega), 0, len(y))
    return log_z, phi, g, gamma


def _random_case(seed, n_rows=50, n_classes=5, dtype=np.float64):
    rng = np.random.default_rng(seed)
    omega = 2 * rng.standard_normal((n_rows, n_classes))
    v = 10 ** rng.uniform(-1, 1, (n_rows, n_classes))
    return rng.integers(0, n_classes, n_rows), omega.astype(dtype), v.astype(dtype)


class Precise:
    """The exact integral of one sample by a fine composite rule in arbitrary precision."""

    nodes, weights = np.polynomial.legendre.leggauss(24)

    def __init__(self, omega, v, c):
        self.omega = [mp.mpf(float(value)) for value in omega]
        self.v = [mp.mpf(float(value)) for value in v]
        self.s = [mp.sqrt(value) for value in self.v]
        self.c = c
        self.rivals = [k for k in range(len(self.v)) if k != c]

    def _h(self, k, z):
        a = (self.omega[k] - z) / self.s[k]
        return mp.exp(-a * a / 2) / mp.sqrt(2 * mp.pi) / (mp.erfc(a / mp.sqrt(2)) / 2)

    def _slope(self, k, z):
        if k == self.c:
            return -(z - self.omega[k]) / self.v[k]
        return self._h(k, z) / self.s[k]

    def _curvature(self, k, z):
        if k == self.c:
            return 1 / self.v[k]
        a, h = (self.omega[k] - z) / self.s[k], self._h(k, z)
        return h * (h - a) / self.v[k]

    def _log(self, z):
        c = self.c
        own = -((z - self.omega[c]) ** 2) / self.v[c] / 2 - mp.log(2 * mp.pi * self.v[c]) / 2
        tails = (mp.erfc((self.omega[k] - z) / self.s[k] / mp.sqrt(2)) / 2 for k in self.rivals)
        return own + sum(mp.log(tail) for tail in tails)

    def _mode(self):
        left, reach = self.omega[self.c], self.s[self.c]
        while sum(self._slope(k, left + reach) for k in range(len(self.v))) > 0:
            reach *= 2
        for _ in range(100):
            reach /= 2
            if sum(self._slope(k, left + reach) for k in range(len(self.v))) > 0:
                left += reach
        return left

    def _end(self, mode, direction):
        reach = mp.mpf(2) ** -60
        while self._log(mode + direction * reach) > self._log(mode) - 45:
            reach *= mp.mpf("1.2")
        return mode + direction * reach

    def _breaks(self, mode, low, high):
        breaks = {low, high, mode}
        for k in range(len(self.v)):
            breaks |= {self.omega[k] + j * self.s[k] for j in range(-12, 13, 2)}
        breaks |= {low + (high - low) * j / 20 for j in range(21)}
        return sorted(point for point in breaks if low <= point <= high)

    def moments(self):
        """Return φ, g and Γ."""
        mode = self._mode()
        peak = self._log(mode)
        breaks = self._breaks(mode, self._end(mode, -1), self._end(mode, 1))
        points, masses = [], []
        for a, b in zip(breaks[:-1], breaks[1:], strict=True):
            for x, w in zip(self.nodes, self.weights, strict=True):
                z = a + (b - a) * (1 + mp.mpf(x)) / 2
                points.append(z)
                masses.append(w * (b - a) / 2 * mp.exp(self._log(z) - peak))
        total = mp.fsum(masses)
        g, gamma = [], []
        for k in range(len(self.v)):
            slopes = [self._slope(k, z) for z in points]
            mean = mp.fdot(masses, slopes) / total
            variance = mp.fdot(masses, [(slope - mean) ** 2 for slope in slopes]) / total
            curvature = mp.fdot(masses, [self._curvature(k, z) for z in points]) / total
            g.append(-mean)
            gamma.append(curvature - variance)
        return peak + mp.log(total), g, gamma


HARD = {
    "plain": ([0.3, -0.2, 0.5], [1.0, 0.5, 2.0], 0),
    "narrow class": ([0.3, -0.2, 0.5], [1e-6, 0.5, 2.0], 0),
    "wide class": ([0.3, -0.2, 0.5], [1e6, 0.5, 2.0], 0),
    "narrow rival": ([0.3, 0.4, 0.5], [1.0, 1e-6, 2.0], 0),
    "narrow rivals, one wide": ([0.3, 0.4, 0.401, 1e3], [1.0, 1e-6, 4e-6, 1e6], 0),
    "far behind": ([0.0, 40.0, 38.0], [1.0, 1.0, 0.5], 0),
    "far behind narrow rivals": ([0.0, 30.0, 29.9], [1.0, 1e-6, 1e-4], 0),
    "narrow and far behind": ([0.0, 30.0, 10.0], [1e-6, 1.0, 1.0], 0),
    "far ahead": ([30.0, 0.0, 1.0], [1.0, 1.0, 0.5], 0),
    "mixed": ([1.0, -3.0, 2.0, 0.0, 1.5], [1e-2, 1e2, 1e-4, 1.0, 1e-1], 3),
}


@pytest.mark.parametrize("case", sorted(HARD))
def test_exact_against_arbitrary_precision(case):
    omega, v, c = HARD[case]
    with mp.workdps(25):
        want_log_z, want_g, want_gamma = Precise(omega, v, c).moments()
    omega, v = np.array([omega]), np.array([v])
    log_z, phi, g, gamma = _run_all("argmax_exact", np.array([c]), omega, v)
    unit = np.sqrt(v[0] + v[0].min())
    for got, want, scale in (
        (log_z, [want_log_z], 1),
        (phi, [want_log_z], 1),
        (g[0], want_g, unit),
        (gamma[0], want_gamma, unit**2),
    ):
        want = np.array(want, float)
        assert np.all(np.abs(got - want) <= 1e-9 * (1 + np.abs(want))), (got, want)
        assert np.all(np.abs(got - want) * scale <= 1e-9 * (1 + np.abs(want) * scale))


def test_single_precision_follows_double():
    for omega, v, c in HARD.values():
        y = np.array([c])
        single = _run("argmax_exact", y, np.array([omega], np.float32), np.array([v], np.float32))
        omega, v = (np.array([values], np.float32).astype(float) for values in (omega, v))
        double = _run("argmax_exact", y, omega, v)
        unit = np.sqrt(v + v.min())
        for got, want, scale in zip(single, double, (1, unit, unit**2), strict=True):
            assert np.all(np.abs(got - want) * scale <= 1e-3 * (1 + np.abs(want) * scale))


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_classes_are_pairwise(dtype):
    """With one rival the integral is known, whatever the scales."""
    rng = np.random.default_rng(0)
    n_rows = 4000
    v = 10 ** rng.uniform(-6, 6, (n_rows, 2))
    omega = np.zeros((n_rows, 2))
    deviation = np.sqrt(v.sum(axis=1))
    omega[:, 0] = rng.uniform(-30, 30, n_rows) * deviation
    y = rng.integers(0, 2, n_rows)
    omega, v = omega.astype(dtype), v.astype(dtype)
    pairwise, exact = _run("argmax", y, omega, v), _run("argmax_exact", y, omega, v)
    bounds = (1e-6, 5e-3, 1e-2) if dtype == np.float32 else (1e-12, 1e-9, 1e-9)
    scales = (1, deviation[:, None], deviation[:, None] ** 2)
    for one, other, scale, bound in zip(pairwise, exact, scales, bounds, strict=True):
        error = np.abs(one.astype(float) - other) * scale
        assert np.all(error <= bound * (1 + np.abs(one) * scale)), error.max()


@pytest.mark.parametrize("dtype", DTYPES)
def test_far_behind_many_classes(dtype):
    """The product of all factors would underflow, that of a few does not."""
    rng = np.random.default_rng(0)
    omega = np.concatenate([[-20.0], rng.uniform(4.0, 6.0, 400)])[None].astype(dtype)
    v = np.full_like(omega, 1.0)
    # So certain that it cannot catch up.
    v[0, 0] = 1e-6
    y, log_z = np.zeros(1, int), np.empty(1, dtype)
    (want,) = ArgmaxExactOutput.log_z(y, omega.astype(float), v.astype(float))
    argmax.argmax_exact(y, omega, v, log_z, np.empty_like(v), np.empty_like(v), 0, 1)
    assert log_z[0] == pytest.approx(want, rel=1e-6 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("kind", ["argmax", "argmax_exact"])
def test_derivatives(kind):
    """g and Γ are derivatives of φ, by differences along random directions."""
    y, omega, v = _random_case(1)
    _, g, gamma = _run(kind, y, omega, v)
    step = 1e-4
    for k in range(omega.shape[1]):
        shift = np.zeros_like(omega)
        shift[:, k] = step
        above, below = (_run(kind, y, omega + sign * shift, v) for sign in (1, -1))
        np.testing.assert_allclose((above[0] - below[0]) / (2 * step), g[:, k], atol=1e-7)
        np.testing.assert_allclose((below[1] - above[1])[:, k] / (2 * step), gamma[:, k], atol=1e-7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["argmax", "argmax_exact"])
def test_identities(kind, dtype):
    y, omega, v = _random_case(2, n_classes=7, dtype=dtype)
    log_z, g, gamma = _run(kind, y, omega, v)
    rows = np.arange(len(y))
    bound = 1e-5 if dtype == np.float32 else 1e-13
    # Only differences of ω matter; the class is pushed up and every rival down.
    assert np.all(np.abs(g.sum(axis=1)) <= bound * np.abs(g).max(axis=1))
    assert np.all(log_z < 0) and np.all(gamma >= 0)
    assert np.all(g[rows, y] > 0) and np.all((np.sign(g) > 0).sum(axis=1) == 1)
    # The order of the classes does not matter.
    order = np.random.default_rng(3).permutation(7)
    where = np.argsort(order)
    other = _run(kind, where[y], np.ascontiguousarray(omega[:, order]), v[:, order].copy())
    np.testing.assert_allclose(other[0], log_z, rtol=bound)
    np.testing.assert_allclose(other[1], g[:, order], rtol=100 * bound, atol=bound)
    np.testing.assert_allclose(other[2], gamma[:, order], rtol=100 * bound, atol=100 * bound)


def test_kernels_touch_only_their_rows():
    y, omega, v = _random_case(4)
    for kind in KINDS:
        whole_log_z, _, whole_g, whole_gamma = _run_all(kind, y, omega, v)
        g, gamma = np.full_like(omega, np.pi), np.full_like(omega, np.pi)
        log_z = np.full(len(y), np.pi)
        _run_rows(kind, y, omega, v, log_z, g, gamma, 10, 20)
        np.testing.assert_array_equal(log_z[10:20], whole_log_z[10:20])
        np.testing.assert_array_equal(g[10:20], whole_g[10:20])
        np.testing.assert_array_equal(gamma[10:20], whole_gamma[10:20])
        for array in (log_z, g, gamma):
            assert np.all(array[:10] == np.pi) and np.all(array[20:] == np.pi)


def _log_z_of_all_classes(kind, omega, v):
    """log Z (M, K) of every class."""
    classes = range(omega.shape[1])
    return np.array([_run_all(kind, np.full(len(omega), c), omega, v)[0] for c in classes]).T


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [2, 3, 30])
@pytest.mark.parametrize("kind", KINDS)
def test_the_network_says_one_of_the_classes(kind, n_classes, dtype):
    """Products over pairs are divided by their sum over classes; integrals have the sum 1."""
    _, omega, v = _random_case(8, n_rows=20, n_classes=n_classes, dtype=dtype)
    log_z = _log_z_of_all_classes(kind, omega, v).astype(float)
    assert np.all(log_z <= 0)
    rtol = 3e-5 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(np.exp(log_z).sum(axis=1), 1, rtol=rtol)
    products = np.array([_run(kind, np.full(20, c), omega, v)[0] for c in range(n_classes)]).T
    # All have the same divisor.
    np.testing.assert_allclose(np.ptp(products - log_z, axis=1), 0, atol=50 * rtol)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_hopeless_class_of_the_pairwise_form(dtype):
    """Its Z is far below the smallest number; log Z has all its digits."""
    omega = np.array([[-300.0, 0.0, 1.0], [0.0, 500.0, -500.0]], dtype)
    log_z = _log_z_of_all_classes("argmax", omega, np.ones_like(omega))
    products = []
    for row, c in product(range(2), range(3)):
        rivals = [k for k in range(3) if k != c]
        leads = (float(omega[row, c]) - float(omega[row, k]) for k in rivals)
        products.append(sum(mp.log(mp.erfc(-lead / 2) / 2) for lead in leads))
    for row, (one, got) in enumerate(zip((products[:3], products[3:]), log_z, strict=True)):
        total = mp.log(mp.fsum(mp.exp(value) for value in one))
        want = np.array([float(value - total) for value in one])
        assert want.min() < -2e4, row
        np.testing.assert_allclose(
            got, want, rtol=3e-6 if dtype == np.float32 else 1e-13, atol=1e-6
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities(dtype):
    y, omega, v = _random_case(5, n_classes=6, dtype=dtype)
    proba = np.empty_like(omega)
    argmax.argmax_probabilities(omega, v, proba, 0, len(y))
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=4 * np.finfo(dtype).eps)
    log_z, _, _ = _run("argmax_exact", y, omega, v)
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(proba[np.arange(len(y)), y], np.exp(log_z), rtol=rtol)


def test_probabilities_by_sampling():
    _, omega, v = _random_case(6, n_rows=3, n_classes=4)
    proba = np.empty_like(omega)
    argmax.argmax_probabilities(omega, v, proba, 0, 3)
    z = omega + np.sqrt(v) * np.random.default_rng(7).standard_normal((200_000, 3, 4))
    shares = (z.argmax(axis=2)[..., None] == np.arange(4)).mean(axis=0)
    np.testing.assert_allclose(proba, shares, atol=5 * 0.5 / math.sqrt(200_000))


@given(
    omega=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12),
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(DTYPES),
)
def test_anything_finite_stays_finite(omega, seed, dtype):
    rng = np.random.default_rng(seed)
    omega = np.array([omega], dtype)
    v = (10 ** rng.uniform(-8, 6, omega.shape)).astype(dtype)
    y = rng.integers(0, omega.shape[1], 1)
    for kind in KINDS:
        log_z, *others = _run_all(kind, y, omega, v)
        assert np.all(np.isfinite(log_z) & (log_z <= 0))
        for values in others:
            assert np.all(np.isfinite(values))
    proba = np.empty_like(omega)
    argmax.argmax_probabilities(omega, v, proba, 0, 1)
    assert np.all((proba >= 0) & (proba <= 1)) and proba.sum() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_beyond_the_reach_of_the_quadrature(dtype):
    """From thousands of deviations behind, everything is Gaussian, and pairwise for two classes."""
    ratio = np.array([-2e3, -1e5, -1e7, -1e8, -1e10])
    for v in ([1.0, 1.0], [1e-4, 2.0], [3.0, 1e-3]):
        v = np.tile(np.array(v, dtype), (len(ratio), 1))
        omega = np.zeros_like(v)
        omega[:, 0] = ratio * np.sqrt(v.sum(axis=1))
        y = np.zeros(len(ratio), int)
        pairwise, exact = _run("argmax", y, omega, v), _run("argmax_exact", y, omega, v)
        for one, other in zip(pairwise, exact, strict=True):
            np.testing.assert_allclose(other, one, rtol=2e-3)
