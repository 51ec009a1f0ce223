"""Point predictions and propagated moments against the oracle, however rows are grouped."""

import numpy as np
import pytest
from oracles.labels import has_one_unit
from oracles.prediction import bayes_moments as oracle_moments
from oracles.prediction import class_probabilities as oracle_probabilities
from oracles.prediction import point_activation, point_weights, sign_probability
from oracles.random_networks import ACTIVATIONS, PRIORS, random_case
from scipy.sparse import csc_matrix, csr_array

from sklearn_bp.backends import CpuBackend
from sklearn_bp.engine import prediction
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

from .running import assert_close, network_of, posterior_of

TOLERANCES = {"float64": 1e-9, "float32": 1e-3}


def samples_for(case, n=11):
    return np.random.default_rng(7).standard_normal((n, case.X.shape[1]))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_predictions_agree_with_the_oracle(activation, prior, dtype):
    """Masks, intercepts, sizes and outputs are drawn."""
    for seed in range(6):
        case = random_case(seed, activation=activation, prior=prior)
        network, X = network_of(case, dtype=dtype), samples_for(case)
        settings = network, posterior_of(case, dtype), X.astype(dtype), CpuBackend(1)
        for own, oracle in zip(prediction.point_weights(*settings[:2]), case.layers, strict=True):
            np.testing.assert_allclose(own, point_weights(oracle), rtol=1e-6)
        if dtype == "float64":
            z = prediction.point_preactivation(*settings)
            assert_close(z, point_activation(X, case.layers, activation), 1e-9)
        omega, v = prediction.bayes_moments(*settings)
        expected = oracle_moments(X, case.layers, activation)
        assert omega.dtype == v.dtype == np.dtype(dtype)
        assert_close(omega, expected[0], TOLERANCES[dtype])
        assert_close(v, expected[1], TOLERANCES[dtype])


def small_network(activation="sign", output="argmax", **options):
    network = make_network(
        [6, 5, 1 if has_one_unit(output) else 3], activation=activation, output=output, **options
    )
    return network, draw_posterior(network, np.random.RandomState(0))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_a_row_does_not_depend_on_the_others(activation, dtype, monkeypatch):
    """Chunks are padded, so that BLAS sums every row in the same order."""
    monkeypatch.setattr(prediction, "CHUNK_ROWS", 32)
    network, posterior = small_network(activation, dtype=dtype)
    X = np.random.default_rng(0).standard_normal((70, 6)).astype(dtype)
    backend = CpuBackend(1)
    whole = prediction.bayes_moments(network, posterior, X, backend)
    points = prediction.point_preactivation(network, posterior, X, backend)
    for n in (1, 2, 15, 16, 17, 31, 32, 33, 64, 65):
        part = prediction.bayes_moments(network, posterior, X[:n], backend)
        for one, other in zip(part, whole, strict=True):
            np.testing.assert_array_equal(one, other[:n])
        z = prediction.point_preactivation(network, posterior, X[:n], backend)
        np.testing.assert_array_equal(z, points[:n])


def test_no_rows_give_no_predictions():
    network, posterior = small_network()
    X, backend = np.empty((0, 6), "float32"), CpuBackend(1)
    assert prediction.point_preactivation(network, posterior, X, backend).shape == (0, 3)
    assert prediction.bayes_moments(network, posterior, X, backend)[0].shape == (0, 3)


@pytest.mark.parametrize("kind", [csr_array, csc_matrix, np.asfortranarray])
def test_rows_may_come_sparse_or_by_columns(kind):
    network, posterior = small_network()
    X = np.random.default_rng(0).standard_normal((40, 6)).astype("float32")
    X[X < 0.5] = 0.0
    settings = network, posterior
    for function in (prediction.point_preactivation, prediction.bayes_moments):
        dense, other = (function(*settings, data, CpuBackend(1)) for data in (X, kind(X)))
        np.testing.assert_array_equal(dense, other)


def test_zero_is_positive():
    """sign(0) = +1, of a weight's mean and of a pre-activation."""
    network, posterior = small_network(intercept=False, dtype="float64")
    for one in posterior:
        one.mean[...] = -0.0
    weights = prediction.point_weights(network, posterior)
    assert all((weight == 1).all() for weight in weights)
    X = np.zeros((2, 6))
    z = prediction.point_preactivation(network, posterior, X, CpuBackend(1))
    np.testing.assert_array_equal(z, np.full((2, 3), 5.0))


def test_point_weights_leave_the_posterior_alone():
    network, posterior = small_network(density=0.5)
    before = [one.mean.copy() for one in posterior]
    prediction.point_weights(network, posterior)
    for one, mean in zip(posterior, before, strict=True):
        np.testing.assert_array_equal(one.mean, mean)


def test_probabilities_of_the_sign_output():
    network, _ = small_network(output="sign")
    omega = np.array([[0.0], [1.0], [-20.0], [20.0]], "float32")
    v = np.array([[1.0], [4.0], [1.0], [1.0]], "float32")
    proba = prediction.class_probabilities(network, omega, v, CpuBackend(1))
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba[:, 1], sign_probability(omega.astype(float), v), rtol=1e-12)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-15)
    assert 0 < proba[2, 1] < 1e-80 and 0 < proba[3, 0] < 1e-80


@pytest.mark.parametrize("output", ["argmax", "argmax_exact"])
def test_probabilities_of_an_argmax_output(output):
    network, _ = small_network(output=output)
    rng = np.random.default_rng(0)
    omega = rng.standard_normal((5, 3)).astype("float32")
    v = rng.uniform(0.1, 4.0, (5, 3)).astype("float32")
    proba = prediction.class_probabilities(network, omega, v, CpuBackend(1))
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    draws = omega + np.sqrt(v) * rng.standard_normal((100_000, 5, 3))
    frequency = (draws.argmax(axis=2)[..., None] == np.arange(3)).mean(axis=0)
    np.testing.assert_allclose(proba, frequency, atol=0.006)


@pytest.mark.parametrize("noise", [1e-6, 0.3])
@pytest.mark.parametrize("output", ["sign", "argmax", "argmax_exact"])
def test_probabilities_of_labels_that_may_be_wrong(output, noise):
    """a + b P: no class is out of the question, and each row still sums to 1."""
    network, _ = small_network(output=output, label_noise=noise)
    rng = np.random.default_rng(0)
    shape = 5, network.layer_sizes[-1]
    omega, v = 15.0 * rng.standard_normal(shape), rng.uniform(0.1, 4.0, shape)
    proba = prediction.class_probabilities(network, omega, v, CpuBackend(1))
    np.testing.assert_allclose(proba, oracle_probabilities(omega, v, output, noise), rtol=1e-9)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-14)
    least = noise / (network.n_classes - 1)
    assert np.all((proba >= least) & (proba <= 1 - noise)) and proba.min() < 2 * least


def test_point_weights_are_formed_once_per_posterior(monkeypatch):
    network, posterior = small_network()
    formed, form = [], prediction._layer_point_weights
    monkeypatch.setattr(
        prediction, "_layer_point_weights", lambda *given: formed.append(given[1]) or form(*given)
    )
    X = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
    first, again = (
        prediction.point_preactivation(network, posterior, X, CpuBackend(1)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert formed == list(range(network.n_layers))
    others = [one.copy() for one in posterior]
    others[-1].mean *= -1
    changed = prediction.point_preactivation(network, others, X, CpuBackend(1))
    assert formed == 2 * list(range(network.n_layers)) and not np.array_equal(first, changed)


@pytest.mark.parametrize("intercept", [True, False])
def test_the_output_scale_is_the_root_of_the_number_of_inputs(intercept):
    network, posterior = small_network(intercept=intercept)
    n_inputs = network.layer_sizes[-2]
    assert prediction.output_scale(network, posterior) == pytest.approx(np.sqrt(n_inputs))
