"""Markdown tables of what ``gpu.py`` measured."""

from records import markdown_table

TITLES = {
    "tests": "Tests on the GPU",
    "ceilings": "What the device can do",
    "epochs": "Seconds per epoch",
    "kernels": "Time of each kernel, and its floor",
    "accuracy": "Accuracy after five epochs",
    "first_fit": "The first fit of a process",
    "shapes": "Ways of grouping the threads of edges",
}
COLUMNS = {
    "tests": ["cell", "summary", "seconds"],
    "ceilings": ["cell", "rate", "unit"],
    "epochs": ["cell", "contender", "epoch_s", "peer_over_it", "marked"],
    "kernels": ["cell", "kernel", "calls", "us", "floor_us", "floor_of", "over_floor"],
    "accuracy": ["cell", "device", "mean", "spread", "seeds"],
    "first_fit": ["cell", "first_s", "second_s"],
    "shapes": ["cell", "epoch_s"],
}
LABELS = {
    "cell": "",
    "contender": "",
    "epoch_s": "s per 60,000 samples",
    "peer_over_it": "BinaryNet's time over it",
    "marked": "pairs summed exactly, per layer",
    "us": "µs",
    "floor_us": "floor, µs",
    "floor_of": "floor is",
    "over_floor": "over floor",
    "calls": "calls per step",
    "first_s": "first fit, s",
    "second_s": "second fit, s",
}


def print_report(document):
    """Print the machine, and a table of every part."""
    machine = document["machine"]
    device = machine["device"]
    described = ", ".join(f"{key} {value}" for key, value in device.items())
    packages = ", ".join(f"{key} {value}" for key, value in machine["versions"].items())
    print(f"Measured on {machine['date']}: {described}; {packages}.")
    print("Three numbers are the least, the median and the largest of several turns.")
    for part, columns in COLUMNS.items():
        if part in document:
            rows = [
                [_cell(record.get(column, "")) for column in columns] for record in document[part]
            ]
            print(f"\n### {TITLES[part]}\n")
            print(markdown_table([LABELS.get(column, column) for column in columns], rows))


def _cell(value):
    """Lay out one entry."""
    if isinstance(value, dict):
        return " / ".join(f"{value[part]:.3g}" for part in ("min", "median", "max"))
    if isinstance(value, list):
        return ", ".join(f"{one:.2%}" for one in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
