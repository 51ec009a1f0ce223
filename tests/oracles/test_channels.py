"""The oracle's channels against the page's phi, differentiated in 60 digits, and its integrals."""

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

from .argmax_exact import ArgmaxExactOutput, argmax_probabilities
from .channels import ACTIVATIONS, ArgmaxOutput, SignOutput

POINTS = [
    (0.3, 0.4, 0.5, 1.2),
    (-2.0, 1.5, 3.0, 0.7),
    (8.0, 0.2, -6.0, 2.0),
    (-60.0, 5.0, 40.0, 9.0),
    (30.0, 0.0, -300.0, 1.0),
    (1e-3, 2.0, 1e-5, 1e-8),
    (5.0, 1e-3, 200.0, 0.5),
    (0.0, 0.0, -1.0, 2.0),
]


def tail(x):
    return mpmath.erfc(x / mpmath.sqrt(2)) / 2


def sign_phi(B, A, omega, v):
    ratio = omega / mpmath.sqrt(v)
    return mpmath.log(mpmath.exp(B) * tail(-ratio) + mpmath.exp(-B) * tail(ratio))


def relu_phi(B, A, omega, v):
    v_q = 1 / (A + 1 / v)
    m_q = v_q * (B + omega / v)
    positive = mpmath.sqrt(v_q / v) * mpmath.exp(m_q**2 / (2 * v_q) - omega**2 / (2 * v))
    return mpmath.log(tail(omega / mpmath.sqrt(v)) + positive * tail(-m_q / mpmath.sqrt(v_q)))


def identity_phi(B, A, omega, v):
    v_q = 1 / (A + 1 / v)
    m_q = v_q * (B + omega / v)
    return mpmath.log(v_q / v) / 2 + m_q**2 / (2 * v_q) - omega**2 / (2 * v)


PHI = {"sign": sign_phi, "relu": relu_phi, "identity": identity_phi}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("name", PHI)
def test_activation_is_the_derivatives_of_phi(name, point):
    channel, phi = ACTIVATIONS[name], PHI[name]
    with mpmath.workdps(60):
        B, A, omega, v = (mpmath.mpf(value) for value in point)
        expected = [phi(B, A, omega, v)]
        expected += [mpmath.diff(lambda b: phi(b, A, omega, v), B, n) for n in (1, 2)]
        expected += [mpmath.diff(lambda o: phi(B, A, o, v), omega, n) for n in (1, 2)]
        expected = np.array(expected, dtype=float)
    expected[4] *= -1.0
    result = [channel.log_z(*point), *channel.moments(*point), *channel.g_gamma(*point)]
    np.testing.assert_allclose(np.array(result), expected, rtol=2e-10, atol=1e-12)


@pytest.mark.parametrize("name", PHI)
def test_log_z_is_the_log_of_its_integral(name):
    channel = ACTIVATIONS[name]
    B, A, omega, v = 0.7, 0.4 if name != "sign" else 0.0, -0.3, 1.3

    def integrand(z):
        x = channel.point(z)
        return np.exp(B * x - 0.5 * A * x**2 - 0.5 * (z - omega) ** 2 / v)

    total = quad(integrand, -12, 0, epsabs=1e-13)[0] + quad(integrand, 0, 12, epsabs=1e-13)[0]
    expected = np.log(total / np.sqrt(2 * np.pi * v))
    assert channel.log_z(B, A, omega, v) == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("y", [-1, 1])
@pytest.mark.parametrize("ratio", [-400.0, -30.0, -1.0, 0.0, 2.0, 45.0, 500.0])
def test_sign_output_is_the_derivatives_of_phi(y, ratio):
    v = 0.04
    omega = ratio * np.sqrt(v)
    with mpmath.workdps(600):

        def phi(o):
            return mpmath.log(tail(-y * o / mpmath.sqrt(mpmath.mpf(v))))

        exact = mpmath.mpf(float(omega))
        expected = [phi(exact), mpmath.diff(phi, exact, 1), -mpmath.diff(phi, exact, 2)]
        expected = np.array(expected, dtype=float)
    arrays = (np.array([y]), np.array([[omega]]), np.array([[v]]))
    g, gamma = SignOutput.g_gamma(*arrays)
    result = [SignOutput.log_z(*arrays)[0], g[0, 0], gamma[0, 0]]
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("output", [ArgmaxOutput, ArgmaxExactOutput])
@pytest.mark.parametrize("spread", [0.5, 6.0])
def test_argmax_outputs_are_the_derivatives_of_their_log_z(output, spread):
    rng = np.random.default_rng(3)
    omega, v = spread * rng.standard_normal((6, 4)), rng.uniform(0.1, 5.0, (6, 4))
    y, step = rng.integers(4, size=6), 1e-4
    g, gamma = output.g_gamma(y, omega, v)
    for k in range(4):
        shift = step * np.eye(4)[k]
        rise = output.log_z(y, omega + shift, v) - output.log_z(y, omega - shift, v)
        bend = output.g_gamma(y, omega + shift, v)[0] - output.g_gamma(y, omega - shift, v)[0]
        np.testing.assert_allclose(g[:, k], rise / (2 * step), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(gamma[:, k], -bend[:, k] / (2 * step), rtol=1e-6, atol=1e-7)


def test_exact_argmax_probabilities_sum_to_one_on_badly_scaled_rows():
    rng = np.random.default_rng(0)
    omega, v = 30.0 * rng.standard_normal((20, 5)), 10.0 ** rng.uniform(-6, 6, (20, 5))
    np.testing.assert_allclose(argmax_probabilities(omega, v).sum(axis=1), 1.0, atol=1e-12)


def test_argmax_of_two_classes_is_one_pair():
    rng = np.random.default_rng(1)
    omega, v = rng.standard_normal((7, 2)), rng.uniform(0.1, 3.0, (7, 2))
    y = rng.integers(2, size=7)
    expected = ArgmaxOutput.log_z(y, omega, v)
    np.testing.assert_allclose(ArgmaxExactOutput.log_z(y, omega, v), expected, rtol=1e-12)
