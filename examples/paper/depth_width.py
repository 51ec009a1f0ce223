"""Section 4.1: depth, width and batch size, on Fashion-MNIST.

    python examples/paper/depth_width.py

Two and three layers of 101, 501 and 1001 units, and batches of 1 to 1024 with 2 × 101. Networks of
2 × 501 and 3 × 501 units are on record with Table 1 and Figure 1.
"""

from runner import Experiment, main
from settings import MESSAGE_PASSING, POINT_RHO, binarynet, message_passing
from trials import ClassifierTrial

PROBLEM = {"data": "fashion_mnist", "parity": False, "n_epochs": 100}
WIDTHS = (101, 1001)
BATCH_SIZES = (1, 16, 1024)
SINGLE_SAMPLE_RHO = ([1.0, 1.0, 0.9], [1.0, 1.0, 0.999])
"""What BP learns single samples with besides the paper's rho. It acts once per batch: 1.0001
multiplies fields by 400 in an epoch of single samples, and 0.9 remembers ten of them."""

DEEP_NARROW_RHO = {"bp": 1.0, "amp": 1.0, "mf": 1.001}
"""The paper's for 3 × 101."""


def hidden_rho(algo, n_layers, width):
    """Look up rho of the hidden layers."""
    return DEEP_NARROW_RHO[algo] if (n_layers, width) == (3, 101) else POINT_RHO


def shape_runs():
    """List the runs of different depth and width."""
    return [
        PROBLEM | {"hidden_layer_sizes": [width] * n_layers} | contender
        for width in WIDTHS
        for n_layers in (2, 3)
        for contender in (
            *(
                message_passing(algo, n_layers, hidden_rho(algo, n_layers, width))
                for algo in MESSAGE_PASSING
            ),
            binarynet(),
        )
    ]


def batch_runs():
    """List the runs of different batch size; single samples are learned without damping."""
    steady = [
        message_passing(algo, 2, damping=0.0 if size == 1 else 0.8, batch_size=size)
        for size in BATCH_SIZES
        for algo in MESSAGE_PASSING
    ]
    single = [
        message_passing("bp", 2, rho=rho, damping=0.0, batch_size=1) for rho in SINGLE_SAMPLE_RHO
    ]
    return [PROBLEM | {"hidden_layer_sizes": [101, 101]} | run for run in (*steady, *single)]


EXPERIMENT = Experiment("depth_width", [*shape_runs(), *batch_runs()], ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
