"""Training on a GPU: the CPU's batches and accuracy, the same bits twice, replays and streams."""

import os

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from sklearn_bp import BPClassifier
from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cuda import _backend, _data
from sklearn_bp.backends.cuda._backend import CudaBackend
from sklearn_bp.backends.cuda._data import ResidentData, StreamedData
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

from . import needs_gpu

pytestmark = needs_gpu

ALGORITHMS = ["mf", "amp", "bp", "bpi"]


def train(backend, X, y, algo="bp", n_epochs=4, batch_size=128, **options):
    """The engine, and what it counted, after some epochs whose last mini-batch is smaller."""
    network = make_network([X.shape[1], 150, 70, 10], algo=algo, **options)
    engine = Engine(network, draw_posterior(network, np.random.RandomState(0)), backend)
    data, labels, rng = backend.load_data(X), backend.asarray(y), np.random.RandomState(1)
    counted = [
        engine.epoch(data, labels, Engine.draw_order(X.shape[0], rng), batch_size)
        for _ in range(n_epochs)
    ]
    return engine, counted, data


def assert_same_bits(one, other):
    for mine, theirs in zip(one.posterior(), other.posterior(), strict=True):
        for name in ("field", "mean", "variance", "precision"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


@pytest.fixture(scope="module")
def samples():
    """A thousand samples of ten classes, of as many features as make layers expand."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((10, 200))
    y = rng.integers(10, size=1000)
    return (centres[y] + 2 * rng.standard_normal((1000, 200))).astype(np.float32), y


@pytest.mark.parametrize("n_inner_iter", [1, 2])
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_replays_equal_plain_launches(algo, n_inner_iter, samples):
    recording, plain = CudaBackend(), CudaBackend()
    plain._replays.records = False
    batch_size = 128 if n_inner_iter == 1 else 16
    options = dict(algo=algo, n_inner_iter=n_inner_iter, batch_size=batch_size)
    ours, counted, _ = train(recording, *samples, **options)
    theirs, expected, _ = train(plain, *samples, **options)
    assert counted == expected
    assert_same_bits(ours, theirs)
    assert recording._replays.records
    assert any(one.graph is not None for one in recording._replays._recordings.values())


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_the_same_seed_gives_the_same_bits(algo, samples):
    (first, counted, _), (second, again, _) = (
        train(CudaBackend(), *samples, algo=algo) for _ in range(2)
    )
    assert counted == again
    assert_same_bits(first, second)


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_an_epoch_is_the_cpus(algo, samples):
    ours, counted, _ = train(CudaBackend(), *samples, algo=algo, n_epochs=1, dtype="float64")
    theirs, expected, _ = train(CpuBackend(1), *samples, algo=algo, n_epochs=1, dtype="float64")
    assert counted == expected
    for mine, other in zip(ours.posterior(), theirs.posterior(), strict=True):
        error = np.linalg.norm(mine.mean - other.mean) / np.linalg.norm(other.mean)
        # Expanded edges are within 1e-4 of exact ones, on either side.
        assert error < (1e-3 if algo in ("bp", "bpi") else 1e-8)


def test_batches_are_the_cpus():
    backend, order = CudaBackend(), np.random.RandomState(3).permutation(1000)
    data = backend.load_data(np.zeros((1000, 2), np.float32))
    y, taken, record = backend.asarray(np.arange(1000)), [], backend.step_record(1)
    expected = [list(rows) for rows in CpuBackend(1).batches(None, order, 128)]
    for rows in backend.batches(data, order, 128):
        out = backend.zeros(rows.shape, "int32")
        backend.take(y, rows, out)
        taken.append(list(backend.to_host(out)))
        record.end_step(rows)
    assert taken == expected


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix], ids=["dense", "sparse"])
def test_streamed_samples_give_the_same_bits(kind, samples, monkeypatch):
    X, y = samples
    whole, counted, data = train(CudaBackend(), X, y)
    assert isinstance(data, ResidentData)
    monkeypatch.setattr(_backend, "free_memory", lambda: X.nbytes)
    monkeypatch.setattr(_data, "CHUNK_BYTES", 3 * 128 * X[0].nbytes)
    streamed, again, data = train(CudaBackend(), kind(X), y)
    assert isinstance(data, StreamedData)
    assert counted == again
    assert_same_bits(whole, streamed)


def accuracies(data, device, seeds, **options):
    """Test accuracy after five epochs, for every seed."""
    found = []
    for seed in seeds:
        model = BPClassifier(
            (101, 101), max_iter=5, device=device, random_state=seed, **options
        ).fit(data.X_train, data.y_train)
        found.append(model.score(data.X_test, data.y_test))
    return np.array(found)


@pytest.mark.slow
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_five_epochs_end_within_seed_noise_of_the_cpu(algo, digits):
    seeds = range(6)
    ours, theirs = (
        accuracies(digits, device, seeds, algo=algo, batch_size=32) for device in ("cuda", "cpu")
    )
    noise = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / len(seeds))
    assert abs(ours.mean() - theirs.mean()) < 3 * noise + 1e-3


@pytest.mark.slow
@pytest.mark.skipif("SKLEARN_BP_DATA" not in os.environ, reason="SKLEARN_BP_DATA is not set")
@pytest.mark.parametrize("algo", ["mf", "amp", "bp"])
def test_five_epochs_of_mnist_end_within_seed_noise_of_the_cpu(algo):
    from sklearn_bp.datasets import load_mnist

    data, seeds = load_mnist(), range(2)
    ours, theirs = (accuracies(data, device, seeds, algo=algo) for device in ("cuda", "cpu"))
    # The spread between seeds is about 0.2 % there.
    assert abs(ours.mean() - theirs.mean()) < 0.006
