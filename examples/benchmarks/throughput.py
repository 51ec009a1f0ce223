"""Groups of the speed benchmark that are about the machine: exact edges, threads, workers."""

import multiprocessing
from contextlib import nullcontext
from time import perf_counter

import numpy as np
from contenders import MessagePassing, Problem
from records import parameters
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits
from timing import WALL, Turns, clock, spread

from sklearn_bp import BPClassifier
from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.backends.cpu._blas import usable_threads
from sklearn_bp.channels import ACTIVATIONS

EDGES_GOAL = 3e8
"""Exact edges a second and core, in float32."""

LAYERS = ((784, 501), (501, 501))
CHANNELS = ("sign", "relu")
BATCH_SIZE = 128
NEIGHBOUR_STEPS = 20
"""Mini-batches that a neighbour learns again and again."""

GRID = {"damping": [0.7, 0.8, 0.85, 0.9], "rho": [0.99, 1.0]}


def exact_edges(n_turns):
    """Measure the sums of exact edges of single layers, on one thread.

    Parameters
    ----------
    n_turns : int
        Measurements of each.

    Returns
    -------
    list of dict
        A record for every layer, channel and precision; `edges_per_s` by processor time.
    """
    records = []
    for n_inputs, n_units in LAYERS:
        for channel in CHANNELS:
            for dtype in ("float32", "float64"):
                call = _edge_call(ACTIVATIONS[channel], n_inputs, n_units, dtype)
                call()
                seconds = [clock(call)[1] for _ in range(n_turns)]
                n_edges = n_inputs * n_units * BATCH_SIZE
                records.append(
                    {
                        "layers": [n_inputs, n_units],
                        "batch_size": BATCH_SIZE,
                        "channel": channel,
                        "dtype": dtype,
                        "edges_per_s": spread([n_edges / one for one in seconds]),
                    }
                )
    return records


def _edge_call(channel, n_inputs, n_units, dtype):
    """Make a call that sums all edges of a layer with random messages."""
    random_state, backend = np.random.RandomState(0), CpuBackend(n_threads=1)

    def normal(*shape):
        return random_state.standard_normal(shape).astype(dtype)

    v = np.full((BATCH_SIZE, n_units), n_inputs / 2, dtype)
    omega, parameters = normal(*v.shape) * np.sqrt(v), np.empty((3, *v.shape), dtype)
    backend.edge_parameters(channel, normal(*v.shape), np.abs(normal(*v.shape)), v, parameters)
    x, mean = normal(BATCH_SIZE, n_inputs), np.tanh(normal(n_inputs, n_units))
    sums = np.empty_like(x), np.empty_like(mean)
    ones = np.ones(BATCH_SIZE, dtype)
    return lambda: backend.edge_sums(channel, omega, parameters, x, mean, ones, *sums)


class Neighbour:
    """A second process, which trains the same network on one thread while this one is measured.

    Two processes share nothing but the machine: what they get done together is what two threads
    can be expected to.

    Parameters
    ----------
    problem : Problem
        What it trains; it gets a few mini-batches only.
    algo : str
        By which algorithm.

    Attributes
    ----------
    n_steps : int
        Mini-batches that it trained the last time.
    """

    def __init__(self, problem, algo):
        n_samples = NEIGHBOUR_STEPS * problem.batch_size
        part = problem.X[:n_samples], problem.y[:n_samples], problem.hidden, problem.batch_size
        context = multiprocessing.get_context("spawn")
        self._connection, other_end = context.Pipe()
        arguments = (part, algo, other_end)
        self._process = context.Process(target=_train_beside, args=arguments, daemon=True)
        self._process.start()
        # With no end left open here, waiting for a process that failed ends in an EOFError.
        other_end.close()
        self.n_steps = 0

    def __enter__(self):
        self._order("train")

    def __exit__(self, *error):
        self.n_steps = self._order("rest")

    def _order(self, what):
        """Give an order and wait for the answer: the next one could come before it is obeyed."""
        self._connection.send(what)
        return self._connection.recv()

    def stop(self):
        """End the process."""
        self._process.terminate()
        self._process.join()


def _train_beside(part, algo, connection):
    """Train from one order to the next, rest until the one after, until the process is ended."""
    problem = Problem(*part)
    with threadpool_limits(1):
        contender = MessagePassing(problem, algo, 1)
        contender.epoch(problem.X.shape[0])
        while True:
            connection.send(connection.recv())
            n_steps = 0
            while not connection.poll():
                contender.epoch(problem.batch_size)
                n_steps += 1
            connection.recv()
            connection.send(n_steps)


def two_threads(problem, algorithms, n_turns, budget):
    """Measure two threads in turns with one, and with one beside another process's.

    Parameters
    ----------
    problem : Problem
        What is trained.
    algorithms : list of str
        By which algorithms.
    n_turns : int
        Turns of each.
    budget : float
        Seconds of a turn.

    Returns
    -------
    list of dict
        A record for every algorithm; `speedup` is the time of one thread over that of two, and
        `attainable` what two processes of one thread get done in the time of one alone.
    """
    records = []
    for algo in algorithms:
        neighbour = Neighbour(problem, algo)
        one, beside, two = _take_turns(problem, algo, n_turns, budget, neighbour)
        neighbour.stop()
        speedups = [a / b for a, b in zip(one, two, strict=True)]
        records.append(
            {
                "contender": algo,
                "hidden": problem.hidden,
                "batch_size": problem.batch_size,
                "epoch_s": spread(one),
                "two_threads_s": spread(two),
                "speedup": spread(speedups),
                "attainable": spread([2 * a / b for a, b in zip(one, beside, strict=True)]),
            }
        )
    return records


def _take_turns(problem, algo, n_turns, budget, neighbour):
    """Take times of one thread, of one beside a neighbour, and of two: wall-clock seconds."""
    kinds = ((1, nullcontext()), (1, neighbour), (2, nullcontext()))
    turns = []
    for n_threads, _ in kinds:
        with threadpool_limits(n_threads):
            contender = MessagePassing(problem, algo, n_threads)
            turns.append(Turns(contender, problem, n_threads, budget))
            contender.epoch(turns[-1].n_samples)
    for _ in range(n_turns):
        for one, (n_threads, surroundings) in zip(turns, kinds, strict=True):
            with threadpool_limits(n_threads), surroundings:
                one.take()
    return tuple([times[WALL] for times in one.times] for one in turns)


def score_and_threads(model, X, y):
    """Score a model, and tell how many threads it may use where it was fitted."""
    return {"accuracy": model.score(X, y), "threads": usable_threads()}


def grid_search(n_turns):
    """Measure a grid search on digits with one and with two workers, each after a first one.

    Parameters
    ----------
    n_turns : int
        Searches of each kind.

    Returns
    -------
    list of dict
        A record for one and for two workers; `threads_per_worker` is the largest number of any
        fit, and `speedup` is against one worker on one thread.
    """
    X, y = load_digits(return_X_y=True)
    X = (X - X.mean()) / X.std()
    times, threads = {1: [], 2: []}, {}
    for turn in range(n_turns + 1):
        for n_workers in times:
            with threadpool_limits(1 if n_workers == 1 else None):
                seconds, threads[n_workers] = _search(X, y, n_workers)
            if turn:
                times[n_workers].append(seconds)
    return [
        {
            "contender": f"{n_workers} workers",
            "fits": 3 * int(np.prod([len(values) for values in GRID.values()])),
            "threads_per_worker": threads[n_workers],
            "search_s": spread(seconds),
            "speedup": spread([a / b for a, b in zip(times[1], seconds, strict=True)]),
        }
        for n_workers, seconds in times.items()
    ]


def _search(X, y, n_workers):
    """Search once; return seconds, and the most threads that any fit could use."""
    settings = parameters(algo="amp", max_iter=20, device="cpu", random_state=0)
    search = GridSearchCV(
        BPClassifier((101,), **settings),
        GRID,
        scoring=score_and_threads,
        refit=False,
        cv=3,
        n_jobs=n_workers,
        error_score="raise",
    )
    start = perf_counter()
    search.fit(X, y)
    seconds = perf_counter() - start
    found = search.cv_results_
    return seconds, int(max(found[f"split{fold}_test_threads"].max() for fold in range(3)))
