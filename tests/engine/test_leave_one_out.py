"""Labels predicted as if their own samples had not been learned."""

import numpy as np
import pytest
from oracles.labels import OUTPUTS, label_chances, responsibility

from sklearn_bp.backends import CpuBackend
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.leave_one_out import LeaveOneOut, Settled
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

N_SAMPLES, N_FEATURES, N_STEPS = 12, 5, 3
OUTPUT_UNITS = {"sign": 1, "argmax": 4, "argmax_exact": 4}

SETTINGS = {
    "algo": "mf",
    "weight_prior": "gaussian",
    "damping": 0.0,
    "likelihood_weight": 0.7,
    "label_noise": 0.1,
    "learns_label_noise": True,
    "intercept": False,
    "dtype": "float64",
}


def start(output, hidden=(), **options):
    """An engine that may doubt labels, its samples and labels."""
    rng = np.random.RandomState(3)
    network = make_network(
        [N_FEATURES, *hidden, OUTPUT_UNITS[output]], output=output, **(SETTINGS | options)
    )
    dtype = network.dtype
    engine = Engine(network, draw_posterior(network, rng), CpuBackend(1))
    X = rng.standard_normal((N_SAMPLES, N_FEATURES)).astype(dtype)
    y = rng.randint(OUTPUT_UNITS[output], size=N_SAMPLES)
    if output == "sign":
        y = np.where(rng.rand(N_SAMPLES) < 0.5, -1.0, 1.0).astype(dtype)
    return engine, X, y


def steps(engine, X, y, n_epochs=1):
    """Learn mini-batches in order; yield their rows and the posterior before each."""
    for _ in range(n_epochs):
        for rows in np.split(np.arange(N_SAMPLES), N_STEPS):
            before = engine.posterior()
            engine.step(X, y, rows)
            yield rows, before


@pytest.mark.parametrize("rho", [1.0, 0.9])
@pytest.mark.parametrize("output", OUTPUT_UNITS)
def test_it_is_what_the_fields_say_without_what_a_sample_added(output, rho):
    engine, X, y = start(output, rho=rho)
    engine.leave_one_out = LeaveOneOut(engine, N_SAMPLES, N_STEPS)
    added = np.zeros((N_SAMPLES, N_FEATURES, OUTPUT_UNITS[output]))
    for rows, before in steps(engine, X, y, n_epochs=3):
        variance = 1 / before[0].precision
        mean = (before[0].field - added[rows]) * variance
        omega = np.einsum("ni,nik->nk", X[rows], mean)
        v = X[rows] ** 2 @ variance + 1e-8
        expected = OUTPUTS[output].log_probability(y[rows], omega, v)[:, 0]
        np.testing.assert_allclose(engine.leave_one_out.log_z[rows], expected, rtol=1e-9)
        added *= rho
        added[rows] += 0.7 * X[rows, :, None] * engine.layers[-1].batch.g[:, None, :]


@pytest.mark.parametrize("prior", ["binary", "gaussian"])
def test_samples_that_were_not_learned_are_predicted_as_they_are(prior):
    engine, X, y = start("argmax_exact", hidden=(7,), weight_prior=prior)
    engine.leave_one_out = LeaveOneOut(engine, N_SAMPLES, N_STEPS)
    for rows, _ in steps(engine, X, y):
        learned = engine.layers[-1].labels.log_z
        np.testing.assert_array_equal(engine.leave_one_out.log_z[rows], learned)


@pytest.mark.parametrize("prior", ["binary", "gaussian"])
@pytest.mark.parametrize("output", OUTPUT_UNITS)
def test_a_learned_label_is_less_likely_without_its_sample(output, prior):
    engine, X, y = start(output, hidden=(7,), weight_prior=prior)
    engine.leave_one_out = LeaveOneOut(engine, N_SAMPLES, N_STEPS)
    found = list(steps(engine, X, y, n_epochs=3))[-1]
    layer = engine.layers[-1]
    assert np.all(engine.leave_one_out.log_z[found[0]] < layer.labels.log_z)


# Of two classes B is what stays in later sweeps, and r follows ω.
@pytest.mark.parametrize(
    "output, n_inner_iter", [(name, 1) for name in OUTPUT_UNITS] + [("argmax_exact", 2)]
)
def test_labels_are_believed_by_what_others_say(output, n_inner_iter):
    """g is r g of a certain label, with the responsibility r of log Z without the sample."""
    engine, X, y = start(output, hidden=(7,), n_inner_iter=n_inner_iter)
    engine.leave_one_out = LeaveOneOut(engine, N_SAMPLES, N_STEPS)
    n_classes = max(OUTPUT_UNITS[output], 2)
    for rows, _ in steps(engine, X, y, n_epochs=3):
        layer = engine.layers[-1]
        r, rest = responsibility(layer.left_out.log_z, *label_chances(0.1, n_classes))
        g, gamma = OUTPUTS[output].g_gamma(y[rows], layer.batch.omega, layer.batch.v)
        r, rest = r[:, None], rest[:, None]
        np.testing.assert_allclose(layer.batch.g, r * g, rtol=1e-9, atol=1e-12)
        expected = r * gamma - r * rest * g**2
        np.testing.assert_allclose(layer.batch.gamma, expected, rtol=1e-8, atol=1e-10)
    assert np.all(layer.left_out.log_z < layer.labels.log_z)


@pytest.mark.parametrize("output", OUTPUT_UNITS)
def test_once_settled_it_stays_what_it_was(output):
    engine, X, y = start(output, hidden=(7,))
    engine.leave_one_out = LeaveOneOut(engine, N_SAMPLES, N_STEPS)
    list(steps(engine, X, y, n_epochs=2))
    found = engine.leave_one_out.log_z.copy()
    engine.leave_one_out = Settled(engine.leave_one_out.log_z)
    for rows, _ in steps(engine, X, y, n_epochs=2):
        np.testing.assert_array_equal(engine.layers[-1].left_out.log_z, found[rows])
    np.testing.assert_array_equal(engine.leave_one_out.log_z, found)


@pytest.mark.parametrize("output", OUTPUT_UNITS)
def test_certain_labels_are_believed_whatever_others_say(output):
    posteriors = []
    for judges in (False, True):
        engine, X, y = start(output, hidden=(7,), dtype="float32", label_noise=0.0)
        if judges:
            engine.leave_one_out = LeaveOneOut(engine, N_SAMPLES, N_STEPS)
        list(steps(engine, X, y, n_epochs=2))
        posteriors.append(engine.posterior())
    for one, other in zip(*posteriors, strict=True):
        np.testing.assert_array_equal(one.field, other.field)


@pytest.mark.parametrize("rho", [1e-3, 0.5, 2.0, 1e3])
def test_any_rho_leaves_finite_numbers(rho):
    engine, _, _ = start("sign", rho=rho, dtype="float32")
    judge = LeaveOneOut(engine, N_SAMPLES, 10**6)
    assert np.isfinite([judge._kept, judge._weight]).all()
