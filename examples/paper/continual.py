"""Past the paper: which networks forget least, chosen by validation samples.

    python examples/paper/continual.py

Six permuted tasks as in Figure 3, 2 × 501 units, 5 epochs per task. Message passing and BinaryNet
have eight settings each, and are judged by 10,000 training samples that are set aside; the test set
is not touched. What keeps tasks of 40 epochs is chosen likewise, among settings whose weights
become certain later.
"""

from figure_3 import ContinualTrial
from runner import Experiment, main
from settings import binarynet, message_passing

NETWORK = {
    "data": "mnist",
    "parity": False,
    "n_tasks": 6,
    "hidden_layer_sizes": [501, 501],
    "n_epochs": 5,
    "n_validation": 10000,
}
SGD_RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 10.0)
ADAM_RATES = (1e-4, 1e-3)
SETTINGS = (
    ([1.0, 1.0, 1.0], 0.8),
    ([1.0, 1.0, 0.9], 0.8),
    ([1.0, 1.0, 0.9], [0.8, 0.8, 0.95]),
    ([1.0, 1.0, 0.9], [0.8, 0.8, 0.98]),
    ([1.0, 1.0, 0.9], [0.8, 0.8, 0.995]),
    ([1.0001, 1.0001, 0.9], [0.8, 0.8, 0.98]),
    ([1.0001, 1.0001, 0.9], [0.8, 0.8, 0.995]),
    ([1.0003, 1.0003, 0.9], [0.8, 0.8, 0.98]),
)
"""Rho and damping: the paper's, and steps away from them."""

LONG_TASKS = {"n_epochs": 40}
LONG_SETTINGS = (
    ([1.0001, 1.0001, 0.9], [0.8, 0.8, 0.995]),
    ([1.0, 1.0, 0.9], [0.8, 0.8, 0.995]),
    ([1.0, 1.0, 0.9], [0.8, 0.8, 0.999]),
    ([1.00003, 1.00003, 0.9], [0.8, 0.8, 0.995]),
    ([1.00003, 1.00003, 0.9], [0.8, 0.8, 0.999]),
    ([1.0, 1.0, 0.9], [0.95, 0.95, 0.999]),
    ([1.00003, 1.00003, 0.9], [0.95, 0.95, 0.999]),
)
"""For tasks of 40 epochs: the best for 5, and steps away from it."""


def by_messages(settings):
    """List networks trained by AMP, one for each pair of rho and damping."""
    return [message_passing("amp", 2, rho=rho, damping=damping) for rho, damping in settings]


def runs():
    """List the runs, those of short tasks first."""
    short = [
        *by_messages(SETTINGS),
        *(binarynet(learning_rate=rate) for rate in SGD_RATES),
        *(binarynet(optimizer="adam", learning_rate=rate) for rate in ADAM_RATES),
    ]
    long = [LONG_TASKS | run for run in by_messages(LONG_SETTINGS)]
    return [NETWORK | run for run in (*short, *long)]


EXPERIMENT = Experiment("continual", runs(), ContinualTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
