"""Arrays are allocated once per fit, an epoch that follows another needs next to nothing, and their
neighbours in memory have no influence."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from sklearn_bp.backends import CpuBackend
from sklearn_bp.backends.cpu import activation
from sklearn_bp.backends.cpu._memory import APART, CACHE_LINE
from sklearn_bp.cavity.arrays import SeriesArrays
from sklearn_bp.channels import ACTIVATIONS
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

SIZES, BATCH_SIZE, N_SAMPLES = [64, 301, 301, 10], 100, 350
SMALLEST = 4 * BATCH_SIZE * SIZES[1]
"""Bytes of one array with an entry per sample and unit: 120 kB."""


def make_engine(algo, **options):
    network = make_network(SIZES, algo=algo, **options)
    posterior = draw_posterior(network, np.random.RandomState(0))
    return Engine(network, posterior, CpuBackend(n_threads=1))


def samples():
    rng = np.random.default_rng(0)
    return rng.standard_normal((N_SAMPLES, SIZES[0])).astype("f4"), rng.integers(10, size=N_SAMPLES)


def largest_growth(function, repeated=False):
    """Bytes that NumPy and Python held at most during a call, beyond those from before.

    What an earlier call left is known only if that was traced too.
    """
    tracemalloc.start()
    try:
        if repeated:
            function()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


SETTINGS = {
    "mf": dict(algo="mf"),
    "amp": dict(algo="amp"),
    "amp, three sweeps": dict(algo="amp", n_inner_iter=3),
    "bp": dict(algo="bp"),
    "bp, exact edges": dict(algo="bp", edges="exact"),
    "bpi, two sweeps": dict(algo="bpi", n_inner_iter=2),
    "relu": dict(algo="amp", activation="relu"),
    "gaussian": dict(algo="amp", weight_prior="gaussian", init_scale=0.1),
    "exact argmax": dict(algo="mf", output="argmax_exact"),
    "pruned": dict(algo="amp", density=0.05),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_an_epoch_allocates_no_array(name):
    """The last mini-batch is smaller; the first epoch has met both sizes."""
    engine, (X, y) = make_engine(**SETTINGS[name]), samples()
    order = np.arange(N_SAMPLES)
    weight = np.ones(N_SAMPLES, "f4")

    def epoch():
        engine.epoch(X, y, order, BATCH_SIZE, weight)

    epoch()
    # Where degrees change, an epoch may still compile a kernel; and a few inputs are compared.
    expands = any(isinstance(layer.own, SeriesArrays) for layer in engine.layers)
    assert min(largest_growth(epoch, repeated=True) for _ in range(3)) < (
        SMALLEST if expands else 20_000
    )


@pytest.mark.parametrize("algo", ["mf", "amp", "bpi", "bp"])
def test_one_sweep_holds_no_edges(algo):
    """One message on every edge of a hidden layer would take 36 MB, all else takes less."""
    X, y = samples()
    one_message = 4 * BATCH_SIZE * SIZES[1] * SIZES[2]

    def first_epoch():
        make_engine(algo).epoch(X, y, np.arange(N_SAMPLES), BATCH_SIZE)

    first_epoch()
    assert largest_growth(first_epoch) < one_message / 2


def test_edges_are_held_by_bp_with_several_sweeps():
    """What the other test would not see if it saw nothing."""
    X, y = samples()

    def first_step():
        make_engine("bp", n_inner_iter=2).step(X, y, np.arange(20))

    assert largest_growth(first_step) > 3 * 4 * 20 * SIZES[1] * SIZES[2]


def placed(shapes, gap):
    """Place arrays one after another in a piece of memory of their own."""
    sizes = [4 * int(np.prod(shape)) + gap for shape in shapes]
    memory, arrays, first = np.zeros(sum(sizes) // 4, np.float32), [], 0
    for shape, size in zip(shapes, sizes, strict=True):
        arrays.append(memory[first : first + (size - gap) // 4].reshape(shape))
        first += size // 4
    return arrays


@pytest.mark.parametrize("n_units", [1, 4, 5, 8, 17])
@pytest.mark.parametrize("name", ["sign", "relu"])
def test_arrays_so_far_apart_that_bits_do_not_depend_on_it(name, n_units):
    """As they would for narrow layers with a gap of up to 64 bytes, on some processors."""
    kernel, results = activation.make_moments(ACTIVATIONS[name]), []
    for gap in (APART, 2 * APART, 1 << 16):
        rng = np.random.default_rng(0)
        arrays = placed([(3, n_units)] * 7 + [(3,)], gap)
        for array in arrays[:4]:
            array[...] = rng.uniform(0.1, 2.0, array.shape)
        kernel(*arrays, 0, 3)
        results.append(np.concatenate([array.ravel() for array in arrays[4:]]))
    assert results[0].any()
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_arrays_of_a_backend_are_apart(dtype):
    backend = CpuBackend(1)
    arrays = [backend.zeros((n, 2), dtype) for n in range(1, 20)]
    arrays += [np.full(4, 2, dtype), *(backend.full((3,), 2, dtype) for _ in range(5))]
    ends = sorted((array.ctypes.data, array.ctypes.data + array.nbytes) for array in arrays)
    gaps = [start - end for (_, end), (start, _) in pairwise(ends)]
    assert min(gaps) >= APART
    assert all(array.ctypes.data % CACHE_LINE == 0 for array in arrays[:19])
    assert all(array.flags.c_contiguous for array in arrays)
    assert not any(array.any() for array in arrays[:19])
    assert all((array == 2).all() for array in arrays[19:])
