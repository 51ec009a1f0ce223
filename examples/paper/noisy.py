"""Past the paper: networks that learn from noisy inputs.

    python examples/paper/noisy.py

Every epoch trains on the samples with Gaussian noise of its own added to the inputs, whose standard
deviation is 1. All else is as in Table 1, for mean field and, so that the comparison is fair, for
BinaryNet; and as in `chosen.py`, for the mean field of large batches whose averages are best there.
There is as much noise as is best on digits (`examples/plot_noisy_inputs.py`). Whether it helps is
asked of validation samples of MNIST first; then the problems of Table 1 are learned.
"""

import chosen
import table_1
from runner import Experiment, main
from settings import binarynet, message_passing
from trials import ClassifierTrial

NETWORK = {"hidden_layer_sizes": [501, 501], "n_epochs": 100}
CONTENDERS = (
    message_passing("mf", 2),
    message_passing("mf", 2, **chosen.LARGE_BATCHES),
    binarynet(),
)

NOISE = 0.5
"""Standard deviation of the noise."""

COMPARED = [
    {"data": "mnist", "parity": False, "n_validation": 10000, "input_noise": NOISE}
    | NETWORK
    | contender
    for contender in CONTENDERS
]
"""Runs on validation samples; those without noise are in `full_size.py`."""

LEARNED = [
    {"data": data, "parity": parity, "input_noise": NOISE} | NETWORK | contender
    for data, parity in table_1.ROWS
    for contender in CONTENDERS
]
"""Runs of the problems of Table 1."""

EXPERIMENT = Experiment("noisy", [*COMPARED, *LEARNED], ClassifierTrial)

if __name__ == "__main__":
    main(EXPERIMENT, __doc__)
