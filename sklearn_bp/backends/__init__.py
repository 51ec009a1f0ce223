"""Backends: where arrays live and how loops run. The engine knows only their common operations."""

import logging
from functools import cache

from numba import config

from . import cuda
from .cpu import CpuBackend
from .errors import DeviceMemoryError, DeviceUnavailableError

DEVICES = ("auto", "cpu", "cuda")


def get_backend(device):
    """Choose a backend.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        Where to compute; "auto" is a CUDA GPU if there is one that works, else the CPU.

    Returns
    -------
    object
        A backend.

    Raises
    ------
    ValueError
        If there is no such device.
    DeviceUnavailableError
        If CUDA was asked for and cannot be used.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {DEVICES}; got {device!r}.")
    if device == "cpu" or (device == "auto" and not _has_gpu()):
        return CpuBackend()
    problem = cuda.find_problem()
    if problem is not None:
        raise DeviceUnavailableError(problem)
    return cuda.get_backend()


@cache
def _has_gpu():
    """Tell whether there is a GPU to be chosen without being asked for; say so once if there is."""
    if config.ENABLE_CUDASIM or cuda.find_problem() is not None:
        return False
    logging.getLogger("sklearn_bp").info("device='auto' uses the CUDA GPU.")
    return True


__all__ = [
    "DEVICES",
    "CpuBackend",
    "DeviceMemoryError",
    "DeviceUnavailableError",
    "get_backend",
]
