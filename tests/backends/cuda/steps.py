"""One small step of every kind of network, for comparing a CUDA backend with the CPU."""

import numpy as np
from engine.running import assert_close

from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

from .running import device_data

SAMPLES = 5


def combination(algo, prior, activation, output, **options):
    """A small network with its start and data, its details chosen by its names."""
    seed = sum(map(ord, algo + prior + activation + output))
    rng = np.random.RandomState(seed)
    network = make_network(
        [4, 3, 1 if output == "sign" else 3],
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
        **options,
    )
    X = rng.standard_normal((SAMPLES, 4)).astype(network.dtype)
    y = rng.choice([-1, 1], SAMPLES).astype(network.dtype)
    if output != "sign":
        y = rng.randint(3, size=SAMPLES)
    weight = [None, rng.uniform(0.5, 2.0, SAMPLES).astype(network.dtype)][seed // 2 % 2]
    return network, draw_posterior(network, rng), X, y, weight


def step_on(backend, network, posterior, X, y, weight):
    """The posterior after a step, and how many samples were classified rightly before it."""
    engine = Engine(network, posterior, backend)
    correct = engine.step(*device_data(backend, X, y, np.arange(SAMPLES), weight))
    return engine.posterior(), correct


def assert_same_posterior(ours, theirs, tolerance):
    for mine, other in zip(ours, theirs, strict=True):
        for name in ("field", "mean", "variance", "precision"):
            assert np.isfinite(getattr(other, name)).all()
            assert_close(getattr(mine, name), getattr(other, name), tolerance)
