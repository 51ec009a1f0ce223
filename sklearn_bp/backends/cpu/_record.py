"""What the CPU backend writes down while steps run."""

from .._outcome import Failure, Outcome


class Counter:
    """A count on the host.

    Attributes
    ----------
    value : int or float
        The count; not whole where samples have weights.
    """

    __slots__ = ("value",)

    def __init__(self):
        self.value = 0

    @property
    def raised(self):
        """Whether it is known to be above zero."""
        return self.value > 0


class StepRecord:
    """Counts of a run of steps.

    Attributes
    ----------
    counters : list of Counter
        Counters of numbers that are not finite, in the order in which a step uses them.
    correct, log_probability, doubts : Counter
        Samples classified rightly, and sums over samples of log P(y) and of the doubt in y.

    Parameters
    ----------
    n_counters : int
        Number of counters.
    """

    def __init__(self, n_counters):
        self.counters = [Counter() for _ in range(n_counters)]
        self.correct, self.log_probability, self.doubts = sums = Counter(), Counter(), Counter()
        self._all = [*self.counters, *sums]

    def start(self):
        """Forget what was counted."""
        for counter in self._all:
            counter.value = 0

    def end_step(self, rows):
        """Mark the end of a step on `rows`: nothing to do where counts are known at once."""

    def read(self):
        """Report what was counted.

        Returns
        -------
        Outcome
            Counts since the start.
        """
        sums = self.correct.value, self.log_probability.value, self.doubts.value
        for index, counter in enumerate(self.counters):
            if counter.value:
                return Outcome(*sums, Failure(index, counter.value, 0))
        return Outcome(*sums, None)
