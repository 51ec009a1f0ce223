"""What message passing says against the exact posterior of tiny networks."""

from itertools import product

import numpy as np
import pytest

from .cases import StepCase
from .enumeration import (
    exact_marginals,
    exact_marginals_perceptron,
    exact_moments_gaussian_perceptron,
    message_errors,
    oracle_means,
    perceptron_case,
    perceptron_errors,
    tree_case,
)
from .message_passing import make_layer

STRENGTHS = (0.1, 0.05, 0.025)


NOISES = (0.0, 0.1)


def mean_message_errors(algo, label_noise):
    """Relative error of the messages, (strengths, layers), averaged over ten trees."""

    def errors(strength, seed):
        case = tree_case(strength, seed, label_noise=label_noise)
        return message_errors(case, oracle_means(case, algo))

    return np.array([np.mean([errors(s, i) for i in range(10)], axis=0) for s in STRENGTHS])


def test_perceptron_marginals_are_a_count_of_the_weights_that_fit():
    X = np.array([[1.0, 0.4, 0.3], [0.2, -1.0, 0.5]])
    y = np.array([1, -1])
    field = np.array([0.1, -0.2, 0.3])
    total, mean = 0.0, np.zeros(3)
    for weights in map(np.array, product([-1.0, 1.0], repeat=3)):
        if np.all(np.sign(X @ weights) == y):
            probability = np.exp(field @ weights)
            total += probability
            mean += probability * weights
    np.testing.assert_allclose(exact_marginals_perceptron(X, y, field), mean / total, rtol=1e-13)


def test_perceptron_marginals_count_weights_that_do_not_fit_by_the_label_noise():
    X, y, eps = np.array([[1.0, 0.4, 0.3], [0.2, -1.0, 0.5]]), np.array([1, -1]), 0.2
    total, mean = 0.0, np.zeros(3)
    for weights in map(np.array, product([-1.0, 1.0], repeat=3)):
        probability = np.prod(np.where(np.sign(X @ weights) == y, 1.0 - eps, eps))
        total += probability
        mean += probability * weights
    exact = exact_marginals_perceptron(X, y, np.zeros(3), eps)
    np.testing.assert_allclose(exact, mean / total, rtol=1e-13)


@pytest.mark.parametrize("noise", NOISES)
def test_the_two_enumerations_agree_on_one_sample(noise):
    case = perceptron_case(0, n_samples=1, label_noise=noise)
    expected = exact_marginals_perceptron(case.X, case.y, case.layers[0].field[:, 0], noise)
    np.testing.assert_allclose(exact_marginals(case)[0][:, 0], expected, rtol=1e-13)


@pytest.mark.parametrize("label_noise", [0.0, 0.3])
def test_tree_marginals_agree_with_sampling(label_noise):
    case = tree_case(0.8, 1, n_hidden=2, n_per_unit=2, label_noise=label_noise)
    rng, n = np.random.default_rng(0), 400_000
    x = np.broadcast_to(case.X, (n, case.X.shape[1]))
    weights = []
    for layer in case.layers:
        x = np.column_stack([x, np.ones(n)])
        noise = layer.mean + np.sqrt(layer.var) * rng.standard_normal((n, *layer.field.shape))
        signs = np.where(rng.random(noise.shape) < 0.5 * (1.0 + np.tanh(layer.field)), 1.0, -1.0)
        w = layer.mask * np.where(layer.gaussian_rows[:, None], noise, signs)
        x = np.where(np.einsum("ni,nik->nk", x, w) > 0, 1.0, -1.0)
        weights.append(w)
    labels = np.where(rng.random(n) < label_noise, -x[:, 0], x[:, 0])
    accepted = labels == case.y[0]
    for w, exact in zip(weights, exact_marginals(case), strict=True):
        free = ~np.isnan(exact)
        np.testing.assert_allclose(w[accepted].mean(axis=0)[free], exact[free], atol=0.01)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("algo", ["bp", "bpi", "amp"])
def test_a_tree_is_exact_to_second_order(algo, noise):
    errors = mean_message_errors(algo, noise)
    ratios = errors[:-1] / errors[1:]
    assert np.all((ratios > 3.7) & (ratios < 4.3))
    assert np.all(errors[-1] < 4e-4)


@pytest.mark.parametrize("noise", NOISES)
def test_mean_field_is_exact_on_a_tree_to_first_order_only(noise):
    errors = mean_message_errors("mf", noise)
    ratios = errors[:-1] / errors[1:]
    assert np.all((ratios > 1.8) & (ratios < 2.3))


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("seed", range(5))
def test_the_marginals_of_a_weak_tree_are_exact(seed, noise):
    """At strength 1e-3 BP's means are the exact ones to 1e-9; those of MF are far from it."""
    case = tree_case(1e-3, seed, label_noise=noise)

    def distance(algo):
        return max(
            np.nanmax(np.abs(mean - exact)[~layer.gaussian_rows])
            for mean, exact, layer in zip(
                oracle_means(case, algo), exact_marginals(case), case.layers, strict=True
            )
        )

    assert distance("bp") < 1e-9
    assert distance("mf") > 50.0 * distance("bp")


def gaussian_perceptron(n_features, seed, noise=0.0):
    """One sample's perceptron: its case, and the exact posterior means and variances."""
    rng = np.random.default_rng([n_features, seed])
    mean = rng.standard_normal(n_features) / np.sqrt(n_features)
    var = rng.uniform(0.5, 1.5, n_features) / n_features
    X, y = rng.standard_normal((1, n_features)), rng.choice([-1, 1], 1)
    layer = make_layer((mean / var)[:, None], precision=(1.0 / var)[:, None])
    case = StepCase(f"gaussian n={n_features} seed={seed}", X, y, (layer,), label_noise=noise)
    return case, mean, var, exact_moments_gaussian_perceptron(X[0], y[0], mean, var, noise)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_g_and_gamma_give_the_exact_moments_of_gaussian_weights(seed, noise):
    case, mean, var, (exact_mean, exact_var) = gaussian_perceptron(9, seed, noise)
    _, (state,) = case.step("mf")
    x, g, gamma = case.X[0], state.g[0, 0], state.gamma[0, 0]
    np.testing.assert_allclose(mean + var * x * g, exact_mean, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(var - var**2 * x**2 * gamma, exact_var, rtol=1e-10)


def test_gaussian_weights_are_exact_as_the_number_of_inputs_grows():
    def errors(algo, n_features):
        distances = []
        for seed in range(20):
            case, mean, _, (exact_mean, _) = gaussian_perceptron(n_features, seed)
            posterior = case.step(algo)[0][0].mean[:, 0]
            move = np.linalg.norm(exact_mean - mean)
            distances.append(np.linalg.norm(posterior - exact_mean) / move)
        return np.median(distances)

    for algo in ("bp", "amp"):
        assert errors(algo, 1600) < 0.3 * errors(algo, 400) < 0.02
    assert errors("mf", 1600) > 0.4 * errors("mf", 400)


@pytest.mark.parametrize("noise", NOISES)
def test_bp_is_closer_than_mean_field_on_small_perceptrons(noise):
    cases = [perceptron_case(seed, label_noise=noise) for seed in range(20)]
    errors = {algo: perceptron_errors(cases, algo) for algo in ("bp", "bpi", "amp", "mf")}
    assert errors["bp"].mean() < 0.7 * errors["mf"].mean()
    assert np.mean(errors["bp"] < errors["mf"]) >= 0.9
    for algo in ("bpi", "amp"):
        assert errors[algo].mean() < errors["mf"].mean()


def test_enumeration_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="too many to enumerate"):
        exact_marginals_perceptron(np.ones((1, 21)), np.ones(1), np.zeros(21))
    case = perceptron_case(0)
    with pytest.raises(ValueError, match="one sample"):
        exact_marginals(case)
