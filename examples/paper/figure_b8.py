"""Appendix B.8: polarization and overlaps of units during training, 2 × 501, Fashion-MNIST.

    python examples/paper/figure_b8.py

The runs are those of Table 1 on Fashion-MNIST with ten classes, which note both down.
"""

import table_1
from runner import Experiment, main
from settings import MESSAGE_PASSING

RUNS = [
    run
    for run in table_1.EXPERIMENT.runs
    if (run["data"], run["parity"], run["setting"]) == ("fashion_mnist", False, "point")
    and run["contender"] in MESSAGE_PASSING
]
EXPERIMENT = Experiment(table_1.EXPERIMENT.name, RUNS, table_1.EXPERIMENT.trial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
