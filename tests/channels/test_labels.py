"""Labels that may be wrong: what they send, and what they make of g, Γ and log Z."""

import math

import numpy as np
import pytest
from mpmath import mp
from scalar.loops import apply

from sklearn_bp.channels import OUTPUTS, labels

from . import precise
from .messages import NOISES, label_messages

DTYPES = [np.float32, np.float64]
DEPTHS = [0, 1e-9, 1e-3, 0.1, 0.7, 3, 10, 20, 40, 80, 86, 88, 200, 700, 1e4, 1e6]
"""Of log Z, downwards."""

RATIOS = [0, 0.5, 1, 2, 3, 4, 5, 6, 6.5, 7, 8, 10, 15, 40, 300]
"""|ω| / s: a label of noise 1e-9 begins to count as wrong from six deviations."""


def _grid(dtype, *columns):
    """All combinations of numbers, in that precision; for mpmath as they are rounded."""
    grid = np.meshgrid(*(np.array(column, dtype) for column in columns), indexing="ij")
    return [values.ravel() for values in grid]


def _exactly(function, *arrays):
    with mp.workdps(40):
        rows = [[mp.mpf(float(x)) for x in row] for row in zip(*arrays, strict=True)]
        return np.array([float(function(*row)) for row in rows])


def _assert_close(got, want, bound):
    error = np.abs(got - want) / (1 + np.abs(want))
    assert np.isfinite(got).all() and error.max() < bound, (error.max(), error.argmax())


@pytest.mark.parametrize("dtype", DTYPES)
def test_message_of_a_sign(dtype):
    y, noise = _grid(dtype, [-1, 1], [*NOISES[1:], 1e-30, 1e-6, 0.2, 0.4999])
    B, A = label_messages(OUTPUTS["sign"], y, noise)
    want = _exactly(lambda y, e: y * mp.log((1 - e) / e) / 2, y, noise)
    np.testing.assert_allclose(B, want, rtol=3 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)
    assert B.dtype == dtype and np.all(A == 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_certain_label_sends_what_overrules_all(dtype):
    y, noise = _grid(dtype, [-1, 1], [0.0, -0.0])
    B, _ = label_messages(OUTPUTS["sign"], y, noise)
    np.testing.assert_allclose(B, 1e30 * y, rtol=1e-7)
    # 2 B is finite, and so is B of a noise that is no normal number.
    assert np.isfinite(2 * B).all()
    tiny = np.full_like(y, np.finfo(dtype).smallest_subnormal)
    B, _ = label_messages(OUTPUTS["sign"], y, tiny)
    assert np.all((B * y > 40) & np.isfinite(B))


def _of_the_network(dtype, n_others):
    """log Z and ε, from none to nine tenths of 1 − 1/K."""
    most = n_others / (n_others + 1)
    noises = [0, 1e-30, 1e-9, 1e-6, 1e-3, 0.05, 0.49 if most > 0.49 else most, 0.9 * most]
    return _grid(dtype, [-depth for depth in DEPTHS], noises)


def _a_and_b(noise, n_others):
    a = noise / n_others
    return a, 1 - noise - a


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_others", [1, 2, 9, 29])
def test_scores_and_responsibility(n_others, dtype):
    """P(y), r and the doubt in y against their definitions, however unlikely the label."""
    log_z, noise = _of_the_network(dtype, n_others)
    others = np.full_like(log_z, n_others)

    def log_p(log_z, e, k):
        a, b = _a_and_b(e, k)
        return log_z if e == 0 else mp.log(a + b * mp.exp(log_z))

    def share(log_z, e, k):
        a, b = _a_and_b(e, k)
        return 1 if e == 0 else b * mp.exp(log_z) / (a + b * mp.exp(log_z))

    def doubt(log_z, e, k):
        a, b = _a_and_b(e, k)
        return 0 if e == 0 else a * (1 - mp.exp(log_z)) / (a + b * mp.exp(log_z))

    eps, arguments = np.finfo(dtype).eps, (log_z, noise, others)
    bound = 8 * eps
    _assert_close(
        apply(labels.label_log_probability, *arguments), _exactly(log_p, *arguments), bound
    )
    _assert_close(apply(labels.doubt, *arguments), _exactly(doubt, *arguments), bound)
    r, want = apply(labels.responsibility, *arguments), _exactly(share, *arguments)
    _assert_close(r, want, bound)
    # A label that is almost surely wrong has a small r, of which all digits are right.
    seen = (log_z > -80) & (want > 1e-30)
    np.testing.assert_allclose(r[seen], want[seen], rtol=30 * eps)
    for values in (r, apply(labels.doubt, *arguments)):
        assert np.all((values >= 0) & (values <= 1 + eps)) and values.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_others", [1, 2, 29])
def test_softened_slopes_are_those_of_log_p(n_others, dtype):
    """g_ε and Γ_ε of log(a + b Z) with Z that of a sign, for labels among K classes."""
    y, ratio, noise = _grid(dtype, [-1, 1], [*RATIOS, *(-r for r in RATIOS)], NOISES[1:])
    v = np.resize(np.array([1e-8, 0.5, 1e4], dtype), y.shape)
    omega, others, output = ratio * np.sqrt(v), np.full_like(y, n_others), OUTPUTS["sign"]
    hard = apply(output.activation.g_gamma, *label_messages(output, y, 0.0), omega, v, n_out=2)
    r = apply(labels.responsibility, apply(output.log_z, y, omega, v), noise, others)
    g, gamma = apply(labels.soften, *hard, r, n_out=2)
    with mp.workdps(60):
        rows = list(zip(y, omega, v, noise, others, strict=True))
        both = [precise.derivatives(precise.noisy_output, row, 1) for row in rows]
    slope, bend = (np.array(values, float) for values in zip(*both, strict=True))
    s = np.sqrt(v.astype(float))
    # The rounding of u is multiplied by u in log Z, and by u² in Γ where r changes.
    _assert_close(g * s, slope * s, 5e-5 if dtype == np.float32 else 1e-13)
    _assert_close(gamma * s**2, -bend * s**2, 5e-4 if dtype == np.float32 else 1e-12)
    if n_others == 1:
        message = label_messages(output, y, noise)
        g, gamma = apply(output.activation.g_gamma, *message, omega, v, n_out=2)
        _assert_close(g * s, slope * s, 5e-5 if dtype == np.float32 else 1e-13)
        _assert_close(gamma * s**2, -bend * s**2, 5e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [2, 3, 10, 30])
def test_labels_have_one_class_and_are_wrong_as_often_as_announced(n_classes, dtype):
    """Σ P(y) = 1, and the expected doubt is ε: a fixed point of expectation maximization."""
    rng = np.random.default_rng(n_classes)
    log_z = np.log(rng.dirichlet(np.full(n_classes, 0.3), 50).clip(1e-30)).astype(dtype)
    for noise in (0.0, 1e-6, 0.1, 0.9 * (1 - 1 / n_classes)):
        numbers = log_z.ravel(), np.full(log_z.size, noise, dtype)
        numbers += (np.full(log_z.size, n_classes - 1, dtype),)
        probability = np.exp(apply(labels.label_log_probability, *numbers).astype(float))
        doubt = apply(labels.doubt, *numbers)
        rtol = 30 * n_classes * np.finfo(dtype).eps
        np.testing.assert_allclose(probability.reshape(log_z.shape).sum(axis=1), 1, rtol=rtol)
        expected = (probability * doubt).reshape(log_z.shape).sum(axis=1)
        np.testing.assert_allclose(expected, noise, rtol=rtol)


@pytest.mark.parametrize("dtype", DTYPES)
def test_without_noise_nothing_changes(dtype):
    """Not by a bit, and however unlikely the label is."""
    log_z = -np.array(DEPTHS, dtype)
    zero, others = np.zeros_like(log_z), np.full_like(log_z, 4)
    r = apply(labels.responsibility, log_z, zero, others)
    g, gamma = np.full_like(log_z, -3e5), np.full_like(log_z, math.pi)
    np.testing.assert_array_equal(apply(labels.soften, g, gamma, r, n_out=2), [g, gamma])
    np.testing.assert_array_equal(apply(labels.label_log_probability, log_z, zero, others), log_z)
    np.testing.assert_array_equal(apply(labels.doubt, log_z, zero, others), 0)


# Labels judged by others ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_judged_label_has_the_responsibility_of_a_new_one(dtype):
    """With two classes, at what the network says now."""
    noise, cavity, gain = _grid(dtype, NOISES, [-60, -3, -0.7, -1e-3], [0, 1e-6, 0.3, 2.5])
    log_z = np.minimum(cavity + gain, 0)
    own = apply(labels.judged_noise, noise, log_z, cavity)
    assert own.dtype == dtype and np.all((own >= noise) & (own < 0.5))
    ones = np.ones_like(noise)
    now = apply(labels.responsibility, log_z, own, ones)
    new = apply(labels.responsibility, cavity, noise, ones)
    # b = 1 − 2 ε_n has as many digits less as it is small.
    assert np.all(np.abs(now - new) <= 8 * np.finfo(dtype).eps * new / (1 - 2 * own))


@pytest.mark.parametrize("dtype", DTYPES)
def test_judged_noise_whatever_the_samples_said(dtype):
    noise, log_z, cavity = _grid(dtype, NOISES, [0, -1, -90, -1e6], [0, -1, -90, -1e6])
    own = apply(labels.judged_noise, noise, log_z, cavity)
    assert np.all((own >= 0) & (own <= 0.5))
    # A sample that spoke against its label does not make it more certain; a certain one stays so.
    np.testing.assert_allclose(own[cavity >= log_z], noise[cavity >= log_z], rtol=1e-6)
    assert np.all(own[noise == 0] == 0)
