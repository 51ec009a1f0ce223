"""One weight layer of a network in training: its weights and its mini-batch arrays on a device."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..algorithms import ALGORITHMS
from ..backends.arrays import Memory, array
from ..channels import ACTIVATIONS, OUTPUTS
from .layout import choose_layout
from .posterior import LayerPosterior


class Weights:
    """A layer's weight posterior on the device.

    Attributes
    ----------
    field, mean, variance : device array of the layout's shape
        H, m, σ.
    precision : device array of the layout's precision shape
        G of the rows that have a precision, which are the last ones.
    groups : list of tuple of four device arrays
        Views of H, G, m and σ, one tuple per group of rows; H in the place of a G that is not.
    """

    def __init__(self, backend, layout, dtype, groups):
        self.field, self.mean, self.variance = (
            backend.zeros(layout.shape, dtype) for _ in range(3)
        )
        self.precision = backend.zeros(layout.precision_shape, dtype)
        self.groups = [
            (
                self.field[group.rows],
                group.precision(self.precision, self.field),
                self.mean[group.rows],
                self.variance[group.rows],
            )
            for group in groups
        ]


@dataclass
class BatchArrays:
    """What every algorithm needs of a mini-batch: values of a layer's inputs and of its units.

    Attributes
    ----------
    x, x_sq, x_var : device array of shape (M, N)
        x̂, x̂², Δ of the inputs, the constant one included.
    down_field, down_precision : device array of shape (M, N)
        B_in and A_in, the messages that this layer sends to its inputs.
    x_product, unit_product : device array of shape (M, N), (M, K)
        Products of others, for the next sum.
    x_var_sum : device array of shape (M,)
        Σ_i Δ_in.
    omega, v, g, gamma : device array of shape (M, K)
        ω, V, g, Γ of the units.
    g_weighted_copy, gamma_weighted_copy : device array of shape (M, K)
        g and Γ times the weights of the samples.
    ones, sample_weight_copy : device array of shape (M,)
        1 for every sample, and the weights of the samples.
    """

    x: object = array("samples", "inputs", constant_input=True)
    x_sq: object = array("samples", "inputs", constant_input=True)
    x_var: object = array("samples", "inputs")
    x_product: object = array("samples", "inputs")
    down_field: object = array("samples", "inputs")
    down_precision: object = array("samples", "inputs")
    x_var_sum: object = array("samples")
    omega: object = array("samples", "units")
    v: object = array("samples", "units")
    g: object = array("samples", "units")
    gamma: object = array("samples", "units")
    unit_product: object = array("samples", "units")
    g_weighted_copy: object = array("samples", "units")
    gamma_weighted_copy: object = array("samples", "units")
    ones: object = array("samples", fill=1)
    sample_weight_copy: object = array("samples")


@dataclass
class ClassLabels:
    """Labels of an output that couples its units.

    Attributes
    ----------
    y : device array of int, shape (M,)
        Classes.
    log_z : device array of shape (M,)
        log Z of the labels.
    """

    y: object = array("samples", dtype=np.int32)
    log_z: object = array("samples")


@dataclass
class UnitLabels:
    """Labels of an output of independent units, as messages that come down to them.

    Attributes
    ----------
    y, log_z : device array of shape (M,)
        Labels ±1, and log Z of them.
    field, precision : device array of shape (M, K)
        B and A.
    """

    y: object = array("samples")
    log_z: object = array("samples")
    field: object = array("samples", "units")
    precision: object = array("samples", "units")


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
        self.n_precision_rows = network.n_precision_rows(index)
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
        self.prior = network.prior(index)
        self.activation = activation = ACTIVATIONS[network.activation]
        self.channel_below = activation if self.has_units_below else None
        self.output = OUTPUTS[network.output] if self.is_output else None
        self.channel_above = activation
        if self.is_output:
            self.channel_above = self.output.activation if self.output.factorized else None
        self.algorithm = ALGORITHMS[network.algo].for_layer(self.plain_sums)
        self._capacity = self._place = 0
        self.above, self.tolerance_used = None, 0.0
        self.left_out_arrays = None
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
    def needs_second_moment(self):
        """Whether V or A need E[w²] per weight."""
        if not self.has_units_below:
            return False
        return (
            not self.prior.has_unit_square
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
        self.groups = groups = self.network.row_groups(
            self.index, layout.constant_start, layout.shape[0]
        )
        self._weights = [Weights(self.backend, layout, dtype, groups) for _ in range(1 + n_spare)]
        self.mask = None
        if posterior.mask is not None and not layout.compressed:
            self.mask = self.backend.zeros(posterior.mask.shape, dtype)
            self.backend.assign(posterior.mask, self.mask)
        self.precision_in = self.backend.zeros(layout.precision_shape, dtype)
        if self.needs_second_moment:
            self.second_moment = self.backend.zeros(layout.shape, dtype)
        if self.prior.has_precision:
            self.precision_term = self.backend.zeros(layout.shape, dtype)
        self.unit_scale = self.backend.full((layout.shape[1],), 1, dtype)
        if self.is_output:
            self.label_noise = self.backend.full((1,), self.network.label_noise, dtype)
        self.memory = self._make_memory()

    def _make_memory(self):
        """Make the memory of the mini-batch arrays, empty as yet."""
        network, layout = self.network, self.layout
        sizes = dict(inputs=self.n_rows, units=self.n_units, weights=layout.shape)
        return Memory(self.backend, network.dtype, network.intercept, sizes)

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

    # Arrays of a mini-batch ------------------------------------------------------------------

    def bind(self, n_samples, terms):
        """Set the mini-batch arrays for a number of samples.

        Parameters
        ----------
        n_samples : int
            Samples of the mini-batch.
        terms : device array
            Flat memory that layers share for the terms of H_in.
        """
        if n_samples > self._capacity:
            self.memory, self._capacity = self._make_memory(), n_samples
        bind = self.memory.bind
        self.batch = bind(BatchArrays, n_samples)
        kind, sizes = self.algorithm.arrays(self)
        self.own = bind(kind, n_samples, **sizes)
        self.scratch = bind(self.layout.scratch, n_samples)
        if self.is_output:
            self.labels = bind(UnitLabels if self.output.factorized else ClassLabels, n_samples)
        if self.left_out_arrays is not None:
            self.left_out = bind(self.left_out_arrays, n_samples)
        shape = (self.algorithm.n_terms(self), *self.layout.shape)
        self.terms = terms[: math.prod(shape)].reshape(shape)
        field_in = self.terms[0]
        self.learned = [
            (group.prior, field_in[group.rows], group.precision(self.precision_in, field_in))
            for group in self.groups
        ]

    @cached_property
    def likelihood_weights(self):
        """The likelihood weight w, for every row of weights."""
        return self.backend.full(
            (self.layout.shape[0],), self.likelihood_weight, self.network.dtype
        )

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
            return self.labels.field, self.labels.precision
        return self.above.batch.down_field, self.above.batch.down_precision
