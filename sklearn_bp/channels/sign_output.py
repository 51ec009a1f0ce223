"""Sign output, label y = ±1: φ = log H(u) with u = −y ω/s and s = √V."""

import math

from ..scalar import (
    inverse_mills_bound,
    inverse_mills_excess,
    inverse_mills_ratio,
    log_gaussian_tail,
    scalar_function,
)
from ._base import SignOutput


@scalar_function
def sign_output_log_z(y, omega, v):
    """Compute φ = log P(y z > 0).

    Parameters
    ----------
    y : float
        Label, ±1.
    omega : float
        Mean ω of the pre-activation.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    log_z : float
        φ ≤ 0.
    """
    return log_gaussian_tail(-y * omega / math.sqrt(v))


@scalar_function
def sign_output_edge_parameters(y, v):
    """Compute what g needs besides ω.

    Parameters
    ----------
    y : float
        Label, ±1.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    p0 : float
        −y/s.
    p1, p2 : float
        Zeros; not used.
    """
    T = type(v)
    return -y / math.sqrt(v), T(0), T(0)


@scalar_function
def sign_output_edge_g(omega, p0, p1, p2):
    """Compute g from ω and the rest.

    Parameters
    ----------
    omega : float
        Mean ω of the pre-activation.
    p0, p1, p2 : float
        What :func:`sign_output_edge_parameters` returns.

    Returns
    -------
    g : float
        ∂_ω φ.
    """
    return -p0 * inverse_mills_ratio(omega * p0)


@scalar_function
def sign_output_edge_singularity(p0, p1, p2):
    """Locate the nearest zero of the Gaussian tail H(u), u = −1.9159 ± 2.8164 i.

    Parameters
    ----------
    p0, p1, p2 : float
        What :func:`sign_output_edge_parameters` returns.

    Returns
    -------
    position : float
        Its real part.
    distance : float
        Its distance from the real line.
    scale : float
        s.
    """
    T = type(p0)
    scale = T(1) / abs(p0)
    return T(-1.9159) / p0, T(2.8164) * scale, scale


@scalar_function
def sign_output_edge_g_bound(omega, half_width, p0, p1, p2):
    """Bound |g| = h(u)/s on an interval: it rises with u.

    Parameters
    ----------
    omega : float
        Middle of an interval of ω.
    half_width : float
        Its half-width, at least 0.
    p0, p1, p2 : float
        What :func:`sign_output_edge_parameters` returns.

    Returns
    -------
    float
        At least |g| everywhere in the interval.
    """
    T = type(omega)
    scale = abs(p0)
    return scale * inverse_mills_bound(omega * p0 + half_width * scale, T(0))


@scalar_function
def sign_output_g_gamma(y, omega, v):
    """Compute g = ∂_ω φ = y h(u)/s and Γ = −∂²_ω φ = h(u) (h(u) − u)/V.

    Parameters
    ----------
    y : float
        Label, ±1.
    omega : float
        Mean ω of the pre-activation.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    g : float
        ∂_ω φ, of the sign of y.
    gamma : float
        −∂²_ω φ, in [0, 1/V].
    """
    p0, _, _ = sign_output_edge_parameters(y, v)
    u = omega * p0
    ratio = inverse_mills_ratio(u)
    return -p0 * ratio, ratio * inverse_mills_excess(u) / v


SIGN_OUTPUT = SignOutput(
    name="sign",
    log_z=sign_output_log_z,
    g_gamma=sign_output_g_gamma,
    edge_parameters=sign_output_edge_parameters,
    edge_g=sign_output_edge_g,
    edge_g_bound=sign_output_edge_g_bound,
    edge_singularity=sign_output_edge_singularity,
)
