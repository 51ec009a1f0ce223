"""Pruned weights held without the missing ones: the same steps as with matrices, in less memory."""

import math
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_bp.backends import CpuBackend
from sklearn_bp.engine import layout as layouts
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.layer import Layer
from sklearn_bp.engine.layout import BLOCK, CompressedLayout, DenseLayout, choose_layout
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior
from sklearn_bp.priors import PRIORS

SIZES, N_SAMPLES = [23, 17, 11], 9
NAMES = ("field", "mean", "variance", "precision")


class DenseBackend(CpuBackend):
    """Keeps all weights as matrices."""

    compresses_weights = False


@pytest.fixture
def compress_all(monkeypatch):
    """Compress every layer that has a mask."""
    monkeypatch.setattr(layouts, "LEAST_COMPRESSED_SIZE", 0)
    monkeypatch.setattr(layouts, "COMPRESSED_DENSITY", 1.0)


def start(prior="binary", intercept=True, density=0.3, sizes=(*SIZES, 3), **options):
    """A network and its start; some inputs and some units have no weights at all."""
    settings = dict(weight_prior=prior, intercept=intercept, density=density) | options
    network = make_network(sizes, dtype=settings.pop("dtype", "float64"), **settings)
    posterior = draw_posterior(network, np.random.RandomState(0))
    for layer, one in enumerate(posterior):
        if one.mask is None:
            continue
        n_in = network.layer_sizes[layer]
        one.mask[[0, 3, n_in - 1]] = False
        one.mask[:n_in, 1] = False
        one.mean *= one.mask
        one.variance *= one.mask
    return network, posterior


def steps(network, posterior, backend, n_steps=3, weighted=False):
    """The engine after some steps."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n_steps * N_SAMPLES, network.layer_sizes[0]))
    y = rng.integers(network.layer_sizes[-1], size=len(X))
    if network.output == "sign":
        y = rng.choice([-1.0, 1.0], len(X)).astype(network.dtype)
    weight = rng.uniform(0.2, 2.0, len(X)).astype(network.dtype) if weighted else None
    engine = Engine(network, posterior, backend)
    # The last mini-batch is smaller.
    engine.epoch(X.astype(network.dtype), y, np.arange(len(X) - 2), N_SAMPLES, weight)
    return engine


def assert_same(engine, other, tolerance):
    for mine, theirs in zip(engine.posterior(), other.posterior(), strict=True):
        mask = True if mine.mask is None else mine.mask
        for name in NAMES:
            value, expected = getattr(mine, name), getattr(theirs, name)
            rows = slice(len(mine.field) - len(value), None)
            where = mask if mask is True else mask[rows]
            excess = np.abs(value - expected) / (1 + np.abs(expected))
            assert np.all(excess * where < tolerance)
        if mine.mask is not None:
            assert not mine.mean[~mine.mask].any() and not theirs.mean[~mine.mask].any()


def assert_compressed_like_dense(network, posterior, tolerance=1e-10, **options):
    small = steps(network, [one.copy() for one in posterior], CpuBackend(1), **options)
    whole = steps(network, [one.copy() for one in posterior], DenseBackend(1), **options)
    assert any(layer.layout.compressed for layer in small.layers)
    assert not any(layer.layout.compressed for layer in whole.layers)
    assert_same(small, whole, tolerance)


@pytest.mark.parametrize(
    "algo, prior, intercept",
    list(product(["bp", "bpi", "mf", "amp"], ["binary", "gaussian"], [True, False])),
)
def test_steps_are_those_of_a_dense_layer(algo, prior, intercept, compress_all):
    for activation in ("sign", "relu"):
        network, posterior = start(prior, intercept, algo=algo, activation=activation)
        assert_compressed_like_dense(network, posterior)


@pytest.mark.parametrize("algo", ["bpi", "mf", "amp"])
@pytest.mark.parametrize("intercept", [True, False])
def test_several_sweeps_weights_and_a_sign_output(algo, intercept, compress_all):
    network, posterior = start(
        "binary",
        intercept,
        algo=algo,
        n_inner_iter=3,
        output="sign",
        sizes=(*SIZES, 5, 1),
        density=[0.3, 0.1, 0.5, 1.0],
        reinforcement=0.2,
        rho=0.9,
        label_noise=0.1,
        likelihood_weight=0.4,
    )
    assert_compressed_like_dense(network, posterior, weighted=True)


@pytest.mark.parametrize("algo", ["bp", "amp"])
def test_single_precision(algo, compress_all):
    network, posterior = start(algo=algo, dtype="float32")
    assert_compressed_like_dense(network, posterior, 1e-4)


@pytest.mark.parametrize("prior", ["binary", "gaussian"])
@pytest.mark.parametrize("intercept", [True, False])
def test_packing_keeps_every_weight_that_exists(prior, intercept, compress_all):
    network, posterior = start(prior, intercept)
    for index, one in enumerate(posterior):
        layer = Layer(network, index, one, CpuBackend(1), None)
        layout, rng = layer.layout, np.random.default_rng(0)
        matrix = rng.standard_normal(one.mask.shape)
        packed = layout.pack(matrix, padding=7.0)
        assert packed.shape == layout.shape and packed.shape[1] == BLOCK
        assert (packed == 7.0).sum() == packed.size - one.mask.sum()
        np.testing.assert_array_equal(layout.unpack(packed), matrix * one.mask)
        gaussian = rng.standard_normal(one.precision.shape)
        if gaussian.size:
            held = layout.pack(gaussian, padding=1.0)
            assert held.shape == layout.precision_shape
            mask = one.mask[len(matrix) - len(gaussian) :]
            np.testing.assert_array_equal(layout.unpack(held), gaussian * mask)
        loaded = layer.unload()
        for name in NAMES:
            rows = slice(len(matrix) - len(getattr(one, name)), None)
            np.testing.assert_array_equal(
                getattr(loaded, name), getattr(one, name) * one.mask[rows]
            )


@pytest.mark.parametrize("n_samples", [1, 2, 7, 64])
def test_products(n_samples, compress_all):
    network, posterior = start(dtype="float64")
    mask, rng = posterior[0].mask, np.random.default_rng(0)
    layer = Layer(network, 0, posterior[0], CpuBackend(1), None)
    layer.bind(n_samples, np.zeros(math.prod(layer.layout.shape)))
    x = rng.standard_normal((n_samples, layer.n_rows))
    g = rng.standard_normal((n_samples, layer.n_units))
    weight = rng.standard_normal(mask.shape) * mask
    packed = layer.layout.pack(weight)
    up, down, collected = np.empty_like(g), np.empty_like(x), np.empty(layer.layout.shape)
    layer.up(x, packed, up)
    np.testing.assert_allclose(up, x @ weight, rtol=1e-12, atol=1e-12)
    layer.down(g, packed, down)
    np.testing.assert_allclose(down, g @ weight.T, rtol=1e-12, atol=1e-12)
    layer.collect(x, g, collected)
    expected = (x.T @ g) * mask
    np.testing.assert_allclose(layer.layout.unpack(collected), expected, rtol=1e-12, atol=1e-12)
    assert collected.sum() == pytest.approx(expected.sum())


@pytest.mark.parametrize("n_samples", [1, 7, 64])
@pytest.mark.parametrize("compressed", [False, True])
def test_pairs_of_products(compressed, n_samples, compress_all):
    network, posterior = start(dtype="float64")
    mask, rng = posterior[0].mask, np.random.default_rng(0)
    layer = Layer(network, 0, posterior[0], CpuBackend(1), None)
    if not compressed:
        layer.layout = DenseLayout(layer)
    n_terms = layer.algorithm.n_terms(layer)
    layer.bind(n_samples, np.zeros(n_terms * math.prod(layer.layout.shape)))
    x = rng.standard_normal((2, n_samples, layer.n_rows))
    g = rng.standard_normal((2, n_samples, layer.n_units))
    weight = rng.standard_normal((2, *mask.shape)) * mask
    packed = [layer.layout.pack(w) for w in weight]
    down, collected = np.full_like(x, np.nan), np.full((2, *layer.layout.shape), np.nan)
    layer.layout.down_pair(*zip(g, packed, down, strict=True))
    np.testing.assert_allclose(down, g @ weight.transpose(0, 2, 1), rtol=1e-12, atol=1e-12)
    layer.layout.collect_pair(*zip(x, g, collected, strict=True))
    for k in range(2):
        expected = (x[k].T @ g[k]) * mask
        summed = layer.layout.unpack(collected[k]) * mask
        np.testing.assert_allclose(summed, expected, rtol=1e-12, atol=1e-12)


def layer_like(algo="amp", n_inner_iter=1, compresses=True, n_inputs=200):
    """As much of a layer as the choice of a layout looks at."""
    network = SimpleNamespace(algo=algo, n_inner_iter=n_inner_iter)
    backend = SimpleNamespace(compresses_weights=compresses, asarray=np.asarray)
    return SimpleNamespace(
        network=network,
        backend=backend,
        n_inputs=n_inputs,
        n_rows=n_inputs + 1,
        n_units=200,
        n_precision_rows=1,
        prior=PRIORS["binary"],
    )


def mask_of(density, n_inputs=200):
    mask = np.random.default_rng(0).random((n_inputs + 1, 200)) < density
    mask[-1] = True
    return mask


@pytest.mark.parametrize(
    "layer, mask, expected",
    [
        (layer_like(), None, DenseLayout),
        (layer_like(), mask_of(0.1), CompressedLayout),
        (layer_like(), mask_of(0.2), DenseLayout),
        (layer_like(n_inputs=50), mask_of(0.1, 50), DenseLayout),
        (layer_like("bp"), mask_of(0.1), CompressedLayout),
        (layer_like("bp", 2), mask_of(0.1), DenseLayout),
        (layer_like("bpi", 2), mask_of(0.1), CompressedLayout),
        (layer_like(compresses=False), mask_of(0.1), DenseLayout),
    ],
)
def test_choice_of_a_layout(layer, mask, expected):
    assert type(choose_layout(layer, mask)) is expected


def test_memory_follows_the_density():
    sizes = {}
    for density in (1.0, 0.1, 0.05):
        network = make_network([300, 200, 3], density=[density, 1.0], algo="amp")
        posterior = draw_posterior(network, np.random.RandomState(0))
        layer = Layer(network, 0, posterior[0], CpuBackend(1), None)
        arrays = [getattr(weights, name) for weights in layer._weights for name in NAMES]
        arrays += [one for one in vars(layer).values() if isinstance(one, np.ndarray)]
        sizes[density] = sum(one.nbytes for one in arrays if one is not layer.host_mask)
        sizes[density, "index"] = sum(
            one.nbytes for one in vars(getattr(layer.layout, "index", SimpleNamespace())).values()
        )
    assert sizes[0.1] < 0.12 * sizes[1.0] and sizes[0.05] < 0.065 * sizes[1.0]
    assert sizes[0.05, "index"] < 0.6 * sizes[0.1, "index"] < 0.3 * sizes[1.0]
