"""partial_fit: one PasP step per call, the same as fit's, and nothing changed by a failed call."""

import os
import signal

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from threadpoolctl import threadpool_limits

from sklearn_bp._estimators import training
from sklearn_bp.backends.cpu import _blas, _threads
from sklearn_bp.engine.errors import EdgeMemoryError, NonFiniteError

from .problems import ALGORITHMS, ESTIMATORS, OUTPUTS, PRIORS, X, Y, batches, small
from .states import (
    assert_close_posterior,
    assert_finite,
    assert_same,
    assert_same_posterior,
    posterior_arguments,
    state_of,
)

pytestmark = pytest.mark.usefixtures("binary_networks")

CLASSES = [0, 1, 2]
ROWS = batches(4)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_one_call_is_an_epoch_of_one_mini_batch(algo, weight_prior, output):
    samples, labels, parameters = OUTPUTS[output]
    parameters = {**parameters, "algo": algo, "weight_prior": weight_prior, "density": 0.8}
    fitted = small(max_iter=1, batch_size=150, shuffle=False, **parameters).fit(samples, labels)
    stepped = small(**parameters).partial_fit(samples, labels, classes=np.unique(labels))
    assert_same_posterior(fitted, stepped)
    assert_same(fitted.predict_proba(samples), stepped.predict_proba(samples))
    assert (stepped.n_iter_, stepped.n_steps_, stepped.t_) == (1, 1, len(labels))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_fit_is_a_loop_of_calls(algo, weight_prior, dtype, monkeypatch):
    """Mini-batches of 40, 40, 40 and 30 samples, twice, with several sweeps."""
    monkeypatch.setattr(training, "RELAPSE", np.inf)  # Calls keep no earlier state.
    parameters = dict(algo=algo, weight_prior=weight_prior, n_inner_iter=2, dtype=dtype)
    fitted = small(max_iter=2, batch_size=40, shuffle=False, **parameters).fit(X, Y)
    stepped = small(**parameters)
    for first in [*range(0, 150, 40)] * 2:
        rows = slice(first, first + 40)
        stepped.partial_fit(X[rows], Y[rows], classes=CLASSES)
    assert_same_posterior(fitted, stepped)
    assert (fitted.n_steps_, fitted.t_) == (stepped.n_steps_, stepped.t_) == (8, 300)


def test_reading_the_posterior_between_calls_changes_nothing():
    watched, blind = small(), small()
    for rows in ROWS:
        watched.partial_fit(X[rows], Y[rows], classes=CLASSES)
        watched.predict(X)
        state_of(watched)
        blind.partial_fit(X[rows], Y[rows], classes=CLASSES)
    assert_same_posterior(watched, blind)


def test_fit_then_partial_fit_continues():
    model = small(max_iter=1, batch_size=150, shuffle=False).fit(X, Y)
    other = small().partial_fit(X, Y, classes=CLASSES)
    for rows in ROWS:
        model.partial_fit(X[rows], Y[rows])
        other.partial_fit(X[rows], Y[rows])
    assert_same_posterior(model, other)
    assert model.n_iter_ == 5 and len(model.history_) == 1


def test_fit_starts_anew_after_partial_fit():
    model = small().partial_fit(X, Y, classes=[0, 1, 2, 3]).fit(X, Y)
    assert_same_posterior(model, small().fit(X, Y))
    assert model.classes_.tolist() == CLASSES


def test_first_call_needs_classes():
    model = small()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.partial_fit(X, Y, classes=CLASSES).partial_fit(X, Y).partial_fit(X, Y, classes=CLASSES)
    assert model.n_iter_ == 3


@pytest.mark.parametrize("classes", [[2, 0, 1, 1], np.array([1, 2, 0]), range(3)])
def test_classes_in_any_order_and_kind(classes):
    model = small().partial_fit(X, Y, classes=classes)
    assert_same_posterior(model, small().partial_fit(X, Y, classes=CLASSES))
    assert model.classes_.tolist() == CLASSES


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_classes_absent_from_a_mini_batch(cls):
    model = small(cls)
    for code in (*CLASSES, *CLASSES):
        model.partial_fit(X[Y == code], Y[Y == code], classes=[*CLASSES, 9])
        assert_finite(model)
    assert model.predict_proba(X).shape == (150, 4)


def test_a_class_that_never_comes_is_not_predicted():
    model = small(hidden_layer_sizes=(21,))
    for rows in batches(4) * 10:
        model.partial_fit(X[rows], Y[rows], classes=[*CLASSES, 9])
    assert 9 not in model.predict(X)
    assert model.score(X, Y) >= 0.75  # measured 0.91


@pytest.mark.parametrize("damping", [0.0, 0.9])
@pytest.mark.parametrize("weight_prior", PRIORS)
def test_single_samples(weight_prior, damping):
    model = small(weight_prior=weight_prior, damping=damping)
    for row in ROWS[0]:
        model.partial_fit(X[[row]], Y[[row]], classes=CLASSES)
    assert_finite(model)
    assert model.t_ == model.n_steps_ == len(ROWS[0])


def test_mini_batches_of_changing_size():
    """Buffers grow and shrink; a smaller mini-batch must not see rows of a larger one."""
    model = small().partial_fit(X[:100], Y[:100], classes=CLASSES)
    model.partial_fit(X[:3], Y[:3]).partial_fit(X, Y)
    other = small().partial_fit(X[:100], Y[:100], classes=CLASSES)
    for rows in (slice(0, 3), slice(None)):
        fresh = small().partial_fit(X, Y, classes=CLASSES)
        fresh.set_posterior(**posterior_arguments(other))
        other = fresh.partial_fit(X[rows], Y[rows])
    assert_same_posterior(model, other)


# Parameters that change between calls ---------------------------------------------------------

CHANGES = [
    {"rho": 0.5},
    {"output_rho": 0.5},
    {"damping": 0.1},
    {"algo": "mf"},
    {"activation": "identity"},
    {"argmax": "exact"},
    {"n_inner_iter": 3},
    {"reinforcement": 0.5},
    {"class_weight": {0: 3.0}},
    {"edges": 1},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_changed_parameters_take_effect_at_once(change):
    """As on an estimator that was put into the same state by set_posterior."""
    model = small().partial_fit(X, Y, classes=CLASSES)
    unchanged = small().partial_fit(X, Y, classes=CLASSES).partial_fit(X, Y)
    elsewhere = small(**change).partial_fit(X, Y, classes=CLASSES)
    elsewhere.set_posterior(**posterior_arguments(model))
    model.set_params(**change).partial_fit(X, Y)
    assert_same_posterior(model, elsewhere.partial_fit(X, Y))
    with pytest.raises(AssertionError):
        assert_same_posterior(model, unchanged)


@pytest.mark.parametrize("name", ["rho", "damping"])
def test_a_list_that_is_changed_in_place_takes_effect_at_once(name):
    numbers = [0.5, 0.5]
    changed = small().set_params(**{name: numbers}).partial_fit(X, Y, classes=CLASSES)
    set_anew = small().set_params(**{name: list(numbers)}).partial_fit(X, Y, classes=CLASSES)
    numbers[0] = 0.75
    changed.partial_fit(X, Y)
    set_anew.set_params(**{name: [0.75, 0.5]}).partial_fit(X, Y)
    assert_same_posterior(changed, set_anew)


@pytest.mark.parametrize(("first", "then"), [("float32", "float64"), ("float64", "float32")])
def test_changed_precision_takes_effect_at_once(first, then):
    model = small(dtype=first).partial_fit(X, Y, classes=CLASSES)
    model.set_params(dtype=then).partial_fit(X, Y)
    assert model.weight_fields_[0].dtype == then
    double = small(dtype="float64").partial_fit(X, Y, classes=CLASSES).partial_fit(X, Y)
    assert_close_posterior(model, double, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    "change", [{"init_scale": 0.1}, {"density": 0.3}, {"random_state": 9}, {"batch_size": 1}]
)
def test_parameters_of_the_start_have_no_effect_later(change):
    model = small().partial_fit(X, Y, classes=CLASSES).set_params(**change).partial_fit(X, Y)
    other = small().partial_fit(X, Y, classes=CLASSES).partial_fit(X, Y)
    assert_same_posterior(model, other)


# Failed calls ---------------------------------------------------------------------------------

NAN = np.where(X > 2, np.nan, X)

FAILURES = {
    "hidden_layer_sizes": ({"hidden_layer_sizes": (8,)}, {}, ValueError, "must not change"),
    "weight_prior": ({"weight_prior": "gaussian"}, {}, ValueError, "must not change"),
    "fit_intercept": ({"fit_intercept": False}, {}, ValueError, "must not change"),
    "bad algo": ({"algo": "sgd"}, {}, ValueError, "'algo' parameter"),
    "bad rho": ({"rho": len}, {}, ValueError, "'rho' parameter"),
    "rho length": ({"rho": [1.0]}, {}, ValueError, "rho must be .* 2 numbers"),
    "bad class_weight": ({"class_weight": [1, 2]}, {}, ValueError, "'class_weight' parameter"),
    "balanced": ({"class_weight": "balanced"}, {}, ValueError, "needs all samples"),
    "unknown label": ({}, {"y": Y + 1}, ValueError, r"unseen labels \[3\]"),
    "label type": ({}, {"y": Y.astype(str)}, ValueError, "unseen labels"),
    "too few labels": ({}, {"y": Y[:-1]}, ValueError, "inconsistent numbers"),
    "other classes": ({}, {"classes": [0, 1]}, ValueError, "classes must stay the same"),
    "features": ({}, {"X": X[:, :3]}, ValueError, "3 features"),
    "NaN": ({}, {"X": NAN}, ValueError, "NaN"),
    "infinity": ({}, {"X": np.nan_to_num(NAN, nan=np.inf)}, ValueError, "infinity"),
    "huge": ({}, {"X": 1e30 * X}, ValueError, "must not exceed"),
    "negative weight": ({}, {"sample_weight": -np.ones(150)}, ValueError, "[Nn]egative"),
    "not finite": ({"rho": 1e39}, {}, NonFiniteError, "non-finite"),
    "edge memory": ({"n_inner_iter": 2, "edge_memory_limit": 1}, {}, EdgeMemoryError, "bytes"),
}


def started(held):
    """A trained estimator whose posterior is held by the host, or by a live engine."""
    if held == "host":
        return small().fit(X, Y)
    return small().partial_fit(X, Y, classes=CLASSES).partial_fit(X[::-1], Y[::-1])


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("held", ["host", "live engine"])
def test_a_failed_call_changes_nothing(held, failure):
    change, data, error, message = FAILURES[failure]
    model, twin = started(held), started(held)
    original = model.get_params()
    model.set_params(**change)
    before = state_of(model)
    with pytest.raises(error, match=message):
        model.partial_fit(**{"X": X, "y": Y, **data})
    assert_same(state_of(model), before)
    model.set_params(**{name: original[name] for name in change}).partial_fit(X, Y)
    assert_same_posterior(model, twin.partial_fit(X, Y))


@pytest.mark.parametrize(
    "failure",
    [
        "bad algo",
        "bad rho",
        "rho length",
        "balanced",
        "unknown label",
        "too few labels",
        "NaN",
        "not finite",
        "edge memory",
    ],
)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_failed_first_call_leaves_an_unfitted_estimator(cls, failure):
    change, data, error, message = FAILURES[failure]
    model = small(cls, **change)
    before = vars(model).copy()
    with pytest.raises(error, match=message):
        model.partial_fit(**{"X": X, "y": Y, "classes": CLASSES, **data})
    assert vars(model) == before
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_an_interrupted_step_is_taken_back(monkeypatch):
    """The interruption comes between the forward pass and the update of the last layer."""
    model, twin = started("live engine"), started("live engine")
    before = state_of(model)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_bp.engine.sweep.update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, Y)
    monkeypatch.undo()
    assert_same(state_of(model), before)
    assert_same_posterior(model.partial_fit(X, Y), twin.partial_fit(X, Y))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot fork here")
def test_a_forked_process_goes_on_with_threads_of_its_own(monkeypatch):
    """The engine's thread stays behind; who waits for it in the child waits until the alarm."""
    monkeypatch.setattr(_blas, "cpu_count", lambda: 2)
    monkeypatch.setattr(_threads, "LEAST_WORK_PER_THREAD", 1)
    with threadpool_limits(2, user_api="blas"):
        model, twin = (small(hidden_layer_sizes=(1000,)) for _ in range(2))
        for one in (model, twin):
            one.partial_fit(X, Y, classes=CLASSES)
        probabilities = twin.partial_fit(X, Y).predict_proba(X)
        assert _threads.WORKERS._number
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            try:
                assert_same_posterior(model.partial_fit(X, Y), twin)
                np.testing.assert_array_equal(model.predict_proba(X), probabilities)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
