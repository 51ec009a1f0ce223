"""Displays draw what was recorded, where they are told to, and import matplotlib late."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sklearn_bp import BPClassifier
from sklearn_bp.inspection import (
    LearningCurveDisplay,
    LocalEnergyDisplay,
    MagnetizationDisplay,
    PolarizationDisplay,
    ReliabilityDisplay,
    local_energy,
    mean_overlaps,
    polarization,
)

pytestmark = pytest.mark.usefixtures("binary_networks")

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, Y = load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def fitted(**parameters):
    return BPClassifier((9,), max_iter=6, batch_size=32, random_state=1, **parameters).fit(X, Y)


def column(model, name):
    return [record[name] for record in model.history_]


def test_learning_curve_without_validation():
    model = fitted()
    display = LearningCurveDisplay.from_estimator(model)
    (line,) = display.lines_
    np.testing.assert_array_equal(line.get_xdata(), column(model, "epoch"))
    np.testing.assert_allclose(line.get_ydata(), column(model, "train_accuracy"))
    assert display.ax_.get_ylabel() == "accuracy"


def test_learning_curve_of_errors_with_validation():
    model = fitted(early_stopping=True)
    display = LearningCurveDisplay.from_estimator(model, metric="error", linewidth=3)
    train, validation = display.lines_
    np.testing.assert_allclose(train.get_ydata(), 1 - np.array(column(model, "train_accuracy")))
    score = np.array(column(model, "validation_score"))
    np.testing.assert_allclose(validation.get_ydata(), 1 - score)
    assert train.get_linewidth() == validation.get_linewidth() == 3


def test_learning_curve_draws_validation_only_where_there_was_one():
    model = fitted(warm_start=True)
    model.set_params(early_stopping=True, max_iter=2).fit(X, Y)
    _, validation = LearningCurveDisplay.from_estimator(model).lines_
    np.testing.assert_array_equal(np.isnan(validation.get_ydata()), [True] * 6 + [False] * 2)


def test_learning_curve_of_an_unknown_metric():
    with pytest.raises(ValueError, match="metric must be 'accuracy' or 'error'; got 'loss'"):
        LearningCurveDisplay.from_estimator(fitted(), metric="loss")


@pytest.mark.parametrize("display", [LearningCurveDisplay, PolarizationDisplay])
def test_nothing_recorded(display):
    model = BPClassifier((9,), random_state=0).partial_fit(X, Y, classes=np.unique(Y))
    with pytest.raises(ValueError, match="history_ is empty"):
        display.from_estimator(model)


@pytest.mark.parametrize("prior", ["binary", "gaussian"])
def test_magnetization_histograms(prior):
    model = fitted(weight_prior=prior, density=0.5)
    display = MagnetizationDisplay.from_estimator(model, bins=10)
    assert len(display.patches_) == 2
    for layer in range(2):
        density, edges = display.densities[layer], display.edges[layer]
        np.testing.assert_allclose((density * np.diff(edges)).sum(), 1)
        mask = model.weight_masks_[layer]
        counts, _ = np.histogram(model.weight_means_[layer][mask], bins=edges)
        np.testing.assert_allclose(density * np.diff(edges) * mask.sum(), counts, atol=1e-9)
        if prior == "binary":
            assert (edges[0], edges[-1]) == (-1, 1)


def test_polarization_from_history():
    model = fitted()
    display = PolarizationDisplay.from_estimator(model)
    for layer, (line, overlaps) in enumerate(
        zip(display.lines_, display.overlap_lines_, strict=True)
    ):
        np.testing.assert_array_equal(line.get_ydata(), column(model, f"polarization_{layer}"))
        np.testing.assert_array_equal(overlaps.get_ydata(), column(model, f"overlap_{layer}"))
        np.testing.assert_array_equal(overlaps.get_xdata(), column(model, "epoch"))
        assert overlaps.get_ydata()[-1] == mean_overlaps(model)[layer]
        assert overlaps.get_color() == line.get_color()


def test_a_single_output_unit_overlaps_with_nothing():
    model = BPClassifier((9,), max_iter=3, random_state=1).fit(X, Y == 0)
    assert "overlap_1" not in model.history_[-1]
    display = PolarizationDisplay.from_estimator(model)
    assert (len(display.lines_), len(display.overlap_lines_)) == (2, 1)
    assert len(display.ax_.get_legend().get_texts()) == 3


@pytest.mark.parametrize("display", [LearningCurveDisplay, PolarizationDisplay])
def test_a_single_epoch_is_visible(display):
    model = BPClassifier((9,), max_iter=1, random_state=1).fit(X, Y)
    assert {line.get_marker() for line in display.from_estimator(model).lines_} == {"o"}
    assert {line.get_marker() for line in display.from_estimator(fitted()).lines_} == {"None"}


def test_polarization_from_snapshots():
    model = fitted(warm_start=True)
    copies = [BPClassifier((9,), max_iter=n, random_state=1).fit(X, Y) for n in (0, 3)] + [model]
    display = PolarizationDisplay.from_snapshots(copies)
    np.testing.assert_array_equal(display.epochs, [0, 3, 6])
    for layer in range(2):
        expected = [polarization(copy)[layer] for copy in copies]
        np.testing.assert_allclose(display.lines_[layer].get_ydata(), expected)
        expected = [mean_overlaps(copy)[layer] for copy in copies]
        np.testing.assert_allclose(display.overlap_lines_[layer].get_ydata(), expected)
    display = PolarizationDisplay.from_snapshots(copies, epochs=[1, 2, 4])
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), [1, 2, 4])


def test_polarization_from_wrong_snapshots():
    with pytest.raises(ValueError, match="at least one estimator"):
        PolarizationDisplay.from_snapshots([])
    with pytest.raises(ValueError, match="one entry per estimator, 1; got 2"):
        PolarizationDisplay.from_snapshots([fitted()], epochs=[1, 2])


def test_local_energy_profile():
    model = fitted()
    arguments = {"flip_probabilities": [0, 0.2], "n_repeats": 3, "random_state": 0}
    display = LocalEnergyDisplay.from_estimator(model, X, Y, label="p", **arguments)
    profile = local_energy(model, X, Y, **arguments)
    np.testing.assert_allclose(display.line_.get_ydata(), profile.local_energies_mean)
    band = display.fill_between_.get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(
        (profile.local_energies_mean + profile.local_energies_std).max()
    )
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["p"]


def test_drawing_into_given_axes():
    model = fitted()
    displays = [
        (LearningCurveDisplay, (model,)),
        (MagnetizationDisplay, (model,)),
        (PolarizationDisplay, (model,)),
        (LocalEnergyDisplay, (model, X, Y)),
        (ReliabilityDisplay, (model, X, Y)),
    ]
    for display, arguments in displays:
        figure, ax = plt.subplots()
        drawn = display.from_estimator(*arguments, ax=ax)
        assert drawn.ax_ is ax and drawn.figure_ is figure
        again = drawn.plot()
        assert again is drawn and drawn.ax_ is not ax


def test_matplotlib_is_imported_late():
    code = (
        "import sys, numpy as np; sys.modules['matplotlib'] = None\n"
        "import sklearn_bp.inspection as inspection\n"
        "display = inspection.LocalEnergyDisplay(np.zeros(2), np.zeros((2, 2)))\n"
        "try: display.plot()\n"
        "except ImportError as error: assert 'sklearn_bp[plot]' in str(error), error\n"
        "else: raise AssertionError('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
