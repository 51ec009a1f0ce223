"""What bounds |g| on an interval of ω, against g itself on grids."""

import numpy as np
import pytest

from sklearn_bp.channels import ACTIVATIONS

from .messages import CHANNELS, LABELLED, NOISES

LEAST = 1e-25
"""Of |g| s: exponentials saturate far below."""


def draw_intervals(name, dtype, n=1500):
    """Edge parameters, middles and half-widths of intervals, from narrow to wide ones."""
    rng, channel, T = np.random.default_rng(0), CHANNELS[name], np.dtype(dtype).type
    for _ in range(n):
        v, sign = 10 ** rng.uniform(-6, 3), rng.choice([-1.0, 1.0])
        B, A = sign * 10 ** rng.uniform(-4, 3), 10 ** rng.uniform(-2, 1)
        if name in LABELLED:
            B, A = LABELLED[name].message(T(sign), T(rng.choice(NOISES)))
        omega = np.sqrt(v) * rng.standard_normal() * 10 ** rng.uniform(-1, 1.5)
        half_width = np.sqrt(v) * 10 ** rng.uniform(-3, 1.2)
        yield channel.edge_parameters(T(B), T(A), T(v)), T(omega), T(half_width), np.sqrt(v)


def ratios(name, dtype):
    """Ratio of the bound to the largest |g| on a grid, for every interval; 1 where g vanishes."""
    channel, found = CHANNELS[name], []
    for parameters, omega, half_width, s in draw_intervals(name, dtype):
        grid = np.linspace(omega - half_width, omega + half_width, 41, dtype=dtype)
        largest = max(abs(float(channel.edge_g(place, *parameters))) for place in grid)
        bound = float(channel.edge_g_bound(omega, half_width, *parameters))
        found.append(bound / largest if largest > LEAST / s else 1.0)
    return np.array(found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_no_g_exceeds_its_bound(name, dtype):
    """Of ReLU nothing is known; elsewhere the bound is of use."""
    found = ratios(name, dtype)
    assert found.min() >= 1 - 10 * np.finfo(dtype).eps
    if name == "relu":
        assert np.all(np.isinf(found) | (found == 1))
    else:
        assert np.median(found) < 2.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(LABELLED))
def test_draws_are_of_labels_of_all_kinds(name, dtype):
    """Certain ones too, whose bound rises without end."""
    strengths = [parameters[1] for parameters, *_ in draw_intervals(name, dtype, 200)]
    assert max(strengths) > 1e30 and 0 < min(strengths) < 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lead", [-1, 1])
def test_a_sign_that_agrees_with_its_message_has_a_small_bound(lead, dtype):
    """And so has one that contradicts a weak message."""
    T = np.dtype(dtype).type
    for B, distance in ((5.0, 8.0), (0.01, 8.0), (30.0, 13.0)):
        against = lead if B < 1 else -lead
        parameters = ACTIVATIONS["sign"].edge_parameters(T(B * -against), T(0), T(1))
        bound = ACTIVATIONS["sign"].edge_g_bound(T(lead * distance), T(1), *parameters)
        assert 0 < bound < 1e-9
