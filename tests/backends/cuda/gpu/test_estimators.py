"""Estimators on a GPU: attributes, predictions, pickles, memory that runs out, memory checks."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.backends import DeviceMemoryError, get_backend
from sklearn_bp.backends.cuda import find_problem
from sklearn_bp.backends.cuda._runtime import SIMULATED, free_memory

from . import needs_gpu

pytestmark = needs_gpu


def fitted(digits, kind=BPClassifier, **options):
    settings = dict(max_iter=3, batch_size=64, random_state=0, device="cuda") | options
    return kind((60, 40), **settings).fit(digits.X_train, digits.y_train)


def copy_on(model, device):
    """The same model on another device."""
    return pickle.loads(pickle.dumps(model)).set_params(device=device)


def test_attributes_are_arrays_of_numpy(digits):
    model = fitted(digits)
    for name, value in vars(model).items():
        for one in value if isinstance(value, list) else [value]:
            assert not hasattr(one, "__cuda_array_interface__"), name
    assert all(type(one) is np.ndarray for one in model.coefs_)


@pytest.mark.parametrize("kind", [BPClassifier, BayesBPClassifier])
def test_predictions_are_the_cpus(kind, digits):
    model = fitted(digits, kind, dtype="float64")
    ours, theirs = (copy_on(model, device) for device in ("cuda", "cpu"))
    np.testing.assert_array_equal(ours.predict(digits.X_test), theirs.predict(digits.X_test))
    np.testing.assert_allclose(
        ours.predict_proba(digits.X_test), theirs.predict_proba(digits.X_test), atol=1e-9
    )


def test_many_rows_are_predicted_in_chunks(digits):
    model = fitted(digits)
    X = np.tile(digits.X_test, (12, 1))
    assert X.shape[0] > 4 * 1024
    many = model.predict(X).reshape(12, -1)
    assert (many == many[0]).all()
    np.testing.assert_array_equal(many[0], model.predict(digits.X_test))


@pytest.mark.skipif(SIMULATED, reason="the simulator records nothing")
@pytest.mark.parametrize("algo", ["mf", "bp"])
@pytest.mark.parametrize("weighted", [False, True])
def test_steps_that_come_one_by_one_are_replayed(algo, weighted, digits):
    """Recorded work reads the mini-batch that has come, not the one that was recorded."""
    model, plain = (
        BPClassifier((150, 70), algo=algo, device="cuda", random_state=0) for _ in range(2)
    )
    backend = get_backend("cuda")
    weight = np.linspace(0.5, 2, 100) if weighted else None
    for start in range(0, 1200, 100):
        X, y = digits.X_train[start : start + 100], digits.y_train[start : start + 100]
        for one, records in ((model, True), (plain, False)):
            backend._replays.records = records
            one.partial_fit(X, y, classes=range(10), sample_weight=weight)
    backend._replays.records = True
    for one, other in zip(model.weight_means_, plain.weight_means_, strict=True):
        np.testing.assert_array_equal(one, other)
    data, *_ = model._live_engine()._batch
    keys = [key for key, one in backend._replays._recordings.items() if one.graph is not None]
    assert sum(id(data) in key for key in keys) == 2


ELSEWHERE = """
import pickle, sys
import numpy as np
from sklearn_bp.backends import get_backend
assert get_backend("auto").name == "cpu"
model, X, y = pickle.load(open(sys.argv[1], "rb"))
before = model.predict(X), model.predict_proba(X)
model.partial_fit(X, y)
pickle.dump((before, model.weight_means_), open(sys.argv[2], "wb"))
"""


@pytest.mark.skipif(SIMULATED, reason="the simulator is everywhere")
def test_a_model_goes_on_where_there_is_no_gpu(digits, tmp_path):
    model = fitted(digits, device="auto", dtype="float64")
    X, y = digits.X_test, digits.y_test
    with open(tmp_path / "model", "wb") as file:
        pickle.dump((model, X, y), file)
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "model"), str(tmp_path / "answer")]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    with open(tmp_path / "answer", "rb") as file:
        (classes, probabilities), means = pickle.load(file)
    np.testing.assert_array_equal(classes, model.predict(X))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-9)
    model.partial_fit(X, y)
    for one, other in zip(means, model.weight_means_, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


@pytest.mark.skipif(SIMULATED, reason="the simulator's memory has no end")
def test_memory_that_runs_out_leaves_the_estimator_whole():
    rng = np.random.default_rng(0)
    n_units = 30_000
    n_samples = 1000 + int(free_memory() // (4 * n_units))
    X = rng.standard_normal((n_samples, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    model = BPClassifier((n_units,), algo="mf", device="cuda", random_state=0)
    model.partial_fit(X[:50], y[:50], classes=[0, 1])
    before = [one.copy() for one in model.weight_fields_]
    with pytest.raises(DeviceMemoryError, match=r"needs \d+ bytes.*Lower batch_size"):
        model.partial_fit(X, y)
    for one, other in zip(before, model.weight_fields_, strict=True):
        np.testing.assert_array_equal(one, other)
    model.partial_fit(X[:50], y[:50])
    assert all(np.isfinite(one).all() for one in model.weight_fields_)


CHECKED = """
import numpy as np
from sklearn_bp.algorithms import ALGORITHMS, expansion
from sklearn_bp import BPClassifier
series.LEAST_EDGES = 0
rng = np.random.default_rng(0)
X = rng.standard_normal((70, 37)).astype(np.float32)
for algo in ALGORITHMS:
    for activation, y in (("sign", rng.integers(3, size=70)), ("relu", rng.integers(2, size=70))):
        for sweeps in (1, 2):
            model = BPClassifier(
                (33, 9), algo=algo, activation=activation, n_inner_iter=sweeps, batch_size=32,
                max_iter=3, device="cuda", random_state=0, density=0.8,
            ).fit(X, y)
            model.predict_proba(X)
"""


@pytest.mark.slow
@pytest.mark.skipif(SIMULATED, reason="the simulator's memory is NumPy's")
def test_the_memory_checker_finds_nothing():
    checker = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not Path(checker).exists():
        pytest.skip("compute-sanitizer is not installed")
    command = [checker, "--tool", "memcheck", "--report-api-errors", "no", "--error-exitcode", "9"]
    result = subprocess.run(
        [*command, sys.executable, "-c", CHECKED], capture_output=True, text=True, timeout=1800
    )
    printed = result.stdout + result.stderr
    if "not supported" in printed and "ERROR SUMMARY" not in printed:
        pytest.skip("compute-sanitizer does not support this device")
    assert result.returncode == 0 and "ERROR SUMMARY: 0 errors" in printed, printed[-5000:]


def test_auto_uses_the_gpu_and_says_so(caplog):
    from sklearn_bp import backends

    assert find_problem() is None
    backends._has_gpu.cache_clear()
    expected = "cpu" if SIMULATED else "cuda"
    with caplog.at_level("INFO", logger="sklearn_bp"):
        assert [backends.get_backend("auto").name for _ in range(2)] == [expected] * 2
    assert len(caplog.records) == (0 if SIMULATED else 1)
