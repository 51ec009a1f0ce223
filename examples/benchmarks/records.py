"""What the benchmark scripts share: parameters, records on disk, versions, tables.

A record is a dict. Long measurements append one JSON line per finished run to a file, so that they
can be stopped and resumed; short ones write one JSON document.
"""

import json
import os
import platform
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("scikit-learn", "numpy", "numba", "scipy", "torch", "pytagi")


PARAMETERS = {
    "algo": "bp",
    "weight_prior": "binary",
    "output_rho": 0.9,
    "damping": 0.9,
    "likelihood_weight": 1.0,
    "label_noise": 0.0,
    "argmax": "pairwise",
    "n_iter_no_change": 1_000_000,
}
"""Of every classifier that is measured, unless a script says otherwise, so that records keep their
meaning whatever the defaults are; those are measured by ``tables.py`` alone."""


def parameters(**others):
    """Gather the parameters of a classifier that is measured."""
    return PARAMETERS | others


def versions():
    """Gather the versions of what is measured: the package, its requirements, and the peers."""
    import sklearn_bp

    found = {"python": platform.python_version(), "sklearn_bp": sklearn_bp.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def environment():
    """Describe where a measurement was made."""
    return {
        "date": date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "versions": versions(),
    }


def processor():
    """Name the processor."""
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def plain(value):
    """Turn NumPy numbers, and what holds them, into what JSON can write; round floats."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else str(value)
    return value


def append_line(path, record):
    """Append a record to a file of JSON lines."""
    path.parent.mkdir(exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(plain(record)) + "\n")


def read_lines(path):
    """Read the records of a file of JSON lines; none if there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_document(path, document):
    """Write one JSON document, an entry of the outermost lists per line."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(_layout(plain(document)) + "\n", encoding="utf-8")


def _layout(document):
    """Write a dict with a line per entry, and a line per element of the lists it holds."""
    parts = []
    for key, value in document.items():
        if isinstance(value, list):
            rows = ",\n  ".join(json.dumps(element) for element in value)
            parts.append(f" {json.dumps(key)}: [\n  {rows}\n ]")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}"


def markdown_table(header, rows):
    """Lay out rows of strings as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
