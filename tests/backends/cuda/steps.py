"""One small step of every kind of network, for comparing a CUDA backend with the CPU."""

import numpy as np
from engine.running import assert_close
from oracles.labels import has_one_unit

from sklearn_bp.algorithms import ALGORITHMS
from sklearn_bp.channels import ACTIVATIONS, OUTPUTS
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior
from sklearn_bp.priors import PRIORS

from .running import device_data

SAMPLES = 5


def every_kind():
    """Names of algorithms, priors, activations and outputs, any two of them together at least once.

    Every output comes with every pair of the others, in turn.
    """
    outputs = list(OUTPUTS)
    for i, algo in enumerate(ALGORITHMS):
        for j, prior in enumerate(PRIORS):
            for k, activation in enumerate(ACTIVATIONS):
                yield algo, prior, activation, outputs[(i + j + k) % len(outputs)]


def combination(algo, prior, activation, output, **options):
    """A small network with its start and data, its details chosen by its names."""
    seed = sum(map(ord, algo + prior + activation + output))
    rng = np.random.RandomState(seed)
    network = make_network(
        [4, 3, 1 if has_one_unit(output) else 3],
        algo=algo,
        weight_prior=prior,
        activation=activation,
        output=output,
        rho=[1.0, 0.9],
        damping=[0.5, 0.3],
        density=[0.7, 1.0][seed % 2],
        n_inner_iter=2,
        reinforcement=0.2,
        edges="exact",
        label_noise=[0.0, 0.1][seed // 4 % 2],
        likelihood_weight=[1.0, 0.3][seed // 8 % 2],
        **options,
    )
    X = rng.standard_normal((SAMPLES, 4)).astype(network.dtype)
    y = rng.choice([-1, 1], SAMPLES).astype(network.dtype)
    if not has_one_unit(output):
        y = rng.randint(3, size=SAMPLES)
    weight = [None, rng.uniform(0.5, 2.0, SAMPLES).astype(network.dtype)][seed // 2 % 2]
    return network, draw_posterior(network, rng), X, y, weight


def step_on(backend, network, posterior, X, y, weight):
    """The posterior after a step, and what its samples scored before it."""
    engine = Engine(network, posterior, backend)
    outcome = engine.step(*device_data(backend, X, y, np.arange(SAMPLES), weight))
    return engine.posterior(), outcome


def assert_same_outcome(mine, other, rtol):
    """Of samples, each with its weight: as many right ones, and the same scores."""
    assert mine.failure is None and other.failure is None
    np.testing.assert_allclose(mine.correct, other.correct, rtol=1e-12)
    np.testing.assert_allclose(mine.log_probability, other.log_probability, rtol=rtol)
    np.testing.assert_allclose(mine.doubts, other.doubts, rtol=rtol)
    assert other.log_probability < 0


def assert_same_posterior(ours, theirs, tolerance):
    for mine, other in zip(ours, theirs, strict=True):
        for name in ("field", "mean", "variance", "precision"):
            assert np.isfinite(getattr(other, name)).all()
            assert_close(getattr(mine, name), getattr(other, name), tolerance)
