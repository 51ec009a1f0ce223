"""What a weight prior is: a frozen record of its moments and of its start.

There is one of each, known by its identity: kernels are looked up by it in every step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MIN_PRECISION = 1e-6
"""Smallest precision G of a weight, which keeps the mean H/G and the variance 1/G finite."""


@dataclass(frozen=True, eq=False)
class WeightPrior:
    """Factorised family of weight distributions in natural parameters.

    Attributes
    ----------
    name : str
        Name in the registry.
    has_precision : bool
        Whether the family has a precision G beside the field H. If not, `precision` arguments are
        ignored.
    mean : callable
        ``mean(field, precision) -> m``, scalars.
    variance : callable
        ``variance(mean, field, precision) -> sigma``, scalars; sigma is a variance, at least 0.
        The mean may be damped, and so another than that of `field` and `precision`.
    point : callable
        ``point(mean, variance) -> weight``, host arrays: the weights of the point network.
    draw : callable
        ``draw(rng, n_in, n_out, init_scale, dtype) -> (field, precision)``, the start of training
        on the host: arrays (n_in, n_out), `precision` None if the family has none. `rng` is a
        ``numpy.random.RandomState``.
    start_variance : callable
        ``start_variance(n_in, init_scale)``: variance with which an intercept starts, that of the
        rest of its pre-activation for inputs of unit variance.
    largest_mean : float
        Bound of the size of m; infinite if there is none.
    has_unit_square : bool
        Whether w² is 1, so that E[w²] need not be computed.
    """

    name: str
    has_precision: bool
    mean: Callable
    variance: Callable
    point: Callable
    draw: Callable
    start_variance: Callable
    largest_mean: float = np.inf
    has_unit_square: bool = False


def draw_fields(rng, n_in, n_out, init_scale, dtype):
    """Draw the fields that training starts from where weights are bounded, H ~ ε N(0, 1).

    Parameters
    ----------
    rng : numpy.random.RandomState
        Source of randomness; the same numbers are drawn for every `dtype`.
    n_in, n_out : int
        Shape of the layer.
    init_scale : float
        Scale ε of the fields.
    dtype : numpy dtype
        Floating-point type of the result.

    Returns
    -------
    ndarray of shape (n_in, n_out)
        Fields H.
    """
    return (init_scale * rng.standard_normal((n_in, n_out))).astype(dtype)


def spread_over_inputs(n_in, init_scale):
    """Compute ε² n_in, the variance of a sum over inputs of weights with variance ε².

    Parameters
    ----------
    n_in : int
        Number of inputs.
    init_scale : float
        Scale ε.

    Returns
    -------
    float
        The variance.
    """
    return init_scale**2 * n_in
