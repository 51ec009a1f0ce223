"""Local energy against flips written out, and at the ends where it is known."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.inspection import local_energy

pytestmark = pytest.mark.usefixtures("binary_networks")

X, Y = load_iris(return_X_y=True)
LABELS = np.array(["a", "b", "c"])[Y]


def fitted(cls=BPClassifier, X=X, Y=LABELS, **parameters):
    return cls((9,), max_iter=8, batch_size=32, random_state=1, **parameters).fit(X, Y)


def point_error(model, coefs, X, Y):
    """Forward pass written out: ±1 hidden units, argmax."""
    x = X
    for layer, (weights, bias) in enumerate(zip(coefs, model.intercepts_, strict=True)):
        x = x @ weights + bias
        if layer + 1 < len(coefs):
            x = np.where(x >= 0, 1.0, -1.0)
    return np.mean(model.classes_[x.argmax(axis=1)] != Y)


@pytest.mark.parametrize("cls", [BPClassifier, BayesBPClassifier])
@pytest.mark.parametrize("prior", ["binary", "gaussian"])
def test_all_flipped_is_the_negated_network(cls, prior):
    model = fitted(cls, weight_prior=prior, dtype="float64")
    profile = local_energy(model, X, LABELS, flip_probabilities=[0, 1], n_repeats=2)
    error = point_error(model, model.coefs_, X, LABELS)
    negated = point_error(model, [-coef for coef in model.coefs_], X, LABELS)
    assert profile.error == pytest.approx(error)
    np.testing.assert_array_equal(profile.local_energies[0], [0, 0])
    np.testing.assert_allclose(profile.local_energies[1], negated - error)


def test_two_classes():
    model = fitted(X=X[:100], Y=Y[:100])
    profile = local_energy(model, X[:100], Y[:100], n_repeats=3, random_state=0)
    assert profile.error == pytest.approx(1 - model.score(X[:100], Y[:100]))
    assert profile.local_energies.shape == (8, 3)


def test_mean_over_draws_matches_flips_drawn_here():
    model = fitted(density=0.7, dtype="float64")
    profile = local_energy(
        model, X, LABELS, flip_probabilities=[0.1], n_repeats=400, random_state=0
    )
    rng = np.random.default_rng(5)
    energies = []
    for _ in range(400):
        flipped = [coef * rng.choice([1, -1], coef.shape, p=[0.9, 0.1]) for coef in model.coefs_]
        energies.append(point_error(model, flipped, X, LABELS) - profile.error)
    spread = np.hypot(np.std(energies), profile.local_energies_std[0]) / np.sqrt(400)
    assert abs(profile.local_energies_mean[0] - np.mean(energies)) < 4 * spread
    assert profile.local_energies_std[0] == pytest.approx(np.std(energies), rel=0.2)


def test_weights_without_a_sign_are_flipped_too():
    model = fitted(fit_intercept=False)
    model.set_posterior([np.zeros_like(field) for field in model.weight_fields_])
    profile = local_energy(model, X, LABELS, flip_probabilities=[1], n_repeats=1)
    negated = point_error(model, [-coef for coef in model.coefs_], X, LABELS)
    assert profile.local_energies[0, 0] == pytest.approx(negated - profile.error)


def test_seed_and_state():
    model = fitted()
    before = [mean.copy() for mean in model.weight_means_]
    first = local_energy(model, X, LABELS, random_state=7)
    second = local_energy(model, csr_array(X), LABELS, random_state=7)
    np.testing.assert_array_equal(first.local_energies, second.local_energies)
    np.testing.assert_allclose(first.local_energies_mean, first.local_energies.mean(axis=1))
    for old, new in zip(before, model.weight_means_, strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("probabilities", [[-0.1], [1.1], [], [[0.1]], [np.nan]])
def test_wrong_probabilities(probabilities):
    with pytest.raises(ValueError, match=r"flip_probabilities must be .* \[0, 1\]"):
        local_energy(fitted(), X, LABELS, flip_probabilities=probabilities)


def test_wrong_repeats_and_data():
    model = fitted()
    with pytest.raises(ValueError, match="'n_repeats' parameter"):
        local_energy(model, X, LABELS, n_repeats=0)
    with pytest.raises(ValueError, match="4 features"):
        local_energy(model, X[:, :3], LABELS)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        local_energy(model, X, LABELS[:-1])
