"""Local energy: how the error of the point network grows when weights are flipped at random."""

from dataclasses import replace
from numbers import Integral

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from .._estimators import validation
from .._estimators.classifier import BPClassifier
from .._estimators.fitted import check_fitted_network
from ..backends import get_backend
from ..engine.prediction import point_weights

LARGEST_FLIP_PROBABILITY = 0.35
"""Where the profile ends unless told otherwise, as in the paper's appendix B.5."""

N_FLIP_PROBABILITIES = 8
"""Points of the profile unless told otherwise."""


@validate_params(
    {
        "flip_probabilities": ["array-like", None],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def local_energy(estimator, X, y, *, flip_probabilities=None, n_repeats=5, random_state=None):
    """Compute how much worse the point network gets when weights change sign at random.

    δE(p) = E_z[E(w∘z)] − E(w), where E is the share of samples that the point network w
    classifies wrongly and every z is −1 with probability p, else +1. A profile that stays low
    tells of a solution in a wide, flat region.

    Parameters
    ----------
    estimator : BPClassifier or BayesBPClassifier
        A fitted estimator; of either the point network is looked at.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Samples, prepared as for the estimator's `fit`.
    y : array-like of shape (n_samples,)
        Their labels.
    flip_probabilities : array-like of shape (n_probabilities,), default=None
        Probabilities p, in [0, 1]; None for 8 values from 0 to 0.35. Intercepts are never flipped.
    n_repeats : int, default=5
        Draws of z for every p, at least 1.
    random_state : int, RandomState instance or None, default=None
        Draws z.

    Returns
    -------
    sklearn.utils.Bunch
        With the attributes

        flip_probabilities : ndarray of shape (n_probabilities,)
            The p.
        error : float
            E(w), in [0, 1].
        local_energies : ndarray of shape (n_probabilities, n_repeats)
            E(w∘z) − E(w) of every draw.
        local_energies_mean : ndarray of shape (n_probabilities,)
            δE(p).
        local_energies_std : ndarray of shape (n_probabilities,)
            Standard deviation over the draws.

    Raises
    ------
    TypeError
        If `estimator` is not one of this package.
    NotFittedError
        If it is not fitted.
    ValueError
        If a parameter or the data are not allowed.

    See Also
    --------
    LocalEnergyDisplay : Plots it.

    References
    ----------
    Method page, "Local energy"; appendix B.5 of the paper.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BPClassifier
    >>> from sklearn_bp.inspection import local_energy
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> profile = local_energy(model, X, y, flip_probabilities=[0, 0.5], random_state=0)
    >>> float(profile.local_energies_mean[0])
    0.0
    """
    check_fitted_network(estimator)
    X = validation.validate_samples(estimator, X, estimator.dtype)
    y = validation.validate_labels(y, X)
    flip_probabilities = _check_probabilities(flip_probabilities)
    random_state = check_random_state(random_state)
    point = _point_posterior(estimator)
    error = _error(estimator, point, X, y)
    energies = np.array(
        [
            [
                _error(estimator, _flip(point, probability, random_state), X, y) - error
                for _ in range(n_repeats)
            ]
            for probability in flip_probabilities
        ]
    )
    return Bunch(
        flip_probabilities=flip_probabilities,
        error=error,
        local_energies=energies,
        local_energies_mean=energies.mean(axis=1),
        local_energies_std=energies.std(axis=1),
    )


def _check_probabilities(flip_probabilities):
    """Turn probabilities into an array, refusing what is none."""
    if flip_probabilities is None:
        return np.linspace(0, LARGEST_FLIP_PROBABILITY, N_FLIP_PROBABILITIES)
    array = np.asarray(flip_probabilities, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not ((array >= 0) & (array <= 1)).all():
        raise ValueError(
            "flip_probabilities must be a non-empty sequence of numbers in [0, 1]; got "
            f"{flip_probabilities!r}."
        )
    return array


def _point_posterior(estimator):
    """Take the posterior with the point weights in the place of the means.

    The point weights of this posterior are the same, and flipping them flips what it predicts
    with, even where a mean is zero.
    """
    network, posterior = estimator._network, estimator._current_posterior()
    weights = point_weights(network, posterior)
    return [
        (network.layer_sizes[layer], replace(one, mean=weight))
        for layer, (one, weight) in enumerate(zip(posterior, weights, strict=True))
    ]


def _flip(point, probability, random_state):
    """Change the sign of each weight with a probability; intercepts stay."""
    flipped = []
    for n_in, one in point:
        mean = one.mean.copy()
        mean[:n_in][random_state.random_sample((n_in, mean.shape[1])) < probability] *= -1
        flipped.append((n_in, replace(one, mean=mean)))
    return flipped


def _error(estimator, point, X, y):
    """Compute the share of samples that a point network classifies wrongly."""
    posterior = [one for _, one in point]
    backend = get_backend(estimator.device)
    probabilities = BPClassifier._probabilities(estimator._network, posterior, X, backend)
    return float(np.mean(estimator.classes_[probabilities.argmax(axis=1)] != y))
