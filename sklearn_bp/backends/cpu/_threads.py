"""Threads of the CPU backend, shared by all engines of the process.

The kernels release the interpreter's lock and write disjoint rows, so plain threads share them;
there is no threading layer that could break when a process forks or when estimators run in threads.
A thread that has nothing to do sleeps. Rows are shared in whole grains, and products computed in
whole blocks, both of fixed size: no bit of a result depends on how many threads there are.
"""

import os
from queue import SimpleQueue
from threading import Lock, Thread

LEAST_WORK_PER_THREAD = 100_000
"""Array elements, computed one by one, under which handing rows to another thread costs more than
it saves: about as many as a core does while the other one wakes up."""

STREAMED = 8
"""Elements that a kernel passes through in the time in which another one computes one."""

MULTIPLY_ADDS = 40
"""Multiply-adds of a matrix product in the time in which a kernel computes one element."""

GRAIN = 64
"""Rows that stay together: a vectorised loop over them leaves nothing over, wherever it begins."""


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
