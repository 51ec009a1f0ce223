"""Appendix B.8: polarization and overlaps of units during training, 2 × 501, Fashion-MNIST.

    python examples/paper/figure_b8.py

The runs are those of Table 1 on Fashion-MNIST with ten classes, which note both down.
"""

from dataclasses import replace

import table_1
from runner import main

RUNS = [run for run in table_1.EXPERIMENT.runs if table_1.curves(run)]
EXPERIMENT = replace(table_1.EXPERIMENT, runs=RUNS)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
