"""Matrix products: the tiled kernel, and the arguments that cuBLAS gets."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_bp.backends.cuda import get_backend
from sklearn_bp.backends.cuda._array import DeviceArray
from sklearn_bp.backends.cuda._products import CublasProducts, TiledProducts

SHAPES = [(1, 1, 1), (3, 5, 2), (4, 4, 4), (6, 3, 9), (1, 7, 5), (9, 2, 1)]


def factors(shape, transposed, dtype):
    """Two factors of shapes (rows, inner) and (inner, columns), as arrays and transposes."""
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    stored = [
        np.ascontiguousarray((one.T if flip else one).astype(dtype))
        for one, flip in zip((a, b), transposed, strict=True)
    ]
    views = [one.T if flip else one for one, flip in zip(stored, transposed, strict=True)]
    return stored, np.matmul(*views)


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("shape", SHAPES)
def test_tiled_kernel(shape, transposed, dtype, tolerance):
    backend = get_backend()
    stored, expected = factors(shape, transposed, dtype)
    a, b = (backend.asarray(one) for one in stored)
    out = backend.full(expected.shape, np.nan, dtype)
    TiledProducts(backend.stream, backend.blocks).matmul(
        a.T if transposed[0] else a, b.T if transposed[1] else b, out
    )
    np.testing.assert_allclose(backend.to_host(out), expected, rtol=tolerance, atol=tolerance)


def test_pair_of_products():
    backend, rng = get_backend(), np.random.default_rng(0)
    pairs = [(rng.standard_normal((3, 5)), rng.standard_normal((5, 2))) for _ in range(2)]
    on_device = [
        (backend.asarray(a), backend.asarray(b), backend.full((3, 2), np.nan, "float64"))
        for a, b in pairs
    ]
    backend.matmul_pair(*on_device)
    for (a, b), (*_, out) in zip(pairs, on_device, strict=True):
        np.testing.assert_allclose(backend.to_host(out), a @ b, rtol=1e-13)


class FakeCublas:
    """The functions of cuBLAS that are called, on host memory, by columns as it does."""

    def __init__(self):
        self.calls = []

    def cublasCreate_v2(self, handle):
        handle._obj.value = 42
        return 0

    def cublasDestroy_v2(self, handle):
        self.calls.append("destroy")
        return 0

    def cublasSetStream_v2(self, handle, stream):
        self.calls.append(("stream", handle.value, stream.value))
        return 0

    def cublasSetWorkspace_v2(self, handle, memory, size):
        self.calls.append(("workspace", memory.value, size.value))
        return 0

    def cublasSgemm_v2(self, *arguments):
        return self._product(ctypes.c_float, *arguments)

    def cublasDgemm_v2(self, *arguments):
        return self._product(ctypes.c_double, *arguments)

    @staticmethod
    def _columns(kind, address, rows, columns, leading):
        memory = (kind * (leading * columns)).from_address(address.value)
        matrix = np.frombuffer(memory, dtype=kind).reshape(leading, columns, order="F")
        assert leading >= rows
        return matrix[:rows]

    def _product(self, kind, handle, ta, tb, m, n, k, one, a, lda, b, ldb, zero, c, ldc):
        assert handle.value == 42 and one._obj.value == 1 and zero._obj.value == 0
        first = self._columns(kind, a, *((k, m) if ta else (m, k)), lda)
        second = self._columns(kind, b, *((n, k) if tb else (k, n)), ldb)
        product = np.matmul(first.T if ta else first, second.T if tb else second)
        self._columns(kind, c, m, n, ldc)[...] = product
        return 0


def on_host(array):
    """A device array whose address is that of host memory."""
    interface = {"data": (array.ctypes.data, False)}
    memory = SimpleNamespace(__cuda_array_interface__=interface)
    return DeviceArray(memory, array.shape, array.dtype)


@pytest.fixture
def cublas():
    library = FakeCublas()
    stream = SimpleNamespace(address=lambda: 1234)
    workspace = np.zeros(64, np.uint8)
    products = CublasProducts(library, stream, on_host(workspace))
    assert ("stream", 42, 1234) in library.calls
    assert ("workspace", workspace.ctypes.data, 64) in library.calls
    return products


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("shape", SHAPES)
def test_cublas_arguments(cublas, shape, transposed, dtype, tolerance):
    stored, expected = factors(shape, transposed, dtype)
    a, b = (on_host(one) for one in stored)
    out = np.full(expected.shape, np.nan, dtype)
    cublas.matmul(a.T if transposed[0] else a, b.T if transposed[1] else b, on_host(out))
    np.testing.assert_allclose(out, expected, rtol=tolerance, atol=tolerance)


def test_cublas_failure_raises(cublas, monkeypatch):
    monkeypatch.setattr(
        cublas, "_kinds", {"float32": (lambda *_: 13, *cublas._kinds["float32"][1:])}
    )
    one = on_host(np.ones((1, 1), np.float32))
    with pytest.raises(RuntimeError, match="status 13"):
        cublas.matmul(one, one, one)
