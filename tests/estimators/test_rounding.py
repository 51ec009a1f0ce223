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

pytestmark = pytest.mark.usefixtures("binary_networks")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 9)) @ RNG.standard_normal((9, 9)) + 1
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int) + (X[:, 3] > 2)
SETTINGS = dict(hidden_layer_sizes=(7, 5), algo="mf", max_iter=3, random_state=0, dtype="float64")


def trained(cls=BPClassifier, **parameters):
    return cls(**(SETTINGS | parameters)).fit(X, Y)


def factors(inputs, weights, means, free_scale):
    """The s > 0 that brings s w · x_n closest to m · x_n, of every unit."""
    if not free_scale:
        return np.ones(weights.shape[1])
    z, kept = inputs @ weights, inputs @ means
    return np.maximum((z * kept).sum(axis=0) / np.square(z).sum(axis=0), 0)


def distances(inputs, weights, means, free_scale=True):
    """Σ_n ((s w − m) · x_n)² of every unit."""
    scale = factors(inputs, weights, means, free_scale)
    return np.square(inputs @ (scale * weights - means)).sum(axis=0)


def hidden(model, layer, inputs):
    """Activations of the point network that a layer's inputs are."""
    for weight, intercept in list(zip(model.coefs_, model.intercepts_, strict=True))[:layer]:
        inputs = np.where(inputs @ weight + intercept >= 0, 1.0, -1.0)
    return inputs


@pytest.mark.parametrize("options", [{}, {"density": 0.6}, {"fit_intercept": False}], ids=str)
@pytest.mark.parametrize("free_scale", [True, False])
@pytest.mark.parametrize("cls", [BPClassifier, BayesBPClassifier])
def test_no_flip_of_a_weight_brings_a_unit_closer(cls, free_scale, options):
    model = trained(cls, **options)
    rounded = round_weights(model, X, n_layers=2, free_scale=free_scale)
    assert type(rounded) is cls
    for layer in (0, 1):
        inputs, means = hidden(rounded, layer, X), model.weight_means_[layer]
        weights, exists = rounded.coefs_[layer], model.weight_masks_[layer]
        np.testing.assert_array_equal(np.abs(weights), exists)
        found = distances(inputs, weights, means, free_scale)
        signs = distances(inputs, model.coefs_[layer], means, free_scale)
        assert (found <= signs + 1e-9).all()
        # In the second layer the signs may be the best already.
        assert layer == 1 or found.sum() < 0.9 * signs.sum()
        for i in range(len(weights)):
            flipped = weights.copy()
            flipped[i] *= -1
            then = distances(inputs, flipped, means, free_scale)
            assert (then >= found * (1 - 1e-5) - 1e-5).all()


@pytest.mark.parametrize(("free_scale", "better_than"), [(True, 1.2), (False, 2)])
def test_it_is_near_the_best_of_all_signs(free_scale, better_than):
    model = trained(hidden_layer_sizes=(7,))
    means = model.weight_means_[0]
    found = round_weights(model, X, free_scale=free_scale).coefs_[0]
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=9))).T

    def best(column):
        repeated = np.repeat(column[:, None], signs.shape[1], axis=1)
        return distances(X, signs, repeated, free_scale).min()

    least = np.array([best(column) for column in means.T])
    ours, mode = (distances(X, w, means, free_scale) for w in (found, model.coefs_[0]))
    assert np.median(ours / least) < 1.5 and np.median(mode / least) > better_than


def test_a_free_factor_lets_signs_agree_with_the_means_more_often():
    """Small means: signs alone are a multiple of them."""
    model = trained(hidden_layer_sizes=(31,), init_scale=0.2, fit_intercept=False)
    expected = X @ model.weight_means_[0] > 0
    agree = [
        ((X @ round_weights(model, X, free_scale=free).coefs_[0] > 0) == expected).mean()
        for free in (True, False)
    ]
    assert agree[0] > agree[1] + 0.03


@pytest.mark.parametrize(
    ("options", "free_scale"),
    [({}, False), ({"activation": "relu"}, True)],
    ids=str,
)
def test_only_what_is_rounded_changes(options, free_scale):
    model = trained(**options)
    before = [field.copy() for field in model.weight_fields_]
    rounded = round_weights(model, X, free_scale=free_scale)
    np.testing.assert_array_equal(np.abs(rounded.weight_means_[0]), 1)
    np.testing.assert_array_equal(rounded.weight_variances_[0], 0)
    np.testing.assert_array_equal(np.sign(rounded.weight_fields_[0]), rounded.weight_means_[0])
    assert (np.tanh(np.abs(rounded.weight_fields_[0])) == 1).all()
    for layer in (1, 2):
        np.testing.assert_array_equal(rounded.weight_means_[layer], model.weight_means_[layer])
    for layer in range(3):
        np.testing.assert_array_equal(model.weight_fields_[layer], before[layer])
        for name in INTERCEPTS:
            ours, theirs = getattr(rounded, name)[layer], getattr(model, name)[layer]
            np.testing.assert_array_equal(ours, theirs)
    assert rounded.n_steps_ == model.n_steps_


INTERCEPTS = {
    "intercept_means_": -1,
    "intercept_variances_": -2,
    "intercept_fields_": 1,
    "intercept_precisions_": 2,
}
"""What is known of intercepts, and the power of a factor s that each follows."""


def test_intercepts_follow_the_factors():
    model = trained()
    rounded = round_weights(model, X)
    scale = factors(X, rounded.coefs_[0], model.weight_means_[0], True)
    assert np.ptp(scale) > 0.1
    for name, power in INTERCEPTS.items():
        ours, theirs = (getattr(one, name) for one in (rounded, model))
        np.testing.assert_allclose(ours[0], theirs[0] * scale**power, rtol=1e-9)
        for layer in (1, 2):
            np.testing.assert_array_equal(ours[layer], theirs[layer])


def test_intercepts_of_units_that_know_nothing_stay():
    """Equal inputs with opposite means: the pre-activation is an intercept, and rounding noise."""
    model = trained(hidden_layer_sizes=(21,))
    fields = [field.copy() for field in model.weight_fields_]
    fields[0][:] = np.where(np.arange(9) % 2, 0.3, -0.3)[:, None] * (np.arange(9) < 8)[:, None]
    intercepts = (model.intercept_fields_, model.intercept_means_, model.intercept_precisions_)
    model.set_posterior(
        fields,
        intercept_fields=intercepts[0],
        intercept_means=intercepts[1],
        intercept_precisions=intercepts[2],
    )
    pairs = np.column_stack([np.repeat(X[:, :4] / 3, 2, axis=1), np.zeros(len(X))])
    rounded = round_weights(model, pairs)
    for name in INTERCEPTS:
        np.testing.assert_array_equal(getattr(rounded, name)[0], getattr(model, name)[0])


def test_signs_that_contradict_the_means_are_turned():
    """Three large means against six small ones: the signs of the six are the majority."""
    model = trained(hidden_layer_sizes=(5,), fit_intercept=False)
    fields = [field.copy() for field in model.weight_fields_]
    fields[0][:] = np.where(np.arange(9) < 3, 1.5, -0.2)[:, None]
    model.set_posterior(fields)
    alike = np.repeat(np.abs(X[:, :1]), 9, axis=1)
    assert (model.weight_means_[0].sum(axis=0) > 1).all()
    assert (model.coefs_[0].sum(axis=0) == -3).all()
    assert (round_weights(model, alike).coefs_[0].sum(axis=0) > 0).all()


def test_inputs_that_cancel_are_rounded_as_well():
    """Inputs of which one is the sum of two: some signs of theirs add up to nothing."""
    model = trained(hidden_layer_sizes=(501,), fit_intercept=False)
    summed = np.column_stack([X[:, 0], X[:, 1], X[:, 0] + X[:, 1], np.zeros((len(X), 6))])
    means, weights = model.weight_means_[0], round_weights(model, summed).coefs_[0]
    largest = [np.abs(summed @ w).max(axis=0) for w in (weights, np.where(means < 0, -1, 1))]
    assert largest[0].min() > 0.1 and largest[1].min() < 1e-9
    assert (distances(summed, weights, means) < np.square(summed @ means).sum(axis=0)).all()


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
    monkeypatch.setattr("sklearn_bp._estimators.rounding.ROWS", 7)
    for samples in (X, csr_matrix(X)):
        for ours, theirs in zip(
            round_weights(model, samples, n_layers=2).coefs_, expected, strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("free_scale", [1, "auto", None])
def test_a_factor_is_free_or_not(free_scale):
    with pytest.raises(ValueError, match="free_scale"):
        round_weights(trained(), X, free_scale=free_scale)


@pytest.mark.parametrize("n_layers", [0, -1, 3, 1.0, "all", None])
def test_a_number_of_layers_that_is_not_allowed(n_layers):
    with pytest.raises(ValueError, match="n_layers"):
        round_weights(trained(), X, n_layers=n_layers)


def test_what_cannot_be_rounded():
    gaussian = trained(weight_prior="gaussian", init_scale=0.1)
    with pytest.raises(ValueError, match=r"weight_prior='binary' in .*; got .*'gaussian'"):
        round_weights(gaussian, X)
    mixed = trained(weight_prior=["binary", *["gaussian"] * (len(gaussian.coefs_) - 1)])
    assert set(np.unique(round_weights(mixed, X).weight_means_[0])) == {-1, 1}
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
