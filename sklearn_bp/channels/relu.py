"""ReLU activation, x = max(0, z): a truncated Gaussian on each side of zero.

With s = √V, u = ω/s, c² = 1/(1 + AV), V_q = c²V, t = −(B + ω/V) √V_q = −c (Bs + u),

    φ = log( Z₋ + Z₊ ),    Z₋ = H(u),    Z₊ = c G(u) H(t) / G(t),

Z₊ being the method page's second term. Let p± = Z±/(Z₋ + Z₊), R = H/G, h = 1/R and e(x) = h(x) − x.
Above zero x has mean c s e(t) and variance V_q (1 − h(t) e(t)). From ∂_ω φ = E[(B − Az) 1(z > 0)],

    g = p₊ d,    d s = Bs − AV c e(t) = c²(Bs − AV u) − AV c h(t),

the first form for t ≥ 0 and the second for t < 0, so that neither cancels by itself; and

    Γ V = (1 − c²)(p₊ (1 − h(t) e(t)) + p₋ ρ D) + p₊ p₋ (u (1 − c²) − c² Bs) D,

with D = c e(t) + e(u) and ρ = h(u) p₋ = N(0; ω, V) s / (Z₋ + Z₊), in which nothing cancels but
the terms of a Γ that itself changes sign.
"""

import math

from ..scalar import (
    exp_between,
    exp_limit,
    exp_limit_for_products,
    gaussian_density,
    inverse_mills_excess,
    inverse_mills_fraction,
    inverse_mills_ratio,
    log,
    log1p,
    log_gaussian_tail,
    log_mills_ratio,
    mills_ratio_parts,
    mills_ratio_sides,
    scalar_function,
    truncated_variance,
)
from ..scalar._jit import is_double
from ..scalar.gaussian import LOG_SQRT_TWO_PI, SQRT_TWO_PI
from ._base import Activation
from .identity import identity_log_z, relative_precision


@scalar_function
def relu_edge_parameters(B, A, v):
    """Compute what g needs besides ω.

    Parameters
    ----------
    B : float
        Field B coming down.
    A : float
        Precision A coming down; 1 + AV should be positive.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    p0 : float
        1/s.
    p1 : float
        Bs.
    p2 : float
        AV, with 1 + AV kept positive.
    """
    T = type(v)
    s = math.sqrt(v)
    gain = relative_precision(A, v)
    clipped = gain - T(1) if gain > T(1) + A * v else A * v
    return T(1) / s, B * s, clipped


@scalar_function
def _truncation(u, p1, p2):
    """Truncation point t and c of the part above zero."""
    T = type(u)
    c = T(1) / math.sqrt(T(1) + p2)
    return -c * (p1 + u), c


@scalar_function
def _weights(u, t, c):
    """Weights p₊, p₋ of the parts above and below zero."""
    T = type(u)
    above, factor_above = mills_ratio_parts(t)
    below, factor_below = mills_ratio_parts(u)
    limit = exp_limit_for_products(u)
    odds = exp_between(below - above, -limit, limit) * (factor_below / (c * factor_above))
    # The factors are bounded by no constant: far below zero 1 / factor_above is about t.
    largest = T(1e308) if is_double(u) else T(1e38)
    odds = largest if odds > largest else odds
    return T(1) / (T(1) + odds), odds / (T(1) + odds)


@scalar_function
def _scaled_slope(u, t, c, p1, p2):
    """Compute d s of the module's docstring."""
    T = type(u)
    above = p1 - p2 * c * inverse_mills_excess(t)
    below = c * (c * (p1 - p2 * u) - p2 * inverse_mills_ratio(t))
    return below if t < T(0) else above


@scalar_function
def relu_log_z(B, A, omega, v):
    """Compute φ of the ReLU activation.

    Parameters
    ----------
    B : float
        Field B coming down.
    A : float
        Precision A coming down; 1 + AV should be positive.
    omega : float
        Mean ω of the pre-activation.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    log_z : float
        φ.
    """
    T = type(omega)
    p0, p1, p2 = relu_edge_parameters(B, A, v)
    u = omega * p0
    t, c = _truncation(u, p1, p2)
    low = log_gaussian_tail(u)
    behind = log(c) + log_mills_ratio(t) - (T(0.5) * u * u + T(LOG_SQRT_TWO_PI))
    ahead = identity_log_z(B, A, omega, v) + log_gaussian_tail(t)
    high = ahead if t < T(0) else behind
    larger, gap = (low, high - low) if low > high else (high, low - high)
    limit = exp_limit(gap)
    return larger + log1p(exp_between(gap, -limit, T(0)))


@scalar_function
def relu_moments(B, A, omega, v):
    """Compute mean and variance of x ≥ 0.

    Parameters
    ----------
    B : float
        Field B coming down.
    A : float
        Precision A coming down; 1 + AV should be positive.
    omega : float
        Mean ω of the pre-activation.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    x_mean : float
        Mean, at least 0.
    x_var : float
        Variance.
    """
    p0, p1, p2 = relu_edge_parameters(B, A, v)
    u = omega * p0
    t, c = _truncation(u, p1, p2)
    above, below = _weights(u, t, c)
    mean = c * inverse_mills_excess(t)
    variance = above * (c * c * truncated_variance(t) + below * mean * mean)
    return above * mean * math.sqrt(v), variance * v


@scalar_function
def relu_edge_g(omega, p0, p1, p2):
    """Compute g from ω and the rest, with as few divisions as it takes.

    Over a common factor, with R = R(t) and R₋ = R(u), the module's docstring gives

        g s = c (R Bs − AV c (1 − t R)) / (R₋ + c R) = c² (c R (Bs − AV u) − AV) / (R₋ + c R),

    the first form for t ≥ 0, where 1 − t R comes without a subtraction, and the second for t < 0.
    Mills ratios of negative numbers come without their growing factors, of which only the quotient
    is formed.

    Parameters
    ----------
    omega : float
        Mean ω of the pre-activation.
    p0, p1, p2 : float
        What :func:`relu_edge_parameters` returns.

    Returns
    -------
    g : float
        ∂_ω φ.
    """
    T = type(omega)
    u = omega * p0
    t, c = _truncation(u, p1, p2)
    behind, under = t < T(0), u < T(0)
    numerator, denominator, excess = inverse_mills_fraction(-t if behind else t)
    inverse = T(1) / numerator
    density = T(SQRT_TWO_PI) * gaussian_density(t)
    ratio = denominator * inverse
    above = c * (T(SQRT_TWO_PI) - density * ratio if behind else ratio)
    low, low_under = mills_ratio_sides(-u if under else u)
    limit = exp_limit_for_products(u)
    exponent = (T(0.5) * u * u if under else T(0)) - (T(0.5) * t * t if behind else T(0))
    below = exp_between(exponent, -limit, limit) * (low_under if under else low)
    ahead = above * p1 - p2 * c * c * (excess * inverse)
    back = c * (c * (above * (p1 - p2 * u) - p2 * density))
    return p0 * ((back if behind else ahead) / (above + below))


@scalar_function
def relu_edge_singularities(p0, p1, p2):
    """Locate zeros of Z₋ + Z₊ in the complex plane of ω.

    A message for large x pulls z from below zero to above at u ≈ −cBs/(1 + c), where the logarithm
    of Z₊/Z₋ has the slope cBs: for strong messages g is a narrow step there, for weak ones it
    varies on the scale of s. The other zero is that of the tail in Z₊ alone.

    Parameters
    ----------
    p0, p1, p2 : float
        What :func:`relu_edge_parameters` returns.

    Returns
    -------
    step : float
        Real part of the first, to within `step_distance`.
    step_distance : float
        Lower bound on its distance from the real line.
    tail : float
        Real part of the second, to within `tail_distance`.
    tail_distance : float
        Lower bound on its distance from the real line.
    scale : float
        s.
    """
    T = type(p0)
    scale = T(1) / p0
    c = T(1) / math.sqrt(T(1) + p2)
    slope = c * max(p1, T(0))
    step = -slope / (T(1) + c) * scale
    step_distance = T(math.pi) * scale / math.sqrt(T(2) + slope * slope)
    return step, step_distance, (T(1.9159) / c - p1) * scale, T(2.8163) / c * scale, scale


@scalar_function
def relu_g_gamma(B, A, omega, v):
    """Compute g = ∂_ω φ and Γ = −∂²_ω φ, as the module's docstring derives them.

    Parameters
    ----------
    B : float
        Field B coming down.
    A : float
        Precision A coming down; 1 + AV should be positive.
    omega : float
        Mean ω of the pre-activation.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    g : float
        ∂_ω φ.
    gamma : float
        −∂²_ω φ, of either sign.
    """
    p0, p1, p2 = relu_edge_parameters(B, A, v)
    u = omega * p0
    t, c = _truncation(u, p1, p2)
    above, below = _weights(u, t, c)
    shrink = p2 * c * c
    distance = c * inverse_mills_excess(t) + inverse_mills_excess(u)
    density = inverse_mills_ratio(u) * below
    curvature = shrink * (above * truncated_variance(t) + below * density * distance)
    curvature += above * below * distance * (shrink * u - c * c * p1)
    return above * _scaled_slope(u, t, c, p1, p2) * p0, curvature / v


@scalar_function
def relu_point(z):
    """Apply the deterministic activation.

    Parameters
    ----------
    z : float
        Pre-activation.

    Returns
    -------
    x : float
        max(0, z).
    """
    T = type(z)
    return T(0) if z < T(0) else z


RELU = Activation(
    name="relu",
    uses_precision=True,
    log_z=relu_log_z,
    moments=relu_moments,
    g_gamma=relu_g_gamma,
    edge_parameters=relu_edge_parameters,
    edge_g=relu_edge_g,
    edge_singularities=relu_edge_singularities,
    point=relu_point,
)
