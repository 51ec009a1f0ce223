"""Device arrays: contiguous, with the little of NumPy's interface that the engine uses."""

import math

import numpy as np


class DeviceArray:
    """A contiguous array on the device.

    Attributes
    ----------
    owner : DeviceArray
        The array that this one is a view of; itself if it is none.

    Parameters
    ----------
    data : device array or None
        Memory of that shape and type; None if there is no entry.
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype
        Its type.
    owner : DeviceArray or None
        The array that it is a view of.
    """

    __slots__ = ("__weakref__", "_address", "_owner", "data", "dtype", "shape")

    def __init__(self, data, shape, dtype, owner=None):
        self.data, self.shape, self.dtype = data, tuple(shape), np.dtype(dtype)
        self._owner, self._address = owner, None

    @property
    def owner(self):
        """The array that this one is a view of; itself if it is none."""
        return self if self._owner is None else self._owner

    @property
    def size(self):
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def T(self):
        """The transpose, which only products understand."""
        return Transposed(self)

    @property
    def flat(self):
        """The memory as a one-dimensional array of the runtime."""
        return self.data if len(self.shape) == 1 else self.data.reshape(self.size)

    @property
    def address(self):
        """Where the memory starts, as the driver counts."""
        if self._address is None:
            self._address = self.data.__cuda_array_interface__["data"][0]
        return self._address

    def __getitem__(self, key):
        """View part of the first axis: an index, or a slice without step."""
        if isinstance(key, slice):
            start, stop, _ = key.indices(self.shape[0])
            shape = (max(stop - start, 0), *self.shape[1:])
        else:
            shape = self.shape[1:]
        data = self.data[key] if math.prod(shape) else None
        return DeviceArray(data, shape, self.dtype, self.owner)

    def reshape(self, shape):
        """View the same entries in another shape.

        Parameters
        ----------
        shape : tuple of int
            The shape; -1 stands for what is left.

        Returns
        -------
        DeviceArray
            The view.
        """
        known = math.prod(size for size in shape if size >= 0)
        shape = tuple(size if size >= 0 else self.size // known for size in shape)
        data = self.data.reshape(shape) if self.size else None
        return DeviceArray(data, shape, self.dtype, self.owner)


class Transposed:
    """A two-dimensional array read with its axes exchanged.

    Parameters
    ----------
    array : DeviceArray
        The array.
    """

    __slots__ = ("T",)

    def __init__(self, array):
        self.T = array

    @property
    def shape(self):
        """Shape after the exchange."""
        return self.T.shape[::-1]
