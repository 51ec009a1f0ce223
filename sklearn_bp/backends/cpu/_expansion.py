"""The operations of the CPU backend that only the expansion of cavity messages needs."""

from . import expansion


class ExpansionOperations:
    """Part of :class:`CpuBackend`, which shares rows among threads in ``_run``."""

    expands_cavities = True
    """Whether the operations of this part exist; without them edges are summed exactly."""

    def input_scales(self, x, n_inputs, cap, largest, norm_sq):
        """Compute the largest |x̂| up to `cap`, and Σ x̂², of every sample."""
        kernel, cap = expansion.row_scales, x.dtype.type(cap)
        self._run(kernel, x.shape[0], x.size, x, n_inputs, cap, largest, norm_sq)

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

    def advance_row_power(self, power, x, scale):
        """Multiply powers of x̂ by x̂ / scale."""
        self._run(expansion.advance_row_power, x.shape[0], x.size, power, x, scale)

    def advance_column_power(self, power, mean, inverse_scale):
        """Multiply powers of m by m times the inverse scale."""
        kernel = expansion.advance_column_power
        self._run(kernel, mean.shape[0], mean.size, power, mean, inverse_scale)

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
        self, values, to_monomial, to_chebyshev, row_allowed, column_allowed, keep, terms
    ):
        """Turn values at the nodes into coefficients, keeping those that are good enough."""
        kernel = expansion.make_coefficients(to_monomial.shape[1], to_monomial.shape[0])
        self._run(
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
        )

    def pack_marked(self, keep, omega, parameters, exact_units, exact_count, exact_parameters):
        """Pack the pairs that must be summed exactly, and count them."""
        self._run(
            expansion.pack_marked,
            keep.shape[0],
            keep.size,
            keep,
            omega,
            parameters,
            exact_units,
            exact_count,
            exact_parameters,
        )
        return int(exact_count.sum())

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
        exact_units,
        exact_count,
        exact_parameters,
        x,
        mean,
        cap,
        sample_weight,
        g,
        down_field,
        field_in,
        n_inputs,
    ):
        """Sum the edges of marked (sample, unit) pairs exactly; `g` is scratch."""
        self._run(
            expansion.make_marked_edges(channel),
            n_inputs,
            n_inputs * x.shape[0] * 4,
            exact_units,
            exact_count,
            exact_parameters,
            x,
            mean,
            x.dtype.type(cap),
            sample_weight,
            g,
            down_field,
            field_in,
        )
