"""Class probabilities against formulas computed here from the fitted attributes."""

import numpy as np
import pytest
from oracles.argmax_exact import argmax_probabilities
from oracles.channels import ACTIVATIONS
from scipy.special import expit, log_softmax, ndtr

from sklearn_bp import BayesBPClassifier

from .problems import ESTIMATORS, OUTPUTS, PRIORS, X, Y, small
from .states import assert_predictions, assert_same

pytestmark = pytest.mark.usefixtures("binary_networks")

SETTINGS = dict(dtype="float64", density=[0.8, 0.9, 0.7], hidden_layer_sizes=(9, 5))


def point_probabilities(model, samples):
    """Softmax of the point network's outputs over the root mean square norm of their weights."""
    x = samples
    for layer, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        z = x @ weights + bias
        if layer + 1 < len(model.coefs_):
            x = ACTIVATIONS[model.activation].point(z)
    z = z / np.sqrt((model.coefs_[-1] ** 2).sum() / z.shape[1])
    if z.shape[1] == 1:
        return np.column_stack([expit(-z), expit(z)])
    return np.exp(log_softmax(z, axis=1))


def output_moments(model, samples):
    """Mean and variance of the last pre-activations, unit by unit, without messages from above."""
    mean, variance = samples, np.zeros_like(samples)
    for layer, (m, sigma) in enumerate(
        zip(model.weight_means_, model.weight_variances_, strict=True)
    ):
        omega, v = mean @ m, variance @ (m**2 + sigma) + mean**2 @ sigma + 1e-8
        if model.fit_intercept:
            omega = omega + model.intercept_means_[layer]
            v = v + model.intercept_variances_[layer]
        if layer + 1 < len(model.weight_means_):
            mean, variance = ACTIVATIONS[model.activation].moments(0.0, 0.0, omega, v)
    return omega, v


@pytest.fixture(scope="module", params=OUTPUTS)
def problem(request):
    return OUTPUTS[request.param]


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("activation", ["sign", "relu", "identity"])
@pytest.mark.parametrize("weight_prior", PRIORS)
def test_point_probabilities(problem, weight_prior, activation, fit_intercept):
    samples, labels, parameters = problem
    parameters = {**SETTINGS, **parameters, "fit_intercept": fit_intercept}
    model = small(weight_prior=weight_prior, activation=activation, **parameters)
    expected = point_probabilities(model.fit(samples, labels), samples)
    np.testing.assert_allclose(model.predict_proba(samples), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("activation", ["sign", "relu", "identity"])
@pytest.mark.parametrize("weight_prior", PRIORS)
def test_bayesian_probabilities(problem, weight_prior, activation, fit_intercept):
    samples, labels, parameters = problem
    parameters = {**SETTINGS, **parameters, "fit_intercept": fit_intercept}
    model = small(
        BayesBPClassifier, weight_prior=weight_prior, activation=activation, **parameters
    ).fit(samples, labels)
    rows = samples[::10]
    omega, v = output_moments(model, rows)
    if omega.shape[1] == 1:
        ratio = omega / np.sqrt(v)
        expected = np.column_stack([ndtr(-ratio), ndtr(ratio)])
    else:
        expected = argmax_probabilities(omega, v)
    np.testing.assert_allclose(model.predict_proba(rows), expected, rtol=1e-4, atol=1e-7)


def test_bayesian_probabilities_are_shares_of_sampled_outputs():
    """200 000 draws of independent Gaussian outputs: the argmax wins as often as predicted."""
    model = small(BayesBPClassifier, dtype="float64").fit(X, Y)
    omega, v = output_moments(model, X[::30])
    draws = np.random.default_rng(0).standard_normal((200_000, *omega.shape))
    winners = (omega + np.sqrt(v) * draws).argmax(axis=2)
    proba = model.predict_proba(X[::30])
    for code in range(3):
        share = (winners == code).mean(axis=0)
        noise = np.sqrt(proba[:, code] * (1 - proba[:, code]) / 200_000)
        assert (abs(share - proba[:, code]) <= 4.5 * noise + 1e-5).all()


# Agreement of predict and predict_proba -------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("hidden", [(), (1,), (2,), (4, 2)])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_label_is_that_of_the_largest_probability(cls, hidden, fit_intercept, n_classes):
    """Even widths without intercepts make outputs tie on many samples, and zeros on all."""
    rng = np.random.default_rng(n_classes)
    samples = rng.integers(-1, 2, (80, 3)).astype(float)
    labels = np.arange(80) % n_classes
    model = small(cls, hidden_layer_sizes=hidden, fit_intercept=fit_intercept)
    model.fit(samples, labels)
    assert_predictions(model, samples)
    assert_predictions(model, np.zeros((3, 3)))


def test_a_tie_of_two_classes_falls_to_the_positive_one():
    """sign(0) = +1, also where both probabilities round to a half."""
    samples = np.array([[1.0, -1.0], [-1.0, 1.0], [2.0, 2.0]])
    model = small(hidden_layer_sizes=(), fit_intercept=False, max_iter=0)
    model.fit(samples, ["no", "yes", "yes"])
    fields = np.array([[1.0], [1.0]])
    model.set_posterior([fields])
    assert model.predict(samples).tolist() == ["yes", "yes", "yes"]
    nearly = np.array([[1e-30, 0.0], [-1e-30, 0.0], [-1e-3, 0.0]])
    assert model.predict(nearly).tolist() == ["yes", "no", "no"]
    np.testing.assert_allclose(model.predict_proba(nearly)[:2], 0.5)
    assert_predictions(model, nearly)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_pruned_outputs_still_give_probabilities(cls):
    model = small(cls, fit_intercept=False).fit(X, Y)
    masks = [np.ones((4, 7), bool), np.zeros((7, 3), bool)]
    model.set_posterior(model.weight_fields_, weight_masks=masks)
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)
    assert_predictions(model)


# Rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_row_does_not_depend_on_the_others(cls, dtype):
    """Alone, in another order, and across the chunks in which many rows are predicted."""
    rng = np.random.default_rng(0)
    many = rng.standard_normal((2500, 4))
    model = small(cls, hidden_layer_sizes=(40, 33), dtype=dtype).fit(X, Y)
    proba = model.predict_proba(many)
    tolerance = dict(rtol=0, atol=1e-6 if dtype == "float32" else 1e-13)
    order = rng.permutation(2500)
    np.testing.assert_allclose(model.predict_proba(many[order]), proba[order], **tolerance)
    for row in (0, 1023, 1024, 2499):
        one = model.predict_proba(many[row : row + 1])
        np.testing.assert_allclose(one, proba[row : row + 1], **tolerance)
    for stop in (2, 17, 1025):
        np.testing.assert_allclose(model.predict_proba(many[:stop]), proba[:stop], **tolerance)
    np.testing.assert_array_equal(model.predict(many[:17]), model.predict(many)[:17])


@pytest.mark.parametrize("labels", [Y, Y == 2])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_log_probabilities(cls, labels):
    model = small(cls, max_iter=20, rho=1.05, output_rho=1.05).fit(X, labels)
    far = np.vstack([X, 1e3 * X])
    with np.errstate(divide="ignore"):
        expected = np.log(model.predict_proba(far))
    assert_same(model.predict_log_proba(far), expected)


def test_small_probabilities_of_two_classes_keep_their_digits():
    """−z²/2 is the log of the tail, far below where 1 − p rounds to zero."""
    model = small(BayesBPClassifier, max_iter=50, rho=1.1, output_rho=1.1, dtype="float64")
    log_proba = model.fit(X[:100], Y[:100]).predict_log_proba(X[:100])
    assert np.isfinite(log_proba).all()
    assert log_proba.min() < -40


def test_weights_whose_squares_overflow_still_predict():
    """What a diverging training may end with; one pass in double precision is enough."""
    for cls in ESTIMATORS:
        model = small(cls, hidden_layer_sizes=(7, 5), weight_prior="gaussian").fit(X, Y)
        model.set_posterior(
            [np.sign(field) * 1e30 for field in model.weight_fields_],
            weight_precisions=[np.ones_like(field) for field in model.weight_fields_],
            intercept_fields=model.intercept_fields_,
            intercept_precisions=model.intercept_precisions_,
        )
        assert_predictions(model)


def test_outputs_beyond_double_precision_are_refused():
    model = small(weight_prior="gaussian", dtype="float64", fit_intercept=False).fit(X, Y)
    model.set_posterior(
        [np.sign(field) * 1e200 for field in model.weight_fields_],
        weight_precisions=[np.ones_like(field) for field in model.weight_fields_],
    )
    with pytest.raises(ValueError, match=r"outputs overflow.*smaller rho"):
        model.predict(X)
