"""Past the paper: the problems of Table 1 with three networks that answer together.

    python examples/paper/committee.py

Each has the layers, the settings and as many epochs as in Table 1, and starts and orders samples
its own way; the class probabilities of the three are averaged. That three are better than one was
found by `beyond.py`, on validation samples of MNIST with smaller layers. AMP learns all problems;
mean field, whose single networks are better than AMP's on the validation samples of `full_size.py`,
those three on which BinaryNet is ahead of single networks in Table 1.
"""

import chosen
import table_1
from committees import CommitteeTrial
from runner import Experiment, main
from settings import message_passing

MEMBERS = 3
ROWS = {"amp": table_1.ROWS, "mf": chosen.BEHIND}
"""By algorithm, the problems."""


def runs():
    """List the runs: by algorithm, one for each problem."""
    network = {"hidden_layer_sizes": [501, 501], "n_epochs": 100, "members": MEMBERS}
    return [
        {"data": data, "parity": parity, **network, **message_passing(algo, 2)}
        for algo, rows in ROWS.items()
        for data, parity in rows
    ]


EXPERIMENT = Experiment("committee", runs(), CommitteeTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
