"""Channels against arbitrary precision at hard points, and their limits beyond."""

import itertools

import numpy as np
import pytest
from mpmath import mp
from scalar.loops import apply

from sklearn_bp.channels import ACTIVATIONS, OUTPUTS

from . import precise
from .messages import label_messages

DTYPES = [np.float32, np.float64]


def _hard_points(name, dtype):
    """Combinations (B, A, ω, V) of strong and weak messages, tails and scales."""
    unbounded = ACTIVATIONS[name].uses_precision
    if not unbounded:
        fields = (0, 0.3, -2, 20, 60, -60)
        ratios = (0, 1e-3, -0.5, 2, -2, 6, -6, -9.5, 15, -15, 40, 300, -300)
        scales = itertools.cycle((1e-8, 0.5, 1e4))
        combinations = itertools.product(fields, (0,), ratios)
    else:
        combinations = itertools.product(
            (0, 0.3, -2, 8, -60), (-0.5, 0, 0.5, 100), (0, 0.5, -2, 6, -6, 15, -15, -100)
        )
        scales = itertools.cycle((1e-8, 4, 1e3))
    points = [
        (b / np.sqrt(v) if unbounded else b, a / v, u * np.sqrt(v), v)
        for (b, a, u), v in zip(combinations, scales, strict=False)
    ]
    return [np.array(column, dtype) for column in zip(*points, strict=True)]


def _assert_within(got, want, unit, bound, arguments):
    """Check errors relative to 1 + |value|, both in natural units."""
    got, want = got.astype(float) / unit, np.array(want, float) / unit
    error = np.abs(got - want) / (1 + np.abs(want))
    worst = error.argmax()
    assert error[worst] < bound, (error[worst], [values[worst] for values in arguments])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activation(name, dtype):
    channel, log_z = ACTIVATIONS[name], precise.of(ACTIVATIONS[name])
    arguments = _hard_points(name, dtype)
    with mp.workdps(40):
        rows = list(zip(*arguments, strict=True))
        phi = [precise.value(log_z, row) for row in rows]
        mean, variance = zip(*(precise.derivatives(log_z, row, 0) for row in rows), strict=True)
        slope, bend = zip(*(precise.derivatives(log_z, row, 2) for row in rows), strict=True)
    x_mean, x_var = apply(channel.moments, *arguments, n_out=2)
    g, gamma = apply(channel.g_gamma, *arguments, n_out=2)

    s = np.sqrt(arguments[3].astype(float))
    x_unit = s if channel.uses_precision else np.ones_like(s)
    bound = 5e-6 if dtype == np.float32 else 2e-14
    _assert_within(apply(channel.log_z, *arguments), phi, 1, bound, arguments)
    _assert_within(x_mean, mean, x_unit, bound, arguments)
    _assert_within(x_var, variance, x_unit**2, bound, arguments)
    _assert_within(g, slope, 1 / s, bound, arguments)
    # Γ of sign changes sign where u²/2 is near 2B; an ulp of u²/2 then counts u² times.
    bound = 1e-4 if dtype == np.float32 else 1e-13
    _assert_within(gamma, [-value for value in bend], 1 / s**2, bound, arguments)


def _labels_and_omegas(dtype):
    """Combinations (y, ω, V) of labels, tails and scales."""
    ratios = [0, 1e-3, -0.5, 0.5, 2, -2, 6, -6, 12, -12, 30, -30, 300, -300]
    points = itertools.product((1, -1), ratios, (1e-8, 0.5, 1e4))
    points = [(y, u * np.sqrt(v), v) for y, u, v in points]
    return [np.array(column, dtype) for column in zip(*points, strict=True)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_sign_output(dtype):
    output = OUTPUTS["sign"]
    arguments = _labels_and_omegas(dtype)
    with mp.workdps(40):
        rows = list(zip(*arguments, strict=True))
        # Beyond twelve deviations on the safe side all is zero to working precision.
        rows = [row if row[0] * row[1] < 12 * np.sqrt(row[2]) else None for row in rows]
        phi = [0 if row is None else precise.value(precise.sign_output, row) for row in rows]
        both = [
            (0, 0) if row is None else precise.derivatives(precise.sign_output, row, 1)
            for row in rows
        ]
    y, *rest = arguments
    g, gamma = apply(output.activation.g_gamma, *label_messages(output, y, 0.0), *rest, n_out=2)
    s = np.sqrt(arguments[2].astype(float))
    bound = 1e-6 if dtype == np.float32 else 1e-14
    _assert_within(apply(output.log_z, *arguments), phi, 1, bound, arguments)
    _assert_within(g, [first for first, _ in both], 1 / s, bound, arguments)
    _assert_within(gamma, [-second for _, second in both], 1 / s**2, bound, arguments)


@pytest.mark.parametrize("dtype", DTYPES)
def test_variance_of_sign_where_the_mean_rounds_to_one(dtype):
    B = np.array([5, 8, 12, 20, -20, 30], dtype)
    zero, one = np.zeros_like(B), np.ones_like(B)
    mean, variance = apply(ACTIVATIONS["sign"].moments, B, zero, zero, one, n_out=2)
    want = 1 / np.cosh(B.astype(float)) ** 2
    np.testing.assert_allclose(variance, want, rtol=30 * np.finfo(dtype).eps)
    np.testing.assert_allclose(mean, np.tanh(B), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sign_far_out(dtype):
    """Up to 1e7 deviations: finite, and the limits of a hard constraint."""
    channel = ACTIVATIONS["sign"]
    ratio = np.array([1e3, 1e5, 1e7, -1e3, -1e5, -1e7], dtype)
    for v, strength in itertools.product((1e-8, 1.0, 1e4), (1e-3, 2, 60)):
        B, zero = np.full_like(ratio, strength), np.zeros_like(ratio)
        v = np.full_like(ratio, v)
        omega = ratio * np.sqrt(v)
        mean, variance = apply(channel.moments, B, zero, omega, v, n_out=2)
        g, gamma = apply(channel.g_gamma, B, zero, omega, v, n_out=2)
        np.testing.assert_array_equal(mean, np.sign(ratio))
        assert np.all((variance >= 0) & (variance < 1e-20))
        # Sure of ω against B, the field only shifts φ.
        for values, unit in ((g, np.sqrt(v)), (gamma, v)):
            assert np.all(np.abs(values * unit) < 1e-15)
        log_z = apply(channel.log_z, B, zero, omega, v)
        np.testing.assert_allclose(log_z, np.sign(ratio) * strength, rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sign_output_far_out(dtype):
    output, activation = OUTPUTS["sign"], OUTPUTS["sign"].activation
    ratio = np.array([1e3, 1e5, 1e7], dtype)
    for scale in (1e-8, 1.0, 1e4):
        v = np.full_like(ratio, scale)
        omega, one = ratio * np.sqrt(v), np.ones_like(ratio)
        rtol = 2e-6 if dtype == np.float32 else 1e-5
        against, along = (label_messages(output, y, 0.0) for y in (-one, one))
        g, gamma = apply(activation.g_gamma, *against, omega, v, n_out=2)
        np.testing.assert_allclose(g, -omega / v, rtol=rtol)
        np.testing.assert_allclose(gamma, 1 / v, rtol=rtol)
        np.testing.assert_allclose(
            apply(output.log_z, -one, omega, v), -((omega / np.sqrt(v)) ** 2) / 2, rtol=2e-5
        )
        g, gamma = apply(activation.g_gamma, *along, omega, v, n_out=2)
        # Exponentials saturate: nothing is left, if not zero.
        assert np.all(np.abs(g * np.sqrt(v)) < 1e-28) and np.all(np.abs(gamma * v) < 1e-21)


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu_far_out(dtype):
    """At 1e7 deviations the channel is a Gaussian (above zero) or constant (below)."""
    relu, identity = ACTIVATIONS["relu"], ACTIVATIONS["identity"]
    ratio = np.array([1e3, 1e5, 1e7], dtype)
    for scale in (1e-8, 1.0, 1e4):
        v = np.full_like(ratio, scale)
        s = np.sqrt(v)
        B, A, omega = 3 / s, dtype(0.5) / v, ratio * s
        for entry, n_out in (("moments", 2), ("g_gamma", 2)):
            got = apply(getattr(relu, entry), B, A, omega, v, n_out=n_out)
            want = apply(getattr(identity, entry), B, A, omega, v, n_out=n_out)
            for one, other in zip(got, want, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5)
        mean, variance = apply(relu.moments, B, A, -omega, v, n_out=2)
        assert np.all(mean < 1e-20 * s) and np.all((variance >= 0) & (variance < 1e-20 * v))
        g, gamma = apply(relu.g_gamma, B, A, -omega, v, n_out=2)
        assert np.all(np.abs(g * s) < 1e-15) and np.all(np.abs(gamma * v) < 1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["relu", "identity"])
def test_divergent_precision_stays_finite(name, dtype):
    """A message with A ≤ −1/V, for which φ does not exist, still gives finite numbers."""
    channel = ACTIVATIONS[name]
    omega = np.array([-30, -1, 0, 1, 30], dtype)
    for A in (-1, -1.5, -100):
        arguments = [np.full_like(omega, 2), np.full_like(omega, A), omega, np.ones_like(omega)]
        outputs = [*apply(channel.moments, *arguments, n_out=2)]
        outputs += [*apply(channel.g_gamma, *arguments, n_out=2)]
        assert all(np.all(np.isfinite(values)) for values in outputs)
        assert np.all(outputs[1] >= 0)
