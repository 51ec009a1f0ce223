"""What is wrong with a training that went wrong, in words."""

import inspect
import os
import warnings

import numpy as np
import sklearn.base
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning

from ..engine.prediction import point_weights

ROWS_OF_DIAGNOSIS = 1000
"""Samples that a diagnosis looks at."""

FIRST_ROWS = 50
"""Samples that it predicts first, to see whether there is more than one class among them."""

LARGEST_GROWTH = 1e6
"""Growth of a mean over its start, or of a precision, beyond which it has run away."""

DEAD_SHARE = 0.5
"""Share of a layer's units that must be dead for a warning."""

ROWS_COMPARED = 4096
"""Samples that are compared at a time in the search for constant features."""

FEW = 0.1
"""Share of the features that counts as few."""

MOST = 0.9
"""Share of the sum of squares that counts as most of it."""

SHIFTED = 100.0
"""Ratio of the squares of means to the variances of features at which means drown the rest."""


def warn_of_failure(network, posterior, X, codes, classes, predict):
    """Warn of what makes the state reached useless.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        The state.
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Some training samples.
    codes : ndarray of int64, shape (n_samples,)
        Their classes, as positions in `classes`.
    classes : ndarray of shape (n_classes,)
        The class labels.
    predict : callable
        ``predict(rows) -> codes``, positions in `classes`; ValueError if outputs overflow.

    Warns
    -----
    ConvergenceWarning
        For every problem.
    """
    found = []
    for layer, one in enumerate(posterior):
        found += _runaway(network, layer, one)
    found += _dead_units(network, posterior, X)
    found += _one_class(X, codes, classes, predict)
    for problem in found:
        warnings.warn(problem, ConvergenceWarning, stacklevel=find_stack_level())


def _one_class(X, codes, classes, predict):
    """Tell whether samples of several classes are predicted as one, or cannot be predicted."""
    try:
        # Most often a few samples show two classes, and averages take their time.
        for n_rows in (FIRST_ROWS, X.shape[0]):
            predicted = predict(X[:n_rows])
            if (predicted != predicted[0]).any() or (codes == codes[0]).all():
                return []
    except ValueError as error:
        return [str(error)]
    return [
        f"Every one of {predicted.size} training samples is predicted as class "
        f"{classes[predicted[0]]}. Scale the features, balance the classes "
        "(class_weight='balanced'), or change rho or likelihood_weight."
    ]


def _runaway(network, layer, posterior):
    """Tell whether means or precisions of a layer have left every sensible range."""
    group = network.row_groups(layer)[-1]
    if group.prior.largest_mean < np.inf:
        return []
    n_rows = posterior.mean.shape[0]
    largest = float(np.abs(posterior.mean[group.rows]).max())
    start = network.init_scale / np.sqrt(n_rows)
    if largest > LARGEST_GROWTH * start:
        return [
            f"A weight of layer {layer} has run away: its mean is {largest:.3g}, and started near "
            f"{start:.3g}. Lower rho or likelihood_weight, scale the features, or use "
            "algo='amp', which is the most accurate for real weights."
        ]
    least = float(posterior.precision[group.precision_rows].min())
    if least <= group.prior.least_precision:
        return [
            f"Layer {layer} has forgotten what it knew of a weight: its precision has fallen to "
            f"{least:.3g}, the smallest there is. Raise rho."
        ]
    return []


def _dead_units(network, posterior, X):
    """Tell whether hidden units have an intercept larger than any input can answer."""
    if not network.intercept or X.shape[0] == 0:
        return []
    found = []
    largest = abs(X).max(axis=0)
    largest = np.asarray(largest.todense() if issparse(largest) else largest).ravel()
    for layer, weight in enumerate(point_weights(network, posterior)[:-1]):
        reach = largest.astype(np.float64) @ np.abs(weight[:-1], dtype=np.float64)
        dead = np.abs(weight[-1]) > reach
        if dead.mean() > DEAD_SHARE:
            found.append(
                f"{dead.sum()} of {dead.size} units of hidden layer {layer} are dead: whatever the "
                "sample, their intercept decides. Scale the features, or set fit_intercept=False."
            )
        if network.activation != "sign":
            break
        largest = np.ones(weight.shape[1])
    return found


def warn_of_uneven_features(X, network):
    """Warn where a few features, or the means, outweigh everything else.

    The start knows nothing of scales: every unit would see those features alone.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        The samples.
    network : Network
        The network.

    Warns
    -----
    UserWarning
        If a tenth of the features or less has nine tenths of the sum of squares, or the squares of
        the means are a hundred times the variances.
    """
    if issparse(X) or X.shape[0] < 2 or X.shape[1] < 3:
        return
    rows = np.asarray(X[:: max(1, X.shape[0] // ROWS_OF_DIAGNOSIS)], dtype=np.float64)
    mean, variance = rows.mean(axis=0), rows.var(axis=0)
    squares = np.sort(mean**2 + variance)[::-1]
    total = squares.sum()
    few = max(1, int(FEW * squares.size))
    uneven = squares[:few].sum() > MOST * total
    shifted = (mean**2).sum() > SHIFTED * variance.sum() > 0
    if uneven or shifted:
        what = (
            f"{few} of {squares.size} features make up {squares[:few].sum() / total:.0%} of the "
            "samples' squares"
            if uneven
            else "The means of the features are far larger than their standard deviations"
        )
        warnings.warn(
            f"{what}: the others will hardly be seen. Scale the features, for example with "
            "StandardScaler in a pipeline.",
            UserWarning,
            stacklevel=find_stack_level(),
        )


def find_stack_level():
    """Count the frames of this package and of scikit-learn's wrapper around `fit`.

    A warning then names the line that called `fit`.

    Returns
    -------
    int
        ``stacklevel`` for a warning from the function that calls this one.
    """
    package = os.path.dirname(os.path.dirname(__file__))
    ours, level = (package, sklearn.base.__file__), 0
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(ours):
        frame, level = frame.f_back, level + 1
    return level


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
    if network.rho[0] >= 1 or not network.prior(0).has_unit_square or issparse(X):
        return
    constants = constant_features(X)
    norm_sq = np.mean(np.sum(np.square(X[:ROWS_COMPARED], dtype=np.float64), axis=1))
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
    for start in range(0, X.shape[0], ROWS_COMPARED):
        rows = X[start : start + ROWS_COMPARED]
        places = places[(rows[:, places] == first[places]).all(axis=0)]
        if not places.size:
            break
    return first[places]
