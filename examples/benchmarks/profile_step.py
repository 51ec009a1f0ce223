"""What each part of a PasP step costs, beside the matrix products that it cannot do without.

    python examples/benchmarks/profile_step.py                       # 784-501-501-10, batch 128
    python examples/benchmarks/profile_step.py --algo bp --after 10  # after ten epochs of AMP
    python examples/benchmarks/profile_step.py report                # the table of the last run

Steps are taken on MNIST with one thread in float32. Every operation of the backend is timed in
processor time, so that other processes count little; the table gives the median of a step's sum
over steps, and the share of the whole step; reading the clock is taken off. What the step takes
beyond its operations is Python and whatever small arrays NumPy works on. Results go to
``results/profile_step.json``.
"""

import argparse
import json
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from unittest.mock import patch

import numpy as np
from contenders import Problem
from records import RESULTS, environment, markdown_table, write_document
from threadpoolctl import threadpool_limits

from sklearn_bp.backends.cpu import CpuBackend, _expansion, expansion
from sklearn_bp.datasets import load_mnist
from sklearn_bp.engine.engine import Engine

RECORDS = RESULTS / "profile_step.json"
ALGORITHMS = ("mf", "amp", "bp")
WARM_UP = 3
"""Steps that are not measured: they compile."""

PRODUCTS = "matrix products"
REST = "Python and small arrays"
GOAL = 0.35
"""Share of a step that may go to anything but products."""

PARTS = {
    PRODUCTS: ("matmul", "matmul_pair", "product"),
    "channels": ("moments", "g_gamma", "argmax_g_gamma", "finish_v", "finish_v_full", "point"),
    "labels": ("label_messages", "label_log_z", "soften_labels", "score_labels", "put"),
    "weights": ("update", "collect_field", "apply_mask", "second_moment"),
    "sums and powers": (
        "multiply",
        "add_product",
        "subtract_product",
        "polynomial_rows",
        "sum_down_terms",
        "row_power",
        "column_power",
    ),
    "expansion of g": ("bounds", "coefficients", "edge_parameters"),
    "choice of the degree": (
        "input_scales",
        "weight_scales",
        "weighted_norms",
        "allowed_errors",
        "survey",
        "neglected_share",
    ),
    "exact edges": ("edge_sums", "pack_marked", "marked_edges", "constant_edges", "varying_inputs"),
    "pruned weights": (
        "transpose",
        "compressed_up",
        "compressed_down",
        "compressed_collect",
        "compressed_edge_sums",
    ),
    "data": ("load_rows", "take", "fill", "copy", "count_argmax", "count_sign", "scale_rows"),
}
"""Operations of the backend by part of a step, and what some of them are composed of."""

COMPOSED = ("product", "row_power", "column_power")
"""Functions that operations of the expansion call: the latter two are kernels made per exponent."""


class TimedBackend(CpuBackend):
    """A backend that adds up the processor time of each operation, within one step."""

    def __init__(self):
        super().__init__()
        self.seconds, self.n_timed, self._inside = defaultdict(float), 0, False

    def start_step(self):
        """Forget what was measured."""
        self.seconds.clear()
        self.n_timed = 0

    def measure(self, name, function, *arguments):
        """Call a function and measure it, unless one that is measured called it."""
        if self._inside:
            return function(*arguments)
        self._inside, start = True, process_time()
        try:
            return function(*arguments)
        finally:
            self.seconds[name] += process_time() - start - CLOCK
            self.n_timed += 1
            self._inside = False

    @contextmanager
    def inner_operations(self):
        """Measure the parts of operations that are composed of several."""
        makers = {name: getattr(expansion, f"make_{name}") for name in COMPOSED[1:]}
        with ExitStack() as patches:
            product = partial(self.measure, COMPOSED[0], _expansion.product)
            patches.enter_context(patch.object(_expansion, COMPOSED[0], product))
            for name, make in makers.items():
                maker = partial(self._measured_kernel, name, make)
                patches.enter_context(patch.object(expansion, f"make_{name}", maker))
            yield

    def _measured_kernel(self, name, make, exponent):
        """Make a kernel that is measured."""
        return partial(self.measure, name, make(exponent))


def _timed(name):
    """Make an operation that measures the one it stands for."""
    plain = getattr(CpuBackend, name)

    def operation(self, *arguments):
        bound = plain.__get__(self) if _takes_self(name) else plain
        return self.measure(name, bound, *arguments)

    return operation


def _takes_self(name):
    """Tell a method from a static one."""
    owner = next(cls for cls in CpuBackend.__mro__ if name in vars(cls))
    return not isinstance(vars(owner)[name], staticmethod)


def clock_cost():
    """Measure how long one reading of the clock takes, a matter of microseconds."""
    readings = [process_time() for _ in range(2001)]
    return (readings[-1] - readings[0]) / 2000


CLOCK = clock_cost()

for _names in PARTS.values():
    for _name in _names:
        if _name not in COMPOSED:
            setattr(TimedBackend, _name, _timed(_name))


def profile(problem, algo, n_steps, **options):
    """Measure steps of one algorithm.

    Parameters
    ----------
    problem : Problem
        Network and data.
    algo : str
        The algorithm.
    n_steps : int
        Steps to measure, after a few that are not.
    **options
        Further properties of the network.

    Returns
    -------
    list of dict
        A record for every part: its name, seconds and share of the step, the step as a whole last.
    """
    backend = TimedBackend()
    engine = Engine(problem.network(algo, **options), problem.start(), backend)
    order = engine.draw_order(problem.X.shape[0], np.random.RandomState(1))
    parts, whole = defaultdict(list), []
    for step in range(n_steps + WARM_UP):
        first = step * problem.batch_size % (problem.X.shape[0] - problem.batch_size + 1)
        backend.start_step()
        with backend.inner_operations():
            start = process_time()
            engine.step(problem.X, problem.y, order[first : first + problem.batch_size])
            seconds = process_time() - start
        if step >= WARM_UP:
            whole.append(seconds - 2 * CLOCK * backend.n_timed)
            for part, names in PARTS.items():
                parts[part].append(sum(backend.seconds[name] for name in names))
    found = {part: median(seconds) for part, seconds in parts.items()}
    total = median(whole)
    found = {part: seconds for part, seconds in found.items() if seconds > 0}
    found[REST] = total - sum(found.values())
    found["step"] = total
    return [
        {"algo": algo, "part": part, "seconds": seconds, "share": seconds / total}
        for part, seconds in found.items()
    ]


def train(problem, n_epochs):
    """Train by AMP, which comes closest to BP, and leave the posterior in the problem."""
    engine = Engine(problem.network("amp"), problem.start(), CpuBackend())
    for epoch in range(n_epochs):
        order = engine.draw_order(problem.X.shape[0], np.random.RandomState(epoch))
        engine.epoch(problem.X, problem.y, order, problem.batch_size)
    problem.posterior = engine.posterior()


def run(arguments):
    """Measure, print and write."""
    data = load_mnist(data_home=arguments.data_home)
    problem = Problem(data.X_train, data.y_train, arguments.hidden, arguments.batch_size)
    with threadpool_limits(1):
        train(problem, arguments.after)
        records = [
            record | {"after": arguments.after}
            for algo in arguments.algo
            for record in profile(problem, algo, arguments.steps)
        ]
    layers = list(problem.layer_sizes)
    measured = environment() | {"layers": layers, "batch_size": problem.batch_size}
    write_document(arguments.output, {"profile": records, "measured": measured})
    report(arguments.output)


def outside_products(records):
    """Compute the share of a step outside its products, by algorithm."""
    algorithms = dict.fromkeys(record["algo"] for record in records)
    shares = {record["algo"]: record["share"] for record in records if record["part"] == PRODUCTS}
    return {algo: 1 - shares.get(algo, 0.0) for algo in algorithms}


def report(path):
    """Print a table, a column of milliseconds and share per algorithm."""
    document = json.loads(path.read_text(encoding="utf-8"))
    records, measured = document["profile"], document["measured"]
    by_cell = {(one["algo"], one["part"]): one for one in records}
    algorithms = list(dict.fromkeys(one["algo"] for one in records))
    rows = []
    for part in (*PARTS, REST, "step"):
        cells = [by_cell.get((algo, part)) for algo in algorithms]
        if any(cells):
            rows.append([part, *(_cell(cell) for cell in cells)])
    layers = "-".join(map(str, measured["layers"]))
    print(f"{layers}, batches of {measured['batch_size']}: milliseconds and share of a step.\n")
    print(markdown_table(["part", *algorithms], rows))
    for algo, share in outside_products(records).items():
        print(f"\n{algo}: {share:.0%} outside the products, goal {GOAL:.0%}", end="")
    print()


def _cell(record):
    """Lay out one entry."""
    return "" if record is None else f"{1e3 * record['seconds']:.2f} ({record['share']:.0%})"


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", nargs="?", default="run", choices=("run", "report"))
    parser.add_argument("--algo", nargs="+", default=ALGORITHMS)
    parser.add_argument("--hidden", type=int, nargs="+", default=[501, 501])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--after", type=int, default=0, help="epochs of training before")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--data-home", default=None, help="folder with mnist.npz")
    parser.add_argument("--output", type=Path, default=RECORDS, help="JSON file")
    arguments = parser.parse_args()
    if arguments.command == "run":
        run(arguments)
    else:
        report(arguments.output)


if __name__ == "__main__":
    main()
