"""Kernels of the argmax output, whose units are coupled.

`omega` and `v` (M, K) hold a sample's outputs, `y` (M,) its class index. The pairwise form gives a
block to every sample; the exact integral runs as on the CPU, one thread per sample (and class),
since its panels follow one another.
"""

import math
from functools import cache

from ...channels.argmax import N_NODES, pair
from ...scalar import exp, log, log_gaussian_tail
from ..cpu import argmax as rows
from ._runtime import array_function, cuda, device_function, kernel
from .activation import add_up

exact_row = array_function(rows._exact_row)
log_integral = array_function(rows._log_integral)


@cache
def make_argmax_pairwise(row_threads, scalar):
    """Make the kernel of g and Γ of the pairwise form.

    Parameters
    ----------
    row_threads : int
        Threads per sample, a power of two.
    scalar : type
        NumPy's scalar type of the arrays.

    Returns
    -------
    callable
        ``argmax_pairwise(y, omega, v, g, gamma)``; `g`, `gamma` (M, K) OUT; one block per sample.
    """

    @kernel
    def argmax_pairwise(y, omega, v, g, gamma):
        g_partial = cuda.shared.array(row_threads, scalar)
        gamma_partial = cuda.shared.array(row_threads, scalar)
        n, lane = cuda.blockIdx.x, cuda.threadIdx.x
        c = y[n]
        g_class, gamma_class = scalar(0), scalar(0)
        for k in range(lane, omega.shape[1], row_threads):
            if k != c:
                _, slope, curvature = pair(omega[n, c] - omega[n, k], v[n, c] + v[n, k])
                g[n, k] = -slope
                gamma[n, k] = curvature
                g_class += slope
                gamma_class += curvature
        g_partial[lane] = g_class
        gamma_partial[lane] = gamma_class
        add_up(g_partial, lane, row_threads)
        add_up(gamma_partial, lane, row_threads)
        if lane == 0:
            g[n, c] = g_partial[0]
            gamma[n, c] = gamma_partial[0]

    return argmax_pairwise


@cache
def make_argmax_pairwise_log_z(scalar, normalises):
    """Make the kernel of log Z of the pairwise form.

    Parameters
    ----------
    scalar : type
        NumPy's scalar type of the arrays.
    normalises : bool
        Whether Z is normalised to be a probability; it is e^φ if not.

    Returns
    -------
    callable
        ``log_z(y, omega, v, log_z)``; `log_z` (M,) OUT; a thread per sample.
    """

    @device_function
    def log_product(omega, v, n, c):
        total = scalar(0)
        for k in range(omega.shape[1]):
            if k != c:
                ratio = (omega[n, k] - omega[n, c]) / math.sqrt(v[n, c] + v[n, k])
                total += log_gaussian_tail(ratio)
        return total

    @kernel
    def argmax_pairwise_log_z(y, omega, v, log_z):
        for n in range(cuda.grid(1), omega.shape[0], cuda.gridsize(1)):
            own = log_product(omega, v, n, y[n])
            if not normalises:
                log_z[n] = own
                continue
            largest, total = own, scalar(1)
            for c in range(omega.shape[1]):
                if c != y[n]:
                    other = log_product(omega, v, n, c)
                    new_largest = max(largest, other)
                    total = total * exp(largest - new_largest) + exp(other - new_largest)
                    largest = new_largest
            log_z[n] = own - largest - log(total)

    return argmax_pairwise_log_z


@cache
def make_argmax_exact(scalar):
    """Make the kernel of g, Γ and log Z of the exact form: ``(y, omega, v, log_z, g, gamma)``."""

    @kernel
    def argmax_exact(y, omega, v, log_z, g, gamma):
        scratch = cuda.local.array((3, N_NODES), scalar)
        for n in range(cuda.grid(1), omega.shape[0], cuda.gridsize(1)):
            log_z[n] = exact_row(omega, v, n, y[n], scratch, g, gamma)

    return argmax_exact


@cache
def make_log_integrals(scalar):
    """Make the kernel of the exact integral's logarithm for every class.

    Returns
    -------
    callable
        ``log_integrals(omega, v, log_z)``; `log_z` (M, K) OUT; a thread per sample and class.
    """

    @kernel
    def log_integrals(omega, v, log_z):
        scratch = cuda.local.array((3, N_NODES), scalar)
        c, first = cuda.grid(2)
        if c < omega.shape[1]:
            for n in range(first, omega.shape[0], cuda.gridsize(2)[1]):
                log_z[n, c] = log_integral(omega, v, n, c, scratch)

    return log_integrals


@cache
def make_normalise(scalar):
    """Make the kernel that turns rows of logarithms (M, K) into probabilities, in place."""

    @kernel
    def normalise(proba):
        for n in range(cuda.grid(1), proba.shape[0], cuda.gridsize(1)):
            largest = scalar(-math.inf)
            for c in range(proba.shape[1]):
                largest = max(largest, proba[n, c])
            total = scalar(0)
            for c in range(proba.shape[1]):
                proba[n, c] = exp(proba[n, c] - largest)
                total += proba[n, c]
            for c in range(proba.shape[1]):
                proba[n, c] /= total

    return normalise
