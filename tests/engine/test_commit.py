"""Which of a layer's weight arrays play which role while a step runs, succeeds or fails."""

import numpy as np
import pytest

from sklearn_bp.backends import CpuBackend
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

N_SWEEPS = [1, 2, 3, 4, 7]


def make_engine(n_inner_iter, algo="amp", **options):
    network = make_network(
        [5, 4, 1], algo=algo, output="sign", n_inner_iter=n_inner_iter, dtype="float64"
    )
    start = draw_posterior(network, np.random.RandomState(0))
    return Engine(network, start, CpuBackend(1), **options)


@pytest.mark.parametrize("n_inner_iter", N_SWEEPS)
def test_an_update_writes_where_nothing_is_read(n_inner_iter):
    """Committed weights are the prior; those of two sweeps are read by AMP and damping."""
    layer = make_engine(n_inner_iter).layers[0]
    layer.restart()
    for sweep in range(n_inner_iter):
        new = layer.next_weights()
        assert new is not layer.committed and new is not layer.weights
        # In a sweep's update the means of the sweep before are no longer read.
        if sweep < 2:
            assert new is not layer.previous_weights or layer.previous_weights is layer.weights
        old = layer.weights
        layer.advance(new)
        assert layer.weights is new and layer.previous_weights is old


@pytest.mark.parametrize("n_inner_iter", N_SWEEPS)
def test_a_commit_can_be_taken_back(n_inner_iter):
    layer = make_engine(n_inner_iter).layers[0]
    held = list(layer._weights)
    for place in range(1, len(held)):
        before = list(layer._weights)
        layer.commit(before[place])
        assert layer.committed is before[place]
        assert sorted(map(id, layer._weights)) == sorted(map(id, held))
        layer.take_back(1)
        assert layer._weights == before
    layer.take_back(0)
    assert layer._weights == held


@pytest.mark.parametrize("n_inner_iter", N_SWEEPS)
def test_several_commits_of_the_same_step_can_be_taken_back(n_inner_iter):
    """A backend that notices a failure late has committed the steps after it as well."""
    layer = make_engine(n_inner_iter).layers[0]
    before = list(layer._weights)
    for _ in range(3):
        layer.restart()
        for _ in range(n_inner_iter):
            layer.advance(layer.next_weights())
        layer.commit(layer.weights)
    layer.take_back(3)
    assert layer._weights == before


@pytest.mark.parametrize("algo", ["bp", "bpi", "mf", "amp"])
@pytest.mark.parametrize("n_inner_iter", [1, 2, 3])
def test_committed_weights_stay_untouched_until_the_step_has_succeeded(algo, n_inner_iter):
    engine = make_engine(n_inner_iter, algo)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((6, 5)), rng.choice([-1.0, 1.0], 6)
    seen = []

    def copies():
        return [
            np.concatenate([array.ravel() for array in (w.field, w.mean, w.variance, w.precision)])
            for w in (layer.committed for layer in engine.layers)
        ]

    sweep = engine._sweep

    def watched(*arguments):
        before = copies()
        reached = sweep(*arguments)
        seen.append(all(map(np.array_equal, before, copies())))
        return reached

    engine._sweep = watched
    for _ in range(3):
        before = engine.posterior()
        engine.step(X, y, np.arange(6))
        assert np.abs(engine.posterior()[0].field - before[0].field).max() > 1e-6
    assert seen == [True] * 3


def test_not_scoring_changes_nothing_but_the_scores():
    X, y = np.random.RandomState(1).normal(size=(20, 5)), np.ones(20)
    scoring, silent = make_engine(2), make_engine(2, scores=False)
    rows = scoring.backend.load_order(np.arange(20))
    outcome = scoring.step(X, y, rows)
    assert 0 < outcome.correct <= 20 and outcome.log_probability < 0
    assert silent.step(X, y, rows) == (0, 0, 0, None)
    for one, other in zip(scoring.posterior(), silent.posterior(), strict=True):
        np.testing.assert_array_equal(one.field, other.field)
