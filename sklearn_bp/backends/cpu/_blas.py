"""The limit on BLAS's threads while engines compute, and how many threads an engine may use."""

import os
from functools import cache
from threading import Lock

from joblib import cpu_count
from numba import config
from threadpoolctl import ThreadpoolController

SHARED_BY_BLAS = 2**18
"""Multiply-adds from which BLAS would share a product among threads of its own."""

BLOCK = 256
"""Rows or columns of a product that BLAS computes at a time: it rounds larger parts in other
ways."""


@cache
def _blas():
    """List the BLAS libraries loaded in this process, once: the search takes milliseconds."""
    return ThreadpoolController().select(user_api="blas").lib_controllers


class SingleThreadedBlas:
    """Keeps BLAS to one thread per caller while any engine of the process computes.

    BLAS's own threads wait for the next product by spinning, and take the cores that kernels
    between two products need. The limit is the process's, and engines may begin and end in any
    order, each in a thread of its own: the first sets it, and the last takes it back.
    """

    def __init__(self):
        self.start()

    def start(self):
        """Begin with no engine at work, as a child does that was forked."""
        self._lock, self._n_engines, self._before = Lock(), 0, None

    def __enter__(self):
        with self._lock:
            if not self._n_engines:
                self._before = _blas_limits()
                _change_blas_limits(self._before, [limit and 1 for limit in self._before])
            self._n_engines += 1

    def __exit__(self, *exception):
        with self._lock:
            self._n_engines -= 1
            if not self._n_engines:
                _change_blas_limits([limit and 1 for limit in self._before], self._before)

    def renew(self):
        """Set the limit again if another thread has changed it since."""
        for library in _blas():
            if (library.num_threads or 1) > 1:
                library.set_num_threads(1)

    def limits(self):
        """List the threads of every BLAS library, or what they are without this limit.

        Returns
        -------
        list of int or None
            None where a library does not tell.
        """
        with self._lock:
            return self._before if self._n_engines else _blas_limits()


def _blas_limits():
    """List the threads that every BLAS library may use now."""
    return [library.num_threads for library in _blas()]


def _change_blas_limits(old, new):
    """Set the threads of every BLAS library whose number has to change."""
    for library, before, after in zip(_blas(), old, new, strict=True):
        if before != after:
            library.set_num_threads(after)


SINGLE_THREADED_BLAS = SingleThreadedBlas()
"""The limit of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SINGLE_THREADED_BLAS.start)


def usable_threads():
    """Count the threads that BLAS would use now, if no engine were computing.

    Returns
    -------
    int
        At least 1. It follows ``threadpoolctl.threadpool_limits``, the environment variables of
        BLAS, and the limits joblib sets in its workers. Without compiled code it is 1.
    """
    if config.DISABLE_JIT:
        return 1
    limits = SINGLE_THREADED_BLAS.limits()
    return max(1, min([cpu_count(), *(limit for limit in limits if limit)]))
