"""Steps on a GPU against golden numbers, the oracle and the CPU, with cuBLAS and without."""

import numpy as np
import pytest
from engine.running import assert_close
from engine.test_golden_steps import TOLERANCES, assert_golden_posterior
from oracles.golden_steps import SETTINGS, load_golden_step
from oracles.random_networks import random_case

from sklearn_bp.algorithms import ALGORITHMS
from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cuda import _runtime
from sklearn_bp.backends.cuda._backend import CudaBackend
from sklearn_bp.backends.cuda._products import TiledProducts, make_products
from sklearn_bp.channels import ACTIVATIONS
from sklearn_bp.engine.prediction import bayes_moments, point_preactivation

from ..expansions import Study, difference, engine_after, expand_small_layers, marked_shares
from ..operations import CASE_NAMES, assert_same_operation
from ..running import device_engine_after_step
from ..steps import assert_same_outcome, assert_same_posterior, combination, every_kind, step_on
from . import needs_gpu

pytestmark = needs_gpu


def make_backend(kind):
    """A backend with that kind of products."""
    backend = CudaBackend()
    if kind == "tiled":
        backend.products = TiledProducts(backend.stream, backend.blocks)
    elif _runtime.load_cublas() is None:
        pytest.skip("cuBLAS is not installed")
    return backend


@pytest.fixture(scope="module", params=["cublas", "tiled"])
def backend(request):
    return make_backend(request.param)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", SETTINGS)
def test_golden_step(name, dtype, backend):
    case, arrays = load_golden_step(name)
    engine = device_engine_after_step(case, backend, dtype=dtype)
    assert_golden_posterior(engine, arrays, TOLERANCES[dtype])
    for depth, layer in enumerate(engine.layers):
        for own, golden in (("omega", "omega"), ("v", "V"), ("g", "g"), ("gamma", "gamma")):
            value = backend.to_host(getattr(layer.batch, own))
            assert_close(value, arrays[f"trace_{golden}_{depth}"], TOLERANCES[dtype])


@pytest.mark.parametrize("name", SETTINGS)
def test_golden_predictions(name, backend):
    case, arrays = load_golden_step(name)
    engine = device_engine_after_step(case, backend)
    settings = engine.network, engine.posterior(), arrays["X_test"], backend
    assert_close(point_preactivation(*settings), arrays["point_activation"], 1e-9)
    omega, v = bayes_moments(*settings)
    assert_close(omega, arrays["bayes_omega"], 1e-9)
    assert_close(v, arrays["bayes_V"], 1e-9)


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_random_networks_agree_with_the_oracle(algo, backend):
    for seed in range(10):
        case = random_case(seed, algo=algo)
        engine, (layers, _) = device_engine_after_step(case, backend), case.step()
        for reached, layer in zip(engine.posterior(), layers, strict=True):
            assert_close(reached.field, layer.field, 1e-9, layer.mask)
            assert_close(reached.mean, layer.mean, 1e-9)
            assert_close(reached.variance, layer.var, 1e-9)


@pytest.mark.parametrize("algo, prior, activation, output", list(every_kind()))
def test_every_kind_agrees_with_the_cpu(algo, prior, activation, output, backend):
    case = combination(algo, prior, activation, output, dtype="float64")
    posterior, outcome = step_on(backend, *case)
    expected, scored = step_on(CpuBackend(n_threads=1), *case)
    assert_same_posterior(posterior, expected, 1e-9)
    assert_same_outcome(outcome, scored, 1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", range(len(CASE_NAMES)), ids=[" ".join(c) for c in CASE_NAMES])
def test_operation(place, dtype):
    assert_same_operation(CudaBackend(), place, dtype)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("shape", [(128, 784, 501), (1, 501, 10), (785, 33, 2), (96, 1, 1)])
def test_products(shape, transposed, dtype, tolerance, backend):
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    stored = [
        backend.asarray((one.T if flip else one).astype(dtype))
        for one, flip in zip((a, b), transposed, strict=True)
    ]
    out = backend.full((rows, columns), np.nan, dtype)
    backend.matmul(
        *(one.T if flip else one for one, flip in zip(stored, transposed, strict=True)), out
    )
    error = backend.to_host(out) - a.astype(dtype).astype(float) @ b.astype(dtype).astype(float)
    assert np.abs(error).max() < tolerance * np.sqrt(inner) * 10


def test_cublas_is_used_where_it_is_installed():
    backend = CudaBackend()
    installed = _runtime.load_cublas() is not None
    assert backend.products.name == ("cuBLAS" if installed else "tiled kernel")


def test_without_cublas_products_are_tiled(monkeypatch):
    backend = CudaBackend()
    monkeypatch.setattr("sklearn_bp.backends.cuda._products.load_cublas", lambda: None)
    products = make_products(backend.stream, backend.blocks, backend.empty)
    assert isinstance(products, TiledProducts)


LARGE = Study(sizes=(301, 131), n_samples=67)
"""Several blocks in every direction, none of them whole."""


@pytest.mark.parametrize("degree", [1, 3, 5])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_degree_means_the_same_as_on_the_cpu(activation, degree, backend):
    study = Study(activation=activation, sizes=LARGE.sizes, n_samples=LARGE.n_samples)
    ours, theirs = (engine_after(study, one, degree) for one in (backend, CpuBackend(1)))
    assert difference(ours, theirs) < 1e-9
    assert not any(marked_shares(ours))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("largest_input", [0.0, 200.0])
def test_automatic_edges_keep_to_the_tolerance(
    activation, dtype, largest_input, backend, monkeypatch
):
    expand_small_layers(monkeypatch)
    settings = dict(activation=activation, sizes=LARGE.sizes, n_samples=LARGE.n_samples)
    settings["largest_input"] = largest_input
    ours = engine_after(Study(dtype=dtype, **settings), backend, "auto", 1e-4)
    exact = engine_after(Study(**settings), CpuBackend(1), "exact")
    assert difference(ours, exact) < 1e-4


def test_edges_without_tolerance_are_exact(backend, monkeypatch):
    expand_small_layers(monkeypatch)
    ours = engine_after(LARGE, backend, "auto", 0.0)
    assert difference(ours, engine_after(LARGE, CpuBackend(1), "exact")) < 1e-11
