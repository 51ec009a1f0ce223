"""Channels against the golden numbers, in both precisions."""

from pathlib import Path

import numpy as np
import pytest
from scalar.loops import apply

from sklearn_bp.backends.cpu import argmax
from sklearn_bp.channels import ACTIVATIONS, OUTPUTS

from .messages import label_messages

DATA = Path(__file__).parents[1] / "data" / "channels"
DTYPES = [np.float32, np.float64]


def _load(name, dtype):
    """Load a golden file; in single precision only where ω is within ten deviations of zero."""
    with np.load(DATA / f"{name}.npz") as file:
        data = dict(file)
    if dtype == np.float64:
        return data
    inside = np.abs(data["omega"]) < 10 * np.sqrt(data["V"])
    inside = inside if inside.ndim == 1 else inside.all(axis=1)
    assert inside.sum() > 20
    return {key: values[inside] for key, values in data.items()}


def _assert_close(got, want, bound):
    error = np.abs(got - want) / (1 + np.abs(want))
    assert np.all(error < bound), error.max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sign", "relu"])
def test_activation(name, dtype):
    data, channel = _load(name, dtype), ACTIVATIONS[name]
    A = data["A"] if channel.uses_precision else np.zeros_like(data["B"])
    arguments = [values.astype(dtype) for values in (data["B"], A, data["omega"], data["V"])]
    bound = 1e-4 if dtype == np.float32 else 1e-9
    # The golden moments of ReLU come from a quadrature of that quality.
    moments_bound = max(bound, 1e-7 if name == "relu" else 0)

    x_mean, x_var = apply(channel.moments, *arguments, n_out=2)
    g, gamma = apply(channel.g_gamma, *arguments, n_out=2)
    B, A, omega, v = arguments
    parameters = apply(channel.edge_parameters, B, A, v, n_out=3)

    _assert_close(apply(channel.log_z, *arguments), data["log_z"], bound)
    _assert_close(x_mean, data["x"], moments_bound)
    _assert_close(x_var, data["var"], moments_bound)
    _assert_close(g, data["g"], bound)
    _assert_close(gamma, data["gamma"], bound)
    _assert_close(apply(channel.edge_g, omega, *parameters), data["g"], bound)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sign_output(dtype):
    data, channel = _load("sign_output", dtype), OUTPUTS["sign"]
    y, omega, v = (data[key].astype(dtype) for key in ("y", "omega", "V"))
    bound = 1e-4 if dtype == np.float32 else 1e-9

    messages, activation = label_messages(channel, y, 0.0), channel.activation
    g, gamma = apply(activation.g_gamma, *messages, omega, v, n_out=2)
    parameters = apply(activation.edge_parameters, *messages, v, n_out=3)

    _assert_close(apply(channel.log_z, y, omega, v), data["log_z"], bound)
    _assert_close(g, data["g"], bound)
    _assert_close(apply(activation.edge_g, omega, *parameters), data["g"], bound)
    # The golden Γ is g (ω/V + g), which cancels in the far tail: there the difference is that
    # between g and −ω/V, known to the golden g's relative error of 1e-10.
    error = np.abs(gamma - data["gamma"])
    assert np.all(error < bound * (1 + np.abs(data["gamma"])) + 1e-10 * data["g"] ** 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [3, 10])
def test_argmax(n_classes, dtype):
    data = _load(f"argmax_{n_classes}", dtype)
    y = data["y"].astype(np.int64)
    omega, v = data["omega"].astype(dtype, order="C"), data["V"].astype(dtype, order="C")
    bound = 1e-4 if dtype == np.float32 else 1e-9
    g, gamma = np.empty_like(omega), np.empty_like(omega)
    log_z, row_log_z = np.empty(len(y), dtype), np.empty(len(y), dtype)

    argmax.argmax_pairwise_log_z(y, omega, v, log_z, g, 0, len(y))
    argmax.argmax_pairwise(y, omega, v, g, gamma, 0, len(y))
    _assert_close(log_z, data["pairwise_log_z"], bound)
    _assert_close(g, data["pairwise_g"], bound)
    _assert_close(gamma, data["pairwise_gamma"], bound)

    argmax.argmax_exact(y, omega, v, row_log_z, g, gamma, 0, len(y))
    _assert_close(row_log_z, data["exact_log_z"], bound)
    _assert_close(g, data["exact_g"], bound)
