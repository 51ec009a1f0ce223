"""Interleaved measurements of contenders in one cell of a benchmark: a network, a batch size.

All contenders take turns, so that whatever else slows the processor meets each of them, and ratios
are formed within a turn. With one thread the processor time is kept beside the wall-clock time: it
does not count the time in which other processes ran.
"""

from statistics import median
from time import perf_counter, process_time

from contenders import CONTENDERS, REFERENCE, MessagePassing
from threadpoolctl import threadpool_limits

EPOCH = 60_000
"""Samples that epoch times are scaled to."""

PRODUCT_STEPS = 20
"""Steps whose products are repeated alone in a turn, at most."""


def spread(values):
    """Gather the least, the median and the largest of some numbers."""
    return {"min": min(values), "median": median(values), "max": max(values)}


def clock(function, *arguments):
    """Measure a call: wall-clock and processor seconds."""
    wall, processor = perf_counter(), process_time()
    function(*arguments)
    return perf_counter() - wall, process_time() - processor


def choose_samples(contender, batch_size, n_available, budget):
    """Choose how many samples, whole mini-batches of them, take about `budget` seconds."""
    contender.epoch(batch_size)
    steps, seconds = 1, 0.0
    while seconds < budget / 10 and 2 * steps * batch_size <= n_available:
        steps *= 2
        seconds = clock(contender.epoch, steps * batch_size)[0]
    affordable = int(budget / max(seconds, 1e-9) * steps)
    return batch_size * max(1, min(affordable, n_available // batch_size))


class Turns:
    """The times of one contender, a turn at a time.

    Parameters
    ----------
    contender : object
        See :mod:`contenders`.
    problem : Problem
        What it trains.
    budget : float or None
        Seconds of a turn; None for whole epochs.
    """

    def __init__(self, contender, problem, budget):
        self.contender, self.batch_size = contender, problem.batch_size
        n_available = problem.X.shape[0]
        self.n_samples = n_available
        if budget is not None:
            self.n_samples = choose_samples(contender, self.batch_size, n_available, budget)
        self.wall, self.processor, self.products = [], [], []
        if isinstance(contender, MessagePassing):
            contender.record_products()

    def take(self):
        """Take a turn: some mini-batches, then their matrix products alone."""
        wall, processor = clock(self.contender.epoch, self.n_samples)
        self.wall.append(wall * EPOCH / self.n_samples)
        self.processor.append(processor * EPOCH / self.n_samples)
        if isinstance(self.contender, MessagePassing):
            n_steps = max(1, min(PRODUCT_STEPS, self.n_samples // self.batch_size))
            seconds = clock(_repeat, self.contender.products, n_steps)[0]
            self.products.append(seconds * EPOCH / (n_steps * self.batch_size))

    def record(self, reference):
        """Gather the times and their ratios to those of a reference, turn by turn."""
        record = {
            "n_samples": self.n_samples,
            "epoch_s": spread(self.wall),
            "ratio": spread(_ratios(self.wall, reference.wall)),
            "processor_s": spread(self.processor),
            "processor_ratio": spread(_ratios(self.processor, reference.processor)),
        }
        # Compressed weights are not multiplied as matrices.
        if self.products and self.contender.product_size() >= 1:
            shares = [
                1 - part / whole for part, whole in zip(self.products, self.wall, strict=True)
            ]
            record["products_s"] = spread(self.products)
            record["share_outside_products"] = spread(shares)
            record["multiply_adds_per_weight"] = self.contender.product_size()
            record["degrees"] = self.contender.degrees()
        return record


def _repeat(function, times):
    """Call a function several times."""
    for _ in range(times):
        function()


def _ratios(values, references):
    """Divide turn by turn."""
    return [value / reference for value, reference in zip(values, references, strict=True)]


def measure(problem, names, n_threads, n_turns, budget, prepare=None):
    """Let contenders take turns on one problem.

    Parameters
    ----------
    problem : Problem
        What they train.
    names : list of str
        Keys of :data:`contenders.CONTENDERS`; the reference is added if it is missing.
    n_threads : int
        Threads of BLAS, kernels and peers.
    n_turns : int
        Turns of each.
    budget : float or None or dict
        Seconds of a turn, None for whole epochs; a dict gives them by name, ``""`` the default.
    prepare : dict of callable or None
        Makers of contenders besides the usual ones.

    Returns
    -------
    list of dict
        One record per contender.
    """
    makers = CONTENDERS | (prepare or {})
    names = [REFERENCE, *(name for name in names if name != REFERENCE)]
    budgets = budget if isinstance(budget, dict) else {"": budget}
    with threadpool_limits(n_threads):
        turns = {
            name: Turns(makers[name](problem, n_threads), problem, budgets.get(name, budgets[""]))
            for name in names
        }
        for _ in range(n_turns):
            for one in turns.values():
                one.take()
        reference = turns[REFERENCE]
        return [
            {
                "contender": name,
                "hidden": problem.hidden,
                "n_features": problem.X.shape[1],
                "batch_size": problem.batch_size,
                "threads": n_threads,
                **one.record(reference),
            }
            for name, one in turns.items()
        ]
