"""Early stopping keeps the best state, max_iter ends or warns, a warm start goes on."""

import copy
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score

from sklearn_bp import BPClassifier
from sklearn_bp._estimators import training
from sklearn_bp._estimators.training import Training

from .problems import ESTIMATORS, X, Y, small
from .states import assert_same, assert_same_posterior, posterior_of

pytestmark = pytest.mark.usefixtures("binary_networks")

STOPPING = {"early_stopping": True, "batch_size": 16, "damping": 0.5}


def scores(model):
    return [record["validation_score"] for record in model.history_]


def without_time(history):
    return [{name: v for name, v in record.items() if name != "time_s"} for record in history]


def snapshots(model, n_epochs):
    """Copies after every epoch of a fit, taken by warm starts of one epoch each."""
    copies = []
    for _ in range(n_epochs):
        model.set_params(max_iter=1, warm_start=True).fit(X, Y)
        copies.append(copy.deepcopy(model))
    return copies


# Which state is kept ---------------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_the_state_kept_is_the_one_that_scored_best(cls):
    model = small(cls, max_iter=100, n_iter_no_change=5, tol=0, **STOPPING).fit(X, Y)
    assert model.best_validation_score_ == max(scores(model))
    # It stopped five epochs after the best one. A fit of the same seed that ends there is the same.
    best_epoch = 1 + int(np.argmax(scores(model)))
    assert best_epoch == len(model.history_) - 5 < 95
    again = small(cls, max_iter=best_epoch, n_iter_no_change=100, **STOPPING).fit(X, Y)
    assert_same_posterior(model, again)
    # But the epochs after it did happen.
    assert model.n_iter_ == len(model.history_) > best_epoch


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_the_score_is_the_accuracy_on_stratified_samples_set_aside(cls):
    # Features that say which sample it is, to find out which were seen.
    model = small(cls, max_iter=1, validation_fraction=0.2, **STOPPING)
    seen = []
    predict = cls._codes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            cls,
            "_codes",
            lambda self, n, p, rows, b: seen.append(rows) or predict(self, n, p, rows, b),
        )
        model.fit(X, Y)
    aside = seen[0]  # What comes last is a look at the training samples.
    places = [int(np.flatnonzero((X.astype(aside.dtype) == row).all(axis=1))[0]) for row in aside]
    np.testing.assert_array_equal(np.bincount(Y[places]), [10, 10, 10])
    assert model.history_[0]["n_samples_seen"] == 120
    expected = accuracy_score(Y[places], model.predict(X[places]))
    assert scores(model) == [expected] == [model.best_validation_score_]


def test_samples_set_aside_are_not_learned():
    model = small(max_iter=3, **STOPPING).fit(X, Y)
    noise = X.copy()
    rng = np.random.default_rng(0)
    untouched = []
    for row in rng.permutation(150)[:40]:
        noise = X.copy()
        noise[row] += 1.0
        other = small(max_iter=3, **STOPPING).fit(noise, Y)
        untouched.append(
            all(
                np.array_equal(a, b)
                for a, b in zip(model.weight_fields_, other.weight_fields_, strict=True)
            )
        )
    # 15 of 150 are set aside; a change of theirs can move the best epoch, not the weights of one.
    assert 1 <= sum(untouched) <= 15


# When it stops ---------------------------------------------------------------------------


def test_it_stops_after_epochs_without_a_gain():
    model = small(max_iter=200, n_iter_no_change=3, **STOPPING).fit(X, Y)
    assert model.n_iter_ < 200
    best, stale = -np.inf, 0
    for epoch, score in enumerate(scores(model), start=1):
        stale = 0 if score > best + model.tol else stale + 1
        best = max(best, score)
        assert (stale == 3) == (epoch == model.n_iter_)


def test_a_gain_below_tol_is_no_gain():
    options = {"max_iter": 50, "n_iter_no_change": 4, **STOPPING}
    # No score can rise by two.
    model = small(tol=2.0, **options).fit(X, Y)
    assert model.n_iter_ == 5
    assert model.best_validation_score_ == max(scores(model))
    assert small(tol=0.0, **options).fit(X, Y).n_iter_ > 5


def test_without_early_stopping_every_epoch_is_run_silently_if_that_is_asked_for():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small(max_iter=15, n_iter_no_change=15, batch_size=50).fit(X, Y)
    assert model.n_iter_ == len(model.history_) == 15
    assert model.best_validation_score_ is None
    assert "validation_score" not in model.history_[0]


@pytest.fixture
def given_scores(monkeypatch):
    """Lets a test say which validation scores come next."""

    def give(*values):
        left = iter(values)
        monkeypatch.setattr(Training, "_validate", lambda self, posterior: next(left))

    return give


def test_a_score_that_still_rises_at_the_end_warns(given_scores):
    given_scores(0.1, 0.2, 0.2, 0.3)
    message = "max_iter=4 epochs are over.*by more than tol=0.0003 within the last 2 of them"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        small(max_iter=4, n_iter_no_change=2, early_stopping=True).fit(X, Y)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "values, options",
    [
        ((0.1, 0.3, 0.2, 0.2), {"max_iter": 4}),  # It stopped.
        ((0.1, 0.2), {"max_iter": 2}),  # With no more epochs than it would wait for, who knows.
    ],
)
def test_otherwise_nothing_is_said(values, options, given_scores):
    given_scores(*values)
    model = small(n_iter_no_change=2, early_stopping=True, **options).fit(X, Y)
    assert scores(model) == list(values)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_no_epochs(early_stopping):
    model = small(max_iter=0, early_stopping=early_stopping).fit(X, Y)
    assert (model.n_iter_, model.n_steps_, model.t_, model.history_) == (0, 0, 0, [])
    assert model.best_validation_score_ is None
    assert model.predict(X).shape == (150,)
    # The start is the one that training would have begun with.
    first = small(max_iter=0, random_state=0).fit(X, Y)
    assert_same_posterior(model, first)
    other = small(max_iter=0, random_state=1).fit(X, Y)
    assert not np.array_equal(model.weight_fields_[0], other.weight_fields_[0])


# Warm start ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("weight_prior", ["binary", "gaussian"])
@pytest.mark.parametrize("order", [{"batch_size": 1000}, {"batch_size": 16, "shuffle": False}])
def test_two_fits_of_three_epochs_are_one_of_six(cls, weight_prior, order, monkeypatch):
    monkeypatch.setattr(training, "RELAPSE", np.inf)  # Each goes on from its last state.
    options = {"weight_prior": weight_prior, **order}
    model = small(cls, max_iter=3, warm_start=True, **options).fit(X, Y)
    first = copy.deepcopy(model.history_)
    model.fit(X, Y)
    whole = small(cls, max_iter=6, **options).fit(X, Y)
    assert_same_posterior(model, whole)
    assert model.history_[:3] == first
    assert without_time(model.history_) == without_time(whole.history_)
    for name in ("n_iter_", "n_steps_", "t_"):
        assert getattr(model, name) == getattr(whole, name)


def test_shuffled_epochs_of_a_warm_start_repeat_an_int_seed_and_continue_a_generator():
    def fit_twice(random_state):
        model = small(max_iter=2, batch_size=16, warm_start=True, random_state=random_state)
        return model.fit(X, Y).fit(X, Y)

    assert_same_posterior(fit_twice(3), fit_twice(3))
    generators = [np.random.RandomState(3) for _ in range(2)]
    assert_same_posterior(fit_twice(generators[0]), fit_twice(generators[1]))
    assert generators[0].randint(10**9) == generators[1].randint(10**9)


def test_fit_without_a_warm_start_forgets():
    model = small(max_iter=3).fit(X, Y)
    once = posterior_of(model)
    model.fit(X, Y)
    assert_same(posterior_of(model), once)
    assert model.n_iter_ == len(model.history_) == 3
    # And it may change its shape.
    assert model.set_params(hidden_layer_sizes=(5, 3)).fit(X[:, :2], Y > 0).n_features_in_ == 2


def test_a_first_fit_may_be_a_warm_one():
    assert_same_posterior(small(warm_start=True).fit(X, Y), small().fit(X, Y))


def test_a_warm_start_goes_on_from_partial_fit_and_the_other_way():
    stream = small(warm_start=True, batch_size=1000).partial_fit(X, Y, classes=range(3))
    other = copy.deepcopy(stream)
    stream.fit(X, Y)
    for _ in range(2):
        other.partial_fit(X, Y)
    np.testing.assert_allclose(
        stream.weight_fields_[0], other.weight_fields_[0], rtol=1e-3, atol=1e-3
    )
    assert stream.t_ == other.t_ == 450
    assert [record["epoch"] for record in stream.history_] == [1, 2]
    assert stream.history_[-1]["n_samples_seen"] == 450


def test_parameters_of_training_may_change_in_between():
    model = small(warm_start=True, max_iter=2).fit(X, Y)
    model.set_params(algo="mf", rho=0.99, damping=0.5, batch_size=10, dtype="float64").fit(X, Y)
    assert model.n_iter_ == 4 and model.n_steps_ == 2 * 2 + 2 * 15
    assert model.weight_fields_[0].dtype == np.float64


@pytest.mark.parametrize(
    "change, message",
    [
        ({"hidden_layer_sizes": (8,)}, r"layers were \(4, 7, 3\).*now \(4, 8, 3\)"),
        ({"hidden_layer_sizes": (7, 7)}, r"now \(4, 7, 7, 3\)"),
        ({"weight_prior": "gaussian"}, "weight_prior='binary'.*now .* with 'gaussian'"),
        ({"fit_intercept": False}, "fit_intercept=True, now .*False"),
    ],
)
def test_a_shape_that_changed_is_refused(change, message):
    model = small(warm_start=True).fit(X, Y)
    before, history = posterior_of(model), copy.deepcopy(model.history_)
    with pytest.raises(
        ValueError, match=f"(?s)must not change while training continues.*{message}"
    ):
        model.set_params(**change).fit(X, Y)
    assert_same(posterior_of(model), before)
    assert model.history_ == history


def test_other_features_and_classes_are_refused():
    model = small(warm_start=True).fit(X, Y)
    before = posterior_of(model)
    with pytest.raises(ValueError, match="X has 3 features, but BPClassifier is expecting 4"):
        model.fit(X[:, :3], Y)
    with pytest.raises(ValueError, match=r"they were \[0, 1, 2\], now \[0, 1\]"):
        model.fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match=r"they were \[0, 1, 2\], now \[0, 1, 2, 3\]"):
        model.fit(X, np.where(np.arange(150) == 3, 3, Y))
    assert_same(posterior_of(model), before)


def test_the_state_that_training_continues_from_competes_for_the_best(given_scores):
    options = {"early_stopping": True, "warm_start": True, "batch_size": 16}
    model = small(max_iter=1, n_iter_no_change=10, **options)
    given_scores(0.6)
    start = posterior_of(model.fit(X, Y))
    model.set_params(max_iter=3)
    # Scored first of all is the start, on the samples set aside this time.
    given_scores(0.7, 0.5, 0.6, 0.7)
    model.fit(X, Y)
    assert_same(posterior_of(model), start)
    assert (model.best_validation_score_, model.n_iter_) == (0.7, 4)
    assert scores(model) == [0.6, 0.5, 0.6, 0.7]
    given_scores(0.7, 0.5, 0.9, 0.8)
    model.fit(X, Y)
    assert not np.array_equal(model.weight_fields_[0], start["weight_fields_"][0])
    assert model.best_validation_score_ == 0.9


def test_stopping_counts_from_the_state_that_training_continues_from():
    model = small(max_iter=40, n_iter_no_change=5, warm_start=True, **STOPPING).fit(X, Y)
    assert model.n_iter_ < 40
    n_iter, best = model.n_iter_, model.best_validation_score_
    model.set_params(tol=1.0, n_iter_no_change=2).fit(X, Y)
    # No gain reaches tol, so that it is over after two more epochs.
    assert model.n_iter_ == n_iter + 2
    assert model.best_validation_score_ >= best


def test_epochs_of_warm_starts_can_be_watched_one_by_one():
    copies = snapshots(small(batch_size=1000), 4)
    assert [one.n_iter_ for one in copies] == [1, 2, 3, 4]
    assert_same_posterior(copies[2], small(max_iter=3, batch_size=1000).fit(X, Y))


def test_rows_too_few_to_set_aside_name_the_parameter():
    with pytest.raises(ValueError, match="validation_fraction=0.01"):
        BPClassifier(early_stopping=True, validation_fraction=0.01).fit(X, Y)
