"""Matrix products and powers, shared among threads in tiles."""

import numpy as np
import pytest

from sklearn_bp.backends.cpu import CpuBackend, _threads

M, N, K = 33, 50, 41


@pytest.fixture(params=[1, 2, 3])
def backend(request, monkeypatch):
    """Backends of several threads that share whatever work there is."""
    monkeypatch.setattr(_threads, "LEAST_WORK_PER_THREAD", 1)
    return CpuBackend(request.param)


@pytest.fixture
def draw():
    """Random numbers of a shape, none of them zero."""
    rng = np.random.default_rng(0)
    return lambda *shape: rng.uniform(0.1, 1, shape) * rng.choice([-1, 1], shape)


@pytest.mark.parametrize("shape", [(M, N, K), (N, M, 7), (K, N, M), (1, 1, 1)])
def test_product_and_pair(backend, draw, shape):
    m, n, k = shape
    for a, b in ((draw(m, n), draw(n, k)), (draw(n, m).T, draw(k, n).T)):
        outs = np.full((3, m, k), np.nan)
        backend.matmul(a, b, outs[0])
        backend.matmul_pair((a, b, outs[1]), (2 * a, b, outs[2]))
        np.testing.assert_allclose(outs, [a @ b, a @ b, 2 * a @ b], rtol=1e-12)


@pytest.mark.parametrize("n_terms", [1, 2, 4, 6])
def test_terms_of_fields(backend, draw, n_terms):
    x, coefficients = draw(M, N), draw(n_terms, M, K)
    scale = abs(x).max(axis=1)
    terms, power = np.full((n_terms, N, K), np.nan), np.full((M, N), np.nan)
    backend.field_terms(x, scale, coefficients, power, terms)
    for p in range(n_terms):
        factor = x * (x / scale[:, None]) ** p
        np.testing.assert_allclose(terms[p], factor.T @ coefficients[p], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("n_terms", [1, 2, 4, 6])
@pytest.mark.parametrize("n_inputs", [N, N - 1])
def test_terms_of_what_goes_down(backend, draw, n_terms, n_inputs):
    """The constant input, the last row if there is one more than inputs, has the power 0 only."""
    mean, coefficients = draw(N, K), draw(n_terms, M, K)
    inverse_scale = 1 / abs(mean).max(axis=0)
    terms, power = np.full((n_terms, M, N), np.nan), np.zeros((N, K))
    backend.down_terms(mean, n_inputs, inverse_scale, coefficients, power, terms)
    for p in range(n_terms):
        factor = mean * (mean * inverse_scale) ** p
        if p:
            factor[n_inputs:] = 0
        np.testing.assert_allclose(terms[p], coefficients[p] @ factor.T, rtol=1e-11, atol=1e-13)
