"""Past the paper: the problems of Table 1 with the settings chosen by validation samples.

    python examples/paper/chosen.py

The same networks and as many epochs as in Table 1, by AMP. The setting for Bayesian predictions is
the one with which averages over the posterior are best in `beyond.py`, the one for point
predictions that with which point networks are best in `full_size.py`: both on validation samples of
MNIST. The latter is for the problems on which BinaryNet is ahead of single point networks in Table
1. Nothing was chosen by the errors here.
"""

import table_1
from runner import Experiment, main
from settings import BAYES_RHO, OUTPUT_RHO, message_passing
from trials import ClassifierTrial

BEHIND = (("mnist", False), ("mnist", True), ("fashion_mnist", True))
"""Problems of Table 1 on which BinaryNet is ahead of single point networks."""

SETTINGS = {
    "bayes": ({"rho": BAYES_RHO, "damping": 0.9}, table_1.ROWS),
    "point": ({"rho": [1.0, 1.0, OUTPUT_RHO], "damping": 0.9, "batch_size": 512}, BEHIND),
}
"""By what they were chosen for, with the problems that they are for."""


def runs():
    """List the runs: for each setting, one for each of its problems."""
    return [
        {"data": data, "parity": parity, "hidden_layer_sizes": [501, 501], "n_epochs": 100}
        | {"setting": setting, **message_passing("amp", 2, **options)}
        for setting, (options, problems) in SETTINGS.items()
        for data, parity in problems
    ]


EXPERIMENT = Experiment("chosen", runs(), ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
