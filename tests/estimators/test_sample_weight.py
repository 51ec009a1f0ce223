"""A sample of weight w counts as w copies, in every algorithm; class weights are such weights."""

from itertools import product

import numpy as np
import pytest
from oracles.message_passing import make_layer, pasp_step
from scipy.special import erf
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_bp import BayesBPClassifier, BPClassifier

from .problems import ALGORITHMS, PRIORS
from .states import assert_close_posterior, assert_same, assert_same_posterior, posterior_of

pytestmark = pytest.mark.usefixtures("binary_networks")

EVERY_RULE = list(product(ALGORITHMS, PRIORS))
SETTINGS = {"hidden_layer_sizes": (7,), "max_iter": 2, "random_state": 0, "dtype": "float64"}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 6))
Y = np.concatenate([np.arange(3), RNG.integers(3, size=37)])
COUNTS = RNG.integers(0, 4, 40)
COUNTS[:3] = 2
COPIES = RNG.permutation(np.repeat(np.arange(40), COUNTS))


def assert_close(model, other, tolerance=1e-10):
    assert_close_posterior(model, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("algo, prior", EVERY_RULE)
def test_full_batch_weights_are_copies_to_the_last_bit(algo, prior, dtype):
    settings = SETTINGS | {"algo": algo, "weight_prior": prior, "dtype": dtype, "n_inner_iter": 2}
    weighted = BPClassifier(**settings).fit(X, Y, sample_weight=COUNTS)
    repeated = BPClassifier(**settings).fit(X[COPIES], Y[COPIES])
    assert weighted.n_steps_ == 2
    assert_same_posterior(weighted, repeated)
    # The accuracy recorded counts copies as well.
    for one, other in zip(weighted.history_, repeated.history_, strict=True):
        assert one["train_accuracy"] == other["train_accuracy"]


@pytest.mark.parametrize("algo, prior", EVERY_RULE)
def test_one_step_of_partial_fit_weighs_samples_as_copies(algo, prior):
    settings = SETTINGS | {"algo": algo, "weight_prior": prior, "n_inner_iter": 2}
    weighted, repeated = BPClassifier(**settings), BPClassifier(**settings)
    weighted.partial_fit(X, Y, classes=range(3), sample_weight=COUNTS)
    repeated.partial_fit(X[COPIES], Y[COPIES], classes=range(3))
    # The same sums in another order.
    assert_close(weighted, repeated)


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_fractional_weights_against_the_oracle(algo):
    weight = np.random.default_rng(1).choice([0.0, 0.5, 1.0, 1.7], 40)
    settings = {"algo": algo, "edges": "exact", "damping": 0.3, "n_inner_iter": 2}
    settings |= {"rho": [0.9, 0.8], "fit_intercept": False, "random_state": 3, "dtype": "float64"}
    model = BPClassifier((5,), max_iter=0, **settings).fit(X, Y)
    layers = [
        make_layer(field, rho=rho, damping=0.3)
        for field, rho in zip(model.weight_fields_, (0.9, 0.8), strict=True)
    ]
    options = {"algo": algo, "n_inner_iter": 2, "sample_weight": weight}
    expected, _ = pasp_step(X, Y, layers, output="argmax", **options)
    model.partial_fit(X, Y, sample_weight=weight)
    for layer, one in enumerate(expected):
        np.testing.assert_allclose(model.weight_fields_[layer], one.field, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(model.weight_means_[layer], one.mean, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("batch_size", [8, 1000])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weight_zero_is_absent(batch_size, early_stopping):
    options = SETTINGS | {"batch_size": batch_size, "early_stopping": early_stopping}
    weight = (np.arange(40) % 4 != 0).astype(float)
    weight[:3] = 1
    kept = weight > 0
    weighted = BPClassifier(**options).fit(X, Y, sample_weight=weight)
    absent = BPClassifier(**options).fit(X[kept], Y[kept])
    assert_close(weighted, absent)
    assert weighted.t_ == absent.t_
    for one, other in zip(weighted.history_, absent.history_, strict=True):
        assert one["train_accuracy"] == pytest.approx(other["train_accuracy"])


def test_a_class_of_weight_zero_is_no_class():
    model = BPClassifier(**SETTINGS).fit(X, Y, sample_weight=(Y != 1).astype(float))
    np.testing.assert_array_equal(model.classes_, [0, 2])


def test_weight_zero_in_partial_fit_is_absent_but_needs_a_known_label():
    model, other = (BPClassifier(**SETTINGS) for _ in range(2))
    weight = np.where(np.arange(40) < 30, 1.0, 0.0)
    model.partial_fit(X, Y, classes=range(3), sample_weight=weight)
    other.partial_fit(X[:30], Y[:30], classes=range(3))
    assert_close(model, other)
    assert model.t_ == other.t_ == 30
    before = posterior_of(model)
    with pytest.raises(ValueError, match="previously unseen labels"):
        model.partial_fit(X, Y + 1, sample_weight=weight)
    assert_same(posterior_of(model), before)


@pytest.mark.parametrize("cls", [BPClassifier, BayesBPClassifier])
def test_mini_batches_take_the_weights_of_their_samples(cls):
    options = SETTINGS | {"batch_size": 8, "shuffle": False}
    weight = np.random.default_rng(2).uniform(0.2, 3, 40)
    model = cls(**options).fit(X, Y, sample_weight=weight)
    stream = cls(**(options | {"max_iter": 0})).fit(X, Y)
    for _ in range(2):
        for first in range(0, 40, 8):
            rows = slice(first, first + 8)
            stream.partial_fit(X[rows], Y[rows], sample_weight=weight[rows])
    assert_same_posterior(model, stream)
    assert model.t_ == stream.t_ == 80


def test_training_accuracy_counts_weights():
    options = SETTINGS | {"max_iter": 1, "batch_size": 8, "shuffle": False}
    plain = BPClassifier(**(options | {"max_iter": 0})).fit(X, Y)
    weight = np.random.default_rng(2).uniform(0.2, 3, 40).astype(np.float32)
    right = 0.0
    for first in range(0, 40, 8):
        rows = slice(first, first + 8)
        right += weight[rows][_means_decide(plain, X[rows]) == Y[rows]].sum()
        plain.partial_fit(X[rows], Y[rows], sample_weight=weight[rows])
    model = BPClassifier(**options).fit(X, Y, sample_weight=weight)
    (record,) = model.history_
    assert 0 < record["train_accuracy"] < 1
    assert record["train_accuracy"] == pytest.approx(right / weight.sum(), rel=1e-6)


def _means_decide(model, X):
    """The class of the largest mean of the output, in a forward pass of moments."""
    (m0, m1), (v0, _) = model.weight_means_, model.weight_variances_
    (b0, b1), (s0, _) = model.intercept_means_, model.intercept_variances_
    omega, v = X @ m0 + b0, X**2 @ v0 + s0 + 1e-8
    return (erf(omega / np.sqrt(2 * v)) @ m1 + b1).argmax(axis=1)


def test_accuracy_of_learned_duplicates_is_that_of_all_samples():
    rows = np.concatenate([np.zeros(60, dtype=int), np.arange(40)])
    model = BPClassifier(**(SETTINGS | {"max_iter": 30})).fit(X[rows], Y[rows])
    unmerged = BPClassifier(**(SETTINGS | {"max_iter": 30, "shuffle": False}))
    unmerged.fit(X[rows], Y[rows])
    assert model.t_ == unmerged.t_ == 30 * 100
    assert_close(model, unmerged, 1e-6)
    for one, other in zip(model.history_, unmerged.history_, strict=True):
        assert one["n_samples_seen"] == other["n_samples_seen"]
        assert one["train_accuracy"] == pytest.approx(other["train_accuracy"])


def test_validation_score_counts_weights():
    options = SETTINGS | {"early_stopping": True, "validation_fraction": 0.5, "batch_size": 8}
    weight = np.random.default_rng(2).uniform(0.2, 3, 40)
    model = BPClassifier(**options).fit(X, Y, sample_weight=weight)
    # The split depends on the seed, the labels and the fraction only.
    plain = BPClassifier(**(options | {"max_iter": 1})).fit(X, Y)
    aside = plain.history_[0]["n_samples_seen"]
    assert aside == 20
    weighted = {round(record["validation_score"] * 20, 6) % 1 for record in model.history_}
    assert weighted != {0.0}
    assert {round(plain.history_[0]["validation_score"] * 20, 6) % 1} == {0.0}


def test_class_weights_are_sample_weights_of_the_same_total():
    weight = np.array([3.0, 1.0, 0.5])[Y]
    weight *= 40 / weight.sum()
    options = SETTINGS | {"batch_size": 8}
    by_class = BPClassifier(class_weight={0: 3, 2: 0.5}, **options).fit(X, Y)
    assert_close(by_class, BPClassifier(**options).fit(X, Y, sample_weight=weight))
    # A factor common to all classes says nothing.
    scaled = BPClassifier(class_weight={0: 30, 1: 10, 2: 5}, **options).fit(X, Y)
    assert_close(by_class, scaled)


def test_balanced_classes_have_the_same_total():
    expected = compute_sample_weight("balanced", Y)
    options = SETTINGS | {"batch_size": 8}
    balanced = BPClassifier(class_weight="balanced", **options).fit(X, Y)
    assert_close(balanced, BPClassifier(**options).fit(X, Y, sample_weight=expected))
    plain = BPClassifier(**options).fit(X, Y)
    assert np.abs(balanced.weight_fields_[0] - plain.weight_fields_[0]).max() > 1e-3


def test_balance_counts_sample_weights():
    options = SETTINGS | {"class_weight": "balanced"}
    weighted = BPClassifier(**options).fit(X, Y, sample_weight=COUNTS)
    assert_close(weighted, BPClassifier(**options).fit(X[COPIES], Y[COPIES]))


def test_class_weight_and_sample_weight_multiply():
    weight = np.random.default_rng(4).uniform(0.5, 2, 40)
    product_ = weight * np.array([2.0, 1.0, 1.0])[Y]
    product_ *= weight.sum() / product_.sum()
    both = BPClassifier(class_weight={0: 2}, **SETTINGS).fit(X, Y, sample_weight=weight)
    assert_close(both, BPClassifier(**SETTINGS).fit(X, Y, sample_weight=product_))


def test_partial_fit_takes_a_dict_as_it_is():
    by_class = BPClassifier(class_weight={0: 2, 2: 0}, **SETTINGS)
    by_class.partial_fit(X, Y, classes=range(3))
    by_sample = BPClassifier(**SETTINGS)
    by_sample.partial_fit(X, Y, classes=range(3), sample_weight=np.array([2.0, 1.0, 0.0])[Y])
    assert_close(by_class, by_sample)


def test_partial_fit_cannot_balance():
    with pytest.raises(ValueError, match="'balanced' needs all samples at once"):
        BPClassifier(class_weight="balanced").partial_fit(X, Y, classes=range(3))


@pytest.mark.parametrize("factor", [1e-60, 1e60])
def test_weights_that_the_precision_cannot_hold_are_refused(factor):
    weight = np.where(Y == 0, factor, 1.0)
    message = r"sample_weight \(times class_weight\) has numbers from .* dtype='float32'"
    single = SETTINGS | {"dtype": "float32"}
    with pytest.raises(ValueError, match=message):
        BPClassifier(**single).fit(X, Y, sample_weight=weight)
    with pytest.raises(ValueError, match=message):
        BPClassifier(class_weight={0: factor}, **single).partial_fit(X, Y, classes=range(3))
    # Any scale is a scale for the accuracy recorded.
    model = BPClassifier(**single).fit(X, Y, sample_weight=np.full(40, 1e-30))
    assert all(0 <= record["train_accuracy"] <= 1 for record in model.history_)


def test_two_classes():
    labels = np.where(Y == 0, "no", "yes")
    for algo in ALGORITHMS:
        settings = SETTINGS | {"algo": algo}
        weighted = BPClassifier(**settings).fit(X, labels, sample_weight=COUNTS)
        assert_same_posterior(weighted, BPClassifier(**settings).fit(X[COPIES], labels[COPIES]))
