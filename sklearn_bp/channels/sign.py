"""Sign activation, x = sign(z).

With s = √V, u = −ω/s and P(z > 0) = H(u),

    φ = log( e^B H(u) + e^{−B} H(−u) ).

By the symmetry φ(B, ω) = φ(−B, −ω) only B ≥ 0 is worked out. Dividing by e^B leaves
H(u) + q H(−u) with q = e^{−2B}, and with R the Mills ratio of |u|

    g s = (1 − q) G(u) / (H(u) + q H(−u)) = (1 − q) / (E ± (1 − q) R),

    E = √(2π) exp(u²/2 − 2B) and the sign + for u ≥ 0, E = √(2π) exp(u²/2) and − for u < 0.

Since √(2π) exp(u²/2) ≥ 2R the denominator never cancels.
"""

import math

from ..scalar import (
    exp_between,
    exp_limit,
    exp_limit_for_products,
    expm1,
    gaussian_tail,
    inverse_mills_fraction,
    log1p,
    log_gaussian_tail,
    mills_ratio_sides,
    scalar_function,
)
from ..scalar.gaussian import SQRT_TWO_PI
from ._base import Activation, MessageOutput
from .labels import sign_label_message


@scalar_function
def sign_log_z(B, A, omega, v):
    """Compute φ = log Σ_x P(x) e^{Bx} of the sign activation, without the constant −A/2.

    Parameters
    ----------
    B : float
        Field B coming down.
    A : float
        Precision A coming down; not used.
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
    b = -B if B < T(0) else B
    lead = (-omega if B < T(0) else omega) / math.sqrt(v)
    distance = -lead if lead < T(0) else lead
    tail = gaussian_tail(distance)
    ahead = log1p(expm1(T(-2) * b) * tail)
    with_b = log_gaussian_tail(distance)
    against_b = T(-2) * b + log1p(-tail)
    larger, gap = (
        (with_b, against_b - with_b) if with_b > against_b else (against_b, with_b - against_b)
    )
    limit = exp_limit(gap)
    behind = larger + log1p(exp_between(gap, -limit, T(0)))
    return b + (ahead if lead >= T(0) else behind)


@scalar_function
def sign_moments(B, A, omega, v):
    """Compute mean and variance of x = ±1.

    The variance comes from the two weights e^{±B} H(±u), not from 1 − x_mean², and stays accurate
    where x_mean rounds to ±1.

    Parameters
    ----------
    B : float
        Field B coming down.
    A : float
        Precision A coming down; not used.
    omega : float
        Mean ω of the pre-activation.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    x_mean : float
        Mean in [−1, 1].
    x_var : float
        Variance.
    """
    T = type(omega)
    ratio = omega / math.sqrt(v)
    negative = ratio < T(0)
    distance = -ratio if negative else ratio
    b = -B if negative else B
    above, below = mills_ratio_sides(distance)
    limit = exp_limit_for_products(omega)
    # Weights of the value against ω and of the value along it, over a common factor.
    against = exp_between(T(-2) * b - T(0.5) * ratio * ratio, -limit, limit) * above
    inverse = T(1) / (against + below)
    against = against * inverse
    along = below * inverse
    unlikely = against > along
    mean = T(1) - T(2) * (along if unlikely else against)
    return (-mean if negative != unlikely else mean), T(4) * along * against


@scalar_function
def sign_edge_parameters(B, A, v):
    """Compute what g needs besides ω.

    Parameters
    ----------
    B : float
        Field B coming down.
    A : float
        Precision A coming down; not used.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    p0 : float
        ∓1/s, negative for B ≥ 0.
    p1 : float
        2|B|.
    p2 : float
        1 − e^{−2|B|}.
    """
    T = type(v)
    inverse = T(1) / math.sqrt(v)
    two_b = T(2) * (-B if B < T(0) else B)
    return (inverse if B < T(0) else -inverse), two_b, -expm1(-two_b)


@scalar_function
def _growth_and_ratio(u, two_b):
    """E and R of the module's docstring, and 1 − |u| R."""
    T = type(u)
    numerator, denominator, excess = inverse_mills_fraction(-u if u < T(0) else u)
    exponent = T(0.5) * u * u - (T(0) if u < T(0) else two_b)
    limit = exp_limit_for_products(u)
    growth = T(SQRT_TWO_PI) * exp_between(exponent, -limit, limit)
    return growth, denominator / numerator, excess / numerator


@scalar_function
def sign_edge_g(omega, p0, p1, p2):
    """Compute g from ω and the rest.

    Parameters
    ----------
    omega : float
        Mean ω of the pre-activation.
    p0, p1, p2 : float
        What :func:`sign_edge_parameters` returns.

    Returns
    -------
    g : float
        ∂_ω φ.
    """
    T = type(omega)
    u = omega * p0
    growth, ratio, _ = _growth_and_ratio(u, p1)
    return -p0 * p2 / (growth + (-p2 if u < T(0) else p2) * ratio)


@scalar_function
def sign_edge_singularities(p0, p1, p2):
    """Locate zeros of P(z > 0) e^B + P(z < 0) e^{−B} in the complex plane of ω.

    Where the message e^{2|B|} just makes up for the tail, u ≈ √(4|B|), the tail's phase turns
    by π within π/u: for strong messages g is a narrow step there, for weak ones it varies on the
    scale of s. The other zero is that of the tail H(u) alone, u = −1.9159 ± 2.8164 i, which for
    weaker messages moves up, and towards −1.

    Parameters
    ----------
    p0, p1, p2 : float
        What :func:`sign_edge_parameters` returns.

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
    scale = T(1) / abs(p0)
    step = (math.sqrt(T(2) * p1) - T(0.2)) / p0
    step_distance = T(math.pi) * scale / math.sqrt(T(1) + T(2) * p1)
    return step, step_distance, T(-1.9159) / p0, T(2.8163) * scale, scale


@scalar_function
def sign_g_gamma(B, A, omega, v):
    """Compute g = ∂_ω φ and Γ = −∂²_ω φ = g (ω/V + g).

    For u ≥ 0 the difference g s − u is taken from 1 − u R, so that it does not cancel where
    g s is close to u.

    Parameters
    ----------
    B : float
        Field B coming down.
    A : float
        Precision A coming down; not used.
    omega : float
        Mean ω of the pre-activation.
    v : float
        Variance V > 0 of the pre-activation.

    Returns
    -------
    g : float
        ∂_ω φ.
    gamma : float
        −∂²_ω φ; negative where the message contradicts ω too weakly to count.
    """
    T = type(omega)
    p0, p1, p2 = sign_edge_parameters(B, A, v)
    u = omega * p0
    growth, ratio, remainder = _growth_and_ratio(u, p1)
    total = growth + (-p2 if u < T(0) else p2) * ratio
    scaled = p2 / total
    difference = scaled - u if u < T(0) else scaled * remainder - u * (growth / total)
    return -p0 * scaled, scaled * difference / v


@scalar_function
def sign_point(z):
    """Apply the deterministic activation.

    Parameters
    ----------
    z : float
        Pre-activation.

    Returns
    -------
    x : float
        +1 for z ≥ 0, else −1.
    """
    T = type(z)
    return T(1) if z >= T(0) else T(-1)


@scalar_function
def sign_label_log_z(y, omega, v):
    """Compute log P(y z > 0), the probability that the network says y.

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
        log H(−y ω/s), at most 0.
    """
    return log_gaussian_tail(-y * omega / math.sqrt(v))


SIGN = Activation(
    name="sign",
    uses_precision=False,
    log_z=sign_log_z,
    moments=sign_moments,
    g_gamma=sign_g_gamma,
    edge_parameters=sign_edge_parameters,
    edge_g=sign_edge_g,
    edge_singularities=sign_edge_singularities,
    point=sign_point,
)

SIGN_OUTPUT = MessageOutput(
    name="sign", activation=SIGN, message=sign_label_message, log_z=sign_label_log_z
)
