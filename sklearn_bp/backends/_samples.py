"""Reading samples on the host, for all backends."""

import numpy as np
from scipy.sparse import issparse

KEPT_TYPES = tuple(np.dtype(name) for name in ("uint8", "float32", "float64"))
"""Types of samples that kernels read as they are; others become float64, some rows at a time."""


def kept_type(X):
    """Choose the type that kernels read samples in.

    Parameters
    ----------
    X : ndarray or sparse matrix
        The samples.

    Returns
    -------
    numpy.dtype
        Their own, or float64.
    """
    return X.dtype if X.dtype in KEPT_TYPES else np.dtype("float64")


def read_rows(X, key):
    """Read some of the samples.

    Parameters
    ----------
    X : ndarray, memmap or sparse matrix
        The samples.
    key : slice or ndarray of int
        Which.

    Returns
    -------
    ndarray
        Dense, contiguous, of :func:`kept_type`.
    """
    rows = X[key].toarray() if issparse(X) else X[key]
    return np.ascontiguousarray(rows, dtype=kept_type(X))
