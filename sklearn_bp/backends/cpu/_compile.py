"""Compilation of CPU kernels, which :mod:`._cache` keeps on disk.

Compiled functions call each other by symbols, made of a function's name, the types of its arguments
and a number that every process counts from 1. So what two processes have compiled may have the same
symbol, and a third one that loads both from disk would call the first for the second. Functions
made by the same lines with other closures therefore get names that tell them apart.
"""

import hashlib

import numba
from numba import njit

from ._cache import KernelCache, closure_names

FASTMATH = {"contract", "nsz", "arcp"}
"""Relaxations allowed in elementwise loops: none of them touches infinities or NaN."""

FASTMATH_SUM = FASTMATH | {"reassoc"}
"""The same for loops that sum over their inner index, which only vectorise if reordered."""


def distinguish(function, *others):
    """Name a function after its closure, which its source does not tell.

    Parameters
    ----------
    function : callable
        A Python function, not compiled yet; its qualified name grows by a digest.
    *others : object
        What else its code depends on, such as types; told apart by their representation.
    """
    names = repr((closure_names(function), others)).encode()
    function.__qualname__ += "_" + hashlib.sha256(names).hexdigest()[:16]


def cpu_kernel(*, fastmath=FASTMATH, inline=False):
    """Compile a loop nest for the CPU, without the GIL, cached on disk.

    Parameters
    ----------
    fastmath : set of str
        LLVM fast-math flags of the loop itself; the scalar functions keep their own.
    inline : bool
        Whether callers take the code in, as a part of a loop must for the loop to vectorise.

    Returns
    -------
    callable
        A decorator that turns a Python function into a compiled one.
    """

    def decorate(function):
        if function.__closure__:
            distinguish(function)
        compiled = njit(nogil=True, error_model="numpy", fastmath=fastmath, forceinline=inline)
        dispatcher = compiled(function)
        if not numba.config.DISABLE_JIT:
            dispatcher._cache = KernelCache(function)
        return dispatcher

    return decorate


@cpu_kernel(inline=True)
def flat_rows(array, start, stop):
    """View the rows ``start:stop`` of a contiguous array (N, K) as one line of numbers.

    A loop over a row vectorises but for what is left over of the last vector, which takes the time
    of half the row if the row is short; along a line nothing is left over but once. The line
    begins at the first row: a loop that began further on would ask at every number whether its
    index is negative, and fetch and store the numbers of a vector one by one.
    """
    width = array.shape[1]
    return array.reshape(-1)[start * width : stop * width]
