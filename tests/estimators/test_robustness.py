"""Hard data and hard numbers: finite results, or an error that leaves the estimator as it was."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sklearn_bp._estimators import training
from sklearn_bp.engine.errors import EdgeMemoryError, NonFiniteError

from .problems import ALGORITHMS, ESTIMATORS, PRIORS, X, Y, small
from .states import assert_finite, assert_same, state_of

pytestmark = [
    pytest.mark.usefixtures("binary_networks"),
    # What these samples do to a network is told; here it has to stay usable.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

RAW = load_iris().data

CONSTANT = np.column_stack([X, np.ones(150), np.zeros(150)])

SAMPLES = {
    "one feature": X[:, 2:3],
    "constant features": CONSTANT,
    "only constant features": np.ones((150, 2)),
    "only zeros": np.zeros((150, 3)),
    "unscaled": RAW + 100,
    "scaled by 1e6": 1e6 * X,
    "scaled by 1e-6": 1e-6 * X,
    "scales of every size": X * [1e-6, 1, 1e6, 1e3],
    "as large as allowed": X * (9e15 / abs(X).max()),
}


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_hard_samples_leave_finite_numbers(algo, weight_prior, kind):
    samples = SAMPLES[kind]
    for cls in ESTIMATORS:
        model = small(cls, algo=algo, weight_prior=weight_prior, batch_size=50, max_iter=5)
        model.fit(samples, Y)
        assert_finite(model, samples)
        assert model.n_iter_ == 5
    assert len({*model.predict(samples)} - {*Y}) == 0


@pytest.mark.parametrize("activation", ["relu", "identity"])
@pytest.mark.parametrize("algo", ["bp", "mf", "amp"])
def test_hard_samples_with_unbounded_activations(algo, activation):
    for kind in ("scaled by 1e6", "scaled by 1e-6", "constant features", "unscaled"):
        model = small(algo=algo, activation=activation, batch_size=50, max_iter=5)
        assert_finite(model.fit(SAMPLES[kind], Y), SAMPLES[kind])


def test_scaling_all_features_leaves_the_classes_to_be_learned():
    """±1 weights of the first layer see signs of sums: their scale is that of the intercepts."""
    for factor in (1e-3, 1.0, 1e6):
        model = small(hidden_layer_sizes=(21,), max_iter=40, batch_size=16, fit_intercept=False)
        assert model.fit(factor * X, Y).score(factor * X, Y) >= 0.72  # measured 0.81


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("weight_prior", PRIORS)
def test_one_sample_per_class(cls, weight_prior):
    rows = [0, 50, 100]
    model = small(cls, weight_prior=weight_prior, max_iter=20).fit(X[rows], Y[rows])
    assert_finite(model, X[rows])
    assert model.t_ == 60


@pytest.mark.parametrize("damping", [0.0, 0.9])
@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_batches_of_one_sample(algo, weight_prior, damping):
    model = small(algo=algo, weight_prior=weight_prior, damping=damping, batch_size=1, max_iter=1)
    assert_finite(model.fit(X, Y))
    assert model.n_steps_ == 150


@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("activation", ["sign", "relu", "identity"])
def test_training_until_every_weight_is_polarised(activation, algo, monkeypatch):
    """200 epochs with rho above 1: fields grow to thousands, and every ±1 weight makes up its mind.

    What is left of V is the floor that keeps 1/V finite. Mean field leaves units that say the same
    for every sample, whose weights learn little: measured 0.75, others 0.94 and more.
    """
    monkeypatch.setattr(training, "RELAPSE", np.inf)  # The last state is wanted.
    model = small(
        algo=algo,
        activation=activation,
        max_iter=200,
        n_iter_no_change=200,
        rho=1.1,
        output_rho=1.1,
        damping=0.5,
    ).fit(1e3 * X, Y)
    assert model.n_iter_ == 200
    assert_finite(model, 1e3 * X)
    assert max(abs(field).max() for field in model.weight_fields_) > 1e3
    polarization = [model.history_[-1][f"polarization_{layer}"] for layer in range(2)]
    assert min(polarization) > (0.65 if algo == "mf" else 0.88)
    before = state_of(model)
    assert_finite(model.partial_fit(1e3 * X, Y), 1e3 * X)
    assert before["n_steps_"] + 1 == model.n_steps_


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_polarised_networks_of_unscaled_samples(cls):
    """ω is a billion standard deviations from zero where V is only its floor."""
    model = small(cls, activation="relu", max_iter=200, rho=1.1, output_rho=1.1, damping=0.5)
    model.set_params(fit_intercept=False, n_iter_no_change=200).fit(1e6 * X, Y)
    assert model.n_iter_ == 200
    assert_finite(model, 1e6 * X)


@pytest.mark.parametrize("hidden", [(1,), (2, 1, 2), (3,) * 8])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_narrow_and_deep_networks(cls, hidden):
    model = small(cls, hidden_layer_sizes=hidden, max_iter=10).fit(X, Y)
    assert_finite(model)


@pytest.mark.parametrize("parameters", [{"init_scale": 1e10}, {"init_scale": 1e-10}])
@pytest.mark.parametrize("weight_prior", PRIORS)
def test_starts_of_every_scale(weight_prior, parameters):
    assert_finite(small(weight_prior=weight_prior, **parameters).fit(X, Y))


@pytest.mark.parametrize("weight_prior", PRIORS)
def test_density_that_leaves_one_weight(weight_prior):
    model = small(weight_prior=weight_prior, density=1e-9).fit(X, Y)
    assert [mask.sum() for mask in model.weight_masks_] == [1, 1]
    assert_finite(model)


# Leaving the finite numbers -------------------------------------------------------------------


@pytest.mark.parametrize("rho", [50.0, 1e-30])
@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_any_rho_of_a_few_steps_stays_finite(cls, weight_prior, rho):
    model = small(cls, weight_prior=weight_prior, rho=rho, output_rho=rho, max_iter=4)
    assert_finite(model.fit(X, Y))


@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_divergence_stops_training_at_a_finite_state_of_its_own(cls, weight_prior):
    """Fields grow by 1e6 a step; the eighth step or so would overflow single precision.

    The state kept is the last one, or an earlier one that predicted better.
    """
    parameters = dict(weight_prior=weight_prior, rho=1e6, output_rho=1e6, shuffle=False)
    model = small(cls, max_iter=30, batch_size=150, **parameters)
    with pytest.warns(ConvergenceWarning, match=r"stopped in epoch \d+.*would become non-finite"):
        model.fit(X, Y)
    assert 2 <= model.n_steps_ < 30
    assert_finite(model)
    one_step = small(cls, batch_size=150, **parameters).set_params(max_iter=1, warm_start=True)
    passed = []
    for _ in range(model.n_steps_):
        passed.append(one_step.fit(X, Y).weight_fields_[0].copy())
    assert any(np.array_equal(fields, model.weight_fields_[0]) for fields in passed)
    with pytest.raises(NonFiniteError, match=r"run away \(rho=1e\+06 above 1"):
        for _ in range(30):
            before = state_of(model)
            model.partial_fit(X, Y)
    assert_same(state_of(model), before)


def test_divergence_within_the_first_step_is_an_error():
    model = small(init_scale=1e39)
    before = vars(model).copy()
    with pytest.raises(NonFiniteError, match="would become non-finite") as caught:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            model.fit(X, Y)
    assert isinstance(caught.value, ValueError) and caught.value.layer in (0, 1)
    assert vars(model) == before
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_double_precision_goes_further():
    parameters = dict(rho=1e6, output_rho=1e6, max_iter=20, batch_size=150)
    assert_finite(small(dtype="float64", **parameters).fit(X, Y))


# Failed fits ----------------------------------------------------------------------------------

BROKEN = {
    "NaN": (np.where(X > 2, np.nan, X), Y, ValueError, "NaN"),
    "infinity": (np.where(X > 2, np.inf, X), Y, ValueError, "infinity"),
    "too large": (1e17 * X, Y, ValueError, "must not exceed"),
    "one dimension": (X[:, 0], Y, ValueError, "2D array"),
    "three dimensions": (X[None], Y, ValueError, "dim 3"),
    "no samples": (X[:0], Y[:0], ValueError, r"0 sample\(s\)"),
    "no features": (X[:, :0], Y, ValueError, r"0 feature\(s\)"),
    "too few labels": (X, Y[:-1], ValueError, "inconsistent numbers"),
    "one class": (X[:50], Y[:50], ValueError, "greater than one"),
    "no labels": (X, None, ValueError, "y cannot be None|requires y"),
    "numbers for labels": (X, X[:, 0], ValueError, "continuous"),
}


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("reason", BROKEN)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_failed_fit_changes_nothing(cls, reason, trained):
    samples, labels, error, message = BROKEN[reason]
    model = small(cls)
    if trained:
        model.fit(X, Y)
    before = state_of(model)
    with pytest.raises(error, match=message):
        model.fit(samples, labels)
    assert_same(state_of(model), before)


PARAMETERS = {
    "edge memory": ({"n_inner_iter": 2, "edge_memory_limit": 100}, EdgeMemoryError),
    "device": ({"device": "tpu"}, ValueError),
    "early stopping": ({"early_stopping": True, "validation_fraction": 0.005}, ValueError),
    "divergence": ({"rho": 1e39}, NonFiniteError),
    "rho": ({"rho": [1, 2, 3]}, ValueError),
}


@pytest.mark.parametrize("warm_start", [True, False])
@pytest.mark.parametrize("reason", PARAMETERS)
def test_a_failed_fit_of_wrong_parameters_changes_nothing(reason, warm_start):
    parameters, error = PARAMETERS[reason]
    model = small(warm_start=warm_start).fit(X, Y).set_params(**parameters)
    before = state_of(model) if reason != "device" else vars(model).copy()
    with pytest.raises(error):
        model.fit(X, Y)
    assert_same(state_of(model) if reason != "device" else vars(model), before)


def test_a_failed_warm_start_keeps_the_fitted_features_and_classes():
    model = small(warm_start=True).fit(X, Y)
    before = state_of(model)
    for samples, labels in ((X[:, :2], Y), (X, Y + 1), (X[:100], Y[:100])):
        with pytest.raises(ValueError, match="features|classes must stay the same"):
            model.fit(samples, labels)
        assert_same(state_of(model), before)


@pytest.mark.parametrize("samples", [X[:, :3], np.where(X > 2, np.nan, X), 1e17 * X, X[0]])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_failed_prediction_changes_nothing(cls, samples):
    model = small(cls).fit(X, Y)
    before = state_of(model)
    for method in (model.predict, model.predict_proba, model.predict_log_proba):
        with pytest.raises(ValueError):
            method(samples)
    assert_same(state_of(model), before)


def test_edge_memory_limit_names_bytes_and_ways_out():
    """Three messages of 4 bytes on each of (4 + 1) · 7 edges, for 100 samples."""
    model = small(n_inner_iter=2, batch_size=100, edge_memory_limit=41_999)
    with pytest.raises(EdgeMemoryError, match="42000 bytes for batch_size=100") as caught:
        model.fit(X, Y)
    assert isinstance(caught.value, MemoryError)
    for way_out in ("batch_size", "layer sizes", "edge_memory_limit", "'bpi'", "n_inner_iter=1"):
        assert way_out in str(caught.value)
    assert_finite(model.set_params(edge_memory_limit=42_000).fit(X, Y))
    for way_out in ({"algo": "bpi"}, {"algo": "amp"}, {"n_inner_iter": 1}, {"batch_size": 50}):
        changed = {"n_inner_iter": 2, "batch_size": 100, "edge_memory_limit": 41_999, **way_out}
        assert_finite(small(**changed).fit(X, Y))
