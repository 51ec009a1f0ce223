"""Elementary functions without branches or library calls, so that loops over them vectorise.

Relative errors are a few units in the last place. Polynomials are minimax fits of the reduced
function over the reduced range; ``tests/scalar`` checks every function against mpmath.
"""

import numpy as np

from ._jit import is_double, scalar_function

EXP_BITS_DOUBLE = 52
EXP_BITS_SINGLE = 23


@scalar_function
def _power_of_two(shifted):
    """2^n from n + 1.5 · 2^(mantissa bits), that is, from the low bits of a shifted integer."""
    T = type(shifted)
    if is_double(shifted):
        bits = np.int64(np.float64(shifted).view(np.int64) << np.int64(EXP_BITS_DOUBLE))
        return T(np.int64(bits + np.int64(0x3FF0000000000000)).view(np.float64))
    low = np.int32(np.float32(shifted).view(np.int32) << np.int32(EXP_BITS_SINGLE))
    return T(np.int32(low + np.int32(0x3F800000)).view(np.float32))


@scalar_function
def _reduced_expm1(x):
    """Scale 2^n and expm1(r) with x = n log 2 + r and |r| ≤ log(2) / 2, for x in the normal range.

    Both exponential functions are built from these two numbers.
    """
    T = type(x)
    if is_double(x):
        shift = T(6755399441055744.0)
        shifted = x * T(1.4426950408889634) + shift
        n = shifted - shift
        r = (x - n * T(6.93147180369123816490e-01)) - n * T(1.90821492927058770002e-10)
        k = T(2.506817288815729805e-8)
        k = k * r + T(2.76200468608275823e-7)
        k = k * r + T(2.755735549221672586e-6)
        k = k * r + T(2.480152139585223096e-5)
        k = k * r + T(1.984126978468601261e-4)
        k = k * r + T(1.388888891713872442e-3)
        k = k * r + T(8.333333333356189116e-3)
        k = k * r + T(4.166666666662430807e-2)
        k = k * r + T(0.1666666666666664395)
        k = k * r + T(0.5000000000000001015)
    else:
        shift = T(12582912.0)
        shifted = x * T(1.4426950408889634) + shift
        n = shifted - shift
        r = (x - n * T(0.693359375)) - n * T(-2.12194440054690583e-4)
        k = T(1.390128759110302544e-3)
        k = k * r + T(8.363146376786971373e-3)
        k = k * r + T(4.16668534185190556e-2)
        k = k * r + T(0.1666657728389020756)
        k = k * r + T(0.4999999955260866777)
    return _power_of_two(shifted), r + r * r * k


@scalar_function
def exp_between(x, low, high):
    """Exponential of x clipped to ``[low, high]``, which must lie in the normal range.

    Parameters
    ----------
    x : float
        Exponent.
    low, high : float
        Bounds, within ±87 in single and ±708 in double precision.

    Returns
    -------
    float
        ``exp(min(max(x, low), high))``; NaN stays NaN.
    """
    clipped = low if x < low else x
    clipped = high if clipped > high else clipped
    scale, fraction = _reduced_expm1(clipped)
    return scale * fraction + scale


@scalar_function
def exp_limit(x):
    """Largest magnitude of an exponent whose exponential and its inverse are normal numbers.

    Parameters
    ----------
    x : float
        Any number; only its type matters.

    Returns
    -------
    float
        87 or 708.
    """
    T = type(x)
    return T(708) if is_double(x) else T(87)


@scalar_function
def exp_limit_for_products(x):
    """Largest magnitude of an exponent that leaves room for a factor of e^{±20}.

    Parameters
    ----------
    x : float
        Any number; only its type matters.

    Returns
    -------
    float
        67 or 688.
    """
    return exp_limit(x) - type(x)(20)


@scalar_function
def exp(x):
    """Exponential function that saturates instead of trapping.

    Parameters
    ----------
    x : float
        Exponent.

    Returns
    -------
    float
        e^x; zero under -87 (single) or -708 (double precision), and the exponential of 87 or 708
        above these.
    """
    T = type(x)
    limit = exp_limit(x)
    value = exp_between(x, -limit, limit)
    return T(0) if x < -limit else value


@scalar_function
def expm1(x):
    """Compute e^x − 1 without cancellation near zero, saturating like :func:`exp`.

    Parameters
    ----------
    x : float
        Exponent.

    Returns
    -------
    float
        e^x − 1.
    """
    T = type(x)
    limit = exp_limit(x)
    clipped = -limit if x < -limit else x
    clipped = limit if clipped > limit else clipped
    scale, fraction = _reduced_expm1(clipped)
    return scale * fraction + (scale - T(1))


@scalar_function
def _split_mantissa(x):
    """Exponent n and m − 1 with x = m 2^n and m in [√½, √2), for positive normal x."""
    T = type(x)
    if is_double(x):
        bits = np.float64(x).view(np.int64)
        n = np.int64(np.int64(bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(EXP_BITS_DOUBLE))
        mantissa = np.int64(bits - np.int64(n << np.int64(EXP_BITS_DOUBLE))).view(np.float64)
        return T(n), T(mantissa) - T(1)
    low = np.float32(x).view(np.int32)
    k = np.int32(np.int32(low - np.int32(0x3F3504F3)) >> np.int32(EXP_BITS_SINGLE))
    small = np.int32(low - np.int32(k << np.int32(EXP_BITS_SINGLE))).view(np.float32)
    return T(k), T(small) - T(1)


@scalar_function
def log(x):
    """Natural logarithm of a positive normal number.

    Parameters
    ----------
    x : float
        Argument, finite, at least the smallest normal number.

    Returns
    -------
    float
        log x. Other arguments give a meaningless number.
    """
    T = type(x)
    n, f = _split_mantissa(x)
    s = f / (f + T(2))
    z = s * s
    if is_double(x):
        c = T(0.1461701407881868173)
        c = c * z + T(0.1533167281020761529)
        c = c * z + T(0.1818289070563585977)
        c = c * z + T(0.2222221111122768722)
        c = c * z + T(0.2857142862613406736)
        c = c * z + T(0.3999999999989911545)
        c = c * z + T(0.6666666666666669702)
        high, low = T(6.93147180369123816490e-01), T(1.90821492927058770002e-10)
    else:
        c = T(0.2958061533576977203)
        c = c * z + T(0.399887617662870309)
        c = c * z + T(0.666666851055296558)
        high, low = T(0.693359375), T(-2.12194440054690583e-4)
    # 2 s = f − s f, which keeps the exact f as the leading term.
    return n * high + (f - (s * (f - z * c) - n * low))


@scalar_function
def log1p(x):
    """Compute log(1 + x) without cancellation near zero.

    Parameters
    ----------
    x : float
        Argument above −1.

    Returns
    -------
    float
        log(1 + x).
    """
    T = type(x)
    shifted = T(1) + x
    return log(shifted) + (x - (shifted - T(1))) / shifted


@scalar_function
def tanh(x):
    """Hyperbolic tangent.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        tanh x, in [−1, 1], with small relative error near zero too.
    """
    T = type(x)
    magnitude = -x if x < T(0) else x
    e = expm1(T(-2) * magnitude)
    value = -e / (T(2) + e)
    # Division on a GPU may be off by an ulp or two.
    value = T(1) if value > T(1) else value
    return -value if x < T(0) else value


@scalar_function
def log_cosh(x):
    """Logarithm of the hyperbolic cosine, without overflow.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        log cosh x ≥ 0, with small relative error near zero too.
    """
    T = type(x)
    magnitude = -x if x < T(0) else x
    decay = exp(-magnitude)
    growth = expm1(magnitude if magnitude < T(1) else T(1))
    # cosh x − 1 = (e^x − 1)² / (2 e^x)
    near = log1p(T(0.5) * growth * growth * decay)
    far = magnitude + (log1p(decay * decay) - T(0.6931471805599453))
    return near if magnitude < T(1) else far
