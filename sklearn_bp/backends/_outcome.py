"""What a backend reports about the steps it took."""

from typing import NamedTuple


class Failure(NamedTuple):
    """Where numbers first stopped being finite.

    Attributes
    ----------
    counter : int
        Index of the counter, in the order in which a step uses them.
    n_bad : int
        Numbers that were not finite.
    n_committed : int
        Steps committed since, the failed one included: 0 on a backend that notices at once.
    """

    counter: int
    n_bad: int
    n_committed: int


class Outcome(NamedTuple):
    """What happened since a record was started.

    Attributes
    ----------
    correct : float
        Samples that were classified rightly before they were learned, each with its weight, as in
        the sums below.
    log_probability : float
        Sum over samples of the log-probability that they had before they were learned.
    doubts : float
        Sum over samples of the probability, before they were learned, that the network says
        another class than the label.
    failure : Failure or None
        None if all numbers stayed finite.
    """

    correct: float
    log_probability: float
    doubts: float
    failure: Failure | None
