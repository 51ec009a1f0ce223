"""Training longer does no harm: when it stops, which state it keeps, and what it says."""

import re
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from sklearn_bp import BayesBPClassifier, BPClassifier

from .problems import ESTIMATORS, X, Y, small
from .states import assert_same_posterior, posterior_arguments, posterior_of

DIVERGING = {"rho": 1.6, "output_rho": 1.6, "likelihood_weight": 1.0, "batch_size": 25}


def losses(model):
    return [record["train_log_loss"] for record in model.history_]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("labels", [Y, Y > 0], ids=["three classes", "two classes"])
def test_the_loss_recorded_is_that_before_learning(labels):
    start = small(BayesBPClassifier, max_iter=0, dtype="float64").fit(X, labels)
    model = small(BPClassifier, max_iter=1, dtype="float64", batch_size=150).fit(X, labels)
    expected = log_loss(labels, start.predict_proba(X))
    assert losses(model) == [pytest.approx(expected, rel=1e-6)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_where_predictions_become_worse_the_best_state_is_kept(cls):
    model = small(cls, max_iter=40, n_iter_no_change=40, **DIVERGING).fit(X, Y)
    best = int(np.argmin(losses(model)))
    assert losses(model)[-1] > losses(model)[best] + 0.05
    again = small(cls, max_iter=best + 1, n_iter_no_change=40, **DIVERGING).fit(X, Y)
    assert_same_posterior(model, again)


def test_where_they_do_not_the_last_state_is_kept():
    model = small(max_iter=30, likelihood_weight=1.0, batch_size=50, n_iter_no_change=30)
    model.fit(X, Y)
    assert losses(model)[-1] < min(losses(model)) + 0.05
    shorter = small(max_iter=29, likelihood_weight=1.0, batch_size=50, n_iter_no_change=30)
    shorter.fit(X, Y)
    assert np.any(posterior_of(model)["weight_fields_"][0] != shorter.weight_fields_[0])


@pytest.mark.parametrize("parameter, few, many", [("tol", 0.05, 0.0), ("n_iter_no_change", 2, 20)])
def test_when_it_stops(parameter, few, many):
    epochs = [
        small(max_iter=300, likelihood_weight=1.0, **{parameter: value}).fit(X, Y).n_iter_
        for value in (few, many)
    ]
    assert epochs[0] < epochs[1]


def test_it_stops_once_the_loss_has_not_fallen_for_so_many_epochs():
    model = small(max_iter=300, likelihood_weight=1.0, tol=0.01, n_iter_no_change=7).fit(X, Y)
    found = losses(model)
    assert 7 < model.n_iter_ < 300
    assert min(found[:-7]) - min(found[-7:]) <= 0.01
    assert all(
        min(found[: last - 7]) - min(found[last - 7 : last]) > 0.01
        for last in range(8, len(found) - 1)
    )


def test_where_steps_count_little_it_waits_until_samples_have_counted_once():
    options = dict(max_iter=200, likelihood_weight=0.02, tol=100.0, label_noise=0.1)
    assert small(**options).fit(X, Y).n_iter_ in range(50, 53)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("separable", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_six_hundred_epochs_of_few_samples(seed, separable):
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((60, 5))
    labels = samples[:, 0] > 0 if separable else rng.random(60) > 0.5
    scores = [
        BPClassifier(max_iter=n_epochs, n_iter_no_change=600, random_state=0)
        .fit(samples, labels)
        .score(samples, labels)
        for n_epochs in (60, 600)
    ]
    assert scores[1] >= scores[0] - 0.05


# What it says --------------------------------------------------------------------------------


def warnings_of(model, samples, labels):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(samples, labels)
    return [(one.category, str(one.message)) for one in caught]


def test_it_says_nothing_where_all_is_well():
    for cls in ESTIMATORS:
        assert warnings_of(cls(random_state=0), X, Y) == []


def test_features_of_other_scales():
    samples, labels = load_wine(return_X_y=True)
    ((category, message),) = warnings_of(BPClassifier(random_state=0), samples, labels)
    assert category is UserWarning
    assert "1 of 13 features make up 9" in message
    assert "StandardScaler" in message
    (category, message), *_ = warnings_of(BPClassifier(random_state=0), X + 100, Y)
    assert category is UserWarning
    assert message.startswith("The means of the features are far larger")


@pytest.mark.parametrize(
    "parameters, labels, message",
    [
        (dict(rho=0.3, likelihood_weight=1e-6), Y, "Layer 0 has forgotten what it knew"),
        (dict(rho=1.9, output_rho=1.9), Y, "Training stopped in epoch 5.* or run away"),
        (dict(likelihood_weight=1e-3), np.arange(150) < 147, "is predicted as class True"),
    ],
)
def test_a_state_that_is_no_use(parameters, labels, message):
    options = dict(batch_size=5, n_iter_no_change=100, label_noise=0.0) | parameters
    found = warnings_of(small(**{"max_iter": 30, **options}), X, labels)
    assert any(re.search(message, text) for kind, text in found if kind is ConvergenceWarning)


def test_dead_units():
    """An intercept that no input can answer decides what the unit says."""
    model = small(max_iter=5).fit(X, Y)
    shifted = [100 * precision for precision in model.intercept_precisions_]
    moved = {"intercept_fields": shifted, "intercept_means": None}
    model.set_posterior(**(posterior_arguments(model) | moved))
    model.set_params(warm_start=True, max_iter=1, likelihood_weight=1e-6)
    found = warnings_of(model, X, Y)
    assert any("7 of 7 units of hidden layer 0 are dead" in text for _, text in found)


def test_a_stream_that_is_no_use_is_warned_of():
    model, rare = small(likelihood_weight=1e-2), np.arange(150) < 147
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(63):
            model.partial_fit(X, rare, classes=[False, True])
    with pytest.warns(ConvergenceWarning, match="is predicted as class True"):
        model.partial_fit(X, rare)


def test_a_mini_batch_of_one_class_may_be_predicted_as_one():
    model = small()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(64):
            model.partial_fit(X[:50], Y[:50], classes=[0, 1, 2])
    assert np.all(model.predict(X[:50]) == 0)
