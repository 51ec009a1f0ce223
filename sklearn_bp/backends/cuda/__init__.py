"""The CUDA backend. Importing this package imports nothing of CUDA."""

import threading
from functools import cache
from importlib.util import find_spec

from numba import config

_of_thread = threading.local()


@cache
def find_problem():
    """Tell why CUDA cannot be used here.

    Returns
    -------
    str or None
        What is missing, as a sentence; None if there is a GPU (or the simulator is on).
    """
    if not config.ENABLE_CUDASIM and find_spec("numba_cuda") is None:
        return "the package numba-cuda is not installed."
    try:
        from . import _runtime

        return _runtime.find_problem()
    except Exception as error:  # A broken installation fails in as many ways as it has parts.
        return f"CUDA could not be loaded ({type(error).__name__}: {error})."


def get_backend():
    """Give the calling thread's CUDA backend; only where :func:`find_problem` finds none.

    Returns
    -------
    CudaBackend
        A backend with a stream of its own; made once, since libraries take their time to start.
    """
    if not hasattr(_of_thread, "backend"):
        from ._backend import CudaBackend

        _of_thread.backend = CudaBackend()
    return _of_thread.backend


__all__ = ["find_problem", "get_backend"]
