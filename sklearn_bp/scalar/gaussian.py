"""Functions of the Gaussian distribution: density G, tail H, their ratios and logarithms.

With G(x) = exp(−x²/2) / √(2π) and H(x) = ∫_x^∞ G, the ratio h = G/H (inverse Mills ratio) has the
continued fraction h(x) = x + 1/(x + 2/(x + 3/(x + …))). Everything here follows from one rational
fit of its second tail, t(x) = 2/(x + 3/(x + …)), for x ≥ 0:

    h(x) = x + e(x),    e(x) = 1/(x + t(x)),

sums of positive terms, so that neither h(x) − x nor 1 − h(h − x) is ever formed by a subtraction
of nearly equal numbers. Negative arguments follow by H(x) = 1 − H(−x). Arguments may be as large as
1e13 in single and 1e100 in double precision.
"""

from ._jit import is_double, scalar_function
from .elementary import exp_between, exp_limit, log, log1p

LOG_SQRT_TWO_PI = 0.9189385332046727
SQRT_TWO_PI = 2.5066282746310002
SQRT_TWO = 1.4142135623730951
INVERSE_SQRT_TWO_PI = 0.3989422804014327
ROOM = 2.0**-32
"""A power of two, so that factors of it round nothing."""


@scalar_function
def _absolute(x):
    """Magnitude of x."""
    return -x if x < type(x)(0) else x


@scalar_function
def _fraction_limit(x):
    """Argument beyond which :func:`_second_tail` stays constant, to keep it from overflowing."""
    T = type(x)
    return T(1e8) if is_double(x) else T(4096)


@scalar_function
def _second_tail(x):
    """Numerator P and denominator Q of t(x) = 2/(x + 3/(x + …)), x ≥ 0.

    Relative error of P/Q: 2e-15 in double precision, 3e-9 (before rounding) in single. Both are
    minimax fits; ``tests/scalar/minimax.py`` makes them.
    """
    T = type(x)
    limit = _fraction_limit(x)
    x = limit if x > limit else x
    if is_double(x):
        p = T(1.999999999999995803)
        p = p * x + T(56.49222342115339777)
        p = p * x + T(810.3820494646459072)
        p = p * x + T(7572.083117093130988)
        p = p * x + T(50275.92770310003336)
        p = p * x + T(245036.9030025976672)
        p = p * x + T(877396.4944419847776)
        p = p * x + T(2238329.368864469799)
        p = p * x + T(3737258.27041391841)
        p = p * x + T(3194548.194362128036)
        q = x + T(28.2461117105704123)
        q = q * x + T(408.1910247353588182)
        q = q * x + T(3870.779893111786841)
        q = q * x + T(26341.53698055189704)
        q = q * x + T(133537.6196370395617)
        q = q * x + T(509357.9702157648644)
        q = q * x + T(1444334.744186443742)
        q = q * x + T(2925564.847105602332)
        q = q * x + T(3854777.567957398961)
        q = q * x + T(2548880.683022218395)
    else:
        # In units that leave room for the products with x² that follow, for x up to 1e13.
        p = T(ROOM * 1.999999993244405356)
        p = p * x + T(ROOM * 27.92965499551564699)
        p = p * x + T(ROOM * 197.9888330325834684)
        p = p * x + T(ROOM * 850.163274335230691)
        p = p * x + T(ROOM * 2216.171610505329347)
        p = p * x + T(ROOM * 2962.545926530858623)
        q = T(ROOM) * x + T(ROOM * 13.96482440174686626)
        q = q * x + T(ROOM * 101.9948628909979321)
        q = q * x + T(ROOM * 466.9517415981193335)
        q = q * x + T(ROOM * 1393.747693918065912)
        q = q * x + T(ROOM * 2577.733360634715905)
        q = q * x + T(ROOM * 2363.76966341643703)
    return p, q


@scalar_function
def inverse_mills_fraction(x):
    """Inverse Mills ratio of a non-negative number, as a fraction whose terms are all positive.

    Parameters
    ----------
    x : float
        Argument, at least 0.

    Returns
    -------
    numerator, denominator, excess_numerator : float
        h(x) = numerator / denominator and h(x) − x = excess_numerator / denominator.
    """
    p, q = _second_tail(x)
    denominator = x * q + p
    return x * denominator + q, denominator, q


@scalar_function
def _exp_minus_square(x, factor):
    """Compute exp(−factor x²) for x ≥ 0, carrying the rounding error of the square along.

    `factor` is ½ or 1. The result saturates at the exponential of minus :func:`exp_limit`.
    """
    T = type(x)
    if is_double(x):
        largest, shift = T(37.7), T(103079215104.0)
    else:
        largest, shift = T(13.2), T(196608.0)
    a = largest if x > largest else x
    # The high part has so few digits that its square is exact.
    high = (a + shift) - shift
    leading = -factor * (high * high)
    rest = -factor * ((a - high) * (a + high))
    exponent = leading + rest
    error = (leading - exponent) + rest
    limit = exp_limit(x)
    value = exp_between(exponent, -limit, limit)
    return value + value * error


@scalar_function
def gaussian_density(x):
    """Density G(x) of the standard Gaussian.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        exp(−x²/2) / √(2π); zero where that is under the smallest normal number.
    """
    T = type(x)
    underflow = T(0.5) * x * x > exp_limit(x) - T(1)
    # Zero in place of x where the result is: subnormal numbers would slow the loop down.
    a = T(0) if underflow else _absolute(x)
    value = T(INVERSE_SQRT_TWO_PI) * _exp_minus_square(a, T(0.5))
    return T(0) if underflow else value


@scalar_function
def gaussian_tail(x):
    """Tail H(x) = ½ erfc(x/√2) of the standard Gaussian.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        H(x) in [0, 1], with small relative error in both tails.
    """
    T = type(x)
    numerator, denominator, _ = inverse_mills_fraction(_absolute(x))
    upper = gaussian_density(x) * denominator / numerator
    return T(1) - upper if x < T(0) else upper


@scalar_function
def mills_ratio_sides(x):
    """Mills ratio at x ≥ 0 and at −x, the latter without its growing factor.

    Parameters
    ----------
    x : float
        Argument, at least 0.

    Returns
    -------
    above, below : float
        R(x) = H(x)/G(x) and R(−x) exp(−x²/2), both in (0, √(2π)].
    """
    T = type(x)
    numerator, denominator, _ = inverse_mills_fraction(x)
    above = denominator / numerator
    return above, T(SQRT_TWO_PI) * (T(1) - gaussian_density(x) * above)


@scalar_function
def _mills_ratio_side(x):
    """Mills ratio at x of either sign; at a negative one without its growing factor exp(x²/2)."""
    above, below = mills_ratio_sides(_absolute(x))
    return below if x < type(x)(0) else above


@scalar_function
def mills_ratio_parts(x):
    """Mills ratio H/G as exp(exponent) · factor, which cannot overflow.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    exponent, factor : float
        Exponent 0 for x ≥ 0, else x²/2; factor in (0, √(2π)].
    """
    T = type(x)
    exponent = T(0.5) * x * x
    return (exponent if x < T(0) else T(0)), _mills_ratio_side(x)


@scalar_function
def gaussian_tail_parts(x):
    """Tail H of the standard Gaussian as exp(exponent) · factor, which cannot underflow.

    Products of tails are cheaper, and no less exact, as products of factors and sums of exponents
    than as sums of logarithms.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    exponent, factor : float
        Exponent −x²/2 for x ≥ 0, else 0; factor in (0, 1], about 0.4/x for large x.
    """
    T = type(x)
    exponent = T(-0.5) * x * x
    return (T(0) if x < T(0) else exponent), T(INVERSE_SQRT_TWO_PI) * _mills_ratio_side(x)


@scalar_function
def log_mills_ratio(x):
    """Logarithm of the Mills ratio H/G.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        log(H(x)/G(x)).
    """
    exponent, factor = mills_ratio_parts(x)
    return exponent + log(factor)


@scalar_function
def log_gaussian_tail(x):
    """Logarithm of the tail H(x) of the standard Gaussian.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        log H(x) ≤ 0, with small relative error in both tails.
    """
    T = type(x)
    numerator, denominator, _ = inverse_mills_fraction(_absolute(x))
    ratio = denominator / numerator
    above = -(T(0.5) * x * x + T(LOG_SQRT_TWO_PI) - log(ratio))
    below = log1p(-gaussian_density(x) * ratio)
    return below if x < T(0) else above


@scalar_function
def inverse_mills_ratio(x):
    """Inverse Mills ratio h(x) = G(x)/H(x).

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        h(x) ≥ 0; it approaches x from above for large x.
    """
    T = type(x)
    numerator, denominator, _ = inverse_mills_fraction(_absolute(x))
    density = gaussian_density(x)
    negative = x < T(0)
    top = density * numerator if negative else numerator
    bottom = numerator - density * denominator if negative else denominator
    return top / bottom


@scalar_function
def inverse_mills_excess(x):
    """Excess e(x) = h(x) − x of the inverse Mills ratio, without cancellation.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        e(x) > 0; about 1/x for large x and about −x for large −x.
    """
    T = type(x)
    _, denominator, excess = inverse_mills_fraction(_absolute(x))
    return inverse_mills_ratio(x) - x if x < T(0) else excess / denominator


@scalar_function
def truncated_variance(x):
    """Variance of a standard Gaussian restricted to values above x.

    Parameters
    ----------
    x : float
        Truncation point.

    Returns
    -------
    float
        1 − h(x) (h(x) − x), in (0, 1); about 1/x² for large x.
    """
    T = type(x)
    a = _absolute(x)
    p, q = _second_tail(a)
    limit = _fraction_limit(x)
    # Beyond the limit of the fit the second tail is 2/x to working precision.
    tail = (p / q) * (limit / a if a > limit else T(1))
    excess = inverse_mills_excess(x)
    below = T(1) - inverse_mills_ratio(x) * excess
    return below if x < T(0) else excess * (tail - excess)


@scalar_function
def erfcx(x):
    """Scaled complementary error function exp(x²) erfc(x).

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        erfcx(x) > 0; saturates (about 1e308 or 1e38) for large −x.
    """
    T = type(x)
    a = _absolute(x)
    numerator, denominator, _ = inverse_mills_fraction(T(SQRT_TWO) * a)
    upper = T(2) * T(INVERSE_SQRT_TWO_PI) * denominator / numerator
    return T(2) / _exp_minus_square(a, T(1)) - upper if x < T(0) else upper


@scalar_function
def erf(x):
    """Error function.

    Parameters
    ----------
    x : float
        Argument.

    Returns
    -------
    float
        erf(x) in [−1, 1], with small relative error near zero too.
    """
    T = type(x)
    a = _absolute(x)
    z = T(0.25) if a > T(0.5) else a * a
    if is_double(x):
        c = T(1.472321511766787206e-6)
        c = c * z + T(-1.484558372867498014e-5)
        c = c * z + T(1.205332431389727973e-4)
        c = c * z + T(-8.548297524416687426e-4)
        c = c * z + T(5.223977370326863473e-3)
        c = c * z + T(-2.68661706327158448e-2)
        c = c * z + T(0.1128379167092481307)
        c = c * z + T(-0.3761263890318346708)
        c = c * z + T(1.128379167095512569)
    else:
        c = T(4.717990065772341822e-3)
        c = c * z + T(-2.675718426360220051e-2)
        c = c * z + T(0.112828228097309598)
        c = c * z + T(-0.3761260857283426866)
        c = c * z + T(1.128379165567347919)
    far = T(1) - T(2) * gaussian_tail(T(SQRT_TWO) * a)
    value = far if a > T(0.5) else a * c
    return -value if x < T(0) else value
