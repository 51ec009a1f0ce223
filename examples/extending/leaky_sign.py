"""An activation of two values, +1 and −0.1: a sign whose negative side is weak.

φ = log(e^{B − A/2} H(−ω/s) + e^{−aB − a²A/2} H(ω/s)) is that of a sign with another field, up to
a number that does not depend on ω.
"""

import math

from sklearn_bp.channels import Activation
from sklearn_bp.channels.sign import (
    SIGN,
    sign_edge_parameters,
    sign_g_gamma,
    sign_moments,
)
from sklearn_bp.scalar import exp, log1p, log_gaussian_tail, scalar_function

LEAK = 0.1


@scalar_function
def field_of_sign(B, A):
    """Compute half the difference of the two exponents: the field of a sign."""
    T = type(B)
    return T((1 + LEAK) / 2) * B - T((1 - LEAK**2) / 4) * A


@scalar_function
def log_z(B, A, omega, v):
    """Compute φ, from the larger of its two terms."""
    T = type(B)
    ratio = omega / math.sqrt(v)
    above = B - T(0.5) * A + log_gaussian_tail(-ratio)
    below = T(-LEAK) * B - T(LEAK**2 / 2) * A + log_gaussian_tail(ratio)
    return max(above, below) + log1p(exp(-abs(above - below)))


@scalar_function
def moments(B, A, omega, v):
    """Compute x̂ and Δ."""
    T = type(B)
    mean, variance = sign_moments(field_of_sign(B, A), A, omega, v)
    half = T((1 + LEAK) / 2)
    return half * mean + T((1 - LEAK) / 2), half * half * variance


@scalar_function
def g_gamma(B, A, omega, v):
    """Compute g and Γ."""
    return sign_g_gamma(field_of_sign(B, A), A, omega, v)


@scalar_function
def edge_parameters(B, A, v):
    """Compute what g of an edge needs besides ω."""
    return sign_edge_parameters(field_of_sign(B, A), A, v)


@scalar_function
def point(z):
    """Compute the activation itself."""
    T = type(z)
    return T(1) if z >= T(0) else T(-LEAK)


LEAKY_SIGN = Activation(
    name="leaky_sign",
    uses_precision=True,
    log_z=log_z,
    moments=moments,
    g_gamma=g_gamma,
    edge_parameters=edge_parameters,
    edge_g=SIGN.edge_g,
    edge_singularities=SIGN.edge_singularities,
    point=point,
)
