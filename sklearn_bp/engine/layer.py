"""One weight layer of a network in training: its weights and its mini-batch arrays on a device."""

import math
from functools import cached_property

import numpy as np

from ..algorithms import ALGORITHMS
from ..channels import ACTIVATIONS, OUTPUTS
from ..priors import PRIORS
from .layout import choose_layout
from .posterior import LayerPosterior


class Weights:
    """A layer's weight posterior on the device.

    Attributes
    ----------
    field, mean, variance : device array of the layout's shape
        H, m, σ.
    precision : device array of the layout's Gaussian shape
        G of the Gaussian rows, which are the last ones.
    binary, gaussian : tuple of three device arrays
        Views of H, m and σ: the rows of ±1 weights, and the Gaussian ones.
    """

    def __init__(self, backend, layout, dtype):
        moments = [backend.zeros(layout.shape, dtype) for _ in range(3)]
        self.field, self.mean, self.variance = moments
        self.precision = backend.zeros(layout.gaussian_shape, dtype)
        first = layout.shape[0] - layout.gaussian_shape[0]
        self.binary = tuple(array[:first] for array in moments)
        self.gaussian = tuple(array[first:] for array in moments)


class BatchMemory(dict):
    """Flat arrays by name, enough for the largest mini-batch so far; weak references work."""


class Layer:
    """A weight layer: weights, mini-batch arrays, and the channels on both sides.

    Weights are held several times: `committed` is the posterior the last step ended with and stays
    untouched until a step has succeeded; `weights` is what the running sweep reads.

    Parameters
    ----------
    network : Network
        The network.
    index : int
        Index of the weight layer.
    posterior : LayerPosterior
        Where it starts.
    backend : object
        A backend, see :mod:`sklearn_bp.backends`.
    below : Layer or None
        The layer whose units are this one's inputs.
    """

    def __init__(self, network, index, posterior, backend, below):
        self.network, self.index, self.backend, self.below = network, index, backend, below
        self.n_inputs = network.layer_sizes[index]
        self.n_rows = network.n_rows(index)
        self.n_units = network.layer_sizes[index + 1]
        self.n_gaussian = network.n_gaussian_rows(index)
        # In the arrays' precision, so that kernels do not compute in double.
        numbers = (
            network.likelihood_weight,
            network.rho[index],
            network.reinforcement,
            network.damping[index],
        )
        with np.errstate(over="ignore"):
            self.update_numbers = tuple(np.array(numbers).astype(network.dtype))
        self.likelihood_weight, *_, self.damping = self.update_numbers
        self.has_units_below = below is not None
        self.is_output = index == network.n_layers - 1
        self.plain_sums = network.plain_sums(index)
        self.prior = PRIORS[network.weight_prior]
        self.intercept_prior = PRIORS["gaussian"]
        self.activation = activation = ACTIVATIONS[network.activation]
        self.channel_below = activation if self.has_units_below else None
        self.output = OUTPUTS[network.output] if self.is_output else None
        self.channel_above = activation
        if self.is_output:
            self.channel_above = self.output.activation if self.output.factorized else None
        self.algorithm = ALGORITHMS[network.algo].for_layer(self.plain_sums)
        self._batch_arrays, self._integer_arrays = {}, set()
        self.memory, self._capacity = BatchMemory(), 0
        self._place = 0
        self.above, self.tolerance_used = None, 0.0
        self.keeps_own_v = self.has_cavity_log_z = False
        self.bad_variances, self.bad_weights = [], []
        self._declare_arrays(posterior)
        self.load(posterior)

    # Weights -------------------------------------------------------------------------------

    @property
    def committed(self):
        """The posterior the last successful step ended with."""
        return self._weights[0]

    @property
    def first_gaussian(self):
        """First row of weight arrays whose weights are Gaussian."""
        return self.layout.shape[0] - self.layout.gaussian_shape[0]

    @property
    def needs_second_moment(self):
        """Whether V or A need E[w²] per weight, which is 1 for dense ±1 weights."""
        if not self.has_units_below:
            return False
        return (
            self.prior.uses_precision
            or self.host_mask is not None
            or self.channel_below.uses_precision
        )

    def _declare_arrays(self, posterior):
        """Allocate weight arrays and say which arrays a mini-batch needs."""
        dtype = self.network.dtype
        self.host_mask = posterior.mask
        self.layout = layout = choose_layout(self, posterior.mask)
        self.up, self.down, self.collect = layout.up, layout.down, layout.collect
        n_spare = 2 if self.network.n_inner_iter > 1 else 1
        self._weights = [Weights(self.backend, layout, dtype) for _ in range(1 + n_spare)]
        self.mask = None
        if posterior.mask is not None and not layout.compressed:
            self.mask = self.backend.zeros(posterior.mask.shape, dtype)
            self.backend.assign(posterior.mask, self.mask)
        self.weight_array("precision_in", layout.gaussian_shape)
        if self.needs_second_moment:
            self.weight_array("second_moment")
        if self.prior.uses_precision:
            self.weight_array("precision_term")
        self.unit_scale = self.backend.full((layout.shape[1],), 1, dtype)
        self._declare_batch_arrays()
        self.algorithm.allocate(self)

    def _declare_batch_arrays(self):
        """Declare the arrays with one row per sample that every algorithm needs."""
        units, rows = self.n_units, self.n_rows
        for name in ("x", "x_sq", "x_var", "x_product", "down_field", "down_precision"):
            self.batch_array(name, (), rows)
        for name in ("omega", "v", "g", "gamma", "unit_product", "g_weighted_copy"):
            self.batch_array(name, (), units)
        self.batch_array("gamma_weighted_copy", (), units)
        for name in ("x_var_sum", "ones", "sample_weight_copy"):
            self.batch_array(name, ())
        if self.is_output:
            self._declare_label_arrays()

    def _declare_label_arrays(self):
        """Declare what labels need: their classes, log Z, and the messages of independent units."""
        self.label_noise = self.backend.full((1,), self.network.label_noise, self.network.dtype)
        self.batch_array("log_z", ())
        if not self.output.factorized:
            self.batch_integers("y")
            return
        self.batch_array("y", ())
        for name in ("label_field", "label_precision"):
            self.batch_array(name, (), self.n_units)

    def leave_labels_out(self):
        """Declare what :class:`LeaveOneOut` needs; before any mini-batch comes."""
        for name in ("own_v", "cavity_omega", "cavity_g", "cavity_gamma"):
            self.batch_array(name, (), self.n_units)
        self.batch_array("cavity_log_z", ())

    def load(self, posterior):
        """Replace the weights by a posterior given on the host.

        Parameters
        ----------
        posterior : LayerPosterior
            The posterior, of this layer's shapes.
        """
        committed = self._weights[0]
        for name in ("field", "mean", "variance", "precision"):
            # Padding of precisions must stay positive.
            packed = self.layout.pack(getattr(posterior, name), padding=name == "precision")
            self.backend.assign(packed, getattr(committed, name))
        self.restart()

    def unload(self):
        """Copy the committed posterior to the host.

        Returns
        -------
        LayerPosterior
            The posterior.
        """
        weights, to_host, unpack = self.committed, self.backend.to_host, self.layout.unpack
        arrays = (weights.field, weights.mean, weights.variance, weights.precision)
        mask = None if self.host_mask is None else self.host_mask.copy()
        return LayerPosterior(*(unpack(to_host(array)) for array in arrays), mask)

    def restart(self):
        """Let a step's first sweep start from the committed weights."""
        self.weights = self.previous_weights = self._weights[0]

    def commit(self, weights):
        """Make the weights that the step has reached the committed ones.

        Parameters
        ----------
        weights : Weights
            Some of this layer's arrays.
        """
        self._place = self._weights.index(weights)
        # In one assignment: an interruption from the keyboard must not find a list half changed.
        self._weights = [weights, *(one for one in self._weights if one is not weights)]

    def take_back(self, n_steps):
        """Return to the weights before the running step, or before the last ones committed.

        Parameters
        ----------
        n_steps : int
            Steps to take back; 0 for the running one. The arrays must have been left alone since.
        """
        for _ in range(n_steps):
            self._weights.insert(self._place, self._weights.pop(0))

    def next_weights(self):
        """Choose the arrays that this sweep's update writes: neither committed nor still read.

        Returns
        -------
        Weights
            The arrays.
        """
        running, previous = self.weights, self.previous_weights
        for weights in self._weights[1:]:
            if weights is not running and weights is not previous:
                return weights
        return next(weights for weights in self._weights[1:] if weights is not running)

    def advance(self, weights):
        """Let the next sweep read `weights`, and remember those of this one.

        Parameters
        ----------
        weights : Weights
            What this sweep's update wrote.
        """
        self.previous_weights, self.weights = self.weights, weights

    def row_groups(self):
        """List the layer's rows by prior.

        Returns
        -------
        list of (WeightPrior, int, device array)
            Prior, first row, and the precision rows of the group (of no meaning where the prior
            has none).
        """
        precision = self.weights.precision
        first = self.first_gaussian
        if self.prior.uses_precision:
            return [(self.prior, 0, precision)]
        groups = [(self.prior, 0, self.weights.field[:first])]
        if self.n_gaussian:
            groups.append((self.intercept_prior, first, precision))
        return groups

    # Arrays --------------------------------------------------------------------------------

    def array(self, name, shape):
        """Allocate an array of fixed shape as an attribute.

        Parameters
        ----------
        name : str
            The attribute.
        shape : tuple of int
            Its shape.
        """
        setattr(self, name, self.backend.zeros(shape, self.network.dtype))

    def weight_array(self, name, shape=None):
        """Allocate an array with one entry per weight as an attribute.

        Parameters
        ----------
        name : str
            The attribute.
        shape : tuple of int or None
            Its shape, if it is not the layout's.
        """
        self.array(name, self.layout.shape if shape is None else shape)

    def batch_array(self, name, leading, *trailing):
        """Declare an array with one entry per sample, as an attribute set by :meth:`bind`.

        Parameters
        ----------
        name : str
            The attribute.
        leading, *trailing : tuple of int, int
            The shape is ``(*leading, n_samples, *trailing)``.
        """
        self._batch_arrays[name] = (leading, trailing)

    def batch_integers(self, name, *trailing):
        """Declare an array of indices with one entry per sample, as :meth:`batch_array` does.

        Parameters
        ----------
        name : str
            The attribute.
        *trailing : int
            The shape is ``(n_samples, *trailing)``.
        """
        self._batch_arrays[name] = ((), trailing)
        self._integer_arrays.add(name)

    def bind(self, n_samples, terms):
        """Set the mini-batch arrays for a number of samples.

        Parameters
        ----------
        n_samples : int
            Samples of the mini-batch.
        terms : device array
            Flat memory that layers share for the terms of H_in, if not neighbours.
        """
        if n_samples > self._capacity:
            self.memory = BatchMemory(
                (
                    name,
                    self.backend.zeros(
                        (math.prod((*leading, n_samples, *trailing)),),
                        np.int32 if name in self._integer_arrays else self.network.dtype,
                    ),
                )
                for name, (leading, trailing) in self._batch_arrays.items()
            )
            self._capacity = n_samples
            self._fill_constants()
        for name, (leading, trailing) in self._batch_arrays.items():
            shape = (*leading, n_samples, *trailing)
            setattr(self, name, self.memory[name][: math.prod(shape)].reshape(shape))
        shape = (self.algorithm.n_terms(self), *self.layout.shape)
        self.terms = terms[: math.prod(shape)].reshape(shape)
        first = self.first_gaussian
        self.binary_field_in, self.gaussian_field_in = self.terms[0][:first], self.terms[0][first:]

    def _fill_constants(self):
        """Write the constant input and the vector of ones, which no kernel overwrites."""
        self.backend.fill(self.memory["ones"], 1)
        if self.network.intercept:
            for name in self.memory.keys() & {"x", "x_sq", "x_previous"}:
                rows = self.memory[name].reshape((self._capacity, self.n_rows))
                self.backend.fill_column(rows, self.n_inputs, 1)

    @cached_property
    def mask_or_ones(self):
        """Mask of dense weights, ones if all exist."""
        if self.mask is not None:
            return self.mask
        return self.backend.full(self.layout.shape, 1, self.network.dtype)

    @property
    def messages_above(self):
        """B and A that come down to this layer's units, from the layer above or from labels."""
        if self.is_output:
            return self.label_field, self.label_precision
        return self.above.down_field, self.above.down_precision

    def fill_edge_parameters(self):
        """Compute what g of an edge needs besides ω, from the messages coming down."""
        self.backend.edge_parameters(
            self.channel_above, *self.messages_above, self.v, self.edge_parameters
        )
