"""Expanded edges in the simulator: the CPU's at a fixed degree, the exact ones within tolerance."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cuda._backend import CudaBackend
from sklearn_bp.cavity.chebyshev import interpolation
from sklearn_bp.cavity.fused import SAFETY
from sklearn_bp.channels import ACTIVATIONS

from ..expansions import Study, difference, engine_after, expand_small_layers, marked_shares
from ..operations import CHANNELS, Draw, draw_edge_parameters
from ..running import HostProducts

TOLERANCE = 1e-4
WIDE = Study(sizes=(22, 3), n_samples=5)


@pytest.fixture(scope="module")
def backend():
    return CudaBackend(products=HostProducts())


@pytest.fixture
def expanding(monkeypatch):
    expand_small_layers(monkeypatch)


STUDIES = {
    **{activation: Study(activation=activation) for activation in ACTIVATIONS},
    "argmax, bp": Study(output="argmax", algo="bp"),
    "noisy labels": Study(label_noise=0.05),
    "pruned, plain": Study(density=0.6, intercept=False, weighted=False),
    "two sweeps": Study(n_inner_iter=2, sizes=(4, 6)),
    "empty samples": Study(n_empty=2),
    "heavy input": replace(WIDE, largest_input=40.0),
}


@pytest.mark.parametrize("name", STUDIES)
def test_a_degree_means_the_same_as_on_the_cpu(name, backend):
    study = STUDIES[name]
    ours = engine_after(study, backend, 2)
    assert difference(ours, engine_after(study, CpuBackend(1), 2)) < 1e-12
    assert marked_shares(ours) and not any(marked_shares(ours))


@pytest.mark.parametrize("degree", [1, 5])
def test_other_degrees(degree, backend):
    ours, theirs = (engine_after(Study(), one, degree) for one in (backend, CpuBackend(1)))
    assert difference(ours, theirs) < 1e-12


@pytest.mark.parametrize("name", STUDIES)
def test_automatic_edges_keep_to_the_tolerance(name, backend, expanding):
    study = STUDIES[name]
    ours = engine_after(study, backend, "auto", TOLERANCE)
    assert difference(ours, engine_after(study, CpuBackend(1), "exact")) < TOLERANCE
    assert all(share < 1 for share in marked_shares(ours))


def test_some_pairs_are_marked(backend, expanding):
    (share, _) = marked_shares(engine_after(Study(), backend, "auto", TOLERANCE))
    assert 0 < share < 1


def test_without_tolerance_everything_is_exact(backend, expanding):
    ours = engine_after(Study(), backend, "auto", 0.0)
    assert difference(ours, engine_after(Study(), CpuBackend(1), "exact")) < 1e-12
    assert set(marked_shares(ours)) == {1.0}


def test_a_heavy_input_does_not_widen_every_interval(backend, expanding):
    study = replace(WIDE, largest_input=40.0)
    ours = engine_after(study, backend, "auto", TOLERANCE)
    caps = backend.to_host(ours.layers[0].own.x_cap)
    assert np.isfinite(caps).tolist() == [False, True, False, False, False]
    assert backend.to_host(ours.layers[0].own.x_scale)[1] < 40
    assert (backend.to_host(ours.layers[0].own.expansion_keep)[1] == 1).all()


def test_single_precision(backend, expanding):
    study = Study(dtype="float32")
    exact = engine_after(Study(), CpuBackend(1), "exact")
    assert difference(engine_after(study, backend, "auto", TOLERANCE), exact) < TOLERANCE
    degree_3 = engine_after(Study(), CpuBackend(1), 3)
    assert difference(engine_after(study, backend, 3), degree_3) < 1e-5


def test_small_layers_are_exact_by_themselves(backend):
    ours = engine_after(Study(), backend, "auto", TOLERANCE)
    assert difference(ours, engine_after(Study(), CpuBackend(1), "exact")) < 1e-12


def test_scales(backend):
    d = Draw("float64")
    x, mean, weight = d.any(5, 23), d.mean(23, 7), d.positive(5)
    heavy, n_inputs = [1, 3, 4], 22
    x[2], x[heavy, [2, 3, 5]], x[heavy, [5, 6, 3]] = 0.0, 40.0, 20.0
    largest, norm_sq = backend.zeros((7,), "float64"), backend.zeros((7,), "float64")
    backend.weight_scales(backend.asarray(mean), n_inputs, largest, norm_sq)
    used = mean[:n_inputs]
    np.testing.assert_array_equal(backend.to_host(largest), np.abs(used).max(axis=0))
    np.testing.assert_allclose(backend.to_host(norm_sq), (used**2).sum(axis=0), rtol=1e-14)
    scale, inverse, cap, norm_sq = (backend.zeros((5,), "float64") for _ in range(4))
    arguments = backend.asarray(weight), scale, inverse, cap, norm_sq
    backend.sample_scales(backend.asarray(x), n_inputs, 4.0, *arguments)
    used, caps = np.abs(x[:, :n_inputs]), np.full(5, np.inf)
    caps[heavy] = 4 * np.sqrt((used[heavy] ** 2).mean(axis=1))
    np.testing.assert_allclose(backend.to_host(cap), caps, rtol=1e-14)
    reach = np.where(used <= caps[:, None], used, 0).max(axis=1)
    reach[2] = 1e-30
    np.testing.assert_allclose(backend.to_host(scale), reach, rtol=1e-14)
    np.testing.assert_allclose(backend.to_host(inverse), 1 / reach, rtol=1e-14)
    np.testing.assert_allclose(backend.to_host(norm_sq), (used**2).sum(1) * weight**2, rtol=1e-14)


def test_the_tolerance_is_shared(backend):
    d = Draw("float64")
    g, x_norm_sq, m_norm_sq = d.any(6, 5), d.positive(6), d.positive(5)
    by_samples, by_units = backend.zeros((6,), "float64"), backend.zeros((6,), "float64")
    norms = [backend.asarray(one) for one in (x_norm_sq, m_norm_sq)]
    backend.pair_norms(backend.asarray(g), *norms, by_samples, by_units)
    np.testing.assert_allclose(backend.to_host(by_samples), (g**2).sum(axis=1) * x_norm_sq)
    np.testing.assert_allclose(backend.to_host(by_units), g**2 @ m_norm_sq)
    allowed = backend.zeros((5,), "float64")
    backend.share_tolerance(by_units, 30, norms[1], TOLERANCE / SAFETY, allowed)
    share = (g**2 @ m_norm_sq).sum() / 30
    expected = TOLERANCE / SAFETY * np.sqrt(share / m_norm_sq)
    np.testing.assert_allclose(backend.to_host(allowed), expected)
    # If every pair is off by what it may, the norm of the sum of squares is off by the tolerance.
    squares = (backend.to_host(allowed) ** 2 * m_norm_sq).sum() * 6
    assert np.sqrt(squares / (g**2 @ m_norm_sq).sum()) == pytest.approx(TOLERANCE / SAFETY)


@pytest.mark.parametrize("name", CHANNELS)
def test_kept_series_are_as_good_as_promised(name, backend):
    d, channel = Draw("float64"), CHANNELS[name]
    n_samples, n_units, allowed = 6, 5, 1e-5
    parameters = draw_edge_parameters(name, d, n_samples, n_units)
    omega, x_scale, m_scale = d.any(n_samples, n_units), d.positive(n_samples), d.positive(n_units)
    x_scale /= np.linspace(1, 30, n_samples)
    keep = backend.zeros((n_samples, n_units), "float64")
    terms = backend.zeros((6, n_samples, n_units), "float64")
    limits = [backend.full((n,), allowed, "float64") for n in (n_samples, n_units)]
    arrays = [backend.asarray(one) for one in (omega, parameters, x_scale, m_scale)]
    rule = interpolation(7, 5, np.dtype("float64"))
    backend.expand(channel, *arrays, limits, rule, keep, terms)
    kept, series = backend.to_host(keep) == 1, backend.to_host(terms)
    assert 0 < kept.mean() <= 1
    for t in np.linspace(-1, 1, 41):
        value = np.polynomial.polynomial.polyval(t, series)
        for n, k in zip(*np.nonzero(kept), strict=True):
            shifted = omega[n, k] - t * x_scale[n] * m_scale[k]
            assert abs(value[n, k] - channel.edge_g(shifted, *parameters[:, n, k])) <= allowed
