"""Time and memory of training and prediction, beside the peers, in one run.

    python examples/benchmarks/speed.py                 # what is not on record, 25 to 30 minutes
    python examples/benchmarks/speed.py --groups edges  # some groups, again
    python examples/benchmarks/speed.py --quick         # the main numbers, about two minutes
    python examples/benchmarks/speed.py report          # prints the tables of the last full run
    python examples/benchmarks/speed.py plot DIR        # draws its figures (needs matplotlib)

MNIST comes from the folder named by ``--data-home`` or ``SKLEARN_BP_DATA``, else from OpenML. All
networks have two hidden layers of equal size unless something else is said; everything is float32.
Times of an epoch are scaled to 60,000 samples where fewer were measured; ``n_samples`` says how
many. Contenders take turns, and a ratio divides times of one turn by those of ``MLPClassifier``
(Adam). PyTorch and pytagi take part if they can be imported. Every group goes to
``results/speed.json`` as soon as it is done, so that a run can be cut off and go on.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from contenders import CONTENDERS, REFERENCE, MessagePassing, Problem, available
from records import RESULTS, environment, parameters, write_document
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from speed_report import draw, print_tables
from threadpoolctl import threadpool_limits
from throughput import exact_edges, grid_search, two_threads
from timing import clock, measure, spread

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.datasets import load_mnist

RECORDS = RESULTS / "speed.json"
OWN = ["mf", "amp", "bp"]
SLOW = ("bp, exact edges", "pytagi")
"""Never measured over whole epochs, and in fewer turns."""

GROWTH_TURNS = 3
THREAD_FACTOR = 6
"""More turns where the clock on the wall decides, which whatever else the machine does disturbs."""

STEPS_PER_TURN = 20


class Benchmark:
    """All groups of measurements.

    Parameters
    ----------
    data_home : str or None
        Where MNIST is.
    quick : bool
        Whether to measure less of everything.
    """

    def __init__(self, data_home, quick):
        data = load_mnist(data_home=data_home)
        self.X, self.y = data.X_train, data.y_train.astype(np.int64)
        self.data_home, self.quick = data_home, quick
        self.names = [name for name in CONTENDERS if available(name)]
        self.n_turns, self.budget = (3, 0.3) if quick else (5, 0.6)

    def problem(self, width, batch_size, rho=1.0):
        """Make the problem of a width and a batch size on MNIST."""
        return Problem(self.X, self.y, (width, width), batch_size, rho)

    def networks(self):
        """Measure all contenders over widths and batch sizes; whole epochs at 2 × 501."""
        widths, batch_sizes = (101, 501, 2001), (16, 128, 1024)
        if self.quick:
            widths, batch_sizes = (101, 501), (128,)
        records = []
        for width in widths:
            for batch_size in batch_sizes:
                main = (width, batch_size) == (501, 128) and not self.quick
                records += self._cell(width, batch_size, main)
        return records

    def _cell(self, width, batch_size, whole):
        """Measure all contenders on one network."""
        budget = dict.fromkeys(SLOW, self.budget) | {"": None if whole else self.budget}
        n_turns = dict.fromkeys(SLOW, 2) | {"": self.n_turns}
        return measure(self.problem(width, batch_size), self.names, 1, n_turns, budget)

    def threads(self):
        """Measure two threads in turns with one."""
        widths = (501,) if self.quick else (501, 2001)
        n_turns = THREAD_FACTOR * self.n_turns
        return [
            record
            for width in widths
            for record in two_threads(self.problem(width, 128), OWN, n_turns, self.budget)
        ]

    def edges(self):
        """Measure how many exact edges are summed in a second, on one thread."""
        return exact_edges(5 if self.quick else 20)

    def search(self):
        """Measure a grid search on digits with one and with two workers."""
        return grid_search(1 if self.quick else 3)

    def trained(self):
        """Measure at 2 × 501 after some epochs: weights are polarised, and BP needs more terms."""
        if self.quick:
            return self._trained(1.0, (1, 2))
        return self._trained(1.0, (1, 5, 20)) + self._trained(1.001, (5, 10))

    def _trained(self, rho, epochs):
        """Measure after some epochs with a rho; above 1, weights become certain the sooner."""
        records, problem, done = [], self.problem(501, 128, rho), 0
        for n_epochs in epochs:
            problem.posterior = self._train(problem, n_epochs - done)
            done = n_epochs
            for record in measure(problem, OWN, 1, self.n_turns, self.budget):
                records.append(record | {"rho": rho, "epochs_before": n_epochs})
        return records

    def _train(self, problem, n_epochs):
        """Train by AMP, which comes closest to BP, and return the posterior."""
        trainer = MessagePassing(problem, "amp", 1)
        for _ in range(n_epochs):
            trainer.epoch(6_000 if self.quick else problem.X.shape[0])
        return trainer.engine.posterior()

    def density(self):
        """Measure sparse networks in turns with dense ones."""
        records = []
        makers = {
            f"{algo}, density {density}": _sparse_maker(algo, density)
            for algo in OWN
            for density in (1.0, 0.5, 0.25, 0.1)
        }
        for width in (501,) if self.quick else (501, 2001):
            problem = self.problem(width, 128)
            records += measure(problem, list(makers), 1, self.n_turns, self.budget, makers)
        return records

    def batch_growth(self):
        """Measure the cost of an epoch at 2 × 501 against the batch size."""
        names = [name for name in self.names if name not in SLOW]
        sizes = (8, 128, 1024) if self.quick else (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
        found = [
            measure(self.problem(501, size), names, 1, GROWTH_TURNS, self.budget / 2)
            for size in sizes
        ]
        return [record for records in found for record in records]

    def feature_growth(self):
        """Measure the cost of an epoch against the number of features N, one hidden layer."""
        records, random_state = [], np.random.RandomState(0)
        for n_features in (256, 1024) if self.quick else (128, 256, 512, 1024, 2048, 4096):
            X = random_state.standard_normal((16_384, n_features)).astype(np.float32)
            y = (X @ random_state.standard_normal((n_features, 10))).argmax(axis=1)
            problem = Problem(X, y, (501,), 128)
            records += measure(problem, OWN, 1, GROWTH_TURNS, self.budget / 2)
        return records

    def sample_growth(self):
        """Measure the cost of whole epochs against the number of samples."""
        records = []
        for n_samples in (1_920, 7_680) if self.quick else (1_920, 3_840, 7_680, 15_360, 30_720):
            problem = Problem(self.X[:n_samples], self.y[:n_samples], (101, 101), 128)
            records += measure(problem, OWN, 1, GROWTH_TURNS, None)
        return records

    def prediction(self):
        """Measure ``predict`` of 1 and of 10,000 rows at 2 × 501."""
        hidden, settings = (501, 501), parameters(max_iter=1, device="cpu")
        models = {
            REFERENCE: MLPClassifier(hidden, max_iter=1, batch_size=128),
            "BPClassifier": BPClassifier(hidden, **settings),
            "BayesBPClassifier": BayesBPClassifier(hidden, **settings),
        }
        with threadpool_limits(1):
            for model in models.values():
                _fit_quietly(model, self.X[:1280], self.y[:1280])
            return [
                record
                for n_rows, n_turns in ((1, 300), (10_000, 3 if self.quick else 9))
                for record in _predict_in_turns(models, self.X[:n_rows], n_turns)
            ]

    def small_steps(self):
        """Measure one ``partial_fit`` of a 64-30-10 network on digits."""
        X, y = load_digits(return_X_y=True)
        X = ((X - X.mean()) / X.std()).astype(np.float32)
        return [
            record
            for batch_size in (1, 16, 32, 128)
            for record in _step_in_turns(X[:batch_size], y[:batch_size], np.unique(y))
        ]

    def memory(self):
        """Measure the peak memory of processes that train on MNIST, data included."""
        runs = [(name, 1.0) for name in (REFERENCE, *OWN)]
        records = [self._memory_of(name, density, 501) for name, density in runs]
        if not self.quick:
            wide = [("amp", 1.0), ("amp", 0.1), ("bp", 1.0), ("bp", 0.1)]
            records += [self._memory_of(name, density, 2001) for name, density in wide]
        return records

    def _memory_of(self, name, density, width):
        """Train in a process of its own."""
        command = [sys.executable, str(Path(__file__).with_name("memory.py")), name]
        command += ["--density", str(density), "--hidden", str(width), str(width)]
        if width > 501:
            command += ["--samples", "12800"]
        if self.data_home is not None:
            command += ["--data-home", self.data_home]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found = {"contender": name, "hidden": [width, width], "density": density}
        return found | {f"{part}_bytes": size for part, size in json.loads(output).items()}


GROUPS = {
    "memory": Benchmark.memory,
    "networks": Benchmark.networks,
    "trained": Benchmark.trained,
    "threads": Benchmark.threads,
    "edges": Benchmark.edges,
    "search": Benchmark.search,
    "small_steps": Benchmark.small_steps,
    "prediction": Benchmark.prediction,
    "density": Benchmark.density,
    "batch_growth": Benchmark.batch_growth,
    "feature_growth": Benchmark.feature_growth,
    "sample_growth": Benchmark.sample_growth,
}
QUICK_GROUPS = ("memory", "networks", "trained", "edges", "small_steps", "prediction")


def _sparse_maker(algo, density):
    """Make the maker of a pruned network, which has a start of its own."""

    def make(problem, n_threads):
        pruned = Problem(problem.X, problem.y, problem.hidden, problem.batch_size)
        options = {"density": density}
        pruned.start(**options)
        return MessagePassing(pruned, algo, n_threads, **options)

    return make


def _fit_quietly(model, X, y):
    """Fit a model so short that a warning would tell nothing."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)


def _predict_in_turns(models, X, n_turns):
    """Measure the latency of predictions."""
    times = {name: [] for name in models}
    for model in models.values():
        model.predict(X)
    for _ in range(n_turns):
        for name, model in models.items():
            times[name].append(clock(model.predict, X)[0])
    return [
        {"contender": name, "n_rows": X.shape[0], **_against_reference(times, name, "predict_s")}
        for name in models
    ]


def _step_in_turns(X, y, classes, n_turns=100):
    """Measure steps on one mini-batch, some at a time, as they come from a stream."""
    batch_size, hidden = X.shape[0], (30,)
    models = {REFERENCE: MLPClassifier(hidden, batch_size=batch_size)}
    for algo in ("mf", "amp", "bp"):
        settings = parameters(algo=algo, damping=0.8, device="cpu", random_state=0)
        models[algo] = BPClassifier(hidden, **settings)
    times = {name: [] for name in models}
    with threadpool_limits(1):
        for model in models.values():
            model.partial_fit(X, y, classes=classes)
        for _ in range(n_turns):
            for name, model in models.items():
                seconds = clock(_repeat_step, model, X, y)[0]
                times[name].append(seconds / STEPS_PER_TURN)
    return [
        {
            "contender": name,
            "layers": [X.shape[1], *hidden, len(classes)],
            "batch_size": batch_size,
            **_against_reference(times, name, "step_s"),
        }
        for name in models
    ]


def _repeat_step(model, X, y):
    """Take some steps."""
    for _ in range(STEPS_PER_TURN):
        model.partial_fit(X, y)


def _against_reference(times, name, label):
    """Gather the spread of times and of their ratios, turn by turn."""
    ratios = [one / other for one, other in zip(times[name], times[REFERENCE], strict=True)]
    return {label: spread(times[name]), "ratio": spread(ratios)}


def run(arguments):
    """Measure groups; write each as soon as it is done."""
    path = arguments.output or (None if arguments.quick else RECORDS)
    document = json.loads(path.read_text()) if path is not None and path.exists() else {}
    groups = arguments.groups
    if not groups:
        offered = QUICK_GROUPS if arguments.quick else GROUPS
        groups = [name for name in offered if name not in document]
    benchmark = Benchmark(arguments.data_home, arguments.quick)
    for name in groups:
        start = perf_counter()
        records = GROUPS[name](benchmark)
        document[name] = [{"group": name, **record} for record in records]
        document.setdefault("measured", {})[name] = environment() | {
            "seconds": perf_counter() - start
        }
        if path is not None:
            write_document(path, document)
        print_tables({name: document[name]})


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", nargs="?", default="run", choices=("run", "report", "plot"))
    parser.add_argument("folder", nargs="?", type=Path, help="where figures go")
    parser.add_argument("--quick", action="store_true", help="about two minutes, writes no file")
    parser.add_argument("--groups", nargs="+", choices=list(GROUPS), help="measured again")
    parser.add_argument("--data-home", default=None, help="folder with mnist.npz")
    parser.add_argument("--output", type=Path, default=None, help="JSON file")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments)
        return
    document = json.loads((arguments.output or RECORDS).read_text())
    if arguments.command == "report":
        print_tables(document)
    else:
        draw(document, arguments.folder or Path("."))


if __name__ == "__main__":
    main()
