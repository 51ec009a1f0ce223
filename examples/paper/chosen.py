"""Past the paper: the problems of Table 1 with the settings that `beyond.py` chose.

    python examples/paper/chosen.py

The same networks and as many epochs as in Table 1, by AMP. One setting is for point predictions and
one for averages over the posterior. Both were chosen on validation samples of MNIST with smaller
layers; nothing was chosen by the errors here.
"""

import table_1
from runner import Experiment, main
from settings import BAYES_RHO, message_passing
from trials import ClassifierTrial

SETTINGS = {"bayes": (BAYES_RHO, 0.9), "point": (1.0, 0.9)}
"""Rho of the hidden layers, and damping, by the kind of prediction they are for."""


def runs():
    """List the runs: for each setting the problems of Table 1."""
    return [
        {"data": data, "parity": parity, "hidden_layer_sizes": [501, 501], "n_epochs": 100}
        | {"setting": setting, **message_passing("amp", 2, rho, damping)}
        for setting, (rho, damping) in SETTINGS.items()
        for data, parity in table_1.ROWS
    ]


EXPERIMENT = Experiment("chosen", runs(), ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
