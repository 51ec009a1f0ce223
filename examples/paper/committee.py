"""Past the paper: the problems of Table 1 with several networks that answer together.

    python examples/paper/committee.py

Each has the layers, the settings and as many epochs as in Table 1, and starts and orders samples
its own way; the class probabilities of all are averaged. That three are better than one, and five
better than three, was found by `beyond.py`, on validation samples of MNIST with smaller layers. AMP
learns all problems, by three networks; mean field, whose single networks are better than AMP's on
the validation samples of `full_size.py`, those on which BinaryNet is ahead of single networks in
Table 1, by three and by five, and Fashion-MNIST's ten classes, for its averages, by five.
"""

import chosen
import table_1
from committees import CommitteeTrial
from runner import Experiment, main
from settings import message_passing

COMMITTEES = (
    ("amp", 3, table_1.ROWS),
    ("mf", 3, chosen.BEHIND),
    ("mf", 5, (*chosen.BEHIND, ("fashion_mnist", False))),
)
"""The algorithm, how many networks, and the problems."""


def runs():
    """List the runs: of each kind of committee, one for each of its problems."""
    network = {"hidden_layer_sizes": [501, 501], "n_epochs": 100}
    return [
        {"data": data, "parity": parity, **network, "members": members, **message_passing(algo, 2)}
        for algo, members, rows in COMMITTEES
        for data, parity in rows
    ]


EXPERIMENT = Experiment("committee", runs(), CommitteeTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
