"""Chooses what the paper leaves open, by validation samples: four values for every contender.

    python examples/paper/tuning.py

Everyone trains 2 × 101 units for 20 epochs on 50,000 samples of MNIST, four times with different
values, and is judged by the other 10,000 training samples; the test set is not touched.
"""

import figure_2
from runner import Experiment, main
from settings import binarynet, message_passing
from trials import ClassifierTrial

NETWORK = {
    "data": "mnist",
    "hidden_layer_sizes": [101, 101],
    "n_epochs": 20,
    "n_validation": 10000,
}
RHO = (0.9999, 1.0, 1.0001, 1.001)
GAUSSIAN_RHO = (0.99, 0.999, 1.0, 1.001)
SGD_RATES = (0.1, 1.0, 10.0, 100.0)
ADAM_RATES = (1e-4, 1e-3, 1e-2, 1e-1)
CONTINUOUS_RATES = (0.1, 1.0, 10.0, 100.0)
EBP_SCALES = (0.3, 1.0, 3.0, 10.0)


def continuous(**options):
    """Gather the parameters of a run of gradient descent on continuous weights."""
    return {"contender": "sgd", "options": {"optimizer": "sgd", "batch_size": 128, **options}}


def ten_classes():
    """List the runs that tell ten digits apart."""
    return [
        *(message_passing("bp", 2, rho) for rho in RHO),
        *(binarynet(learning_rate=rate) for rate in SGD_RATES),
        *(binarynet(optimizer="adam", learning_rate=rate) for rate in ADAM_RATES),
    ]


def two_classes():
    """List the runs that tell even digits from odd ones."""
    return [
        *(message_passing("bp", 2, rho) for rho in RHO),
        *(binarynet(optimizer="adam", learning_rate=rate) for rate in ADAM_RATES),
        *(message_passing("bp", 2, rho, weight_prior="gaussian") for rho in GAUSSIAN_RHO),
        *(continuous(learning_rate=rate) for rate in CONTINUOUS_RATES),
        *(figure_2.ebp(weight_prior="binary", init_scale=scale) for scale in EBP_SCALES),
        *(figure_2.ebp(weight_prior="gaussian", init_scale=scale) for scale in EBP_SCALES),
    ]


RUNS = [NETWORK | {"parity": False} | run for run in ten_classes()] + [
    NETWORK | {"parity": True} | run for run in two_classes()
]
EXPERIMENT = Experiment("tuning", RUNS, ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
