"""Appendix B.9: time of an epoch against batch size, 2 × 501, Fashion-MNIST.

    python examples/paper/figure_b9.py

An epoch of small batches is long, so that only a part of it is timed, and the time is scaled to
all 60,000 samples. The processor's time is on record beside the clock's.
"""

from time import perf_counter, process_time

import neighbours  # noqa: F401
from benchmarks.contenders import CONTENDERS, Problem, available
from problems import load_problem
from runner import Experiment, main

BATCH_SIZES = (1, 4, 16, 64, 128, 256, 1024)
NAMES = {"bp": "bp", "amp": "amp", "mf": "mf", "binarynet": "PyTorch BinaryNet"}
N_STEPS = 40
"""Mini-batches that are timed, unless there are fewer."""


class TimingTrial:
    """Times the steps of a network, `n_epochs` times.

    Parameters
    ----------
    parameters : dict
        ``contender``, ``batch_size``, ``hidden_layer_sizes``, ``n_epochs``, and those of
        :func:`problems.load_problem`.
    seed : int
        Not used: starts are the same.
    machine : Machine
        Where to compute, and where the data are.
    """

    state, device = None, "cpu"

    def __init__(self, parameters, seed, machine):
        if machine.device == "cuda":
            raise SystemExit("This times the CPU; the scripts in examples/benchmarks time a GPU.")
        name = NAMES[parameters["contender"]]
        if not available(name):
            raise SystemExit(f"{name} cannot be imported.")
        data = load_problem(parameters, machine.data_home)
        self.n_epochs, self.n_samples = parameters["n_epochs"], data.y_train.shape[0]
        hidden, size = parameters["hidden_layer_sizes"], parameters["batch_size"]
        self.n_timed = min(self.n_samples, N_STEPS * size)
        problem = Problem(data.X_train, data.y_train, hidden, size)
        self.network = CONTENDERS[name](problem, machine.threads)
        self.network.epoch(min(self.n_samples, 2 * size))

    def train(self, epoch):
        """Time a part of an epoch; return the times of a whole one."""
        wall, cpu = perf_counter(), process_time()
        self.network.epoch(self.n_timed)
        scale = self.n_samples / self.n_timed
        return {
            "epoch_wall_s": scale * (perf_counter() - wall),
            "epoch_cpu_s": scale * (process_time() - cpu),
        }

    def measure(self, epoch):
        """Judge nothing."""
        return {}

    def result(self):
        """Measure nothing more."""
        return {"n_timed": self.n_timed}


RUNS = [
    {
        "data": "fashion_mnist",
        "hidden_layer_sizes": [501, 501],
        "contender": contender,
        "batch_size": size,
        "n_epochs": 5,
    }
    for size in BATCH_SIZES
    for contender in NAMES
]
EXPERIMENT = Experiment("figure_b9", RUNS, TimingTrial, lambda run: ("epoch_cpu_s",))

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
