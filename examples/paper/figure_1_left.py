"""Figure 1, left: learning curves of 3 × 501 units on Fashion-MNIST.

    python examples/paper/figure_1_left.py

Errors on training and test samples over 100 epochs.
"""

from runner import Experiment, main
from settings import MESSAGE_PASSING, binarynet, message_passing
from trials import ClassifierTrial

DAMPING = [0.1, 0.1, 0.1, 0.9]
NETWORK = {
    "data": "fashion_mnist",
    "parity": False,
    "hidden_layer_sizes": [501, 501, 501],
    "n_epochs": 100,
}


class CurveTrial(ClassifierTrial):
    """The trial of every classifier, with milestones close enough for a curve."""

    milestone_every = 5


def runs():
    """List the runs."""
    trained = [message_passing(algo, 3, damping=DAMPING) for algo in MESSAGE_PASSING]
    return [NETWORK | contender for contender in (*trained, binarynet())]


EXPERIMENT = Experiment(
    "figure_1_left", runs(), CurveTrial, lambda run: ("train_point", "test_point")
)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
