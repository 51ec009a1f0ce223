"""Steps of BP with expanded edges beside steps with exact ones: H_in and B_in of every layer."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

from sklearn_bp.backends import CpuBackend
from sklearn_bp.cavity.arrays import SeriesArrays
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import LayerPosterior, draw_posterior


class RecordingBackend(CpuBackend):
    """Keeps the H_in that every update of weights gets."""

    def __init__(self):
        super().__init__(n_threads=1)
        self.fields = []

    def update(self, prior, bad, field_in, *arguments):
        self.fields.append(field_in.copy())
        super().update(prior, bad, field_in, *arguments)


@dataclass
class Sums:
    """What a step collected: H_in per layer, B_in per hidden layer, and the engine after it."""

    fields: list
    down_fields: list
    engine: Engine

    def distances(self, exact):
        """Relative distances of all sums from the exact ones."""
        pairs = zip(self.fields + self.down_fields, exact.fields + exact.down_fields, strict=True)
        return [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs]

    @property
    def degrees(self):
        """Degree of every layer that may be expanded; 0 for exact sums."""
        own = [layer.own for layer in self.engine.layers]
        return [one.degree for one in own if isinstance(one, SeriesArrays)]


def cast(posterior, dtype):
    """The posterior in that precision."""
    names = ("field", "mean", "variance", "precision")
    return [
        LayerPosterior(*(getattr(p, n).astype(dtype) for n in names), p.mask) for p in posterior
    ]


def collect(network, posterior, X, y, sample_weight=None):
    """Take a step on all samples; return what it collected."""
    dtype, backend = network.dtype, RecordingBackend()
    engine = Engine(network, cast(posterior, dtype), backend)
    weight = None if sample_weight is None else sample_weight.astype(dtype)
    y = y.astype(dtype if network.output == "sign" else np.int64)
    engine.step(X.astype(dtype), y, np.arange(len(X)), weight)
    pieces, fields = iter(backend.fields), []
    for layer in reversed(engine.layers):
        rows = [next(pieces) for _ in layer.groups]
        fields.append(np.vstack(rows).astype(float))
    downs = [
        layer.batch.down_field[:, : layer.n_inputs].astype(float) for layer in engine.layers[1:]
    ]
    return Sums(fields[::-1], downs, engine)


@dataclass(frozen=True)
class Setting:
    """Data and a network to train on them."""

    hidden: tuple = (30, 20)
    batch_size: int = 64
    features: str = "standardised"
    weighted: bool = False
    options: tuple = ()

    @property
    def data(self):
        """X, y and the sample weights."""
        return _data(self)

    def network(self, dtype="float64", **options):
        """The network, for BP unless told otherwise."""
        X, _, _ = self.data
        settings = dict(algo="bp") | dict(self.options) | options
        n_outputs = 1 if settings.get("output") == "sign" else 10
        return make_network([X.shape[1], *self.hidden, n_outputs], dtype=dtype, **settings)


def spread(X, rng):
    """Add a few inputs twenty times as large, of either sign."""
    X[rng.random(X.shape) < 0.003] *= 20
    return X


FEATURES = {
    "standardised": lambda X, rng: (X - X.mean()) / X.std(),
    "raw": lambda X, rng: X,
    "784": lambda X, rng: FEATURES["standardised"](
        zoom(X.reshape(-1, 8, 8), (1, 3.5, 3.5), order=1).reshape(-1, 784), rng
    ),
    "spikes": lambda X, rng: spread(FEATURES["standardised"](X, rng), rng),
    "heavy tails": lambda X, rng: (
        FEATURES["standardised"](X, rng) + 0.3 * rng.standard_t(2, X.shape)
    ),
}
"""Ways to prepare the digits."""


@cache
def _data(setting):
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    X = FEATURES[setting.features](X, rng)
    if dict(setting.options).get("output") == "sign":
        y = np.where(y % 2, 1, -1)
    weight = rng.exponential(1.0, len(X)) if setting.weighted else None
    if setting.weighted:
        weight[::7] = 0.0
    return X, y, weight


@cache
def train(setting, n_epochs):
    """The posterior after a number of epochs, in double precision."""
    network, (X, y, weight) = setting.network(), setting.data
    if n_epochs == 0:
        return draw_posterior(network, np.random.RandomState(0))
    engine = Engine(network, train(setting, n_epochs - 1), CpuBackend(n_threads=1))
    order = engine.draw_order(len(X), np.random.RandomState(n_epochs))
    y = y.astype(float) if network.output == "sign" else y
    engine.epoch(X, y, order, setting.batch_size, weight)
    return engine.posterior()


def mini_batch(setting, seed=0):
    """X, y and weights of one mini-batch."""
    X, y, weight = setting.data
    rows = np.random.default_rng(seed).permutation(len(X))[: setting.batch_size]
    return X[rows], y[rows], None if weight is None else weight[rows]


def sums(setting, n_epochs, seed=0, dtype="float64", batch=None, posterior=None, **options):
    """What a step collects after that training, on one mini-batch."""
    batch = mini_batch(setting, seed) if batch is None else batch
    posterior = train(setting, n_epochs) if posterior is None else posterior
    return collect(setting.network(dtype, **options), posterior, *batch)


def with_mean(posterior, layer, index, value):
    """A copy of the posterior with one mean replaced."""
    posterior = [one.copy() for one in posterior]
    posterior[layer].mean[index] = value
    return posterior
