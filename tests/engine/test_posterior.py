"""Where training starts: fields, masks, intercepts, and the moments that belong to them."""

import numpy as np
import pytest
from oracles.priors import PRIORS as ORACLES

from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior, moments, variances
from sklearn_bp.priors import PRIORS

SIZES = [40, 30, 7]


def draw(seed=0, **options):
    network = make_network(SIZES, **options)
    return network, draw_posterior(network, np.random.RandomState(seed))


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("density", [1.0, 0.3])
def test_a_seed_gives_the_same_start_in_every_precision(prior, density):
    options = dict(weight_prior=prior, density=density)
    _, single = draw(dtype="float32", **options)
    _, double = draw(dtype="float64", **options)
    for one, other in zip(single, double, strict=True):
        for name in ("field", "precision"):
            assert getattr(one, name).dtype == np.float32
            np.testing.assert_array_equal(
                getattr(one, name), getattr(other, name).astype("float32")
            )
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(one.mask, other.mask)


def test_binary_weights_start_at_scaled_normal_fields():
    """H ~ ε N(0, 1), m = tanh H, σ = 1 − m²."""
    network, posterior = draw(init_scale=0.7, intercept=False, dtype="float64")
    rng = np.random.RandomState(0)
    for layer, one in enumerate(posterior):
        expected = 0.7 * rng.standard_normal((SIZES[layer], SIZES[layer + 1]))
        np.testing.assert_array_equal(one.field, expected)
        np.testing.assert_array_equal(one.mean, np.tanh(expected))
        np.testing.assert_allclose(one.variance, 1 - np.tanh(expected) ** 2, rtol=1e-12)
        assert one.precision.shape == (0, SIZES[layer + 1]) and one.mask is None


def test_gaussian_weights_start_as_wide_as_their_means():
    """G = N/ε², H = G (ε/√N) N(0, 1), with N the fan-in without the constant input."""
    network, posterior = draw(weight_prior="gaussian", init_scale=0.5, dtype="float64")
    rng = np.random.RandomState(0)
    for layer, one in enumerate(posterior):
        n_in, n_out = SIZES[layer : layer + 2]
        normal = rng.standard_normal((n_in, n_out))
        np.testing.assert_allclose(one.precision[:n_in], n_in / 0.25, rtol=1e-12)
        np.testing.assert_allclose(one.mean[:n_in], 0.5 / np.sqrt(n_in) * normal, rtol=1e-12)
        np.testing.assert_allclose(one.field, one.precision * one.mean, rtol=1e-12)
        np.testing.assert_allclose(one.variance, 1 / one.precision, rtol=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
def test_an_intercept_starts_unknown_at_zero(prior):
    """Its variance is that of the rest of its pre-activation, for inputs of unit variance."""
    network, posterior = draw(weight_prior=prior, init_scale=2.0, dtype="float64")
    for layer, one in enumerate(posterior):
        n_in = SIZES[layer]
        assert not one.mean[-1].any() and not one.field[-1].any()
        others = one.variance[:-1] + one.mean[:-1] ** 2
        spread = 4.0 * (1 if prior == "gaussian" else n_in)
        np.testing.assert_allclose(one.variance[-1], spread)
        assert one.precision.shape[0] == (1 if prior == "binary" else n_in + 1)
        if prior == "gaussian":
            assert one.variance[-1, 0] == pytest.approx(others.sum(axis=0).mean() / 2, rel=0.2)


@pytest.mark.parametrize("density", [0.5, 0.1, 0.333, 1e-6, 0.99])
@pytest.mark.parametrize("intercept", [True, False])
def test_masks_keep_the_nearest_number_of_weights(density, intercept):
    network, posterior = draw(density=density, intercept=intercept)
    for layer, one in enumerate(posterior):
        n_in, n_out = SIZES[layer : layer + 2]
        assert one.mask.dtype == bool and one.mask.shape == one.field.shape
        kept = one.mask[:n_in].sum()
        assert kept == max(1, round(density * n_in * n_out))
        assert one.mask[n_in:].all()
        assert not one.mean[~one.mask].any() and not one.variance[~one.mask].any()
        assert one.variance[one.mask].all()


def test_a_mask_that_prunes_nothing_is_none():
    """As in a posterior that comes from elsewhere: training goes on with the same bits."""
    (n_in, n_out), (_, posterior) = SIZES[-2:], draw(density=0.9999)
    assert round(0.9999 * n_in * n_out) == n_in * n_out
    assert posterior[-1].mask is None
    assert posterior[-1].mean[:n_in].all() and posterior[-1].variance.all()


def test_masks_of_layers_are_drawn_apart():
    _, posterior = draw(density=[0.5, 1.0])
    assert posterior[0].mask is not None and posterior[1].mask is None
    _, other = draw(seed=1, density=0.5)
    assert (posterior[0].mask != other[0].mask).any()
    rows, columns = posterior[0].mask.mean(axis=1), posterior[0].mask.mean(axis=0)
    assert 0.1 < rows[:-1].min() and rows[:-1].max() < 0.9
    assert 0.1 < columns.min() and columns.max() < 0.9


@pytest.mark.parametrize("prior", PRIORS)
def test_moments_belong_to_natural_parameters(prior):
    network, posterior = draw(weight_prior=prior, dtype="float64")
    for layer, one in enumerate(posterior):
        mean, variance = moments(network, layer, one.field, one.precision)
        np.testing.assert_array_equal(mean, one.mean)
        np.testing.assert_array_equal(variance, one.variance)
        damped = variances(network, layer, 0.5 * mean, one.precision)
        n_in, oracle = SIZES[layer], ORACLES[prior]
        precision = one.precision[:n_in] if oracle.has_precision else np.ones((n_in, 1))
        expected = oracle.var(0.5 * mean[:n_in], precision)
        np.testing.assert_allclose(damped[:n_in], expected, rtol=1e-12)
        np.testing.assert_array_equal(damped[n_in:], variance[n_in:])


@pytest.mark.parametrize("density", [0.5, 1.0])
def test_a_copy_shares_nothing(density):
    _, posterior = draw(density=density)
    one, copy = posterior[0], posterior[0].copy()
    for name in ("field", "mean", "variance", "precision", "mask"):
        mine, other = getattr(one, name), getattr(copy, name)
        if mine is None:
            assert other is None
            continue
        np.testing.assert_array_equal(mine, other)
        assert not np.shares_memory(mine, other)
