"""Every operation of the CUDA backend against the CPU backend's, on the same arrays."""

import inspect

import numpy as np
import pytest

from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cuda import get_backend

from ..operations import CASE_NAMES, TOLERANCES, M, N, assert_same_operation

MIXINS = {"EdgeOperations", "LabelOperations"}

COVERED_ELSEWHERE = {
    "add_pulls",
    "asarray",
    "assign",
    "batches",
    "computing",
    "full",
    "load_batch",
    "load_data",
    "load_order",
    "load_rows",
    "matmul",
    "matmul_pair",
    "leave_out",
    "put",
    "repeat",
    "step_record",
    "take",
    "to_host",
    "zeros",
}
"""Operations with tests of their own."""


def operations(backend):
    parts = [backend, *(part for part in backend.__mro__ if part.__name__ in MIXINS)]
    return {name for part in parts for name in vars(part) if not name.startswith("_")}


def shared_operations():
    return operations(CpuBackend) - {"name"}


def test_every_operation_is_there_with_the_same_arguments():
    cuda = type(get_backend())
    missing = shared_operations() - operations(cuda)
    assert not missing
    for name in shared_operations():
        ours, theirs = getattr(cuda, name), getattr(CpuBackend, name)
        if callable(theirs):
            expected = [p for p in inspect.signature(theirs).parameters if p != "self"]
            assert [p for p in inspect.signature(ours).parameters if p != "self"] == expected


def test_every_operation_has_a_case():
    callables = {name for name in shared_operations() if callable(getattr(CpuBackend, name))}
    assert callables - COVERED_ELSEWHERE == {operation for _, operation in CASE_NAMES}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("place", range(len(CASE_NAMES)), ids=[" ".join(c) for c in CASE_NAMES])
def test_operation(place, dtype):
    assert_same_operation(get_backend(), place, dtype)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_arrays(dtype):
    backend = get_backend()
    rng = np.random.default_rng(0)
    source = rng.standard_normal((3, M, N))
    array = backend.zeros(source.shape, dtype)
    np.testing.assert_array_equal(backend.to_host(array), np.zeros(source.shape, dtype))
    backend.assign(source, array)
    expected = source.astype(dtype)
    np.testing.assert_array_equal(backend.to_host(array), expected)
    np.testing.assert_array_equal(backend.to_host(array[1]), expected[1])
    np.testing.assert_array_equal(backend.to_host(array[1:3]), expected[1:3])
    flat = array.reshape((-1,))
    np.testing.assert_array_equal(backend.to_host(flat[2:8]), expected.reshape(-1)[2:8])
    assert flat[2:8].reshape((2, 3)).shape == (2, 3)
    assert array[1][2:].owner is array
    assert backend.to_host(backend.full((2, 3), 1.5, dtype)).tolist() == [[1.5] * 3] * 2


def test_arrays_without_entries():
    backend = get_backend()
    empty = backend.zeros((0, 4), "float32")
    assert backend.to_host(empty).shape == (0, 4)
    backend.assign(np.zeros((0, 4)), empty)
    backend.fill(empty, 1)
    rest = backend.zeros((3, 4), "float32")[3:]
    assert rest.shape == (0, 4) and rest.size == 0 and rest.reshape((4, 0)).shape == (4, 0)
