"""Error of BP's cavity messages by polynomials, against exact edges, over whole trainings.

    python examples/benchmarks/expansion_error.py run      # trains, measures what is not on record
    python examples/benchmarks/expansion_error.py report   # prints the tables

The data come from the folder named by ``--data-home`` or ``SKLEARN_BP_DATA``, else from OpenML.
A setting is a network in training: at some epochs its posterior is kept in ``--scratch``, so that a
run can be cut off and go on, and one PasP step of BP is taken from it on each of several
mini-batches, in float32 as usual and again in float64 with exact edges. What is compared are H_in
and B_in of every layer that has cavities, as ‖difference‖ / ‖exact‖. Three errors are told apart:

* of the whole step, messages that came down from the layers above and rounding included;
* of the layer's own sums, from the very same ω, V and B, where only polynomials and rounding count;
* of a float32 step with exact edges, which is what rounding alone makes of the step.

Every measurement is one line of ``results/expansion_error.jsonl``.
"""

import argparse
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from records import RESULTS, append_line, environment, markdown_table, read_lines
from threadpoolctl import threadpool_limits

from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.cavity import series
from sklearn_bp.datasets import load_mnist
from sklearn_bp.engine import layout
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import LayerPosterior, draw_posterior

RECORDS = RESULTS / "expansion_error.jsonl"
TOLERANCE = 1e-4
"""What the classifiers ask for by default."""

QUANTITIES = ("H_in", "B_in")
ERRORS = ("step", "own", "rounding")


# Data -------------------------------------------------------------------------------------------


def standardised(data_home):
    """MNIST with one mean and one standard deviation."""
    data = load_mnist(data_home=data_home)
    return data.X_train, data.y_train


def raw_pixels(data_home):
    """MNIST as grey values from 0 to 255."""
    data = load_mnist(data_home=data_home, standardize=False)
    return 255 * data.X_train, data.y_train


def feature_by_feature(data_home):
    """MNIST with every pixel standardised by itself: rarely used ones reach hundreds."""
    X, y = standardised(data_home)
    scale = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1), y


def outliers(data_home):
    """MNIST, standardised, with one entry in a thousand put to ±20."""
    X, y = standardised(data_home)
    random_state = np.random.RandomState(0)
    hit = random_state.uniform(size=X.shape) < 1e-3
    return np.where(hit, random_state.choice([-20, 20], size=X.shape), X).astype(np.float32), y


def student(data_home):
    """Features with Student's t-distribution of two degrees of freedom, classes by a teacher."""
    random_state = np.random.RandomState(0)
    X = random_state.standard_t(2, size=(12_800, 300))
    teacher = random_state.standard_normal((300, 10))
    return X.astype(np.float32), (np.tanh(X) @ teacher).argmax(axis=1)


# Settings ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """A network in training, and how BP is measured on it.

    Attributes
    ----------
    name : str
        What the tables call it.
    load : callable
        Gives X and y.
    hidden : tuple of int
        Units of the hidden layers.
    epochs : tuple of int
        After which epochs to measure.
    algo : str
        Algorithm that trains.
    batch_size : int
        Samples per mini-batch, in training and in measurements.
    n_batches : int
        Mini-batches to measure on.
    density : float
        Fraction of the weights that exist.
    rho : float
        Of the hidden layers: above 1 weights become certain, and variances small.
    least_edges : int or None
        Layers with fewer edges are summed exactly; None for the package's number.
    compressed : bool
        Whether strongly pruned weights are stored without the missing ones, as usual.
    """

    name: str
    load: object
    hidden: tuple
    epochs: tuple
    algo: str = "bp"
    batch_size: int = 128
    n_batches: int = 8
    density: float = 1.0
    rho: float = 1.0
    least_edges: int | None = None
    compressed: bool = True

    def network(self, n_features, n_classes, algo, **options):
        """Describe the network."""
        return make_network(
            (n_features, *self.hidden, n_classes),
            algo=algo,
            rho=(self.rho,) * len(self.hidden) + (0.9,),
            damping=0.8,
            density=self.density,
            intercept=False,
            **options,
        )


LONG = (1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
SETTINGS = (
    Setting("2 × 501", standardised, (501, 501), LONG, algo="amp"),
    Setting("2 × 501, rho 1.001", standardised, (501, 501), (5, 10), algo="amp", rho=1.001),
    Setting("2 × 501, batch 16", standardised, (501, 501), (1, 10), algo="amp", batch_size=16),
    Setting("2 × 501, density 0.1", standardised, (501, 501), (1, 10), algo="amp", density=0.1),
    Setting(
        "2 × 501, density 0.1, kept as matrices",
        standardised,
        (501, 501),
        (1, 10),
        algo="amp",
        density=0.1,
        compressed=False,
    ),
    Setting("30 and 5 units", standardised, (30, 5), (1, 10)),
    Setting("30 and 5 units, small layers too", standardised, (30, 5), (1, 10), least_edges=0),
    Setting("5 and 30 units, small layers too", standardised, (5, 30), (1, 10), least_edges=0),
    Setting("2 × 101, raw pixels", raw_pixels, (101, 101), (1, 10)),
    Setting("2 × 101, feature by feature", feature_by_feature, (101, 101), (1, 10)),
    Setting("2 × 101, outliers of ±20", outliers, (101, 101), (1, 10)),
    Setting("2 × 101, Student's t", student, (101, 101), (1, 10)),
)


# Training ---------------------------------------------------------------------------------------


class Checkpoints:
    """The posteriors of a setting after some epochs, on disk.

    Parameters
    ----------
    setting : Setting
        What is trained.
    X, y : ndarray
        Its data.
    folder : Path
        Where the posteriors are kept.
    """

    def __init__(self, setting, X, y, folder):
        self.setting, self.X, self.y = setting, X, y
        described = f"{setting.load.__name__}-{'-'.join(map(str, setting.hidden))}"
        described += f"-{setting.algo}-{setting.batch_size}-{setting.density:g}-{setting.rho:g}"
        self.folder = folder / described
        self.folder.mkdir(parents=True, exist_ok=True)
        self.network = setting.network(X.shape[1], int(y.max()) + 1, setting.algo)

    def after(self, n_epochs):
        """Get the posterior after some epochs, trained on from the latest one on disk."""
        done = max(
            (epoch for epoch in range(1, n_epochs + 1) if self._path(epoch).exists()), default=0
        )
        posterior = (
            self._read(done) if done else draw_posterior(self.network, np.random.RandomState(0))
        )
        if done == n_epochs:
            return posterior
        engine = Engine(self.network, posterior, CpuBackend())
        for epoch in range(done, n_epochs):
            order = engine.draw_order(self.X.shape[0], np.random.RandomState(epoch + 1))
            engine.epoch(self.X, self.y, order, self.setting.batch_size)
        posterior = engine.posterior()
        self._write(n_epochs, posterior)
        return posterior

    def _path(self, epoch):
        return self.folder / f"{epoch}.npz"

    def _write(self, epoch, posterior):
        """Keep a posterior; a file cut off in the middle never bears the final name."""
        arrays = {}
        for index, layer in enumerate(posterior):
            arrays |= {f"{name}_{index}": getattr(layer, name) for name in ("field", "mean")}
            if layer.mask is not None:
                arrays[f"mask_{index}"] = layer.mask
        unfinished = self.folder / "unfinished.npz"
        np.savez(unfinished, **arrays)
        unfinished.replace(self._path(epoch))

    def _read(self, epoch):
        """Get a posterior back."""
        with np.load(self._path(epoch)) as arrays:
            layers = []
            for index in range(self.network.n_layers):
                field, mean = arrays[f"field_{index}"], arrays[f"mean_{index}"]
                mask = arrays[f"mask_{index}"] if f"mask_{index}" in arrays else None
                variance = (1 - mean) * (1 + mean) * (1 if mask is None else mask)
                layers.append(LayerPosterior(field, mean, variance, field[:0], mask))
        return layers


# Measurement ------------------------------------------------------------------------------------


class Recorder(CpuBackend):
    """A backend that keeps H_in of every layer, the last layer's first."""

    def __init__(self):
        super().__init__()
        self.fields = []

    def update(self, prior, bad, field_in, *arguments):
        """Keep a copy of what ±1 weights get, and go on."""
        if prior.name == "binary":
            self.fields.append(field_in.copy())
        super().update(prior, bad, field_in, *arguments)


def take_step(network, posterior, X, y, rows):
    """Take one PasP step; return the engine's layers, H_in of each, and its rows."""
    backend = Recorder()
    dtype = network.dtype
    start = [
        replace(
            layer,
            field=layer.field.astype(dtype),
            mean=layer.mean.astype(dtype),
            variance=layer.variance.astype(dtype),
            precision=layer.precision.astype(dtype),
        )
        for layer in posterior
    ]
    engine = Engine(network, start, backend)
    engine.step(X[rows].astype(dtype), y[rows], np.arange(len(rows)))
    return engine.layers, backend.fields[::-1]


def own_sums(layer, mean):
    """Sum a dense layer's exact edges in float64 from its own ω, V, B and x̂; `mean` came before."""
    backend, doubled = CpuBackend(), {}
    for name in ("omega", "v", "x"):
        doubled[name] = getattr(layer.batch, name).astype(np.float64)
    parameters = np.empty((3, *layer.batch.omega.shape))
    above = layer.above
    backend.edge_parameters(
        layer.channel_above,
        above.batch.down_field.astype(np.float64),
        above.batch.down_precision.astype(np.float64),
        doubled["v"],
        parameters,
    )
    down_field, field_in = np.empty(layer.batch.x.shape), np.empty(mean.shape)
    backend.edge_sums(
        layer.channel_above,
        doubled["omega"],
        parameters,
        doubled["x"],
        mean.astype(np.float64),
        layer.sample_weight.astype(np.float64),
        down_field,
        field_in,
    )
    return field_in, down_field


def relative_error(value, exact, mask=None):
    """Compute ‖value − exact‖ / ‖exact‖ over the weights that exist."""
    if mask is not None:
        value, exact = value[mask], exact[mask]
    return float(np.linalg.norm(value - exact) / np.linalg.norm(exact))


def compare(setting, posterior, X, y, rows):
    """Measure one mini-batch: a record for every layer with cavities."""
    shape = X.shape[1], int(y.max()) + 1

    def step(dtype, edges):
        return take_step(
            setting.network(*shape, "bp", dtype=dtype, edges=edges), posterior, X, y, rows
        )

    expanded, exact, rounded = (
        step("float32", "auto"),
        step("float64", "exact"),
        step("float32", "exact"),
    )
    records = []
    for index, layer in enumerate(expanded[0]):
        if layer.plain_sums:
            continue
        mask = None if layer.layout.compressed else posterior[index].mask
        values = {"step": (expanded[1][index], layer.batch.down_field)}
        values["rounding"] = (rounded[1][index], rounded[0][index].batch.down_field)
        references = dict.fromkeys(values, (exact[1][index], exact[0][index].batch.down_field))
        if not layer.layout.compressed:
            values["own"] = values["step"]
            references["own"] = own_sums(layer, posterior[index].mean)
        record = {
            "degree": getattr(layer.own, "degree", 0),
            "samples": _samples_by_degree(layer),
            "exact_share": getattr(layer.own, "exact_share", 1.0),
        }
        for error, value in values.items():
            fields = relative_error(value[0], references[error][0], mask)
            record[f"{error}_H_in"] = fields
            if layer.has_units_below:
                record[f"{error}_B_in"] = relative_error(value[1], references[error][1])
        records.append(record)
    return records


def _samples_by_degree(layer):
    """Tell which share of a mini-batch's samples was expanded to each degree, 0 if exactly."""
    if not getattr(layer.own, "degree", 0):
        return {0: 1.0}
    degrees, counts = np.unique(layer.own.sample_degree, return_counts=True)
    return dict(zip(degrees.tolist(), (counts / counts.sum()).tolist(), strict=True))


class Options:
    """Sets the package's numbers as a setting asks for, and puts them back."""

    def __init__(self, setting):
        self.setting = setting

    def __enter__(self):
        self._kept = series.LEAST_EDGES, layout.COMPRESSED_DENSITY
        if self.setting.least_edges is not None:
            series.LEAST_EDGES = self.setting.least_edges
        if not self.setting.compressed:
            layout.COMPRESSED_DENSITY = 0.0

    def __exit__(self, *_):
        series.LEAST_EDGES, layout.COMPRESSED_DENSITY = self._kept


def measure(setting, epoch, posterior, X, y):
    """Measure several mini-batches: a record for every layer with cavities."""
    random_state, batches = np.random.RandomState(epoch), []
    with Options(setting):
        for _ in range(setting.n_batches):
            rows = random_state.choice(X.shape[0], setting.batch_size, replace=False)
            batches.append(compare(setting, posterior, X, y, rows))
    return [
        {
            "setting": setting.name,
            "epoch": epoch,
            "layer": index + 1,
            "n_batches": len(of_layer),
            "degrees": dict(sorted(Counter(one["degree"] for one in of_layer).items())),
            "samples": {
                degree: float(np.mean([one["samples"].get(degree, 0.0) for one in of_layer]))
                for degree in sorted(set().union(*(one["samples"] for one in of_layer)))
            },
            "exact_share": float(np.mean([one["exact_share"] for one in of_layer])),
            "errors": {
                name: {"median": median(values), "max": max(values)}
                for name, values in _by_error(of_layer).items()
            },
        }
        for index, of_layer in enumerate(zip(*batches, strict=True))
    ]


def _by_error(records):
    """Gather the numbers of several mini-batches by name."""
    names = [name for name in records[0] if name.endswith(QUANTITIES)]
    return {name: [one[name] for one in records] for name in names}


def run(settings, data_home, scratch, n_threads, records=RECORDS):
    """Measure whatever is not on record yet."""
    done = {(one["setting"], one["epoch"]) for one in read_lines(records)}
    for setting in settings:
        missing = [epoch for epoch in setting.epochs if (setting.name, epoch) not in done]
        if not missing:
            continue
        X, y = setting.load(data_home)
        checkpoints = Checkpoints(setting, X, y, scratch)
        for epoch in missing:
            with threadpool_limits(n_threads):
                posterior = checkpoints.after(epoch)
                found = measure(setting, epoch, posterior, X, y)
            for record in found:
                append_line(records, record | {"trained_by": setting.algo} | environment())
                print(" | ".join(_row(record)), flush=True)


# Report -----------------------------------------------------------------------------------------


def _row(record):
    """Lay out a record as cells of the table."""
    highest = ", ".join(f"{degree} ({count})" for degree, count in record["degrees"].items())
    samples = ", ".join(f"{degree} ({share:.0%})" for degree, share in record["samples"].items())
    cells = [record["setting"], str(record["epoch"]), str(record["layer"]), highest, samples]
    cells.append(f"{record['exact_share']:.2%}")
    for error in ERRORS:
        for quantity in QUANTITIES:
            entry = record["errors"].get(f"{error}_{quantity}")
            cells.append("" if entry is None else f"{entry['median']:.0e} / {entry['max']:.0e}")
    return cells


def largest_errors(records):
    """Find, for every setting, how many steps were sampled and the largest error of each kind.

    Parameters
    ----------
    records : list of dict
        Records of any settings.

    Returns
    -------
    dict of (int, dict)
        By setting: steps, and the largest error by the names of :data:`ERRORS`, of those measured.
    """
    found = {}
    for record in records:
        steps, largest = found.setdefault(record["setting"], ({}, {}))
        steps[record["epoch"]] = record["n_batches"]
        for name, entry in record["errors"].items():
            error = name.split("_")[0]
            largest[error] = max(largest.get(error, 0.0), entry["max"])
    return {name: (sum(steps.values()), largest) for name, (steps, largest) in found.items()}


def report(records=RECORDS):
    """Print the records as Markdown tables."""
    found = read_lines(records)
    rank = {setting.name: place for place, setting in enumerate(SETTINGS)}
    found.sort(key=lambda one: (rank[one["setting"]], one["epoch"], one["layer"]))
    header = ["network", "epochs", "layer", "highest degree (mini-batches)"]
    header += ["degrees (samples)", "summed exactly"]
    names = {"step": "whole step", "own": "own sums", "rounding": "rounding alone"}
    header += [f"{quantity}, {names[error]}" for error in ERRORS for quantity in QUANTITIES]
    print("Relative errors, median / largest over the mini-batches.\n")
    print(markdown_table(header, [_row(record) for record in found]))
    summary = []
    for name, (steps, largest) in largest_errors(found).items():
        cells = [f"{largest[error]:.1e}" if error in largest else "" for error in ERRORS]
        within = "yes" if largest["step"] <= TOLERANCE else "no"
        summary.append([name, str(steps), *cells, within])
    header = ["network", "steps sampled", *(f"largest error, {names[error]}" for error in ERRORS)]
    print("\n" + markdown_table([*header, "whole step ≤ 1e-4"], summary))


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("report", help="print the tables")
    options = commands.add_parser("run", help="measure what is not on record")
    names = [setting.name for setting in SETTINGS]
    options.add_argument("--settings", nargs="+", choices=names, default=names)
    options.add_argument("--data-home", default=None, help="folder of .npz files")
    options.add_argument(
        "--scratch",
        type=Path,
        default=Path(tempfile.gettempdir()) / "sklearn_bp_expansion",
        help="folder for posteriors",
    )
    options.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.command == "report":
        report()
        return
    chosen = [setting for setting in SETTINGS if setting.name in arguments.settings]
    run(chosen, arguments.data_home, arguments.scratch, arguments.threads)


if __name__ == "__main__":
    main()
