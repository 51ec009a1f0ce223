"""Weights −1, 0 and +1: P(w) ∝ exp(Hw − Gw²/2), that is every distribution of three values.

A weight is not 0 with the probability q = 2 cosh H / (2 cosh H + e^{G/2}) = E[w²], and then is as
a ±1 weight of field H: its mean is q tanh H.
"""

import math

import numpy as np

from ..scalar import exp, exp_between, exp_limit, scalar_function, tanh
from ._base import WeightPrior


@scalar_function
def ternary_mean(field, precision):
    """Mean q tanh H."""
    T = type(field)
    size = abs(field)
    odds_of_zero = exp(T(0.5) * precision - size) / (T(1) + exp(T(-2) * size))
    return tanh(field) / (T(1) + odds_of_zero)


@scalar_function
def ternary_variance(mean, precision):
    """Variance (1 − m²) r / (r + e^{G/2}), where r² = m² e^G + 4 (1 − m²).

    That is q − m² once H, of which m is the mean, is eliminated.
    """
    T = type(mean)
    # Numerator and denominator may be divided by e^{G/2}: of it and 1 the larger one becomes 1. The
    # smaller one's square must not underflow: variances are not told apart below 1e-18.
    ratio = exp_between(T(-0.5) * abs(precision), T(-0.5) * exp_limit(mean), T(0))
    zero = T(1) if precision > T(0) else ratio
    one = ratio if precision > T(0) else T(1)
    rest = (T(1) - mean) * (T(1) + mean)
    root = math.sqrt(mean * mean * (zero * zero) + T(4) * rest * (one * one))
    return rest * (root / (root + zero))


def likeliest(mean, variance):
    """Most probable weights: of a tie with 0 the sign, +1 for a mean of 0."""
    nonzero = mean * mean + variance
    return np.where((nonzero + abs(mean)) / 2 < 1 - nonzero, 0, np.where(mean >= 0, 1, -1))


def draw_ternary(rng, n_in, n_out, init_scale):
    """Draw the fields that training starts from, with G = 0: a field of 0 is a weight of any value.

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
    field, precision : ndarray of float64, shape (n_in, n_out)
        Fields H and precisions G.
    """
    field = init_scale * rng.standard_normal((n_in, n_out))
    return field, np.zeros((n_in, n_out))


TERNARY = WeightPrior(
    name="ternary",
    mean=ternary_mean,
    variance=ternary_variance,
    point=likeliest,
    draw=draw_ternary,
    largest_mean=1.0,
)
