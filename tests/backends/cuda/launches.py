"""What the engine launches, without a device: every kernel with the types of its arguments.

A backend is given memory that is only a shape, and a stream that writes down what is launched.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numba import from_dtype
from oracles.labels import has_one_unit

from sklearn_bp.backends.cuda import _backend, _replay
from sklearn_bp.backends.cuda._products import TiledProducts
from sklearn_bp.backends.cuda._runtime import DEVICE_BLOCKS, cuda
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.leave_one_out import LeaveOneOut
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior
from sklearn_bp.engine.prediction import bayes_moments, class_probabilities, point_preactivation

from .expansions import expand_small_layers
from .steps import every_kind

SIZES, SAMPLES = [4, 3, 3], 5
EDGES = ["exact", "auto", 3]
"""Kinds of edges; for a degree, one channel stands for all: only a number differs."""


@dataclass
class ShapeOnly:
    """Device memory without the memory."""

    shape: tuple
    dtype: np.dtype

    def reshape(self, shape):
        return ShapeOnly(shape if isinstance(shape, tuple) else (shape,), self.dtype)

    def __getitem__(self, key):
        if isinstance(key, slice):
            length = len(range(*key.indices(self.shape[0])))
            return ShapeOnly((length, *self.shape[1:]), self.dtype)
        return ShapeOnly(self.shape[1:], self.dtype)

    def numba_type(self):
        return from_dtype(self.dtype)[
            (slice(None),) * (len(self.shape) - 1) + (slice(None, None, 1),)
        ]


def numba_type(argument):
    if isinstance(argument, ShapeOnly):
        return argument.numba_type()
    if isinstance(argument, np.generic):
        return from_dtype(argument.dtype)
    return cuda.types.int64 if isinstance(argument, int) else cuda.types.float64


class WritingStream:
    """A stream that only remembers kernels, each once per signature."""

    def __init__(self):
        self.launches = {}

    def launch(self, compiled, grid, block, *arguments):
        signature = tuple(map(numba_type, arguments))
        self.launches[compiled.py_func, signature] = compiled

    def upload(self, source, target):
        assert source.shape == target.shape and source.dtype == target.dtype

    def download(self, source):
        # No sample counted, no step failed; variances that are positive.
        return np.full(source.shape, source.dtype.kind == "f", source.dtype)

    def synchronize(self):
        pass


def make_backend(patch):
    """A backend without a device."""
    patch.setattr(_backend, "Stream", WritingStream)
    patch.setattr(_backend, "allocate", ShapeOnly)
    patch.setattr(_backend, "free_memory", lambda: np.inf)
    patch.setattr(_replay, "enter_context", lambda: None)
    backend = _backend.CudaBackend(DEVICE_BLOCKS, products="to be replaced")
    backend.products = TiledProducts(backend.stream, backend.blocks)
    backend._replays.records = False
    return backend


def run_everything(backend, dtype):
    """Take a step and predict with every algorithm, prior, channel and number of sweeps."""
    rng = np.random.RandomState(0)
    for (algo, prior, activation, output), n_inner_iter, edges in product(
        every_kind(), [1, 2], EDGES
    ):
        if edges != "exact" and algo not in ("bp", "bpi"):
            continue
        if edges == 3 and activation != "sign":
            continue
        network = make_network(
            [*SIZES[:2], 1 if has_one_unit(output) else SIZES[2]],
            algo=algo,
            weight_prior=prior,
            activation=activation,
            output=output,
            n_inner_iter=n_inner_iter,
            edges=edges,
            density=0.5,
            label_noise=0.1,
            likelihood_weight=0.5,
            dtype=dtype,
        )
        posterior = draw_posterior(network, rng)
        engine = Engine(network, posterior, backend)
        engine.leave_one_out = LeaveOneOut(engine, SAMPLES, 1)
        y = np.ones(SAMPLES, dtype if has_one_unit(output) else np.int64)
        weight = backend.asarray(np.ones(SAMPLES, dtype))
        rows = backend.load_order(np.arange(SAMPLES))
        for kind in ("uint8", "float32", "float64"):
            X = np.zeros((SAMPLES, SIZES[0]), kind)
            engine.step(backend.load_data(X), backend.asarray(y), rows, weight)
        point_preactivation(network, posterior, X, backend)
        omega, v = bayes_moments(network, posterior, X, backend)
        class_probabilities(network, omega, v, backend)


def all_launches(patch, dtype):
    """Every (kernel source, signature) that an engine of that type launches."""
    expand_small_layers(patch)
    backend = make_backend(patch)
    run_everything(backend, dtype)
    return list(backend.stream.launches)
