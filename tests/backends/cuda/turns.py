"""Threads of a simulated block that take turns, each from one barrier to the next.

numba's own simulator lets the threads of a block run at once and asks them over and over, with the
interpreter's lock in its hands, whether all have come to the barrier: most of a test's time. Here
one runs at a time, and hands over when it waits or ends. Who is first changes from barrier to
barrier, so that a kernel that lacks one reads what has not been written yet.
"""

import os
import random
import threading

import numpy as np
from numba.cuda.simulator import kernel


class Turn(kernel.BlockThread):
    """One thread of a block."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._mine, self._given_back = threading.Semaphore(0), threading.Semaphore(0)
        self.has_ended = False

    def run(self):
        """Wait for the first turn, run to the end, and hand over."""
        self._mine.acquire()
        super().run()
        self.has_ended = True
        self._given_back.release()

    def syncthreads(self):
        """Hand over, until all others have come here."""
        self._given_back.release()
        self._mine.acquire()
        if self.abort:
            raise RuntimeError("another thread of the block failed")

    def take(self):
        """Run until the next barrier or the end."""
        self._mine.release()
        self._given_back.acquire()
        return self.exception is None


class Turns(kernel.BlockManager):
    """The threads of a block, which take turns."""

    def run(self, grid_point, *arguments):
        """Run the kernel for one block."""
        threads = [
            Turn(lambda: self._f(*arguments), self, grid_point, point, self._debug)
            for point in np.ndindex(*self._block_dim)
        ]
        order = random.Random(str(grid_point))
        for thread in threads:
            thread.start()
        while threads:
            order.shuffle(threads)
            for thread in threads:
                if not thread.take():
                    self._give_up(threads, thread)
            threads = [thread for thread in threads if not thread.has_ended]

    @staticmethod
    def _give_up(threads, failed):
        """End all threads, and raise what one of them raised."""
        for thread in threads:
            thread.abort = True
            if not thread.has_ended:
                thread.take()
        raise failed.exception[0].with_traceback(failed.exception[1])


def take_turns(processor):
    """Let all blocks of this process's simulator run so, on one processor of those it may use.

    To wake a thread on another processor takes longer than most turns do. The two tests that begin
    with this choose the first and the last one, so as not to share it.
    """
    kernel.BlockManager = Turns
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {processor(os.sched_getaffinity(0))})
