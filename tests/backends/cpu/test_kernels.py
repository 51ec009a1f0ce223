"""Every operation of the CPU backend against plain NumPy, in both precisions and odd shapes."""

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_matrix

from sklearn_bp.backends import CpuBackend
from sklearn_bp.backends.cpu import _threads
from sklearn_bp.channels import ACTIVATIONS

from ..cuda import operations
from ..reference import ReferenceBackend

TOLERANCES = {"float64": 1e-11, "float32": 3e-5}
SHAPES = [(9, 5, 6), (17, 7, 33)]
"""Samples, inputs, units: less than a vector of units, and more than two."""

USED_UP = {"polynomial_rows": 2, "collect_field": 0}
"""Places among the arrays of what an operation may leave in any state but for its first entry."""

CASES = [
    pytest.param(place, shape, id=f"{name} {operation} {shape}")
    for place, (name, operation) in enumerate(operations.CASE_NAMES)
    for shape in SHAPES
    # A reference by quadrature takes its time, and is compared at length elsewhere.
    if operation != "argmax_probabilities" or shape == SHAPES[0]
]


def set_shape(monkeypatch, shape):
    """Let the cases have another shape."""
    for short, long, size in zip("MNK", ("N_SAMPLES", "N_INPUTS", "N_UNITS"), shape, strict=True):
        monkeypatch.setattr(operations, short, size)
        monkeypatch.setattr(operations, long, size)


def assert_same(arrays, expected, operation, dtype):
    for number, (mine, other) in enumerate(zip(arrays, expected, strict=True)):
        assert mine.dtype == (dtype if mine.dtype.kind == "f" else mine.dtype)
        if USED_UP.get(operation) == number:
            mine, other = (mine[0], other[0]) if operation == "collect_field" else (0, 0)
        tolerance = TOLERANCES[dtype]
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("place, shape", CASES)
def test_operation(place, shape, dtype, monkeypatch):
    """By one thread, and by three."""
    set_shape(monkeypatch, shape)
    monkeypatch.setattr(_threads, "LEAST_WORK_PER_THREAD", 1)
    special, operation = operations.CASE_NAMES[place]
    with np.errstate(invalid="ignore"):
        answer = operations.run_case(ReferenceBackend(), place, dtype)
    for n_threads in (1, 3):
        returned, arrays, outcome = operations.run_case(CpuBackend(n_threads), place, dtype)
        if answer[0] is not None:
            np.testing.assert_allclose(returned, answer[0], rtol=1e-10, atol=1e-13)
        assert_same(arrays, answer[1], operation, dtype)
        counts = [one.failure.n_bad if one.failure else 0 for one in (outcome, answer[2])]
        assert counts == [2 if special.startswith("bad") else 0] * 2
        sums, expected = operations.sums_of(outcome), operations.sums_of(answer[2])
        assert sums == pytest.approx(expected, rel=1e-10 if dtype == "float64" else 1e-6)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("n_inputs", [3, 40])
@pytest.mark.parametrize("n_units", [1, 2, 3, 16, 17])
@pytest.mark.parametrize("n_samples", [1, 9])
@pytest.mark.parametrize("name", ["sign", "relu"])
def test_edges_along_units_and_along_inputs(name, n_samples, n_units, n_inputs, dtype):
    """Whichever of them are many; the others are padded, or go one by one."""
    rng, channel = np.random.default_rng(0), ACTIVATIONS[name]
    shape = (n_samples, n_units)
    omega, v = rng.standard_normal(shape), rng.uniform(0.3, 2.0, shape)
    B, A = rng.standard_normal(shape), rng.uniform(0.0, 2.0, shape)
    x, mean = rng.standard_normal((n_samples, n_inputs)), rng.uniform(-1, 1, (n_inputs, n_units))
    arrays = [a.astype(dtype) for a in (B, A, v, np.zeros((3, *shape)), omega, x, mean)]
    outputs = np.empty_like(arrays[5]), np.empty_like(arrays[6])
    backend, weight = CpuBackend(1), np.full(n_samples, 1.5, dtype)
    results = []
    for one in (backend, backend, ReferenceBackend()):
        B, A, v, parameters, omega, x, mean = arrays
        one.edge_parameters(channel, B, A, v, parameters)
        one.edge_sums(channel, omega, parameters, x, mean, weight, *outputs)
        results.append([array.astype(float) for array in outputs])
        outputs[1].fill(np.nan)
        one.edge_sums(channel, omega, parameters, x, mean, weight, None, outputs[1])
        results[-1].append(outputs[1].astype(float))
    for mine, again, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, again)
        tolerance = TOLERANCES[dtype]
        np.testing.assert_allclose(mine, expected, rtol=tolerance, atol=tolerance)


def test_scratch_of_edges_is_kept_for_a_few_shapes_only():
    backend, channel = CpuBackend(1), ACTIVATIONS["sign"]
    for n in range(1, 30):
        arrays = [np.ones((n, 2)), np.ones((3, n, 2)), np.ones((n, 3)), np.ones((3, 2)), np.ones(n)]
        outputs = np.empty((n, 3)), np.empty((3, 2))
        backend.edge_sums(channel, *arrays, *outputs)
    assert len(backend._edge_scratch) <= 40


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 3), (7, 1, 2), (33, 17, 5)], ids=str)
def test_products_of_matrices_and_transposed_ones(shape, dtype):
    rng, (m, n, k) = np.random.default_rng(0), shape
    x, w, g = (rng.standard_normal(s).astype(dtype) for s in ((m, n), (n, k), (m, k)))
    for a, b in ((x, w), (g, w.T), (x.T, g)):
        out = np.full((a.shape[0], b.shape[1]), np.nan, dtype)
        CpuBackend(1).matmul(a, b, out)
        expected = np.einsum("ij,jk->ik", a.astype(float), b.astype(float))
        np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    "convert",
    [
        np.ascontiguousarray,
        np.asfortranarray,
        csr_matrix,
        csc_array,
        lambda X: X.astype("uint8"),
        lambda X: X.astype("int16"),
        lambda X: X.astype("float16"),
        lambda X: np.repeat(X, 2, axis=0)[::2],
    ],
)
def test_a_mini_batch_of_any_kind_of_data(convert, dtype):
    rng, backend = np.random.default_rng(0), CpuBackend(1)
    X = rng.integers(0, 4, (12, 5)).astype(float)
    rows = np.array([3, 0, 11, 3])
    x, x_sq = np.full((4, 6), 7.0, dtype), np.full((4, 6), 7.0, dtype)
    backend.load_rows(backend.load_data(convert(X)), backend.load_order(rows), x, x_sq)
    np.testing.assert_array_equal(x, np.column_stack([X[rows], np.full(4, 7)]))
    np.testing.assert_array_equal(x_sq, np.column_stack([X[rows] ** 2, np.full(4, 7)]))


def test_a_mini_batch_of_a_memory_map(tmp_path):
    X = np.arange(20, dtype="float32").reshape(5, 4)
    np.save(tmp_path / "X.npy", X)
    backend, mapped = CpuBackend(1), np.load(tmp_path / "X.npy", mmap_mode="r")
    x, x_sq = np.empty((2, 4)), np.empty((2, 4))
    backend.load_rows(backend.load_data(mapped), np.array([4, 1]), x, x_sq)
    np.testing.assert_array_equal(x, X[[4, 1]])


@pytest.mark.parametrize("batch_size", [1, 3, 4, 12, 20])
def test_mini_batches_cover_the_order(batch_size):
    backend, order = CpuBackend(1), np.random.default_rng(0).permutation(12)
    parts = list(backend.batches(None, order, batch_size))
    np.testing.assert_array_equal(np.concatenate(parts), order)
    assert [len(part) for part in parts[:-1]] == [batch_size] * (len(parts) - 1)
    assert 0 < len(parts[-1]) <= batch_size


def test_arrays():
    backend = CpuBackend(1)
    assert backend.zeros((2, 3), "float32").dtype == np.float32
    np.testing.assert_array_equal(backend.full((2,), 1.5, "float64"), [1.5, 1.5])
    target = backend.zeros((3,), "float32")
    backend.assign(np.array([1.0, 2.0, 3.0]), target)
    copy = backend.to_host(target)
    backend.fill(target, 0)
    np.testing.assert_array_equal(copy, np.array([1, 2, 3], "float32"))
    out = np.empty(2)
    backend.take(np.array([5.0, 6.0, 7.0]), np.array([2, 0]), out)
    np.testing.assert_array_equal(out, [7, 5])
    backend.put(np.array([1.0, 2.0]), np.array([2, 0]), target)
    np.testing.assert_array_equal(target, [2, 0, 1])
