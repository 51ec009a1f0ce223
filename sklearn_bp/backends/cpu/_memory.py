"""Where the arrays of the CPU backend lie: far from each other, in cache lines of their own."""

import math

import numpy as np

APART = 1024
"""Bytes on either side of an array that belong to no other: with less than a few vectors between
what a kernel reads and what it writes, it works on one number at a time, and rounds differently."""

CACHE_LINE = 64
"""Bytes that cores exchange at a time: what two of them write should not share any."""


def zeros_apart(shape, dtype):
    """Allocate zeros whose neighbours in memory are far away, whatever was allocated before.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    dtype : numpy.dtype
        Its type.

    Returns
    -------
    ndarray
        It begins with a cache line.
    """
    size, itemsize = math.prod(shape), np.dtype(dtype).itemsize
    memory = np.zeros(size + (2 * APART + CACHE_LINE) // itemsize, dtype)
    start = (APART + -memory.ctypes.data % CACHE_LINE) // itemsize
    return memory[start : start + size].reshape(shape)
