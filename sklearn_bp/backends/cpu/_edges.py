"""The CPU backend's operations on edges, each of them evaluated."""

from . import edges
from ._memory import zeros_apart

VECTOR = 16
"""Units per vector, of the longest ones there are."""

MANY_SAMPLES = 8
"""Samples for which it pays to bring the weights of each of many units into one place."""

MANY_INPUTS = 256
"""Inputs from which vectors of them beat vectors of more than :data:`VECTOR` units."""

KEPT_ARRAYS = 40
"""Scratch arrays that are kept: a few per layer and size of mini-batch."""


class EdgeOperations:
    """Cavity messages without an expansion, and messages that stay on the edges."""

    def edge_parameters(self, channel, down_field, down_precision, v, parameters):
        """Compute what g of an edge needs besides ω."""
        kernel = edges.make_edge_parameters(channel)
        self._run(kernel, v.shape[0], v.size, down_field, down_precision, v, parameters)

    def edge_sums(self, channel, omega, parameters, x, mean, sample_weight, down_field, field_in):
        """Compute H_in, and B_in unless it is None, from exact cavity g with node-level means."""
        n_inputs, n_units = mean.shape
        pays = omega.shape[0] >= MANY_SAMPLES and n_inputs >= MANY_INPUTS
        along_inputs = n_inputs >= 2 * n_units and (pays or n_units <= VECTOR)
        rule = self._sums_along_inputs if along_inputs else self._sums_along_units
        work = mean.size * omega.shape[0]
        rule(channel, work, omega, parameters, x, mean, sample_weight, down_field, field_in)

    def _sums_along_inputs(
        self, channel, work, omega, parameters, x, mean, sample_weight, down_field, field_in
    ):
        """Sum edges with the inputs of a unit as vectors."""
        unit = self._scratch("unit", mean.dtype, (3, mean.shape[0]))
        kernel = edges.make_edge_sums_along_inputs(channel)
        arrays = omega, parameters, x, mean, sample_weight, unit, down_field, field_in
        self._run(kernel, mean.shape[0], work, *arrays)

    def _sums_along_units(
        self, channel, work, omega, parameters, x, mean, sample_weight, down_field, field_in
    ):
        """Sum edges with units as vectors, padded to whole ones.

        What is left over costs more than what is added.
        """
        n_samples, (n_inputs, n_units), dtype = omega.shape[0], mean.shape, mean.dtype
        width = -(-n_units // VECTOR) * VECTOR
        wide_omega = self._scratch("omega", dtype, (n_samples, width))
        wide_parameters = self._scratch("parameters", dtype, (3, n_samples, width))
        wide_mean = self._scratch(f"mean of {n_units}", dtype, (n_inputs, width))
        fields = self._scratch("fields", dtype, (n_inputs, width))
        edges.pad_units(omega, parameters, mean, wide_omega, wide_parameters, wide_mean)
        arrays = wide_omega, wide_parameters, x, wide_mean, sample_weight, down_field, fields
        self._run(edges.make_edge_sums(channel), n_inputs, work, *arrays, field_in)

    def _scratch(self, name, dtype, shape):
        """Give an array that is kept from call to call."""
        key = name, dtype, shape
        if key not in self._edge_scratch:
            if len(self._edge_scratch) >= KEPT_ARRAYS:
                self._edge_scratch.clear()
            self._edge_scratch[key] = zeros_apart(shape, dtype)
        return self._edge_scratch[key]

    def edge_sums_cavity(
        self,
        channel,
        omega,
        parameters,
        x_cav,
        m_cav,
        sample_weight,
        g_cav,
        down_field,
        field_in,
    ):
        """Compute B_in and H_in from exact cavity g with means on the edges."""
        kernel = edges.make_edge_sums_cavity(channel)
        self._run(
            kernel,
            field_in.shape[0],
            m_cav.size,
            omega,
            parameters,
            x_cav,
            m_cav,
            sample_weight,
            g_cav,
            down_field,
            field_in,
        )

    def edge_omega(self, m_cav, x_cav, omega):
        """Sum ω from the edges."""
        self._run(edges.edge_omega, omega.shape[0], m_cav.size, m_cav, x_cav, omega)

    def fill_x_cav(self, x, x_cav):
        """Start the activation means on the edges."""
        self._run(edges.fill_x_cav, x.shape[0], x_cav.size, x, x_cav)

    def fill_m_cav(self, mean, m_cav):
        """Start the weight means on the edges."""
        self._run(edges.fill_m_cav, m_cav.shape[0], m_cav.size, mean, m_cav)

    def update_m_cav(
        self, prior, field, precision, mask, weight, damping, down_field, x_cav, m_cav, g_cav, first
    ):
        """Update the weight means on the edges, and turn g into the down cavities."""
        kernel = edges.make_update_m_cav(prior)
        self._run(
            kernel,
            precision.shape[0],
            m_cav.size,
            field,
            precision,
            mask,
            weight,
            damping,
            down_field,
            x_cav,
            m_cav,
            g_cav,
            first,
        )

    def update_x_cav(self, channel, b_cav, down_precision, omega_below, v_below, x_cav):
        """Update the activation means on the edges."""
        kernel = edges.make_update_x_cav(channel)
        self._run(
            kernel,
            x_cav.shape[0],
            x_cav.size,
            b_cav,
            down_precision,
            omega_below,
            v_below,
            x_cav,
        )
