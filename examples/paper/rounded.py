"""Past the paper: point networks whose first layers are rounded with their inputs in mind.

    python examples/paper/rounded.py

The signs of many uncertain weights shift pre-activations together, above all in the first layer.
`sklearn_bp.round_weights` rounds a layer with the training samples in mind; the layers above then
adapt to it. Here the first layer is rounded after 85 epochs and the second after 95, of 100 in all
as in Table 1. Settings are compared on validation samples of MNIST, and the best one of these with
Table 1's on Fashion-MNIST's and CIFAR-10's; then the problems of Table 1 are learned.
"""

import chosen
import table_1
from runner import Experiment, main
from settings import message_passing
from trials import ClassifierTrial

from sklearn_bp import round_weights

KEPT = 0.999999
"""Damping of a layer that is rounded."""

ROUND_AFTER = (85, 95)
"""Of a hundred epochs, those after which the first and the second layer are rounded."""

SETTINGS = (
    {"rho": [1.0, 1.0, 0.98], "damping": 0.9, "batch_size": 256},
    chosen.LARGE_BATCHES,
)
"""What is tried by mean field, whose averages with these are among the best in `full_size.py`."""

USUAL = {}
"""The settings of Table 1, tried where large batches learn less well."""


class RoundedTrial(ClassifierTrial):
    """The trial of a classifier whose layers are rounded one after another."""

    def train(self, epoch):
        """Round a layer if it is time, and train one epoch."""
        times = [when * self.n_epochs // 100 for when in self.parameters["round_after"]]
        if epoch - 1 in times:
            self._round(sum(epoch > when for when in times))
        return super().train(epoch)

    def _round(self, n_layers):
        """Round the first layers, and keep them as they are from then on."""
        self.state = round_weights(self.state, self.problem.X_train, n_layers=n_layers)
        damping = self.parameters["options"]["damping"]
        n_others = len(self.parameters["hidden_layer_sizes"]) + 1 - n_layers
        self.state.set_params(damping=[KEPT] * n_layers + [damping] * n_others)


def _run(data, parity, setting):
    """Gather the parameters of a run."""
    network = {"hidden_layer_sizes": [501, 501], "n_epochs": 100, "round_after": [*ROUND_AFTER]}
    return {"data": data, "parity": parity, **network, **message_passing("mf", 2, **setting)}


COMPARED = [
    _run(data, parity, setting) | {"n_validation": 10000}
    for data, parity, settings in (
        ("mnist", False, SETTINGS),
        ("fashion_mnist", False, (SETTINGS[1], USUAL)),
        ("cifar10", True, (SETTINGS[1], USUAL)),
    )
    for setting in settings
]
"""Runs on validation samples."""

LEARNED = [
    _run(data, parity, setting)
    for data, parity in table_1.ROWS
    for setting in (SETTINGS[1], USUAL)
    if setting or data != "mnist"
]
"""Runs of the problems of Table 1."""

EXPERIMENT = Experiment("rounded", [*COMPARED, *LEARNED], RoundedTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
