"""Weights ±1: P(w) ∝ e^{Hw}, with mean m = tanh H (the magnetization) and variance 1 − m²."""

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


def draw_binary(rng, n_in, n_out, init_scale, dtype):
    """Draw the fields that training starts from.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness; the same numbers are drawn for every `dtype`.
    n_in, n_out : int
        Shape of the layer.
    init_scale : float
        Scale ε of the fields, H ~ ε N(0, 1).
    dtype : numpy dtype
        Floating-point type of the result.

    Returns
    -------
    field : ndarray of shape (n_in, n_out)
        Fields H.
    precision : None
        The family has no precision.
    """
    return (init_scale * rng.standard_normal((n_in, n_out))).astype(dtype), None


BINARY = WeightPrior(
    name="binary",
    uses_precision=False,
    mean=binary_mean,
    variance=binary_variance,
    draw=draw_binary,
)
