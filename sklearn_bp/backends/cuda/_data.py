"""Samples on the device: copied once, or streamed in chunks where they do not fit.

A mini-batch is a place in an order of the samples, and the place is a number on the device that
every step moves on. So the same recorded work serves all mini-batches of a training.
"""

import numpy as np

from .._samples import kept_type, read_rows
from ._runtime import Event, pinned

CHUNK_BYTES = 128 * 2**20
"""Bytes that are brought to the device at a time, where samples are not copied as a whole."""


class Rows:
    """A mini-batch: a place in lists of indices on the device.

    Attributes
    ----------
    shape : tuple of int
        Number of samples, as NumPy would tell it.
    samples : DeviceArray
        Indices into labels and sample weights.
    sources : DeviceArray
        Indices into the samples on the device.
    position : DeviceArray of shape (1,)
        Where the mini-batch starts in both.
    advance : int
        How far a step moves the position on.
    host : ndarray or None
        The indices on the host, where the mini-batch stays the same.
    """

    def __init__(self, n_samples, samples, sources, position, advance, host=None):
        self.shape = (n_samples,)
        self.samples, self.sources, self.position = samples, sources, position
        self.advance, self.host = advance, host

    @property
    def is_recordable(self):
        """Whether work on it is worth recording: not if it comes once."""
        return self.host is None


class Schedule:
    """The lists of indices behind the mini-batches of an epoch.

    Parameters
    ----------
    backend : CudaBackend
        Where they are kept.
    n_samples, batch_size : int
        Length of the order, and samples per mini-batch.
    own_sources : bool
        Whether indices into the samples on the device differ from those into the labels.
    """

    def __init__(self, backend, n_samples, batch_size, own_sources):
        self._backend, self.batch_size = backend, batch_size
        self.samples = backend.empty((n_samples,), "int64")
        self.sources = backend.empty((n_samples,), "int64") if own_sources else self.samples
        self.position = backend.empty((1,), "int64")
        self.n_full, n_last = divmod(n_samples, batch_size)
        self._full, self._last = self._rows(batch_size), self._rows(n_last)

    def _rows(self, n_samples):
        """Make the mini-batch of so many samples at the current position."""
        return Rows(n_samples, self.samples, self.sources, self.position, n_samples)

    def start(self, order, sources):
        """Begin an epoch.

        Parameters
        ----------
        order : ndarray of int64
            Indices into labels and sample weights.
        sources : ndarray of int64 or None
            Indices into the samples on the device, where they differ.
        """
        self._backend.assign(order, self.samples)
        if sources is not None:
            self._backend.assign(sources, self.sources)
        self._backend.fill(self.position, 0)

    def __iter__(self):
        """Iterate over the mini-batches of an epoch."""
        for _ in range(self.n_full):
            yield self._full
        if self._last.shape[0]:
            yield self._last


class ResidentData:
    """Samples that are on the device as a whole.

    Parameters
    ----------
    backend : CudaBackend
        Where they go.
    X : ndarray, memmap or sparse matrix of shape (n_samples, n_features)
        The samples.
    """

    def __init__(self, backend, X):
        self._backend, self._schedule = backend, None
        self.array = backend.empty(X.shape, kept_type(X))
        self.assign(X)

    def assign(self, X):
        """Replace the samples by others, of the same shape and type.

        Parameters
        ----------
        X : ndarray, memmap or sparse matrix of shape (n_samples, n_features)
            The samples.
        """
        n_rows = max(1, CHUNK_BYTES // max(1, X.shape[1] * self.array.dtype.itemsize))
        for start in range(0, X.shape[0], n_rows):
            chunk = slice(start, min(start + n_rows, X.shape[0]))
            self._backend.assign(read_rows(X, chunk), self.array[chunk])

    def batches(self, order, batch_size):
        """Yield the mini-batches of an epoch.

        Parameters
        ----------
        order : ndarray of int64
            The order of the samples.
        batch_size : int
            Samples per mini-batch.

        Yields
        ------
        Rows
            The same object for all mini-batches of one size.
        """
        key = (order.shape[0], batch_size)
        if self._schedule is None or self._schedule[0] != key:
            self._schedule = key, Schedule(self._backend, *key, own_sources=False)
        self._schedule[1].start(order, None)
        yield from self._schedule[1]

    def locate(self, rows):
        """Give the array that a mini-batch is in.

        Parameters
        ----------
        rows : Rows
            The mini-batch.

        Returns
        -------
        array, sources : DeviceArray
            The samples, and the list of indices into them that ``rows.position`` is a place in.
        """
        return self.array, rows.sources


class StreamedData:
    """Samples that stay on the host and come in chunks of mini-batches.

    The host gathers a chunk into page-locked memory while the device works on the one before.

    Parameters
    ----------
    backend : CudaBackend
        Where they go.
    X : ndarray, memmap or sparse matrix of shape (n_samples, n_features)
        The samples.
    """

    def __init__(self, backend, X):
        self._backend, self._X = backend, X
        self._schedule, self._stage, self._in_order, self._buffers = None, None, None, []

    def _allocate(self, n_rows):
        """Make room for chunks of so many rows."""
        shape, dtype = (n_rows, self._X.shape[1]), kept_type(self._X)
        if self._stage is None or self._stage.shape[0] < n_rows:
            self._stage = self._backend.empty(shape, dtype)
            self._in_order = self._backend.asarray(np.arange(n_rows))
            self._buffers = [(pinned(shape, dtype), Event()) for _ in range(2)]
            # Work recorded for the mini-batches so far reads from the memory given up.
            self._schedule = None

    def _bring(self, rows, number):
        """Queue the copy of some samples to the device, as the chunk of that number."""
        buffer, copied = self._buffers[number % 2]
        copied.wait()
        n_rows = rows.shape[0]
        buffer[:n_rows] = read_rows(self._X, rows)
        self._backend.assign(buffer[:n_rows], self._stage[:n_rows])
        copied.record(self._backend.stream)

    def batches(self, order, batch_size):
        """Yield the mini-batches of an epoch, bringing each chunk when it is needed.

        Parameters
        ----------
        order : ndarray of int64
            The order of the samples.
        batch_size : int
            Samples per mini-batch.

        Yields
        ------
        Rows
            The same object for all mini-batches of one size.
        """
        row_bytes = max(1, self._X.shape[1] * kept_type(self._X).itemsize)
        per_chunk = max(1, CHUNK_BYTES // (row_bytes * batch_size))
        self._allocate(min(per_chunk * batch_size, order.shape[0]))
        key = (order.shape[0], batch_size)
        if self._schedule is None or self._schedule[0] != key:
            self._schedule = key, Schedule(self._backend, *key, own_sources=True)
        schedule = self._schedule[1]
        schedule.start(order, np.arange(order.shape[0]) % (per_chunk * batch_size))
        for number, rows in enumerate(schedule):
            if number % per_chunk == 0:
                first = number * batch_size
                self._bring(order[first : first + per_chunk * batch_size], number // per_chunk)
            yield rows

    def locate(self, rows):
        """Give the array that a mini-batch is in, bringing it if it comes once.

        Parameters
        ----------
        rows : Rows
            The mini-batch.

        Returns
        -------
        array, sources : DeviceArray
            The samples, and the list of indices into them that ``rows.position`` is a place in.
        """
        if rows.host is None:
            return self._stage, rows.sources
        self._allocate(rows.shape[0])
        self._bring(rows.host, 0)
        return self._stage, self._in_order
