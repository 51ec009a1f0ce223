"""Labels that may be wrong: what is learned of them, and what predictions say."""

import copy
import pickle

import numpy as np
import pytest

from sklearn_bp import BayesBPClassifier, BPClassifier, load
from sklearn_bp._estimators.label_noise import most_likely_label_noise

from .problems import ESTIMATORS, X, Y, small
from .states import posterior_arguments

WRONG = 0.2


def spoil(y, share, seed=0):
    """Replace a share of the labels, each by another class at random."""
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(y, return_inverse=True)
    rows = rng.choice(len(y), round(share * len(y)), replace=False)
    codes[rows] += rng.integers(1, len(classes), len(rows))
    return classes[codes % len(classes)]


def halfspace(n_samples, share, seed=0):
    """Samples on two sides of a plane, a share of the labels wrong."""
    rng = np.random.default_rng(seed)
    samples = rng.standard_normal((n_samples, 6))
    return samples, spoil(samples[:, 0] + samples[:, 1] > 0, share, seed)


@pytest.mark.parametrize("value", [-0.1, 1.0, "learn", None, [0.1]])
def test_what_is_no_probability_is_refused(value):
    with pytest.raises(ValueError, match="'label_noise' parameter"):
        BPClassifier(label_noise=value).fit(X, Y)


@pytest.mark.parametrize("labels, most", [(Y, "0.666667"), (Y > 0, "0.5")])
def test_labels_that_would_say_less_than_nothing_are_refused(labels, most):
    for call in ("fit", "partial_fit"):
        options = {} if call == "fit" else {"classes": np.unique(labels)}
        with pytest.raises(ValueError, match=rf"label_noise must lie in \[0, {most}\)"):
            getattr(BPClassifier(label_noise=0.7), call)(X, labels, **options)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_number_stays_what_it_is(cls):
    model = small(cls, label_noise=0.125).fit(X, Y)
    assert model.label_noise_ == 0.125
    assert "label_noise" not in model.history_[0]
    assert model.partial_fit(X, Y).label_noise_ == 0.125


@pytest.mark.parametrize("labels", [Y, Y > 0], ids=["three classes", "two classes"])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_probabilities_are_those_of_labels(cls, labels):
    """a + b P, with P what the same weights say of certain labels."""
    model = small(cls, label_noise=0.3, dtype="float64").fit(X, labels)
    certain = small(cls, label_noise=0, max_iter=0, dtype="float64").fit(X, labels)
    certain.set_posterior(**posterior_arguments(model))
    n_classes = len(model.classes_)
    a = 0.3 / (n_classes - 1)
    expected = a + (1 - a - 0.3) * certain.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)
    np.testing.assert_array_equal(model.predict(X), certain.predict(X))


# Learning it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 26])
def test_it_is_what_makes_labels_most_likely(n_classes, weighted):
    rng = np.random.default_rng(n_classes)
    z = np.where(rng.random(200) < 0.8, rng.uniform(0.5, 1, 200), rng.uniform(0, 0.01, 200))
    weight = rng.uniform(0, 3, 200) if weighted else None
    noises = np.linspace(1e-6, 0.9 * (1 - 1 / n_classes), 20001)
    a = noises[:, None] / (n_classes - 1)
    counts = np.ones(200) if weight is None else weight
    likelihood = np.log(a + (1 - noises[:, None] - a) * z) @ counts
    found = most_likely_label_noise(np.log(z), weight, n_classes)
    assert found == pytest.approx(noises[likelihood.argmax()], abs=1e-4)
    assert 0.05 < found < 0.6


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_half_spaces_with_wrong_labels_and_without(cls):
    found = [cls(random_state=0).fit(*halfspace(800, share)).label_noise_ for share in (0, WRONG)]
    assert found[0] < 0.02
    assert 0.1 < found[1] < 0.3


def test_digits_with_wrong_labels(digits):
    """Learning the noise is better than to trust labels, for both classifiers."""
    labels = spoil(digits.y_train, WRONG)
    for cls in ESTIMATORS:
        scores = {}
        for noise in (0, "auto"):
            model = cls(label_noise=noise, random_state=0).fit(digits.X_train, labels)
            scores[noise] = model.score(digits.X_test, digits.y_test)
        assert 0.1 < model.label_noise_ < 0.3
        assert scores["auto"] > scores[0]


def test_history_tells_how_it_was_learned():
    samples, labels = halfspace(800, WRONG)
    model = BPClassifier((21,), max_iter=40, likelihood_weight=0.1, random_state=0)
    model.fit(samples, labels)
    noises = [record["label_noise"] for record in model.history_]
    # No more is believed until samples have counted half a time; they have 1.1 times after 11.
    assert noises[0] == 0.1
    assert max(noises[:6]) == 0.1
    assert len(set(noises[6:12])) == 6
    assert set(noises[11:]) == {model.label_noise_}


def test_one_step_for_all_samples_learns_it_as_well():
    """Equal samples are merged there."""
    samples, labels = halfspace(60, WRONG)
    rows = np.tile(np.arange(60), 2)
    model = BPClassifier((21,), likelihood_weight=0.1, random_state=0)
    model.fit(samples[rows], labels[rows])
    assert model.n_steps_ == model.n_iter_
    assert model.history_[1]["label_noise"] != 0.1


def test_a_stream_moves_it():
    samples, labels = halfspace(3800, WRONG)
    model = BayesBPClassifier((51,), random_state=0).fit(samples[:800], labels[:800])
    first = model.label_noise_
    right = samples[:, 0] + samples[:, 1] > 0
    clean = copy.deepcopy(model)
    for rows in np.split(np.arange(800, 3800), 50):
        clean.partial_fit(samples[rows], right[rows])
        model.partial_fit(samples[rows], labels[rows])
    assert clean.label_noise_ < 0.5 * first < 0.7 * model.label_noise_


# Keeping it ----------------------------------------------------------------------------------


def fitted():
    samples, labels = halfspace(300, WRONG)
    return small(max_iter=5).fit(samples, labels), samples, labels


def test_it_is_kept_by_copies_and_files(tmp_path):
    model, samples, _ = fitted()
    model.save(tmp_path / "model")
    copies = copy.deepcopy(model), pickle.loads(pickle.dumps(model)), load(tmp_path / "model")
    for one in copies:
        assert one.label_noise_ == model.label_noise_ > 1e-6
        np.testing.assert_array_equal(one.predict_proba(samples), model.predict_proba(samples))


def test_a_warm_start_goes_on_from_it():
    model, samples, labels = fitted()
    before = model.label_noise_
    model.set_params(warm_start=True, max_iter=1).fit(samples, labels)
    assert model.history_[-1]["label_noise"] == pytest.approx(before)
    model.set_params(label_noise=0.25).fit(samples, labels)
    assert model.label_noise_ == 0.25


def test_a_fit_begins_anew():
    model, samples, labels = fitted()
    first = model.label_noise_
    assert model.fit(samples, labels).label_noise_ == first
