"""Single (sample, unit) pairs for the expansion: where their series errs, and what is trusted."""

import math
from dataclasses import dataclass

import numpy as np
from scalar.loops import apply

from sklearn_bp.backends import CpuBackend
from sklearn_bp.cavity.chebyshev import interpolation, to_powers
from sklearn_bp.cavity.series import n_nodes_for
from sklearn_bp.channels import ACTIVATIONS, OUTPUTS

LABELLED = {f"{name} label": output for name, output in OUTPUTS.items() if output.factorized}
CURVED = {name: one for name, one in ACTIVATIONS.items() if name != "identity"}
"""Activations whose g is no line, of which a polynomial leaves something out."""

CHANNELS = CURVED | {name: output.activation for name, output in LABELLED.items()}
"""Activations below units above, and below labels."""

NOISES = [0.0, 1e-6, 0.1]
"""Of labels; without any, their message has no end."""

N_GRID = 81


@dataclass
class Pairs:
    """Pairs of one channel: ω (P,), edge parameters (3, P), half-widths c_max (P,)."""

    channel: object
    omega: np.ndarray
    parameters: np.ndarray
    half_width: np.ndarray

    @property
    def dtype(self):
        return self.omega.dtype

    def g(self, t):
        """g, in double precision, of an edge whose contribution is t c_max."""
        omega, half_width = self.omega.astype(float), self.half_width.astype(float)
        return apply(self.channel.edge_g, omega - t * half_width, *self.parameters.astype(float))

    def expand(self, degree, allowed):
        """Which pairs are kept if the error may be `allowed` (P,), and the coefficients (D, P)."""
        return self.expand_lower(degree, degree, allowed)[:2]

    def expand_lower(self, degree, largest, allowed):
        """Expand to a degree, bounded beside a larger one, by which pairs are kept.

        Besides these and the coefficients (D, P), the squares of the pairs' error ratios.
        """
        n_nodes, backend, n = n_nodes_for(largest), CpuBackend(n_threads=1), len(self.omega)
        values, terms = (np.empty((rows, n, 1), self.dtype) for rows in (n_nodes, degree + 1))
        keep, tail, one = np.empty((n, 1), self.dtype), np.empty((n, 1), self.dtype), np.ones(1)
        shared = self.omega[:, None], self.parameters[:, :, None], self.half_width
        shared += (one.astype(self.dtype), interpolation(n_nodes, largest, self.dtype))
        limits = allowed.astype(self.dtype), np.full(1, np.inf, self.dtype)
        neglected = np.empty((n_nodes - 2, n, 1), self.dtype)
        squares = np.empty((n, largest + 1), self.dtype)
        backend.bounds(self.channel, *shared, *limits, values, tail, keep, neglected, squares)
        matrices, degrees = to_powers(n_nodes, self.dtype), np.full(n, degree)
        backend.coefficients(values, matrices, degrees, np.arange(n), keep, neglected, terms)
        return keep[:, 0] > 0, terms[:, :, 0], squares[:, degree]

    def error(self, terms):
        """Largest error of the series on the whole interval, and the largest |g| there."""
        error, largest = np.zeros(len(self.omega)), np.zeros(len(self.omega))
        for t in np.linspace(-1, 1, N_GRID):
            g = self.g(t)
            series = np.polynomial.polynomial.polyval(t, terms.astype(float))
            error = np.maximum(error, abs(g - series))
            largest = np.maximum(largest, abs(g))
        return error, largest

    def rounding(self, largest):
        """What rounding may add: that of g, whose exponent u²/2 multiplies the rounding of u."""
        u = (abs(self.omega) + self.half_width) * abs(self.parameters[0])
        return 8 * np.finfo(self.dtype).eps * (1 + u.astype(float) ** 2) * largest

    def excess(self, keep, terms, allowed):
        """Error beyond rounding over the error allowed, of the pairs that are kept."""
        error, largest = self.error(terms)
        return ((error - self.rounding(largest)) / allowed)[keep]


def draw_pairs(name, seed, dtype, n=20_000):
    """Pairs near and far from where g changes fastest, their messages weak to overwhelming."""
    rng, channel = np.random.default_rng(seed), CHANNELS[name]
    v = 10 ** rng.uniform(-8, 4, n)
    s = np.sqrt(v)
    B = rng.choice([-1.0, 1.0], n) * 10 ** rng.uniform(-1.5, math.log10(60), n)
    A = np.where(rng.random(n) < 0.3, 0.0, 10 ** rng.uniform(-3, 2, n))
    middle = np.zeros(n)
    if name in LABELLED:
        label = np.sign(B).astype(dtype), rng.choice(NOISES, n).astype(dtype)
        B, A = apply(LABELLED[name].message, *label, n_out=2)
        B[:: n // 10] = label[0][:: n // 10] * 1000
    elif name == "sign":
        middle = -np.sign(B) * np.sqrt(4 * abs(B))
    elif name == "relu":
        c = 1 / np.sqrt(1 + A)
        middle = -c * np.maximum(B, 0) / (1 + c)
    omega = (middle + rng.choice([0.3, 1.0, 4.0], n) * rng.standard_normal(n)) * s
    half_width = 10 ** rng.uniform(-2, 0.4, n) * s
    arguments = (B / s if channel.uses_precision else B), A / v, v
    arguments = [argument.astype(dtype) for argument in arguments]
    parameters = np.array(apply(channel.edge_parameters, *arguments, n_out=3))
    return Pairs(channel, omega.astype(dtype), parameters, half_width.astype(dtype))
