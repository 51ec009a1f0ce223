"""Predictions: a deterministic pass of point weights, or one pass of moments."""

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from ..channels import ACTIVATIONS, OUTPUTS

CHUNK_ROWS = 1024
"""Rows that are predicted at a time."""

ROW_MULTIPLE = 16
"""Chunks are padded to a multiple of this, so that a row's result does not depend on how many
others come with it: BLAS sums in another order for very few rows."""

LARGEST_OUTPUT = 1e90
"""Bound of ω and V of an output unit: ω/√V must stay in the range of the special functions."""

_DERIVED: WeakKeyDictionary = WeakKeyDictionary()
"""What a pass needs of a layer's posterior besides its arrays, as long as that exists: forming it
takes longer than the prediction of a few samples."""


def point_weights(network, posterior):
    """Compute the point weights, as their prior says, times the mask.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        The posterior.

    Returns
    -------
    list of ndarray of shape (n_rows, n_units)
        One per weight layer; with an intercept the last row is its mean.
    """
    return [_layer_point_weights(network, layer, one) for layer, one in enumerate(posterior)]


def _layer_point_weights(network, layer, posterior):
    """Compute the point weights of one layer."""
    weight = np.empty_like(posterior.mean)
    for group in network.row_groups(layer):
        rows = group.rows
        weight[rows] = group.prior.point(posterior.mean[rows], posterior.variance[rows])
    return weight if posterior.mask is None else weight * posterior.mask


def _derived(posterior, name, compute, *arguments):
    """Compute something of a layer's posterior, or remember it: the posterior does not change."""
    known = _DERIVED.setdefault(posterior, {})
    if name not in known:
        known[name] = compute(*arguments, posterior)
    return known[name]


def output_scale(network, posterior):
    """Compute the root mean square of the norms of the output units' point weights.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        The posterior.

    Returns
    -------
    float
        Above 0; for dense ±1 weights the square root of the number of inputs a unit has.
    """
    layer, last = len(posterior) - 1, posterior[-1]
    weights = _derived(last, "point weights", _layer_point_weights, network, layer)
    inputs = weights[: network.layer_sizes[layer]].astype(np.float64)
    return max(np.sqrt((inputs**2).sum(axis=0).mean()), np.finfo(np.float64).tiny)


def point_preactivation(network, posterior, X, backend):
    """Run the point network on samples.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        The posterior.
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        The samples.
    backend : object
        Where to compute.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        Pre-activations of the output units, finite.

    Raises
    ------
    ValueError
        If they overflow even double precision.
    """
    (z,) = _finite(_point_preactivation, network, posterior, X, backend)
    return z


def _point_preactivation(network, posterior, X, backend):
    """Run the point network in the network's precision."""
    weights = [
        backend.asarray(_derived(one, "point weights", _layer_point_weights, network, layer))
        for layer, one in enumerate(posterior)
    ]
    z = np.empty((X.shape[0], network.layer_sizes[-1]), network.dtype)
    buffers = _Buffers(network, backend)
    data = backend.load_data(X)
    activation = ACTIVATIONS[network.activation]
    for start, stop, rows in _chunks(X.shape[0]):
        arrays = buffers.bind(rows.shape[0])
        first = arrays[0]
        backend.load_rows(data, backend.load_order(rows), first["x"], first["x_sq"])
        for layer, (array, weight) in enumerate(zip(arrays, weights, strict=True)):
            backend.matmul(array["x"], weight, array["z"])
            if layer + 1 < len(arrays):
                backend.point(activation, array["z"], arrays[layer + 1]["x"])
        z[start:stop] = backend.to_host(arrays[-1]["z"])[: stop - start]
    return (z,)


def bayes_moments(network, posterior, X, backend):
    """Propagate moments through the network with no message from above (B = A = 0).

    Parameters
    ----------
    network, posterior, X, backend
        As in :func:`point_preactivation`.

    Returns
    -------
    omega, v : ndarray of shape (n_samples, n_outputs)
        Means and variances of the output units' pre-activations, finite.

    Raises
    ------
    ValueError
        If they overflow even double precision.
    """
    return _finite(_bayes_moments, network, posterior, X, backend)


def _bayes_moments(network, posterior, X, backend):
    """Propagate moments in the network's precision."""
    weights = [_device_moments(one, backend) for one in posterior]
    shape = (X.shape[0], network.layer_sizes[-1])
    omega, v = np.empty(shape, network.dtype), np.empty(shape, network.dtype)
    buffers = _Buffers(network, backend)
    data = backend.load_data(X)
    for start, stop, rows in _chunks(X.shape[0]):
        arrays = buffers.bind(rows.shape[0])
        first = arrays[0]
        backend.load_rows(data, backend.load_order(rows), first["x"], first["x_sq"])
        for layer, array in enumerate(arrays):
            if layer:
                _activation_moments(network, arrays[layer - 1], array, backend)
            _preactivation_moments(layer, array, weights[layer], backend)
        omega[start:stop] = backend.to_host(arrays[-1]["z"])[: stop - start]
        v[start:stop] = backend.to_host(arrays[-1]["v"])[: stop - start]
    return omega, v


def _finite(forward, network, posterior, X, backend):
    """Run a forward pass; again in double precision if it overflows single precision.

    Training that diverges is stopped at the last finite posterior, but squares and sums of its
    weights need not be finite.
    """
    largest = network.largest_product(min(X.shape[0], CHUNK_ROWS))
    with backend.computing(largest), np.errstate(all="ignore"):
        arrays = forward(network, posterior, X, backend)
        if not _are_finite(arrays) and network.dtype != np.float64:
            arrays = forward(*_in_double(network, posterior), X, backend)
    if not _are_finite(arrays):
        raise ValueError(
            "The network's outputs overflow: its weights, or the samples, are too large. Scale "
            "the samples, or train with a smaller rho or a larger damping."
        )
    return arrays


def _are_finite(arrays):
    """Tell whether probabilities can be computed from all numbers."""
    return all((abs(array.astype(np.float64)) < LARGEST_OUTPUT).all() for array in arrays)


def _in_double(network, posterior):
    """Give a network and its posterior in double precision."""
    layers = [
        replace(
            one,
            field=one.field.astype(np.float64),
            mean=one.mean.astype(np.float64),
            variance=one.variance.astype(np.float64),
            precision=one.precision.astype(np.float64),
        )
        for one in posterior
    ]
    return replace(network, dtype=np.dtype("float64")), layers


def class_probabilities(network, omega, v, backend):
    """Compute class probabilities from the moments of the output units.

    Parameters
    ----------
    network : Network
        The network.
    omega, v : ndarray of shape (n_samples, n_outputs)
        Means and variances of the output units' pre-activations.
    backend : object
        Where to compute.

    Returns
    -------
    ndarray of shape (n_samples, n_classes), float64
        a + b P, with P by the output's `log_z` of labels ±1, or P(argmax z = c) by quadrature for
        more classes; rows sum to 1.
    """
    omega, v = omega.astype(np.float64), v.astype(np.float64)
    output = OUTPUTS[network.output]
    v += output.unit_variance
    if output.factorized:
        log_z = [_label_log_z(output, label, omega, v, backend) for label in (-1, 1)]
        probabilities = np.exp(log_z).T
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    else:
        probabilities = backend.argmax_probabilities(omega, v)
    return add_label_noise(network, probabilities)


def _label_log_z(output, label, omega, v, backend):
    """Compute log Z of the same label for all samples."""
    y, log_z = np.full(omega.shape[0], float(label)), backend.zeros((omega.shape[0],), omega.dtype)
    backend.label_log_z(output, *(backend.asarray(array) for array in (y, omega, v)), log_z)
    return backend.to_host(log_z)


def add_label_noise(network, probabilities):
    """Turn probabilities that the network says a class into those of the label.

    Parameters
    ----------
    network : Network
        The network.
    probabilities : ndarray of shape (n_samples, n_classes)
        P(network says c), rows sum to 1.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        P(y = c) = a + b P(network says c).
    """
    if not network.label_noise:
        return probabilities
    share = network.label_noise / (network.n_classes - 1)
    return share + (1 - network.label_noise - share) * probabilities


def _device_moments(posterior, backend):
    """Bring mean, variance and second moment of a layer's weights to the device."""
    second_moment = _derived(posterior, "second moment", _second_moment)
    arrays = (posterior.mean, posterior.variance, second_moment)
    return tuple(backend.asarray(array) for array in arrays)


def _second_moment(posterior):
    """Compute E[w²] of a layer's weights."""
    return posterior.mean * posterior.mean + posterior.variance


def _activation_moments(network, below, array, backend):
    """Compute x̂, Δ and x̂² of a layer's inputs from the pre-activations below."""
    backend.moments(
        ACTIVATIONS[network.activation],
        below["z"],
        below["v"],
        array["down_field"],
        array["down_precision"],
        array["x"],
        array["x_var"],
        array["x_sq"],
        array["row_term"],
    )


def _preactivation_moments(layer, array, weights, backend):
    """Compute ω and V of a layer's units."""
    mean, variance, second_moment = weights
    backend.matmul(array["x"], mean, array["z"])
    backend.matmul(array["x_sq"], variance, array["v"])
    if layer:
        backend.matmul(array["x_var"], second_moment, array["v_term"])
    backend.finish_v_full(array["v"], array["v_term"], array["bad"])


def _chunks(n_samples):
    """Yield (start, stop, row indices padded by repeating the last row)."""
    for start in range(0, n_samples, CHUNK_ROWS):
        stop = min(start + CHUNK_ROWS, n_samples)
        padded = -(-(stop - start) // ROW_MULTIPLE) * ROW_MULTIPLE
        rows = np.minimum(np.arange(start, start + padded), stop - 1)
        yield start, stop, rows


class _Buffers:
    """Arrays of a forward pass, one set per weight layer, cut to the rows of a chunk."""

    def __init__(self, network, backend):
        self._network, self._backend = network, backend
        self._arrays, self._n_samples = [], 0
        self._bad = backend.step_record(1).counters[0]

    def bind(self, n_samples):
        """Give the arrays of every layer for a number of rows."""
        if n_samples != self._n_samples:
            self._n_samples = n_samples
            self._arrays = [self._allocate(layer) for layer in range(self._network.n_layers)]
        return self._arrays

    def _allocate(self, layer):
        """Allocate one layer's arrays, the constant input written."""
        network, backend, n = self._network, self._backend, self._n_samples
        rows, units = network.n_rows(layer), network.layer_sizes[layer + 1]
        arrays = {
            name: backend.zeros((n, rows), network.dtype)
            for name in ("x", "x_sq", "x_var", "down_field", "down_precision")
        }
        arrays |= {name: backend.zeros((n, units), network.dtype) for name in ("z", "v", "v_term")}
        arrays["row_term"] = backend.zeros((n,), network.dtype)
        arrays["bad"] = self._bad
        if network.intercept:
            backend.fill_column(arrays["x"], network.layer_sizes[layer], 1)
            backend.fill_column(arrays["x_sq"], network.layer_sizes[layer], 1)
        return arrays
