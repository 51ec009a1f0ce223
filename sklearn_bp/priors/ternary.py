"""Weights −1, 0 and 1: P(w) ∝ exp(Hw − Gw²/2), every distribution on three values.

With c = 2 cosh H, the probability of a weight that is not 0 is q = c / (c + e^{G/2}); the mean is
m = q tanh H and the second moment q. The weights of the point network are the likeliest values.
"""

import numpy as np

from ..scalar import exp, scalar_function, tanh
from ._base import MIN_PRECISION, WeightPrior, draw_fields, spread_over_inputs


@scalar_function
def zero_odds(field, precision):
    """Compute P(w = 0) / P(w ≠ 0) = e^{G/2} / (2 cosh H)."""
    T = type(field)
    size = abs(field)
    return exp(precision / T(2) - size) / (T(1) + exp(T(-2) * size))


@scalar_function
def ternary_mean(field, precision):
    """Compute the mean q tanh H."""
    return tanh(field) / (type(field)(1) + zero_odds(field, precision))


@scalar_function
def ternary_variance(mean, field, precision):
    """Compute the variance q − m² as 1 − m² less P(w = 0).

    A damped mean may be larger than q; then q is taken to be as large.
    """
    T = type(mean)
    odds, size = zero_odds(field, precision), abs(mean)
    share, rest = T(1) / (T(1) + odds), T(1) - size
    # Of two probabilities that add up to 1, the smaller one has more digits.
    zero = odds * share
    square = size if size > share else share
    other = rest if rest < zero else zero
    return square - size * size if odds > T(1) else rest * (T(1) + size) - other


def ternary_point(mean, variance):
    """Compute the likeliest of −1, 0 and 1; a sign rather than 0 where they are equal."""
    square = mean * mean + variance
    return np.where((square + abs(mean)) / 2 >= 1 - square, np.where(mean >= 0, 1, -1), 0).astype(
        mean.dtype
    )


def draw_ternary(rng, n_in, n_out, init_scale, dtype):
    """Draw fields as :func:`draw_fields` does; the precision is the smallest one, e^{G/2} ≈ 1."""
    field = draw_fields(rng, n_in, n_out, init_scale, dtype)
    return field, np.full_like(field, MIN_PRECISION)


TERNARY = WeightPrior(
    name="ternary",
    has_precision=True,
    mean=ternary_mean,
    variance=ternary_variance,
    point=ternary_point,
    draw=draw_ternary,
    start_variance=spread_over_inputs,
    largest_mean=1.0,
)
