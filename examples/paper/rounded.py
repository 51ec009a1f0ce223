"""Past the paper: point networks whose first layers are rounded with their inputs in mind.

    python examples/paper/rounded.py

The signs of many uncertain weights shift pre-activations together, above all in the first layer.
`sklearn_bp.round_weights` rounds a layer with the training samples in mind; the layers above then
adapt to it. Here the first layer is rounded after 85 epochs and the second after 95, of 100 in all
as in Table 1. Settings are compared on validation samples of MNIST, and the best one of these with
Table 1's on all data; then the problems of Table 1 are learned. Where it is better on validation
samples that damping is raised before layers are rounded, so that weights settle, or that inputs are
noisy, problems are learned again. All of this keeps the size of pre-activations; last, it is
compared with free factors (``free_scale``), and learned again where those are better; then even
and odd digits, on which all this is no better than BinaryNet, with batches of the usual size; then
CIFAR-10's ten classes by AMP in the place of mean field, with only the first layer rounded.
"""

import chosen
import noisy
import table_1
from runner import Experiment, main
from settings import OUTPUT_RHO, message_passing
from trials import ClassifierTrial

from sklearn_bp import round_weights

KEPT = 0.999999
"""Damping of a layer that is rounded."""

ROUND_AFTER = (85, 95)
"""Of a hundred epochs, those after which the first and the second layer are rounded."""

SETTLING = ((70, 0.95), (80, 0.97))
"""Of a hundred epochs, those after which damping is raised, and to what."""

SETTINGS = (
    {"rho": [1.0, 1.0, 0.98], "damping": 0.9, "batch_size": 256},
    chosen.LARGE_BATCHES,
)
"""What is tried by mean field, whose averages with these are among the best in `full_size.py`."""

NOISY = {"input_noise": noisy.NOISE}
"""What a run with noisy inputs has besides."""

USUAL = {}
"""The settings of Table 1, tried where large batches learn less well."""


class RoundedTrial(ClassifierTrial):
    """The trial of a classifier whose layers are rounded one after another."""

    def train(self, epoch):
        """Round a layer if it is time, and train one epoch."""
        n_rounded = self._n_rounded(epoch)
        if n_rounded > self._n_rounded(epoch - 1):
            free_scale = self.parameters.get("free_scale", False)
            self.state = round_weights(
                self.state, self.problem.X_train, n_layers=n_rounded, free_scale=free_scale
            )
        self.state.set_params(damping=self._damping(epoch, n_rounded))
        return super().train(epoch)

    def _n_rounded(self, epoch):
        """Count the layers that are rounded when an epoch is trained."""
        return sum(self._is_past(when, epoch) for when in self.parameters["round_after"])

    def _is_past(self, when, epoch):
        """Tell whether an epoch comes after so many of a hundred."""
        return epoch > when * self.n_epochs // 100

    def _damping(self, epoch, n_rounded):
        """Give every layer's damping; those that are rounded are kept as they are."""
        damping = self.parameters["options"]["damping"]
        for when, higher in self.parameters.get("settling", ()):
            damping = higher if self._is_past(when, epoch) else damping
        n_layers = len(self.parameters["hidden_layer_sizes"]) + 1
        return [KEPT] * n_rounded + [damping] * (n_layers - n_rounded)


def _run(data, parity, setting, algo="mf"):
    """Gather the parameters of a run."""
    network = {"hidden_layer_sizes": [501, 501], "n_epochs": 100, "round_after": [*ROUND_AFTER]}
    return {"data": data, "parity": parity, **network, **message_passing(algo, 2, **setting)}


def _settled(run):
    """Gather the parameters of a run whose weights settle."""
    return run | {"settling": [list(step) for step in SETTLING]}


COMPARED = [
    _run(data, parity, setting) | {"n_validation": 10000}
    for data, parity in table_1.ROWS
    if (data, parity) != ("cifar10", False)
    for setting in (*SETTINGS, USUAL)
    if setting is not SETTINGS[0] or (data, parity) == ("mnist", False)
]
"""Runs on validation samples; CIFAR-10's ten classes are not for mean field, rounded or not."""

SETTLED_COMPARED = [_settled(run) for run in COMPARED if run["options"]["batch_size"] == 512]
"""The same with weights that settle, for the large batches that move so much without."""

NOISY_COMPARED = [run | NOISY for run in COMPARED if run["options"]["batch_size"] != 256]
"""The same with noise on the inputs of every epoch, as in `noisy.py`."""

LEARNED = [
    _run(data, parity, setting)
    for data, parity in table_1.ROWS
    for setting in (SETTINGS[1], USUAL)
    if setting or data != "mnist"
]
"""Runs of the problems of Table 1."""

SETTLED_LEARNED = [
    _settled(run)
    for run in LEARNED
    if run["options"]["batch_size"] == 512
    and (run["data"] == "fashion_mnist" or (run["data"] == "cifar10" and run["parity"]))
]
"""The same with weights that settle, on the data for which that is better on validation samples:
Fashion-MNIST by its ten classes, CIFAR-10 by its even and odd ones."""

NOISY_LEARNED = [
    _run(data, parity, setting) | NOISY
    for data, parity, setting in (
        ("mnist", True, chosen.LARGE_BATCHES),
        ("mnist", False, chosen.LARGE_BATCHES),
        ("fashion_mnist", True, USUAL),
        ("cifar10", True, chosen.LARGE_BATCHES),
    )
]
"""The same with noisy inputs, where those are better on validation samples."""


def _free(data, parity):
    """Gather the parameters of a run whose units have free factors when they are rounded."""
    run = _settled(_run(data, parity, chosen.LARGE_BATCHES)) | {"free_scale": True}
    return run if (data, parity) in NOISELESS else run | NOISY


NOISELESS = (("fashion_mnist", False),)
"""Problems on which noise does harm on validation samples."""

FREE_COMPARED = [
    _free(data, parity) | {"n_validation": 10000}
    for data, parity in table_1.ROWS
    if (data, parity) != ("cifar10", False)
]
"""Runs on validation samples with all of this, and free factors: layers are uncertain, so that
signs are a multiple of the means."""

FREE_LEARNED = [_free("fashion_mnist", True), _free("cifar10", True)]
"""The same on the problems of Table 1 on which it is better on validation samples."""

SMALL_BATCHES = {"rho": [1.0, 1.0, OUTPUT_RHO], "damping": 0.9}
"""The settings of large batches with batches of the usual size."""

DIGITS = _run("mnist", True, SMALL_BATCHES)
"""A run of the even and odd digits, on which nothing of the above is ahead of BinaryNet."""

DIGITS_LEARNED = DIGITS | NOISY
"""The same with noisy inputs."""

DIGITS_COMPARED = DIGITS_LEARNED | {"n_validation": 10000}
"""The same on validation samples."""

FIRST_LAYER = {"round_after": [ROUND_AFTER[0]], "free_scale": True}
"""What a run has besides, of whose layers only the first is rounded."""

CLASSES_LEARNED = _run("cifar10", False, SMALL_BATCHES, "amp") | NOISY | FIRST_LAYER
"""A run of CIFAR-10's ten classes, which mean field learns less well; the second layer stays."""

CLASSES_COMPARED = CLASSES_LEARNED | {"n_validation": 10000}
"""The same on validation samples."""

EXPERIMENT = Experiment(
    "rounded",
    [
        *(*COMPARED, *SETTLED_COMPARED, *NOISY_COMPARED, *FREE_COMPARED, DIGITS_COMPARED),
        *(CLASSES_COMPARED, *LEARNED, *SETTLED_LEARNED, *NOISY_LEARNED, *FREE_LEARNED),
        *(DIGITS_LEARNED, CLASSES_LEARNED),
    ],
    RoundedTrial,
)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
