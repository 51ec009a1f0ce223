"""AMP expands BP's messages: what it collects approaches BP's as widths grow; mean field's not."""

from dataclasses import replace

import numpy as np
import pytest
from engine.running import engine_after_step
from oracles.random_networks import field_distance, wide_case

WIDTHS = (31, 61, 121)


def fields_in(case, algo):
    """H_in of every layer in the last sweep."""
    reached = engine_after_step(replace(case, algo=algo)).posterior()
    return [
        one.field - start.rho * start.field for one, start in zip(reached, case.layers, strict=True)
    ]


def distances(algo, n_inner_iter=4, **settings):
    """Relative distance of H_in from BP's, (widths, layers), averaged over three seeds."""
    rows = []
    for width in WIDTHS:
        cases = [wide_case(width, seed, n_inner_iter=n_inner_iter) for seed in range(3)]
        cases = [replace(case, **settings) for case in cases]
        pairs = [zip(fields_in(c, algo), fields_in(c, "bp"), strict=True) for c in cases]
        rows.append(np.mean([[field_distance(*pair) for pair in layers] for layers in pairs], 0))
    return np.array(rows)


def test_after_four_sweeps():
    amp, mean_field = distances("amp"), distances("mf")
    np.testing.assert_allclose(amp[:, 0], [0.026, 0.013, 0.006], rtol=0.15)
    assert np.all(amp[:-1] / amp[1:] > 1.5)
    assert np.all(mean_field[:, 0] > 0.08)
    assert np.all(amp < 0.35 * mean_field)


@pytest.mark.parametrize("n_inner_iter", [1, 2])
def test_after_fewer_sweeps(n_inner_iter):
    amp, mean_field = (distances(algo, n_inner_iter=n_inner_iter) for algo in ("amp", "mf"))
    assert np.all(amp[0] > 3 * amp[-1])
    assert np.all(amp[-1] < 0.02)
    assert np.all(amp < 0.35 * mean_field)


@pytest.mark.parametrize("settings", [{"likelihood_weight": 0.1}, {"label_noise": 0.1}])
def test_with_a_likelihood_weight_and_with_label_noise(settings):
    """Its corrections count the mini-batch as often as the fields that they are about."""
    amp, mean_field = (distances(algo, **settings) for algo in ("amp", "mf"))
    assert np.all(amp[:-1] / amp[1:] > 1.5)
    assert np.all(amp[-1] < 0.01)
    assert np.all(amp < 0.35 * mean_field)


def test_the_values_of_the_sweep_before_matter():
    """BPI forgets that means travel on edges: its distance does not fall like AMP's."""
    amp, bpi = distances("amp")[-1, 0], distances("bpi")[-1, 0]
    assert amp < 0.3 * bpi
