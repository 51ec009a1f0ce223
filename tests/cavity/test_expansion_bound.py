"""The error bound of the expansion: no pair that is kept errs by more than it may."""

import numpy as np
import pytest

from sklearn_bp.backends._expansion_rules import CAUTION, LEAST_GROWTH, slowest_decay
from sklearn_bp.cavity import series

from .expanding import Setting, sums
from .pairs import CHANNELS, Pairs, draw_pairs

DTYPES = ["float32", "float64"]
LEVELS = 10 ** np.arange(-6.0, -1.9, 0.2)
"""Errors allowed, in units of 1/s."""

NETWORKS = {
    "digits": Setting(),
    "784 features": Setting(hidden=(101, 101), features="784"),
    "spikes": Setting(hidden=(51,), features="spikes"),
    "heavy tails": Setting(hidden=(51,), features="heavy tails"),
    "sign output": Setting(hidden=(51, 31), options=(("output", "sign"),)),
    "relu": Setting(options=(("activation", "relu"),)),
    "polarised": Setting(options=(("rho", 1.3), ("output", "sign"), ("damping", 0.5))),
}
EPOCHS = {"polarised": (1, 2, 3)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_no_kept_pair_errs_by_more_than_allowed(name, dtype):
    """Messages from weak to overwhelming, for and against ω, and intervals of 0.01 to 2.5 s."""
    pairs = draw_pairs(name, 0, dtype)
    unit = abs(pairs.parameters[0]).astype(float)
    for degree in range(1, series.MAX_DEGREE + 1):
        _, terms = pairs.expand(degree, np.full(unit.shape, np.inf))
        error, largest = pairs.error(terms)
        error -= pairs.rounding(largest)
        for level in LEVELS:
            keep, kept_terms = pairs.expand(degree, level * unit)
            np.testing.assert_array_equal(kept_terms[:, keep], terms[:, keep])
            assert not kept_terms[:, ~keep].any()
            assert np.all(error[keep] <= level * unit[keep])
            assert keep.mean() > (0.3 if level > 1e-3 else 0.02)


@pytest.mark.parametrize("dtype", DTYPES)
def test_decay_is_that_of_the_smaller_ellipse_through_a_singularity(dtype):
    """From above, within half a percent; unknown where the ellipse is too small."""
    rng = np.random.default_rng(2)
    omega, half_width = rng.normal(0, 2, 2000), np.exp(rng.normal(-1, 1, 2000))
    position, distance = rng.normal(0, 2, (2, 2000)), rng.exponential(2, (2, 2000))
    along = np.maximum(abs(omega - position) - distance, 0)
    place = (along + 1j * distance) / half_width
    growths = abs(place + np.sqrt(place - 1) * np.sqrt(place + 1))
    growth = growths.min(axis=0)
    assert 0.3 < (growths[0] == growth).mean() < 0.7
    exact = CAUTION / growth**2
    T, scale = np.dtype(dtype).type, 9 + 0 * omega
    numbers = half_width, omega, position[0], distance[0], position[1], distance[1], scale
    rows = zip(*numbers, strict=True)
    decay = np.array([slowest_decay(T(h), T(o), tuple(map(T, rest))) for h, o, *rest in rows])
    known = growth > LEAST_GROWTH * 1.01
    assert np.all(decay[known] >= exact[known] * (1 - 4 * np.finfo(dtype).eps))
    assert np.all(decay[known] <= exact[known] * 1.005)
    assert np.all(decay[growth < LEAST_GROWTH * 0.99] == 1)
    assert 200 < known.sum() < 1800


def test_what_no_nodes_can_see_through_is_never_kept():
    pairs = draw_pairs("sign", 1, "float64")
    pairs.half_width *= 1e3
    keep, _ = pairs.expand(series.MAX_DEGREE, np.full(len(pairs.omega), 1e300))
    assert not keep.any()


def some_pairs(layer, rng, n=4000):
    """Some of a layer's pairs, whether they are kept, and what they may err."""
    shape = layer.batch.omega.shape
    rows, units = (rng.integers(size, size=n) for size in shape)
    half_width = layer.own.x_scale[rows] * layer.own.m_scale[units]
    parameters = layer.own.edge_parameters[:, rows, units]
    pairs = Pairs(layer.channel_above, layer.batch.omega[rows, units], parameters, half_width)
    allowed = np.minimum(layer.own.x_allowed[rows], layer.own.m_allowed[units]).astype(float)
    return pairs, layer.own.expansion_keep[rows, units] > 0, (rows, units), allowed


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_no_kept_pair_of_a_network_errs_by_more_than_allowed(name, dtype, monkeypatch):
    monkeypatch.setattr(series, "LEAST_EDGES", 0)
    # As if exact sums cost as much as those of marked pairs: some layers would not be expanded.
    monkeypatch.setattr(series, "EDGE_COST", series.MARKED_EDGE_COST)
    rng, original, n_kept, widths = np.random.default_rng(0), series._bounds, [], []

    def checked(layer, degree):
        original(layer, degree)
        series._coefficients(layer, degree, 0.0)
        pairs, keep, places, allowed = some_pairs(layer, rng)
        terms = layer.own.expansion_terms[: degree + 1][:, *places]
        assert np.all(pairs.excess(keep, terms, allowed) <= 1)
        n_kept.append(keep.sum())
        widths.append((pairs.half_width[keep] ** 2 / layer.batch.v[places][keep]).max(initial=0))
        return original(layer, degree)

    monkeypatch.setattr(series, "_bounds", checked)
    for n_epochs in EPOCHS.get(name, (0, 1, 4)):
        sums(NETWORKS[name], n_epochs, dtype=dtype)
    assert sum(n_kept) > 2000
    assert max(widths) > 0.1 or name == "784 features"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_no_sample_of_a_lower_degree_errs_by_more_than_its_squares_say(name, dtype):
    """Each pair is a sample of its own here."""
    pairs = draw_pairs(name, 3, dtype, 4000)
    allowed = 1e-3 * abs(pairs.parameters[0]).astype(float)
    for largest_degree in (2, 4, 5):
        for degree in range(1, largest_degree):
            keep, terms, squares = pairs.expand_lower(degree, largest_degree, allowed)
            excess, bound = pairs.excess(keep, terms, allowed), np.sqrt(squares[keep])
            # Beside what is allowed, a thousandth of it may be rounding.
            assert np.all(excess <= bound + 1e-3)
            assert np.mean(bound > 1e-2) > 0.1
            assert keep.mean() > 0.1
