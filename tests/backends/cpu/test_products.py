"""Matrix products and powers, shared among threads in tiles."""

import numpy as np
import pytest

from sklearn_bp.backends.cpu import CpuBackend, _backend, _threads

M, N, K = 33, 50, 41


@pytest.fixture(params=[1, 2, 3])
def backend(request, monkeypatch):
    """Backends of several threads that share whatever work there is."""
    for module in (_threads, _backend):
        monkeypatch.setattr(module, "LEAST_WORK_PER_THREAD", 1)
    return CpuBackend(request.param)


@pytest.fixture
def draw():
    """Random numbers of a shape, none of them zero."""
    rng = np.random.default_rng(0)
    return lambda *shape: rng.uniform(0.1, 1, shape) * rng.choice([-1, 1], shape)


@pytest.mark.parametrize(
    "shape", [(M, N, K), (N, M, 7), (K, N, M), (1, 1, 1), (500, N, K), (K, N, 900)]
)
def test_product_and_pair(backend, draw, shape):
    m, n, k = shape
    for a, b in ((draw(m, n), draw(n, k)), (draw(n, m).T, draw(k, n).T)):
        outs = np.full((3, m, k), np.nan)
        backend.matmul(a, b, outs[0])
        backend.matmul_pair((a, b, outs[1]), (2 * a, b, outs[2]))
        np.testing.assert_allclose(outs, [a @ b, a @ b, 2 * a @ b], rtol=1e-12)


@pytest.mark.parametrize("n_rows", [(M,), (M, M), (M, 20, 7, 1), (M, M, M, M, M, 3)])
def test_terms_of_fields(backend, draw, n_rows):
    """Samples stand in an order, and the first ones have the higher powers."""
    x, coefficients = draw(M, N), draw(len(n_rows), M, K)
    order = np.random.default_rng(1).permutation(M)
    scale = abs(x).max(axis=1)
    terms, power = np.full((len(n_rows), N, K), np.nan), np.full((M, N), np.nan)
    backend.field_terms(x[order], order, scale, coefficients, n_rows, power, terms)
    for p, rows in enumerate(n_rows):
        first = order[:rows]
        factor = x[first] * (x[first] / scale[first, None]) ** p
        expected = factor.T @ coefficients[p, :rows]
        np.testing.assert_allclose(terms[p], expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("n_rows", [(M,), (M, M), (M, 20, 7, 1), (M, M, M, M, M, 3)])
@pytest.mark.parametrize("n_inputs", [N, N - 1])
def test_terms_of_what_goes_down(backend, draw, n_rows, n_inputs):
    """The constant input, the last row if there is one more than inputs, has the power 0 only."""
    mean, coefficients = draw(N, K), draw(len(n_rows), M, K)
    inverse_scale = 1 / abs(mean).max(axis=0)
    terms, power = np.full((len(n_rows), M, N), np.nan), np.zeros((N, K))
    backend.down_terms(mean, n_inputs, inverse_scale, coefficients, n_rows, power, terms)
    for p, rows in enumerate(n_rows):
        factor = mean * (mean * inverse_scale) ** p
        if p:
            factor[n_inputs:] = 0
        expected = coefficients[p, :rows] @ factor.T
        np.testing.assert_allclose(terms[p, :rows], expected, rtol=1e-11, atol=1e-13)


def test_sum_of_what_goes_down(backend, draw):
    """The polynomial of each sample ends at its degree, whatever its row holds beyond."""
    x, terms, out = draw(M, N), draw(4, M, N), np.full((M, N), np.nan)
    rng = np.random.default_rng(2)
    order, degree, scale = rng.permutation(M), rng.integers(0, 4, M), rng.uniform(0.5, 2, M)
    expected = np.empty((M, N))
    for row, n in enumerate(order):
        place = x[n] * scale[n]
        expected[n] = sum(terms[p, row] * place**p for p in range(degree[n] + 1))
    backend.sum_down_terms(x, order, degree, scale, terms, out)
    np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-13)
