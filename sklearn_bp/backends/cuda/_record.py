"""What steps count, kept on the device until someone looks."""

from .._outcome import Failure, Outcome
from ._array import DeviceArray
from ._runtime import kernel

STEPS, FAILED, FIRST_COUNTER = range(3)
"""Places in the state: steps ended, number of the first failed one (from 1; 0 if none), and from
there on the counters."""


@kernel
def end_step(state, position, n_samples):
    """Count a step, note if it was the first to fail, and move on to the next mini-batch."""
    state[STEPS] += 1
    if state[FAILED] == 0:
        for place in range(FIRST_COUNTER, state.size):
            if state[place] != 0:
                state[FAILED] = state[STEPS]
    position[0] += n_samples


class DeviceCounter:
    """A count on the device.

    Parameters
    ----------
    state : DeviceArray
        Where the record keeps its numbers.
    place : int
        This counter's place there.
    """

    raised = False
    """Nothing is known before the record is read."""

    def __init__(self, state, place):
        self.state, self.place = state, place


class DeviceRecord:
    """Counts of a run of steps.

    Once a step has failed, kernels that update weights leave them alone, so that the weights that
    the failed step started from stay whole.

    Attributes
    ----------
    counters : list of DeviceCounter
        Counters of numbers that are not finite, in the order in which a step uses them.
    correct, log_probability, doubts : DeviceArray of float64, shape (1,)
        Samples classified rightly, and sums over samples of log P(y) and of the doubt in y, each
        with its weight.

    Parameters
    ----------
    backend : CudaBackend
        Where to count.
    n_counters : int
        Number of counters.
    """

    def __init__(self, backend, n_counters):
        self._backend = backend
        self._state: DeviceArray = backend.zeros((FIRST_COUNTER + n_counters,), "int64")
        self._sums = tuple(backend.zeros((1,), "float64") for _ in range(3))
        self.correct, self.log_probability, self.doubts = self._sums
        self.counters = [
            DeviceCounter(self._state, FIRST_COUNTER + index) for index in range(n_counters)
        ]

    def start(self):
        """Forget what was counted."""
        self._backend.fill(self._state, 0)
        for array in self._sums:
            self._backend.fill(array, 0)

    def end_step(self, rows):
        """Mark the end of a step on the mini-batch `rows`."""
        self._backend.launch(end_step, 1, 1, self._state, rows.position, rows.advance)

    def read(self):
        """Report what was counted, waiting for the device.

        Returns
        -------
        Outcome
            Counts since the start.
        """
        state = self._backend.to_host(self._state).tolist()
        sums = [self._backend.to_host(array).item() for array in self._sums]
        if not state[FAILED]:
            return Outcome(*sums, None)
        counts = state[FIRST_COUNTER:]
        counter = next(index for index, count in enumerate(counts) if count)
        n_committed = state[STEPS] - state[FAILED] + 1
        return Outcome(*sums, Failure(counter, counts[counter], n_committed))
