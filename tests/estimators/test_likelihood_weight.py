"""How many times a sample counts, and what weights of samples do beside it."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import AdaBoostClassifier
from sklearn.metrics import recall_score

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp._estimators.parameters import likelihood_weight

from .problems import ESTIMATORS, PRIORS, X, Y, small
from .states import assert_close_posterior, assert_same_posterior

CERTAIN = {"label_noise": 0, "dtype": "float64", "batch_size": 40}


@pytest.mark.parametrize("value", [0, -1, "all", None])
def test_what_is_no_weight_is_refused(value):
    with pytest.raises(ValueError, match="'likelihood_weight' parameter"):
        BPClassifier(likelihood_weight=value).fit(X, Y)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("auto", 2, 1000, 100), 0.08),
        (("auto", 2, 10**6, 100), 0.08),
        (("auto", 2, 250, 100), 0.16),
        (("auto", 10, 4000, 100), 0.4),
        (("auto", 10, 4000, 20), 1.0),
        (("auto", 2, 1000, 0), 1.0),
        (("auto", 10, None, None), 1.0),
        ((0.3, 10, 4000, 100), 0.3),
        ((3, 10, None, None), 3.0),
    ],
)
def test_what_auto_means(arguments, expected):
    """4 counts per class over all epochs, more of few samples; one where samples come once."""
    assert likelihood_weight(*arguments) == pytest.approx(expected)


def test_auto_is_the_number_that_it_stands_for():
    model = small(BPClassifier, max_iter=50).fit(X, Y)
    number = 12 * (1000 / 150) ** 0.5 / 50
    assert_same_posterior(model, small(likelihood_weight=number, max_iter=50).fit(X, Y))
    # Weights of samples count in the number of samples.
    doubled = small(BPClassifier, max_iter=50).fit(X, Y, sample_weight=np.full(150, 2.0))
    number = 12 * (1000 / 300) ** 0.5 / 50
    expected = small(likelihood_weight=number, max_iter=50)
    assert_same_posterior(doubled, expected.fit(X, Y, sample_weight=np.full(150, 2.0)))


def test_of_a_stream_every_sample_counts_once():
    auto, one = small(), small(likelihood_weight=1.0)
    for model in (auto, one):
        model.partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y)
    assert_same_posterior(auto, one)


@pytest.mark.parametrize("weight_prior", PRIORS)
def test_half_a_count_of_two_copies_is_one_count(weight_prior):
    """Of mean field, where no message leaves out a sample's own share."""
    options = CERTAIN | {"algo": "mf", "weight_prior": weight_prior}
    half = small(likelihood_weight=0.5, **options).fit(X, Y, sample_weight=np.full(150, 2.0))
    assert_close_posterior(half, small(likelihood_weight=1.0, **options).fit(X, Y), 1e-9, 1e-9)


# Weights of samples --------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_weights_of_less_than_a_copy_are_raised_to_one(cls):
    plain = small(cls).fit(X, Y)
    for weight in (1e-3, 0.5, 1.0):
        assert_same_posterior(plain, small(cls).fit(X, Y, sample_weight=np.full(150, weight)))


def test_weights_that_add_up_to_one_keep_their_ratios():
    weight = np.random.default_rng(0).uniform(0.1, 2.0, 150)
    weight /= weight.mean()
    model, other = small(dtype="float64"), small(dtype="float64")
    model.fit(X, Y, sample_weight=weight)
    assert_close_posterior(model, other.fit(X, Y, sample_weight=weight / 150), 1e-6, 1e-6)


def test_boosting(digits):
    """AdaBoost's weights sum to one, and grow where a member is wrong."""
    rows = slice(0, 600)
    member = BPClassifier((51,), max_iter=20, random_state=0)
    boosted = AdaBoostClassifier(member, n_estimators=3, random_state=0)
    boosted.fit(digits.X_train[rows], digits.y_train[rows])
    assert boosted.score(digits.X_test, digits.y_test) > 0.88


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_rare_class_can_be_balanced(cls):
    samples, labels = make_classification(
        1600, 10, n_informative=6, weights=[50 / 51], flip_y=0, random_state=0
    )
    train, test = slice(0, 800), slice(800, 1600)
    recalls = {}
    for class_weight in (None, "balanced"):
        model = cls(class_weight=class_weight, random_state=0)
        model.fit(samples[train], labels[train])
        recalls[class_weight] = recall_score(labels[test], model.predict(samples[test]))
        # The rare class is not predicted everywhere.
        assert model.score(samples[test], labels[test]) > 0.8
    assert recalls["balanced"] >= recalls[None]
    assert recalls["balanced"] > 0.3


def test_few_counts_leave_weights_uncertain():
    certainties = [
        1
        / BayesBPClassifier((21,), likelihood_weight=weight, random_state=0)
        .fit(X, Y)
        .weight_variances_[0]
        .mean()
        for weight in (0.01, 0.1, 1.0)
    ]
    assert certainties == sorted(certainties)
