"""Polarization and overlaps against their definitions, unit by unit."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.inspection import mean_overlaps, overlaps, polarization

pytestmark = pytest.mark.usefixtures("binary_networks")

X, Y = load_iris(return_X_y=True)


def fitted(cls=BPClassifier, **parameters):
    model = cls((7,), max_iter=5, batch_size=32, random_state=3, dtype="float64", **parameters)
    return model.fit(X, Y)


@pytest.mark.parametrize("cls", [BPClassifier, BayesBPClassifier])
def test_binary_polarization_is_mean_square(cls):
    model = fitted(cls)
    expected = [np.mean([np.mean(unit**2) for unit in m.T]) for m in model.weight_means_]
    np.testing.assert_allclose(polarization(model), expected, rtol=1e-12)


def test_overlaps_of_every_pair():
    model = fitted()
    for q, m in zip(overlaps(model), model.weight_means_, strict=True):
        n_in, n_out = m.shape
        for a in range(n_out):
            for b in range(n_out):
                expected = sum(m[i, a] * m[i, b] for i in range(n_in)) / n_in
                assert q[a, b] == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_gaussian_weights_count_relative_to_their_variance():
    model = fitted(weight_prior="gaussian")
    for layer, q in enumerate(overlaps(model)):
        m, variance = model.weight_means_[layer], model.weight_variances_[layer]
        ratio = m / np.sqrt(m**2 + variance)
        np.testing.assert_allclose(q, ratio.T @ ratio / m.shape[0], rtol=1e-12)
        assert polarization(model)[layer] == pytest.approx(np.diag(q).mean(), rel=1e-12)


def test_pruned_weights_do_not_count():
    model = fitted(density=0.5)
    for layer, q in enumerate(overlaps(model)):
        m, mask = model.weight_means_[layer], model.weight_masks_[layer]
        assert polarization(model)[layer] == pytest.approx(np.mean(m[mask] ** 2), rel=1e-12)
        both = mask[:, 0] & mask[:, 1]
        expected = np.mean(m[both, 0] * m[both, 1]) if both.any() else 0.0
        assert q[0, 1] == pytest.approx(expected, rel=1e-12)


def test_unpolarised_start_and_single_network():
    model = fitted()
    fields = [np.zeros_like(field) for field in model.weight_fields_]
    rest = {
        "intercept_fields": model.intercept_fields_,
        "intercept_precisions": model.intercept_precisions_,
    }
    np.testing.assert_array_equal(polarization(model.set_posterior(fields, **rest)), [0, 0])
    certain = [np.full_like(field, 100.0) for field in fields]
    model.set_posterior(certain, **rest)
    np.testing.assert_array_equal(polarization(model), [1, 1])
    np.testing.assert_array_equal(mean_overlaps(model), [1, 1])


def test_mean_overlap_leaves_the_diagonal_out():
    model = fitted()
    for q, mean in zip(overlaps(model), mean_overlaps(model), strict=True):
        off = ~np.eye(q.shape[0], dtype=bool)
        assert mean == pytest.approx(q[off].mean(), rel=1e-12)


def test_single_unit_has_no_pairs():
    model = BPClassifier((5,), max_iter=2, random_state=0).fit(X[:100], Y[:100])
    means = mean_overlaps(model)
    assert np.isfinite(means[0]) and np.isnan(means[1])


def test_mean_overlap_of_pruned_weights_is_that_of_all_pairs_with_a_common_input():
    model = fitted(density=0.6)
    for layer, mean in enumerate(mean_overlaps(model)):
        m, mask = model.weight_means_[layer], model.weight_masks_[layer]
        n_in, n_out = m.shape
        products = [
            m[i, a] * m[i, b]
            for i in range(n_in)
            for a in range(n_out)
            for b in range(n_out)
            if a != b and mask[i, a] and mask[i, b]
        ]
        assert mean == pytest.approx(np.mean(products), rel=1e-12)


@pytest.mark.parametrize(
    "function, name", [(polarization, "polarization"), (mean_overlaps, "overlap")]
)
@pytest.mark.parametrize("weight_prior", ["binary", "gaussian"])
def test_history_records_what_the_functions_say(function, name, weight_prior):
    model = fitted(weight_prior=weight_prior, density=0.6)
    recorded = [model.history_[-1][f"{name}_{layer}"] for layer in range(2)]
    np.testing.assert_array_equal(function(model), recorded)


def test_huge_gaussian_means_are_certain():
    model = fitted(weight_prior="gaussian")
    fields = [np.full_like(field, 1e200) for field in model.weight_fields_]
    rest = {
        name: getattr(model, name + "_") for name in ("intercept_fields", "intercept_precisions")
    }
    model.set_posterior(fields, weight_precisions=model.weight_precisions_, **rest)
    np.testing.assert_array_equal(polarization(model), [1, 1])


@pytest.mark.parametrize("function", [polarization, overlaps, mean_overlaps])
class TestWrongEstimators:
    def test_pipeline(self, function):
        with pytest.raises(TypeError, match=r"pass pipeline\[-1\]"):
            function(make_pipeline(StandardScaler(), BPClassifier()))

    def test_other_class(self, function):
        with pytest.raises(TypeError, match="BPClassifier or BayesBPClassifier; got StandardScal"):
            function(StandardScaler())

    def test_not_fitted(self, function):
        with pytest.raises(NotFittedError):
            function(clone(fitted()))
