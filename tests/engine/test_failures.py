"""Steps that would leave the finite numbers: what is reported, and what is kept."""

import numpy as np
import pytest

from sklearn_bp.backends import CpuBackend
from sklearn_bp.backends.cpu import _threads
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.errors import NonFiniteError
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

SIZES, BATCH_SIZE, N_BATCHES = [4, 5, 3, 1], 3, 4
N_LAYERS = len(SIZES) - 1
ALGORITHMS = ["bp", "bpi", "mf", "amp"]


class SpoilingBackend(CpuBackend):
    """Makes one number infinite in a given call of an operation, and counts the calls."""

    def __init__(self, operation="", call=-1, n_threads=1):
        super().__init__(n_threads)
        self.operation, self.call, self.calls = operation, call, 0

    def _spoil(self, operation, array):
        if operation == self.operation:
            if self.calls == self.call:
                array[0, 0] = np.inf
            self.calls += 1

    def finish_v(self, v, offset, bad):
        self._spoil("variance", v)
        super().finish_v(v, offset, bad)

    def update(self, prior, bad, field_in, *arguments):
        self._spoil("weights", field_in)
        super().update(prior, bad, field_in, *arguments)


def network_of(algo="amp", **options):
    settings = dict(output="sign", intercept=False, dtype="float64", damping=0.5) | options
    return make_network(SIZES, algo=algo, **settings)


def engine_of(network, backend):
    return Engine(network, draw_posterior(network, np.random.RandomState(0)), backend)


def samples():
    rng = np.random.default_rng(1)
    n = BATCH_SIZE * N_BATCHES
    return rng.standard_normal((n, SIZES[0])), rng.choice([-1.0, 1.0], n)


def assert_same(engine, other):
    for mine, theirs in zip(engine.posterior(), other.posterior(), strict=True):
        for name in ("field", "mean", "variance", "precision"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("n_inner_iter", [1, 2, 3])
@pytest.mark.parametrize("operation", ["variance", "weights"])
def test_the_layer_is_named_and_the_state_before_is_kept(operation, n_inner_iter, algo):
    """In every sweep, every layer, forward or backward."""
    network, (X, y) = network_of(algo, n_inner_iter=n_inner_iter), samples()
    rows = [np.arange(start, start + BATCH_SIZE) for start in (0, BATCH_SIZE)]
    for call in range(n_inner_iter * N_LAYERS):
        engine, untouched = (engine_of(network, SpoilingBackend()) for _ in range(2))
        for one in (engine, untouched):
            one.step(X, y, rows[0])
        backend = engine.backend
        backend.operation, backend.call, backend.calls = operation, call, 0
        with pytest.raises(NonFiniteError) as caught:
            engine.step(X, y, rows[1])
        place = call % N_LAYERS
        assert caught.value.layer == (place if operation == "variance" else N_LAYERS - 1 - place)
        assert backend.calls == call + 1
        assert_same(engine, untouched)
        for one in (engine, untouched):
            one.step(X, y, rows[1])
        assert_same(engine, untouched)


@pytest.mark.parametrize("n_inner_iter", [1, 2])
@pytest.mark.parametrize("call", range(N_LAYERS))
def test_weights_that_another_thread_finds_to_be_bad(call, n_inner_iter, monkeypatch):
    """The next layers go on before it is known, and the first one is named all the same."""
    monkeypatch.setattr(_threads, "LEAST_WORK_PER_THREAD", 1)
    network, (X, y) = network_of("mf", n_inner_iter=n_inner_iter), samples()
    engine, untouched = (engine_of(network, SpoilingBackend(n_threads=2)) for _ in range(2))
    engine.backend.operation, engine.backend.call = "weights", call
    with pytest.raises(NonFiniteError) as caught:
        engine.step(X, y, np.arange(BATCH_SIZE))
    assert caught.value.layer == N_LAYERS - 1 - call
    assert_same(engine, untouched)
    for one in (engine, untouched):
        one.step(X, y, np.arange(BATCH_SIZE))
    assert_same(engine, untouched)


@pytest.mark.parametrize("n_inner_iter", [1, 2])
def test_an_epoch_keeps_the_steps_before_the_failed_one(n_inner_iter):
    network, (X, y) = network_of(n_inner_iter=n_inner_iter), samples()
    order = np.arange(len(X))
    backend = SpoilingBackend("weights", 2 * n_inner_iter * N_LAYERS)
    engine, taken = engine_of(network, backend), []
    with pytest.raises(NonFiniteError):
        engine.epoch(X, y, order, BATCH_SIZE, on_step=taken.append)
    assert taken == [BATCH_SIZE] * 2
    other = engine_of(network, CpuBackend(1))
    other.epoch(X, y, order[: 2 * BATCH_SIZE], BATCH_SIZE)
    assert_same(engine, other)


@pytest.mark.parametrize("dtype, huge", [("float32", 1e25), ("float64", 1e200)])
def test_inputs_too_large_to_square(dtype, huge):
    network, (X, y) = network_of(dtype=dtype), samples()
    X[1, 2] = huge
    engine = engine_of(network, CpuBackend(1))
    with pytest.raises(NonFiniteError, match=f"^{SIZES[1]} weight posteriors of layer 0") as caught:
        engine.step(X.astype(dtype), y.astype(dtype), np.arange(BATCH_SIZE))
    assert caught.value.layer == 0
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, FloatingPointError)


def test_activations_too_large_to_square():
    network = network_of(activation="relu", intercept=True, dtype="float32")
    posterior, (X, y) = draw_posterior(network, np.random.RandomState(0)), samples()
    posterior[0].mean[-1, 0] = 1e30
    engine = Engine(network, posterior, CpuBackend(1))
    with pytest.raises(NonFiniteError) as caught:
        engine.step(X.astype("f4"), y.astype("f4"), np.arange(BATCH_SIZE))
    assert caught.value.layer == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "mean, runs_away", [(1e11, False), (-1e11, False), (1e13, True), (-1e13, True)]
)
def test_a_mean_that_runs_away(mean, runs_away, dtype):
    """Finite, but no prediction would be."""
    network = network_of("mf", weight_prior="gaussian", dtype=dtype, damping=0.0)
    posterior, (X, y) = draw_posterior(network, np.random.RandomState(0)), samples()
    posterior[1].field[2, 0] = mean * posterior[1].precision[2, 0]
    engine = Engine(network, posterior, CpuBackend(1))
    before, batch = engine.posterior(), (X.astype(dtype), y.astype(dtype), np.arange(BATCH_SIZE))
    if not runs_away:
        engine.step(*batch)
        assert abs(engine.posterior()[1].mean[2, 0]) > 1e10
        return
    with pytest.raises(
        NonFiniteError, match="1 weight posteriors of layer 1 .*or run away"
    ) as caught:
        engine.step(*batch)
    assert caught.value.layer == 1
    for mine, kept in zip(engine.posterior(), before, strict=True):
        np.testing.assert_array_equal(mine.field, kept.field)
        np.testing.assert_array_equal(mine.mean, kept.mean)


@pytest.mark.parametrize(
    "options, reason",
    [
        (dict(rho=[1.0, 1.5, 1.0]), r"rho=1\.5 above 1 multiplies the fields"),
        (dict(damping=0.0), "damping=0 lets messages jump"),
        (dict(rho=1.5, damping=0.0), r"rho=1\.5 above 1.*; damping=0"),
        (
            dict(weight_prior="gaussian", activation="relu"),
            "with activation='relu' real weights may grow without bound",
        ),
        (dict(weight_prior="gaussian", activation="identity"), "too large for this dtype"),
        (dict(), "too large for this dtype"),
        (dict(weight_prior="gaussian"), "too large for this dtype"),
        (dict(activation="relu"), "too large for this dtype"),
    ],
)
def test_the_message_says_why_and_what_to_do(options, reason):
    error = NonFiniteError(1, 7, network_of(**options))
    assert str(error).startswith("7 weight posteriors of layer 1 would become non-finite")
    with pytest.raises(NonFiniteError, match=reason):
        raise error
    assert "state before this step is kept" in str(error)
    for advice in ("Lower rho", "raise damping", "smaller mini-batches", "float64"):
        assert advice in str(error)
