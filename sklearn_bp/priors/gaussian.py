"""Real weights: P(w) ∝ exp(Hw − Gw²/2), with mean H/G and variance 1/G."""

import numpy as np

from ..scalar import scalar_function
from ._base import WeightPrior


@scalar_function
def gaussian_mean(field, precision):
    """Compute the mean H/G."""
    return field / precision


@scalar_function
def gaussian_variance(mean, field, precision):
    """Compute the variance 1/G; mean and field are not used."""
    return type(mean)(1) / precision


def gaussian_point(mean, variance):
    """Give the mean."""
    return mean


def gaussian_start_variance(n_in, init_scale):
    """Compute ε²: weights start with variances of ε² / n_in."""
    return init_scale**2


def draw_gaussian(rng, n_in, n_out, init_scale, dtype):
    """Draw the fields and precisions that training starts from.

    G = n_in/ε² and H = G (ε/√n_in) N(0, 1): the mean of a weight has the standard deviation of
    its own uncertainty, 1/√G = ε/√n_in.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness; the same numbers are drawn for every `dtype`.
    n_in, n_out : int
        Shape of the layer; n_in is the fan-in.
    init_scale : float
        Scale ε > 0.
    dtype : numpy dtype
        Floating-point type of the result.

    Returns
    -------
    field, precision : ndarray of shape (n_in, n_out)
        Fields H and precisions G.
    """
    precision = n_in / init_scale**2
    field = np.sqrt(precision) * rng.standard_normal((n_in, n_out))
    return field.astype(dtype), np.full((n_in, n_out), precision, dtype=dtype)


GAUSSIAN = WeightPrior(
    name="gaussian",
    has_precision=True,
    mean=gaussian_mean,
    variance=gaussian_variance,
    point=gaussian_point,
    draw=draw_gaussian,
    start_variance=gaussian_start_variance,
)
