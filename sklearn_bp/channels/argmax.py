"""Argmax output, label c = argmax z, built from factors log H(−d/√v).

Pairwise, every rival k is beaten by itself,

    φ = Σ_{k≠c} log H(−(ω_c − ω_k)/√(V_c + V_k));

exact, all are beaten by one z = ω_c + t,

    φ = log ∫ dt f(t),    log f = log N(t; 0, V_c) + Σ_{k≠c} log H(−(t + ω_c − ω_k)/√V_k).

In both, one factor is that of a certain label +1 of a sign unit, with ω = d and V = v.

The exact integral. Every factor of f is a function ψ_a of z − ω_a. With D_a = ψ_a' and
κ_a = −ψ_a'' ≥ 0, and averages ⟨·⟩ over the normalised f,

    g_a = −⟨D_a⟩,    Γ_a = ⟨κ_a⟩ − Var D_a = Σ_{b≠a} ⟨κ_b⟩ − Var Σ_{b≠a} D_b;

the second form, by integration by parts, is for the one factor that may carry most of Σ ⟨κ⟩, where
the first would cancel. The sum of all g vanishes.

f is log-concave and all κ fall with t. This makes Newton's method safe, for the mode (from the
left) and for the ends of the support, and lets panels of a Gauss-Legendre rule be laid from left
to right: a panel is a few times as wide as the narrowest factor that still varies there. So far in
the tails that log f is no longer known to a tenth, f is taken for a Gaussian around its mode.
"""

import math

import numpy as np

from ..scalar import (
    gaussian_tail_parts,
    inverse_mills_excess,
    inverse_mills_ratio,
    is_double,
    log,
    log_gaussian_tail,
    scalar_function,
)
from ..scalar.gaussian import LOG_SQRT_TWO_PI
from ._base import ArgmaxOutput

N_NODES = 16
"""Nodes of the Gauss-Legendre rule on one panel."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(N_NODES)
"""The rule on [−1, 1]."""

MAX_NEWTON = 100
"""Steps of Newton's method at most; a handful is usual."""

MAX_FALL = 20.0
"""Fall of log f over one panel, to first order; the rule's error for e^{−20x} is 1e-13."""

MOST_FACTORS = 8
"""Factors of tails whose product stays a normal number wherever f is integrated."""

SETTLED_LEAD = 6.5
"""A lead of so many standard deviations makes a factor constant: H(−6.5) = 1 − 4e-11."""


@scalar_function
def pair(d_omega, v_sum):
    """Log probability that a lead is positive, with its derivatives.

    Parameters
    ----------
    d_omega : float
        Mean lead d of the class over one rival.
    v_sum : float
        Variance v > 0 of the lead.

    Returns
    -------
    log_z, g, gamma : float
        log H(u) with u = −d/√v, its derivative h(u)/√v in d, and minus its second derivative
        h(u) (h(u) − u)/v.
    """
    s = math.sqrt(v_sum)
    u = -d_omega / s
    ratio = inverse_mills_ratio(u)
    return log_gaussian_tail(u), ratio / s, ratio * inverse_mills_excess(u) / v_sum


@scalar_function
def pair_parts(d_omega, v_sum):
    """Probability that a lead is positive, as exp(exponent) · factor, which cannot underflow.

    Parameters
    ----------
    d_omega : float
        Mean lead d of the class over one rival.
    v_sum : float
        Variance v > 0 of the lead.

    Returns
    -------
    exponent, factor : float
        Those of H(−d/√v), see :func:`~sklearn_bp.scalar.gaussian_tail_parts`.
    """
    return gaussian_tail_parts(-d_omega / math.sqrt(v_sum))


@scalar_function
def rival_lead(omega_class, omega_rival, origin, t):
    """Compute the lead of z = ω_c + origin + t over the mean of a rival.

    The origin is a number near the mode of the integrand. Where a rival's factor is narrow, its
    mean is near there too, so that the sum with the origin is exact, and t has all its digits left
    to resolve the factor.

    Parameters
    ----------
    omega_class, omega_rival : float
        Means ω_c and ω_k.
    origin, t : float
        The two parts of z − ω_c.

    Returns
    -------
    lead : float
        z − ω_k.
    """
    return ((omega_class - omega_rival) + origin) + t


@scalar_function
def own_factor(origin, t, v):
    """Compute log N(z; ω_c, V_c) at z = ω_c + origin + t, with its derivatives in z.

    Parameters
    ----------
    origin, t : float
        The two parts of z − ω_c.
    v : float
        Variance V_c > 0.

    Returns
    -------
    log_density, slope, curvature : float
        The logarithm, its derivative, and minus its second derivative.
    """
    T = type(t)
    t = origin + t
    log_density = T(-0.5) * t * t / v - T(LOG_SQRT_TWO_PI) - T(0.5) * log(v)
    return log_density, -t / v, T(1) / v


@scalar_function
def support_drop(x):
    """Tell how far log f falls below its maximum where the integral is cut.

    Parameters
    ----------
    x : float
        Any number; only its type matters.

    Returns
    -------
    float
        36 in double and 24 in single precision.
    """
    T = type(x)
    return T(36) if is_double(x) else T(24)


@scalar_function
def panel_width(x):
    """Tell how wide a panel is, over the narrowest scale of f at its left end.

    The rule's relative error for a Gaussian is 1e-14 in double and 4e-10 in single precision;
    moments lose two or three digits of it.

    Parameters
    ----------
    x : float
        Any number; only its type matters.

    Returns
    -------
    float
        5.5 in double and 8 in single precision.
    """
    T = type(x)
    return T(5.5) if is_double(x) else T(8)


@scalar_function
def mode_found(slope, curvature):
    """Tell whether a Newton step to the mode would be under a tenth of the width of f.

    Parameters
    ----------
    slope, curvature : float
        Derivative and minus the second derivative of log f.

    Returns
    -------
    bool
        Whether to stop.
    """
    T = type(slope)
    return slope * slope <= T(0.01) * curvature


@scalar_function
def too_deep(peak):
    """Tell whether rounding leaves too few digits of log f to integrate f.

    Parameters
    ----------
    peak : float
        Maximum of log f.

    Returns
    -------
    bool
        Whether a unit in the last place of `peak` is more than a few percent.
    """
    T = type(peak)
    return peak < (T(-1e14) if is_double(peak) else T(-1e6))


@scalar_function
def log_gaussian_integral(peak, curvature):
    """Compute the logarithm of the integral of a Gaussian f.

    Parameters
    ----------
    peak : float
        Maximum of log f.
    curvature : float
        Minus the second derivative of log f, κ > 0.

    Returns
    -------
    float
        peak + ½ log(2π/κ).
    """
    T = type(peak)
    return peak + T(LOG_SQRT_TWO_PI) - T(0.5) * log(curvature)


@scalar_function
def factor_scale(lead, v):
    """Compute the scale on which a rival's factor varies.

    Parameters
    ----------
    lead : float
        Lead of z over the rival's mean.
    v : float
        The rival's variance V_k > 0.

    Returns
    -------
    float
        √V_k, or infinity where the factor is constant.
    """
    T = type(lead)
    s = math.sqrt(v)
    return T(math.inf) if lead > T(SETTLED_LEAD) * s else s


@scalar_function
def panel_end(t, end, scale, slope, curvature):
    """Lay the next panel of the quadrature.

    To the right of the mode a panel is also kept from falling by much more than e^{−MAX_FALL},
    which curvature does not do where f decays exponentially.

    Parameters
    ----------
    t : float
        Left end of the panel.
    end : float
        Right end of the support of f.
    scale : float
        The least :func:`factor_scale` at t.
    slope, curvature : float
        Derivative and minus the second derivative of log f at t.

    Returns
    -------
    float
        Right end of the panel, above t and at most `end`.
    """
    T = type(t)
    width = T(1) / math.sqrt(curvature)
    width = panel_width(t) * (scale if scale < width else width)
    fall = -slope * width
    width = width * (T(MAX_FALL) / fall) if fall > T(MAX_FALL) else width
    right = t + width
    return right if t < right < end else end


ARGMAX = ArgmaxOutput(name="argmax", exact=False, pair=pair)
ARGMAX_EXACT = ArgmaxOutput(name="argmax_exact", exact=True, pair=pair)
