"""Threads of the CPU backend: as many as BLAS may use now, from one small pool per engine.

The kernels release the GIL and write disjoint rows, so plain threads share them; there is no
threading layer that could break when a process forks or when estimators run in threads. Compiled
kernels are handed over to threads that are awake without the interpreter (:mod:`._handover`), all
else through a queue. Products are shared in that way, each thread calling BLAS for some rows:
BLAS's own threads wait for the next product by spinning, and take the cores that kernels between
two products need.
"""

import os
import weakref
from functools import cache
from itertools import pairwise
from math import inf
from queue import SimpleQueue
from threading import Lock, Thread
from time import sleep

import numpy as np
from joblib import cpu_count
from numba import config
from numba.core.registry import CPUDispatcher
from threadpoolctl import ThreadpoolController

from ._handover import (
    BEGUN,
    DONE,
    LOOKING,
    MAILBOX,
    STATE,
    add_answers,
    is_on_disk,
    make_handed_over,
    make_turns,
    part_start,
    report_and_look,
    wait_awake,
)

LEAST_WORK_PER_THREAD = 50_000
"""Array elements, computed one by one, under which handing rows to another thread costs more than
it saves: about as many as a core does while the other one wakes up."""

LEAST_WORK_HANDED_OVER = 6_000
"""The same for a compiled kernel and a thread that is awake."""

HEAD_START = 12_000
"""Elements that a core computes before another thread has taken up its part."""

STREAMED = 8
"""Elements that a kernel passes through in the time in which another one computes one."""

MULTIPLY_ADDS = 40
"""Of a matrix product, in that time."""

TURN = 10_000
"""Elements of a call that threads take turns at: so many that taking the next ones costs nothing,
and so few that nobody waits long for the last ones."""

ROW_TILE, COLUMN_TILE = 8, 16
"""Rows, and columns, of a product that stay together: BLAS works on as many at a time."""


@cache
def _blas():
    """Find the BLAS libraries loaded in this process, once: the search takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")


class SingleThreadedBlas:
    """Keeps BLAS to one thread per caller while any engine of the process computes.

    The limit is the process's, and engines may begin and end in any order, each in a thread of its
    own: the first sets it, and the last takes it back.
    """

    def __init__(self):
        self.start()

    def start(self):
        """Begin with no engine at work, as a child does that was forked."""
        self._lock, self._n_engines = Lock(), 0
        self._limiter = self._before = None

    def __enter__(self):
        with self._lock:
            if not self._n_engines:
                self._before = _blas_limits()
                self._limiter = _blas().limit(limits=1)
            self._n_engines += 1

    def __exit__(self, *exception):
        with self._lock:
            self._n_engines -= 1
            if not self._n_engines:
                self._limiter.restore_original_limits()
                self._limiter = self._before = None

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
    return [library.num_threads for library in _blas().lib_controllers]


SINGLE_THREADED_BLAS = SingleThreadedBlas()
"""The one of this process."""

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


class _Worker:
    """A thread that waits for calls; two queues take less time than a future per call.

    Parameters
    ----------
    mailboxes : ndarray of int64
        Where compiled kernels are handed over to it, and calls through the queue are counted.
    place : int
        Where its mailbox begins.
    """

    def __init__(self, mailboxes, place):
        self._calls, self._results = SimpleQueue(), SimpleQueue()
        self._mailboxes, self._place = mailboxes, place
        self._state = mailboxes[place + STATE : place + STATE + 1]
        state = (self._calls, self._results, mailboxes, place)
        Thread(target=self._serve, args=state, daemon=True).start()

    @staticmethod
    def _serve(calls, results, mailboxes, place):
        """Do one call after another until there is none."""
        while (call := calls.get()) is not None:
            function, arguments = call
            served = int(mailboxes[place + BEGUN])
            try:
                results.put((function(*arguments) or 0, None))
            except BaseException as error:
                results.put((0, error))
            # While it waits, the thread keeps no arrays alive.
            del call, function, arguments
            report_and_look(mailboxes, place, served)

    @property
    def is_looking(self):
        """Whether a compiled kernel can be handed over without waking the thread up."""
        return self._state[0] == LOOKING

    def begin(self, function, *arguments):
        """Start a call."""
        self._mailboxes[self._place + BEGUN] += 1
        self._calls.put((function, arguments))

    def finish(self):
        """Wait for the call, and return its result or raise its exception."""
        before = int(self._mailboxes[self._place + BEGUN]) - 1
        wait_awake(self._mailboxes, self._place + DONE, before)
        result, error = self._results.get()
        if error is not None:
            raise error
        return result

    def stop(self):
        """Let the thread end after the calls it has."""
        self._calls.put(None)


class _Aside:
    """A call that other threads do in parts while the one who asks for it does something else.

    Parameters
    ----------
    counter, kernel, rows, work, arguments
        As in :meth:`RowPool.aside`.
    taken : ndarray of shape (1,)
        Where the parts are counted that somebody has taken.
    """

    def __init__(self, counter, kernel, rows, work, taken, arguments):
        self.counter, self.whole = counter, (kernel, rows, work, *arguments)
        size = max(1, rows * TURN // work)
        self._n_parts, self._work, self._taken = -(-rows // size), work, taken
        self._turns = make_turns(kernel), taken, size, rows, arguments
        self._workers = None

    @property
    def has_begun(self):
        """Whether threads have been asked."""
        return self._workers is not None

    def begin(self, workers):
        """Ask some threads to begin."""
        self._workers, self._taken[0] = workers, 0
        for worker in workers:
            worker.begin(*self._turns)

    def work_left(self):
        """Estimate what each of the threads has still to do."""
        left = max(self._n_parts - int(self._taken[0]), 0)
        return self._work * left // (self._n_parts * len(self._workers))

    def end(self):
        """Do what nobody has taken, wait for the others, and return the sum of all results."""
        turns, *arguments = self._turns
        return turns(*arguments) + sum([worker.finish() for worker in self._workers])


class RowPool:
    """Runs a kernel over rows, on several threads where the work is worth it.

    Parameters
    ----------
    n_threads : int
        Threads to use, at least 1.
    """

    calls_before_compiling = 10_000
    """Kernels that the pools of this process share through the queue, or do alone, before anything
    is compiled that hands them over, for want of it on disk: it takes half a second per kernel, for
    which a training of a few hundred steps would wait longer than it takes."""

    def __init__(self, n_threads):
        self.n_threads, self._workers = n_threads, []
        self._least_work = LEAST_WORK_PER_THREAD if n_threads > 1 else inf
        self._least_handed_over = LEAST_WORK_HANDED_OVER if n_threads > 1 else inf
        self._aside, self._taken = None, np.zeros(1, np.int64)
        self._start_anew()
        weakref.finalize(self, self._dismiss, self._workers)

    def _start_anew(self):
        """Let go of all threads, and of the mailboxes that some may still look into."""
        self._dismiss(self._workers)
        self._mailboxes = np.zeros((self.n_threads - 1) * MAILBOX, np.int64)

    @staticmethod
    def _dismiss(workers):
        """Stop all workers."""
        while workers:
            workers.pop().stop()

    def shares(self, work):
        """Tell whether work is worth more than one thread.

        Parameters
        ----------
        work : int
            Elements computed in all.

        Returns
        -------
        bool
            False if there is only one.
        """
        return work >= self._least_work

    def run(self, kernel, rows, work, *arguments):
        """Call ``kernel(*arguments, start, stop)`` over ``range(rows)``.

        Parameters
        ----------
        kernel : callable
            A compiled kernel, or another function that releases the GIL.
        rows : int
            Rows to share among threads.
        work : int
            Elements computed in all.
        *arguments
            The kernel's arguments before ``start`` and ``stop``.

        Returns
        -------
        int
            Sum of what the calls returned (0 if nothing).
        """
        if self._aside is not None:
            self._begin_aside()
        # Small kernels take hardly longer than to call them.
        if work < self._least_handed_over:
            return kernel(*arguments, 0, rows) or 0
        if type(kernel) is CPUDispatcher:
            return self._run_compiled(kernel, rows, work, arguments)
        if work < self._least_work:
            return kernel(*arguments, 0, rows) or 0
        bounds = self._bounds(rows, work)
        if self._others_are_busy(work):
            return self._run_alone(kernel, bounds, arguments)
        return self._run_parts(kernel, bounds, arguments)

    def _run_compiled(self, kernel, rows, work, arguments):
        """Run a compiled kernel: threads that are awake take up their parts at once."""
        parts = min(self.n_threads, rows, 1 + work // LEAST_WORK_HANDED_OVER)
        if parts < 2:
            return kernel(*arguments, 0, rows) or 0
        busy = self._others_are_busy(work)
        if self._are_looking(parts - 1) and self._is_worth_compiling(kernel):
            return self._hand_over(kernel, parts, rows, arguments)
        bounds = [part_start(rows, parts, part) for part in range(parts + 1)]
        if busy or work < self._least_work:
            return self._run_alone(kernel, bounds, arguments)
        return self._run_parts(kernel, bounds, arguments)

    def _are_looking(self, number):
        """Tell whether so many threads are awake."""
        workers = self._workers[:number]
        return len(workers) == number and all([worker.is_looking for worker in workers])

    @staticmethod
    def _is_worth_compiling(kernel):
        """Tell whether a kernel can be handed over at once, or often enough."""
        if RowPool.calls_before_compiling <= 0 or is_on_disk(kernel):
            return True
        RowPool.calls_before_compiling -= 1
        return False

    def _hand_over(self, kernel, parts, rows, arguments):
        """Let threads that are awake do all parts of the rows but the first."""
        handed_over = make_handed_over(kernel)
        try:
            total, done = handed_over(self._mailboxes, parts, rows, arguments)
            while not done:
                sleep(0)
                total, done = add_answers(self._mailboxes, parts, total)
        except BaseException:
            # They read and write arrays that nothing else keeps alive.
            while not add_answers(self._mailboxes, parts, 0)[1]:
                pass
            raise
        return total

    @staticmethod
    def _run_alone(kernel, bounds, arguments):
        """Do all parts here: as one, they might be rounded in another way."""
        return sum([kernel(*arguments, *part) or 0 for part in pairwise(bounds)])

    def _run_parts(self, kernel, bounds, arguments):
        """Do the first part here and let threads do the others, however long they sleep."""
        busy = self._first_workers(len(bounds) - 2)
        try:
            for worker, part in zip(busy, pairwise(bounds[1:]), strict=True):
                worker.begin(kernel, *arguments, *part)
            total = kernel(*arguments, 0, bounds[1]) or 0
            return total + sum([worker.finish() for worker in busy])
        except BaseException:
            # Some may still be at work: their results are nobody's.
            self._start_anew()
            raise

    def _bounds(self, rows, work):
        """Share rows among threads; the first one begins sooner than the others."""
        chunks = max(1, min(self.n_threads, rows, 1 + work // LEAST_WORK_PER_THREAD))
        lead = min(rows * HEAD_START // work, rows // chunks)
        return [0, *(lead + (rows - lead) * c // chunks for c in range(1, chunks + 1))]

    def _first_workers(self, number):
        """Give so many workers; they begin to live when they are first needed."""
        while len(self._workers) < number:
            self._workers.append(_Worker(self._mailboxes, MAILBOX * len(self._workers)))
        return self._workers[:number]

    def aside(self, counter, kernel, rows, work, *arguments):
        """Call ``kernel(*arguments, start, stop)`` for parts of the rows, on the other threads.

        They begin when the caller has something else to do: it does alone what takes no longer
        than the rest of this. What the kernel writes may not be read before :meth:`settle`, and
        what it reads may not be written.

        Parameters
        ----------
        counter : object
            Whose ``value`` grows by the sum of what the calls return, now or when it is settled.
        kernel : callable
            A compiled kernel that returns a count.
        rows, work, *arguments
            As in :meth:`run`.
        """
        self.settle()
        if work < self._least_work:
            counter.value += kernel(*arguments, 0, rows)
            return
        self._aside = _Aside(counter, kernel, rows, work, self._taken, arguments)

    def _begin_aside(self):
        """Let the others begin with the work aside, if they have not."""
        if not self._aside.has_begun:
            self._aside.begin(self._first_workers(self.n_threads - 1))

    def _others_are_busy(self, work):
        """Tell whether others will be at work aside for as long as `work` takes; if not, settle."""
        if self._aside is None:
            return False
        if work <= self._aside.work_left():
            return True
        self.settle()
        return False

    def settle(self):
        """Share what is left of the work aside, if there is any, among all threads."""
        if self._aside is None:
            return
        aside, self._aside = self._aside, None
        if not aside.has_begun:
            aside.counter.value += self.run(*aside.whole)
            return
        try:
            aside.counter.value += aside.end()
        except BaseException:
            self._start_anew()
            raise
