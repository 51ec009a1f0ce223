"""Loops over weights and units work on whole vectors, which they read and write at once."""

import re

import numpy as np
import pytest
from numba import jit

from sklearn_bp.backends.cpu import activation, argmax, weights
from sklearn_bp.channels import ACTIVATIONS
from sklearn_bp.priors import PRIORS

ROW = np.ones(4, np.float32)
NUMBER = np.float32(0.5)
NUMBERS = [NUMBER] * 4
TYPES = {"float32": "float", "float64": "double"}


def plain(number):
    """Make so many arrays."""
    return [np.ones((4, 33), np.float32) for _ in range(number)]


CASES = {
    **{
        f"{name} update": (weights.make_update(prior), [*plain(7), *NUMBERS, *plain(4)])
        for name, prior in PRIORS.items()
    },
    "second moment": (weights.second_moment, plain(3)),
    "field": (
        weights.make_collect_field(2),
        [np.ones((2, 4, 33), np.float32), *plain(1), np.ones(33, np.float32)],
    ),
    "sign": (activation.make_g_gamma(ACTIVATIONS["sign"]), plain(6)),
    "pairwise output": (
        argmax.argmax_pairwise_normalised,
        [np.zeros(4, np.int32), *plain(2), ROW, *plain(2)],
    ),
    "pairwise output of certain labels": (
        argmax.argmax_pairwise,
        [np.zeros(4, np.int32), *plain(4)],
    ),
    "labels": (activation.soften_labels, [ROW, ROW[:1], NUMBER, *plain(2)]),
}


def optimised_code(kernel, *arguments):
    """Compile a kernel anew, as code from the cache cannot be looked at."""
    fresh = jit(**kernel.targetoptions)(kernel.py_func)
    fresh(*arguments)
    (code,) = fresh.inspect_llvm().values()
    return code


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("case", CASES)
def test_vectors_are_read_and_written_at_once(case, dtype):
    """A vector that is gathered and scattered takes ten times as long as one that is moved."""
    kernel, arguments = CASES[case]
    converted = [a.astype(dtype) if a.dtype.kind == "f" else a for a in arguments]
    code = optimised_code(kernel, *converted, 1, 3)
    vector = rf"<\d+ x {TYPES[dtype]}>"
    assert re.search(rf"load {vector}", code) and re.search(rf"store {vector}", code)
    assert "masked.gather" not in code and "masked.scatter" not in code


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("function", [argmax._log_integrand, argmax._slope])
def test_rivals_are_taken_several_at_a_time(function, dtype):
    """The exact integral asks for its integrand or its slope twenty times for every class."""
    (omega, v), at = plain(2), np.dtype(dtype).type(0.5)
    code = optimised_code(function, omega.astype(dtype), v.astype(dtype), 0, 1, at, at)
    assert re.search(rf"fdiv [a-z ]*<\d+ x {TYPES[dtype]}>", code)
