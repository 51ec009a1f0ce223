"""The golden steps as oracle cases: see ``tests/data/steps``."""

import json
from pathlib import Path

import numpy as np

from .cases import StepCase
from .message_passing import make_layer

STEPS = Path(__file__).resolve().parents[1] / "data" / "steps"
SETTINGS = {case["name"]: case for case in json.loads((STEPS / "steps.json").read_text())}


def load_golden_step(name):
    """The case of that name and the arrays of its file: the expected results and X_test."""
    settings = SETTINGS[name]
    with np.load(STEPS / f"step_{name}.npz") as file:
        arrays = dict(file)
    layers = tuple(
        make_layer(
            arrays[f"field_in_{depth}"],
            mean=arrays[f"mean_in_{depth}"],
            mask=arrays[f"mask_{depth}"],
            precision=arrays.get(f"precision_in_{depth}"),
            rho=settings["rho"][depth],
            damping=settings["damping"][depth],
        )
        for depth in range(len(settings["sizes"]) - 1)
    )
    case = StepCase(
        name,
        arrays["X"],
        arrays["y"],
        layers,
        algo=settings["algo"],
        output=settings["output"],
        n_inner_iter=settings["tau_max"],
        reinforcement=settings["reinforcement"],
    )
    return case, arrays
