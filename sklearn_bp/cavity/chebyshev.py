"""Interpolation at Chebyshev nodes: from values to coefficients of powers and of the series."""

from functools import cache

import numpy as np

N_NEGLECTED = 2
"""Coefficients that are computed and not used: those that are left out first. Two, because every
second one of a symmetric function is zero."""


def n_nodes_for(degree):
    """Count the nodes for a degree: as many as its coefficients and those neglected.

    Parameters
    ----------
    degree : int
        At least 1.

    Returns
    -------
    int
        At least 4.
    """
    return degree + 1 + N_NEGLECTED


@cache
def chebyshev_powers(degree):
    """Write a Chebyshev polynomial in powers of its argument.

    Parameters
    ----------
    degree : int
        Its degree.

    Returns
    -------
    tuple of float
        ``degree + 1`` coefficients, the constant first.
    """
    coefficients = np.polynomial.chebyshev.cheb2poly([0] * degree + [1])
    return tuple(float(coefficient) for coefficient in coefficients)


@cache
def interpolation(n_nodes, degree, dtype):
    """Compute Chebyshev nodes and the matrices from values there to coefficients.

    Parameters
    ----------
    n_nodes : int
        Number of nodes J.
    degree : int
        Degree at which the series is cut, less than J.
    dtype : numpy.dtype
        Precision of the results.

    Returns
    -------
    nodes : ndarray of shape (J,)
        Zeros of the Chebyshev polynomial of degree J, in (−1, 1).
    to_monomial : ndarray of shape (degree + 1, J)
        Gives the coefficients of powers of t of the cut series.
    to_chebyshev : ndarray of shape (J, J)
        Gives the Chebyshev coefficients.
    """
    angle = np.pi * (np.arange(n_nodes) + 0.5) / n_nodes
    to_chebyshev = 2 / n_nodes * np.cos(np.outer(np.arange(n_nodes), angle))
    to_chebyshev[0] /= 2
    powers = np.zeros((degree + 1, degree + 1))
    for q in range(degree + 1):
        powers[: q + 1, q] = chebyshev_powers(q)
    to_monomial = powers @ to_chebyshev[: degree + 1]
    return tuple(a.astype(dtype) for a in (np.cos(angle), to_monomial, to_chebyshev))


@cache
def to_powers(n_nodes, dtype):
    """Compute the matrices from values at Chebyshev nodes to coefficients of powers.

    Parameters
    ----------
    n_nodes : int
        Number of nodes J.
    dtype : numpy.dtype
        Precision of the result.

    Returns
    -------
    ndarray of shape (D + 1, D + 1, J)
        For the degree d at which the series is cut, up to D = J − 1 − :data:`N_NEGLECTED`, the
        first ``d + 1`` rows are those of :func:`interpolation`; the others are zero.
    """
    most = n_nodes - 1 - N_NEGLECTED
    matrices = np.zeros((most + 1, most + 1, n_nodes), dtype)
    for degree in range(most + 1):
        matrices[degree, : degree + 1] = interpolation(n_nodes, degree, dtype)[1]
    return matrices
