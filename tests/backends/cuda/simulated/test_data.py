"""Samples on the device: whole or streamed, dense or sparse, of any type."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cuda import _backend, _data
from sklearn_bp.backends.cuda._backend import CudaBackend
from sklearn_bp.backends.cuda._data import ResidentData, StreamedData
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.leave_one_out import LeaveOneOut
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

from ..running import HostProducts
from ..steps import assert_same_outcome

N_SAMPLES, N_FEATURES, BATCH_SIZE = 11, 3, 3


@pytest.fixture
def backend():
    return CudaBackend(products=HostProducts())


@pytest.fixture
def streaming(monkeypatch):
    """Let no samples fit, and chunks be of two mini-batches."""
    monkeypatch.setattr(_backend, "free_memory", lambda: 0)
    monkeypatch.setattr(_data, "CHUNK_BYTES", 2 * BATCH_SIZE * N_FEATURES * 4 + 1)


def samples(kind, folder):
    X = np.random.default_rng(0).standard_normal((N_SAMPLES, N_FEATURES)).astype(np.float32)
    if kind == "uint8":
        return (255 * np.abs(X) / np.abs(X).max()).astype(np.uint8)
    if kind in ("float64", "int64"):
        return (3 * X).astype(kind)
    if kind == "Fortran order":
        return np.asfortranarray(X)
    if kind == "sparse":
        return csr_matrix(X * (X > 0))
    if kind == "memory map":
        np.save(folder / "X.npy", X)
        return np.load(folder / "X.npy", mmap_mode="r")
    return X


KINDS = ["float32", "float64", "uint8", "int64", "Fortran order", "sparse", "memory map"]


def read_rows(backend, X, order):
    """What the mini-batch of those samples is, with a constant column behind."""
    x = backend.full((len(order), N_FEATURES + 1), 1, "float32")
    x_sq = backend.full((len(order), N_FEATURES + 1), 1, "float32")
    data = backend.load_data(X)
    backend.load_rows(data, backend.load_order(order), x, x_sq)
    return backend.to_host(x), backend.to_host(x_sq)


@pytest.mark.parametrize("kind", KINDS)
def test_one_mini_batch(kind, backend, tmp_path):
    X, order = samples(kind, tmp_path), np.array([7, 2, 2, 10])
    for ours, theirs in zip(
        read_rows(backend, X, order), read_rows(CpuBackend(1), X, order), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_one_mini_batch_of_streamed_samples(kind, backend, streaming, tmp_path):
    assert isinstance(backend.load_data(samples(kind, tmp_path)), StreamedData)
    test_one_mini_batch(kind, backend, tmp_path)


def epochs(backend, X, weight=None):
    """The posterior after two epochs of shuffled samples, what they scored, and cavity log Z.

    The label noise is another one in the second epoch, as if it had been learned.
    """
    rng = np.random.RandomState(0)
    options = dict(algo="mf", output="sign", damping=0.5, label_noise=0.2)
    network = make_network([N_FEATURES, 4, 1], **options)
    engine = Engine(network, draw_posterior(network, rng), backend)
    engine.leave_one_out = LeaveOneOut(engine, N_SAMPLES, 3)
    y = backend.asarray(np.where(rng.standard_normal(N_SAMPLES) > 0, 1, -1).astype(np.float32))
    data = backend.load_data(X)
    weight = None if weight is None else backend.asarray(weight)
    outcomes = []
    for noise in (0.2, 0.01):
        engine.label_noise = noise
        order = Engine.draw_order(N_SAMPLES, rng)
        outcomes.append(engine.epoch(data, y, order, BATCH_SIZE, weight))
    return engine.posterior(), outcomes, backend.to_host(engine.leave_one_out.log_z), data


@pytest.mark.parametrize("weighted", [False, True])
def test_epochs_agree_with_the_cpu(weighted, backend, tmp_path):
    X = samples("float32", tmp_path)
    weight = np.linspace(0.5, 2.0, N_SAMPLES, dtype=np.float32) if weighted else None
    ours, outcomes, log_z, data = epochs(backend, X, weight)
    theirs, expected, their_log_z, _ = epochs(CpuBackend(1), X, weight)
    assert isinstance(data, ResidentData)
    for mine, other in zip(outcomes, expected, strict=True):
        assert_same_outcome(mine, other, 1e-5)
    np.testing.assert_allclose(log_z, their_log_z, rtol=1e-4, atol=1e-5)
    assert np.all(log_z < 0)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.field, other.field, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["float32", "sparse"])
def test_streamed_epochs_give_the_same_bits(kind, backend, tmp_path, request):
    X = samples(kind, tmp_path)
    whole = epochs(backend, X)
    request.getfixturevalue("streaming")
    streamed = epochs(backend, X)
    assert isinstance(streamed[3], StreamedData)
    assert whole[1] == streamed[1]
    np.testing.assert_array_equal(whole[2], streamed[2])
    for one, other in zip(whole[0], streamed[0], strict=True):
        np.testing.assert_array_equal(one.field, other.field)


def test_large_samples_are_copied_in_chunks(backend, monkeypatch, tmp_path):
    monkeypatch.setattr(_data, "CHUNK_BYTES", 2 * N_FEATURES * 4)
    test_one_mini_batch("float32", backend, tmp_path)


def test_mini_batches_of_one_size_are_the_same_object(backend):
    data = backend.load_data(np.zeros((N_SAMPLES, N_FEATURES), np.float32))
    first = list(backend.batches(data, np.arange(N_SAMPLES), BATCH_SIZE))
    second = list(backend.batches(data, np.arange(N_SAMPLES)[::-1], BATCH_SIZE))
    assert [rows.shape[0] for rows in first] == [3, 3, 3, 2]
    assert len({id(rows) for rows in first}) == 2
    assert [id(rows) for rows in first] == [id(rows) for rows in second]
    other = list(backend.batches(data, np.arange(N_SAMPLES), 4))
    assert [rows.shape[0] for rows in other] == [4, 4, 3]


def test_labels_follow_the_order_and_what_is_noted_down_goes_back(backend):
    data = backend.load_data(np.zeros((N_SAMPLES, N_FEATURES), np.float32))
    order = np.random.default_rng(0).permutation(N_SAMPLES)
    y, taken = backend.asarray(np.arange(N_SAMPLES)), []
    noted = backend.full((N_SAMPLES,), -1, y.dtype)
    record = backend.step_record(1)
    for rows in backend.batches(data, order, BATCH_SIZE):
        out = backend.zeros((rows.shape[0],), "int32")
        backend.take(y, rows, out)
        taken.extend(backend.to_host(out))
        backend.put(out, rows, noted)
        record.end_step(rows)
    np.testing.assert_array_equal(taken, order)
    np.testing.assert_array_equal(backend.to_host(noted), np.arange(N_SAMPLES))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_mini_batch_that_comes_alone(kind, weighted, backend, tmp_path):
    X, y = samples(kind, tmp_path), np.arange(N_SAMPLES)
    weight = np.linspace(0.5, 2, N_SAMPLES, dtype=np.float32) if weighted else None
    batch = None
    for _ in range(2):
        batch = backend.load_batch(X, y, weight, batch)
        assert_batch(backend, batch, X, y, weight)
        X, y, weight = X[::-1], y[::-1], None if weight is None else weight[::-1]


def assert_batch(backend, batch, X, y, weight):
    """The mini-batch on the device is that one."""
    data, labels, rows, weights = batch
    x, x_sq, expected, expected_sq = (np.ones((len(y), N_FEATURES), "f4") for _ in range(4))
    read, squares = backend.asarray(x), backend.asarray(x_sq)
    backend.load_rows(data, rows, read, squares)
    CpuBackend(1).load_rows(CpuBackend.load_data(X), np.arange(len(y)), expected, expected_sq)
    np.testing.assert_array_equal(backend.to_host(read), expected)
    np.testing.assert_array_equal(backend.to_host(squares), expected_sq)
    out = backend.zeros((len(y),), "int32")
    backend.take(labels, rows, out)
    np.testing.assert_array_equal(backend.to_host(out), y)
    assert (weights is None) == (weight is None)
    if weight is not None:
        np.testing.assert_array_equal(backend.to_host(weights), weight)


def test_mini_batches_of_one_kind_take_the_same_memory(backend):
    X, y = np.zeros((4, N_FEATURES), np.float32), np.zeros(4, np.float32)
    weight = np.ones(4, np.float32)
    first = backend.load_batch(X, y, None)
    assert backend.load_batch(X + 1, y + 1, None, first) is first
    others = [
        (X[:3], y[:3], None),
        (X.astype(np.float64), y, None),
        (X, y.astype(np.int64), None),
        (X, y, weight),
    ]
    for other in others:
        second = backend.load_batch(*other, first)
        assert second is not first
        assert_batch(backend, second, *other)
    weighted = backend.load_batch(X, y, weight)
    assert backend.load_batch(X, y, weight + 1, weighted) is weighted
    assert_batch(backend, weighted, X, y, weight + 1)
    assert backend.load_batch(X, y, None, weighted) is not weighted
