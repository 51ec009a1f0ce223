"""Rounding brings pre-activations closer to those of the means than the signs do."""

import itertools

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, BPClassifier, round_weights

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 9)) @ RNG.standard_normal((9, 9)) + 1
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int) + (X[:, 3] > 2)
SETTINGS = dict(hidden_layer_sizes=(7, 5), algo="mf", max_iter=3, random_state=0, dtype="float64")


def trained(cls=BPClassifier, **parameters):
    return cls(**(SETTINGS | parameters)).fit(X, Y)


def distances(inputs, weights, means):
    """Σ_n ((w − m) · x_n)² of every unit."""
    return np.square(inputs @ (weights - means)).sum(axis=0)


def hidden(model, layer, inputs):
    """Activations of the point network that a layer's inputs are."""
    for weight, intercept in list(zip(model.coefs_, model.intercepts_, strict=True))[:layer]:
        inputs = np.where(inputs @ weight + intercept >= 0, 1.0, -1.0)
    return inputs


@pytest.mark.parametrize("options", [{}, {"density": 0.6}, {"fit_intercept": False}], ids=str)
@pytest.mark.parametrize("cls", [BPClassifier, BayesBPClassifier])
def test_no_flip_of_a_weight_brings_a_unit_closer(cls, options):
    model = trained(cls, **options)
    rounded = round_weights(model, X, n_layers=2)
    assert type(rounded) is cls
    for layer in (0, 1):
        inputs, means = hidden(rounded, layer, X), model.weight_means_[layer]
        weights, exists = rounded.coefs_[layer], model.weight_masks_[layer]
        np.testing.assert_array_equal(np.abs(weights), exists)
        found = distances(inputs, weights, means)
        assert (found <= distances(inputs, model.coefs_[layer], means) + 1e-9).all()
        assert found.sum() < 0.9 * distances(inputs, model.coefs_[layer], means).sum()
        for i in range(len(weights)):
            flipped = weights.copy()
            flipped[i] *= -1
            assert (distances(inputs, flipped, means) >= found * (1 - 1e-5) - 1e-5).all()


def test_it_is_near_the_best_of_all_signs():
    model = trained(hidden_layer_sizes=(7,))
    means, found = model.weight_means_[0], round_weights(model, X).coefs_[0]
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=9)))
    best = np.array([distances(X, signs.T, column[:, None]).min() for column in means.T])
    ours, mode = (distances(X, w, means) for w in (found, model.coefs_[0]))
    assert np.median(ours / best) < 1.5 and np.median(mode / best) > 2


def test_only_what_is_rounded_changes():
    model = trained()
    before = [field.copy() for field in model.weight_fields_]
    rounded = round_weights(model, X)
    np.testing.assert_array_equal(np.abs(rounded.weight_means_[0]), 1)
    np.testing.assert_array_equal(rounded.weight_variances_[0], 0)
    np.testing.assert_array_equal(np.sign(rounded.weight_fields_[0]), rounded.weight_means_[0])
    assert (np.tanh(np.abs(rounded.weight_fields_[0])) == 1).all()
    for layer in (1, 2):
        np.testing.assert_array_equal(rounded.weight_means_[layer], model.weight_means_[layer])
    for layer in range(3):
        np.testing.assert_array_equal(model.weight_fields_[layer], before[layer])
        for name in ("intercept_means_", "intercept_fields_", "intercept_precisions_"):
            ours, theirs = getattr(rounded, name)[layer], getattr(model, name)[layer]
            np.testing.assert_array_equal(ours, theirs)
    assert rounded.n_steps_ == model.n_steps_


@pytest.mark.filterwarnings("ignore:.*features have the same value")
def test_a_point_network_that_guesses_does_so_no_more():
    """Constant inputs whose weights have faded are what misleads it."""
    images, labels = load_digits(return_X_y=True)
    images = np.hstack([images, np.zeros((len(images), 300))])
    images = (images - images.mean()) / images.std()
    model = BPClassifier((101,), algo="mf", rho=0.99, max_iter=20, batch_size=32, random_state=0)
    model.fit(images, labels)
    assert model.score(images, labels) < 0.2
    assert round_weights(model, images).score(images, labels) > 0.5


@pytest.mark.parametrize("algo", ["bp", "bpi", "mf", "amp"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_goes_on_from_rounded_weights(dtype, algo):
    rounded = round_weights(trained(algo=algo, dtype=dtype), X, n_layers=2)
    weights = [coef.copy() for coef in rounded.coefs_]
    rounded.set_params(damping=[0.999999, 0.999999, 0.5], warm_start=True, max_iter=5).fit(X, Y)
    for layer in (0, 1):
        np.testing.assert_array_equal(rounded.coefs_[layer], weights[layer])
        assert np.abs(rounded.weight_means_[layer]).min() > 0.99
    assert not np.array_equal(rounded.weight_means_[2], weights[2])
    assert np.isfinite(rounded.predict_proba(X)).all()


def test_sparse_samples_and_batches_of_rows_give_the_same(monkeypatch):
    model = trained()
    expected = round_weights(model, X, n_layers=2).coefs_
    monkeypatch.setattr("sklearn_bp._rounding.ROWS", 7)
    for samples in (X, csr_matrix(X)):
        for ours, theirs in zip(
            round_weights(model, samples, n_layers=2).coefs_, expected, strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("n_layers", [0, -1, 3, 1.0, "all", None])
def test_a_number_of_layers_that_is_not_allowed(n_layers):
    with pytest.raises(ValueError, match="n_layers"):
        round_weights(trained(), X, n_layers=n_layers)


def test_what_cannot_be_rounded():
    gaussian = trained(weight_prior="gaussian", init_scale=0.1)
    with pytest.raises(ValueError, match=r"weight_prior='binary'; got .*'gaussian'"):
        round_weights(gaussian, X)
    with pytest.raises(NotFittedError):
        round_weights(BPClassifier(), X)
    with pytest.raises(TypeError, match="StandardScaler"):
        round_weights(StandardScaler(), X)
    with pytest.raises(TypeError, match="pipeline"):
        round_weights(make_pipeline(StandardScaler(), BPClassifier()), X)
    with pytest.raises(ValueError, match="9 features"):
        round_weights(trained(), X[:, :4])
    with pytest.raises(ValueError, match="NaN"):
        round_weights(trained(), np.where(X > 2, np.nan, X))
    with pytest.raises(ValueError, match="hidden layers, 2; got 3"):
        round_weights(trained(), X, n_layers=3)
