"""Appendix B.5: local energy of networks with ±1 weights, 2 × 101, even against odd MNIST.

    python examples/paper/figure_b5.py

How much the training error grows when every weight changes sign with a probability p. The runs
are on record with those of Figure 2, with which they share BP and BinaryNet.
"""

from dataclasses import replace

import figure_2
from runner import main
from settings import MESSAGE_PASSING, message_passing

OTHERS = [algo for algo in MESSAGE_PASSING if algo != "bp"]
RUNS = [
    figure_2.NETWORK | run
    for run in (*figure_2.binary_runs(), *(message_passing(algo, 2) for algo in OTHERS))
]
EXPERIMENT = replace(figure_2.EXPERIMENT, runs=RUNS)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
