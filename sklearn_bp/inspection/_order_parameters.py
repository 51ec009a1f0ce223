"""Order parameters of the weight posterior: polarization of units and overlaps between them."""

import numpy as np

from .._estimators import posterior as posteriors
from .._estimators.fitted import check_fitted_network


def polarization(estimator):
    """Compute how certain the signs of the weights are, per layer.

    Parameters
    ----------
    estimator : BPClassifier or BayesBPClassifier
        A fitted estimator.

    Returns
    -------
    ndarray of shape (n_layers,)
        The q0 of every weight layer, in [0, 1]: the mean of m² over its existing ±1 weights, and
        of m² / (m² + σ) over real ones. Intercepts are left out. Near 0 the posterior knows
        little, at 1 it is a single network.

    Raises
    ------
    TypeError
        If `estimator` is not one of this package.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    overlaps : The same between different units.

    References
    ----------
    Method page, "Order parameters"; appendix B.8 of the paper.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BPClassifier
    >>> from sklearn_bp.inspection import polarization
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> polarization(model).shape
    (2,)
    """
    check_fitted_network(estimator)
    posterior = estimator._current_posterior()
    return np.array(posteriors.order_parameters(estimator._network, posterior)[0])


def overlaps(estimator):
    """Compute how alike the weights of the units of a layer are.

    Parameters
    ----------
    estimator : BPClassifier or BayesBPClassifier
        A fitted estimator.

    Returns
    -------
    list of ndarray of shape (n_out, n_out), float64
        The q_ab of every weight layer, symmetric, in [−1, 1]: the mean of m_i^a m_i^b over the
        inputs that units a and b both have (0 where there are none); real weights enter as
        m / √(m² + σ). On the diagonal stands the polarization of each unit. Intercepts are left
        out.

    Raises
    ------
    TypeError
        If `estimator` is not one of this package.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    mean_overlaps : One number per layer.
    polarization : The mean of the diagonal.

    References
    ----------
    Method page, "Order parameters"; appendix B.8 of the paper.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BPClassifier
    >>> from sklearn_bp.inspection import overlaps
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> [q.shape for q in overlaps(model)]
    [(11, 11), (3, 3)]
    """
    check_fitted_network(estimator)
    layers = zip(
        estimator.weight_means_, estimator.weight_variances_, estimator.weight_masks_, strict=True
    )
    return [
        _layer_overlaps(estimator._network.prior(number), *layer)
        for number, layer in enumerate(layers)
    ]


def mean_overlaps(estimator):
    """Compute the mean overlap of pairs of different units, per layer.

    Parameters
    ----------
    estimator : BPClassifier or BayesBPClassifier
        A fitted estimator.

    Returns
    -------
    ndarray of shape (n_layers,)
        Mean of q_ab over a ≠ b, each pair counting as often as it has common inputs; NaN for a
        layer of one unit, which has no pairs.

    Raises
    ------
    TypeError
        If `estimator` is not one of this package.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    overlaps : All of them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BPClassifier
    >>> from sklearn_bp.inspection import mean_overlaps
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> mean_overlaps(model).shape
    (2,)
    """
    check_fitted_network(estimator)
    posterior = estimator._current_posterior()
    return np.array(posteriors.order_parameters(estimator._network, posterior)[1])


def _layer_overlaps(prior, mean, variance, mask):
    """Compute the overlaps of one layer from m, σ and its mask, all (n_in, n_out)."""
    certain, exists = posteriors.certainties(prior, mean, variance), mask.astype(np.float64)
    shared = exists.T @ exists
    products = certain.T @ certain
    return np.divide(products, shared, out=np.zeros_like(products), where=shared > 0)
