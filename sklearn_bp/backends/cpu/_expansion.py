"""The operations of the CPU backend that only the expansion of cavity messages needs."""

import math
from functools import cache

import numpy as np

from . import expansion, expansion_bounds, expansion_edges
from ._blas import BLOCK
from ._threads import MULTIPLY_ADDS, STREAMED

EDGE_WORK = 8
"""An exact edge, in array elements touched by a simple kernel."""

VECTORISED = 4
"""Elements that a kernel passes through in the time of one, where it does little for each."""


class ExpansionOperations:
    """Part of :class:`CpuBackend`, which shares rows among threads in ``_run`` and ``_stream``."""

    cavity_expansion = "products"
    """Which way of expanding cavity messages these operations serve."""

    def input_scales(self, x, n_inputs, largest, norm_sq):
        """Compute the largest |x̂| and Σ x̂² of every sample."""
        dtype = x.dtype.type
        magnitude, least = _as_integers(dtype)
        integer = magnitude.dtype
        self._run(
            expansion.row_scales,
            x.shape[0],
            x.size // VECTORISED,
            x,
            x.view(integer),
            n_inputs,
            magnitude,
            least,
            largest.view(integer),
            norm_sq,
        )

    def weight_scales(self, mean, n_inputs, largest, norm_sq):
        """Compute the largest |m| and Σ m² of every unit."""
        tiles, work = -(-mean.shape[1] // expansion.COLUMN_TILE), mean.size // STREAMED
        self._run(expansion.column_scales, tiles, work, mean, n_inputs, largest, norm_sq, grain=1)

    def varying_inputs(self, x, order, n_inputs, out):
        """Copy the first `n_inputs` inputs of samples in an order; the others become zero."""
        self._stream(expansion.varying_inputs, x, x, order, n_inputs, out)

    def field_terms(self, inputs, order, scale, coefficients, n_rows, power, terms):
        """Compute Σ_n x̂ (x̂ / ξ)^p a_p for every power p; threads share the inputs.

        Parameters
        ----------
        inputs : ndarray of shape (M, N)
            x̂ that the series serves, zero elsewhere, the samples in an order.
        order : ndarray of int, shape (M,)
            That order.
        scale : ndarray of shape (M,)
            ξ, not in that order.
        coefficients : ndarray of shape (D, M, K)
            a_p, in that order.
        n_rows : sequence of D int
            How many samples have the power p, the first ones in that order.
        power : ndarray of shape (M, N)
            Overwritten.
        terms : ndarray of shape (at least D, N, K)
            Overwritten.
        """
        work = sum(n_rows) * coefficients.shape[2] * inputs.shape[1] // MULTIPLY_ADDS
        blocks = -(-inputs.shape[1] // BLOCK)
        shared = (inputs, order, scale, coefficients, n_rows, power, terms)
        self._run(_field_terms, blocks, work, *shared, grain=1)

    def down_terms(self, mean, n_inputs, inverse_scale, coefficients, n_rows, power, terms):
        """Compute Σ_k m (m / μ)^p a_p for every power p; threads share the inputs.

        Parameters
        ----------
        mean : ndarray of shape (N, K)
            m.
        n_inputs : int
            Inputs that have powers, the first ones.
        inverse_scale : ndarray of shape (K,)
            1 / μ.
        coefficients : ndarray of shape (D, M, K)
            a_p.
        n_rows : sequence of D int
            How many samples have the power p, the first ones.
        power : ndarray of shape (N, K)
            Overwritten for the inputs that have powers.
        terms : ndarray of shape (at least D, M, N)
            Overwritten.
        """
        work = sum(n_rows) * mean.size // MULTIPLY_ADDS
        blocks = -(-mean.shape[0] // BLOCK)
        shared = (mean, n_inputs, inverse_scale, coefficients, n_rows, power, terms)
        self._run(_down_terms, blocks, work, *shared, grain=1)

    def sum_down_terms(self, x, order, degree, scale, terms, out):
        """Sum what goes down over the powers of each sample's degree."""
        self._run(expansion.sum_down_terms, x.shape[0], x.size, x, order, degree, scale, terms, out)

    @staticmethod
    def weighted_norms(g, row_weight, column_weight):
        """Compute Σ g² weighted by samples and, apart, by units."""
        return expansion_bounds.weighted_norms(g, row_weight, column_weight, 0, g.shape[0])

    @staticmethod
    def allowed_errors(total, n_pairs, norm_sq, tolerance, out):
        """Share the tolerance in the norm of a sum among its (sample, unit) pairs."""
        dtype = norm_sq.dtype.type
        expansion_bounds.allowed_errors(
            dtype(total), dtype(n_pairs), norm_sq, dtype(tolerance), out
        )

    def survey(
        self,
        channel,
        omega,
        parameters,
        row_scale,
        column_scale,
        interpolation,
        row_allowed,
        column_allowed,
        stride,
        values,
        tail,
        ratio_sq,
        spared,
        survey,
    ):
        """Tell how good each degree of the series would be, for every `stride`-th sample.

        `survey` holds what :func:`expansion_bounds.make_survey` writes for every row, and what
        :func:`expansion_bounds.summarise_survey` makes of it.

        Returns
        -------
        int
            How many samples were looked at.
        """
        nodes, _, to_chebyshev = interpolation
        squares, counts, *totals = survey
        rows = -(-omega.shape[0] // stride)
        work = rows * omega.shape[1] * nodes.shape[0]
        pairs = (omega, parameters, row_scale, column_scale)
        node_values = expansion.make_node_values(channel)
        self._run(node_values, rows, work, *pairs, nodes, stride, values, tail)
        self._run(
            expansion_bounds.make_survey(nodes.shape[0]),
            rows,
            work,
            values,
            to_chebyshev,
            row_allowed,
            column_allowed,
            stride,
            tail,
            ratio_sq,
            squares,
            counts,
        )
        expansion_bounds.summarise_survey(squares, counts, rows, spared, *totals)
        return rows

    def bounds(
        self,
        channel,
        omega,
        parameters,
        row_scale,
        column_scale,
        interpolation,
        row_allowed,
        column_allowed,
        values,
        tail,
        keep,
        neglected,
        squares,
    ):
        """Bound the error of every degree up to the largest, and mark what that one misses."""
        nodes, _, to_chebyshev = interpolation
        rows, work = omega.shape[0], values.size
        pairs = (omega, parameters, row_scale, column_scale)
        self._run(expansion.make_node_values(channel), rows, work, *pairs, nodes, 1, values, keep)
        self._run(
            expansion_bounds.make_bounds(nodes.shape[0]),
            rows,
            work,
            values,
            to_chebyshev,
            row_allowed,
            column_allowed,
            tail,
            keep,
            neglected,
            squares,
        )

    @staticmethod
    def choose_degrees(squares, top, budget, degree, order, rank, counts):
        """Give every sample the lowest degree for which all keep to a budget, and order them.

        Returns
        -------
        list of int
            How many samples have a degree of p or more, for p up to the largest one given.
        """
        expansion_bounds.choose_degrees(squares, top, budget, degree, order, rank, counts)
        return [count for count in counts.tolist() if count]

    def coefficients(self, values, to_monomial, degree, rank, keep, neglected, terms):
        """Write the coefficients of every sample, up to its degree, into its row."""
        self._run(
            expansion.make_terms(values.shape[0]),
            values.shape[1],
            terms.size // VECTORISED,
            values,
            to_monomial,
            degree,
            rank,
            keep,
            neglected,
            terms,
        )

    @staticmethod
    def pack_marked(keep, marked_samples, marked_count):
        """List the pairs that must be summed exactly, unit by unit, and count them."""
        return expansion_edges.pack_marked(keep, marked_samples, marked_count)

    def neglected_share(
        self,
        neglected,
        g,
        x,
        n_inputs,
        stride,
        x_scale,
        sample_weight,
        mean,
        m_scale,
        fields,
        down,
    ):
        """Compare the sums of neglected parts of g with those of g itself, for some inputs.

        Parameters
        ----------
        neglected : ndarray of shape (P, M, K)
            Coefficients of the Chebyshev polynomials from degree 2 on, zero where not neglected.
        g : ndarray of shape (M, K)
            g of every pair.
        x : ndarray of shape (M, N)
            x̂.
        n_inputs, stride : int
            Every `stride`-th of the first `n_inputs` inputs is looked at.
        x_scale, sample_weight : ndarray of shape (M,)
            ξ, and how often each sample counts.
        mean : ndarray of shape (N, K)
            Weight means.
        m_scale : ndarray of shape (K,)
            μ.
        fields : ndarray of shape (S, 3, K)
            Overwritten, for S inputs at least.
        down : bool
            Whether B_in is needed as well as H_in.

        Returns
        -------
        float
            Ratio of norms, the larger one of the two.
        """
        n_rows = -(-n_inputs // stride)
        squares = np.empty((n_rows, 4))
        self._run(
            expansion_bounds.make_neglected_squares(neglected.shape[0] + 2),
            n_rows,
            n_rows * g.size // STREAMED,
            neglected,
            g,
            x,
            stride,
            x_scale,
            sample_weight,
            mean,
            m_scale,
            fields,
            squares,
        )
        squares = squares.sum(axis=0)
        share = _ratio_of_norms(squares[0], squares[1])
        return max(share, _ratio_of_norms(squares[2], squares[3])) if down else share

    def scale_terms(self, sample_weight, order, terms, out):
        """Multiply coefficients of samples in an order by the samples' weights."""
        kernel = expansion.scale_terms
        work = terms.size // STREAMED
        self._run(kernel, terms.shape[1], work, sample_weight, order, terms, out)

    def constant_edges(
        self,
        channel,
        omega,
        parameters,
        x,
        mean,
        n_inputs,
        sample_weight,
        down_field,
        field_in,
    ):
        """Sum the edges of inputs from `n_inputs` on, the constant one, exactly."""
        self._run(
            expansion_edges.make_constant_edges(channel),
            mean.shape[0] - n_inputs,
            (mean.shape[0] - n_inputs) * omega.size,
            omega,
            parameters,
            x,
            mean,
            n_inputs,
            sample_weight,
            down_field,
            field_in,
        )

    def marked_edges(
        self,
        channel,
        marked_samples,
        marked_count,
        omega,
        parameters,
        x,
        mean,
        n_inputs,
        sample_weight,
        unit,
        down_field,
        field_in,
    ):
        """Sum the edges of marked (sample, unit) pairs exactly, over the first `n_inputs`."""
        self._run(
            expansion_edges.make_marked_edges(channel),
            n_inputs,
            n_inputs * int(marked_count.sum()) * EDGE_WORK,
            marked_samples,
            marked_count,
            omega,
            parameters,
            x,
            mean,
            sample_weight,
            unit,
            down_field,
            field_in,
        )


def product(a, b, out):
    """Write a part of a matrix product."""
    np.matmul(a, b, out=out)


def _field_terms(inputs, order, scale, coefficients, n_rows, power, terms, start, stop):
    """Write the terms of H_in of the inputs in some blocks."""
    for first in range(BLOCK * start, BLOCK * stop, BLOCK):
        end = min(first + BLOCK, inputs.shape[1])
        for p, rows in enumerate(n_rows):
            if p:
                expansion.make_row_power(p)(inputs, order, scale, rows, power, first, end)
            factor = power if p else inputs
            product(factor[:rows, first:end].T, coefficients[p, :rows], terms[p, first:end])


def _down_terms(mean, n_inputs, inverse_scale, coefficients, n_rows, power, terms, start, stop):
    """Write the terms of B_in of the inputs in some blocks."""
    for first in range(BLOCK * start, BLOCK * stop, BLOCK):
        end = min(first + BLOCK, mean.shape[0])
        for p, rows in enumerate(n_rows):
            if p:
                kernel = expansion.make_column_power(p)
                kernel(mean, inverse_scale, power, first, min(end, n_inputs))
            factor = power if p else mean
            product(coefficients[p, :rows], factor[first:end].T, terms[p, :rows, first:end])


@cache
def _as_integers(dtype):
    """See floats as integers: the mask of magnitudes, and the least scale."""
    integer = np.dtype(f"i{np.dtype(dtype).itemsize}").type
    return integer(np.iinfo(integer).max), dtype(expansion.LEAST_SCALE).view(integer)


def _ratio_of_norms(part_sq, whole_sq):
    """Divide two norms, given their squares; 0 if both are zero."""
    if whole_sq > 0:
        return math.sqrt(part_sq / whole_sq)
    return 0.0 if part_sq == 0 else math.inf
