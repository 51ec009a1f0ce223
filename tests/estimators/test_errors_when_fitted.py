"""Wrong calls of what comes after a fit: predictions, devices, files, merging, inspection."""

import re

import numpy as np
import pytest
from numba import cuda
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

import sklearn_bp
from sklearn_bp import BayesBPClassifier, BPClassifier, inspection
from sklearn_bp.backends.errors import DeviceUnavailableError

from .calls import must_raise
from .problems import ESTIMATORS, X, Y, small

pytestmark = pytest.mark.usefixtures("binary_networks")

CLASSES = [0, 1, 2]

PREDICTIONS = ["predict", "predict_proba", "predict_log_proba"]


@pytest.fixture(scope="module")
def fitted():
    return {cls: small(cls).fit(X, Y) for cls in ESTIMATORS}


@pytest.mark.parametrize("method", PREDICTIONS)
@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    ("samples", "pattern"),
    [
        (X[:, :2], "X has 2 features, but {} is expecting 4 features"),
        (np.column_stack([X, X]), "X has 8 features, but {} is expecting 4 features"),
        (X[0], "Expected 2D array, got 1D array"),
        (X[:0], r"0 sample\(s\)"),
        (np.full((1, 4), np.nan), "Input X contains NaN"),
        (np.full((1, 4), -np.inf), "Input X contains infinity"),
        (np.full((1, 4), 1e17), r"absolute value 1e\+17;.*must not exceed 9\.22e\+15"),
    ],
)
def test_wrong_samples_of_predictions(fitted, cls, method, samples, pattern):
    pattern = pattern.format(cls.__name__)
    must_raise(ValueError, [pattern], getattr(fitted[cls], method), samples)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_unfitted_estimators_say_so(cls, tmp_path):
    patterns = [f"This {cls.__name__} instance is not fitted yet. Call 'fit'"]
    for method in PREDICTIONS:
        must_raise(NotFittedError, patterns, getattr(small(cls), method), X)
    must_raise(NotFittedError, patterns, small(cls).score, X, Y)
    must_raise(NotFittedError, patterns, small(cls).set_posterior, [])
    must_raise(NotFittedError, patterns, small(cls).save, tmp_path / "model.npz")
    for name in ("coefs_", "intercepts_", "weight_fields_", "weight_masks_"):
        must_raise(NotFittedError, patterns, getattr, small(cls), name)
        assert not hasattr(small(cls), name)


def test_wrong_feature_names(fitted):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = small().fit(frame, Y)
    patterns = ["feature names should match", "same order"]
    must_raise(ValueError, patterns, model.predict, frame[["b", "a", "c", "d"]])
    patterns = ["feature names should match", "unseen at fit time:\n- z", "now missing:\n- a"]
    other = frame.rename(columns={"a": "z"})
    must_raise(ValueError, patterns, model.predict, other)
    must_raise(ValueError, patterns, model.partial_fit, other, Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        fitted[BPClassifier].predict(frame)


def test_fitted_attributes_cannot_be_set(fitted):
    must_raise(AttributeError, ["coefs_", "no setter"], setattr, fitted[BPClassifier], "coefs_", 1)


# Devices --------------------------------------------------------------------------------------


@pytest.mark.skipif(cuda.is_available(), reason="There is a GPU.")
def test_a_gpu_that_is_not_there():
    patterns = ["device='cuda' cannot be used: .+", "pip install", "device='auto'.*takes the CPU"]
    must_raise(DeviceUnavailableError, patterns, small(device="cuda").fit, X, Y)
    call = small(device="cuda").partial_fit
    must_raise(DeviceUnavailableError, patterns, call, X, Y, classes=CLASSES)
    model = small().fit(X, Y).set_params(device="cuda")
    must_raise(DeviceUnavailableError, patterns, model.predict, X)


def test_an_unknown_device_after_the_fit():
    model = small().fit(X, Y).set_params(device="tpu")
    patterns = [r"device must be one of \('auto', 'cpu', 'cuda'\); got 'tpu'"]
    must_raise(ValueError, patterns, model.predict, X)


# Files ----------------------------------------------------------------------------------------


def test_paths_that_cannot_be_written(fitted, tmp_path):
    model = fitted[BPClassifier]
    (tmp_path / "file").write_text("")
    for path, error in (
        (tmp_path / "none" / "model.npz", FileNotFoundError),
        (tmp_path / "file" / "model.npz", NotADirectoryError),
        (tmp_path, IsADirectoryError),
    ):
        must_raise(error, ["Cannot save to this path", re.escape(f"'{path}'")], model.save, path)
    for path in (None, 3.5):
        must_raise(TypeError, ["path must be the name of a file"], model.save, path)


def test_paths_that_cannot_be_read(tmp_path):
    must_raise(FileNotFoundError, ["none.npz"], sklearn_bp.load, tmp_path / "none.npz")
    must_raise(IsADirectoryError, [tmp_path.name], sklearn_bp.load, tmp_path)
    must_raise(TypeError, ["path must be the name of a file.*got NoneType"], sklearn_bp.load, None)
    (tmp_path / "text").write_text("hello")
    patterns = ["text' is damaged, or is no file that the method save.*not an .npz archive"]
    must_raise(ValueError, patterns, sklearn_bp.load, tmp_path / "text")


# Merging and inspection -----------------------------------------------------------------------

STARTED = r"estimators\[0\] cannot have started from prior: its "


@pytest.mark.parametrize(
    ("other", "pattern"),
    [
        ({"hidden_layer_sizes": (6,)}, r"layer_sizes is \(4, 6, 3\), that of prior \(4, 7, 3\)"),
        ({"weight_prior": "gaussian"}, "weight_prior is 'gaussian', that of prior 'binary'"),
        ({"fit_intercept": False}, "intercept is False, that of prior True"),
        ({"argmax": "exact"}, "output is 'argmax_exact', that of prior 'argmax'"),
    ],
)
def test_merging_what_does_not_match(fitted, other, pattern):
    worker = small(**other).fit(X, Y)
    must_raise(
        ValueError, [STARTED + pattern], sklearn_bp.merge, [worker], prior=fitted[BPClassifier]
    )


def test_wrong_calls_of_merge(fitted):
    prior, merge = fitted[BPClassifier], sklearn_bp.merge
    either = "must be a fitted BPClassifier or BayesBPClassifier; got"
    must_raise(ValueError, ["merge needs at least one estimator; got none"], merge, [], prior=prior)
    must_raise(TypeError, [rf"estimators\[1\] {either} int"], merge, [prior, 1], prior=prior)
    must_raise(TypeError, [f"prior {either} NoneType"], merge, [prior], prior=None)
    patterns = ["estimators must be a sequence of estimators; got BPClassifier"]
    must_raise(TypeError, patterns, merge, prior, prior=prior)
    must_raise(NotFittedError, ["not fitted"], merge, [small()], prior=prior)
    must_raise(NotFittedError, ["not fitted"], merge, [prior], prior=small())
    other = small().fit(X, Y + 1)
    patterns = [STARTED + r"classes are \[1, 2, 3\], those of prior \[0, 1, 2\]"]
    must_raise(ValueError, patterns, merge, [other], prior=prior)
    later = small(max_iter=3).fit(X, Y)
    patterns = [STARTED.replace(" its ", "") + " it took 4 steps, prior 6"]
    must_raise(ValueError, patterns, merge, [prior], prior=later)
    pruned = small(density=0.5).fit(X, Y)
    patterns = [r"estimators\[0\] has other pruned weights than prior in layer 0"]
    must_raise(ValueError, patterns, merge, [pruned], prior=prior)


INSPECTIONS = {
    "polarization": (inspection.polarization, ()),
    "overlaps": (inspection.overlaps, ()),
    "mean_overlaps": (inspection.mean_overlaps, ()),
    "local_energy": (inspection.local_energy, (X, Y)),
}


@pytest.mark.parametrize("name", INSPECTIONS)
def test_inspecting_what_is_no_fitted_estimator(name):
    function, data = INSPECTIONS[name]
    patterns = ["estimator must be a fitted BPClassifier or BayesBPClassifier; got int"]
    must_raise(TypeError, patterns, function, 3, *data)
    must_raise(NotFittedError, ["not fitted"], function, small(BayesBPClassifier), *data)


def test_wrong_calls_of_local_energy(fitted):
    model, energy = fitted[BPClassifier], inspection.local_energy
    patterns = ["'n_repeats' parameter of local_energy must be an int.*Got 0"]
    must_raise(InvalidParameterError, patterns, energy, model, X, Y, n_repeats=0)
    patterns = [r"flip_probabilities must be .* in \[0, 1\]; got \[2\]"]
    must_raise(ValueError, patterns, energy, model, X, Y, flip_probabilities=[2])
    must_raise(ValueError, ["X has 2 features"], energy, model, X[:, :2], Y)
    must_raise(ValueError, ["inconsistent numbers of samples"], energy, model, X, Y[:-1])


def test_plotting_a_history_that_is_empty():
    pytest.importorskip("matplotlib")
    model = small().partial_fit(X, Y, classes=CLASSES)
    for display in (inspection.LearningCurveDisplay, inspection.PolarizationDisplay):
        patterns = ["estimator.history_ is empty: only fit records epochs"]
        must_raise(ValueError, patterns, display.from_estimator, model)
