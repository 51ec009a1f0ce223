"""Past the paper: what lowers the error of the networks of Table 1, chosen by validation samples.

    python examples/paper/full_size.py

MNIST, two hidden layers of 501 units and 100 epochs, where weights have the time to become certain:
values of rho, damping and the batch size, alone and together, beside BinaryNet. All are judged by
10,000 training samples that are set aside; the test set is not touched.
"""

from beyond import VariantTrial
from runner import Experiment, main
from settings import OUTPUT_RHO, POINT_RHO, TITLES, binarynet, message_passing

NETWORK = {
    "data": "mnist",
    "parity": False,
    "hidden_layer_sizes": [501, 501],
    "n_epochs": 100,
    "n_validation": 10000,
}
SETTINGS = {
    "amp": (
        {},
        {"rho": 1.0},
        {"rho": 1.0, "damping": 0.9},
        {"rho": 1.00003},
        {"rho": 1.0, "damping": 0.95},
        {"rho": 1.0, "batch_size": 256},
        {"rho": 1.0, "damping": 0.9, "batch_size": 512},
        {"rho": 1.0, "output_rho": 0.98},
        {"rho": 1.0, "damping": 0.9, "batch_size": 1024},
        {"rho": 1.0, "output_rho": 0.98, "batch_size": 256},
        {"rho": 1.0, "output_rho": 0.98, "damping": 0.9, "batch_size": 512},
    ),
    "mf": (
        {},
        {"damping": 0.9},
        {"rho": 1.0},
        {"rho": 1.0003},
        {"batch_size": 256},
        {"rho": 1.0, "damping": 0.9},
        {"rho": 1.0003, "batch_size": 256},
        {"damping": 0.95},
        {"rho": 1.0003, "damping": 0.9},
        {"rho": 1.0, "damping": 0.9, "batch_size": 512},
    ),
}
"""What is changed in the usual settings; `rho` is that of the hidden layers."""

LATE_RHO = (0.9999, 0.9999, 1.0001, 1.001)
"""Rho of the hidden layers in each quarter of the epochs: weights become certain at the end."""


def _setting(algo, rho=POINT_RHO, output_rho=OUTPUT_RHO, **others):
    """Gather the parameters of a run."""
    return message_passing(algo, 2, rho=[rho, rho, output_rho], **others)


def runs():
    """List the runs."""
    steady = [
        {"variant": _named(algo, changed), **_setting(algo, **changed)}
        for algo, settings in SETTINGS.items()
        for changed in settings
    ]
    late = {"rho": [[rho, rho, OUTPUT_RHO] for rho in LATE_RHO]}
    rising = [
        {"variant": f"{TITLES[algo]}, rho rises", "schedule": late, **_setting(algo)}
        for algo in SETTINGS
    ]
    return [NETWORK | run for run in (*steady, *rising, {"variant": "BinaryNet", **binarynet()})]


def _named(algo, changed):
    """Name a setting by what it changes."""
    words = (f"{name.replace('_', ' ')} {value}" for name, value in changed.items())
    return ", ".join([TITLES[algo], *words])


EXPERIMENT = Experiment("full_size", runs(), VariantTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
