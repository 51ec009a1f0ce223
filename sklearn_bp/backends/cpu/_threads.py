"""Threads of the CPU backend: as many as BLAS may use now, from one small pool per engine.

The kernels release the GIL and write disjoint rows, so plain threads share them; there is no
threading layer that could break when a process forks or when estimators run in threads.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from joblib import cpu_count
from threadpoolctl import ThreadpoolController

LEAST_WORK_PER_THREAD = 30_000
"""Array elements under which handing rows to another thread costs more than it saves."""


@cache
def _blas_libraries():
    """Find the BLAS libraries loaded in this process, once: the search takes milliseconds."""
    return ThreadpoolController().select(user_api="blas").lib_controllers


def usable_threads():
    """Count the threads that BLAS would use now.

    Returns
    -------
    int
        At least 1. It follows ``threadpoolctl.threadpool_limits``, the environment variables of
        BLAS, and the limits joblib sets in its workers.
    """
    limits = [library.num_threads for library in _blas_libraries()]
    return max(1, min([cpu_count(), *(limit for limit in limits if limit)]))


class RowPool:
    """Runs a kernel over rows, on several threads where the work is worth it.

    Parameters
    ----------
    n_threads : int
        Threads to use, at least 1.
    """

    def __init__(self, n_threads):
        self.n_threads = n_threads
        self._executor = ThreadPoolExecutor(n_threads - 1) if n_threads > 1 else None

    def run(self, kernel, rows, work, *arguments):
        """Call ``kernel(*arguments, start, stop)`` over ``range(rows)``.

        Parameters
        ----------
        kernel : callable
            A compiled kernel.
        rows : int
            Rows to share among threads.
        work : int
            Elements touched in all.
        *arguments
            The kernel's arguments before ``start`` and ``stop``.

        Returns
        -------
        int
            Sum of what the calls returned (0 if nothing).
        """
        chunks = min(self.n_threads, rows, 1 + work // LEAST_WORK_PER_THREAD)
        if chunks <= 1:
            return kernel(*arguments, 0, rows) or 0
        bounds = [rows * c // chunks for c in range(chunks + 1)]
        futures = [
            self._executor.submit(kernel, *arguments, bounds[c], bounds[c + 1])
            for c in range(1, chunks)
        ]
        total = kernel(*arguments, 0, bounds[1]) or 0
        return total + sum(future.result() or 0 for future in futures)
