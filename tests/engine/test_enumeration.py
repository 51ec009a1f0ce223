"""What the engine's message passing says against exact posteriors."""

import numpy as np
import pytest
from oracles.enumeration import (
    exact_marginals,
    message_errors,
    perceptron_case,
    perceptron_errors,
    tree_case,
)

from .running import engine_means

STRENGTHS = (0.1, 0.05, 0.025)
NOISES = (0.0, 0.1)


def mean_message_errors(algo, label_noise):
    """Relative error of the messages, (strengths, layers), averaged over ten trees."""

    def errors(strength, seed):
        case = tree_case(strength, seed, label_noise=label_noise)
        return message_errors(case, engine_means(case, algo))

    return np.array([np.mean([errors(s, i) for i in range(10)], axis=0) for s in STRENGTHS])


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


@pytest.mark.parametrize("prior", ["binary", "ternary"])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("seed", range(5))
def test_the_marginals_of_a_weak_tree_are_exact(seed, noise, prior):
    case = tree_case(1e-3, seed, n_hidden=2, label_noise=noise, prior=prior)

    def distance(algo):
        return max(
            np.nanmax(np.abs(mean - exact)[~layer.gaussian_rows])
            for mean, exact, layer in zip(
                engine_means(case, algo), exact_marginals(case), case.layers, strict=True
            )
        )

    assert distance("bp") < 1e-9
    assert distance("mf") > 50.0 * distance("bp")


@pytest.mark.parametrize("noise", NOISES)
def test_bp_is_closer_than_mean_field_on_small_perceptrons(noise):
    cases = [perceptron_case(seed, label_noise=noise) for seed in range(20)]
    errors = {
        algo: perceptron_errors(cases, algo, means=engine_means)
        for algo in ("bp", "bpi", "amp", "mf")
    }
    assert errors["bp"].mean() < 0.7 * errors["mf"].mean()
    assert np.mean(errors["bp"] < errors["mf"]) >= 0.9
    for algo in ("bpi", "amp"):
        assert errors[algo].mean() < errors["mf"].mean()
