"""Past the paper: the problems of Table 1 with three networks that answer together.

    python examples/paper/committee.py

Each has the layers, the settings and as many epochs as in Table 1, by AMP, and starts and orders
samples its own way; the class probabilities of the three are averaged. That three are better than
one was found by `beyond.py`, on validation samples of MNIST with smaller layers.
"""

import table_1
from committees import CommitteeTrial
from runner import Experiment, main
from settings import message_passing

MEMBERS = 3


def runs():
    """List the runs: one for each problem of Table 1."""
    network = {"hidden_layer_sizes": [501, 501], "n_epochs": 100, "members": MEMBERS}
    return [
        {"data": data, "parity": parity, **network, **message_passing("amp", 2)}
        for data, parity in table_1.ROWS
    ]


EXPERIMENT = Experiment("committee", runs(), CommitteeTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
