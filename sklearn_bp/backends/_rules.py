"""Scalar rules of the sweep that are no channel's or prior's, one definition for all backends."""

from ..scalar import scalar_function

MIN_V = 1e-8
"""Added to every pre-activation variance, so that a fully polarised unit keeps a finite 1/V."""


@scalar_function
def complete_v(v, offset):
    """Complete a pre-activation variance V (method page, "One sweep")."""
    return v + offset + type(v)(MIN_V)


@scalar_function
def is_bad(x):
    """Tell whether a number is infinite or NaN: 0 · x is NaN for both, in one comparison."""
    zero = type(x)(0)
    return x * zero != zero


LARGEST_MEAN = 1e12
"""A mean of a weight beyond this has run away: squares of sums of such weights still are finite in
double precision, so that whatever training accepts can predict."""


@scalar_function
def runs_away(mean):
    """Tell whether the mean of a weight is NaN or beyond :data:`LARGEST_MEAN`."""
    T = type(mean)
    return not (T(-LARGEST_MEAN) <= mean <= T(LARGEST_MEAN))


@scalar_function
def next_parameter(incoming, previous, prior, weight, reinforcement, rho):
    """Compute a natural parameter, H or G, after a sweep: w H_in + r H + ρ H_previous."""
    return weight * incoming + reinforcement * previous + rho * prior


@scalar_function
def at_least(x, bound):
    """Give a number where it is not below a bound, else the bound; NaN stays NaN."""
    return bound if x < bound else x


@scalar_function
def damp(previous, target, damping):
    """Move from the previous value towards the target: α · previous + (1 − α) · target."""
    return damping * previous + (type(previous)(1) - damping) * target


@scalar_function
def square_moment(mean, variance):
    """Second moment of a weight, E[w²] = m² + σ."""
    return mean * mean + variance


@scalar_function
def precision_left(gained, lost):
    """Compute the precision A of a message coming down, at least 0.

    A = Σ_k (m² + σ) Γ − σ g² falls below zero where a confident prediction is wrong. A Gaussian
    factor of negative precision rewards activations for growing: networks of unbounded activations
    do not train with it.
    """
    return at_least(gained - lost, type(gained)(0))
