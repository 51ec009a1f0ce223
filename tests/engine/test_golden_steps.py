"""The golden steps through the engine: every field, moment and trace, and the predictions."""

import numpy as np
import pytest
from oracles.golden_steps import SETTINGS, load_golden_step
from oracles.prediction import decide

from sklearn_bp.backends import CpuBackend
from sklearn_bp.cavity import series
from sklearn_bp.cavity.arrays import SeriesArrays
from sklearn_bp.engine.prediction import bayes_moments, point_preactivation

from .running import assert_close, engine_after_step

TOLERANCES = {"float64": 1e-9, "float32": 2e-3}
TRACES = {"omega": "omega", "v": "V", "g": "g", "gamma": "gamma", "x": "x", "down_field": "B"}
EDGE_TOLERANCE = 1e-4


def assert_golden_posterior(engine, arrays, tolerance):
    for depth, layer in enumerate(engine.posterior()):
        mask = arrays[f"mask_{depth}"]
        assert_close(layer.field, arrays[f"field_out_{depth}"], tolerance, mask)
        assert_close(layer.mean, arrays[f"mean_out_{depth}"], tolerance)
        assert_close(layer.variance, arrays[f"var_out_{depth}"], tolerance)
        if f"precision_out_{depth}" in arrays:
            assert_close(layer.precision, arrays[f"precision_out_{depth}"], tolerance, mask)


def assert_golden_traces(engine, arrays, tolerance):
    for depth, layer in enumerate(engine.layers):
        for own, golden in TRACES.items():
            if f"trace_{golden}_{depth}" in arrays:
                value = getattr(layer.batch, own)
                assert_close(value, arrays[f"trace_{golden}_{depth}"], tolerance)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", SETTINGS)
def test_golden_step(name, dtype):
    case, arrays = load_golden_step(name)
    engine = engine_after_step(case, dtype=dtype)
    assert_golden_posterior(engine, arrays, TOLERANCES[dtype])
    assert_golden_traces(engine, arrays, TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", SETTINGS)
def test_golden_predictions(name, dtype):
    case, arrays = load_golden_step(name)
    engine = engine_after_step(case, dtype=dtype)
    settings = engine.network, engine.posterior(), arrays["X_test"].astype(dtype), CpuBackend(1)
    z = point_preactivation(*settings)
    assert_close(z, arrays["point_activation"], TOLERANCES[dtype])
    if dtype == "float64":
        np.testing.assert_array_equal(decide(z, case.output), arrays["point_prediction"])
    omega, v = bayes_moments(*settings)
    assert_close(omega, arrays["bayes_omega"], TOLERANCES[dtype])
    assert_close(v, arrays["bayes_V"], TOLERANCES[dtype])


CAVITY_NAMES = [
    name
    for name, settings in SETTINGS.items()
    if settings["algo"] == "bpi" or (settings["algo"] == "bp" and settings["tau_max"] == 1)
]
"""Steps whose edge sums may be expanded in polynomials."""


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", CAVITY_NAMES)
def test_golden_step_with_expanded_edges(name, dtype, monkeypatch):
    """Each posterior as a whole within the tolerance of the edges, which rounding widens."""
    monkeypatch.setattr(series, "LEAST_EDGES", 0)
    case, arrays = load_golden_step(name)
    engine = engine_after_step(case, dtype=dtype, edges="auto", edge_tolerance=EDGE_TOLERANCE)
    assert any(isinstance(layer.own, SeriesArrays) for layer in engine.layers)
    if dtype == "float32":
        assert_golden_posterior(engine, arrays, TOLERANCES[dtype])
        return
    for depth, layer in enumerate(engine.posterior()):
        mask, start = arrays[f"mask_{depth}"], case.layers[depth]
        expected = mask * (arrays[f"field_out_{depth}"] - start.rho * start.field)
        reached = mask * (layer.field - start.rho * start.field)
        error = np.linalg.norm(reached - expected) / np.linalg.norm(expected)
        assert error < EDGE_TOLERANCE * case.n_inner_iter


@pytest.mark.parametrize("name", [name for name in CAVITY_NAMES if "argmax" in name][:4])
def test_small_layers_have_exact_edges_by_default(name):
    case, arrays = load_golden_step(name)
    engine = engine_after_step(case, edges="auto")
    assert_golden_posterior(engine, arrays, TOLERANCES["float64"])
