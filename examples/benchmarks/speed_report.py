"""Tables and figures of the speed benchmark, from its JSON document."""

from records import markdown_table

LABELS = {
    "hidden": "hidden units",
    "n_features": "features",
    "batch_size": "batch",
    "threads": "threads",
    "contender": "",
    "n_samples": "samples measured",
    "n_rows": "rows",
    "layers": "layers",
    "density": "density",
    "rho": "rho",
    "epochs_before": "epochs before",
    "epoch_s": "s per 60,000 samples",
    "processor_s": "processor s",
    "ratio": "ratio to MLPClassifier",
    "processor_ratio": "ratio of processor time",
    "products_s": "products alone, s",
    "share_outside_products": "share outside products",
    "multiply_adds_per_weight": "multiply-adds per weight and sample",
    "degrees": "degree, share exact",
    "channel": "channel",
    "dtype": "precision",
    "edges_per_s": "million edges a second",
    "two_threads_s": "with two threads",
    "speedup": "speed-up",
    "least_speedup": "of least times",
    "attainable": "two processes over one",
    "fits": "fits",
    "threads_per_worker": "threads per worker",
    "search_s": "search, s",
    "predict_s": "predict, ms",
    "step_s": "partial_fit, µs",
    "imported_bytes": "imported, MB",
    "loaded_bytes": "data loaded, MB",
    "trained_bytes": "peak, MB",
}
SCALES = {"predict_s": 1e3, "step_s": 1e6, "edges_per_s": 1e-6}
COMMON = ["hidden", "batch_size", "threads", "contender", "n_samples", "epoch_s", "ratio"]
COLUMNS = {
    "memory": ["hidden", "density", "contender", "imported_bytes", "loaded_bytes", "trained_bytes"],
    "networks": [*COMMON, "processor_ratio", "products_s", "share_outside_products", "degrees"],
    "trained": [
        "rho",
        "epochs_before",
        "contender",
        "epoch_s",
        "ratio",
        "processor_ratio",
        "degrees",
    ],
    "threads": [
        "hidden",
        "batch_size",
        "contender",
        "epoch_s",
        "two_threads_s",
        "speedup",
        "least_speedup",
        "attainable",
    ],
    "edges": ["layers", "batch_size", "channel", "dtype", "edges_per_s"],
    "search": ["contender", "fits", "threads_per_worker", "search_s", "speedup"],
    "small_steps": ["layers", "batch_size", "contender", "step_s", "ratio"],
    "prediction": ["n_rows", "contender", "predict_s", "ratio"],
    "density": ["hidden", "contender", "n_samples", "epoch_s", "ratio", "processor_ratio"],
    "batch_growth": ["batch_size", "contender", "n_samples", "epoch_s", "ratio"],
    "feature_growth": ["n_features", "contender", "n_samples", "epoch_s", "ratio"],
    "sample_growth": ["n_samples", "contender", "epoch_s", "ratio"],
}


def print_tables(document):
    """Print a Markdown table for each group; three numbers are least, median and largest."""
    for group, columns in COLUMNS.items():
        if group not in document:
            continue
        rows = [[_cell(record, column) for column in columns] for record in document[group]]
        print(f"\n### {group.replace('_', ' ')}\n")
        print(markdown_table([LABELS[column] for column in columns], rows), flush=True)


def _cell(record, column):
    """Lay out one entry."""
    value = record.get(column, "")
    if column == "least_speedup":
        value = record["epoch_s"]["min"] / record["two_threads_s"]["min"]
    if isinstance(value, dict):
        scale = SCALES.get(column, 1)
        return " / ".join(f"{value[part] * scale:.3g}" for part in ("min", "median", "max"))
    if column.endswith("_bytes"):
        return f"{value / 1e6:.0f}"
    if column == "degrees":
        return ", ".join(f"{degree}, {share:.1%}" for degree, share in value)
    if isinstance(value, list | tuple):
        return "-".join(str(entry) for entry in value)
    digits = 4 if column == "rho" else 3
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


GROWTHS = {
    "batch_growth": ("batch_size", "batch size"),
    "feature_growth": ("n_features", "features"),
    "sample_growth": ("n_samples", "samples"),
}


def draw(document, folder):
    """Draw the figures into a folder, as PNG files."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    for group, (key, label) in GROWTHS.items():
        if group in document:
            figure = growth_figure(document[group], key, label)
            figure.savefig(folder / f"speed_{group}.png", dpi=150)
    if "networks" in document:
        figure = ratio_figure(document["networks"])
        figure.savefig(folder / "speed_ratios.png", dpi=150)


def growth_figure(records, key, label):
    """Draw times of an epoch against one quantity, on logarithmic axes.

    Parameters
    ----------
    records : list of dict
        A group of the document.
    key : str
        The quantity.
    label : str
        Its name on the axis.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    grows_with_samples = key == "n_samples"
    for name in dict.fromkeys(record["contender"] for record in records):
        own = [record for record in records if record["contender"] == name]
        x = [record[key] for record in own]
        factor = [n / 60_000 if grows_with_samples else 1 for n in x]
        times = [one["epoch_s"]["median"] * f for one, f in zip(own, factor, strict=True)]
        axes.loglog(x, times, "o-", label=name, markersize=3)
    seconds = "seconds per epoch" if grows_with_samples else "seconds per 60,000 samples"
    axes.set(xlabel=label, ylabel=seconds)
    axes.legend(fontsize="small")
    return figure


def ratio_figure(records, batch_size=128, n_threads=1):
    """Draw ratios of epoch times to the reference's, with their range, for each width.

    Parameters
    ----------
    records : list of dict
        The group ``networks``.
    batch_size, n_threads : int
        Which of its cells.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    from matplotlib.figure import Figure

    chosen = [
        one for one in records if (one["batch_size"], one["threads"]) == (batch_size, n_threads)
    ]
    widths = sorted({one["hidden"][0] for one in chosen})
    names = list(dict.fromkeys(one["contender"] for one in chosen))
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for place, width in enumerate(widths):
        own = {one["contender"]: one["ratio"] for one in chosen if one["hidden"][0] == width}
        x = [index + 0.25 * (place - (len(widths) - 1) / 2) for index in range(len(names))]
        middle = [own[name]["median"] for name in names]
        below = [own[name]["median"] - own[name]["min"] for name in names]
        above = [own[name]["max"] - own[name]["median"] for name in names]
        axes.bar(x, middle, 0.22, yerr=[below, above], label=f"2 × {width}", capsize=2)
    axes.set(yscale="log", ylabel="epoch time over MLPClassifier's", xticks=range(len(names)))
    axes.set_xticklabels(names, rotation=30, ha="right")
    axes.axhline(1, color="black", linewidth=0.8)
    axes.legend()
    return figure
