"""Expanded edge sums against exact ones: the tolerance, its exceptions, and the fixed degrees."""

import numpy as np
import pytest

from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cpu.expansion_bounds import summarise_survey
from sklearn_bp.cavity import series
from sklearn_bp.cavity.arrays import SeriesArrays
from sklearn_bp.cavity.tolerance import remaining_share

from .expanding import Setting, mini_batch, sums, train, with_mean

TOLERANCE = 1e-4
DIGITS = Setting()
SETTINGS = {
    "digits": DIGITS,
    "784 features": Setting(hidden=(101, 101), features="784"),
    "batches of 16": Setting(batch_size=16),
    "5 to 15 units": Setting(hidden=(5, 15, 5)),
    "no intercept": Setting(options=(("intercept", False),)),
    "masks": Setting(hidden=(51, 51), options=(("density", 0.3),)),
    "raw features": Setting(features="raw"),
    "spikes": Setting(features="spikes"),
    "heavy tails": Setting(hidden=(51, 51), features="heavy tails"),
    "weighted samples": Setting(weighted=True),
    "sign output": Setting(options=(("output", "sign"), ("rho", 1.01))),
    "relu": Setting(options=(("activation", "relu"),)),
    "identity": Setting(options=(("activation", "identity"),)),
}
EPOCHS = (0, 1, 4)


@pytest.fixture(autouse=True)
def expand_small_layers(monkeypatch):
    """Small layers are expanded too, where it takes fewer operations."""
    monkeypatch.setattr(series, "LEAST_EDGES", 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_automatic_mode_keeps_the_tolerance(name, dtype):
    setting, degrees = SETTINGS[name], []
    for n_epochs in EPOCHS:
        for seed in range(2):
            exact = sums(setting, n_epochs, seed, dtype, edges="exact")
            automatic = sums(setting, n_epochs, seed, dtype, edges="auto")
            assert max(automatic.distances(exact)) < TOLERANCE
            degrees += automatic.degrees
    assert any(degrees)
    assert exact.degrees == []


@pytest.mark.parametrize("n_epochs", [0, 2])
def test_any_tolerance_is_kept(n_epochs):
    setting = SETTINGS["784 features"]
    exact, degrees = sums(setting, n_epochs, edges="exact"), []
    for tolerance in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        automatic = sums(setting, n_epochs, edge_tolerance=tolerance)
        assert max(automatic.distances(exact)) < tolerance
        degrees.append(automatic.degrees[0])
    assert degrees == sorted(degrees) and 0 < degrees[0] < degrees[-1] <= series.MAX_DEGREE


def test_samples_that_are_not_looked_at_keep_the_tolerance_too():
    """The degree is chosen from every eighth sample, here the ones with the smallest inputs."""
    setting = SETTINGS["784 features"]
    X, y, _ = mini_batch(setting)
    X = X.copy()
    X[:: len(X) // series.SAMPLED_ROWS] *= 0.05
    exact, automatic = (
        sums(setting, 1, batch=(X, y, None), edges=edges) for edges in ("exact", "auto")
    )
    assert any(automatic.degrees)
    assert max(automatic.distances(exact)) < TOLERANCE


def test_the_bounds_of_all_pairs_keep_to_their_budget(monkeypatch):
    """A mean square of 1 in units of what every pair is allowed, whatever samples are surveyed."""
    setting, seen = SETTINGS["784 features"], {}
    bounds, allow = series._bounds, series.set_allowed_errors

    def allowing(layer):
        allow(layer)
        seen[layer.index] = [layer.own.x_allowed.copy()]

    def watching(layer, degree):
        answer = bounds(layer, degree)
        factor = layer.own.x_allowed[0] / seen[layer.index][0][0]
        seen[layer.index].append(answer[0] * factor**2 / layer.batch.omega.size)
        return answer

    monkeypatch.setattr(series, "set_allowed_errors", allowing)
    monkeypatch.setattr(series, "_bounds", watching)
    X, y, _ = mini_batch(setting)
    X = X.copy()
    X[:: len(X) // series.SAMPLED_ROWS] *= 0.05
    monkeypatch.setattr(series, "CAUTION", 1.0)
    assert sums(setting, 1, batch=(X, y, None)).degrees[0] > 0
    budgets = seen[0][1:]
    assert budgets[0] > 1 >= budgets[-1]


@pytest.mark.parametrize("budget", [0.0, 0.4, 3.0, 1e3, np.inf])
def test_samples_get_the_lowest_degrees_within_a_budget(budget):
    """Whoever costs least goes first, and whoever is next would exceed the budget."""
    rows = np.arange(40)
    squares = np.random.default_rng(0).lognormal(-6, 3, (40, 1)) * 20.0 ** np.arange(4, -1, -1)
    degree, order, rank = (np.zeros(40, np.int32) for _ in range(3))
    counts = np.zeros(5, np.int64)
    CpuBackend(1).choose_degrees(squares.copy(), 4, budget, degree, order, rank, counts)
    assert degree.min() >= 1 and degree.max() <= 4
    grown = squares[rows, degree] - squares[:, 4]
    assert grown.sum() <= budget
    lower = degree[degree > 1] - 1, rows[degree > 1]
    more = squares[lower[1], lower[0]] - squares[lower[1], lower[0] + 1]
    assert np.all(grown.sum() + more > budget)
    assert (degree < 4).any() == (budget > 0.1) and (degree == 1).all() == (budget == np.inf)


def test_a_survey_is_summed_up_over_its_rows_only():
    """Rows beyond those surveyed hold what an earlier mini-batch left."""
    rng, rows, spared = np.random.default_rng(0), 3, 1.0
    squares, counts = rng.uniform(0, 2, (5, 4, 2)), rng.integers(0, 2, (5, 4, 2))
    totals = np.full((4, 2), 9.0), np.full((4, 2), 9), np.full(4, 9)
    summarise_survey(squares, counts, rows, spared, *totals)
    np.testing.assert_allclose(totals[0], squares[:rows].sum(axis=0))
    np.testing.assert_array_equal(totals[1], counts[:rows].sum(axis=0))
    cannot = (squares[:rows, :, -1] > spared) | (counts[:rows, :, -1] > 0)
    np.testing.assert_array_equal(totals[2], cannot.sum(axis=0))
    assert 0 < totals[2].sum() < cannot.size


def test_each_sample_has_a_degree_of_its_own():
    """A trained network's samples differ; those that are learned need low degrees."""
    setting = SETTINGS["digits"]
    exact, automatic = (sums(setting, 4, edges=edges) for edges in ("exact", "auto"))
    layer = automatic.engine.layers[0]
    degree, order = layer.own.sample_degree, layer.own.sample_order
    assert len(set(degree.tolist())) > 1
    assert np.all(np.diff(degree[order]) <= 0)
    assert layer.own.n_of_degree == [(degree >= p).sum() for p in range(degree.max() + 1)]
    size = np.linalg.norm(layer.batch.g, axis=1)
    assert size[degree == degree.max()].mean() > size[degree == degree.min()].mean()
    assert max(automatic.distances(exact)) < TOLERANCE


def test_degrees_of_samples_come_back_if_sums_miss_the_tolerance(monkeypatch):
    """Then all samples have the largest one, and nothing that was neglected is forgotten."""
    setting, shares = SETTINGS["digits"], []
    within = series.within_tolerance

    def watching(layer, degree):
        found = within(layer, degree)
        lowered = layer.own.sample_degree.min() < degree
        shares.append((lowered, layer.tolerance_used))
        return found and not lowered

    usual = sums(setting, 4, edges="auto").engine.layers[0]
    monkeypatch.setattr(series, "within_tolerance", watching)
    layer = sums(setting, 4, edges="auto").engine.layers[0]
    assert usual.own.sample_degree.min() < layer.own.sample_degree.min() == layer.own.degree
    assert any(lowered for lowered, _ in shares)
    (_, first), (_, second) = shares[-2:]
    assert 0 < second < first


def test_layers_share_the_tolerance_from_the_top_down():
    """What a layer leaves over is there for those below."""
    first, second, _ = sums(SETTINGS["784 features"], 1).engine.layers
    assert 0 < second.tolerance_used < remaining_share(second) == TOLERANCE / 2
    assert TOLERANCE / 2 < remaining_share(first) == TOLERANCE - second.tolerance_used
    assert 0 < first.tolerance_used < remaining_share(first)


def test_exact_sums_use_up_nothing_of_the_tolerance(monkeypatch):
    choose = series._choose

    def exact_above(layer):
        return (0, 0) if layer.index == 1 else choose(layer)

    setting = SETTINGS["784 features"]
    assert sums(setting, 1).engine.layers[1].tolerance_used > 0
    monkeypatch.setattr(series, "_choose", exact_above)
    first, second, _ = sums(setting, 1).engine.layers
    assert second.tolerance_used == 0.0 and remaining_share(first) == TOLERANCE


@pytest.mark.parametrize(
    "name, first, last", [("digits", 0.05, 2e-7), ("sign output", 0.05, 1e-7), ("relu", 0.2, 2e-3)]
)
def test_the_error_falls_with_the_degree(name, first, last):
    """A message for large activations makes the g of ReLU steep, which takes high degrees."""
    setting = SETTINGS[name]
    exact = sums(setting, 1, edges="exact")
    errors = np.array([max(sums(setting, 1, edges=d).distances(exact)) for d in range(1, 8)])
    assert np.all(errors[1:] < 0.7 * errors[:-1])
    assert errors[0] < first and errors[-1] < last


def test_the_first_degrees_at_the_start():
    """As the derivation says: each degree gains a factor of about thirty."""
    setting = SETTINGS["784 features"]
    exact = sums(setting, 0, edges="exact")
    errors = [sums(setting, 0, edges=d).distances(exact)[0] for d in range(1, 6)]
    assert np.all(np.array(errors) < [3e-3, 2e-4, 1e-5, 4e-7, 3e-8])


def test_linear_g_needs_one_degree():
    setting = SETTINGS["identity"]
    exact, automatic = (sums(setting, 1, edges=edges) for edges in ("exact", "auto"))
    assert automatic.degrees == [1, 1]
    assert max(automatic.distances(exact)) < 1e-13


def test_exact_edges_leave_the_expansion_out():
    engine = sums(DIGITS, 0, edges="exact").engine
    assert not any(isinstance(layer.own, SeriesArrays) for layer in engine.layers)


@pytest.mark.parametrize("surplus", [0, 1])
def test_small_layers_are_summed_exactly(surplus, monkeypatch):
    n_edges = DIGITS.batch_size * 64 * DIGITS.hidden[0]
    monkeypatch.setattr(series, "LEAST_EDGES", n_edges + surplus)
    exact, automatic = (sums(DIGITS, 0, edges=edges) for edges in ("exact", "auto"))
    # The first layer has as many edges; the second has fewer.
    assert [degree > 0 for degree in automatic.degrees] == [not surplus, False]
    assert (max(automatic.distances(exact)) > 0) == (not surplus)


def choose_by_hand(monkeypatch, degree, every):
    """Replace the choice of degree, and mark every so manieth unit."""

    def choose(layer):
        mean, n_inputs, backend = layer.weights.mean, layer.n_inputs, layer.backend
        backend.weight_scales(mean, n_inputs, layer.own.m_scale, layer.own.m_norm_sq)
        backend.input_scales(layer.batch.x, n_inputs, layer.own.x_scale, layer.own.x_norm_sq)
        layer.own.x_allowed.fill(np.inf)
        layer.own.m_allowed.fill(np.inf)
        layer.own.m_allowed[::every] = -1.0
        return degree, 0

    monkeypatch.setattr(series, "_choose", choose)


@pytest.mark.parametrize("weighted", [False, True])
def test_marked_pairs_are_summed_exactly(weighted, monkeypatch):
    """With every pair marked, nothing is left to the polynomials."""
    setting = Setting(weighted=weighted)
    exact = sums(setting, 1, edges="exact")
    choose_by_hand(monkeypatch, 2, every=1)
    by_hand = sums(setting, 1, edges=2)
    assert all((layer.own.expansion_keep == 0).all() for layer in by_hand.engine.layers[:2])
    assert max(by_hand.distances(exact)) < 1e-12


def test_marked_pairs_are_left_out_of_the_polynomials(monkeypatch):
    """The less is marked, the more of the error of the second degree is there."""
    exact, errors = sums(DIGITS, 1, edges="exact"), []
    for every in (2, 3, 1000):
        choose_by_hand(monkeypatch, 2, every)
        by_hand = sums(DIGITS, 1, edges=2)
        keep = by_hand.engine.layers[1].own.expansion_keep
        marked = np.arange(keep.shape[1]) % every == 0
        np.testing.assert_array_equal(keep == 0, np.broadcast_to(marked, keep.shape))
        errors.append(by_hand.distances(exact)[1])
    assert 1e-12 < errors[0] < errors[1] < errors[2] < 1e-2


def test_the_constant_input_widens_no_interval_and_is_exact():
    """An intercept of 20 standard deviations of the pre-activation."""
    posterior = with_mean(train(DIGITS, 0), 0, -1, 20 * np.sqrt(64))
    exact, fixed = (sums(DIGITS, 0, posterior=posterior, edges=edges) for edges in ("exact", 3))
    assert max(fixed.distances(exact)) < 1e-3
    top = Setting(hidden=(), options=(("output", "sign"),))
    exact, fixed = (sums(top, 1, edges=edges) for edges in ("exact", 1))
    np.testing.assert_allclose(fixed.fields[0][-1], exact.fields[0][-1], rtol=1e-12)
    assert np.abs(fixed.fields[0] - exact.fields[0]).max() > 1e-6


@pytest.mark.parametrize("edges", ["auto", 5])
@pytest.mark.parametrize("scale", [1e-12, 1e-5, 1e5, 1e15])
def test_single_precision_bears_any_scale_of_the_inputs(scale, edges):
    """Powers of x̂ and m are formed relative to the largest."""
    X, y, _ = mini_batch(DIGITS)
    X = scale * X
    X[5] = 0.0
    exact, expanded = (
        sums(DIGITS, 0, dtype="float32", batch=(X, y, None), edges=one) for one in ("exact", edges)
    )
    assert max(expanded.distances(exact)) < TOLERANCE


@pytest.mark.parametrize("edges", ["auto", 5])
@pytest.mark.parametrize("scale, constant", [(1e-10, 1e-10), (1e-10, 1.0), (1.0, 1e8)])
def test_single_precision_bears_any_scale_of_the_weights(scale, constant, edges):
    posterior = [one.copy() for one in train(DIGITS, 0)]
    for one in posterior:
        one.mean *= scale
        one.mean[:, 2] = 0.0
        one.mean[-1, ::2] = constant
    exact, expanded = (
        sums(DIGITS, 0, dtype="float32", posterior=posterior, edges=one) for one in ("exact", edges)
    )
    assert max(expanded.distances(exact)) < TOLERANCE


def test_weights_of_zero_and_empty_samples_raise_no_warning():
    X, y, _ = mini_batch(DIGITS)
    X = X.copy()
    X[:8] = 0.0
    weight = np.ones(len(X))
    weight[8:16] = 0.0
    results = [
        sums(DIGITS, 0, dtype="float32", batch=(X, y, weight), edges=edges)
        for edges in ("exact", "auto")
    ]
    assert any(results[1].degrees)
    assert max(results[1].distances(results[0])) < TOLERANCE
