"""Compiled loops over scalar functions, the way the package uses them."""

from functools import cache

import numpy as np
from numba import njit

_LOOP = """
def loop({arrays}):
    for i in range({first}.size):
        {targets} = function({entries})
"""


@cache
def compiled_loop(function, n_in, n_out):
    """Make a compiled loop ``loop(in_0, …, out_0, …)`` over one-dimensional arrays."""
    inputs = [f"in_{i}" for i in range(n_in)]
    outputs = [f"out_{i}" for i in range(n_out)]
    source = _LOOP.format(
        arrays=", ".join(inputs + outputs),
        first=outputs[0],
        targets=", ".join(f"{name}[i]" for name in outputs),
        entries=", ".join(f"{name}[i]" for name in inputs),
    )
    namespace = {"function": function}
    exec(source, namespace)
    return njit(error_model="numpy", fastmath={"contract", "nsz", "arcp"})(namespace["loop"])


def apply(function, *arrays, n_out=1):
    """Apply a scalar function to arrays of one shape and type; a tuple of arrays if n_out > 1."""
    arrays = [np.ascontiguousarray(array) for array in arrays]
    outputs = [np.empty_like(arrays[0]) for _ in range(n_out)]
    compiled_loop(function, len(arrays), n_out)(*arrays, *outputs)
    return outputs[0] if n_out == 1 else tuple(outputs)
