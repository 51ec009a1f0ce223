"""The operations of the CPU backend that only the expansion of cavity messages needs."""

import numpy as np

from . import expansion

EDGE_WORK = 8
"""An exact edge, in array elements touched by a simple kernel."""


class ExpansionOperations:
    """Part of :class:`CpuBackend`, which shares rows among threads in ``_run``."""

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
        return self._run(expansion.count_heavy, x.shape[0], x.size, x, n_inputs, x.dtype.type(cap))

    def light_inputs(self, x, n_inputs, cap, out):
        """Copy x̂ up to `cap`, zero elsewhere."""
        kernel, cap = expansion.light_inputs, x.dtype.type(cap)
        self._run(kernel, x.shape[0], x.size, x, n_inputs, cap, out)

    def advance_row_power(self, power, x, scale, out):
        """Multiply powers of x̂ by x̂ / scale."""
        self._run(expansion.advance_row_power, x.shape[0], x.size, power, x, scale, out)

    def advance_column_power(self, power, mean, inverse_scale, out):
        """Multiply powers of m by m times the inverse scale."""
        kernel = expansion.advance_column_power
        self._run(kernel, mean.shape[0], mean.size, power, mean, inverse_scale, out)

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
        return expansion.pack_marked(keep, marked_samples, marked_count)

    @staticmethod
    def neglected_share(
        polynomials, neglected, g, x, cap, x_scale, sample_weight, mean, m_scale, down
    ):
        """Compare the sums of neglected parts of g with those of g itself, for some inputs.

        Parameters
        ----------
        polynomials : list of ndarray of shape (P,)
            Coefficients of powers of t = c / c_max of every part.
        neglected : ndarray of shape (D, M, K)
            What the parts are multiplied by.
        g : ndarray of shape (M, K)
            g of every pair.
        x : ndarray of shape (M, S)
            x̂ of the inputs.
        cap : float
            Inputs with |x̂| above do not count: no polynomial serves them.
        x_scale, sample_weight : ndarray of shape (M,)
            ξ, and how often each sample counts.
        mean : ndarray of shape (S, K)
            Weight means of the inputs.
        m_scale : ndarray of shape (K,)
            μ.
        down : bool
            Whether B_in is needed as well as H_in.

        Returns
        -------
        float
            Ratio of norms, the larger one of the two.
        """
        x = np.where(np.abs(x) <= cap, x, 0)
        x_ratio, m_ratio = x / x_scale[:, None], mean / m_scale
        x_power, m_power = np.ones_like(x), np.ones_like(mean)
        weighted = x * sample_weight[:, None]
        fields, messages = np.zeros_like(mean), np.zeros_like(x)
        for p in range(len(polynomials[-1])):
            for polynomial, part in zip(polynomials, neglected, strict=True):
                factor = polynomial[p] if p < len(polynomial) else 0
                if factor:
                    fields += factor * m_power * ((weighted * x_power).T @ part)
                if factor and down:
                    messages += factor * x_power * (part @ (mean * m_power).T)
            x_power *= x_ratio
            m_power *= m_ratio
        share = _ratio_of_norms(fields, weighted.T @ g)
        return max(share, _ratio_of_norms(messages, g @ mean.T)) if down else share

    def scale_terms(self, sample_weight, terms, out):
        """Multiply coefficients by the samples' weights."""
        kernel = expansion.scale_terms
        self._run(kernel, terms.shape[1], terms.size, sample_weight, terms, out)

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
            expansion.make_heavy_edges(channel),
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
        unit_mean,
        unit_field,
        down_field,
        field_in,
    ):
        """Sum the edges of marked (sample, unit) pairs exactly, over the first `n_inputs`."""
        self._run(
            expansion.make_marked_edges(channel),
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
            unit_mean,
            unit_field,
            down_field,
            field_in,
        )


def _ratio_of_norms(part, whole):
    """Divide the norms of two arrays; 0 if both are zero."""
    part, whole = np.linalg.norm(part), np.linalg.norm(whole)
    if whole > 0:
        return float(part / whole)
    return 0.0 if part == 0 else np.inf
