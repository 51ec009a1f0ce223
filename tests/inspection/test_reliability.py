"""Reliability diagrams against a count by hand, and scikit-learn's own for two classes."""

import numpy as np
import pytest
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.inspection import ReliabilityDisplay

pytestmark = pytest.mark.usefixtures("binary_networks")

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, Y = load_iris(return_X_y=True)
SETTINGS = {"hidden_layer_sizes": (9,), "max_iter": 8, "batch_size": 32, "random_state": 1}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_bins_by_hand():
    probabilities = [[0.55, 0.45], [0.45, 0.55], [0.9, 0.1], [0.05, 0.95], [0.0, 1.0]]
    display = ReliabilityDisplay.from_predictions(list("abbbb"), probabilities, n_bins=10)
    # Three bins are filled: 0.5 to 0.6, 0.8 to 0.9, 0.9 to 1.
    np.testing.assert_allclose(display.confidences, [0.55, 0.9, 0.975])
    np.testing.assert_array_equal(display.accuracies, [1, 0, 1])
    np.testing.assert_array_equal(display.counts, [2, 1, 2])
    assert display.expected_calibration_error == pytest.approx((2 * 0.45 + 0.9 + 2 * 0.025) / 5)
    np.testing.assert_array_equal(display.line_.get_xdata(), display.confidences)
    np.testing.assert_array_equal(display.line_.get_ydata(), display.accuracies)


def test_quantile_bins_hold_the_same_number():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1, 1], size=600)
    y = rng.integers(3, size=600)
    display = ReliabilityDisplay.from_predictions(y, probabilities, n_bins=6, strategy="quantile")
    np.testing.assert_array_equal(display.counts, [100] * 6)
    one = ReliabilityDisplay.from_predictions(y, probabilities, n_bins=1)
    np.testing.assert_allclose(one.confidences, probabilities.max(axis=1).mean())
    np.testing.assert_allclose(one.accuracies, (probabilities.argmax(axis=1) == y).mean())


def test_probabilities_that_are_right_have_no_error():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet([1, 1, 1], size=20_000)
    y = (rng.random(20_000)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    display = ReliabilityDisplay.from_predictions(y, probabilities)
    # Ten bins of two thousand draws each are off by about a percent at random.
    assert display.expected_calibration_error < 0.015
    squeezed = 0.5 * probabilities + 0.5 / 3
    assert ReliabilityDisplay.from_predictions(y, squeezed).expected_calibration_error > 0.1


def test_every_classifier_and_pipeline_of_every_label():
    labels = np.array(["x", "y", "z"])[Y]
    model = make_pipeline(StandardScaler(), BayesBPClassifier(**SETTINGS)).fit(X, labels)
    figure, ax = plt.subplots()
    display = ReliabilityDisplay.from_estimator(model, X, labels, ax=ax, name="Bayes", lw=3)
    assert display.counts.sum() == len(Y)
    accuracy = np.average(display.accuracies, weights=display.counts)
    assert accuracy == pytest.approx(model.score(X, labels))
    # Some of the classes are enough.
    part = ReliabilityDisplay.from_estimator(model, X[:60], labels[:60], ax=ax)
    assert part.counts.sum() == 60 and display.figure_ is part.figure_ is figure
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    error = display.expected_calibration_error
    assert texts[:2] == ["perfectly reliable", f"Bayes (ECE {error:.3f})"]
    assert texts[2].startswith("Pipeline (ECE") and len(texts) == 3
    assert display.line_.get_linewidth() == 3


def test_scikit_learns_display_draws_two_classes():
    model = BayesBPClassifier(**SETTINGS).fit(X, Y == 1)
    display = CalibrationDisplay.from_estimator(model, X, Y == 1, n_bins=5)
    np.testing.assert_array_equal(display.y_prob, model.predict_proba(X)[:, 1])
    np.testing.assert_array_equal(display.line_.get_ydata(), display.prob_true)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"n_bins": 0}, "n_bins must be an integer of at least 1; got 0"),
        ({"n_bins": True}, "n_bins must be an integer of at least 1; got True"),
        ({"strategy": "log"}, "strategy must be 'uniform' or 'quantile'; got 'log'"),
        ({"classes": [0, 1]}, "one column per class, 2; got 3"),
        ({"classes": [1, 2, 3]}, r"previously unseen labels \[0\]"),
    ],
)
def test_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions([0, 1, 2], np.eye(3), **change)


def test_wrong_estimators():
    with pytest.raises(NotFittedError):
        ReliabilityDisplay.from_estimator(BPClassifier(), X, Y)
    with pytest.raises(TypeError, match="must have predict_proba; RidgeClassifier has not"):
        ReliabilityDisplay.from_estimator(RidgeClassifier().fit(X, Y), X, Y)
