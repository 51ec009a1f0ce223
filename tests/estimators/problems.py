"""Small problems that the tests of the estimators share: iris, standardised."""

import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.priors import PRIORS as RECORDS

ESTIMATORS = [BPClassifier, BayesBPClassifier]
ALGORITHMS = ["bp", "bpi", "mf", "amp"]
PRIORS = list(RECORDS)

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
X.flags.writeable = Y.flags.writeable = False

OUTPUTS = {
    "sign": (X[50:], Y[50:], {}),
    "pairwise": (X, Y, {}),
    "exact": (X, Y, {"argmax": "exact"}),
}
"""Samples, labels and parameters that lead to each output channel."""


def small(cls=BPClassifier, **parameters):
    """An estimator that trains in a moment."""
    return cls(**{"hidden_layer_sizes": (7,), "max_iter": 2, "random_state": 0, **parameters})


def batches(n_batches, n_samples=150, seed=3):
    """Rows of mini-batches that together hold every sample once."""
    return np.array_split(np.random.default_rng(seed).permutation(n_samples), n_batches)
