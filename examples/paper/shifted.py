"""Past the paper: networks that learn from shifted images.

    python examples/paper/shifted.py

Every epoch trains on the samples' images shifted by up to a pixel each way, drawn anew for every
image. The problem is the one of Table 1 on which no single point network of `rounded.py` is ahead
of BinaryNet, the even and odd digits; the network is the best one there on validation samples, with
free factors. Whether noise is of use as well is asked of validation samples. So that the comparison
is fair, BinaryNet learns from the same images.
"""

import noisy
import rounded
from runner import Experiment, main
from settings import binarynet
from trials import ClassifierTrial

SHIFT = 1
"""Pixels each way."""

ROUNDED = rounded.DIGITS | {"free_scale": True, "input_shift": SHIFT}
"""A run of mean field."""

BINARYNET = {"data": "mnist", "parity": True, "input_shift": SHIFT} | noisy.NETWORK | binarynet()
"""A run of BinaryNet."""

COMPARED = [run | {"n_validation": 10000} for run in (ROUNDED, ROUNDED | rounded.NOISY)]
"""Runs on validation samples."""

LEARNED = [ROUNDED | rounded.NOISY, BINARYNET | rounded.NOISY]
"""Runs of the problem of Table 1, with what was better on validation samples."""


def make_trial(parameters, seed, machine):
    """Make the trial of a run, whose layers are rounded if it says when."""
    trial = rounded.RoundedTrial if "round_after" in parameters else ClassifierTrial
    return trial(parameters, seed, machine)


EXPERIMENT = Experiment("shifted", [*COMPARED, *LEARNED], make_trial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
