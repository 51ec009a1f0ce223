"""Every scalar function against arbitrary precision, on a million points, and at the extremes."""

import re

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from sklearn_bp import scalar

from . import precise
from .loops import apply, compiled_loop

DTYPES = [np.float32, np.float64]

# Largest relative error in units of the precision: (single, double).
BOUNDS = {
    "exp": (1, 1),
    "expm1": (1.5, 1.5),
    "log": (1, 1),
    "log1p": (1.5, 1.5),
    "tanh": (2, 2),
    "log_cosh": (3, 3),
    "erf": (2, 3),
    "erfcx": (4, 15),
    "gaussian_density": (2, 2),
    "gaussian_tail": (3, 15),
    "log_gaussian_tail": (3, 20),
    "inverse_mills_ratio": (3.5, 15),
    "inverse_mills_excess": (4, 15),
    "truncated_variance": (9, 45),
}


def _spread(rng, n, largest):
    """Numbers of both signs and all sizes up to `largest`."""
    uniform = rng.uniform(-largest, largest, n // 2)
    exponents = rng.uniform(-6, np.log10(largest), n - n // 2)
    return np.concatenate([uniform, rng.choice([-1, 1], n - n // 2) * 10**exponents])


def _points(name, dtype, n, rng):
    """Arguments over the range in which the result is a normal number."""
    single = dtype == np.float32
    if name == "log":
        exponent = 37 if single else 307
        return (10 ** rng.uniform(-exponent, exponent, n)).astype(dtype)
    points = {
        "exp": lambda: _spread(rng, n, 86 if single else 707),
        "expm1": lambda: _spread(rng, n, 86 if single else 707),
        "log1p": lambda: np.maximum(_spread(rng, n, 1e6), -0.999),
        "tanh": lambda: _spread(rng, n, 30),
        "log_cosh": lambda: _spread(rng, n, 500),
        "erf": lambda: _spread(rng, n, 8),
        "erfcx": lambda: np.maximum(_spread(rng, n, 1e4), -9 if single else -26),
        "log_gaussian_tail": lambda: np.maximum(_spread(rng, n, 1e3), -12.7 if single else -37),
        "inverse_mills_ratio": lambda: np.maximum(_spread(rng, n, 1e6), -12.7 if single else -37),
        "inverse_mills_excess": lambda: _spread(rng, n, 1e6),
        "truncated_variance": lambda: _spread(rng, n, 1e6),
    }
    return points.get(name, lambda: _spread(rng, n, 12.7 if single else 37))().astype(dtype)


def _relative_errors(name, x, got):
    with mp.workdps(60):
        exact = [getattr(precise, name)(mp.mpf(float(value))) for value in x]
        return np.array(
            [float(abs(mp.mpf(float(a)) / b - 1)) for a, b in zip(got, exact, strict=True)]
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_arbitrary_precision(name, dtype):
    if name == "truncated_variance":
        x = _points(name, dtype, 400, np.random.default_rng(0))
        x = x[np.abs(x) < 1e4]
    else:
        x = _points(name, dtype, 400, np.random.default_rng(0))
    got = apply(getattr(scalar, name), x)
    errors = _relative_errors(name, x, got) / np.finfo(dtype).eps
    worst = errors.argmax()
    assert errors[worst] < BOUNDS[name][dtype == np.float64], x[worst]


def _log_cosh(x):
    x = np.abs(x)
    near = np.log1p(2 * np.sinh(np.minimum(x, 1) / 2) ** 2)
    return np.where(x < 1, near, x + np.log1p(np.expm1(-2 * x) / 2))


def _density(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.longdouble(np.pi))


def _scaled_tail(x):
    """Compute exp(x²/2) H(|x|)."""
    return special.erfcx(np.abs(x).astype(float) / np.sqrt(2.0)) / 2


def _tail(x):
    upper = np.exp(-(x**2) / 2) * _scaled_tail(x)
    return np.where(x < 0, 1 - upper, upper)


def _log_tail(x):
    above = -(x**2) / 2 + np.log(_scaled_tail(x))
    return np.where(x < 0, np.log1p(-np.exp(-(x**2) / 2) * _scaled_tail(x)), above)


def _inverse_mills_ratio(x):
    negative = np.minimum(x, 0)
    return np.where(
        x < 0, _density(x) / _tail(negative), 1 / (np.sqrt(2 * np.pi) * _scaled_tail(x))
    )


# Independent library functions, in extended precision where these are elementary.
REFERENCES = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "log_cosh": _log_cosh,
    "erf": lambda x: special.erf(x.astype(float)),
    "erfcx": lambda x: special.erfcx(x.astype(float)),
    "gaussian_density": _density,
    "gaussian_tail": _tail,
    "log_gaussian_tail": _log_tail,
    "inverse_mills_ratio": _inverse_mills_ratio,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_million_points(name, dtype):
    x = _points(name, dtype, 1_000_000, np.random.default_rng(1))
    got = apply(getattr(scalar, name), x)
    want = REFERENCES[name](x.astype(np.longdouble))
    errors = np.abs((got - want) / want)
    worst = errors.argmax()
    assert errors[worst] < (5e-7 if dtype == np.float32 else 1e-13), x[worst]


@pytest.mark.parametrize("dtype", DTYPES)
def test_ratios_on_a_million_points(dtype):
    """Identities of h, h − x and 1 − h (h − x), which no library has."""
    x = np.sort(_spread(np.random.default_rng(2), 1_000_000, 1e3)).astype(dtype)
    eps = np.finfo(dtype).eps
    ratio = apply(scalar.inverse_mills_ratio, x)
    excess = apply(scalar.inverse_mills_excess, x)
    variance = apply(scalar.truncated_variance, x)
    magnitude = np.abs(x) + ratio
    assert np.all(np.abs(excess.astype(float) + x - ratio) <= 20 * eps * magnitude)
    assert np.all(excess > 0) and np.all((variance > 0) & (variance <= 1))
    # h is increasing, h − x and 1 − h (h − x) are decreasing, up to rounding.
    assert np.all(np.diff(ratio) >= -15 * eps * ratio[1:])
    assert np.all(np.diff(excess) <= 15 * eps * excess[1:])
    assert np.all(np.diff(variance) <= 60 * eps * variance[1:])


@pytest.mark.parametrize("dtype", DTYPES)
def test_far_tails(dtype):
    x = np.array([50, 300, 4095, 4097, 1e5, 0.99e8, 1.01e8, 1e11, 1e13], dtype)
    eps = np.finfo(dtype).eps
    wide = x.astype(np.float64)
    # The asymptotic series, whose first left-out term is under 1e-12 of the sum at 50.
    series = (1 - 2 / wide**2 + 10 / wide**4 - 74 / wide**6 + 706 / wide**8) / wide
    rtol = 5e-7 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(apply(scalar.inverse_mills_ratio, x), wide + series, rtol=5 * eps)
    np.testing.assert_allclose(apply(scalar.inverse_mills_excess, x), series, rtol=rtol)
    variance = (1 - 6 / wide**2 + 50 / wide**4 - 518 / wide**6) / wide**2
    np.testing.assert_allclose(
        apply(scalar.truncated_variance, x), variance, rtol=1e-6 if dtype == np.float32 else 1e-9
    )
    np.testing.assert_array_equal(apply(scalar.inverse_mills_ratio, -x), 0)
    np.testing.assert_array_equal(apply(scalar.inverse_mills_excess, -x), x)
    np.testing.assert_array_equal(apply(scalar.truncated_variance, -x), 1)
    np.testing.assert_array_equal(apply(scalar.gaussian_tail, -x), 1)
    np.testing.assert_array_equal(apply(scalar.gaussian_tail, x), 0)
    np.testing.assert_array_equal(apply(scalar.log_gaussian_tail, -x), 0)
    log_tail = -(wide**2) / 2 - np.log(wide + series) - np.log(2 * np.pi) / 2
    np.testing.assert_allclose(apply(scalar.log_gaussian_tail, x), log_tail, rtol=5 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_and_tiny_arguments(dtype):
    info = np.finfo(dtype)
    x = np.array([0.0, -0.0, info.smallest_subnormal, -info.tiny, info.eps / 8], dtype)
    for name in ("expm1", "log1p", "tanh"):
        np.testing.assert_array_equal(apply(getattr(scalar, name), x), x)
    np.testing.assert_allclose(apply(scalar.erf, x), special.erf(x), rtol=3 * info.eps)
    np.testing.assert_array_equal(apply(scalar.exp, x), 1)
    np.testing.assert_allclose(apply(scalar.gaussian_tail, x), 0.5, rtol=15 * info.eps)
    np.testing.assert_allclose(
        apply(scalar.inverse_mills_ratio, x), np.sqrt(2 / np.pi), rtol=15 * info.eps
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_saturation(dtype):
    limit = 87 if dtype == np.float32 else 708
    x = np.array([1.01 * limit, 1e6, 1e12, np.inf], dtype)
    np.testing.assert_array_equal(apply(scalar.exp, -x), 0)
    assert np.all(apply(scalar.exp, x) == apply(scalar.exp, np.array([limit], dtype)))
    np.testing.assert_array_equal(apply(scalar.expm1, -x), -1)
    np.testing.assert_array_equal(apply(scalar.tanh, x), 1)
    np.testing.assert_array_equal(apply(scalar.tanh, -x), -1)
    np.testing.assert_allclose(apply(scalar.log_cosh, x[:3]), x[:3] - dtype(np.log(2)), rtol=1e-6)
    np.testing.assert_array_equal(apply(scalar.erf, x[:3]), 1)
    assert np.all(np.isfinite(apply(scalar.erfcx, -x[:3])))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(set(BOUNDS) - {"log", "log1p", "log_cosh"}))
def test_nan_stays_nan(name, dtype):
    assert np.all(np.isnan(apply(getattr(scalar, name), np.full(40, np.nan, dtype))))


@pytest.mark.parametrize("dtype", DTYPES)
def test_smallest_normal_numbers(dtype):
    tiny = np.finfo(dtype).tiny
    x = np.array([tiny, 2 * tiny, 1e3 * tiny], dtype)
    np.testing.assert_allclose(apply(scalar.log, x), np.log(x), rtol=2 * np.finfo(dtype).eps)
    # The last arguments before the density is no normal number.
    edge = np.array([13.1 if dtype == np.float32 else 37.5], dtype)
    assert _relative_errors("gaussian_density", edge, apply(scalar.gaussian_density, edge)) < 1e-6


@pytest.mark.parametrize("dtype", DTYPES)
def test_mills_ratio_parts(dtype):
    x = _spread(np.random.default_rng(3), 100_000, 30).astype(dtype)
    exponent, factor = apply(scalar.mills_ratio_parts, x, n_out=2)
    assert np.all(exponent >= 0) and np.all((factor > 0) & (factor <= dtype(2.5066284)))
    want = special.log_ndtr(-x.astype(float)) + x.astype(float) ** 2 / 2 + np.log(2 * np.pi) / 2
    got = exponent.astype(float) + np.log(factor.astype(float))
    bound = 20 * np.finfo(dtype).eps * (1 + np.abs(want) + x.astype(float) ** 2)
    assert np.all(np.abs(got - want) <= bound)
    np.testing.assert_allclose(apply(scalar.log_mills_ratio, x), got, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_tail_parts(dtype):
    largest = 1e12 if dtype == np.float32 else 1e100
    x = np.concatenate([_spread(np.random.default_rng(4), 100_000, 30), [largest, -largest, 0]])
    x = x.astype(dtype)
    exponent, factor = apply(scalar.gaussian_tail_parts, x, n_out=2)
    assert np.all(exponent <= 0) and np.all(exponent[x < 0] == 0)
    assert np.all((factor > 0) & (factor <= 1)) and np.isfinite(exponent).all()
    want = special.log_ndtr(-x.astype(float))
    got = exponent.astype(float) + np.log(factor.astype(float))
    near = np.abs(x) <= 30
    bound = 20 * np.finfo(dtype).eps * (1 + x.astype(float) ** 2)
    assert np.all(np.abs(got - want)[near] <= bound[near])
    assert factor[-3] * largest == pytest.approx(0.3989423, rel=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_loops_vectorise(name, dtype):
    """The compiled loop works on several numbers at a time and calls no library."""
    loop = compiled_loop(getattr(scalar, name), 1, 1)
    x = np.ones(8, dtype)
    loop(x, np.empty_like(x))
    codes = loop.inspect_llvm()
    (code,) = [code for types, code in codes.items() if types[0].dtype.name == x.dtype.name]
    assert ("x float>" if dtype == np.float32 else "x double>") in code
    if dtype == np.float32:
        assert not re.search(r"\bdouble\b", code)
