"""Labels that may be wrong: finite fields, derivatives, limits, and sums over all classes."""

import mpmath
import numpy as np
import pytest

from .argmax_exact import ArgmaxExactOutput, argmax_probabilities
from .channels import ArgmaxOutput, SignActivation, SignOutput
from .labels import OUTPUTS, NoisyOutput, label_chances
from .prediction import class_probabilities

NOISES = (1e-9, 1e-6, 0.05, 0.3, 0.5, 0.8)
RATIOS = (-400.0, -30.0, -6.0, -1.0, 0.0, 0.3, 5.0, 45.0, 500.0)


def sign_arrays(v=0.04):
    """y (M,), omega (M, 1) and v (M, 1): both labels at each ratio omega / √v."""
    omega = np.repeat(RATIOS, 2)[:, None] * np.sqrt(v)
    return np.tile([-1, 1], len(RATIOS)), omega, np.full_like(omega, v)


def argmax_arrays(n_classes=4, spread=2.0, n_samples=6):
    rng = np.random.default_rng(3)
    shape = n_samples, n_classes
    omega, v = spread * rng.standard_normal(shape), rng.uniform(0.1, 5.0, shape)
    return rng.integers(n_classes, size=n_samples), omega, v


def assert_close(value, expected, tolerance=1e-12):
    assert np.max(np.abs(value - expected) / (1.0 + np.abs(expected))) < tolerance


@pytest.mark.parametrize("eps", NOISES)
def test_the_sign_output_is_the_sign_activation_at_a_finite_field(eps):
    y, omega, v = sign_arrays()
    B = 0.5 * np.log((1.0 - eps) / eps) * y[:, None]
    noisy = NoisyOutput("sign", eps)
    for value, expected in zip(
        noisy.g_gamma(y, omega, v), SignActivation.g_gamma(B, 0.0, omega, v), strict=True
    ):
        assert_close(value, expected)
    log_z = SignActivation.log_z(B, 0.0, omega, v)[:, 0] + 0.5 * np.log(eps * (1.0 - eps))
    assert_close(noisy.log_label_probability(y, omega, v), log_z)


@pytest.mark.parametrize("eps", [0.0, 1e-6, 0.3])
def test_the_sign_output_takes_cavity_arguments(eps):
    y, omega, v = sign_arrays()
    noisy, shifts = NoisyOutput("sign", eps), np.array([-0.3, 0.0, 0.01])
    edges = noisy.g_gamma(y, omega[:, None, :] - shifts[:, None], v[:, None, :])
    for i, shift in enumerate(shifts):
        for edge, node in zip(edges, noisy.g_gamma(y, omega - shift, v), strict=True):
            np.testing.assert_array_equal(edge[:, i], node)


@pytest.mark.parametrize("eps", NOISES)
@pytest.mark.parametrize("y", [-1, 1])
@pytest.mark.parametrize("ratio", RATIOS)
def test_the_sign_output_is_the_derivatives_of_log_p(ratio, y, eps):
    v = 0.04
    omega = ratio * np.sqrt(v)
    with mpmath.workdps(600):

        def log_p(o):
            u = -y * o / mpmath.sqrt(2 * mpmath.mpf(v))
            a = mpmath.mpf(eps)
            return mpmath.log(a + (1 - 2 * a) * mpmath.erfc(u) / 2)

        exact = mpmath.mpf(float(omega))
        expected = [log_p(exact), mpmath.diff(log_p, exact, 1), -mpmath.diff(log_p, exact, 2)]
        expected = np.array(expected, dtype=float)
    arrays = np.array([y]), np.array([[omega]]), np.array([[v]])
    noisy = NoisyOutput("sign", eps)
    g, gamma = noisy.g_gamma(*arrays)
    result = [noisy.log_label_probability(*arrays)[0], g[0, 0], gamma[0, 0]]
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("eps", [0.0, 1e-6, 0.05, 0.3, 0.9])
@pytest.mark.parametrize("spread", [0.5, 4.0])
def test_the_exact_argmax_is_the_derivatives_of_log_p(spread, eps):
    y, omega, v = argmax_arrays(spread=spread)
    noisy, step = NoisyOutput("argmax_exact", eps), 1e-4
    g, gamma = noisy.g_gamma(y, omega, v)
    for k in range(4):
        shift = step * np.eye(4)[k]
        low, high = (y, omega - shift, v), (y, omega + shift, v)
        rise = noisy.log_label_probability(*high) - noisy.log_label_probability(*low)
        bend = noisy.g_gamma(*high)[0] - noisy.g_gamma(*low)[0]
        np.testing.assert_allclose(g[:, k], rise / (2 * step), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(gamma[:, k], -bend[:, k] / (2 * step), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", OUTPUTS)
def test_without_noise_a_label_is_hard(name):
    arrays = sign_arrays() if name == "sign" else argmax_arrays()
    hard = OUTPUTS[name].g_gamma(*arrays)
    for value, expected in zip(NoisyOutput(name).g_gamma(*arrays), hard, strict=True):
        np.testing.assert_array_equal(value, expected)
    likely = OUTPUTS[name].log_probability(*arrays)[:, 0] > -400.0
    for value, expected in zip(NoisyOutput(name, 1e-200).g_gamma(*arrays), hard, strict=True):
        assert_close(value[likely], expected[likely])
    log_p = NoisyOutput(name).log_label_probability(*arrays)
    np.testing.assert_array_equal(log_p, OUTPUTS[name].log_probability(*arrays)[:, 0])
    np.testing.assert_array_equal(NoisyOutput(name).doubt(*arrays), 0.0)


def test_an_impossible_label_says_nothing_if_it_may_be_wrong():
    y, omega, v = np.array([1]), np.array([[-300.0]]), np.array([[1.0]])
    g, gamma = NoisyOutput("sign").g_gamma(y, omega, v)
    assert g > 300.0 and gamma == pytest.approx(1.0, abs=1e-4)
    g, gamma = NoisyOutput("sign", 1e-9).g_gamma(y, omega, v)
    assert g == gamma == 0.0
    assert NoisyOutput("sign", 1e-9).doubt(y, omega, v) == 1.0


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("name", ["argmax", "argmax_exact"])
def test_the_network_says_one_of_its_classes(name, n_classes):
    _, omega, v = argmax_arrays(n_classes)
    labels = [np.full(len(omega), c) for c in range(n_classes)]
    probability = np.exp([OUTPUTS[name].log_probability(y, omega, v) for y in labels])
    np.testing.assert_allclose(probability.sum(axis=0), 1.0, rtol=1e-12)
    flat = np.exp(OUTPUTS[name].log_probability(labels[0], 0.0 * omega, np.ones_like(v)))
    np.testing.assert_allclose(flat, 1.0 / n_classes, rtol=1e-12)


@pytest.mark.parametrize("eps", [0.05, 0.7])
def test_pairwise_labels_are_scaled_by_normalised_products(eps):
    """Three classes, written out; g and Gamma are the hard pairwise channel's."""
    y, omega, v = argmax_arrays(3)
    product = np.exp([ArgmaxOutput.log_z(np.full(6, c), omega, v) for c in range(3)])
    z = (product[y, np.arange(6)] / product.sum(axis=0))[:, None]
    a, b = eps / 2.0, 1.0 - 1.5 * eps
    r = b * z / (a + b * z)
    g, gamma = ArgmaxOutput.g_gamma(y, omega, v)
    noisy = NoisyOutput("argmax", eps)
    assert_close(noisy.g_gamma(y, omega, v)[0], r * g)
    assert_close(noisy.g_gamma(y, omega, v)[1], r * gamma - r * (1.0 - r) * g**2)
    assert_close(noisy.log_label_probability(y, omega, v), np.log(a + b * z)[:, 0])
    assert_close(noisy.doubt(y, omega, v), (a * (1.0 - z) / (a + b * z))[:, 0])


@pytest.mark.parametrize("eps", [0.0, 1e-6, 0.3])
def test_two_classes_are_one_sign(eps):
    """argmax of two units, pairwise and exact, is the sign of their difference."""
    y, omega, v = argmax_arrays(2)
    difference = omega[:, 1:] - omega[:, :1], v.sum(axis=1, keepdims=True)
    sign = NoisyOutput("sign", eps)
    g, gamma = sign.g_gamma(2 * y - 1, *difference)
    for name in ("argmax", "argmax_exact"):
        noisy = NoisyOutput(name, eps)
        assert_close(noisy.g_gamma(y, omega, v)[0], np.hstack([-g, g]), 1e-10)
        assert_close(noisy.g_gamma(y, omega, v)[1], np.hstack([gamma, gamma]), 1e-10)
        assert_close(noisy.doubt(y, omega, v), sign.doubt(2 * y - 1, *difference))


@pytest.mark.parametrize("eps", [0.0, 0.05, 0.75])
def test_doubt_is_the_chance_of_another_class_by_bayes_rule(eps):
    """Per sample by a sum over what the network may have said; on average over labels, eps."""
    _, omega, v = argmax_arrays(4)
    says = argmax_probabilities(omega, v)
    given = np.where(np.eye(4, dtype=bool), 1.0 - eps, eps / 3.0)
    mean_doubt = 0.0
    for c in range(4):
        joint = says * given[:, c]
        y, noisy = np.full(len(omega), c), NoisyOutput("argmax_exact", eps)
        expected = np.delete(joint, c, axis=1).sum(axis=1) / joint.sum(axis=1)
        np.testing.assert_allclose(noisy.doubt(y, omega, v), expected, rtol=1e-10)
        log_p = noisy.log_label_probability(y, omega, v)
        np.testing.assert_allclose(np.exp(log_p), joint.sum(axis=1), rtol=1e-10)
        mean_doubt += joint.sum(axis=1) * noisy.doubt(y, omega, v)
    np.testing.assert_allclose(mean_doubt, eps, rtol=1e-10)


@pytest.mark.parametrize("eps", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("output, log_p_of", [("sign", "sign"), ("argmax", "argmax_exact")])
def test_predictions_are_the_probabilities_of_labels(output, log_p_of, eps):
    _, omega, v = sign_arrays() if output == "sign" else argmax_arrays(3)
    proba = class_probabilities(omega, v, output, eps)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    for column, label in enumerate((-1, 1) if output == "sign" else range(3)):
        y = np.full(len(omega), label)
        log_p = NoisyOutput(log_p_of, eps).log_label_probability(y, omega, v)
        np.testing.assert_allclose(proba[:, column], np.exp(log_p), rtol=1e-11, atol=1e-300)


def test_a_label_is_right_with_one_minus_its_noise():
    for eps, n_classes in ((0.0, 2), (0.2, 2), (0.3, 5), (0.99, 30)):
        a, b = label_chances(eps, n_classes)
        assert a + b == pytest.approx(1.0 - eps)
        assert a + b + (n_classes - 1) * a == pytest.approx(1.0)


def test_channels_of_hard_labels_are_as_they_were():
    y, omega, v = sign_arrays()
    np.testing.assert_array_equal(
        SignOutput.log_z(y, omega, v), SignOutput.log_probability(y, omega, v)[:, 0]
    )
    y, omega, v = argmax_arrays()
    np.testing.assert_array_equal(
        ArgmaxExactOutput.log_z(y, omega, v), ArgmaxExactOutput.log_probability(y, omega, v)[:, 0]
    )
