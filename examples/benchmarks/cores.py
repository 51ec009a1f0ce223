"""How far the two cores of a training are from each other.

What one core has written comes to another one from a cache that they share, or from much farther
away. A virtual machine may move from one pair of cores to another at any time, and does not tell.
"""

from concurrent.futures import ThreadPoolExecutor
from math import inf
from time import perf_counter

import numpy as np
from numba import njit

from sklearn_bp.backends.cpu._handover import look, write

SHARED_CACHE_NS = 100
"""Cores that take less time to hear of each other share a cache; others take half as much again."""

N_NUMBERS = 20_001
"""Numbers that are sent in a try, from 0."""

PATIENCE = 100_000_000
"""Looks until the other thread is taken not to run."""

N_TRIES = 5


@njit(nogil=True)
def _send_every_second(box, first, end):
    """Send ``first + 1, first + 3, …`` when the number before has come; tell whether all have."""
    for number in range(first, end, 2):
        looks = 0
        while look(box, 0) != number:
            looks += 1
            if looks == PATIENCE:
                return False
        write(box, 0, number + 1)
    return True


def core_latency():
    """Measure how long a number takes from a thread to another.

    Returns
    -------
    float
        Nanoseconds, the least of some tries; infinite if the threads did not run at a time.
    """
    with ThreadPoolExecutor(1) as other:
        return min([_one_latency(other) for _ in range(N_TRIES)])


def _one_latency(other):
    """Let numbers go back and forth."""
    box = np.zeros(1, np.int64)
    answers = other.submit(_send_every_second, box, 1, N_NUMBERS)
    # The other thread has begun when it has answered.
    _send_every_second(box, 0, 3)
    start = perf_counter()
    complete = _send_every_second(box, 4, N_NUMBERS)
    seconds = perf_counter() - start
    return 1e9 * seconds / (N_NUMBERS - 4) if complete and answers.result() else inf
