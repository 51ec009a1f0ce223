"""Threads of the CPU backend: as many as BLAS may use now, shared by all engines of the process.

The kernels release the interpreter's lock and write disjoint rows, so plain threads share them;
there is no threading layer that could break when a process forks or when estimators run in threads.
A thread that has nothing to do sleeps. Rows are shared in whole grains, and products computed in
whole blocks, both of fixed size: no bit of a result depends on how many threads there are.
"""

import os
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread

from joblib import cpu_count
from numba import config
from threadpoolctl import ThreadpoolController

LEAST_WORK_PER_THREAD = 100_000
"""Array elements, computed one by one, under which handing rows to another thread costs more than
it saves: about as many as a core does while the other one wakes up."""

STREAMED = 8
"""Elements that a kernel passes through in the time in which another one computes one."""

MULTIPLY_ADDS = 40
"""Multiply-adds of a matrix product in the time in which a kernel computes one element."""

GRAIN = 64
"""Rows that stay together: a vectorised loop over them leaves nothing over, wherever it begins."""

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


class _Workers:
    """The threads of this process that wait for parts of calls, started when first needed."""

    def __init__(self):
        self.start()

    def start(self):
        """Begin without threads, as a child does that was forked."""
        self._lock, self._calls, self._number = Lock(), SimpleQueue(), 0

    def ask(self, kernel, arguments, parts):
        """Let threads call a kernel for some parts, each a start and a stop.

        Returns
        -------
        SimpleQueue
            Gets ``(result, error)`` of every part.
        """
        with self._lock:
            while self._number < len(parts):
                Thread(target=self._serve, args=(self._calls,), daemon=True).start()
                self._number += 1
        results = SimpleQueue()
        for part in parts:
            self._calls.put((kernel, arguments, part, results))
        return results

    @staticmethod
    def _serve(calls):
        """Do one part after another."""
        while True:
            kernel, arguments, part, results = calls.get()
            try:
                results.put((kernel(*arguments, *part) or 0, None))
            except BaseException as error:
                results.put((0, error))
            # While it waits, the thread keeps no arrays alive.
            del kernel, arguments, results


WORKERS = _Workers()
"""The threads that all engines of this process share."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SINGLE_THREADED_BLAS.start)
    os.register_at_fork(after_in_child=WORKERS.start)


class RowPool:
    """Runs a kernel over rows, on several threads where the work is worth it.

    Parameters
    ----------
    n_threads : int
        Threads to use, at least 1, the caller's own among them.
    """

    def __init__(self, n_threads):
        self.n_threads = n_threads

    def run(self, kernel, rows, work, *arguments, grain=GRAIN):
        """Call ``kernel(*arguments, start, stop)`` over ``range(rows)``.

        Parameters
        ----------
        kernel : callable
            A compiled kernel, or another function that releases the interpreter's lock.
        rows : int
            Rows to share among threads.
        work : int
            Elements computed in all.
        *arguments
            The kernel's arguments before ``start`` and ``stop``.
        grain : int
            Rows that stay together.

        Returns
        -------
        int
            Sum of what the calls returned (0 if nothing).
        """
        # Small kernels take hardly longer than to call them.
        if self.n_threads == 1 or work < 2 * LEAST_WORK_PER_THREAD:
            return kernel(*arguments, 0, rows) or 0
        n_grains = -(-rows // grain)
        n_parts = min(self.n_threads, n_grains, work // LEAST_WORK_PER_THREAD)
        if n_parts < 2:
            return kernel(*arguments, 0, rows) or 0
        starts = [n_grains * part // n_parts * grain for part in range(n_parts)]
        first, *others = zip(starts, [*starts[1:], rows], strict=True)
        results = WORKERS.ask(kernel, arguments, others)
        try:
            total = kernel(*arguments, *first) or 0
        finally:
            # Whatever happens here, the others write arrays until they are done.
            answers = [results.get() for _ in others]
        for answer, error in answers:
            if error is not None:
                raise error
            total += answer
        return total
