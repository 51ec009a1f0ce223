"""The CPU backend's list of operations."""

from contextlib import contextmanager
from functools import cache

import numpy as np
from scipy.sparse import issparse

from .._samples import KEPT_TYPES, read_rows
from . import activation, elementwise, weights
from ._blas import BLOCK, SHARED_BY_BLAS, SINGLE_THREADED_BLAS, usable_threads
from ._compressed import CompressedOperations
from ._edges import EdgeOperations
from ._expansion import ExpansionOperations
from ._labels import LabelOperations
from ._memory import zeros_apart
from ._record import StepRecord
from ._threads import LEAST_WORK_PER_THREAD, MULTIPLY_ADDS, STREAMED, RowPool

ALIGNED = 16
"""Rows or columns that BLAS works on at a time."""

UPDATED = 4
"""Weights that are updated in the time in which a kernel computes one element."""


class CpuBackend(CompressedOperations, EdgeOperations, ExpansionOperations, LabelOperations):
    """Runs the engine's operations on NumPy arrays.

    Products go through BLAS, everything else through compiled kernels; threads share the rows of
    both.

    Parameters
    ----------
    n_threads : int or None
        Threads of products and kernels; None for as many as BLAS may use now.
    """

    name = "cpu"

    def __init__(self, n_threads=None):
        self._edge_scratch = {}
        self._pool = RowPool(usable_threads() if n_threads is None else n_threads)
        self._run = self._pool.run

    def _stream(self, kernel, array, *arguments):
        """Run a kernel over the rows of an array for whose elements it does next to nothing."""
        return self._pool.run(kernel, array.shape[0], array.size // STREAMED, *arguments)

    @staticmethod
    def computing(multiply_adds):
        """Give operations what they need around them, for as long as they take.

        Products run on this backend's threads, and not on BLAS's own, whose number would decide
        how they are rounded. Operations count what is not finite, and the engine raises errors of
        its own: NumPy's warnings say no more.

        Parameters
        ----------
        multiply_adds : int
            Of the largest product there will be; BLAS shares no small ones.

        Returns
        -------
        context manager
            To be entered around operations.
        """
        quiet = np.errstate(over="ignore", invalid="ignore")
        return quiet if multiply_adds < SHARED_BY_BLAS else _alone(quiet)

    # Arrays --------------------------------------------------------------------------------

    @staticmethod
    def zeros(shape, dtype):
        """Allocate an array of zeros."""
        return zeros_apart(shape, dtype)

    @staticmethod
    def full(shape, value, dtype):
        """Allocate a constant array."""
        array = zeros_apart(shape, dtype)
        array.fill(value)
        return array

    @staticmethod
    def asarray(array):
        """Bring a host array to the device."""
        return np.ascontiguousarray(array)

    @staticmethod
    def to_host(array):
        """Copy an array to the host."""
        return np.array(array)

    @staticmethod
    def assign(source, target):
        """Copy a host array into a device array, casting."""
        target[...] = source

    @staticmethod
    def copy(source, target):
        """Copy one device array into another."""
        np.copyto(target, source)

    @staticmethod
    def fill(array, value):
        """Set all entries."""
        array.fill(value)

    @staticmethod
    def fill_column(array, column, value):
        """Set a column of a two-dimensional array."""
        array[:, column] = value

    @staticmethod
    def take(array, rows, out):
        """Gather entries of a one-dimensional array."""
        out[...] = array[rows]

    @staticmethod
    def put(source, rows, array):
        """Scatter entries into a one-dimensional array."""
        array[rows] = source

    # Steps ---------------------------------------------------------------------------------

    @staticmethod
    def step_record(n_counters):
        """Make a record of what steps count: see :class:`StepRecord`."""
        return StepRecord(n_counters)

    @staticmethod
    def repeat(key, function, *arguments):
        """Call `function`; another backend may replay what it did for the same `key` instead."""
        return function(*arguments)

    # Products ------------------------------------------------------------------------------

    def matmul(self, a, b, out):
        """Write the matrix product of `a` and `b`, either of which may be transposed."""
        self._multiply((a, b, out))

    def matmul_pair(self, first, second):
        """Write two products of the same shapes, each given as ``(a, b, out)``, at once."""
        self._multiply(first, second)

    def _multiply(self, *products):
        """Share the larger side of products of the same shapes among threads, in whole blocks."""
        a, _, out = products[0]
        multiply_adds = out.size * a.shape[1]
        if multiply_adds >= SHARED_BY_BLAS:
            SINGLE_THREADED_BLAS.renew()
        work = len(products) * multiply_adds // MULTIPLY_ADDS
        # Whether there are blocks decides how a product is rounded: no matter how many threads.
        if max(out.shape) < 1.5 * BLOCK or work < 2 * LEAST_WORK_PER_THREAD:
            for a, b, out in products:
                # What np.matmul does before it calls BLAS takes as long as a small product.
                a.dot(b, out)
            return
        kernel = _multiply_rows if out.shape[0] >= out.shape[1] else _multiply_columns
        blocks = cut(max(out.shape))
        self._run(kernel, len(products) * len(blocks), work, products, blocks, grain=1)

    # Data ----------------------------------------------------------------------------------

    @staticmethod
    def load_data(X):
        """Take the samples as they are: rows are read when their mini-batch comes.

        Parameters
        ----------
        X : ndarray, memmap or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        object
            What :meth:`load_rows` takes.
        """
        return X.tocsr() if issparse(X) else np.asarray(X)

    @staticmethod
    def load_batch(X, y, sample_weight, earlier=None):
        """Take a mini-batch that comes alone as it is; see the CUDA backend's.

        Returns
        -------
        X, y, rows, sample_weight : tuple
            What an engine's step takes.
        """
        return CpuBackend.load_data(X), y, np.arange(X.shape[0]), sample_weight

    @staticmethod
    def load_order(order):
        """Bring sample indices to the device."""
        return np.asarray(order, dtype=np.int64)

    def batches(self, X, order, batch_size):
        """Yield the rows of one mini-batch after another; the last one may have fewer."""
        order = self.load_order(order)
        for start in range(0, order.shape[0], batch_size):
            yield order[start : start + batch_size]

    def load_rows(self, X, rows, x, x_sq):
        """Read a mini-batch into `x`, and its squares into `x_sq`, leaving a constant column."""
        source = X
        if issparse(X) or X.dtype not in KEPT_TYPES or not X.flags.c_contiguous:
            source, rows = read_rows(X, rows), np.arange(rows.shape[0])
        self._run(activation.load_rows, x.shape[0], x.size, source, rows, x, x_sq)

    # Channels ------------------------------------------------------------------------------

    def moments(self, channel, omega, v, down_field, down_precision, x, x_var, x_sq, x_var_sum):
        """Compute x̂, Δ, x̂² and the sum of Δ of each sample."""
        kernel = activation.make_moments(channel)
        self._run(
            kernel,
            omega.shape[0],
            omega.size,
            omega,
            v,
            down_field,
            down_precision,
            x,
            x_var,
            x_sq,
            x_var_sum,
        )

    def g_gamma(self, channel, down_field, down_precision, omega, v, g, gamma):
        """Compute g and Γ of an activation channel."""
        kernel = activation.make_g_gamma(channel)
        rows, size = omega.shape[0], omega.size
        self._run(kernel, rows, size, down_field, down_precision, omega, v, g, gamma)

    def point(self, channel, z, x):
        """Compute the deterministic activation; `x` may be `z`."""
        self._run(activation.make_point(channel), z.shape[0], z.size, z, x)

    def finish_v(self, v, offset, bad):
        """Complete V with an offset per sample; count what is not finite in the counter `bad`."""
        bad.value += self._stream(activation.finish_v, v, v, offset)

    def finish_v_full(self, v, offset, bad):
        """Complete V with an offset per sample and unit; count as :meth:`finish_v` does."""
        bad.value += self._stream(activation.finish_v_full, v, v, offset)

    def polynomial_rows(self, x, scale, terms, out):
        """Sum Σ_p (scale x)^p terms_p over samples and inputs; the terms are used up."""
        kernel = activation.polynomial_rows
        self._run(kernel, x.shape[0], terms.size // STREAMED, x, scale, terms, out)

    def scale_rows(self, weight, source, out):
        """Multiply each row by its sample's weight."""
        kernel = activation.scale_rows
        self._stream(kernel, source, weight, source, out)

    # Weights -------------------------------------------------------------------------------

    def collect_field(self, terms, mean, scale):
        """Sum the polynomial terms of H_in into the first."""
        kernel = weights.make_collect_field(terms.shape[0])
        self._run(kernel, mean.shape[0], terms.size // STREAMED, terms, mean, scale)

    def update(self, prior, bad, field_in, *arguments):
        """Update weights of a prior; count non-finite results in `bad`."""
        kernel, work = weights.make_update(prior), field_in.size // UPDATED
        bad.value += self._run(kernel, field_in.shape[0], work, field_in, *arguments)

    def apply_mask(self, mask, mean, variance):
        """Set pruned weights to zero."""
        self._stream(weights.apply_mask, mask, mask, mean, variance)

    def second_moment(self, mean, variance, out):
        """Compute E[w²] of every weight."""
        self._stream(weights.second_moment, mean, mean, variance, out)

    # Elementwise ---------------------------------------------------------------------------

    def multiply(self, a, b, out):
        """Write a b."""
        self._stream(elementwise.multiply, a, a, b, out)

    def add_product(self, target, a, b):
        """Add a b to the target."""
        self._stream(elementwise.add_product, a, target, a, b)

    def subtract_product(self, target, a, b):
        """Subtract a b from the target."""
        self._stream(elementwise.subtract_product, a, target, a, b)

    def subtract_from(self, a, target):
        """Replace the target by a − target."""
        self._stream(elementwise.subtract_from, a, a, target)

    @staticmethod
    def add(target, a):
        """Add `a` to the target."""
        np.add(target, a, out=target)

    @staticmethod
    def add_number(target, number):
        """Add a number to every entry."""
        target += target.dtype.type(number)

    def subtract_precision(self, target, a):
        """Subtract `a` from the precisions in the target, keeping them at least 0."""
        self._stream(elementwise.subtract_precision, a, target, a)


@contextmanager
def _alone(quiet):
    """Keep BLAS to one thread, within another context."""
    with SINGLE_THREADED_BLAS, quiet:
        yield


@cache
def cut(size):
    """Cut the rows or columns of a product into blocks, the same for any number of threads.

    Parameters
    ----------
    size : int
        How many there are.

    Returns
    -------
    list of slice
        Blocks of about :data:`BLOCK`.
    """
    width = -(-size // max(1, round(size / BLOCK)))
    width += -width % ALIGNED
    return [slice(first, min(first + width, size)) for first in range(0, size, width)]


def _multiply_rows(products, blocks, start, stop):
    """Write some blocks of rows of matrix products, those of one product after another's."""
    for number in range(start, stop):
        a, b, out = products[number // len(blocks)]
        rows = blocks[number % len(blocks)]
        np.matmul(a[rows], b, out=out[rows])


def _multiply_columns(products, blocks, start, stop):
    """Write some blocks of columns of matrix products, those of one product after another's."""
    for number in range(start, stop):
        a, b, out = products[number // len(blocks)]
        columns = blocks[number % len(blocks)]
        np.matmul(a, b[:, columns], out=out[:, columns])
