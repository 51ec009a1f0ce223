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

WALL, PROCESSOR = 0, 1
"""Places of the two clocks in what :func:`clock` returns."""

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
    steps, seconds = 1, clock(contender.epoch, batch_size)[0]
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
    n_threads : int
        Threads that all contenders may use.
    budget : float or None
        Seconds of a turn; None for whole epochs.
    """

    def __init__(self, contender, problem, n_threads, budget):
        self.contender, self.batch_size = contender, problem.batch_size
        # Of several threads, processor time is the sum.
        self.clock = PROCESSOR if n_threads == 1 else WALL
        n_available = problem.X.shape[0]
        self.n_samples = n_available
        if budget is not None:
            self.n_samples = choose_samples(contender, self.batch_size, n_available, budget)
        self.times, self.products, self.sizes = [], [], []

    def take(self):
        """Take a turn: some mini-batches, then the matrix products of the next one alone."""
        scale = EPOCH / self.n_samples
        self.times.append([scale * one for one in clock(self.contender.epoch, self.n_samples)])
        if isinstance(self.contender, MessagePassing):
            self.contender.record_products()
            self.sizes.append(self.contender.product_size())
            n_steps = max(1, min(PRODUCT_STEPS, self.n_samples // self.batch_size))
            scale = EPOCH / (n_steps * self.batch_size)
            times = clock(_repeat, self.contender.products, n_steps)
            self.products.append([scale * one for one in times])

    def record(self, reference):
        """Gather the times and their ratios to those of a reference, turn by turn."""
        record = {
            "n_samples": self.n_samples,
            "epoch_s": spread(_column(self.times, WALL)),
            "ratio": spread(_ratios(self.times, reference.times, WALL)),
            "processor_s": spread(_column(self.times, PROCESSOR)),
            "processor_ratio": spread(_ratios(self.times, reference.times, PROCESSOR)),
        }
        # Compressed weights are not multiplied as matrices.
        if self.products and min(self.sizes) >= 1:
            parts = _ratios(self.products, self.times, self.clock)
            record["products_s"] = spread(_column(self.products, self.clock))
            record["share_outside_products"] = spread([1 - part for part in parts])
            record["multiply_adds_per_weight"] = median(self.sizes)
            record["degrees"] = self.contender.degrees()
        return record


def _repeat(function, times):
    """Call a function several times."""
    for _ in range(times):
        function()


def _column(times, which):
    """Pick wall-clock or processor seconds of every turn."""
    return [one[which] for one in times]


def _ratios(times, references, which):
    """Divide turn by turn; a contender may have taken fewer turns than the reference."""
    pairs = zip(times, references, strict=False)
    return [one[which] / other[which] for one, other in pairs]


def _for(name, values):
    """Look up a number that may differ by contender."""
    return values.get(name, values[""]) if isinstance(values, dict) else values


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
    n_turns : int or dict
        Turns of each; a dict gives them by name, ``""`` the default, which is not exceeded.
    budget : float or None or dict
        Seconds of a turn, None for whole epochs; a dict as above.
    prepare : dict of callable or None
        Makers of contenders besides the usual ones.

    Returns
    -------
    list of dict
        One record per contender.
    """
    makers = CONTENDERS | (prepare or {})
    names = [REFERENCE, *(name for name in names if name != REFERENCE)]
    with threadpool_limits(n_threads):
        turns = {
            name: Turns(makers[name](problem, n_threads), problem, n_threads, _for(name, budget))
            for name in names
        }
        for turn in range(_for("", n_turns)):
            for name, one in turns.items():
                if turn < _for(name, n_turns):
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
