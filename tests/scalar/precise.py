"""The scalar functions in mpmath's arbitrary precision, straight from their definitions."""

import mpmath as mp

mp.mp.dps = 60


def gaussian_density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def gaussian_tail(x):
    return mp.erfc(x / mp.sqrt(2)) / 2


def log_gaussian_tail(x):
    return mp.log(gaussian_tail(x)) if x > -5 else mp.log1p(-gaussian_tail(-x))


def inverse_mills_ratio(x):
    return gaussian_density(x) / gaussian_tail(x)


def log_mills_ratio(x):
    return -mp.log(inverse_mills_ratio(x))


def inverse_mills_excess(x):
    return inverse_mills_ratio(x) - x


def truncated_variance(x):
    return 1 - inverse_mills_ratio(x) * inverse_mills_excess(x)


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


def log_cosh(x):
    return mp.log(mp.cosh(x))


exp, expm1, log, log1p, tanh, erf = mp.exp, mp.expm1, mp.log, mp.log1p, mp.tanh, mp.erf
