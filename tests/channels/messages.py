"""The messages that labels are, and all that an activation can meet: hidden units and labels."""

import numpy as np
from scalar.loops import apply

from sklearn_bp.channels import ACTIVATIONS, OUTPUTS

LABELLED = {f"{name} label": one for name, one in OUTPUTS.items() if one.factorized}
"""Outputs of independent units, whose labels are messages."""

CHANNELS = ACTIVATIONS | {name: output.activation for name, output in LABELLED.items()}
"""Activations below hidden units, and below labels."""

NOISES = [0.0, 1e-9, 1e-3, 0.1, 0.49]


def label_messages(output, y, noise):
    """B and A of labels (M,), with one noise for all or one for each; all of the labels' type."""
    noise = np.broadcast_to(np.asarray(noise, y.dtype), y.shape)
    return apply(output.message, y, noise, n_out=2)


def draw_messages(name, rng, v, dtype):
    """B and A as that channel meets them, at variances v of the units."""
    v = np.asarray(v, float)
    y = rng.choice([-1.0, 1.0], v.shape)
    if name in LABELLED:
        return label_messages(LABELLED[name], y.astype(dtype), rng.choice(NOISES, v.shape))
    B, A = y * 10 ** rng.uniform(-2, 1.2, v.shape), rng.exponential(1, v.shape) / v
    if CHANNELS[name].uses_precision:
        B = B / np.sqrt(v)
    return B.astype(dtype), A.astype(dtype)
