"""What ``gpu.py`` measures: parts made of cells, a name and a function that returns records."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np
from contenders import Problem, Torch, available
from gpu_kernels import Ceilings, kernel_records
from records import parameters
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from timing import spread

from sklearn_bp import BPClassifier
from sklearn_bp.backends.cuda._backend import CudaBackend
from sklearn_bp.backends.cuda._runtime import describe_device
from sklearn_bp.datasets import load_mnist
from sklearn_bp.engine.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
EPOCH = 60_000
"""Samples that epoch times are scaled to."""

CELLS = {"2 × 501, batch 128": (501, 128), "2 × 2001, batch 1024": (2001, 1024)}
OWN = {
    "mf": {"algo": "mf"},
    "amp": {"algo": "amp"},
    "bp": {"algo": "bp"},
    "bp, exact edges": {"algo": "bp", "edges": "exact"},
}
PEER = "PyTorch BinaryNet"
PEERS = {PEER: True, "PyTorch MLP": False}
"""Peers, and whether their weights are ±1."""

SHARED_TESTS = ("test_steps.py", "test_training.py")
"""Tests that spend their time compiling, and can be shared among processes; one of the others fills
the device's memory, which no process beside it would survive."""

SHAPES = {
    f"{inputs} inputs × {units} units per thread, {groups} groups": (inputs, units, groups)
    for inputs, units, groups in ((4, 2, 4), (4, 1, 4), (8, 2, 4), (8, 1, 4), (4, 2, 2))
}


def describe():
    """Describe the GPU, its driver, and the packages that only matter there."""
    found = describe_device() | {"products": CudaBackend().products.name}
    for package in ("numba-cuda", "cupy-cuda13x", "cupy-cuda12x", "nvidia-cublas"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        printed = subprocess.run(query, capture_output=True, text=True, timeout=60).stdout
        found["driver"] = printed.strip().splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        pass
    return found


class OnDevice:
    """One of the package's algorithms on the GPU, its samples there before time is taken."""

    def __init__(self, problem, backend=None, **options):
        self.problem, self.backend = problem, backend or CudaBackend()
        network = problem.network(**options)
        self.engine = Engine(network, problem.start(), self.backend)
        self.X, self.y = self.backend.load_data(problem.X), self.backend.asarray(problem.y)
        self._random_state = np.random.RandomState(1)

    def epoch(self, n_samples):
        """Take a PasP step per mini-batch; what was counted is read at the end."""
        order = self.engine.draw_order(n_samples, self._random_state)
        self.engine.epoch(self.X, self.y, order, self.problem.batch_size)

    def marked(self):
        """Give the share of pairs left to exact sums in the last step, per layer that expands."""
        return [
            float((self.backend.to_host(layer.own.expansion_keep) == 0).mean())
            for layer in self.engine.layers
            if hasattr(layer.own, "expansion_keep")
        ]


class Bench:
    """Data and sizes of all parts.

    Parameters
    ----------
    data_home : str or None
        Where MNIST is.
    quick : bool
        Whether to measure less of everything.
    """

    def __init__(self, data_home, quick):
        self.data_home, self.quick = data_home, quick
        self.n_turns = 3 if quick else 7
        self.cells = dict(list(CELLS.items())[: 1 if quick else None])

    @cached_property
    def data(self):
        """MNIST."""
        return load_mnist(data_home=self.data_home)

    def problem(self, width, batch_size):
        """Make the problem of a width and a batch size."""
        data = self.data
        return Problem(data.X_train, data.y_train.astype(np.int64), (width, width), batch_size)

    def small(self):
        """Digits, split as the tests split them."""
        X, y = load_digits(return_X_y=True)
        X = ((X - X.mean()) / X.std()).astype(np.float32)
        return train_test_split(X, y, random_state=0, stratify=y)

    @cached_property
    def ceilings(self):
        """What the device can do."""
        return Ceilings(CudaBackend(), self.quick)


def tests(bench):
    """Run ``pytest -m gpu``, a file at a time."""
    folder = ROOT / "tests" / "backends" / "cuda" / "gpu"
    for path in sorted(folder.glob("test_*.py"), key=lambda path: path.name not in SHARED_TESTS):
        yield path.name, lambda path=path: [_run_tests(bench, path)]


def _run_tests(bench, path):
    """Run one file of tests; the summary, and what was printed of a failure."""
    marks = "gpu and not slow" if bench.quick else "gpu"
    command = [sys.executable, "-m", "pytest", "-m", marks, "-q", "-p", "no:cacheprovider"]
    if path.name in SHARED_TESTS and find_spec("xdist") is not None:
        command += ["-n", str(os.cpu_count())]
    start = perf_counter()
    done = subprocess.run([*command, str(path)], cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines() or ["nothing was printed"]
    record = {"summary": lines[-1].strip("= "), "seconds": perf_counter() - start}
    if done.returncode:
        record["output"] = "\n".join(lines)[-6000:] + done.stderr[-2000:]
        print(record["output"], flush=True)
    return record


def ceilings(bench):
    """Measure the rates that floors are formed with."""
    for name in ("copy", "multiply-adds", "products", "least kernel"):
        yield name, lambda name=name: [bench.ceilings.record(name)]


def epochs(bench):
    """Let the algorithms and the peer take turns on whole epochs."""
    for name, (width, batch_size) in bench.cells.items():
        yield name, lambda w=width, b=batch_size: _epochs(bench, w, b)


def _epochs(bench, width, batch_size):
    """Measure all contenders on one network."""
    problem = bench.problem(width, batch_size)
    contenders = {name: OnDevice(problem, **options) for name, options in OWN.items()}
    for name, binary in PEERS.items():
        if available(name):
            contenders[name] = Torch(problem, None, binary=binary, device="cuda")
    times = _take_turns(contenders, problem, bench.n_turns)
    records = []
    for name, contender in contenders.items():
        record = {"contender": name, "epoch_s": spread(times[name])}
        if PEER in times:
            ratios = [a / b for a, b in zip(times[PEER], times[name], strict=True)]
            record["peer_over_it"] = spread(ratios)
        if isinstance(contender, OnDevice):
            record["marked"] = contender.marked()
        records.append(record)
    return records


def _take_turns(contenders, problem, n_turns):
    """Take times of epochs in turns, after some steps that compile and record."""
    n_samples = problem.X.shape[0]
    times = {name: [] for name in contenders}
    for contender in contenders.values():
        for _ in range(4):
            contender.epoch(min(3 * problem.batch_size, n_samples))
        contender.epoch(n_samples)
    for _ in range(n_turns):
        for name, contender in contenders.items():
            start = perf_counter()
            contender.epoch(n_samples)
            times[name].append((perf_counter() - start) * EPOCH / n_samples)
    return times


def kernels(bench):
    """Take every launch of a step apart."""
    for cell, (width, batch_size) in bench.cells.items():
        for name, options in OWN.items():
            yield (
                f"{cell}, {name}",
                lambda w=width, b=batch_size, o=options: _kernels(bench, w, b, o),
            )


def _kernels(bench, width, batch_size, options):
    """Measure the launches of a step."""
    problem = bench.problem(width, batch_size)
    contender = OnDevice(problem, **options)
    contender.epoch(2 * problem.batch_size)
    return kernel_records(contender, bench.ceilings)


def accuracy(bench):
    """Compare the accuracy after five epochs with the CPU's, seed by seed."""
    yield "digits, bp", lambda: _accuracy(bench.small(), "bp", range(3 if bench.quick else 6))
    for algo in () if bench.quick else ("mf", "amp", "bp"):
        yield f"MNIST, {algo}", lambda algo=algo: _accuracy(_split(bench.data), algo, range(3))


def _split(data):
    """Order MNIST as ``train_test_split`` does."""
    return data.X_train, data.X_test, data.y_train, data.y_test


def _accuracy(data, algo, seeds):
    """Train on both devices."""
    X, X_test, y, y_test = data
    records = []
    for device in ("cuda", "cpu"):
        settings = parameters(algo=algo, max_iter=5, device=device)
        found = [
            BPClassifier((101, 101), **settings, random_state=seed).fit(X, y).score(X_test, y_test)
            for seed in seeds
        ]
        mean, deviation = float(np.mean(found)), float(np.std(found, ddof=1))
        records.append(
            {"device": device, "mean": mean, "spread": deviation, "seeds": len(found), "all": found}
        )
    return records


FIRST_FIT = """
import json, sys
from time import perf_counter
import numpy as np
from sklearn_bp import BPClassifier
X = np.random.default_rng(0).standard_normal((4000, 784)).astype("float32")
y = np.arange(4000) % 10
for _ in range(2):
    start = perf_counter()
    BPClassifier((501, 501), **json.loads(sys.argv[1])).fit(X, y)
    print(perf_counter() - start)
"""


def first_fit(bench):
    """Time the first fit of a process, which compiles kernels, and the second."""
    for algo in ("mf",) if bench.quick else ("mf", "amp", "bp"):
        yield algo, lambda algo=algo: [_first_fit(algo)]


def _first_fit(algo):
    """Fit twice in a process of its own."""
    settings = parameters(algo=algo, max_iter=1, device="cuda", random_state=0)
    command = [sys.executable, "-c", FIRST_FIT, json.dumps(settings)]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    first, second = map(float, printed.stdout.split()[-2:])
    return {"first_s": first, "second_s": second}


def shapes(bench):
    """Try other ways of grouping the threads of edges."""
    for cell, (width, batch_size) in bench.cells.items():
        for name, shape in SHAPES.items():
            for own in ("bp", "bp, exact edges"):
                yield (
                    f"{cell}, {own}: {name}",
                    lambda w=width, b=batch_size, s=shape, o=own: _shape(bench, w, b, s, OWN[o]),
                )


def _shape(bench, width, batch_size, shape, options):
    """Measure epochs with one shape."""
    problem, backend = bench.problem(width, batch_size), CudaBackend()
    inputs, units, groups = shape
    backend.blocks = replace(backend.blocks, inputs=inputs, units=units, groups=groups)
    contender = OnDevice(problem, backend, **options)
    times = _take_turns({"": contender}, problem, max(2, bench.n_turns // 2))[""]
    return [{"epoch_s": spread(times)}]


PARTS = {
    "ceilings": ceilings,
    "epochs": epochs,
    "kernels": kernels,
    "tests": tests,
    "accuracy": accuracy,
    "first_fit": first_fit,
    "shapes": shapes,
}
"""All parts, the most important first."""
