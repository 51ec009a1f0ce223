"""Weight priors: moments against high precision, point weights, and the start of training."""

import mpmath
import numpy as np
import pytest
from oracles.priors import PRIORS as ORACLES
from scalar.loops import apply

from sklearn_bp.priors import MIN_PRECISION, PRIORS

DTYPES = [np.float32, np.float64]

STATES = {"binary": (-1, 1), "ternary": (-1, 0, 1)}
"""Values of weights that are no real numbers."""


def precise_moments(name, field, precision):
    """Mean and variance from the definition P(w) ∝ exp(Hw − Gw²/2), to fifty digits."""
    with mpmath.workdps(50):
        field, precision = mpmath.mpf(float(field)), mpmath.mpf(float(precision))
        if name not in STATES:
            return field / precision, 1 / precision
        chances = [mpmath.exp(field * w - precision * w * w / 2) for w in STATES[name]]
        mean, square = (
            sum(p * w**k for p, w in zip(chances, STATES[name], strict=True)) / sum(chances)
            for k in (1, 2)
        )
        return mean, square - mean**2


def parameters(dtype, n=400):
    """Fields and precisions, small and large, and near each other."""
    rng = np.random.default_rng(0)
    precision = 10 ** rng.uniform(np.log10(MIN_PRECISION), 2, n)
    field = rng.choice([-1, 1], n) * 10 ** rng.uniform(-6, np.log10(40), n)
    field[::4] = precision[::4] / 2 + rng.normal(size=len(field[::4]))
    return field.astype(dtype), precision.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PRIORS)
def test_moments(name, dtype):
    field, precision = parameters(dtype)
    mean = apply(PRIORS[name].mean, field, precision)
    variance = apply(PRIORS[name].variance, mean, field, precision)
    exact = [precise_moments(name, *numbers) for numbers in zip(field, precision, strict=True)]
    exact_mean, exact_variance = np.array(exact, dtype=float).T
    eps = np.finfo(dtype).eps
    # A rounding of G, or of H, of its size in e^{G/2 − |H|}.
    growth = 4 + precision.astype(float) + 2 * abs(field)
    np.testing.assert_array_less(abs(mean - exact_mean), growth * eps * abs(exact_mean) + 1e-30)
    # The mean is rounded, and 1 − m² with it.
    rounded = 6 * eps * abs(exact_mean) if name in STATES else 0
    allowed = growth * eps * exact_variance + rounded
    np.testing.assert_array_less(abs(variance - exact_variance), allowed + 1e-30)
    assert np.all(variance >= 0) and np.all(abs(mean) <= PRIORS[name].largest_mean)
    np.testing.assert_array_equal(apply(PRIORS[name].mean, -field, precision), -mean)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PRIORS)
def test_damped_means_and_point_weights(name, dtype):
    """Of a mean from an earlier sweep, up to the largest there is."""
    field, precision = parameters(dtype)
    rng = np.random.default_rng(1)
    mean = rng.uniform(-1, 1, len(field)).astype(dtype)
    variance = apply(PRIORS[name].variance, mean, field, precision)
    arrays = (array.astype(float) for array in (mean, field, precision))
    tolerance = dict(rtol=1e-4, atol=1e-6) if dtype is np.float32 else dict(rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(variance, ORACLES[name].var(*arrays), **tolerance)
    point = PRIORS[name].point(mean, variance)
    assert point.dtype == dtype
    np.testing.assert_array_equal(point, ORACLES[name].point(mean, variance))
    if name in STATES:
        assert set(point) == set(STATES[name])


@pytest.mark.parametrize("name", PRIORS)
def test_the_record_says_what_holds(name):
    prior, field = PRIORS[name], np.array([0.5, 3.0])
    weak, strong = (apply(prior.mean, field, np.full(2, precision)) for precision in (1.0, 2.0))
    assert (weak != strong).all() == prior.has_precision == ORACLES[name].has_precision
    square = weak**2 + apply(prior.variance, weak, field, np.ones(2))
    assert np.allclose(square, 1) == prior.has_unit_square
    assert prior.name == name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PRIORS)
def test_the_start_of_training(name, dtype):
    """Pre-activations of inputs of unit variance, from means, vary as an intercept's start."""
    prior, n_in, scale = PRIORS[name], 300, 0.2
    field, precision = prior.draw(np.random.RandomState(0), n_in, 200, scale, dtype)
    assert (precision is None) != prior.has_precision
    assert field.shape == (n_in, 200) and field.dtype == dtype
    precision = np.ones_like(field) if precision is None else precision
    mean = apply(prior.mean, field.ravel(), precision.ravel())
    # A third of ternary weights are 0.
    expected = {"ternary": (2 / 3) ** 2}.get(name, 1)
    spread = n_in * np.mean(mean**2) / prior.start_variance(n_in, scale)
    assert spread == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("name", PRIORS)
def test_the_start_does_not_depend_on_the_precision_of_numbers(name):
    single, double = (
        PRIORS[name].draw(np.random.RandomState(3), 5, 4, 1.0, dtype)[0] for dtype in DTYPES
    )
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_every_prior_has_a_twin():
    assert PRIORS.keys() == ORACLES.keys(), "registered and untested, or tested and not registered"
