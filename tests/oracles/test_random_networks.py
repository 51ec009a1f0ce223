"""The generators: the same case for the same seed, every setting drawn, AMP towards BP."""

from dataclasses import replace

import numpy as np
import pytest

from .random_networks import (
    ACTIVATIONS,
    ALGORITHMS,
    OUTPUTS,
    field_distance,
    is_well_posed,
    random_case,
    wide_case,
)

WIDTHS = (31, 61, 121)


def test_a_seed_gives_one_case():
    first, again, other = random_case(1), random_case(1), random_case(2)
    np.testing.assert_array_equal(first.X, again.X)
    assert first.name == again.name != other.name


def test_every_setting_is_drawn():
    cases = [random_case(seed) for seed in range(150)]
    assert {case.algo for case in cases} == set(ALGORITHMS)
    assert {case.activation for case in cases} == set(ACTIVATIONS)
    assert {case.output for case in cases} == set(OUTPUTS)
    assert {case.n_inner_iter for case in cases} == {1, 2, 3, 5}
    assert {case.reinforcement > 0 for case in cases} == {True, False}
    assert {case.sample_weight is None for case in cases} == {True, False}
    assert {case.label_noise for case in cases} == {0.0, 1e-6, 0.05, 0.3}
    assert {case.likelihood_weight for case in cases} == {1.0, 0.1}
    layers = [layer for case in cases for layer in case.layers]
    assert {layer.intercept for layer in layers} == {True, False}
    assert {(bool(layer.gaussian_rows[0]), layer.prior) for layer in layers} == {
        (True, "binary"),
        (False, "binary"),
        (False, "ternary"),
    }
    assert {bool(layer.mask.all()) for layer in layers} == {True, False}
    assert {len(case.layers) for case in cases} == {1, 2, 3, 4}


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_settings_can_be_fixed(algo):
    case = random_case(0, algo=algo, n_inner_iter=2, activation="relu", weighted=True)
    assert (case.algo, case.n_inner_iter, case.activation) == (algo, 2, "relu")
    assert case.sample_weight is not None
    assert is_well_posed(case)
    case = random_case(0, algo=algo, label_noise=0.2, likelihood_weight=3.0)
    assert (case.label_noise, case.likelihood_weight) == (0.2, 3.0)


def first_layer_distances(algo, **settings):
    """Relative distance of the first layer's H_in from BP's, per width, over three seeds."""
    distances = []
    for width in WIDTHS:
        cases = [replace(wide_case(width, seed), **settings) for seed in range(3)]
        fields = [[case.step(a)[1][0].field_in for a in (algo, "bp")] for case in cases]
        distances.append(np.mean([field_distance(*pair) for pair in fields]))
    return np.array(distances)


def test_amp_approaches_bp_as_widths_grow():
    amp, mean_field = first_layer_distances("amp"), first_layer_distances("mf")
    np.testing.assert_allclose(amp, [0.026, 0.013, 0.006], rtol=0.15)
    assert np.all(amp[:-1] / amp[1:] > 1.8)
    assert np.all(mean_field > 0.08)


@pytest.mark.parametrize("settings", [{"likelihood_weight": 0.1}, {"label_noise": 0.1}])
def test_amp_approaches_bp_with_a_weight_and_with_noise(settings):
    amp, mean_field = (first_layer_distances(algo, **settings) for algo in ("amp", "mf"))
    assert np.all(amp[:-1] / amp[1:] > 1.5)
    assert amp[-1] < 0.01
    assert np.all(amp < 0.35 * mean_field)
    assert np.all(mean_field > 0.06)
