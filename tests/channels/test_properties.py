"""Symmetries, signs and identities of channels, and what their records promise."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scalar.loops import apply, compiled_loop

from sklearn_bp.channels import ACTIVATIONS, OUTPUTS
from sklearn_bp.channels.argmax import pair

from .messages import CHANNELS, LABELLED, NOISES, draw_messages, label_messages

DTYPES = [np.float32, np.float64]

fields = st.floats(-60, 60)
ratios = st.floats(-300, 300)
variances = st.floats(-8, 4).map(lambda exponent: 10.0**exponent)
precisions = st.floats(0, 1e3)


def _random_arguments(name, dtype, n=20_000):
    rng = np.random.default_rng(5)
    v = 10 ** rng.uniform(-8, 4, n)
    omega = rng.standard_normal(n) * 10 ** rng.uniform(-1, 2, n) * np.sqrt(v)
    messages = draw_messages(name, rng, v, dtype)
    return [*messages, omega.astype(dtype), v.astype(dtype)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_edge_g_is_g(name, dtype):
    channel = CHANNELS[name]
    B, A, omega, v = _random_arguments(name, dtype)
    g, _ = apply(channel.g_gamma, B, A, omega, v, n_out=2)
    parameters = apply(channel.edge_parameters, B, A, v, n_out=3)
    edge_g = apply(channel.edge_g, omega, *parameters)
    # Two compilations round differently; in an exponent u²/2 that counts.
    np.testing.assert_allclose(edge_g, g, rtol=1e-4 if dtype == np.float32 else 1e-11)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_moments_are_finite_and_in_range(name, dtype):
    channel = ACTIVATIONS[name]
    B, A, omega, v = _random_arguments(name, dtype)
    mean, variance = apply(channel.moments, B, A, omega, v, n_out=2)
    assert np.all(np.isfinite(mean)) and np.all(np.isfinite(variance)) and np.all(variance >= 0)
    if name == "sign":
        assert np.all(np.abs(mean) <= 1) and np.all(variance <= 1 + 4 * np.finfo(dtype).eps)
        np.testing.assert_allclose(variance, 1 - mean.astype(float) ** 2, atol=1e-6)
    if name == "relu":
        assert np.all(mean >= 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_far_from_zero_everything_stays_finite(name, dtype):
    """Polarised weights and unscaled inputs make ω hundreds of thousands of s and more."""
    channel = ACTIVATIONS[name]
    ratio = np.outer([1, -1], 10.0 ** np.linspace(0, 12.9, 100)).ravel()
    grid = np.meshgrid([-20.0, 0.0, 20.0], [0.0, 1.0, 1e3], ratio, [1e-8, 1.0, 1e4])
    B, A, u, v = (values.ravel() for values in grid)
    B, A, omega = B / np.sqrt(v), A / v, u * np.sqrt(v)
    arguments = [values.astype(dtype) for values in (B, A, omega, v)]
    for rule in (channel.moments, channel.g_gamma):
        for values in apply(rule, *arguments, n_out=2):
            assert np.isfinite(values).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(LABELLED))
def test_far_from_a_label_everything_stays_finite(name, dtype):
    ratio = np.outer([1, -1], 10.0 ** np.linspace(0, 12.9, 100)).ravel()
    grid = np.meshgrid([-1.0, 1.0], NOISES, ratio, [1e-8, 1.0, 1e4])
    y, noise, u, v = (values.ravel().astype(dtype) for values in grid)
    omega, activation = u * np.sqrt(v), CHANNELS[name]
    B, A = label_messages(LABELLED[name], y, noise)
    results = [*apply(activation.g_gamma, B, A, omega, v, n_out=2)]
    results += [
        apply(activation.edge_g, omega, *apply(activation.edge_parameters, B, A, v, n_out=3))
    ]
    results += [apply(LABELLED[name].log_z, y, omega, v)]
    assert all(np.isfinite(values).all() for values in results)
    assert np.all(results[-1] <= 0)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_precision_matters_only_where_announced(name):
    channel = ACTIVATIONS[name]
    weak, strong = (channel.moments(0.3, A, 0.4, 1.0) for A in (0.0, 2.0))
    assert (weak != strong) == channel.uses_precision
    weak, strong = (channel.g_gamma(0.3, A, 0.4, 1.0) for A in (0.0, 2.0))
    assert (weak != strong) == channel.uses_precision


@given(B=fields, ratio=ratios, v=variances)
def test_sign_symmetry(B, ratio, v):
    channel, omega = ACTIVATIONS["sign"], ratio * math.sqrt(v)
    log_z, mirrored = (channel.log_z(sign * B, 0.0, sign * omega, v) for sign in (1, -1))
    assert log_z == pytest.approx(mirrored, rel=1e-14, abs=1e-14)
    mean, variance = channel.moments(B, 0.0, omega, v)
    mirrored_mean, mirrored_variance = channel.moments(-B, 0.0, -omega, v)
    assert mean == pytest.approx(-mirrored_mean, abs=1e-14)
    assert variance == pytest.approx(mirrored_variance, rel=1e-13)
    g, gamma = channel.g_gamma(B, 0.0, omega, v)
    assert channel.g_gamma(-B, 0.0, -omega, v) == (-g, gamma)
    # g pushes towards the message.
    assert g * B >= 0


@given(ratio=ratios, v=variances)
def test_without_message_activations_only_transmit(ratio, v):
    omega = ratio * math.sqrt(v)
    for channel in ACTIVATIONS.values():
        assert channel.log_z(0.0, 0.0, omega, v) == pytest.approx(0, abs=1e-14)
        g, gamma = channel.g_gamma(0.0, 0.0, omega, v)
        assert g == pytest.approx(0, abs=1e-14 / math.sqrt(v))
        assert gamma == pytest.approx(0, abs=1e-14 / v)
    mean, _ = ACTIVATIONS["sign"].moments(0.0, 0.0, omega, v)
    assert mean == pytest.approx(math.erf(ratio / math.sqrt(2)), abs=1e-14)


def hard_label(y, omega, v):
    """g and Γ of a label ±1 that is certain."""
    output = OUTPUTS["sign"]
    return output.activation.g_gamma(*output.message(y, 0.0), omega, v)


@given(ratio=ratios, v=variances)
def test_a_strong_message_is_a_certain_label(ratio, v):
    omega = ratio * math.sqrt(v)
    log_z = OUTPUTS["sign"].log_z(1.0, omega, v)
    if log_z > -20:
        assert ACTIVATIONS["sign"].log_z(60.0, 0.0, omega, v) == pytest.approx(60 + log_z)
        got = ACTIVATIONS["sign"].g_gamma(60.0, 0.0, omega, v)
        assert got == pytest.approx(hard_label(1.0, omega, v), rel=1e-11, abs=1e-11 / v)


@given(ratio=ratios, v=variances, y=st.sampled_from([-1.0, 1.0]))
def test_certain_labels(ratio, v, y):
    output, omega = OUTPUTS["sign"], ratio * math.sqrt(v)
    g, gamma = hard_label(y, omega, v)
    assert output.log_z(y, omega, v) <= 0
    assert g * y >= 0 and gamma >= 0 and gamma * v <= 1 + 1e-14
    assert hard_label(-y, -omega, v) == (-g, gamma)
    # Γ = g (ω/V + g), where that does not cancel.
    if y * ratio > -10:
        assert gamma == pytest.approx(g * (omega / v + g), rel=1e-11)


@given(ratio=ratios, v=variances)
def test_pair_is_a_certain_label(ratio, v):
    lead = ratio * math.sqrt(v)
    log_z, *slopes = pair(lead, v)
    assert log_z == OUTPUTS["sign"].log_z(1.0, lead, v)
    assert slopes == pytest.approx(hard_label(1.0, lead, v), rel=1e-13, abs=1e-280)


@given(B=st.floats(-20, 20), A=precisions, ratio=st.floats(-50, 50), v=variances)
def test_relu_scales(B, A, ratio, v):
    """In units of √V nothing else depends on V."""
    relu, s = ACTIVATIONS["relu"], math.sqrt(v)
    mean, variance = relu.moments(B, A, ratio, 1.0)
    scaled_mean, scaled_variance = relu.moments(B / s, A / v, ratio * s, v)
    assert scaled_mean == pytest.approx(mean * s, rel=1e-9, abs=1e-300)
    assert scaled_variance == pytest.approx(variance * v, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("dtype", DTYPES)
def test_points(dtype):
    z = np.array([-2.5, -0.0, 0.0, 1e-30, 7], dtype)
    sign, relu, identity = (
        apply(ACTIVATIONS[name].point, z) for name in ("sign", "relu", "identity")
    )
    np.testing.assert_array_equal(sign, [-1, 1, 1, 1, 1])
    np.testing.assert_array_equal(relu, np.maximum(z, 0))
    np.testing.assert_array_equal(identity, z)


@pytest.mark.parametrize("registry", [ACTIVATIONS, OUTPUTS])
def test_registries(registry):
    for name, channel in registry.items():
        assert channel.name == name
        with pytest.raises(dataclasses.FrozenInstanceError):
            channel.name = "other"


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_edge_loops_vectorise(name):
    """The loop over edges works on several edges at a time, in single precision throughout."""
    loop = compiled_loop(ACTIVATIONS[name].edge_g, 4, 1)
    arrays = [np.ones(8, np.float32) for _ in range(5)]
    loop(*arrays)
    (code,) = [code for types, code in loop.inspect_llvm().items() if "float32" in str(types)]
    assert "x float>" in code
    assert "x double>" not in code
