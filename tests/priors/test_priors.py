"""Weight priors against their definition: moments, point weights, and the start of training."""

import dataclasses

import mpmath
import numpy as np
import pytest
from oracles.priors import PRIORS as ORACLES
from scalar.loops import apply

from sklearn_bp.priors import PRIORS

DTYPES = [np.float32, np.float64]

VALUES = {"binary": (-1, 1), "ternary": (-1, 0, 1)}
"""Values of weights that are no real numbers."""


def test_every_prior_has_an_oracle():
    assert PRIORS.keys() == ORACLES.keys(), "registered and untested, or the other way round"


def parameters(name, dtype, n=500):
    """Fields and precisions of all sizes, where the prior allows them, and |H| near G/2."""
    rng = np.random.default_rng(0)
    least = PRIORS[name].least_precision
    sign = rng.choice([-1, 1], n) if least < 0 else 1
    precision = sign * 10 ** rng.uniform(np.log10(max(least, 1e-6)), 2.2, n)
    field = rng.choice([-1, 1], n) * 10 ** rng.uniform(-6, np.log10(60), n)
    field[::3] = precision[::3] / 2 + rng.standard_normal(len(field[::3]))
    return field.astype(dtype), precision.astype(dtype)


def precise_moments(name, field, precision):
    """Mean and variance from P(w) ∝ exp(Hw − Gw²/2)."""
    with mpmath.workdps(60):
        field, precision = mpmath.mpf(float(field)), mpmath.mpf(float(precision))
        if name not in VALUES:
            return field / precision, 1 / precision
        weights = {w: mpmath.exp(field * w - precision * w * w / 2) for w in VALUES[name]}
        mean, square = (
            sum(p * w**power for w, p in weights.items()) / sum(weights.values())
            for power in (1, 2)
        )
        return mean, square - mean**2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PRIORS)
def test_moments(name, dtype):
    field, precision = parameters(name, dtype)
    mean = apply(PRIORS[name].mean, field, precision)
    variance = apply(PRIORS[name].variance, mean, precision)
    exact = [precise_moments(name, *pair) for pair in zip(field, precision, strict=True)]
    exact_mean, exact_variance = np.array(exact, dtype=float).T
    # A rounding of G/2 − |H| is one of its exponential, times that number; and one of a mean near
    # ±1 is one of the variance.
    eps = np.finfo(dtype).eps * (4 + abs(precision.astype(float)) + 2 * abs(field.astype(float)))
    tiny = 4 * float(np.finfo(dtype).tiny)
    negligible = 4 * float(np.finfo(dtype).tiny) ** 0.5
    assert np.all(abs(mean - exact_mean) <= eps * abs(exact_mean) + tiny)
    bounded = 4 * np.finfo(dtype).eps * abs(exact_mean) * (name in VALUES)
    assert np.all(abs(variance - exact_variance) <= eps * exact_variance + bounded + negligible)
    assert np.all(abs(mean) <= PRIORS[name].largest_mean) and np.all(variance >= 0)
    np.testing.assert_array_equal(apply(PRIORS[name].mean, -field, precision), -mean)


def variance_behind(name, mean, precision):
    """Variance at the field that gives a mean, found by bisection."""
    low, high = np.full(mean.shape, -60.0), np.full(mean.shape, 60.0)
    for _ in range(200):
        middle = 0.5 * (low + high)
        # Fields from tiny ones to those beyond |H| = G/2: the mean varies in both.
        field = np.logaddexp(0.0, middle + np.maximum(0.0, 0.5 * precision))
        below = ORACLES[name].mean(field, precision) < abs(mean)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    chances = ORACLES[name].probabilities(field, precision)
    return sum(p * w**2 for p, w in zip(chances, ORACLES[name].values, strict=True)) - mean**2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", VALUES)
def test_the_variance_of_a_damped_mean_is_that_of_the_field_behind_it(name, dtype):
    """Not that of H, whose mean is another; the oracle agrees."""
    rng = np.random.default_rng(1)
    mean, precision = rng.uniform(-1, 1, 500), rng.uniform(-20, 20, 500)
    mean[::5] *= 1e-3
    expected = variance_behind(name, mean, precision)
    np.testing.assert_allclose(ORACLES[name].var(mean, precision), expected, atol=1e-12)
    variance = apply(PRIORS[name].variance, mean.astype(dtype), precision.astype(dtype))
    np.testing.assert_allclose(variance, expected, atol=20 * np.finfo(dtype).eps + 1e-12)
    for end in (-1, 1):
        at_end = apply(PRIORS[name].variance, np.full(500, end, dtype), precision.astype(dtype))
        np.testing.assert_array_equal(at_end, 0)


@pytest.mark.parametrize("name", PRIORS)
def test_point_weights_are_the_likeliest(name):
    field, precision = parameters(name, np.float64)
    mean = apply(PRIORS[name].mean, field, precision)
    point = PRIORS[name].point(mean, apply(PRIORS[name].variance, mean, precision))
    if name not in VALUES:
        np.testing.assert_array_equal(point, mean)
        return
    exponents = [field * w - precision * w**2 / 2 for w in VALUES[name]]
    np.testing.assert_array_equal(point, np.array(VALUES[name])[np.argmax(exponents, axis=0)])
    assert set(point) == set(VALUES[name])
    assert PRIORS[name].point(np.zeros(1), np.ones(1)) == 1
    # Of what it gives it gives the same, whatever the variance was.
    variance = apply(PRIORS[name].variance, mean, precision)
    np.testing.assert_array_equal(PRIORS[name].point(point, variance), point)


@pytest.mark.parametrize("name", PRIORS)
def test_what_the_record_says_of_the_family(name):
    prior, field = PRIORS[name], np.array([0.5, -0.5])
    weak, strong = (apply(prior.mean, field, np.full(2, G)) for G in (1.0, 2.0))
    assert (weak != strong).all() == prior.has_precision == ORACLES[name].has_precision
    square = weak**2 + apply(prior.variance, weak, np.ones(2))
    assert np.allclose(square, 1) == prior.has_unit_square
    assert np.isfinite(prior.largest_mean) == (name in VALUES)
    assert prior.name == name
    if prior.array_mean is not None:
        np.testing.assert_allclose(prior.array_mean(field, np.ones(2)), weak, rtol=1e-15)
    with pytest.raises(dataclasses.FrozenInstanceError):
        prior.name = "other"


@pytest.mark.parametrize("name", PRIORS)
def test_start(name):
    """H ~ ε N(0, 1) of a few values; of Gaussian weights G = N/ε² and H = G (ε/√N) N(0, 1)."""
    field, precision = PRIORS[name].draw(np.random.RandomState(0), 400, 150, 0.5)
    normal = np.random.RandomState(0).standard_normal((400, 150))
    if name in VALUES:
        np.testing.assert_array_equal(field, 0.5 * normal)
        assert precision is None or not precision.any()
        assert (precision is None) != PRIORS[name].has_precision
    else:
        np.testing.assert_allclose(precision, 400 / 0.5**2)
        np.testing.assert_allclose(field / precision, 0.5 / np.sqrt(400) * normal)
