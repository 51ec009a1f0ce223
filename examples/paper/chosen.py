"""Past the paper: the problems of Table 1 with the settings chosen by validation samples.

    python examples/paper/chosen.py

The same networks and as many epochs as in Table 1. The setting for Bayesian predictions is the one
of AMP with which averages over the posterior are best in `beyond.py`, the one for point predictions
that with which its point networks are best in `full_size.py`; the one for both is that of mean
field whose averages are best there, and whose point networks are as good as any of its others. All
were chosen on validation samples of MNIST, nothing by the errors here. The setting for point
predictions is for the problems on which BinaryNet is ahead of single point networks in Table 1.
"""

import table_1
from runner import Experiment, main
from settings import BAYES_RHO, OUTPUT_RHO, message_passing
from trials import ClassifierTrial

BEHIND = (("mnist", False), ("mnist", True), ("fashion_mnist", True))
"""Problems of Table 1 on which BinaryNet is ahead of single point networks, by the first seed."""

LARGE_BATCHES = {"rho": [1.0, 1.0, OUTPUT_RHO], "damping": 0.9, "batch_size": 512}
SETTINGS = {
    "bayes": ("amp", {"rho": BAYES_RHO, "damping": 0.9}, table_1.ROWS),
    "point": ("amp", LARGE_BATCHES, BEHIND),
    "both": ("mf", LARGE_BATCHES, table_1.ROWS),
}
"""By what they were chosen for, with the algorithm and the problems that they are for."""


def runs():
    """List the runs: for each setting, one for each of its problems."""
    return [
        {"data": data, "parity": parity, "hidden_layer_sizes": [501, 501], "n_epochs": 100}
        | {"setting": setting, **message_passing(algo, 2, **options)}
        for setting, (algo, options, problems) in SETTINGS.items()
        for data, parity in problems
    ]


EXPERIMENT = Experiment("chosen", runs(), ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
