"""The posterior of every layer's weights as host arrays: drawing a start, checking a given one."""

from dataclasses import dataclass, replace

import numpy as np

from ..backends.cpu.weights import make_update
from .network import INTERCEPT_PRIOR


@dataclass(eq=False)
class LayerPosterior:
    """Factorised posterior of one layer's weights, on the host.

    Rows are inputs; with an intercept the last row belongs to the constant input. Once it predicts,
    its arrays must not be written to.

    Attributes
    ----------
    field : ndarray of shape (n_rows, n_units)
        H, the natural parameter that the next step's prior is rho times of.
    mean : ndarray of shape (n_rows, n_units)
        m, damped; a step starts from it.
    variance : ndarray of shape (n_rows, n_units)
        σ, a variance.
    precision : ndarray of shape (n_precision_rows, n_units)
        G of the rows that have a precision, which are the last ones; no rows if there are none.
    mask : ndarray of bool, shape (n_rows, n_units), or None
        Weights that exist; None if all do.
    """

    field: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    precision: np.ndarray
    mask: np.ndarray | None

    def copy(self):
        """Copy all arrays.

        Returns
        -------
        LayerPosterior
            Independent of this one.
        """
        mask = None if self.mask is None else self.mask.copy()
        return replace(
            self,
            field=self.field.copy(),
            mean=self.mean.copy(),
            variance=self.variance.copy(),
            precision=self.precision.copy(),
            mask=mask,
        )


def moments(network, layer, field, precision):
    """Compute undamped means and the variances of a layer from its natural parameters.

    Parameters
    ----------
    network : Network
        The network.
    layer : int
        Index of the weight layer.
    field : ndarray of shape (n_rows, n_units)
        H.
    precision : ndarray of shape (n_precision_rows, n_units)
        G.

    Returns
    -------
    mean, variance : ndarray of shape (n_rows, n_units)
        Moments of every weight.
    """
    mean = np.empty_like(field)
    for group in network.row_groups(layer):
        prior, H, G = group.prior, field[group.rows], group.precision(precision, field)
        if prior.array_mean is None:
            mean[group.rows], _ = _learn_nothing(prior, H, G, H, damping=0)
        else:
            mean[group.rows] = prior.array_mean(H, G)
    return mean, variances(network, layer, mean, precision)


def variances(network, layer, mean, precision):
    """Compute the variances that belong to (damped) means.

    Parameters
    ----------
    network : Network
        The network.
    layer : int
        Index of the weight layer.
    mean : ndarray of shape (n_rows, n_units)
        m.
    precision : ndarray of shape (n_precision_rows, n_units)
        G.

    Returns
    -------
    ndarray of shape (n_rows, n_units)
        σ.
    """
    variance = np.empty_like(mean)
    for group in network.row_groups(layer):
        m, G = mean[group.rows], group.precision(precision, mean)
        _, variance[group.rows] = _learn_nothing(group.prior, m, G, m, damping=1)
    return variance


def _learn_nothing(prior, field, precision, mean, damping):
    """Compute m and σ of host arrays by the update of a sweep that learns nothing."""
    arrays = [np.ascontiguousarray(array) for array in (field, precision, mean)]
    (field, precision, mean), zeros = arrays, np.zeros(field.shape, field.dtype)
    new = [np.empty_like(zeros) for _ in range(4)]
    numbers = np.array([1, 0, 0, damping], field.dtype)
    make_update(prior)(
        field, precision, zeros, zeros, zeros, zeros, mean, *numbers, *new, 0, len(field)
    )
    return new[2], new[3]


def draw_posterior(network, random_state):
    """Draw the start of training.

    Weights are drawn as their prior says; an intercept starts at zero mean with the variance that
    the rest of its pre-activation has for inputs of unit variance.

    Parameters
    ----------
    network : Network
        The network.
    random_state : numpy.random.RandomState
        Source of randomness; the same state gives the same start on every device.

    Returns
    -------
    list of LayerPosterior
        One per weight layer.
    """
    return [_draw_layer(network, layer, random_state) for layer in range(network.n_layers)]


def _draw_layer(network, layer, random_state):
    """Draw one layer's start."""
    prior = network.prior(layer)
    n_in, n_out = network.layer_sizes[layer : layer + 2]
    field, precision = prior.draw(random_state, n_in, n_out, network.init_scale)
    mask = _draw_mask(network.density[layer], n_in, n_out, random_state)
    precision = np.empty((0, n_out)) if precision is None else precision
    if network.intercept:
        spread = network.init_scale**2 * (1 if prior is INTERCEPT_PRIOR else n_in)
        field = np.vstack([field, np.zeros((1, n_out))])
        precision = np.vstack([precision, np.full((1, n_out), 1 / spread)])
        mask = None if mask is None else np.vstack([mask, np.ones((1, n_out), dtype=bool)])
    field, precision = field.astype(network.dtype), precision.astype(network.dtype)
    mean, variance = moments(network, layer, field, precision)
    if mask is not None:
        mean, variance = mean * mask, variance * mask
    return LayerPosterior(field, mean, variance, precision, mask)


def _draw_mask(density, n_in, n_out, random_state):
    """Draw which weights exist: the nearest whole number to density * n_in * n_out, at random.

    None if all do, as it is where a posterior comes from elsewhere, or training would go on from it
    with other roundings.
    """
    if density == 1:
        return None
    size = n_in * n_out
    mask = np.zeros(size, dtype=bool)
    mask[random_state.permutation(size)[: max(1, round(density * size))]] = True
    return None if mask.all() else mask.reshape(n_in, n_out)
