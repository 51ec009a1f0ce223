"""Figure 2: even against odd digits of MNIST, 2 × 101 units, ±1 weights and continuous ones.

    python examples/paper/figure_2.py

BP, expectation backpropagation (EBP), each with Bayesian predictions, and gradient descent:
BinaryNet for ±1 weights, SGD for continuous ones. How much flipping weights costs, appendix B.5,
is measured on the same networks.
"""

from energy import EnergyTrial
from runner import Experiment, main
from settings import BAYES_RHO, BINARYNET_ADAM_RATE, POINT_RHO, binarynet, message_passing

NETWORK = {"data": "mnist", "parity": True, "hidden_layer_sizes": [101, 101], "n_epochs": 100}
EBP_BATCH = 10
EBP_SCALES = {"binary": 3.0, "gaussian": 1.0}
SGD_RATE = 10.0
"""The best of four by validation samples, as all other rates and scales here (tuning.py)."""


def ebp(**others):
    """Gather the parameters of a run of EBP."""
    return {"contender": "ebp", "options": {"batch_size": EBP_BATCH, **others}}


def binary_runs():
    """List the runs with ±1 weights."""
    return [
        message_passing("bp", 2, POINT_RHO),
        message_passing("bp", 2, BAYES_RHO),
        binarynet(optimizer="adam", learning_rate=BINARYNET_ADAM_RATE),
        ebp(weight_prior="binary", init_scale=EBP_SCALES["binary"]),
    ]


def continuous_runs():
    """List the runs with continuous weights."""
    return [
        message_passing("bp", 2, 1.0, weight_prior="gaussian"),
        {
            "contender": "sgd",
            "options": {"optimizer": "sgd", "learning_rate": SGD_RATE, "batch_size": 128},
        },
        ebp(weight_prior="gaussian", init_scale=EBP_SCALES["gaussian"]),
    ]


RUNS = [NETWORK | run for run in (*binary_runs(), *continuous_runs())]
EXPERIMENT = Experiment("figure_2", RUNS, EnergyTrial, lambda run: ("test_point", "test_bayes"))

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
