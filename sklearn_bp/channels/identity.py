"""Identity activation, x = z: all Gaussian, in closed form.

    φ = log ∫ dz N(z; ω, V) e^{Bz − Az²/2}
      = −½ log(1 + AV) + (B²V + 2Bω − Aω²) / (2 (1 + AV)).

The integral exists for 1 + AV > 0.
"""

import math

from ..scalar import log1p, scalar_function
from ._base import Activation


@scalar_function
def relative_precision(A, v):
    """Compute 1 + AV, the precision of the tilted Gaussian relative to that before, kept positive.

    Messages can carry A < 0. Where 1 + AV would not be positive, the integral of φ diverges, and
    the least value allowed keeps V_q = V/(1 + AV) within a million times V.

    Parameters
    ----------
    A : float
        Precision A coming down.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    float
        1 + AV, at least 1e-6.
    """
    T = type(v)
    value = T(1) + A * v
    return T(1e-6) if value < T(1e-6) else value


@scalar_function
def identity_log_z(B, A, omega, v):
    """Compute φ of the identity activation.

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
    gain = relative_precision(A, v)
    quadratic = B * (B * v + T(2) * omega) - A * omega * omega
    return T(0.5) * (quadratic / gain - log1p(gain - T(1)))


@scalar_function
def identity_moments(B, A, omega, v):
    """Compute mean and variance of the tilted Gaussian.

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
        (ω + BV)/(1 + AV).
    x_var : float
        V/(1 + AV).
    """
    gain = relative_precision(A, v)
    return (omega + B * v) / gain, v / gain


@scalar_function
def identity_edge_parameters(B, A, v):
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
        Intercept B/(1 + AV) of the linear g.
    p1 : float
        Minus its slope, A/(1 + AV).
    p2 : float
        Zero; not used.
    """
    T = type(v)
    gain = relative_precision(A, v)
    return B / gain, A / gain, T(0)


@scalar_function
def identity_edge_g(omega, p0, p1, p2):
    """Compute g from ω and the rest.

    Parameters
    ----------
    omega : float
        Mean ω of the pre-activation.
    p0, p1, p2 : float
        What :func:`identity_edge_parameters` returns.

    Returns
    -------
    g : float
        ∂_ω φ.
    """
    return p0 - p1 * omega


@scalar_function
def identity_edge_singularities(p0, p1, p2):
    """Say that g, being linear, has no singularity.

    Parameters
    ----------
    p0, p1, p2 : float
        What :func:`identity_edge_parameters` returns.

    Returns
    -------
    near, near_distance, far, far_distance, scale : float
        Zeros for the positions, infinity for the distances and the scale.
    """
    zero, infinity = type(p0)(0), type(p0)(math.inf)
    return zero, infinity, zero, infinity, infinity


@scalar_function
def identity_g_gamma(B, A, omega, v):
    """Compute g = ∂_ω φ = (B − Aω)/(1 + AV) and Γ = −∂²_ω φ = A/(1 + AV).

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
        −∂²_ω φ.
    """
    p0, p1, p2 = identity_edge_parameters(B, A, v)
    return identity_edge_g(omega, p0, p1, p2), p1


@scalar_function
def identity_point(z):
    """Apply the deterministic activation.

    Parameters
    ----------
    z : float
        Pre-activation.

    Returns
    -------
    x : float
        z itself.
    """
    return z


IDENTITY = Activation(
    name="identity",
    uses_precision=True,
    log_z=identity_log_z,
    moments=identity_moments,
    g_gamma=identity_g_gamma,
    edge_parameters=identity_edge_parameters,
    edge_g=identity_edge_g,
    edge_singularities=identity_edge_singularities,
    point=identity_point,
)
