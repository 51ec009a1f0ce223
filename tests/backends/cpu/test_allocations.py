"""Arrays are allocated once per fit: an epoch that follows another needs next to nothing."""

import tracemalloc

import numpy as np
import pytest

from sklearn_bp.backends import CpuBackend
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


def largest_growth(function):
    """Bytes that NumPy and Python held at most during a call, beyond those from before."""
    tracemalloc.start()
    try:
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
    expands = any(hasattr(layer, "expansion_degree") for layer in engine.layers)
    assert min(largest_growth(epoch) for _ in range(3)) < (SMALLEST if expands else 20_000)


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
