"""The engine run on the oracle's cases: a network, its posterior and its data from a `StepCase`."""

from dataclasses import replace

import numpy as np
from oracles.labels import has_one_unit

from sklearn_bp.backends import CpuBackend
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import LayerPosterior

TRACE_NAMES = {
    "omega": "omega",
    "v": "v",
    "g": "g",
    "gamma": "gamma",
    "x": "x_mean",
    "down_field": "down_field",
    "down_precision": "down_precision",
}
"""Attributes of the engine's layers, and of the oracle's trace, after the last sweep."""


def network_of(case, *, dtype="float64", edges="exact", **options):
    """The network that a case's layers belong to."""
    layers = case.layers
    intercept = layers[0].intercept
    return make_network(
        [layers[0].field.shape[0] - intercept, *(layer.field.shape[1] for layer in layers)],
        algo=case.algo,
        weight_prior=["gaussian" if layer.gaussian_rows[0] else layer.prior for layer in layers],
        activation=case.activation,
        output=case.output,
        rho=[layer.rho for layer in layers],
        damping=[layer.damping for layer in layers],
        n_inner_iter=case.n_inner_iter,
        reinforcement=case.reinforcement,
        label_noise=case.label_noise,
        likelihood_weight=case.likelihood_weight,
        intercept=intercept,
        dtype=dtype,
        edges=edges,
        **options,
    )


def posterior_of(case, dtype="float64"):
    """The posterior that a case starts from, as the engine takes it."""
    return [
        LayerPosterior(
            layer.field.astype(dtype),
            layer.mean.astype(dtype),
            layer.var.astype(dtype),
            layer.precision[layer.precise_rows].astype(dtype),
            None if layer.mask.all() else layer.mask,
        )
        for layer in case.layers
    ]


def data_of(case, dtype="float64"):
    """X, y, the rows of the mini-batch and the sample weights, as ``Engine.step`` takes them."""
    y = case.y.astype(dtype if has_one_unit(case.output) else np.int64)
    weight = None if case.sample_weight is None else case.sample_weight.astype(dtype)
    return case.X.astype(dtype), y, np.arange(len(case.X)), weight


def engine_after_step(case, *, dtype="float64", backend=None, **options):
    """An engine that has taken the case's step."""
    network = network_of(case, dtype=dtype, **options)
    engine = Engine(network, posterior_of(case, dtype), backend or CpuBackend(n_threads=1))
    engine.step(*data_of(case, dtype))
    return engine


def engine_means(case, algo):
    """Means per layer after the engine's step by that algorithm, as `oracle_means` gives them."""
    return [layer.mean for layer in engine_after_step(replace(case, algo=algo)).posterior()]


def assert_close(value, expected, tolerance, mask=True):
    """Within the tolerance relative to 1 + |expected|, where the mask is set."""
    assert value.shape == expected.shape
    excess = np.abs(value - expected) / (1.0 + np.abs(expected))
    np.testing.assert_array_less(np.where(mask, excess, 0.0), tolerance)
