"""What goes wrong: numbers that are not finite, and memory that runs out."""

import numpy as np
import pytest

from sklearn_bp.backends import DeviceMemoryError, get_backend
from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cuda import _runtime
from sklearn_bp.backends.cuda._backend import CudaBackend
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.errors import NonFiniteError
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

from ..running import HostProducts

# The simulator's threads are Python's, and warn where a GPU keeps silent.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

N_FEATURES, BATCH_SIZE, N_BATCHES, BAD_BATCH = 3, 2, 6, 3


@pytest.fixture
def backend():
    return CudaBackend(products=HostProducts())


def train(backend, n_inner_iter, spoil):
    """Train until a mini-batch spoils it: the error, the posterior kept, and the engine."""
    rng = np.random.RandomState(1)
    n_samples = BATCH_SIZE * N_BATCHES
    X = rng.standard_normal((n_samples, N_FEATURES)).astype(np.float32)
    y = np.where(rng.standard_normal(n_samples) > 0, 1, -1).astype(np.float32)
    weight = np.ones(n_samples, np.float32)
    first_bad = BATCH_SIZE * BAD_BATCH
    if spoil == "forward":
        X[first_bad] = 1e30
    else:
        weight[first_bad] = np.inf
    network = make_network(
        [N_FEATURES, 4, 1], algo="amp", output="sign", damping=0.5, n_inner_iter=n_inner_iter
    )
    engine = Engine(network, draw_posterior(network, rng), backend)
    data = backend.load_data(X), backend.asarray(y)
    with pytest.raises(NonFiniteError) as caught:
        engine.epoch(*data, np.arange(n_samples), BATCH_SIZE, backend.asarray(weight))
    return caught.value, engine.posterior(), engine


@pytest.mark.parametrize("n_inner_iter", [1, 2, 3])
@pytest.mark.parametrize("spoil", ["forward", "backward"])
def test_a_failed_step_is_taken_back_with_those_after_it(spoil, n_inner_iter, backend):
    error, kept, engine = train(backend, n_inner_iter, spoil)
    expected, theirs, _ = train(CpuBackend(1), n_inner_iter, spoil)
    assert str(error) == str(expected) and error.layer == expected.layer
    for mine, other in zip(kept, theirs, strict=True):
        assert np.isfinite(mine.field).all()
        np.testing.assert_allclose(mine.field, other.field, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(mine.mean, other.mean, rtol=1e-4, atol=1e-4)
    for mine, again in zip(kept, engine.posterior(), strict=True):
        np.testing.assert_array_equal(mine.field, again.field)


def test_training_goes_on_after_a_failed_step(backend):
    _, kept, engine = train(backend, 1, "forward")
    X, y = np.ones((2, N_FEATURES), np.float32), np.ones(2, np.float32)
    engine.step(backend.load_data(X), backend.asarray(y), backend.load_order(np.arange(2)))
    fresh = Engine(engine.network, kept, backend)
    fresh.step(backend.load_data(X), backend.asarray(y), backend.load_order(np.arange(2)))
    for mine, other in zip(engine.posterior(), fresh.posterior(), strict=True):
        np.testing.assert_array_equal(mine.field, other.field)


class OutOfMemory(Exception):
    code = 2


def test_memory_that_runs_out_leaves_the_engine_whole(backend, monkeypatch):
    rng = np.random.RandomState(0)
    network = make_network([N_FEATURES, 4, 1], algo="mf", output="sign")
    engine = Engine(network, draw_posterior(network, rng), backend)
    X, y = rng.standard_normal((8, N_FEATURES)).astype(np.float32), np.ones(8, np.float32)
    data = backend.load_data(X), backend.asarray(y)
    small, large = (backend.load_order(np.arange(n)) for n in (2, 8))
    engine.step(*data, small)
    before = engine.posterior()
    allocate, limit = _runtime.cuda.device_array, 8 * 4

    def scarce(shape, dtype):
        if int(np.prod(shape)) >= limit:
            raise OutOfMemory
        return allocate(shape, dtype)

    monkeypatch.setattr(_runtime.cuda, "device_array", scarce)
    monkeypatch.setattr(_runtime, "free_memory", lambda: 17)
    with pytest.raises(
        DeviceMemoryError, match="128 bytes.*17 bytes are free.*batch_size"
    ) as caught:
        engine.step(*data, large)
    assert isinstance(caught.value, MemoryError) and caught.value.needed == 128
    for mine, other in zip(engine.posterior(), before, strict=True):
        np.testing.assert_array_equal(mine.field, other.field)
    monkeypatch.undo()
    reference = Engine(network, before, backend)
    for rows in (small, large):
        engine.step(*data, rows)
        reference.step(*data, rows)
    for mine, other in zip(engine.posterior(), reference.posterior(), strict=True):
        np.testing.assert_array_equal(mine.field, other.field)


def test_other_errors_of_an_allocation_pass(backend, monkeypatch):
    def broken(shape, dtype):
        raise ValueError("no such thing")

    monkeypatch.setattr(_runtime.cuda, "device_array", broken)
    with pytest.raises(ValueError, match="no such thing"):
        backend.zeros((3,), "float32")


def test_the_simulator_is_used_when_asked_for_only():
    assert get_backend("cuda").name == "cuda"
    assert get_backend("cuda") is get_backend("cuda")
    assert get_backend("auto").name == "cpu"
