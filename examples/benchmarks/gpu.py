"""The CUDA backend measured on this machine's GPU: tests, times, floors, accuracy, a PyTorch peer.

    python examples/benchmarks/gpu.py            # everything that is not on record yet
    python examples/benchmarks/gpu.py --quick    # the main numbers, a few minutes, writes no file
    python examples/benchmarks/gpu.py report     # prints the tables of what is on record

Needs numba, numba-cuda, cuBLAS (without it the package's own kernel multiplies), scikit-learn and
pytest, and PyTorch for the peer; from a plain checkout, nothing has to be installed. MNIST comes
from the folder named by ``--data-home`` or ``SKLEARN_BP_DATA``, else from OpenML. Every cell is
written to ``results/gpu.json`` when it is done, and a later call goes on where an earlier one
stopped: ``--limit 540`` starts no cell after nine minutes, ``--parts epochs`` takes some parts
only, ``--again`` measures anew. Numbers of different machines do not mix: a file keeps to one.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from gpu_report import print_report  # noqa: E402
from records import RESULTS, environment, write_document  # noqa: E402

from sklearn_bp.backends.cuda import find_problem  # noqa: E402

RECORDS = RESULTS / "gpu.json"


def parse():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", nargs="?", default="run", choices=("run", "report"))
    parser.add_argument("--quick", action="store_true", help="less of everything, writes no file")
    parser.add_argument("--parts", nargs="+", default=None)
    parser.add_argument("--limit", type=float, default=None, help="seconds to start cells in")
    parser.add_argument("--again", action="store_true", help="measure what is on record too")
    parser.add_argument("--data-home", default=None, help="folder with mnist.npz")
    parser.add_argument("--output", type=Path, default=None, help="JSON file")
    return parser.parse_args()


def load(path, device):
    """Read what is on record, refusing another machine's."""
    document = json.loads(path.read_text()) if path is not None and path.exists() else {}
    other = document.get("machine", {}).get("device", {}).get("name", device["name"])
    if other != device["name"]:
        raise SystemExit(f"{path} holds numbers of {other}; give another --output.")
    return document


def run(arguments):
    """Measure cell by cell, writing each when it is done."""
    problem = find_problem()
    if problem is not None:
        raise SystemExit(f"There is nothing to measure: {problem}")
    import gpu_cells

    start = perf_counter()
    device = gpu_cells.describe()
    path = arguments.output or (None if arguments.quick else RECORDS)
    document = load(path, device)
    document["machine"] = environment() | {"device": device}
    parts = arguments.parts or list(gpu_cells.PARTS)
    bench = gpu_cells.Bench(arguments.data_home, arguments.quick)
    for part in parts:
        for name, measure in gpu_cells.PARTS[part](bench):
            records = document.setdefault(part, [])
            if not arguments.again and any(one["cell"] == name for one in records):
                continue
            if arguments.limit is not None and perf_counter() - start > arguments.limit:
                print(f"time is up before {part}: {name}; call again to go on")
                return
            print(f"{perf_counter() - start:7.1f} s  {part}: {name}", flush=True)
            found = [{"cell": name, **record} for record in measure()]
            document[part] = [one for one in records if one["cell"] != name] + found
            if path is not None:
                write_document(path, document)
    print_report(document)


def main():
    """Run or report."""
    arguments = parse()
    if arguments.command == "run":
        if arguments.data_home is not None:
            os.environ["SKLEARN_BP_DATA"] = arguments.data_home
        run(arguments)
        return
    print_report(json.loads((arguments.output or RECORDS).read_text()))


if __name__ == "__main__":
    main()
