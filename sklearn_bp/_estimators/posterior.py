"""The posterior of a fitted estimator, as users see it: one array per layer and quantity.

Inside, a layer's constant input is the last row of its arrays; outside, as in scikit-learn's
multilayer perceptrons, intercepts are apart from weights.
"""

from collections.abc import Iterable

import numpy as np
from sklearn.utils import check_array

from ..engine.network import INTERCEPT_PRIOR
from ..engine.posterior import LayerPosterior, moments, variances
from ..engine.prediction import point_weights

PLAIN_TYPES = frozenset((bool, int, float, str, type(None)))
"""Types of values that are what they seem."""

POSTERIOR_ARGUMENTS = (
    "weight_fields",
    "weight_means",
    "weight_precisions",
    "weight_masks",
    "intercept_fields",
    "intercept_means",
    "intercept_precisions",
)
"""What :func:`assemble` takes besides the network."""


def _read_only(array):
    """View an array that must not be written through."""
    view = array.view()
    view.flags.writeable = False
    return view


def _have_precision(network):
    """Tell for each layer whether its weights, not only its intercepts, have a precision."""
    return [network.prior(layer).has_precision for layer in range(network.n_layers)]


def split(network, posterior, name):
    """Separate the weights' part of a quantity from the intercepts'.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        The posterior.
    name : {"field", "mean", "variance", "precision"}
        The quantity.

    Returns
    -------
    weights : list of ndarray of shape (n_in, n_out), or None
        Of precisions None if no layer's weights have one; if some have, None for the others.
    intercepts : list of ndarray of shape (n_out,), or None
        None without intercepts.
    """
    arrays = [getattr(layer, name) for layer in posterior]
    weights = intercepts = None
    shown = _have_precision(network) if name == "precision" else [True] * len(arrays)
    if any(shown):
        weights = [
            _read_only(array[:n_in]) if is_shown else None
            for array, n_in, is_shown in zip(arrays, network.layer_sizes, shown, strict=False)
        ]
    if network.intercept:
        intercepts = [_read_only(array[-1]) for array in arrays]
    return weights, intercepts


def masks(network, posterior):
    """List which weights exist.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        The posterior.

    Returns
    -------
    list of ndarray of bool, shape (n_in, n_out)
        One per layer.
    """
    shown = []
    for layer, one in enumerate(posterior):
        n_in, n_out = network.layer_sizes[layer : layer + 2]
        mask = np.ones((n_in, n_out), dtype=bool) if one.mask is None else one.mask[:n_in]
        shown.append(_read_only(mask))
    return shown


def point_network(network, posterior):
    """Compute the weights and intercepts of the deterministic network.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        The posterior.

    Returns
    -------
    coefs : list of ndarray of shape (n_in, n_out)
        Exactly ±1 or 0 for ±1 weights.
    intercepts : list of ndarray of shape (n_out,)
        Zeros without intercepts.
    """
    weights = point_weights(network, posterior)
    coefs = [weight[:n_in] for weight, n_in in zip(weights, network.layer_sizes, strict=False)]
    if network.intercept:
        return coefs, [weight[-1] for weight in weights]
    return coefs, [np.zeros(weight.shape[1], weight.dtype) for weight in weights]


def order_parameters(network, posterior):
    """Compute polarization and mean overlap of every layer, at the cost of a pass over its weights.

    With c = m / √(m² + σ), which is m for ±1 weights, these are means of products of c, over
    existing weights without the intercepts: of one with itself, and of two weights that different
    units give to the same input.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        The posterior.

    Returns
    -------
    polarizations : list of float
        In [0, 1]; how certain the weights' signs are, the method page's q0.
    overlaps : list of float
        In [−1, 1]; NaN where no two weights share an input.
    """
    polarizations, overlaps = [], []
    for layer, one in enumerate(posterior):
        n_in = network.layer_sizes[layer]
        certain = certainties(network.prior(layer), one.mean[:n_in], one.variance[:n_in])
        squares = np.einsum("ik,ik->i", certain, certain)
        n_units = np.full(n_in, certain.shape[1])
        if one.mask is not None:
            n_units = one.mask[:n_in].sum(axis=1)
        polarizations.append(float(squares.sum() / max(n_units.sum(), 1)))
        n_pairs = (n_units * (n_units - 1)).sum()
        products = np.square(certain.sum(axis=1)) - squares
        overlaps.append(float(products.sum() / n_pairs) if n_pairs else np.nan)
    return polarizations, overlaps


def certainties(prior, mean, variance):
    """Compute m / √(m² + σ) of weights: 1 for one that is known, 0 for one of unknown sign.

    Parameters
    ----------
    prior : WeightPrior
        Their prior.
    mean, variance : ndarray of shape (n_in, n_out)
        m and σ, zero where pruned.

    Returns
    -------
    ndarray of float64, shape (n_in, n_out)
        In [−1, 1]; zero where pruned.
    """
    mean = mean.astype(np.float64)
    if prior.has_unit_square:
        return mean
    # A mean this large is certain, and the square of a larger one could overflow.
    np.clip(mean, -1e150, 1e150, out=mean)
    norm = np.sqrt(mean * mean + variance)
    return np.divide(mean, norm, out=np.zeros_like(mean), where=norm > 0)


def assemble(network, **arguments):
    """Build a posterior from arrays given by a user, checking every shape and number.

    Parameters
    ----------
    network : Network
        The network.
    **arguments
        Lists with one array per layer under the names of :data:`POSTERIOR_ARGUMENTS`, or None.

    Returns
    -------
    list of LayerPosterior
        The posterior.

    Raises
    ------
    ValueError
        If an array is missing, superfluous, of the wrong shape, or has impossible values.
    """
    _check_presence(network, arguments)
    lists = {name: _check_list(network, name, arguments[name]) for name in POSTERIOR_ARGUMENTS}
    return [_assemble_layer(network, layer, lists) for layer in range(network.n_layers)]


def _check_presence(network, arguments):
    """Refuse what is missing and what has no meaning for the network."""
    some = any(_have_precision(network))
    rules = (
        ("weight_fields", True, True, ""),
        ("weight_precisions", some, some, f"weight_prior={network.weight_prior!r}"),
        ("intercept_fields", network.intercept, network.intercept, "fit_intercept=False"),
        ("intercept_precisions", network.intercept, network.intercept, "fit_intercept=False"),
        ("intercept_means", False, network.intercept, "fit_intercept=False"),
    )
    for name, needed, allowed, reason in rules:
        given = arguments[name] is not None
        if needed and not given:
            raise ValueError(f"{name} must be given for this estimator; got None.")
        if given and not allowed:
            raise ValueError(f"{name} must be None with {reason}.")


def _check_list(network, name, arrays):
    """Check the number, shapes and values of the arrays of one quantity."""
    if arrays is None:
        return [None] * network.n_layers
    if not isinstance(arrays, list | tuple) or len(arrays) != network.n_layers:
        raise ValueError(
            f"{name} must be a list of {network.n_layers} arrays, one per weight layer; got "
            f"{type(arrays).__name__} of length {len(arrays) if hasattr(arrays, '__len__') else 1}."
        )
    return [_check_one(network, name, layer, array) for layer, array in enumerate(arrays)]


def _check_one(network, name, layer, array):
    """Check an array of one layer."""
    n_in, n_out = network.layer_sizes[layer : layer + 2]
    shape = (n_in, n_out) if name.startswith("weight") else (n_out,)
    label = f"{name}[{layer}]"
    if name == "weight_masks" and array is None:
        return None
    prior = INTERCEPT_PRIOR if name.startswith("intercept") else network.prior(layer)
    if name == "weight_precisions" and not prior.has_precision:
        if array is not None:
            raise ValueError(f"{label} must be None with weight_prior={prior.name!r}.")
        return None
    dtype = None if name == "weight_masks" else network.dtype
    array = _to_numbers(label, array, dtype)
    if array.shape != shape:
        raise ValueError(f"{label} must have shape {shape}; got {array.shape}.")
    if name == "weight_masks":
        return _to_mask(label, array)
    if name.endswith("precisions") and array.min() < prior.least_precision:
        raise ValueError(
            f"{label} must not be below {prior.least_precision:g}, the smallest precision of a "
            f"weight; got {array.min():g}."
        )
    if name == "weight_means" and abs(array).max() > prior.largest_mean:
        raise ValueError(
            f"{label} must lie in [-{prior.largest_mean:g}, {prior.largest_mean:g}] for "
            f"weight_prior={prior.name!r}; got {abs(array).max():g}."
        )
    return array


def _to_numbers(label, array, dtype):
    """Copy an array, refusing what is no finite number."""
    try:
        # Numbers beyond the precision become infinite, which the check refuses.
        with np.errstate(over="ignore"):
            return check_array(array, dtype=dtype, ensure_2d=False, copy=True, input_name=label)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{label} must hold finite numbers: {error}") from error


def _to_mask(label, array):
    """Turn zeros and ones into a mask."""
    mask = array.astype(bool)
    if (mask != array).any():
        raise ValueError(
            f"{label} must hold nothing but True and False; got {np.unique(array).tolist()!r}."
        )
    return mask


def _assemble_layer(network, layer, lists):
    """Build a layer's posterior from checked arrays."""
    parts = {name: arrays[layer] for name, arrays in lists.items()}
    n_out = network.layer_sizes[layer + 1]
    field = _join(parts["weight_fields"], parts["intercept_fields"])
    precision = _join(parts["weight_precisions"], parts["intercept_precisions"])
    precision = np.empty((0, n_out), network.dtype) if precision is None else precision
    mean = _undamped_means(network, layer, field, precision)
    n_in = network.layer_sizes[layer]
    if parts["weight_means"] is not None:
        mean[:n_in] = parts["weight_means"]
    if parts["intercept_means"] is not None:
        mean[n_in:] = parts["intercept_means"]
    variance = variances(network, layer, mean, precision)
    mask = _complete_mask(network, parts["weight_masks"])
    if mask is not None:
        mean, variance = mean * mask, variance * mask
    return LayerPosterior(field, mean, variance, precision, mask)


def _undamped_means(network, layer, field, precision):
    """Compute the means that fields and precisions imply, refusing those that overflow."""
    with np.errstate(over="ignore"):
        mean, _ = moments(network, layer, field, precision)
    if not np.isfinite(mean).all():
        raise ValueError(
            f"The mean H / G of a weight of layer {layer} overflows dtype={network.dtype.name!r}: "
            "its field is too large for its precision."
        )
    return mean


def _join(weights, intercepts):
    """Put the intercepts' row under the weights' rows."""
    rows = [part for part in (weights, intercepts) if part is not None]
    return np.vstack(rows) if rows else None


def _complete_mask(network, mask):
    """Add the intercept's row to a mask; None if nothing is pruned."""
    if mask is None or mask.all():
        return None
    if network.intercept:
        mask = np.vstack([mask, np.ones((1, mask.shape[1]), dtype=bool)])
    return mask


def as_key(value):
    """Make a parameter's value comparable and hashable.

    Parameters
    ----------
    value : object
        Any value, not yet checked.

    Returns
    -------
    object
        The value; a tuple for a sequence.
    """
    # Asking whether something is iterable takes longer than all the rest of a key.
    if type(value) in PLAIN_TYPES or isinstance(value, str) or not isinstance(value, Iterable):
        return value
    return tuple(as_key(item) for item in value)


def is_constant(value):
    """Tell whether a parameter's value stays what it is, as a list need not.

    Parameters
    ----------
    value : object
        Any value, not yet checked.

    Returns
    -------
    bool
        True for numbers, strings and None, and for tuples of them.
    """
    parts = value if type(value) is tuple else (value,)
    return all(type(part) in PLAIN_TYPES for part in parts)
