"""Where g stops being analytic in the complex plane of ω, against zeros found by Newton steps.

g = φ′, and φ is the logarithm of an entire function: g is singular at its zeros and nowhere else.
"""

import numpy as np
import pytest
from scipy.special import wofz

from sklearn_bp.channels import ACTIVATIONS, OUTPUTS

STRENGTHS = [0.05, 0.3, 1.0, 2.0, 5.0, 12.0, 30.0, 60.0]
VARIANCES = [1e-8, 1.0, 900.0]


def mills_ratio(u):
    """R = H/G of complex numbers; R′ = u R − 1."""
    return np.sqrt(np.pi / 2) * wofz(1j * u / np.sqrt(2))


def nearest_zero(function, slope, left=-35.0, right=20.0):
    """The zero nearest to the real line, above it."""
    re, im = np.meshgrid(np.linspace(left, right, 111), np.linspace(0.03, 4.5, 12))
    u = (re + 1j * im).ravel()
    with np.errstate(all="ignore"):
        for _ in range(50):
            step = function(u) / slope(u)
            u = u - np.where(abs(step) > 0.3, 0.3 * step / abs(step), step)
        found = (abs(step) < 1e-9) & (u.imag > 1e-6) & (u.imag < 4.5)
    return u[found][np.argmin(u[found].imag)]


def assert_located(channel, arguments, v, zero):
    """`zero` is in units of s; the distance is a lower bound, and a close one where it is near."""
    parameters = channel.edge_parameters(*arguments, v)
    position, distance, scale = channel.edge_singularity(*parameters)
    s = np.sqrt(v)
    assert scale == pytest.approx(s, rel=1e-12)
    assert distance <= zero.imag * s * (1 + 1e-4)
    assert abs(position - zero.real * s) <= distance
    if zero.imag < 1:
        assert distance > 0.85 * zero.imag * s


@pytest.mark.parametrize("B", STRENGTHS)
def test_sign_activation(B):
    """In −u = ω/s and for B > 0: H(u) + e^{−2B} H(−u), over G(u)."""
    q = np.exp(-2 * B)
    zero = nearest_zero(
        lambda u: mills_ratio(u) + q * mills_ratio(-u),
        lambda u: u * (mills_ratio(u) + q * mills_ratio(-u)) - 1 + q,
    )
    channel = ACTIVATIONS["sign"]
    for v in VARIANCES:
        assert_located(channel, (B, 0.0), v, -np.conj(zero))
        assert_located(channel, (-B, 0.0), v, zero)


@pytest.mark.parametrize("A", [0.0, 0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("B", [*(-b for b in STRENGTHS[2:]), *STRENGTHS])
def test_relu(B, A):
    """In units of s, Z₋ + Z₊ over G(u): R(u) + c R(t), t = −c (B + u)."""
    c = 1 / np.sqrt(1 + A)

    def slope(u):
        t = -c * (B + u)
        return u * mills_ratio(u) - 1 - c * c * (t * mills_ratio(t) - 1)

    zero = nearest_zero(lambda u: mills_ratio(u) + c * mills_ratio(-c * (B + u)), slope)
    for v in VARIANCES:
        assert_located(ACTIVATIONS["relu"], (B / np.sqrt(v), A / v), v, zero)


@pytest.mark.parametrize("y", [-1.0, 1.0])
def test_sign_output(y):
    zero = nearest_zero(mills_ratio, lambda u: u * mills_ratio(u) - 1)
    for v in VARIANCES:
        assert_located(OUTPUTS["sign"], (y,), v, -y * zero.real + 1j * zero.imag)


def test_identity():
    channel = ACTIVATIONS["identity"]
    assert channel.edge_singularity(*channel.edge_parameters(1.0, 2.0, 3.0)) == (0, np.inf, np.inf)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_single_precision_stays_single_and_finite(name):
    channel = ACTIVATIONS[name]
    for v in (1e-8, 1.0, 1e12):
        numbers = (np.float32(number) for number in (-60.0, 1.0, v))
        position, distance, scale = channel.edge_singularity(*channel.edge_parameters(*numbers))
        assert np.isfinite(position) and distance > 0 and scale > 0
