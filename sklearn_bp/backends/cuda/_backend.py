"""The CUDA backend's list of operations: the CPU backend's, on device arrays."""

import math
import weakref
from contextlib import nullcontext

import numpy as np
from scipy.sparse import issparse

from .._samples import kept_type
from . import activation, edges, elementwise, weights
from ._array import DeviceArray
from ._data import ResidentData, Rows, StreamedData
from ._expansion import ExpansionOperations
from ._labels import LabelOperations
from ._products import make_products
from ._record import DeviceRecord
from ._replay import Replays
from ._runtime import (
    DEVICE_BLOCKS,
    SIMULATED,
    SIMULATOR_BLOCKS,
    Stream,
    allocate,
    free_memory,
)

DATA_SHARE = 0.6
"""Share of the free memory that samples may take before they are streamed instead."""

EDGE_BLOCKS = 2048
"""Blocks that exact edges are shared among, if there are so many tiles."""


class CudaBackend(ExpansionOperations, LabelOperations):
    """Runs the engine's operations on a GPU, all in one stream.

    Nothing waits for the device but :meth:`to_host`, and nothing is allocated by an operation that
    has run before with the same shapes. Every sum has a fixed order, so that the same work gives
    the same bits.

    Parameters
    ----------
    blocks : BlockShape or None
        How threads are grouped; None for what fits the device (or the simulator).
    products : object or None
        What forms matrix products; None for cuBLAS, or the tiled kernel where it is not installed.
    """

    name = "cuda"

    def __init__(self, blocks=None, products=None):
        self.blocks = blocks or (SIMULATOR_BLOCKS if SIMULATED else DEVICE_BLOCKS)
        self.stream = Stream()
        self.products = products or make_products(self.stream, self.blocks, self.empty)
        self._replays = Replays(self.stream)
        self._scratch, self._interpolations = weakref.WeakKeyDictionary(), {}
        self._origin = self.zeros((1,), "int64")

    # Launching -----------------------------------------------------------------------------

    def launch(self, kernel, grid, block, *arguments):
        """Queue a kernel.

        Parameters
        ----------
        kernel : callable
            A compiled kernel.
        grid, block : int or tuple of int
            Blocks, and threads of a block.
        *arguments
            Device arrays and numbers.
        """
        raw = [one.data if isinstance(one, DeviceArray) else one for one in arguments]
        self.stream.launch(kernel, grid, block, *raw)

    def _each(self, kernel, size, *arguments):
        """Queue a kernel of one thread per entry of a list."""
        threads = self.blocks.columns * self.blocks.rows
        if size:
            grid = min(-(-size // threads), self.blocks.grid_rows)
            self.launch(kernel, grid, threads, *arguments)

    def _table(self, kernel, shape, *arguments, samples=None):
        """Queue a kernel of one thread per column, and so many rows, of a table (per sample)."""
        block = (self.blocks.columns, self.blocks.rows)
        columns = -(-shape[1] // block[0])
        rows = min(-(-shape[0] // block[1]), self.blocks.grid_rows)
        grid = (columns, rows)
        if samples is not None:
            grid = (*grid, min(samples, self.blocks.grid_rows))
        if math.prod(grid):
            self.launch(kernel, grid, block, *arguments)

    def _samples(self, kernel, n_blocks, *arguments):
        """Queue a kernel of so many blocks, as a rule one per sample, that add up in a row."""
        self.launch(kernel, n_blocks, self.blocks.row_threads, *arguments)

    # Arrays --------------------------------------------------------------------------------

    @staticmethod
    def empty(shape, dtype):
        """Allocate an array."""
        data = allocate(shape, np.dtype(dtype)) if math.prod(shape) else None
        return DeviceArray(data, shape, dtype)

    def zeros(self, shape, dtype):
        """Allocate an array of zeros."""
        return self.full(shape, 0, dtype)

    def full(self, shape, value, dtype):
        """Allocate a constant array."""
        array = self.empty(shape, dtype)
        self.fill(array, value)
        return array

    def asarray(self, array):
        """Bring a host array to the device."""
        array = np.ascontiguousarray(array)
        target = self.empty(array.shape, array.dtype)
        self.assign(array, target)
        return target

    def to_host(self, array):
        """Copy an array to the host, waiting for the device."""
        if not array.size:
            return np.empty(array.shape, array.dtype)
        return self.stream.download(array.data)

    def assign(self, source, target):
        """Copy a host array into a device array, casting."""
        if target.size:
            self.stream.upload(np.ascontiguousarray(source, target.dtype), target.data)

    def copy(self, source, target):
        """Copy one device array into another."""
        self._each(elementwise.copy, source.size, source.flat, target.flat)

    def fill(self, array, value):
        """Set all entries."""
        if array.size:
            self._each(elementwise.fill, array.size, array.flat, array.dtype.type(value))

    def fill_column(self, array, column, value):
        """Set a column of a two-dimensional array."""
        value = array.dtype.type(value)
        self._each(elementwise.fill_column, array.shape[0], array, column, value)

    def take(self, array, rows, out):
        """Gather entries of a one-dimensional array."""
        self._each(elementwise.take, out.size, array, rows.samples, rows.position, out)

    def put(self, source, rows, array):
        """Scatter entries into a one-dimensional array."""
        self._each(elementwise.put, source.size, source, rows.samples, rows.position, array)

    # Steps ---------------------------------------------------------------------------------

    def step_record(self, n_counters):
        """Make a record of what steps count: see :class:`DeviceRecord`."""
        return DeviceRecord(self, n_counters)

    @staticmethod
    def computing(multiply_adds):
        """Give operations what they need around them: nothing, the device has its own threads."""
        return nullcontext()

    def repeat(self, key, function, *arguments):
        """Call `function`, or replay what it launched for the same `key` before.

        Parameters
        ----------
        key : tuple
            Everything that decides what is launched: objects that are compared by identity.
        function : callable
            Launches work, changes nothing on the host that matters once it has returned, and
            returns a list of objects.
        *arguments
            Its arguments.

        Returns
        -------
        list
            What the function returned.
        """
        if all(getattr(part, "is_recordable", True) for part in key):
            return self._replays.run(key, function, *arguments)
        return function(*arguments)

    # Products ------------------------------------------------------------------------------

    def matmul(self, a, b, out):
        """Write the matrix product of `a` and `b`, either of which may be transposed."""
        self.products.matmul(a, b, out)

    def matmul_pair(self, first, second):
        """Write two products of the same shapes, each given as ``(a, b, out)``."""
        self.matmul(*first)
        self.matmul(*second)

    # Data ----------------------------------------------------------------------------------

    def load_data(self, X):
        """Copy the samples to the device, or prepare to stream them if they do not fit.

        Parameters
        ----------
        X : ndarray, memmap or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ResidentData or StreamedData
            What :meth:`load_rows` takes.
        """
        X = X.tocsr() if issparse(X) else X
        needed = math.prod(X.shape) * kept_type(X).itemsize
        fits = needed <= DATA_SHARE * free_memory()
        return ResidentData(self, X) if fits else StreamedData(self, X)

    def load_batch(self, X, y, sample_weight, earlier=None):
        """Bring a mini-batch that comes alone to the device.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (M, n_features)
            Its samples.
        y : ndarray of shape (M,)
            Its labels, as the output channel wants them.
        sample_weight : ndarray of shape (M,) or None
            How often each sample counts.
        earlier : tuple or None
            What the last call returned. If this mini-batch is of the same shape, it takes that
            memory, and the work recorded for the one serves the other.

        Returns
        -------
        X, y, rows, sample_weight : tuple
            What an engine's step takes.
        """
        if earlier is not None and self._fits(earlier, X, y, sample_weight):
            samples, labels, _, weights = earlier
            samples.assign(X)
            self.assign(y, labels)
            if weights is not None:
                self.assign(sample_weight, weights)
            return earlier
        indices = self.asarray(np.arange(X.shape[0]))
        rows = Rows(X.shape[0], indices, indices, self._origin, 0)
        weights = None if sample_weight is None else self.asarray(sample_weight)
        return ResidentData(self, X), self.asarray(y), rows, weights

    @staticmethod
    def _fits(batch, X, y, sample_weight):
        """Tell whether a mini-batch can take the memory of another."""
        samples, labels, _, weights = batch
        return (
            (samples.array.shape, samples.array.dtype) == (X.shape, kept_type(X))
            and labels.dtype == y.dtype
            and (weights is None) == (sample_weight is None)
        )

    def load_order(self, order):
        """Bring the indices of one mini-batch to the device."""
        order = np.asarray(order, dtype=np.int64)
        indices = self.asarray(order)
        return Rows(order.shape[0], indices, indices, self._origin, 0, order)

    @staticmethod
    def batches(X, order, batch_size):
        """Yield the rows of one mini-batch after another; the last one may have fewer."""
        yield from X.batches(np.asarray(order, dtype=np.int64), batch_size)

    def load_rows(self, X, rows, x, x_sq):
        """Read a mini-batch into `x`, and its squares into `x_sq`, leaving a constant column."""
        array, sources = X.locate(rows)
        shape = (rows.shape[0], array.shape[1])
        self._table(elementwise.load_rows, shape, array, sources, rows.position, x, x_sq)

    # Channels ------------------------------------------------------------------------------

    def moments(self, channel, omega, v, down_field, down_precision, x, x_var, x_sq, x_var_sum):
        """Compute x̂, Δ, x̂² and the sum of Δ of each sample."""
        kernel = activation.make_moments(channel, self.blocks.row_threads, omega.dtype.type)
        arguments = (omega, v, down_field, down_precision, x, x_var, x_sq, x_var_sum)
        self._samples(kernel, omega.shape[0], *arguments)

    def g_gamma(self, channel, down_field, down_precision, omega, v, g, gamma):
        """Compute g and Γ of an activation channel."""
        kernel = activation.make_g_gamma(channel)
        self._table(kernel, omega.shape, down_field, down_precision, omega, v, g, gamma)

    def point(self, channel, z, x):
        """Compute the deterministic activation; `x` may be `z`."""
        self._table(activation.make_point(channel), z.shape, z, x)

    def finish_v(self, v, offset, bad):
        """Complete V with an offset per sample; count what is not finite in the counter `bad`."""
        self._table(activation.finish_v, v.shape, v, offset, bad.state, bad.place)

    def finish_v_full(self, v, offset, bad):
        """Complete V with an offset per sample and unit; count as :meth:`finish_v` does."""
        self._table(activation.finish_v_full, v.shape, v, offset, bad.state, bad.place)

    def polynomial_rows(self, x, scale, terms, out):
        """Sum Σ_p (scale x)^p terms_p over samples and inputs."""
        self._table(elementwise.polynomial_rows, x.shape, x, scale, terms, out)

    def scale_rows(self, weight, source, out):
        """Multiply each row by its sample's weight."""
        self._table(elementwise.scale_rows, source.shape, weight, source, out)

    # Edges ---------------------------------------------------------------------------------

    compresses_weights = False
    """Pruned weights stay dense here."""

    def edge_parameters(self, channel, down_field, down_precision, v, parameters):
        """Compute what g of an edge needs besides ω."""
        kernel = edges.make_edge_parameters(channel)
        self._table(kernel, v.shape, down_field, down_precision, v, parameters)

    @staticmethod
    def _edge_grid(down_field, n_units, units_per_block, inputs_per_block):
        """Share edges among blocks: slices along the units, of which a block may have several."""
        n_rows = -(-down_field.shape[1] // inputs_per_block)
        n_tiles = -(-n_units // units_per_block)
        return min(n_tiles, max(1, EDGE_BLOCKS // n_rows)), n_rows

    def _slices(self, down_field, n_slices):
        """Make room for the slices of B_in, kept as long as the memory behind it."""
        shape = (n_slices, *down_field.shape)
        kept = self._scratch.setdefault(down_field.owner, {})
        if shape not in kept:
            kept[shape] = self.empty(shape, down_field.dtype)
        return kept[shape]

    def edge_sums(self, channel, omega, parameters, x, mean, sample_weight, down_field, field_in):
        """Compute H_in, and B_in unless it is None, from exact cavity g with node-level means."""
        blocks, wanted = self.blocks, down_field is not None
        kernel = edges.make_edge_sums(channel, blocks, omega.dtype.type, wanted)
        inputs = blocks.groups * blocks.inputs
        grid = self._edge_grid(x, omega.shape[1], blocks.lanes, inputs)
        down_partial = self._slices(down_field, grid[0]) if wanted else parameters
        arguments = (omega, parameters, x, mean, sample_weight, down_partial, field_in)
        self.launch(kernel, grid, (blocks.lanes, blocks.groups), *arguments)
        if wanted:
            self._table(edges.add_slices, down_field.shape, down_partial, down_field)

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
        blocks = self.blocks
        kernel = edges.make_edge_sums_cavity(channel, blocks, omega.dtype.type)
        grid = self._edge_grid(down_field, omega.shape[1], blocks.lanes, blocks.groups)
        down_partial = self._slices(down_field, grid[0])
        arguments = (omega, parameters, x_cav, m_cav, sample_weight, g_cav, down_partial, field_in)
        self.launch(kernel, grid, (blocks.lanes, blocks.groups), *arguments)
        self._table(edges.add_slices, down_field.shape, down_partial, down_field)

    def edge_omega(self, m_cav, x_cav, omega):
        """Sum ω from the edges."""
        self._table(edges.edge_omega, omega.shape, m_cav, x_cav, omega)

    def fill_x_cav(self, x, x_cav):
        """Start the activation means on the edges."""
        self._table(edges.fill_x_cav, x_cav.shape[1:], x, x_cav, samples=x_cav.shape[0])

    def fill_m_cav(self, mean, m_cav):
        """Start the weight means on the edges."""
        self._table(edges.fill_m_cav, m_cav.shape[1:], mean, m_cav, samples=m_cav.shape[0])

    def update_m_cav(
        self, prior, field, precision, mask, weight, damping, down_field, x_cav, m_cav, g_cav, first
    ):
        """Update the weight means on the edges, and turn g into the down cavities."""
        scalar = field.dtype.type
        self._table(
            edges.make_update_m_cav(prior, scalar),
            (precision.shape[0], field.shape[1]),
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
            samples=m_cav.shape[0],
        )

    def update_x_cav(self, channel, b_cav, down_precision, omega_below, v_below, x_cav):
        """Update the activation means on the edges."""
        kernel = edges.make_update_x_cav(channel)
        shape, samples = (omega_below.shape[1], x_cav.shape[2]), x_cav.shape[0]
        arguments = (b_cav, down_precision, omega_below, v_below, x_cav)
        self._table(kernel, shape, *arguments, samples=samples)

    # Weights -------------------------------------------------------------------------------

    def collect_field(self, terms, mean, scale):
        """Sum the polynomial terms of H_in into the first."""
        self._table(weights.collect_field, mean.shape, terms, mean, scale)

    def update(self, prior, bad, field_in, *arguments):
        """Update weights of a prior; count non-finite results in `bad`."""
        kernel = weights.make_update(prior, field_in.dtype.type)
        self._table(kernel, field_in.shape, bad.state, bad.place, field_in, *arguments)

    def apply_mask(self, mask, mean, variance):
        """Set pruned weights to zero."""
        self._table(weights.apply_mask, mask.shape, mask, mean, variance)

    def second_moment(self, mean, variance, out):
        """Compute E[w²] of every weight."""
        self._table(weights.second_moment, mean.shape, mean, variance, out)

    # Elementwise ---------------------------------------------------------------------------

    def multiply(self, a, b, out):
        """Write a b."""
        self._table(elementwise.multiply, a.shape, a, b, out)

    def add_product(self, target, a, b):
        """Add a b to the target."""
        self._table(elementwise.add_product, a.shape, target, a, b)

    def subtract_product(self, target, a, b):
        """Subtract a b from the target."""
        self._table(elementwise.subtract_product, a.shape, target, a, b)

    def subtract_from(self, a, target):
        """Replace the target by a − target."""
        self._table(elementwise.subtract_from, a.shape, a, target)

    def add(self, target, a):
        """Add `a` to the target."""
        self._table(elementwise.add, a.shape, target, a)

    def add_number(self, target, number):
        """Add a number to every entry."""
        self._table(elementwise.add_number, target.shape, target, target.dtype.type(number))

    def subtract_precision(self, target, a):
        """Subtract `a` from the precisions in the target, keeping them at least 0."""
        self._table(elementwise.subtract_precision, a.shape, target, a)
