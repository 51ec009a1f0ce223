"""Expanded edges on a CUDA backend against the CPU's, for the simulator and for GPUs.

A study is a layer of a step; its edges are exact, of a fixed degree or automatic. All of it is
random, but large enough in all directions that blocks, tiles and chunks of samples are cut short.
"""

from dataclasses import dataclass

import numpy as np

from sklearn_bp.algorithms import expansion
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

from .running import device_data


@dataclass(frozen=True)
class Study:
    """What a step is taken on."""

    activation: str = "sign"
    output: str = "sign"
    sizes: tuple = (7, 5)
    n_samples: int = 9
    algo: str = "bpi"
    n_inner_iter: int = 1
    label_noise: float = 0.0
    density: float = 1.0
    intercept: bool = True
    weighted: bool = True
    largest_input: float = 0.0
    n_empty: int = 0
    dtype: str = "float64"
    seed: int = 0

    def network(self, edges, tolerance):
        """The network with edges of that kind."""
        return make_network(
            [*self.sizes, 1 if self.output == "sign" else 3],
            algo=self.algo,
            activation=self.activation,
            output=self.output,
            damping=0.5,
            density=self.density,
            n_inner_iter=self.n_inner_iter,
            label_noise=self.label_noise,
            intercept=self.intercept,
            edges=edges,
            edge_tolerance=tolerance,
            dtype=self.dtype,
        )

    def data(self, rng):
        """X, y and the sample weights."""
        X = rng.standard_normal((self.n_samples, self.sizes[0]))
        if self.largest_input:
            X[1, 2] = self.largest_input
        X[3 : 3 + self.n_empty] = 0
        y = rng.choice([-1, 1], self.n_samples).astype(self.dtype)
        if self.output != "sign":
            y = rng.randint(3, size=self.n_samples)
        weight = rng.uniform(0.5, 2.0, self.n_samples).astype(self.dtype)
        return X.astype(self.dtype), y, weight if self.weighted else None


def engine_after(study, backend, edges, tolerance=1e-4):
    """An engine that has taken the study's step."""
    rng = np.random.RandomState(study.seed)
    network = study.network(edges, tolerance)
    engine = Engine(network, draw_posterior(network, rng), backend)
    X, y, weight = study.data(rng)
    engine.step(*device_data(backend, X, y, np.arange(study.n_samples), weight))
    return engine


def messages(engine):
    """What the edges sum to: H_in of every layer, and B_in where units are below."""
    to_host = engine.backend.to_host
    found = []
    for layer, posterior in zip(engine.layers, engine.posterior(), strict=True):
        found.append(posterior.field)
        if layer.has_units_below:
            found.append(to_host(layer.batch.down_field))
    return found


def difference(one, other):
    """The largest relative distance, in norm, of the messages of two engines."""
    pairs = zip(messages(one), messages(other), strict=True)
    return max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs)


def marked_shares(engine):
    """The share of pairs left to exact sums, of every layer that expands."""
    return [
        float((engine.backend.to_host(layer.own.expansion_keep) == 0).mean())
        for layer in engine.layers
        if hasattr(layer.own, "expansion_keep")
    ]


def expand_small_layers(monkeypatch):
    """Let layers of any size expand by themselves."""
    monkeypatch.setattr(expansion, "LEAST_EDGES", 0)
