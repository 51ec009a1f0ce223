"""Test errors of networks with ±1 weights and sign activations on MNIST and Fashion-MNIST.

    python examples/benchmarks/accuracy.py run      # trains what is not on record yet
    python examples/benchmarks/accuracy.py report   # prints the tables
    python examples/benchmarks/accuracy.py plot FILE   # draws the first network's training by BP

The data come from the folder named by ``--data-home`` or ``SKLEARN_BP_DATA``, else from OpenML.
Settings: ±1 weights, no intercepts, rho 1 and 0.9 in the last layer, damping 0.8, batches of 128,
features standardised by the global mean and standard deviation of the training set. A run is one
training; both predictions, of the point network and averaged over the posterior, are made from its
state. Every finished run is one line of ``results/accuracy.jsonl``.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter

from records import (
    RESULTS,
    append_line,
    environment,
    markdown_table,
    parameters,
    read_lines,
)
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.datasets import load_fashion_mnist, load_mnist

RECORDS = RESULTS / "accuracy.jsonl"
LOADERS = {"mnist": load_mnist, "fashion_mnist": load_fashion_mnist}
ALGORITHMS = ("amp", "bp")


@dataclass(frozen=True)
class Experiment:
    """A network, a data set, and what its mean test errors in percent must not exceed."""

    name: str
    data: str
    hidden_layer_sizes: tuple
    n_epochs: int
    point_limit: float
    bayes_limit: float | None = None
    parity: bool = False

    @property
    def limits(self):
        """The limits of the mean test errors, by part of a record."""
        return {"test_point": self.point_limit, "test_bayes": self.bayes_limit}


EXPERIMENTS = (
    Experiment("MNIST, 2 × 501", "mnist", (501, 501), 30, 2.8, 2.3),
    Experiment("MNIST, 2 × 101", "mnist", (101, 101), 12, 4.7, 3.5),
    Experiment("MNIST even/odd, 2 × 101", "mnist", (101, 101), 12, 3.4, 2.0, parity=True),
    Experiment("Fashion-MNIST, 2 × 501", "fashion_mnist", (501, 501), 30, 13.0),
)


def load(experiment, data_home):
    """Load training and test samples of an experiment."""
    data = LOADERS[experiment.data](data_home=data_home, parity=experiment.parity)
    return data.X_train, data.y_train, data.X_test, data.y_test


def train(experiment, algo, seed, X, y):
    """Train the network of an experiment."""
    settings = parameters(
        algo=algo,
        rho=1.0,
        output_rho=0.9,
        damping=0.8,
        fit_intercept=False,
        batch_size=128,
        max_iter=experiment.n_epochs,
        device="cpu",
        random_state=seed,
    )
    return BPClassifier(experiment.hidden_layer_sizes, **settings).fit(X, y)


def averaged(model, X, y):
    """Make the classifier that averages over the posterior that a point network comes from."""
    untrained = BayesBPClassifier(**model.get_params()).set_params(max_iter=0).fit(X, y)
    return untrained.set_posterior(model.weight_fields_, model.weight_means_)


def score(model, X, y):
    """Compute error in percent and mean negative log-likelihood."""
    probabilities = model.predict_proba(X)
    error = 100 * float((model.classes_[probabilities.argmax(axis=1)] != y).mean())
    return {"error_percent": error, "log_loss": log_loss(y, probabilities)}


def run_one(experiment, algo, seed, data_home):
    """Train, score on test and training samples, and gather the record."""
    X, y, X_test, y_test = load(experiment, data_home)
    start = perf_counter()
    model = train(experiment, algo, seed, X, y)
    elapsed = perf_counter() - start
    bayes = averaged(model, X, y)
    return {
        "experiment": experiment.name,
        "algo": algo,
        "seed": seed,
        "n_epochs": experiment.n_epochs,
        "test_point": score(model, X_test, y_test),
        "test_bayes": score(bayes, X_test, y_test),
        "train_point": score(model, X, y),
        "train_bayes": score(bayes, X, y),
        "fit_time_s": elapsed,
        "parameters": model.get_params(),
        "history": model.history_,
        **environment(),
    }


def run(seeds, algorithms, data_home, n_threads):
    """Train whatever is not on record yet."""
    done = {(one["experiment"], one["algo"], one["seed"]) for one in read_lines(RECORDS)}
    for seed in seeds:
        for algo in algorithms:
            for experiment in EXPERIMENTS:
                if (experiment.name, algo, seed) in done:
                    continue
                with threadpool_limits(n_threads):
                    record = run_one(experiment, algo, seed, data_home)
                append_line(RECORDS, record | {"threads": n_threads})
                print(" | ".join([experiment.name, algo, str(seed), *_cells(record)]), flush=True)


SCORES = (
    ("test_point", "error_percent", "test error %, point", 2),
    ("test_bayes", "error_percent", "test error %, Bayesian", 2),
    ("test_point", "log_loss", "log loss, point", 3),
    ("test_bayes", "log_loss", "log loss, Bayesian", 3),
    ("train_point", "error_percent", "training error %, point", 2),
)
"""What the table shows: part and key of a record, heading, decimals."""


def _cells(record):
    """Lay out the scores of a record."""
    return [f"{record[part][key]:.{decimals}f}" for part, key, _, decimals in SCORES]


def _summary_cells(experiment, records):
    """Lay out means and standard deviations over records, with the limits of the means."""
    cells = []
    for part, key, _, decimals in SCORES:
        values = [record[part][key] for record in records]
        spread = f" ± {stdev(values):.{decimals}f}" if len(values) > 1 else ""
        limit = experiment.limits.get(part) if key == "error_percent" else None
        bound = f" (≤ {limit})" if limit is not None else ""
        cells.append(f"{mean(values):.{decimals}f}{spread}{bound}")
    return cells


def report():
    """Print the records, and their means and standard deviations, as Markdown tables."""
    groups = [
        (experiment, algo, records)
        for experiment in EXPERIMENTS
        for algo in ALGORITHMS
        if (records := _records_of(experiment, algo))
    ]
    headings = [heading for _, _, heading, _ in SCORES]
    print("Mean ± standard deviation over seeds; in brackets what the mean must not exceed.\n")
    summaries = [
        [experiment.name, algo, str(experiment.n_epochs), str(len(records))]
        + _summary_cells(experiment, records)
        for experiment, algo, records in groups
    ]
    print(markdown_table(["network", "algorithm", "epochs", "seeds", *headings], summaries))
    print("\nSeed by seed:\n")
    rows = [
        [experiment.name, algo, str(record["seed"]), *_cells(record)]
        for experiment, algo, records in groups
        for record in records
    ]
    print(markdown_table(["network", "algorithm", "seed", *headings], rows))


def _records_of(experiment, algo):
    """Gather the records of a network and an algorithm, by seed."""
    records = [
        one
        for one in read_lines(RECORDS)
        if (one["experiment"], one["algo"]) == (experiment.name, algo)
    ]
    return sorted(records, key=lambda one: one["seed"])


def plot(path):
    """Draw the first network's training by BP; this alone needs matplotlib."""
    from accuracy_plot import draw

    first = EXPERIMENTS[0]
    draw(f"{first.name}, BP", _records_of(first, "bp"), path)


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("report", help="print the tables")
    drawing = commands.add_parser("plot", help="draw the first network's training by BP")
    drawing.add_argument("file", type=Path)
    options = commands.add_parser("run", help="train what is not on record")
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--algo", nargs="+", choices=ALGORITHMS, default=ALGORITHMS)
    options.add_argument("--data-home", default=None, help="folder of .npz files")
    options.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.command == "report":
        report()
    elif arguments.command == "plot":
        plot(arguments.file)
    else:
        run(arguments.seeds, arguments.algo, arguments.data_home, arguments.threads)


if __name__ == "__main__":
    main()
