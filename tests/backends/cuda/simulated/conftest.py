"""Tests in this folder run in numba's CUDA simulator, chosen before numba is imported.

``tests/backends/cuda/test_simulator.py`` starts a process of its own for them.
"""

import sys
import threading

from numba import config

collect_ignore_glob = [] if config.ENABLE_CUDASIM else ["test_*.py"]


class Allocations(dict):
    """A block's shared arrays by place in the code, looked up and made by one thread at a time.

    The simulator looks for an array, and makes it if there is none. Between the two another thread
    of the block may do the same, and would go on with an array that it shares with nobody.
    """

    def __init__(self):
        super().__init__()
        self._lock = threading.Lock()

    def get(self, place):
        """Find an array; without one, the others wait until it is made."""
        self._lock.acquire()
        found = super().get(place)
        if found is not None:
            self._lock.release()
        return found

    def __setitem__(self, place, array):
        super().__setitem__(place, array)
        self._lock.release()


if config.ENABLE_CUDASIM:
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    # The simulator's threads wait for each other in loops that hold the interpreter's lock.
    sys.setswitchinterval(1e-5)
    make = FakeCUDAShared.__init__

    def make_with_care(self, dynamic_size):
        """Make a block's shared memory."""
        make(self, dynamic_size)
        self._allocations = Allocations()

    FakeCUDAShared.__init__ = make_with_care
