"""Figure 1, right: test accuracy of 2 × 101 units on MNIST against sparsity.

    python examples/paper/figure_1_right.py

The same share of each layer's weights is pruned before training, at random.
"""

from runner import Experiment, main
from settings import BAYES_RHO, MESSAGE_PASSING, POINT_RHO, binarynet, message_passing
from trials import ClassifierTrial

DENSITIES = (0.1, 1.0, 0.5, 0.3, 0.7, 0.2, 0.9, 0.8, 0.6, 0.4)
"""Shares of weights that exist, 1 − sparsity, the most telling first."""

NETWORK = {"data": "mnist", "parity": False, "hidden_layer_sizes": [101, 101], "n_epochs": 100}


def runs():
    """List the runs: point settings for every sparsity, then Bayesian ones."""
    point = [
        contender
        for density in DENSITIES
        for contender in (
            *(message_passing(algo, 2, POINT_RHO, density=density) for algo in MESSAGE_PASSING),
            binarynet(density=density),
        )
    ]
    bayes = [
        message_passing(algo, 2, BAYES_RHO, density=density)
        for density in DENSITIES
        for algo in MESSAGE_PASSING
    ]
    return [NETWORK | contender for contender in (*point, *bayes)]


EXPERIMENT = Experiment("figure_1_right", runs(), ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
