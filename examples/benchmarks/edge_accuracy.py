"""Test errors of BP with exact edges and with expanded ones, from equal starts.

    python examples/benchmarks/edge_accuracy.py run      # trains what is not on record
    python examples/benchmarks/edge_accuracy.py report   # prints the tables

MNIST from the folder named by ``--data-home`` or ``SKLEARN_BP_DATA``, else from OpenML; 2 × 101
units, 30 epochs, the settings of ``accuracy.py``. The network is that small because exact edges of
2 × 501 units take about a minute per epoch. For every seed both runs draw the same start and the
same order of samples, so that they differ by the edges alone; the difference between them is to be
seen against the differences between seeds. Every run is one line of
``results/edge_accuracy.jsonl``.
"""

import argparse
from statistics import mean, stdev
from time import perf_counter

from accuracy import averaged, score
from records import (
    RESULTS,
    append_line,
    environment,
    markdown_table,
    parameters,
    read_lines,
)
from threadpoolctl import threadpool_limits

from sklearn_bp import BPClassifier
from sklearn_bp.datasets import load_mnist

RECORDS = RESULTS / "edge_accuracy.jsonl"
EDGES = ("exact", "auto")
SEEDS = (0, 1, 2, 3)
N_EPOCHS = 30
SCORES = {"test_point": "point", "test_bayes": "Bayesian"}


def run_one(edges, seed, data, n_epochs):
    """Train and score; return the record."""
    settings = parameters(
        algo="bp",
        edges=edges,
        damping=0.8,
        fit_intercept=False,
        max_iter=n_epochs,
        device="cpu",
        random_state=seed,
    )
    model = BPClassifier((101, 101), **settings)
    start = perf_counter()
    model.fit(data.X_train, data.y_train)
    elapsed = perf_counter() - start
    bayes = averaged(model, data.X_train, data.y_train)
    return {
        "edges": edges,
        "seed": seed,
        "n_epochs": n_epochs,
        "test_point": score(model, data.X_test, data.y_test),
        "test_bayes": score(bayes, data.X_test, data.y_test),
        "train_point": score(model, data.X_train, data.y_train),
        "fit_time_s": elapsed,
        **environment(),
    }


def run(seeds, data_home, n_threads, records=RECORDS, n_epochs=N_EPOCHS):
    """Train whatever is not on record yet."""
    done = {(one["edges"], one["seed"]) for one in read_lines(records)}
    data = load_mnist(data_home=data_home)
    for seed in seeds:
        for edges in EDGES:
            if (edges, seed) not in done:
                with threadpool_limits(n_threads):
                    record = run_one(edges, seed, data, n_epochs)
                append_line(records, record)
                print(" | ".join(_row(record)), flush=True)


def _row(record):
    """Lay out a record as cells of the table."""
    cells = [record["edges"], str(record["seed"]), str(record["n_epochs"])]
    cells += [f"{record[part]['error_percent']:.2f}" for part in (*SCORES, "train_point")]
    return [*cells, f"{record['test_point']['log_loss']:.3f}"]


def compare(records):
    """Compare the edges, seed by seed.

    Parameters
    ----------
    records : list of dict
        Records of both kinds of edges.

    Returns
    -------
    dict of dict
        For each score: `exact` and `auto`, (mean, standard deviation) over the seeds that both
        have, and `difference`, the same of auto − exact; nothing for less than two seeds.
    """
    by_run = {(one["edges"], one["seed"]): one for one in records}
    seeds = sorted({seed for _, seed in by_run if all((edges, seed) in by_run for edges in EDGES)})
    if len(seeds) < 2:
        return {}
    compared = {}
    for part in SCORES:
        errors = {
            edges: [by_run[edges, seed][part]["error_percent"] for seed in seeds] for edges in EDGES
        }
        errors["difference"] = [
            auto - exact for exact, auto in zip(errors["exact"], errors["auto"], strict=True)
        ]
        compared[part] = {name: (mean(values), stdev(values)) for name, values in errors.items()}
    return compared


def report(records=RECORDS):
    """Print the records and the comparison as Markdown tables."""
    found = sorted(read_lines(records), key=lambda one: (one["edges"], one["seed"]))
    header = ["edges", "seed", "epochs", "test error %, point", "Bayesian", "training error %"]
    print(markdown_table([*header, "log loss"], [_row(record) for record in found]))
    compared = compare(found)
    if not compared:
        print("\nNot yet two seeds with both kinds of edges.")
        return
    rows = [
        [SCORES[part], *(f"{m:.2f} ± {s:.2f}" for m, s in numbers.values())]
        for part, numbers in compared.items()
    ]
    print("\nMean ± standard deviation over seeds, test error in percent.\n")
    print(markdown_table(["prediction", "exact edges", "expanded", "difference"], rows))


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("report", help="print the tables")
    options = commands.add_parser("run", help="train what is not on record")
    options.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    options.add_argument("--data-home", default=None, help="folder of .npz files")
    options.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.command == "report":
        report()
    else:
        run(arguments.seeds, arguments.data_home, arguments.threads)


if __name__ == "__main__":
    main()
