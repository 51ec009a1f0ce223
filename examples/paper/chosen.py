"""Past the paper: the problems of Table 1 with the settings chosen by validation samples.

    python examples/paper/chosen.py

The same networks and as many epochs as in Table 1, by AMP. The setting for Bayesian predictions is
the one with which averages over the posterior are best in `beyond.py`, the one for point
predictions that with which point networks are best in `full_size.py`: both on validation samples of
MNIST. Nothing was chosen by the errors here.
"""

import table_1
from runner import Experiment, main
from settings import BAYES_RHO, OUTPUT_RHO, message_passing
from trials import ClassifierTrial

SETTINGS = {
    "bayes": {"rho": BAYES_RHO, "damping": 0.9},
    "point": {"rho": [1.0, 1.0, OUTPUT_RHO], "damping": 0.9, "batch_size": 512},
}
"""By what they were chosen for."""


def runs():
    """List the runs: for each setting, one for each problem of Table 1."""
    return [
        {"data": data, "parity": parity, "hidden_layer_sizes": [501, 501], "n_epochs": 100}
        | {"setting": setting, **message_passing("amp", 2, **options)}
        for setting, options in SETTINGS.items()
        for data, parity in table_1.ROWS
    ]


EXPERIMENT = Experiment("chosen", runs(), ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
