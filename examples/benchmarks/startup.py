"""How long a fresh process takes to import the package, and to make its first small fit.

    python examples/benchmarks/startup.py          # about three minutes
    python examples/benchmarks/startup.py report   # prints the table

Importing is measured over importing the parts of scikit-learn that any classifier needs. The first
fit is one epoch of a 64-30-10 network on 500 digits: once with an empty cache of compiled kernels
(cold), then again in processes that find them there (warm). Two processes that start together on
a full cache tell whether workers compile again. Every time is that of a process of its own, with
one thread; beside it stands the processor time. Results go to ``results/startup.json``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from records import RESULTS, environment, markdown_table, parameters, write_document

RECORDS = RESULTS / "startup.json"
ALGORITHMS = ("mf", "amp", "bpi", "bp")
GOALS = {"import": 1.0, "cold": 6.0, "warm": 2.0, "together": 2.0}
"""Seconds that must not be exceeded."""

CLOCK = """
import json, os, time
def now():
    return time.perf_counter(), time.process_time()
def report(start):
    wall, processor = (end - begin for end, begin in zip(now(), start))
    print(json.dumps({"wall_s": wall, "processor_s": processor}))
"""
IMPORT = """
import sklearn.base, sklearn.metrics, sklearn.model_selection, sklearn.utils.validation
start = now()
import sklearn_bp
report(start)
"""
FIT = """
from sklearn.datasets import load_digits
from sklearn_bp import BPClassifier
X, y = load_digits(return_X_y=True)
X = (X[:500] - X.mean()) / X.std()
start = now()
BPClassifier((30,), **{settings}).fit(X, y[:500])
report(start)
"""


def start(code, cache):
    """Start a process that runs code with a folder of compiled kernels."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    environ = os.environ | threads | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", CLOCK + code]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)


def finish(process):
    """Wait for a process and read what it measured."""
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"a measured process failed with status {process.returncode}")
    return json.loads(output)


def spread(measured):
    """Gather least, median and largest of the times of several processes."""
    found = {}
    for name in measured[0]:
        times = [one[name] for one in measured]
        found[name] = {"min": min(times), "median": median(times), "max": max(times)}
    return found


def measure_import(n_repeats):
    """Measure importing; the first process, which reads the files from disk, does not count."""
    with tempfile.TemporaryDirectory() as cache:
        measured = [finish(start(IMPORT, cache)) for _ in range(n_repeats + 1)]
    return {"what": "import", "algo": "", **spread(measured[1:])}


def measure_fits(algo, n_repeats, n_cold):
    """Measure first fits with an empty and with a full cache, alone and in pairs."""
    settings = parameters(algo=algo, max_iter=1, device="cpu", random_state=0)
    code, cold = FIT.format(settings=settings), []
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(n_cold):
            cache = Path(folder) / str(repeat)
            cold.append(finish(start(code, cache)))
        warm = [finish(start(code, cache)) for _ in range(n_repeats)]
        together = [finish(process) for process in [start(code, cache) for _ in range(2)]]
    found = {"cold": cold, "warm": warm, "together": together}
    return [{"what": what, "algo": algo, **spread(times)} for what, times in found.items()]


def run(path, algorithms=ALGORITHMS, n_repeats=5, n_cold=2):
    """Measure everything and write it."""
    records = [measure_import(n_repeats)]
    for algo in algorithms:
        records += measure_fits(algo, n_repeats, n_cold)
    document = {"startup": records, "measured": environment()}
    write_document(path, document)
    report(path)


def report(path):
    """Print the table."""
    rows = []
    for record in json.loads(path.read_text(encoding="utf-8"))["startup"]:
        times = [
            " / ".join(f"{record[name][part]:.2f}" for part in ("min", "median", "max"))
            for name in ("wall_s", "processor_s")
        ]
        rows.append([record["what"], record["algo"], *times, f"{GOALS[record['what']]:g}"])
    print("Seconds, least / median / largest.\n")
    print(markdown_table(["", "algorithm", "wall clock", "processor", "goal"], rows))


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", nargs="?", default="run", choices=("run", "report"))
    parser.add_argument("--output", type=Path, default=RECORDS, help="JSON file")
    arguments = parser.parse_args()
    if arguments.command == "report":
        report(arguments.output)
    else:
        run(arguments.output)


if __name__ == "__main__":
    main()
