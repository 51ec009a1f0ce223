"""Both classifiers on ordinary noisy tables, beside scikit-learn's, everything at its defaults.

    python examples/benchmarks/tables.py run --tables FOLDER   # measures what is not on record
    python examples/benchmarks/tables.py report                # prints the tables
    python examples/benchmarks/tables.py plot                  # draws docs/_static/tables.png

The tables are every ``NAME.npz`` (arrays ``X`` and ``y``) in the folder named by ``--tables`` or
``SKLEARN_BP_TABLES``, three that come with scikit-learn, and six that ``make_classification``
draws: with wrong labels, with a rare class, with many classes. Five-fold cross-validation,
stratified and shuffled, behind a ``StandardScaler`` fitted on the training part. No parameter is
set but `random_state`, and `max_iter` of LogisticRegression, for it to converge. Fits have one
thread. A last section replaces training labels of digits, and leaves the test labels as they are.

Every finished pair of table and model is saved in ``results/tables.json``. What was measured when
a model's parameters had other defaults is measured again; ``--again`` measures everything again.
"""

import argparse
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed
from records import RESULTS, environment, markdown_table, plain, write_document
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_bp import BayesBPClassifier, BPClassifier

RECORDS = RESULTS / "tables.json"
FIGURE = Path(__file__).resolve().parents[2] / "docs" / "_static" / "tables.png"
SEED = 0
"""Draws the folds, the models' starts, and the tables of ``make_classification``."""
OWN = (BPClassifier, BayesBPClassifier)
OWN_NAMES = tuple(cls.__name__ for cls in OWN)
REFERENCE, LINEAR = "MLPClassifier", "LogisticRegression"
MODELS = {
    **{cls.__name__: partial(cls, random_state=SEED) for cls in OWN},
    REFERENCE: partial(MLPClassifier, random_state=SEED),
    LINEAR: partial(LogisticRegression, max_iter=1000, random_state=SEED),
    "RandomForestClassifier": partial(RandomForestClassifier, random_state=SEED),
    "HistGradientBoostingClassifier": partial(HistGradientBoostingClassifier, random_state=SEED),
}
NOISE_MODELS = {REFERENCE: MODELS[REFERENCE]} | {
    f"{cls.__name__}, label_noise {noise}": partial(cls, label_noise=noise, random_state=SEED)
    for cls in OWN
    for noise in (0, "auto")
}
LEVEL = 1.0
"""Two models are level if their accuracies differ by no more than this many points."""
N_FOLDS = 5
DECIMALS = 4
"""Of the scores on record."""

# Tables ---------------------------------------------------------------------------------------

ORIGINS = ("files", "scikit-learn", "make_classification")
LABEL_NOISE = "label_noise"


@dataclass(frozen=True)
class Table:
    """Where samples and labels come from, and the share of training labels to replace."""

    name: str
    origin: str
    load: Callable
    wrong_labels: float = 0.0

    @property
    def models(self):
        """What is trained on it: how to make each model, by name."""
        return NOISE_MODELS if self.wrong_labels else MODELS


def drawn(name, n_samples=2000, **options):
    """Describe a table that ``make_classification`` draws."""
    options = {"n_features": 20, "n_informative": 8, "n_redundant": 4, "flip_y": 0.0} | options
    make = partial(datasets.make_classification, n_samples, random_state=SEED, **options)
    return Table(name, "make_classification", make)


def flipped(percent):
    """Describe a table of two classes with wrong labels; half of those drawn anew are right."""
    return drawn(f"flipped {percent} %", flip_y=2 * percent / 100)


OWN_TABLES = (
    *(
        Table(name, "scikit-learn", partial(getattr(datasets, f"load_{name}"), return_X_y=True))
        for name in ("wine", "breast_cancer", "digits")
    ),
    *(flipped(percent) for percent in (0, 5, 10, 20)),
    drawn("imbalance 1:50", n_samples=3000, weights=[50 / 51]),
    drawn(
        "30 classes",
        n_samples=3000,
        n_features=30,
        n_informative=15,
        n_redundant=0,
        n_classes=30,
        n_clusters_per_class=1,
    ),
)
NOISY_TABLE = Table(LABEL_NOISE, LABEL_NOISE, partial(datasets.load_digits, return_X_y=True), 0.2)


def load_file(path):
    """Load samples and labels from an ``.npz`` file."""
    with np.load(path) as arrays:
        return arrays["X"], arrays["y"]


def folder_tables(folder):
    """List the tables of a folder, by name; none without a folder.

    Raises
    ------
    ValueError
        If the folder holds no ``.npz`` file, or one with the name of another table.
    """
    if folder is None:
        return []
    paths = sorted(Path(folder).glob("*.npz"))
    taken = {path.stem for path in paths} & {table.name for table in (*OWN_TABLES, NOISY_TABLE)}
    if taken or not paths:
        found = f"files with names of other tables: {sorted(taken)}" if taken else "no .npz files"
        raise ValueError(f"--tables has to be a folder of tables; {folder} holds {found}.")
    return [Table(path.stem, "files", partial(load_file, path)) for path in paths]


def replace_labels(y, share, seed):
    """Replace a share of the labels, each by one of the other classes at random."""
    random_state = np.random.RandomState(seed)
    classes, codes = np.unique(y, return_inverse=True)
    rows = random_state.choice(len(y), round(share * len(y)), replace=False)
    codes[rows] += random_state.randint(1, len(classes), len(rows))
    return classes[codes % len(classes)]


# Measuring ------------------------------------------------------------------------------------


def score_fold(model, X, y, train, test, labels):
    """Train a model behind a scaler on one fold's labels, and score it on the others."""
    pipeline = make_pipeline(StandardScaler(), model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = perf_counter()
        pipeline.fit(X[train], labels)
        fit_s = perf_counter() - start
    unconverged = [issubclass(one.category, ConvergenceWarning) for one in caught]
    for one, known in zip(caught, unconverged, strict=True):
        if not known:
            warnings.warn(one.message, stacklevel=2)
    probabilities = pipeline.predict_proba(X[test])
    scores = {
        "accuracy": accuracy_score(y[test], pipeline.predict(X[test])),
        "log_loss": log_loss(y[test], probabilities, labels=pipeline.classes_),
        "fit_s": fit_s,
        "unconverged": any(unconverged),
    }
    if hasattr(model, "label_noise_"):
        scores["label_noise_"] = float(model.label_noise_)
    return scores


def score(table, name):
    """Cross-validate a model on a table and gather the record."""
    X, y = table.load()
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED).split(X, y)
    found = []
    with threadpool_limits(1):
        for fold, (train, test) in enumerate(folds):
            labels = y[train]
            if table.wrong_labels:
                labels = replace_labels(labels, table.wrong_labels, fold)
            found.append(score_fold(table.models[name](), X, y, train, test, labels))
    shape = {"n_samples": len(X), "n_features": X.shape[1], "n_classes": len(np.unique(y))}
    described = {"table": table.name, "origin": table.origin, "model": name, **shape}
    if table.wrong_labels:
        described["wrong_labels"] = table.wrong_labels
    return described | _summarise(found)


def _summarise(folds):
    """Gather means and values of the folds."""
    values = {key: [fold[key] for fold in folds] for key in folds[0]}
    times, warned = values.pop("fit_s"), values.pop("unconverged")
    means = {key: round(mean(own), DECIMALS) for key, own in values.items()}
    by_fold = {f"fold_{key}": [round(one, DECIMALS) for one in own] for key, own in values.items()}
    # The median, since the first fit of a process loads or compiles the kernels.
    return means | {"fit_s": median(times), "fold_unconverged": warned} | by_fold


# Records --------------------------------------------------------------------------------------


def read(path):
    """Read the document; an empty one if there is no file."""
    if not path.exists():
        return {"measured": [], "parameters": [], "scores": []}
    return json.loads(path.read_text(encoding="utf-8"))


def parameters(name):
    """Gather the parameters of a model, as they are written on record."""
    return plain({**MODELS, **NOISE_MODELS}[name]().get_params())


def current(document):
    """Get the scores of the models that still have the parameters on record."""
    recorded = {one["model"]: one["parameters"] for one in document["parameters"]}
    known = {name for name in recorded if name in MODELS or name in NOISE_MODELS}
    same = {name for name in known if recorded[name] == parameters(name)}
    return [one for one in document["scores"] if one["model"] in same]


def place(record):
    """Give a record's place among tables: by origin, then as listed here or by name."""
    names = [table.name for table in OWN_TABLES]
    listed = names.index(record["table"]) if record["table"] in names else -1
    return (*ORIGINS, LABEL_NOISE).index(record["origin"]), listed, record["table"]


def save(path, measured, scores):
    """Write everything, in one order whatever was finished first."""
    order = [*MODELS, *NOISE_MODELS]
    scores.sort(key=lambda one: (place(one), order.index(one["model"])))
    names = sorted({one["model"] for one in scores}, key=order.index)
    made = [{"model": name, "parameters": parameters(name)} for name in names]
    write_document(path, {"measured": measured, "parameters": made, "scores": scores})


def choose(tables, only):
    """List pairs of a table and a model's name: all, or those of the names given.

    Raises
    ------
    ValueError
        If a name is that of no table and no model.
    """
    names, models, only = {table.name for table in tables}, set(MODELS), set(only)
    if unknown := only - names - models:
        known = sorted(names | models)
        raise ValueError(f"--only has to name tables or models: {known}; got {sorted(unknown)}.")
    names, models = only & names or names, only & models or models
    return [
        (table, name)
        for table in tables
        for name in table.models
        if table.name in names and name.split(",")[0] in models
    ]


def run(folder, only=(), n_workers=1, again=False, path=RECORDS):
    """Measure what is not on record yet, saving after each table and model."""
    pairs = choose([*folder_tables(folder), *OWN_TABLES, NOISY_TABLE], only)
    document = read(path)
    scores = current(document)
    if again:
        wanted = {(table.name, name) for table, name in pairs}
        scores = [one for one in scores if (one["table"], one["model"]) not in wanted]
    done = {(one["table"], one["model"]) for one in scores}
    missing = [(table, name) for table, name in pairs if (table.name, name) not in done]
    measured = document["measured"]
    here = plain({**environment(), "workers": n_workers})
    if missing and here not in measured:
        measured.append(here)
    workers = Parallel(n_jobs=n_workers, return_as="generator_unordered")
    for record in workers(delayed(score)(table, name) for table, name in missing):
        scores.append(record | {"measured": measured.index(here)})
        save(path, measured, scores)
        print(" | ".join([record["table"], record["model"], *_cells(record)]), flush=True)


# Report ---------------------------------------------------------------------------------------

LAYOUTS = {
    "accuracy": lambda value: f"{100 * value:.1f}",
    "log_loss": lambda value: f"{value:.3f}",
    "fit_s": lambda value: f"{value:.3g}",
    "label_noise_": lambda value: f"{value:.3f}",
}
BEST = {"accuracy": max, "log_loss": min}


def _cells(record):
    """Lay out the scores of a record."""
    return [layout(record[key]) if key in record else "" for key, layout in LAYOUTS.items()]


class Scores:
    """Records of the tables, by table and model.

    Parameters
    ----------
    records : list of dict
        Scores of the document; those of other sections are left out.
    """

    def __init__(self, records):
        records = sorted((one for one in records if one["origin"] in ORIGINS), key=place)
        self.cells = {(one["table"], one["model"]): one for one in records}
        self.tables = {one["table"]: one for one in records}
        self.models = [name for name in MODELS if any(name == one["model"] for one in records)]

    def value(self, table, model, key):
        """Get a score; None if it is not on record."""
        return self.cells.get((table, model), {}).get(key)

    def complete(self, origins=ORIGINS):
        """List the tables of some origins that every model is on record for."""
        return [
            table
            for table, one in self.tables.items()
            if one["origin"] in origins
            and all((table, model) in self.cells for model in self.models)
        ]

    def gaps(self, model, other):
        """Compute by how many points of accuracy a model is above another, by table."""
        both = [t for t in self.tables if {(t, model), (t, other)} <= self.cells.keys()]
        accuracies = {t: [self.value(t, one, "accuracy") for one in (model, other)] for t in both}
        # Rounded, for a gap of exactly one point to be one.
        return {t: round(100 * (own - others), 6) for t, (own, others) in accuracies.items()}

    def standing(self, model):
        """Count the tables where a model is ahead of the reference, level with it, and behind."""
        gaps = self.gaps(model, REFERENCE).values()
        return Counter(
            "level" if abs(gap) <= LEVEL else "ahead" if gap > 0 else "behind" for gap in gaps
        )

    def means(self, key):
        """Compute the models' means over the tables of each origin, and over all, by heading."""
        parts = {one: self.complete([one]) for one in ORIGINS}
        headings = {f"mean of {len(own)}, {one}": own for one, own in parts.items()}
        headings[f"mean of all {len(self.complete())}"] = self.complete()
        return {
            heading: [mean(self.value(t, model, key) for t in own) for model in self.models]
            for heading, own in headings.items()
            if own
        }


def print_scores(scores, key, shapes=()):
    """Print a table of one score, a column per model, with the best in bold."""
    rows = []
    for table, one in scores.tables.items():
        values = [scores.value(table, model, key) for model in scores.models]
        rows.append([table, *(str(one[shape]) for shape in shapes), *_row(values, key)])
    for heading, values in scores.means(key).items():
        rows.append([heading, *("" for _ in shapes), *_row(values, key)])
    headings = [shape.removeprefix("n_") for shape in shapes]
    print(markdown_table(["table", *headings, *scores.models], rows))


def _row(values, key):
    """Lay out the scores of one line; what looks as good as the best is bold too."""
    cells = ["" if value is None else LAYOUTS[key](value) for value in values]
    known = [value for value in values if value is not None]
    best = LAYOUTS[key](BEST[key](known)) if key in BEST else None
    return [f"**{cell}**" if cell == best else cell for cell in cells]


def print_standings(scores):
    """Print how both classifiers stand to the reference and to the linear model."""
    for model in OWN_NAMES:
        if gaps := scores.gaps(model, REFERENCE):
            counts = scores.standing(model)
            print(
                f"\n{model} beside {REFERENCE}, tables where it is ahead: {counts['ahead']}, level "
                f"(within {LEVEL:g} point): {counts['level']}, behind: {counts['behind']}; of "
                f"{len(gaps)}."
            )
        if gaps := scores.gaps(model, LINEAR):
            table = min(gaps, key=gaps.get)
            largest = f"{-gaps[table]:.1f} points, on {table}" if gaps[table] < 0 else "none"
            print(f"\nLargest gap of {model} below {LINEAR}: {largest}.")


def print_times(scores, measured):
    """Print training times, and how many fits ended before they had converged."""
    used = [measured[i] for i in sorted({one["measured"] for one in scores.cells.values()})]
    machines = dict.fromkeys(
        f"{one['processor']} with {one['cores']} cores, fits at a time: {one['workers']}"
        for one in used
    )
    print("\n### training time\n")
    print(f"Seconds, the median of {N_FOLDS} fits with one thread each; {'; '.join(machines)}.\n")
    print_scores(scores, "fit_s")
    parts = []
    for model in scores.models:
        own = [one for (_, name), one in scores.cells.items() if name == model]
        warned = [entry for one in own for entry in one["fold_unconverged"]]
        parts.append(f"{model} {sum(warned)} of {len(warned)}")
    print(f"\nFits that ended with a ConvergenceWarning: {', '.join(parts)}.")


def print_label_noise(records):
    """Print the scores where training labels were replaced."""
    found = [one for one in records if one["origin"] == LABEL_NOISE]
    if not found:
        return
    share = found[0]["wrong_labels"]
    print("\n### label noise\n")
    print(
        f"Digits with {100 * share:g} % of the training labels replaced by another class at random "
        "and the test labels as they are. The last column is the fitted model's `label_noise_`.\n"
    )
    keys = ("accuracy", "log_loss", "label_noise_")
    rows = [
        [one["model"], *(LAYOUTS[key](one[key]) if key in one else "" for key in keys)]
        for one in found
    ]
    print(markdown_table(["model", "accuracy", "log-loss", "estimated label noise"], rows))


def report(path=RECORDS):
    """Print accuracies, log-losses, times, and the section on label noise as Markdown."""
    document = read(path)
    scores = Scores(document["scores"])
    if scores.tables:
        print("### accuracy\n")
        print(f"Accuracy in percent: mean over {N_FOLDS} folds, everything at its defaults.\n")
        print_scores(scores, "accuracy", shapes=("n_samples", "n_features", "n_classes"))
        print_standings(scores)
        print("\n### log-loss\n")
        print_scores(scores, "log_loss")
        print_times(scores, document["measured"])
    print_label_noise(document["scores"])


def plot(figure=FIGURE, path=RECORDS):
    """Draw accuracies and log-losses; this alone needs matplotlib."""
    from tables_plot import draw

    scores = Scores(read(path)["scores"])
    if not scores.tables:
        raise SystemExit(f"Nothing is on record yet in {path}: run first.")
    draw(scores, REFERENCE, OWN_NAMES, figure)


def main(arguments=None):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("report", help="print the tables")
    drawing = commands.add_parser("plot", help="draw accuracies and log-losses")
    drawing.add_argument("file", type=Path, nargs="?", default=FIGURE)
    options = commands.add_parser("run", help="measure what is not on record")
    default = os.environ.get("SKLEARN_BP_TABLES")
    options.add_argument("--tables", default=default, help="folder of .npz files")
    options.add_argument("--only", nargs="+", default=[], help="names of tables or models")
    options.add_argument("--workers", type=int, default=1, help="processes that measure")
    options.add_argument("--again", action="store_true", help="measure what is on record too")
    arguments = parser.parse_args(arguments)
    if arguments.command == "report":
        report()
    elif arguments.command == "plot":
        plot(arguments.file)
    else:
        if arguments.tables is None:
            print("No --tables: only the tables that scikit-learn has.", flush=True)
        run(arguments.tables, arguments.only, arguments.workers, arguments.again)


if __name__ == "__main__":
    main()
