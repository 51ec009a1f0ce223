"""The operations of the CPU backend that only the expansion of cavity messages needs."""

import math

import numpy as np

from . import expansion, expansion_edges
from ._threads import STREAMED

EDGE_WORK = 8
"""An exact edge, in array elements touched by a simple kernel."""


class ExpansionOperations:
    """Part of :class:`CpuBackend`, which shares rows among threads in ``_run`` and ``_stream``."""

    cavity_expansion = "products"
    """Which way of expanding cavity messages these operations serve."""

    def input_scales(self, x, n_inputs, cap, largest, norm_sq):
        """Compute the largest |x̂| up to `cap`, and Σ x̂², of every sample."""
        integer = np.dtype(f"i{x.itemsize}").type
        self._run(
            expansion.row_scales,
            x.shape[0],
            x.size,
            x,
            x.view(integer),
            n_inputs,
            integer(np.iinfo(integer).max),
            x.dtype.type(cap).view(integer),
            largest.view(integer),
            norm_sq,
        )
        np.maximum(largest, expansion.LEAST_SCALE, out=largest)

    @staticmethod
    def weight_scales(mean, n_inputs, largest, norm_sq):
        """Compute the largest |m| and Σ m² of every unit."""
        expansion.column_scales(mean, n_inputs, largest, norm_sq)

    def count_heavy(self, x, n_inputs, cap):
        """Count the inputs with |x̂| above `cap`."""
        return self._stream(expansion.count_heavy, x, x, n_inputs, x.dtype.type(cap))

    def light_inputs(self, x, n_inputs, cap, out):
        """Copy x̂ up to `cap`, zero elsewhere."""
        kernel, cap = expansion.light_inputs, x.dtype.type(cap)
        self._stream(kernel, x, x, n_inputs, cap, out)

    def advance_row_power(self, power, x, scale, out):
        """Multiply powers of x̂ by x̂ / scale."""
        self._stream(expansion.advance_row_power, x, power, x, scale, out)

    def advance_column_power(self, power, mean, inverse_scale, out):
        """Multiply powers of m by m times the inverse scale."""
        kernel = expansion.advance_column_power
        self._stream(kernel, mean, power, mean, inverse_scale, out)

    @staticmethod
    def weighted_norms(g, row_weight, column_weight):
        """Compute Σ g² weighted by samples and, apart, by units."""
        return expansion.weighted_norms(g, row_weight, column_weight, 0, g.shape[0])

    @staticmethod
    def allowed_errors(total, n_pairs, norm_sq, tolerance, out):
        """Share the tolerance in the norm of a sum among its (sample, unit) pairs."""
        dtype = norm_sq.dtype.type
        expansion.allowed_errors(dtype(total), dtype(n_pairs), norm_sq, dtype(tolerance), out)

    def node_values(
        self, channel, omega, parameters, row_scale, column_scale, nodes, stride, values, decay
    ):
        """Evaluate g at the nodes of every `stride`-th sample, and the decay of its series."""
        rows = -(-omega.shape[0] // stride)
        self._run(
            expansion.make_node_values(channel),
            rows,
            rows * omega.shape[1] * nodes.shape[0],
            omega,
            parameters,
            row_scale,
            column_scale,
            nodes,
            stride,
            values,
            decay,
        )

    @staticmethod
    def survey(values, to_chebyshev, row_allowed, column_allowed, stride, tail, squares, counts):
        """Tell how good each degree of the series would be; how many samples were looked at."""
        rows = -(-row_allowed.shape[0] // stride)
        kernel = expansion.make_survey(to_chebyshev.shape[0], counts.shape[1])
        kernel(
            values, to_chebyshev, row_allowed, column_allowed, stride, rows, tail, squares, counts
        )
        return rows

    def coefficients(
        self,
        values,
        to_monomial,
        to_chebyshev,
        row_allowed,
        column_allowed,
        keep,
        terms,
        neglected,
    ):
        """Turn values at the nodes into coefficients, keeping those that are good enough.

        Returns
        -------
        float
            Sum of the squared error ratios of the pairs that are kept.
        """
        kernel = expansion.make_coefficients(to_monomial.shape[1], to_monomial.shape[0])
        return self._run(
            kernel,
            keep.shape[0],
            terms.size,
            values,
            to_monomial,
            to_chebyshev,
            row_allowed,
            column_allowed,
            keep,
            terms,
            neglected,
        )

    @staticmethod
    def pack_marked(keep, marked_samples, marked_count):
        """List the pairs that must be summed exactly, unit by unit, and count them."""
        return expansion_edges.pack_marked(keep, marked_samples, marked_count)

    def neglected_share(
        self,
        degree,
        neglected,
        g,
        x,
        n_inputs,
        stride,
        cap,
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
        degree : int
            Degree of the expansion.
        neglected : ndarray of shape (P, M, K)
            Coefficients of the Chebyshev polynomials of the P next degrees.
        g : ndarray of shape (M, K)
            g of every pair.
        x : ndarray of shape (M, N)
            x̂.
        n_inputs, stride : int
            Every `stride`-th of the first `n_inputs` inputs is looked at.
        cap : float
            Inputs with |x̂| above do not count: no polynomial serves them.
        x_scale, sample_weight : ndarray of shape (M,)
            ξ, and how often each sample counts.
        mean : ndarray of shape (N, K)
            Weight means.
        m_scale : ndarray of shape (K,)
            μ.
        fields : ndarray of shape (S, 2, K)
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
            expansion.make_neglected_squares(degree, degree + 1 + neglected.shape[0]),
            n_rows,
            n_rows * g.size // STREAMED,
            neglected,
            g,
            x,
            stride,
            x.dtype.type(cap),
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

    def scale_terms(self, sample_weight, terms, out):
        """Multiply coefficients by the samples' weights."""
        kernel = expansion.scale_terms
        self._run(kernel, terms.shape[1], terms.size // STREAMED, sample_weight, terms, out)

    def heavy_edges(
        self,
        channel,
        omega,
        parameters,
        x,
        mean,
        n_inputs,
        cap,
        sample_weight,
        down_field,
        field_in,
        first,
    ):
        """Sum the edges of constant inputs and of inputs with |x̂| above `cap`, exactly."""
        self._run(
            expansion_edges.make_heavy_edges(channel),
            mean.shape[0] - first,
            (mean.shape[0] - first) * omega.size,
            omega,
            parameters,
            x,
            mean,
            n_inputs,
            x.dtype.type(cap),
            sample_weight,
            down_field,
            field_in,
            first,
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
        cap,
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
            x.dtype.type(cap),
            sample_weight,
            unit,
            down_field,
            field_in,
        )


def _ratio_of_norms(part_sq, whole_sq):
    """Divide two norms, given their squares; 0 if both are zero."""
    if whole_sq > 0:
        return math.sqrt(part_sq / whole_sq)
    return 0.0 if part_sq == 0 else math.inf
