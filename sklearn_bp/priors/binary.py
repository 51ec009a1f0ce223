"""Weights ±1: P(w) ∝ e^{Hw}, with mean m = tanh H (the magnetization) and variance 1 − m²."""

import numpy as np

from ..scalar import scalar_function, tanh
from ._base import WeightPrior


@scalar_function
def binary_mean(field, precision):
    """Magnetization tanh H; the precision is not used."""
    return tanh(field)


@scalar_function
def binary_variance(mean, precision):
    """Variance 1 − m²; the precision is not used."""
    T = type(mean)
    return (T(1) - mean) * (T(1) + mean)


def array_mean(field, precision):
    """Magnetizations of an array of fields."""
    return np.tanh(field)


def sign(mean, variance):
    """Most probable weights: the signs of the means, +1 for 0."""
    return np.where(mean >= 0, 1, -1)


def draw_binary(rng, n_in, n_out, init_scale):
    """Draw the fields that training starts from.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    n_in, n_out : int
        Shape of the layer.
    init_scale : float
        Scale ε of the fields, H ~ ε N(0, 1).

    Returns
    -------
    field : ndarray of float64, shape (n_in, n_out)
        Fields H.
    precision : None
        The family has no precision.
    """
    return init_scale * rng.standard_normal((n_in, n_out)), None


BINARY = WeightPrior(
    name="binary",
    mean=binary_mean,
    variance=binary_variance,
    point=sign,
    draw=draw_binary,
    has_precision=False,
    has_unit_square=True,
    largest_mean=1.0,
    array_mean=array_mean,
)
