"""The exact argmax output, by quadrature on panels that resolve every scale of the integrand.

phi = log ∫ N(z; omega_c, v_c) ∏_{k != c} H(-(z - omega_k) / √v_k) dz. The integrand is log-concave:
one peak, and panels break where a factor bends, at a few widths around each mean.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr

from .channels import inverse_mills_ratio

NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
WIDTHS = np.array([-10.0, -6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0])
NEGLIGIBLE = 50.0
"""How far, in log, the integrand has fallen where the window ends: e^-50 of the peak."""


def _log_integrand(z, c, omega, v):
    others = np.delete(np.arange(len(omega)), c)
    d = (z[:, None] - omega[others]) / np.sqrt(v[others])
    gaussian = -0.5 * (z - omega[c]) ** 2 / v[c] - 0.5 * np.log(2.0 * np.pi * v[c])
    return gaussian + log_ndtr(d).sum(axis=1)


def _slope(z, c, omega, v):
    others = np.delete(np.arange(len(omega)), c)
    s = np.sqrt(v[others])
    return (omega[c] - z) / v[c] + (inverse_mills_ratio((omega[others] - z) / s) / s).sum()


def _window(c, omega, v):
    """The peak is between omega_c and a little above the largest mean; then both ends."""
    s = np.sqrt(v.max())
    low, high = omega[c] - s, omega.max() + s
    while _slope(high, c, omega, v) > 0:
        high += s
    peak = brentq(_slope, low, high, args=(c, omega, v), xtol=1e-14, rtol=1e-14)
    top = _log_integrand(np.array([peak]), c, omega, v)[0]

    def excess(z):
        return _log_integrand(np.array([z]), c, omega, v)[0] - top + NEGLIGIBLE

    reach = 11.0 * np.sqrt(v[c])  # the Gaussian factor alone falls by 60
    return brentq(excess, peak - reach, peak), peak, brentq(excess, peak, peak + reach)


def _quadrature(c, omega, v):
    """Nodes z and normalised posterior weights, and the log of the integral."""
    left, peak, right = _window(c, omega, v)
    scale = 1.0 / np.sqrt((1.0 / v).sum())
    breaks = np.concatenate(
        [
            np.linspace(left, right, 41),
            (omega[:, None] + WIDTHS * np.sqrt(v)[:, None]).ravel(),
            peak + WIDTHS * scale,
        ]
    )
    breaks = np.unique(breaks[(breaks >= left) & (breaks <= right)])
    half = 0.5 * np.diff(breaks)[:, None]
    z = (breaks[:-1, None] + half * (1.0 + NODES)).ravel()
    log_weight = _log_integrand(z, c, omega, v) + np.log(half * WEIGHTS).ravel()
    log_z = np.logaddexp.reduce(log_weight)
    return z, np.exp(log_weight - log_z), log_z


def _derivatives(c, omega, v):
    """g and Γ of one sample: means over the posterior of z, Γ less the variance of the slope."""
    z, p, _ = _quadrature(c, omega, v)
    d = (z[:, None] - omega) / np.sqrt(v)
    h = inverse_mills_ratio(-d)
    slope, bend = -h / np.sqrt(v), h * (h + d) / v
    slope[:, c], bend[:, c] = (z - omega[c]) / v[c], 1.0 / v[c]
    g = p @ slope
    return g, p @ bend - p @ (slope - g) ** 2


class ArgmaxExactOutput:
    """Class y = argmax z by the exact integral, sample by sample."""

    plain_sums = True
    unit_variance = 0.0

    @staticmethod
    def log_z(y, omega, v):
        """Log likelihood of each sample, (M,)."""
        return np.array([_quadrature(*row)[2] for row in zip(y, omega, v, strict=True)])

    @classmethod
    def log_probability(cls, y, omega, v):
        """log P(the network says y), (M, 1): phi itself."""
        return cls.log_z(y, omega, v)[:, None]

    @staticmethod
    def g_gamma(y, omega, v):
        rows = [_derivatives(*row) for row in zip(y, omega, v, strict=True)]
        return np.array([g for g, _ in rows]), np.array([gamma for _, gamma in rows])


def argmax_probabilities(omega, v):
    """P(argmax z = c) for every class c, (M, K)."""
    classes = range(omega.shape[1])
    log_z = [ArgmaxExactOutput.log_z([c] * len(omega), omega, v) for c in classes]
    return np.exp(np.column_stack(log_z))
