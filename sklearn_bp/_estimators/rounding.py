"""Rounding of weights to ±1 that keeps the pre-activations of their means."""

from copy import deepcopy
from dataclasses import replace
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval, validate_params

from ..backends import CpuBackend
from ..backends.cpu.rounding import LEAST_SQUARE, round_units
from ..channels import ACTIVATIONS
from ..engine.prediction import point_weights
from . import validation
from .fitted import check_fitted_network

CERTAIN_FIELD = 20.0
"""|H| of a weight that is certain: tanh H is 1 in every precision."""

ROWS = 4096
"""Samples whose activations are in memory at a time."""


@validate_params(
    {"n_layers": [Interval(Integral, 1, None, closed="left")], "free_scale": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def round_weights(estimator, X, *, n_layers=1, free_scale=True):
    """Round the weights of the first layers to ±1, so that pre-activations change little.

    A point network has the sign of each mean m. One by one these are the most probable weights, but
    together they shift what a unit makes of inputs that many uncertain weights share, such as
    pixels that are nearly always black. Here the ±1 weights w of a unit are those found to bring
    Σ_n ((s w − m) · x_n)², a sum over samples, down: from the signs of the means on, single weights
    are flipped as long as that helps. The factor s > 0 of the unit, the best one for its weights,
    is of no consequence for the sign of its pre-activation. The rounded weights are certain, and
    training can go on from there: the layers above adapt to them.

    Parameters
    ----------
    estimator : BPClassifier or BayesBPClassifier
        A fitted estimator with ±1 weights.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Samples, prepared as for the estimator's `fit`; their labels are not needed.
    n_layers : int, default=1
        How many layers, from the input up; the hidden layers at most. The inputs of a layer are the
        activations of the point network below it, whose weights are rounded already.
    free_scale : bool, default=True
        Whether units have a factor s; if not, it is 1. Units whose activation is not "sign" have
        none in any case: those above them would notice.

    Returns
    -------
    estimator : BPClassifier or BayesBPClassifier
        A new estimator. Its rounded weights have fields ±20, means ±1 and no variance, and the
        intercepts of units with a factor s are divided by it; all else is as it was.

    Raises
    ------
    TypeError
        If `estimator` is not one of this package.
    NotFittedError
        If it is not fitted.
    ValueError
        If weights to be rounded are not ±1, a parameter is out of range, or the samples are not
        allowed.

    See Also
    --------
    BPClassifier.coefs_ : The point network's weights.

    Notes
    -----
    The output layer is never rounded: only differences between its units matter, not how large its
    means are, and the means are far from ±1.

    To keep rounded weights while training goes on, give their layers a damping close to 1, such as
    0.999999: their units are certain of their signs, and one mini-batch can say much about weights.

    References
    ----------
    Method page, "Rounding that keeps pre-activations".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_bp import BPClassifier, round_weights
    >>> X, y = load_digits(return_X_y=True)
    >>> model = BPClassifier((51,), weight_prior="binary", max_iter=5, random_state=0).fit(X, y)
    >>> rounded = round_weights(model, X)
    >>> bool((abs(rounded.weight_means_[0]) == 1).all())
    True
    """
    check_fitted_network(estimator)
    network = estimator._network
    if n_layers > network.n_layers - 1:
        raise ValueError(
            f"n_layers must be at most the number of hidden layers, {network.n_layers - 1}; got "
            f"{n_layers}."
        )
    if any(network.prior(layer).name != "binary" for layer in range(n_layers)):
        raise ValueError(
            "round_weights needs weights with weight_prior='binary' in the layers that it rounds; "
            f"got an estimator with weight_prior={network.weight_prior!r}."
        )
    X = validation.validate_samples(estimator, X, estimator.dtype)
    posterior = list(estimator._current_posterior())
    free_scale = free_scale and network.activation == "sign"
    for layer in range(n_layers):
        second_moment = _second_moment(network, posterior[:layer], X)
        posterior[layer] = _round_layer(posterior[layer], second_moment, free_scale)
    rounded = deepcopy(estimator)
    rounded._hold(posterior)
    return rounded


def _second_moment(network, below, X):
    """Compute Σ_n x_n x_nᵀ of the inputs of the layer above some layers, in double precision."""
    n_inputs = network.layer_sizes[len(below)]
    weights = point_weights(network, below)
    total = np.zeros((n_inputs, n_inputs))
    for start in range(0, X.shape[0], ROWS):
        rows = _activations(network, weights, X[start : start + ROWS])
        total += rows.T @ rows
    return total


def _activations(network, weights, X):
    """Compute the activations of the point network after some layers."""
    backend, activation = CpuBackend(n_threads=1), ACTIVATIONS[network.activation]
    rows = np.asarray(X.toarray() if issparse(X) else X, dtype=np.float64)
    for weight in weights:
        z = rows @ weight[: rows.shape[1]]
        if network.intercept:
            z += weight[-1]
        rows = np.empty_like(z)
        backend.point(activation, z, rows)
    return rows


def _round_layer(posterior, second_moment, free_scale):
    """Round the weights of a layer, and let its intercepts follow."""
    n_inputs = len(second_moment)
    weights, scale = _closest_signs(posterior, second_moment, free_scale)
    field, mean, variance, precision = (
        array.copy()
        for array in (posterior.field, posterior.mean, posterior.variance, posterior.precision)
    )
    field[:n_inputs], mean[:n_inputs], variance[:n_inputs] = CERTAIN_FIELD * weights.T, weights.T, 0
    mean[n_inputs:] /= scale
    variance[n_inputs:] /= scale**2
    field[n_inputs:] *= scale
    # Of these layers only intercepts have a precision.
    precision *= scale**2
    return replace(posterior, field=field, mean=mean, variance=variance, precision=precision)


def _closest_signs(posterior, second_moment, free_scale):
    """Find a layer's ±1 weights w, one row per unit, and the factors s."""
    means = posterior.mean[: len(second_moment)].T.astype(np.float64)
    weights = np.where(means < 0, -1.0, 1.0)
    if posterior.mask is not None:
        weights *= posterior.mask[: len(second_moment)].T
    target, product = means @ second_moment, weights @ second_moment
    moments = LEAST_SQUARE * np.diagonal(second_moment)
    # Means whose pre-activations cancel ask for nothing; what is left of the sums is rounding.
    target[(means * target).sum(axis=1) <= means**2 @ moments] = 0
    agreement, square = (weights * target).sum(axis=1), (weights * product).sum(axis=1)
    cancelled = weights**2 @ moments
    sums = agreement, square, cancelled
    round_units(second_moment, target, weights, product, *sums, free_scale, 0, len(weights))
    scale = np.ones(len(weights))
    if free_scale:
        np.divide(agreement, square, out=scale, where=(agreement > 0) & (square > cancelled))
    return weights, scale
