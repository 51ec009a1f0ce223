"""The engine against the oracle on random networks of every kind."""

import pytest
from oracles.random_networks import (
    ACTIVATIONS,
    ALGORITHMS,
    OUTPUTS,
    PRIORS,
    random_case,
)

from .running import TRACE_NAMES, assert_close, engine_after_step

SEEDS = range(2)


def case_and_answer(seed, **fixed):
    """A case, and the oracle's layers and trace."""
    case = random_case(seed, **fixed)
    return case, *case.step()


def assert_same_step(engine, layers, trace, tolerance):
    for reached, layer in zip(engine.posterior(), layers, strict=True):
        precise = layer.precise_rows
        assert_close(reached.field, layer.field, tolerance, layer.mask)
        assert_close(reached.mean, layer.mean, tolerance)
        assert_close(reached.variance, layer.var, tolerance)
        precision = layer.precision[precise]
        assert_close(reached.precision, precision, tolerance, layer.mask[precise])
    for layer, state in zip(engine.layers, trace, strict=True):
        for own, name in TRACE_NAMES.items():
            if own == "down_precision" and not computes_down_precision(layer):
                continue
            if own == "down_field" and not layer.has_units_below:
                continue
            columns = layer.n_inputs if own.startswith("down") else None
            value, expected = getattr(layer.batch, own), getattr(state, name)
            assert_close(value[:, :columns], expected[:, :columns], tolerance)


def computes_down_precision(layer):
    return layer.has_units_below and layer.channel_below.uses_precision


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_random_networks(algo, prior, activation, output):
    """Sizes, masks, intercepts, sweeps, reinforcement, rho, damping and weights are drawn."""
    settings = dict(algo=algo, prior=prior, activation=activation, output=output)
    for seed in SEEDS:
        case, layers, trace = case_and_answer(seed, **settings)
        assert_same_step(engine_after_step(case), layers, trace, 1e-9)


@pytest.mark.parametrize("n_inner_iter", [1, 2, 3, 5])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reinforcement", [0.0, 0.3])
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_setting_of_a_step(algo, reinforcement, weighted, intercept, n_inner_iter):
    settings = dict(
        algo=algo,
        reinforcement=reinforcement,
        weighted=weighted,
        intercept=intercept,
        n_inner_iter=n_inner_iter,
    )
    case, layers, trace = case_and_answer(7, **settings)
    assert_same_step(engine_after_step(case), layers, trace, 1e-9)


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_random_networks_in_single_precision(algo):
    """A step can amplify rounding thirtyfold; 2e-3 is what single precision is asked for."""
    for seed in range(10):
        case, layers, trace = case_and_answer(seed, algo=algo)
        assert_same_step(engine_after_step(case, dtype="float32"), layers, trace, 2e-3)
