"""Whole steps in the simulator: golden steps, and every combination against the CPU."""

import numpy as np
import pytest
from engine.running import assert_close
from engine.test_golden_steps import assert_golden_posterior
from oracles.golden_steps import load_golden_step

from sklearn_bp.algorithms import ALGORITHMS
from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cuda._backend import CudaBackend
from sklearn_bp.channels import OUTPUTS
from sklearn_bp.engine.prediction import bayes_moments, class_probabilities, point_preactivation

from ..running import HostProducts, device_engine_after_step
from ..steps import assert_same_outcome, assert_same_posterior, combination, every_kind, step_on

GOLDEN = [f"{algo}_argmax_tau4" for algo in ALGORITHMS]
GOLDEN += ["bp_sign", "bpi_sparse", "amp_gaussian_argmax_tau3"]


@pytest.fixture(scope="module")
def backend():
    """A backend whose products take no time; the tiled kernel has tests of its own."""
    return CudaBackend(products=HostProducts())


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_step(name, backend):
    case, arrays = load_golden_step(name)
    engine = device_engine_after_step(case, backend)
    assert_golden_posterior(engine, arrays, 1e-9)
    for depth, layer in enumerate(engine.layers):
        for own, golden in (("omega", "omega"), ("v", "V"), ("g", "g"), ("gamma", "gamma")):
            value = backend.to_host(getattr(layer.batch, own))
            assert_close(value, arrays[f"trace_{golden}_{depth}"], 1e-9)


def test_golden_step_with_tiled_products():
    case, arrays = load_golden_step("amp_argmax")
    assert_golden_posterior(device_engine_after_step(case, CudaBackend()), arrays, 1e-9)


@pytest.mark.parametrize("algo, prior, activation, output", list(every_kind()))
def test_step_agrees_with_the_cpu(algo, prior, activation, output, backend):
    case = combination(algo, prior, activation, output, dtype="float64")
    posterior, outcome = step_on(backend, *case)
    expected, scored = step_on(CpuBackend(n_threads=1), *case)
    assert_same_posterior(posterior, expected, 1e-9)
    assert_same_outcome(outcome, scored, 1e-9)
    assert (scored.doubts > 0) == (case[0].label_noise > 0)


def test_the_combinations_have_all_kinds_of_labels_and_likelihood_weights():
    found = {output: set() for output in OUTPUTS}
    for names in every_kind():
        network = combination(*names)[0]
        found[names[-1]].add((network.label_noise > 0, network.likelihood_weight != 1))
    assert set(map(len, found.values())) == {4}


@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_single_precision_step_agrees_with_the_cpu(algo, output, backend):
    case = combination(algo, "binary", "sign", output, dtype="float32")
    posterior, outcome = step_on(backend, *case)
    assert posterior[0].mean.dtype == np.float32
    expected, scored = step_on(CpuBackend(n_threads=1), *case)
    assert_same_posterior(posterior, expected, 1e-4)
    assert_same_outcome(outcome, scored, 1e-5)


@pytest.mark.parametrize("output", OUTPUTS)
def test_predictions_agree_with_the_cpu(output, backend):
    network, posterior, X, _, _ = combination("mf", "binary", "relu", output, dtype="float64")
    results = []
    for one in (backend, CpuBackend(n_threads=1)):
        moments = bayes_moments(network, posterior, X, one)
        probabilities = class_probabilities(network, *moments, one)
        results.append((point_preactivation(network, posterior, X, one), *moments, probabilities))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_same_step_gives_the_same_bits(backend):
    case = combination("bp", "binary", "sign", "sign", dtype="float32")
    first, second = (step_on(backend, *case)[0] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.field, other.field)
