"""Features that are the same in all samples, and the trap they are for point networks."""

import warnings

import numpy as np
from scipy.sparse import issparse

ROWS = 4096
"""Samples that are compared at a time."""


def warn_of_constant_features(X, network):
    """Warn where forgetting makes constant features mislead a point network.

    With rho below 1 in the first layer, the means of weights that hardly matter one by one fade.
    All constant features act as one intercept: the posterior needs the sum of their means, and
    spreads it over them, each small and of the same sign. A network of the signs alone takes them
    in full.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        The samples.
    network : Network
        The network.

    Warns
    -----
    UserWarning
        If weights are ±1, rho of the first layer is below 1, and the constant features could shift
        a unit by more than a standard deviation of its pre-activation under random weights.
    """
    if network.rho[0] >= 1 or network.weight_prior != "binary" or issparse(X):
        return
    constants = constant_features(X)
    norm_sq = np.mean(np.sum(np.square(X[:ROWS], dtype=np.float64), axis=1))
    if np.sum(np.abs(constants), dtype=np.float64) <= np.sqrt(norm_sq):
        return
    warnings.warn(
        f"{constants.size} features have the same value, other than 0, in all samples. With "
        f"rho={network.rho[0]:g} below 1, the means of their weights fade together, and the point "
        "network, which has the signs of the means only, can end up guessing. Make constants 0 "
        "(for example with StandardScaler) or drop them (VarianceThreshold), use rho of at least "
        "1, choose the signs by round_weights, or predict by BayesBPClassifier, which is not "
        "misled.",
        UserWarning,
        stacklevel=2,
    )


def constant_features(X):
    """Find the features that are the same in all samples, and not 0.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The samples; at least one. A memory map is read only as far as needed.

    Returns
    -------
    ndarray of shape (n_constant,)
        Their values.
    """
    first = np.asarray(X[0])
    places = np.flatnonzero(first)
    for start in range(0, X.shape[0], ROWS):
        rows = X[start : start + ROWS]
        places = places[(rows[:, places] == first[places]).all(axis=0)]
        if not places.size:
            break
    return first[places]
