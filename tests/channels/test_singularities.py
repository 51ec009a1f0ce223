"""Where g stops being analytic in the complex plane of ω, against zeros found by Newton steps.

g = φ′, and φ is the logarithm of an entire function: g is singular at its zeros and nowhere else.
The functions below are e^φ over the Gaussian density, in the plane of w = ω/s.
"""

from itertools import product

import numpy as np
import pytest
from extensions import values_of
from scipy.special import wofz

from sklearn_bp.backends._expansion_rules import CAUTION, slowest_decay
from sklearn_bp.channels import ACTIVATIONS
from sklearn_bp.channels.labels import CERTAIN_FIELD

from .messages import LABELLED, NOISES

STRENGTHS = [0.05, 0.3, 1.0, 2.0, 5.0, 12.0, 30.0, 60.0]
HARD = [1000.0, CERTAIN_FIELD]
VARIANCES = [1e-8, 1.0, 900.0]


def mills_ratio(u):
    """R = H/G of complex numbers; R′ = u R − 1."""
    return np.sqrt(np.pi / 2) * wofz(1j * u / np.sqrt(2))


def sign_function(B, A):
    """For B > 0 H(−w) + e^{−2B} H(w), mirrored for B < 0; and its slope."""
    side, q = np.sign(B), np.exp(-2 * abs(B))

    def value(w):
        return mills_ratio(-side * w) + q * mills_ratio(side * w)

    return value, lambda w: w * value(w) + side * (1 - q)


def relu_function(B, A):
    """Z₋ + Z₊: R(w) + c R(t), t = −c (B + w); and its slope."""
    c = 1 / np.sqrt(1 + A)

    def value(w):
        return mills_ratio(w) + c * mills_ratio(-c * (B + w))

    def slope(w):
        t = -c * (B + w)
        return w * mills_ratio(w) - 1 - c * c * (t * mills_ratio(t) - 1)

    return value, slope


FUNCTIONS = {"sign": sign_function, "relu": relu_function, "identity": None}
"""By activation; e^φ of the identity is a Gaussian, which has no zero."""


def function_of(name):
    """What vanishes where g is singular; of two values, that of a sign with another field."""
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    low, high = values_of(ACTIVATIONS[name])
    return lambda B, A: sign_function((high - low) / 2 * B - (high**2 - low**2) / 4 * A, A)


MESSAGES = {
    "sign": [(side * B, 0.0) for side, B in product([1, -1], STRENGTHS)],
    "relu": list(product([*(-b for b in STRENGTHS[2:]), *STRENGTHS], [0.0, 0.1, 1.0, 10.0, 100.0])),
    "identity": [(1.0, 2.0)],
}
CASES = [
    (name, *message)
    for name in sorted(ACTIVATIONS)
    for message in MESSAGES.get(name, MESSAGES["sign"])
]
CERTAIN = [("sign", side * B, 0.0) for side, B in product([1, -1], HARD)]


def zeros(name, B, A, reach=35.0, height=6.0):
    """Zeros above the real line, not far from the middle."""
    if function_of(name) is None:
        return np.array([])
    value, slope = function_of(name)(B, A)
    re, im = np.meshgrid(np.linspace(-reach, reach, 141), np.linspace(0.03, height, 16))
    w = (re + 1j * im).ravel()
    with np.errstate(all="ignore"):
        for _ in range(50):
            step = value(w) / slope(w)
            w = w - np.where(abs(step) > 0.3, 0.3 * step / abs(step), step)
        found = (abs(step) < 1e-9) & np.isfinite(slope(w)) & (w.imag > 1e-6) & (w.imag < height)
    _, places = np.unique(np.round(w[found], 6), return_index=True)
    return w[found][places]


def singularities(name, B, A, v=1.0):
    """What the activation says, of messages in units of s."""
    channel, unit = ACTIVATIONS[name], 1 if values_of(ACTIVATIONS[name]) else np.sqrt(v)
    return channel.edge_singularities(*channel.edge_parameters(B / unit, A / v, v))


@pytest.mark.parametrize("name, B, A", [case for case in CASES if function_of(case[0])])
def test_the_nearest_to_the_real_line(name, B, A):
    """The distance is a lower bound, and a close one where it is near."""
    found = zeros(name, B, A)
    zero = found[np.argmin(found.imag)]
    for v in VARIANCES:
        position, distance, _, _, scale = singularities(name, B, A, v)
        s = np.sqrt(v)
        assert scale == pytest.approx(s, rel=1e-12)
        assert distance <= zero.imag * s * (1 + 1e-4)
        assert abs(position - zero.real * s) <= distance
        if zero.imag < 1:
            assert distance > 0.85 * zero.imag * s


def tail_zero(B):
    """The zero that is H(u)'s where B is large, followed from there down to B > 0."""
    w = 1.9 + 2.8j
    for strength in np.geomspace(60.0, min(B, 60.0), 400):
        value, slope = sign_function(strength if B < 60 else B, 0.0)
        for _ in range(5):
            w -= value(w) / slope(w)
    assert abs(value(w)) < 1e-9
    return w


@pytest.mark.parametrize("B", [*STRENGTHS, *HARD])
@pytest.mark.parametrize("side", [1, -1])
def test_the_tail_of_a_sign(side, B):
    """That of H(u), u = −1.9159 ± 2.8164 i, for strong messages; weaker ones move it up."""
    zero = tail_zero(B)
    for v in VARIANCES:
        _, _, position, distance, _ = singularities("sign", side * B, 0.0, v)
        s = np.sqrt(v)
        assert distance <= zero.imag * s
        assert abs(position - side * zero.real * s) <= distance
        if B > 10:
            assert distance > 0.9999 * zero.imag * s
            assert abs(position - side * zero.real * s) < 1e-4 * s
    assert (zero.real > 1.9) == (B > 1)


def slowdown(found, omega, half_width):
    """ϱ^−2 of the smallest ellipse through a zero: what slows the coefficients down most."""
    place = (found - omega) / half_width
    return (abs(place + np.sqrt(place - 1) * np.sqrt(place + 1)) ** -2.0).max(initial=0)


@pytest.mark.parametrize("name, B, A", [*CASES, *CERTAIN])
def test_no_zero_slows_coefficients_down_more_than_the_bound_says(name, B, A):
    """Where they fall a hundredfold anyway, others may by a third, far less than the caution."""
    found, known = zeros(name, B, A), singularities(name, B, A)
    for half_width, omega in product([0.1, 0.3, 1.0, 2.5], np.linspace(-12, 12, 49)):
        decay, actual = slowest_decay(half_width, omega, known), slowdown(found, omega, half_width)
        if decay < 1:
            assert decay >= CAUTION * actual / (1.0 if actual > 0.01 else 1.3)


@pytest.mark.parametrize("side", [1, -1])
def test_near_the_tail_a_certain_label_is_a_strong_message(side):
    """Its step is nowhere, but H(u) vanishes all the same."""
    decays = [
        slowest_decay(1.0, side * 2.0, singularities("sign", side * B, 0.0)) for B in (60.0, *HARD)
    ]
    assert decays[0] == pytest.approx(0.0893, rel=1e-3)
    assert decays[1:] == pytest.approx(decays[:1] * 2, rel=1e-12)


def test_the_identity_has_none():
    assert singularities("identity", 1.0, 2.0, 3.0) == (0, np.inf, 0, np.inf, np.inf)


def assert_single_and_usable(channel, message, v):
    known = channel.edge_singularities(*channel.edge_parameters(*message, np.float32(v)))
    near, near_distance, far, far_distance, scale = known
    assert np.isfinite(near) and np.isfinite(far)
    assert near_distance > 0 and far_distance > 0 and scale > 0
    half_width = np.float32(0.5 * np.sqrt(v))
    for omega in np.array([-3.0, 0.0, 3.0], np.float32) * np.float32(np.sqrt(v)):
        decay = slowest_decay(half_width, omega, tuple(map(np.float32, known)))
        assert 0 <= decay <= 1


@pytest.mark.parametrize("v", [1e-8, 1.0, 1e12])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_single_precision_stays_finite(name, v):
    assert_single_and_usable(ACTIVATIONS[name], (np.float32(-60.0), np.float32(1.0)), v)


@pytest.mark.parametrize("v", [1e-8, 1.0, 1e12])
@pytest.mark.parametrize("name", sorted(LABELLED))
def test_single_precision_stays_finite_below_labels(name, v):
    output = LABELLED[name]
    for y, noise in product([-1, 1], NOISES):
        message = output.message(np.float32(y), np.float32(noise))
        assert_single_and_usable(output.activation, map(np.float32, message), v)
