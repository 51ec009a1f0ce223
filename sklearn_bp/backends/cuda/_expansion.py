"""The operations of the CUDA backend that only the expansion of cavity messages needs."""

from . import edges, expansion


class ExpansionOperations:
    """Part of :class:`CudaBackend`: every choice is made on the device, where the sums follow."""

    cavity_expansion = "fused"
    """Which way of expanding cavity messages these operations serve."""

    def weight_scales(self, mean, n_inputs, largest, norm_sq):
        """Compute the largest |m| and Σ m² of every unit."""
        kernel = expansion.make_weight_scales(self.blocks, mean.dtype.type)
        block = (self.blocks.columns, self.blocks.column_threads)
        self.launch(kernel, -(-mean.shape[1] // block[0]), block, mean, n_inputs, largest, norm_sq)

    def sample_scales(self, x, n_inputs, ratio, sample_weight, scale, inverse, cap, norm_sq):
        """Compute how far every sample's inputs reach up to its cap, and its weighted Σ x̂²."""
        scalar = x.dtype.type
        kernel = expansion.make_sample_scales(self.blocks.row_threads, scalar)
        arguments = (x, n_inputs, scalar(ratio), sample_weight, scale, inverse, cap, norm_sq)
        self._samples(kernel, x.shape[0], *arguments)

    def pair_norms(self, g, x_norm_sq, m_norm_sq, by_samples, by_units):
        """Compute Σ_k g² of every sample, weighted by samples and, apart, by units."""
        kernel = expansion.make_pair_norms(self.blocks.row_threads, g.dtype.type)
        self._samples(kernel, g.shape[0], g, x_norm_sq, m_norm_sq, by_samples, by_units)

    def share_tolerance(self, parts, n_pairs, norm_sq, tolerance, allowed):
        """Share the tolerance in the norm of a sum among its (sample, unit) pairs."""
        scalar = norm_sq.dtype.type
        kernel = expansion.make_share_tolerance(self.blocks.row_threads, scalar)
        arguments = (parts, scalar(n_pairs), norm_sq, scalar(tolerance), allowed)
        self._samples(kernel, 1, *arguments)

    def expand(
        self, channel, omega, parameters, x_scale, m_scale, allowed, interpolation, keep, terms
    ):
        """Expand g of every (sample, unit) pair; mark pairs by `allowed` errors, unless None."""
        nodes, to_monomial, to_chebyshev = self._on_device(interpolation)
        n_terms, n_nodes = to_monomial.shape
        bounded = allowed is not None
        kernel = expansion.make_expand(channel, n_nodes, n_terms, omega.dtype.type, bounded)
        self._table(
            kernel,
            omega.shape,
            omega,
            parameters,
            x_scale,
            m_scale,
            *(allowed if bounded else (x_scale, m_scale)),
            nodes,
            to_monomial,
            to_chebyshev,
            keep,
            terms,
        )

    def _on_device(self, interpolation):
        """Give device copies of an interpolation's matrices, made once."""
        key = (interpolation[1].shape, interpolation[1].dtype)
        if key not in self._interpolations:
            self._interpolations[key] = tuple(map(self.asarray, interpolation))
        return self._interpolations[key]

    def expanded_sums(
        self,
        channel,
        omega,
        parameters,
        terms,
        keep,
        x,
        x_inverse,
        x_cap,
        mean,
        m_scale,
        n_inputs,
        sample_weight,
        down_field,
        field_in,
    ):
        """Compute H_in, and B_in unless it is None, from expanded g where that is good enough."""
        blocks, wanted = self.blocks, down_field is not None
        kernel = expansion.make_expanded_sums(
            channel, blocks, omega.dtype.type, terms.shape[0], wanted
        )
        room, width = (down_field if wanted else x), blocks.lanes * blocks.units
        grid = self._edge_grid(room, omega.shape[1], width, blocks.groups * blocks.inputs)
        down_partial = self._slices(down_field, grid[0]) if wanted else terms
        self.launch(
            kernel,
            grid,
            (blocks.lanes, blocks.groups),
            omega,
            parameters,
            terms.flat,
            keep.flat,
            x,
            x_inverse,
            x_cap,
            mean,
            m_scale,
            n_inputs,
            sample_weight,
            down_partial,
            field_in,
        )
        if wanted:
            self._table(edges.add_slices, down_field.shape, down_partial, down_field)
