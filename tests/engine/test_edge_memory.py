"""BP with several sweeps: how many bytes its edges take, and when it refuses."""

import numpy as np
import pytest

from sklearn_bp.backends import CpuBackend
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.errors import EdgeMemoryError
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

SIZES, BATCH_SIZE = [5, 4, 3], 6
EDGE_ARRAYS = {"x_cav", "m_cav", "g_cav"}


def network_of(**options):
    settings = dict(algo="bp", n_inner_iter=2, dtype="float64") | options
    return make_network(SIZES, **settings)


def bytes_needed(**options):
    """Three messages on each edge of the layers whose units are not coupled."""
    intercept, itemsize = options.get("intercept", True), np.dtype(options.get("dtype", "f8"))
    return 3 * (5 + intercept) * 4 * BATCH_SIZE * itemsize.itemsize


def engine_of(network):
    return Engine(network, draw_posterior(network, np.random.RandomState(0)), CpuBackend(1))


def samples(n=BATCH_SIZE):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 5)), rng.integers(3, size=n)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_limit_is_exact(dtype, intercept):
    options = dict(dtype=dtype, intercept=intercept)
    needed = bytes_needed(**options)
    Engine.check_edge_memory(network_of(**options, edge_memory_limit=needed), BATCH_SIZE)
    with pytest.raises(EdgeMemoryError):
        Engine.check_edge_memory(network_of(**options, edge_memory_limit=needed - 1), BATCH_SIZE)


def test_as_many_bytes_are_allocated_as_announced():
    engine = engine_of(network_of())
    engine.step(*samples(), np.arange(BATCH_SIZE))
    held = sum(
        array.nbytes
        for layer in engine.layers
        for name, array in vars(layer.own).items()
        if name in EDGE_ARRAYS
    )
    assert held == bytes_needed()


def test_the_sign_output_has_edges_too():
    network = make_network([5, 1], algo="bp", output="sign", n_inner_iter=3, edge_memory_limit=100)
    with pytest.raises(EdgeMemoryError, match=rf"{3 * 6 * 2 * 4} bytes"):
        Engine.check_edge_memory(network, 2)


@pytest.mark.parametrize(
    "options", [dict(algo="bpi"), dict(algo="amp"), dict(algo="mf"), dict(n_inner_iter=1)]
)
def test_others_store_no_edges(options):
    engine = engine_of(network_of(edge_memory_limit=0, **options))
    engine.step(*samples(), np.arange(BATCH_SIZE))
    assert not any(EDGE_ARRAYS & vars(layer.own).keys() for layer in engine.layers)


def test_the_message_names_the_bytes_and_what_to_change():
    network = network_of(edge_memory_limit=99)
    with pytest.raises(EdgeMemoryError) as caught:
        Engine.check_edge_memory(network, BATCH_SIZE)
    message = str(caught.value)
    for part in (
        f"{bytes_needed()} bytes",
        "batch_size=6",
        "edge_memory_limit=99",
        "n_inner_iter=2",
        "'bpi' or 'amp'",
    ):
        assert part in message
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, MemoryError)


def test_a_refused_step_changes_nothing_and_a_smaller_one_works():
    engine = engine_of(network_of(edge_memory_limit=bytes_needed()))
    before = engine.posterior()
    X, y = samples(BATCH_SIZE + 1)
    with pytest.raises(EdgeMemoryError):
        engine.step(X, y, np.arange(BATCH_SIZE + 1))
    for one, other in zip(engine.posterior(), before, strict=True):
        np.testing.assert_array_equal(one.field, other.field)
    engine.step(X, y, np.arange(BATCH_SIZE))
    fresh = engine_of(network_of())
    fresh.step(X, y, np.arange(BATCH_SIZE))
    for one, other in zip(engine.posterior(), fresh.posterior(), strict=True):
        np.testing.assert_array_equal(one.field, other.field)
