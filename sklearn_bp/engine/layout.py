"""How a layer's weights lie in memory, and the products that read them.

Dense layers hold (inputs, units) matrices and multiply through BLAS. Strongly pruned layers hold
the existing weights only: memory and time then follow the density.
"""

from dataclasses import dataclass

import numpy as np

from ..algorithms import NoArrays
from ..backends.arrays import array

COMPRESSED_DENSITY = 0.15
"""Layers of at most this density are held without the missing weights: denser ones are faster as
matrices."""

LEAST_COMPRESSED_SIZE = 20_000
"""Smaller matrices are kept whole."""

BLOCK = 64
"""Entries are held in rows of this many, padded, so that elementwise loops vectorise."""


def choose_layout(layer, mask):
    """Choose how a layer's weights are held.

    Parameters
    ----------
    layer : Layer
        The layer.
    mask : ndarray of bool, shape (n_rows, n_units), or None
        Weights that exist.

    Returns
    -------
    DenseLayout or CompressedLayout
        The layout.
    """
    stores_edges = layer.network.algo == "bp" and layer.network.n_inner_iter > 1
    if (
        mask is None
        or stores_edges
        or not layer.backend.compresses_weights
        or mask.size < LEAST_COMPRESSED_SIZE
        or mask[: layer.n_inputs].mean() > COMPRESSED_DENSITY
    ):
        return DenseLayout(layer)
    return CompressedLayout(layer, mask)


@dataclass
class TransposedArrays:
    """Arrays of a mini-batch with the samples last, so that loops over samples are contiguous.

    Attributes
    ----------
    rows_across, rows_across_out : device array of shape (N, M)
        Of the inputs.
    units_across, units_across_out : device array of shape (K, M)
        Of the units.
    edge_parameters_across : device array of shape (3, K, M)
        What g of an edge needs besides ω.
    """

    rows_across: object = array("inputs", "samples")
    rows_across_out: object = array("inputs", "samples")
    units_across: object = array("units", "samples")
    units_across_out: object = array("units", "samples")
    edge_parameters_across: object = array(3, "units", "samples")


class DenseLayout:
    """Weights as matrices, the rows that have a precision last.

    Attributes
    ----------
    shape, precision_shape : tuple of int
        Shapes of weight arrays and of precision arrays.
    constant_start : int
        First row of the constant input's weights.
    compressed : bool
        False.
    scratch : type
        Dataclass of the mini-batch arrays that the products need.
    """

    compressed = False
    scratch = NoArrays

    def __init__(self, layer):
        self._backend = layer.backend
        self.shape = (layer.n_rows, layer.n_units)
        self.precision_shape = (layer.n_precision_rows, layer.n_units)
        self.constant_start = layer.n_inputs

    def pack(self, array, padding=0):
        """Bring a host matrix into this layout.

        Parameters
        ----------
        array : ndarray of shape (rows, n_units)
            All rows, or those that have a precision.
        padding : float
            Of no meaning here.

        Returns
        -------
        ndarray
            The array to copy to the device.
        """
        return array

    def unpack(self, array):
        """Bring a host copy of a weight array back to a matrix.

        Parameters
        ----------
        array : ndarray
            In this layout.

        Returns
        -------
        ndarray of shape (rows, n_units)
            The matrix.
        """
        return array

    def up(self, x, weight, out):
        """Compute out = x W, from inputs (M, N) to units (M, K)."""
        self._backend.matmul(x, weight, out)

    def up_pair(self, first, second):
        """Compute two products up, each given as ``(x, weight, out)``."""
        self._backend.matmul_pair(first, second)

    def down(self, g, weight, out):
        """Compute out = g Wᵀ, from units (M, K) to inputs (M, N)."""
        self._backend.matmul(g, weight.T, out)

    def down_pair(self, first, second):
        """Compute two products down, each given as ``(g, weight, out)``."""
        self._backend.matmul_pair(*((g, weight.T, out) for g, weight, out in (first, second)))

    def collect(self, x, g, out):
        """Compute xᵀ g for every weight, a sum over samples."""
        self._backend.matmul(x.T, g, out)

    def collect_pair(self, first, second):
        """Compute two sums over samples, each given as ``(x, g, out)``."""
        self._backend.matmul_pair(*((x.T, g, out) for x, g, out in (first, second)))

    def constant_rows(self, array):
        """View the precisions of an intercept, which the others have none beside, as (1, K)."""
        return array

    @staticmethod
    def edge_sums(layer):
        """Compute B_in and H_in of a layer from exact cavity g, with node-level means."""
        batch = layer.batch
        layer.backend.edge_sums(
            layer.channel_above,
            batch.omega,
            layer.own.edge_parameters,
            batch.x,
            layer.weights.mean,
            layer.sample_weight,
            batch.down_field if layer.has_units_below else None,
            layer.terms[0],
        )


@dataclass(frozen=True)
class EntryIndex:
    """Where the entries of a compressed layer belong, as device arrays of integers.

    Attributes
    ----------
    row_start, row_end : array of shape (n_rows,)
        Entries of each input.
    units : array of shape (n_entries,)
        Unit of each entry (0 for padding, which no row covers).
    unit_start : array of shape (n_units + 1,)
        Places of each unit in the two arrays that follow.
    unit_rows, unit_entries : array of shape (n_existing,)
        Input and entry, unit by unit.
    padding : array of shape (n_entries - n_existing,)
        Entries that are no weights.
    """

    row_start: object
    row_end: object
    units: object
    unit_start: object
    unit_rows: object
    unit_entries: object
    padding: object


class CompressedLayout:
    """Existing weights only, input by input; the constant input's come last, apart.

    Attributes
    ----------
    shape, precision_shape : tuple of int
        Shapes of weight arrays and of precision arrays, rows of :data:`BLOCK` entries.
    constant_start : int
        First row of the constant input's weights.
    compressed : bool
        True.
    scratch : type
        Dataclass of the mini-batch arrays that the products need.
    """

    compressed = True
    scratch = TransposedArrays

    def __init__(self, layer, mask):
        self._layer, self._backend = layer, layer.backend
        self._matrix_shape = mask.shape
        rows, units = np.nonzero(mask)
        constant = rows >= layer.n_inputs
        n_padded = _blocks(np.count_nonzero(~constant)) * BLOCK
        n_constant = _blocks(np.count_nonzero(constant))
        entries = np.concatenate(
            [np.arange(np.count_nonzero(~constant)), n_padded + np.arange(constant.sum())]
        )
        self._rows, self._units, self._entries = rows, units, entries
        self.shape = (n_padded // BLOCK + n_constant, BLOCK)
        self.constant_start = n_padded // BLOCK
        n_precision = self.shape[0] if layer.prior.has_precision else n_constant
        self.precision_shape = (n_precision, BLOCK)
        self.index = self._make_index(layer.n_units)

    def _make_index(self, n_units):
        """Build the index of entries by input and by unit, on the device."""
        n_rows = self._matrix_shape[0]
        first = np.searchsorted(self._rows, np.arange(n_rows))
        last = np.searchsorted(self._rows, np.arange(n_rows), side="right")
        # A row of no entries starts nowhere; it must only be empty.
        bounds = np.append(self._entries, 0)
        row_start = np.where(last > first, bounds[first], 0)
        row_end = row_start + (last - first)
        units = np.zeros(self.shape[0] * BLOCK, dtype=np.int64)
        units[self._entries] = self._units
        by_unit = np.argsort(self._units, kind="stable")
        unit_start = np.searchsorted(self._units[by_unit], np.arange(n_units + 1))
        arrays = (
            row_start,
            row_end,
            units,
            unit_start,
            self._rows[by_unit],
            self._entries[by_unit],
            np.setdiff1d(np.arange(units.size), self._entries),
        )
        return EntryIndex(*(self._backend.asarray(array.astype(np.int32)) for array in arrays))

    def pack(self, array, padding=0):
        """Bring a host matrix into this layout.

        Parameters
        ----------
        array : ndarray of shape (rows, n_units)
            All rows, or those that have a precision.
        padding : float
            Value of the entries that are no weights.

        Returns
        -------
        ndarray of shape (blocks, BLOCK)
            The entries.
        """
        skipped = self._matrix_shape[0] - array.shape[0]
        entries = self._entries - self._first_entry(array.shape[0])
        held = self._rows >= skipped
        packed = np.full(_blocks(entries[-1] + 1) * BLOCK, padding, dtype=array.dtype)
        packed[entries[held]] = array[self._rows[held] - skipped, self._units[held]]
        return packed.reshape(-1, BLOCK)

    def unpack(self, array):
        """Bring a host copy of a weight array back to a matrix, zero where no weight exists.

        Parameters
        ----------
        array : ndarray of shape (blocks, BLOCK)
            The entries.

        Returns
        -------
        ndarray of shape (rows, n_units)
            The matrix.
        """
        n_rows = self._matrix_shape[0]
        if array.shape[0] != self.shape[0]:
            n_rows = self._matrix_shape[0] - self._layer.n_inputs
        skipped = self._matrix_shape[0] - n_rows
        held = self._rows >= skipped
        matrix = np.zeros((n_rows, self._matrix_shape[1]), dtype=array.dtype)
        entries = self._entries - self._first_entry(n_rows)
        matrix[self._rows[held] - skipped, self._units[held]] = array.reshape(-1)[entries[held]]
        return matrix

    def _first_entry(self, n_rows):
        """Find the first entry of the last `n_rows` inputs: all of them, or the constant one."""
        return 0 if n_rows == self._matrix_shape[0] else (self.shape[0] * BLOCK - self._tail())

    def _tail(self):
        """Count the entries, padding included, of the constant input."""
        return _blocks(np.count_nonzero(self._rows >= self._layer.n_inputs)) * BLOCK

    def up(self, x, weight, out):
        """Compute out = x W, from inputs (M, N) to units (M, K)."""
        scratch, backend = self._layer.scratch, self._backend
        backend.transpose(x, scratch.rows_across)
        backend.compressed_up(scratch.rows_across, weight, self.index, scratch.units_across_out)
        backend.transpose(scratch.units_across_out, out)

    def up_pair(self, first, second):
        """Compute two products up, each given as ``(x, weight, out)``."""
        self.up(*first)
        self.up(*second)

    def down(self, g, weight, out):
        """Compute out = g Wᵀ, from units (M, K) to inputs (M, N)."""
        scratch, backend = self._layer.scratch, self._backend
        backend.transpose(g, scratch.units_across)
        backend.compressed_down(scratch.units_across, weight, self.index, scratch.rows_across_out)
        backend.transpose(scratch.rows_across_out, out)

    def down_pair(self, first, second):
        """Compute two products down, each given as ``(g, weight, out)``."""
        self.down(*first)
        self.down(*second)

    def collect(self, x, g, out):
        """Compute xᵀ g for every weight, a sum over samples."""
        scratch, backend = self._layer.scratch, self._backend
        backend.transpose(x, scratch.rows_across)
        backend.transpose(g, scratch.units_across)
        backend.compressed_collect(scratch.rows_across, scratch.units_across, self.index, out)

    def collect_pair(self, first, second):
        """Compute two sums over samples, each given as ``(x, g, out)``."""
        self.collect(*first)
        self.collect(*second)

    def constant_rows(self, array):
        """View the precisions of an intercept, which the others have none beside, as (1, K)."""
        return array.reshape(-1)[: self._layer.n_units].reshape((1, self._layer.n_units))

    def edge_sums(self, layer):
        """Compute B_in and H_in of a layer from exact cavity g, with node-level means."""
        batch, scratch = layer.batch, layer.scratch
        backend = self._backend
        backend.transpose(batch.omega, scratch.units_across)
        backend.transpose(layer.own.edge_parameters, scratch.edge_parameters_across)
        backend.transpose(batch.x, scratch.rows_across)
        backend.compressed_edge_sums(
            layer.channel_above,
            scratch.units_across,
            scratch.edge_parameters_across,
            scratch.rows_across,
            layer.weights.mean,
            layer.sample_weight,
            self.index,
            scratch.rows_across_out,
            layer.terms[0],
        )
        backend.transpose(scratch.rows_across_out, batch.down_field)


def _blocks(n_entries):
    """Count the blocks that hold a number of entries."""
    return -(-n_entries // BLOCK)
