"""Table 1 and its training errors (B.4): test error of 2 × 501 units on six problems.

    python examples/paper/table_1.py           # about 100 epochs × 30 runs: hours on a CPU
    python examples/paper/table_1.py --quick   # the same on little data, in minutes

Every algorithm trains twice: with the settings for point predictions, and with those that the
paper has for Bayesian ones, under which the weights polarise less (``setting`` "bayes"). Both
predictions are on record for both.
"""

from runner import Experiment, main
from settings import BAYES_RHO, MESSAGE_PASSING, POINT_RHO, binarynet, message_passing
from trials import ClassifierTrial

ROWS = (
    ("mnist", False),
    ("fashion_mnist", False),
    ("mnist", True),
    ("fashion_mnist", True),
    ("cifar10", False),
    ("cifar10", True),
)
"""Data sets, and whether even and odd classes are told apart instead of all ten."""

SETTINGS = {"point": POINT_RHO, "bayes": BAYES_RHO}


def contenders():
    """List the networks: by algorithm, and for message passing by setting."""
    trained = [
        {"setting": setting, **message_passing(algo, 2, rho)}
        for setting, rho in SETTINGS.items()
        for algo in ("mf", "amp", "bp")
    ]
    return [*trained, {"setting": "point", **binarynet()}]


def runs():
    """List the runs, the networks one after another."""
    return [
        {"data": data, "parity": parity, "hidden_layer_sizes": [501, 501], "n_epochs": 100}
        | contender
        for contender in contenders()
        for data, parity in ROWS
    ]


def curves(run):
    """List what figure B.8 shows, epoch by epoch, of the runs that it is about."""
    told = run["data"], run["parity"], run["setting"]
    if told != ("fashion_mnist", False, "point") or run["contender"] not in MESSAGE_PASSING:
        return ()
    return "polarization_0", "polarization_1", "polarization_2", "mean_overlaps"


EXPERIMENT = Experiment("table_1", runs(), ClassifierTrial, curves)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
