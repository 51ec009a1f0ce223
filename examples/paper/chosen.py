"""Past the paper: the problems of Table 1 with the settings that `beyond.py` chose.

    python examples/paper/chosen.py

The same networks and as many epochs as in Table 1, by AMP. The setting is the one with which
averages over the posterior are best on validation samples of MNIST with smaller layers; nothing was
chosen by the errors here.
"""

import table_1
from runner import Experiment, main
from settings import BAYES_RHO, message_passing
from trials import ClassifierTrial


def runs():
    """List the runs: one for each problem of Table 1."""
    network = message_passing("amp", 2, rho=BAYES_RHO, damping=0.9)
    return [
        {"data": data, "parity": parity, "hidden_layer_sizes": [501, 501], "n_epochs": 100}
        | {"setting": "bayes", **network}
        for data, parity in table_1.ROWS
    ]


EXPERIMENT = Experiment("chosen", runs(), ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
