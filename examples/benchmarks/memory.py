"""Peak memory of a whole process that trains on MNIST, the data included.

    python examples/benchmarks/memory.py amp --hidden 501 501

prints one JSON document. ``speed.py`` runs it once per contender.
"""

import argparse
import json
import resource
import sys
from pathlib import Path

from records import parameters
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sklearn_bp import BPClassifier
from sklearn_bp.datasets import load_mnist


def peak_bytes():
    """Read the largest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # The resource usage of a process may count what its parent held when it was started.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def make_model(name, hidden, batch_size, density):
    """Make the classifier of a name: an algorithm, or MLPClassifier."""
    if name == "MLPClassifier":
        return MLPClassifier(hidden, batch_size=batch_size)
    settings = parameters(
        algo=name,
        damping=0.8,
        density=density,
        fit_intercept=False,
        batch_size=batch_size,
        max_iter=1,
        device="cpu",
    )
    return BPClassifier(hidden, **settings)


def main():
    """Train one epoch and print what was used."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", help="mf, amp, bp or MLPClassifier")
    parser.add_argument("--hidden", type=int, nargs="+", default=[501, 501])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--density", type=float, default=1.0)
    parser.add_argument("--samples", type=int, default=None)
    parser.add_argument("--data-home", default=None)
    options = parser.parse_args()
    imported = peak_bytes()
    data = load_mnist(data_home=options.data_home)
    X, y = data.X_train[: options.samples], data.y_train[: options.samples]
    loaded = peak_bytes()
    model = make_model(options.name, options.hidden, options.batch_size, options.density)
    with threadpool_limits(1):
        if options.name == "MLPClassifier":
            model.partial_fit(X, y, classes=range(10))
        else:
            model.fit(X, y)
    print(json.dumps({"imported": imported, "loaded": loaded, "trained": peak_bytes()}))


if __name__ == "__main__":
    main()
