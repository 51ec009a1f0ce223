"""Accuracy of the classifiers as they come, beside MLPClassifier as it comes.

    python examples/benchmarks/defaults.py run      # a few minutes
    python examples/benchmarks/defaults.py report   # prints the table

Five-fold cross-validation, stratified and shuffled, behind a ``StandardScaler``, on the small data
sets that come with scikit-learn. No parameter is set except `weight_prior` and `random_state`; a
seed draws both the folds and the classifier's start. Results go to ``results/defaults.json``.
"""

import argparse
import json
import warnings
from statistics import mean, stdev

from records import RESULTS, environment, markdown_table, write_document
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, BPClassifier

RECORDS = RESULTS / "defaults.json"
DATA = ("iris", "wine", "breast_cancer", "digits")
OWN = (BPClassifier, BayesBPClassifier)
PRIORS = ("binary", "gaussian")
REFERENCE = "MLPClassifier"
ALLOWED_GAP = 0.015
"""How far the better of the two weight priors may be below the reference, in accuracy."""


def contenders(seed):
    """Make the classifiers to compare, by name."""
    made = {REFERENCE: MLPClassifier(random_state=seed)}
    for cls in OWN:
        for prior in PRIORS:
            made[_name(cls, prior)] = cls(weight_prior=prior, random_state=seed)
    return made


def _name(cls, prior):
    """Name a classifier with a weight prior."""
    return f"{cls.__name__}, {prior}"


def cross_validate(classifier, X, y, seed):
    """Compute the accuracy on each of five folds."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # MLPClassifier stops after 200 epochs by default, and on some folds would go on.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make_pipeline(StandardScaler(), classifier)
        return cross_val_score(model, X, y, cv=folds, error_score="raise")


def run(seeds):
    """Score everything, then write."""
    records = []
    for data in DATA:
        X, y = getattr(datasets, f"load_{data}")(return_X_y=True)
        for seed in seeds:
            for name, classifier in contenders(seed).items():
                scores = cross_validate(classifier, X, y, seed)
                records.append({"data": data, "classifier": name, "seed": seed, "accuracy": scores})
        print(f"{data} done", flush=True)
    write_document(RECORDS, {"measured": environment(), "scores": records})


def seed_means(records, data, name):
    """Gather the mean accuracy over folds of a classifier, seed by seed."""
    return [
        mean(one["accuracy"]) for one in records if (one["data"], one["classifier"]) == (data, name)
    ]


def gap(records, data, cls):
    """Compute by how much the better weight prior of a classifier is above the reference."""
    best = max(mean(seed_means(records, data, _name(cls, prior))) for prior in PRIORS)
    return best - mean(seed_means(records, data, REFERENCE))


def report():
    """Print mean and standard deviation over seeds, and the gaps, as a Markdown table."""
    records = json.loads(RECORDS.read_text(encoding="utf-8"))["scores"]
    names = list(contenders(0))
    header = ["data", *names, *(f"gap of {cls.__name__}" for cls in OWN)]
    rows = []
    for data in DATA:
        cells = [seed_means(records, data, name) for name in names]
        row = [data, *(f"{100 * mean(cell):.2f} ± {100 * stdev(cell):.2f}" for cell in cells)]
        rows.append([*row, *(f"{100 * gap(records, data, cls):+.2f}" for cls in OWN)])
    n_seeds = len({one["seed"] for one in records})
    print(
        f"Accuracy in percent: mean over {n_seeds} seeds of five-fold cross-validation, ± standard "
        "deviation over seeds. Gaps of the better weight prior to MLPClassifier are in points; "
        f"allowed is {-100 * ALLOWED_GAP:+.1f}.\n"
    )
    print(markdown_table(header, rows))


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("report", help="print the table")
    options = commands.add_parser("run", help="score everything")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    arguments = parser.parse_args()
    if arguments.command == "report":
        report()
    else:
        run(arguments.seeds)


if __name__ == "__main__":
    main()
