"""Real weights: P(w) ∝ exp(Hw − Gw²/2), with mean H/G and variance 1/G."""

import numpy as np

from ..scalar import scalar_function
from ._base import WeightPrior

LEAST_PRECISION = 1e-6
"""Smallest precision G, which keeps the mean H/G and the variance 1/G finite."""


@scalar_function
def gaussian_mean(field, precision):
    """Mean H/G."""
    return field / precision


@scalar_function
def gaussian_variance(mean, precision):
    """Variance 1/G; the mean is not used."""
    return type(mean)(1) / precision


def point(mean, variance):
    """Weights of the point network: the means."""
    return mean


def draw_gaussian(rng, n_in, n_out, init_scale):
    """Draw the fields and precisions that training starts from.

    G = n_in/ε² and H = G (ε/√n_in) N(0, 1): the mean of a weight has the standard deviation of
    its own uncertainty, 1/√G = ε/√n_in.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness.
    n_in, n_out : int
        Shape of the layer; n_in is the fan-in.
    init_scale : float
        Scale ε > 0.

    Returns
    -------
    field, precision : ndarray of float64, shape (n_in, n_out)
        Fields H and precisions G.
    """
    precision = n_in / init_scale**2
    field = np.sqrt(precision) * rng.standard_normal((n_in, n_out))
    return field, np.full((n_in, n_out), precision)


GAUSSIAN = WeightPrior(
    name="gaussian",
    mean=gaussian_mean,
    variance=gaussian_variance,
    point=point,
    draw=draw_gaussian,
    least_precision=LEAST_PRECISION,
    # Γ of a unit is negative where the message from above contradicts ω. Where classes overlap,
    # Σ Γ would sink below zero, G to its smallest value, and means H/G would explode. So a
    # mini-batch never makes a weight less certain.
    least_precision_in=0.0,
    array_mean=np.divide,
)
