"""Weights ±1: P(w) ∝ e^{Hw}, with mean m = tanh H (the magnetization) and variance 1 − m²."""

import numpy as np

from ..scalar import scalar_function, tanh
from ._base import WeightPrior, draw_fields, spread_over_inputs


@scalar_function
def binary_mean(field, precision):
    """Compute the magnetization tanh H; the precision is not used."""
    return tanh(field)


@scalar_function
def binary_variance(mean, field, precision):
    """Compute the variance 1 − m²; field and precision are not used."""
    T = type(mean)
    return (T(1) - mean) * (T(1) + mean)


def binary_point(mean, variance):
    """Compute the sign of the mean, +1 for 0."""
    return np.where(mean >= 0, 1, -1).astype(mean.dtype)


def draw_binary(rng, n_in, n_out, init_scale, dtype):
    """Draw fields as :func:`draw_fields` does; there is no precision."""
    return draw_fields(rng, n_in, n_out, init_scale, dtype), None


BINARY = WeightPrior(
    name="binary",
    has_precision=False,
    mean=binary_mean,
    variance=binary_variance,
    point=binary_point,
    draw=draw_binary,
    start_variance=spread_over_inputs,
    largest_mean=1.0,
    has_unit_square=True,
)
