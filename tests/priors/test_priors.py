"""Weight priors: moments, point weights, and the start of training."""

import dataclasses

import numpy as np
import pytest
from scalar.loops import apply

from sklearn_bp.priors import MIN_PRECISION, PRIORS

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_binary_moments(dtype):
    prior = PRIORS["binary"]
    field = np.linspace(-50, 50, 2001).astype(dtype)
    mean = apply(prior.mean, field, np.ones_like(field))
    variance = apply(prior.variance, mean, np.ones_like(field))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(mean, np.tanh(field.astype(float)), rtol=3 * eps)
    np.testing.assert_allclose(variance, 1 / np.cosh(field.astype(float)) ** 2, atol=4 * eps)
    assert np.all(np.abs(mean) <= 1) and np.all(variance >= 0)
    np.testing.assert_array_equal(apply(prior.mean, -field, np.ones_like(field)), -mean)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_moments(dtype):
    prior = PRIORS["gaussian"]
    rng = np.random.default_rng(0)
    field = rng.standard_normal(1000).astype(dtype)
    precision = (10 ** rng.uniform(np.log10(MIN_PRECISION), 8, 1000)).astype(dtype)
    mean = apply(prior.mean, field, precision)
    rtol = 2 * np.finfo(dtype).eps
    np.testing.assert_allclose(mean, field / precision, rtol=rtol)
    np.testing.assert_allclose(apply(prior.variance, mean, precision), 1 / precision, rtol=rtol)
    assert np.all(np.isfinite(mean))


def test_precision_is_used_where_announced():
    for prior in PRIORS.values():
        weak, strong = prior.mean(0.5, 1.0), prior.mean(0.5, 2.0)
        assert (weak != strong) == prior.uses_precision


@pytest.mark.parametrize("dtype", DTYPES)
def test_start_of_binary_weights(dtype):
    field, precision = PRIORS["binary"].draw(np.random.RandomState(0), 300, 200, 0.7, dtype)
    assert precision is None
    assert field.shape == (300, 200) and field.dtype == dtype
    assert field.std() == pytest.approx(0.7, rel=0.02)
    assert field.mean() == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("dtype", DTYPES)
def test_start_of_gaussian_weights(dtype):
    """G = N/ε² and H = G (ε/√N) N(0, 1)."""
    prior = PRIORS["gaussian"]
    field, precision = prior.draw(np.random.RandomState(0), 400, 150, 0.5, dtype)
    assert field.dtype == precision.dtype == dtype
    np.testing.assert_array_equal(precision, dtype(400 / 0.5**2))
    mean = field / precision
    assert mean.std() == pytest.approx(0.5 / np.sqrt(400), rel=0.02)
    noise = np.random.RandomState(0).standard_normal((400, 150))
    np.testing.assert_allclose(mean, 0.5 / np.sqrt(400) * noise, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(PRIORS))
def test_the_start_does_not_depend_on_the_precision_of_numbers(name):
    single, double = (
        PRIORS[name].draw(np.random.RandomState(3), 5, 4, 1.0, dtype)[0] for dtype in DTYPES
    )
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_registry():
    for name, prior in PRIORS.items():
        assert prior.name == name
        with pytest.raises(dataclasses.FrozenInstanceError):
            prior.name = "other"
