"""The operations of the CPU backend on pruned weights that are stored without the missing ones."""

import numpy as np

from . import compressed


class CompressedOperations:
    """Part of :class:`CpuBackend`, which shares rows among threads in ``_run``.

    `index` is an :class:`~sklearn_bp.engine.layout.EntryIndex` of device arrays; weights are
    arrays of any shape whose flat order is that of the entries.
    """

    compresses_weights = True
    """Whether the operations of this part exist; without them pruned weights stay dense."""

    @staticmethod
    def transpose(source, target):
        """Copy an array of two or, plane by plane, three dimensions, transposed."""
        np.copyto(target, source.swapaxes(-1, -2))

    def compressed_up(self, x, weight, index, out):
        """Sum products over the inputs of every unit; `x` (N, M), `out` (K, M)."""
        self._run(
            compressed.up,
            out.shape[0],
            index.units.size * out.shape[1],
            x,
            weight.reshape(-1),
            index.unit_start,
            index.unit_rows,
            index.unit_entries,
            out,
        )

    def compressed_down(self, g, weight, index, out):
        """Sum products over the units of every input; `g` (K, M), `out` (N, M)."""
        self._run(
            compressed.down,
            out.shape[0],
            index.units.size * out.shape[1],
            g,
            weight.reshape(-1),
            index.row_start,
            index.row_end,
            index.units,
            out,
        )

    def compressed_collect(self, x, g, index, out):
        """Sum products over samples for every entry; `x` (N, M), `g` (K, M)."""
        self._run(
            compressed.collect,
            x.shape[0],
            index.units.size * x.shape[1],
            x,
            g,
            index.row_start,
            index.row_end,
            index.units,
            out.reshape(-1),
        )
        out.reshape(-1)[index.padding] = 0

    def compressed_edge_sums(
        self, channel, omega, parameters, x, mean, sample_weight, index, down_field, field_in
    ):
        """Compute B_in and H_in from exact cavity g; all mini-batch arrays transposed."""
        self._run(
            compressed.make_edge_sums(channel),
            x.shape[0],
            index.units.size * x.shape[1],
            omega,
            parameters,
            x,
            mean.reshape(-1),
            sample_weight,
            index.row_start,
            index.row_end,
            index.units,
            down_field,
            field_in.reshape(-1),
        )
        field_in.reshape(-1)[index.padding] = 0
