"""What a channel is: a frozen record of scalar functions.

There is one of each, known by its identity: kernels are looked up by it in every step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, eq=False)
class Activation:
    """Activation channel: z ~ N(omega, v) passed through x = f(z), with a message from above.

    With the tilt e^{B x − A x²/2} of the message coming down,

        φ(B, A, ω, V) = log ∫ dz N(z; ω, V) e^{B f(z) − A f(z)²/2},

    up to the additive constant that each channel's `log_z` documents. All functions take and
    return scalars of one floating-point type; v > 0 is a variance.

    Attributes
    ----------
    name : str
        Name in the registry.
    uses_precision : bool
        Whether anything depends on A. If not, A may be any number.
    log_z : callable
        ``log_z(B, A, omega, v) -> φ``.
    moments : callable
        ``moments(B, A, omega, v) -> (x_mean, x_var)``, ∂_B φ and ∂²_B φ.
    g_gamma : callable
        ``g_gamma(B, A, omega, v) -> (g, gamma)``, ∂_ω φ and −∂²_ω φ.
    edge_parameters : callable
        ``edge_parameters(B, A, v) -> (p0, p1, p2)``: what g needs besides ω.
    edge_g : callable
        ``edge_g(omega, p0, p1, p2) -> g``, the same g, cheap enough for every edge.
    edge_singularities : callable
        ``edge_singularities(p0, p1, p2) -> (near, near_distance, far, far_distance, scale)``: the
        two singularities of g in the complex plane of ω of which one decides how fast its
        polynomials converge, the one nearest the real line and another that may be nearer to an
        interval. The distances are lower bounds on how far they are from the line, the positions
        their real parts to within those distances; `scale` is that on which g varies elsewhere.
    point : callable
        ``point(z) -> x``, the deterministic activation f.
    """

    name: str
    uses_precision: bool
    log_z: Callable
    moments: Callable
    g_gamma: Callable
    edge_parameters: Callable
    edge_g: Callable
    edge_singularities: Callable
    point: Callable


@dataclass(frozen=True, eq=False)
class MessageOutput:
    """Output of independent units: labels are messages that come down to an activation.

    Attributes
    ----------
    name : str
        Name in the registry.
    activation : Activation
        The activation of the output units.
    message : callable
        ``message(y, noise) -> (B, A)``, what a label says in the place of the layers above.
    log_z : callable
        ``log_z(y, omega, v) -> log Z``, the probability that the network says y.
    unit_variance : float
        Variance of noise that is added to z of the output units, at least 0.
    """

    factorized: ClassVar[bool] = True
    """Whether the units of a sample are independent, so that edges have cavity messages."""

    name: str
    activation: Activation
    message: Callable
    log_z: Callable
    unit_variance: float = 0.0


@dataclass(frozen=True, eq=False)
class ArgmaxOutput:
    """Output channel that couples the units of a sample through argmax z = c.

    Both kinds are built from factors log H(−d/√v), d the lead of the class over a rival.

    Attributes
    ----------
    name : str
        Name in the registry.
    exact : bool
        Whether the integral over z_c is done by quadrature; else rivals are taken pair by pair.
    pair : callable
        ``pair(d_omega, v_sum) -> (log_z, g, gamma)`` of one factor and its derivatives in d.
    unit_variance : float
        Variance of noise that is added to z of the output units, at least 0.
    """

    factorized: ClassVar[bool] = False
    """Whether the units of a sample are independent, so that edges have cavity messages."""

    name: str
    exact: bool
    pair: Callable
    unit_variance: float = 0.0


Output = MessageOutput | ArgmaxOutput
