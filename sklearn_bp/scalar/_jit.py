"""The one way scalar functions are compiled, on the CPU and from CUDA kernels.

A scalar function takes scalars and returns scalars of the same precision. Its constants are typed,
``T = type(x)`` and ``T(0.5)``: a bare literal would turn float32 code into float64.
"""

from numba import njit

FASTMATH = frozenset({"contract", "nsz", "arcp"})
"""Relaxations that leave infinities, NaN and the order of additions alone."""


def scalar_function(function):
    """Compile a scalar function so that loops over it vectorise.

    It is inlined wherever it is called; without that LLVM does not vectorise the caller's loop.

    Parameters
    ----------
    function : callable
        Python function of scalars, all of them float32 or all float64.

    Returns
    -------
    callable
        The compiled function, callable from ``numba.njit`` and ``numba.cuda.jit`` code.
    """
    return njit(nogil=True, error_model="numpy", fastmath=set(FASTMATH), forceinline=True)(function)


@scalar_function
def is_double(x):
    """Tell whether a scalar has double precision; folded to a constant by the compiler.

    Parameters
    ----------
    x : float
        Any number; only its type matters.

    Returns
    -------
    bool
        True for float64, False for float32.
    """
    T = type(x)
    return T(1) + T(1e-12) != T(1)
