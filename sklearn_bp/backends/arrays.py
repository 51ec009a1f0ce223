"""Arrays by name: a dataclass says what shapes its arrays have, and a backend allocates them.

A dataclass of arrays has a field per array, declared by :func:`array` with the names of its axes::

    @dataclass
    class Units:
        omega: object = array("samples", "units")
        variance_sum: object = array("units")

:class:`Memory` makes one for any number of samples, in memory that it keeps.
"""

import math
from dataclasses import field, fields

import numpy as np

SAMPLES = "samples"
"""The axis along the mini-batch."""


def array(*axes, dtype=None, fill=0, constant_input=False):
    """Declare an array of a dataclass.

    Parameters
    ----------
    *axes : str or int
        Names of the axes, or their lengths.
    dtype : type or None
        Type of its entries; None for the precision of the network.
    fill : float
        What it holds before anything is written.
    constant_input : bool
        Whether its last column belongs to the constant input, and is 1 where there is one.

    Returns
    -------
    dataclasses.Field
        The field.
    """
    return field(metadata=dict(axes=axes, dtype=dtype, fill=fill, constant_input=constant_input))


class Memory:
    """Memory of one layer's arrays, enough for the largest mini-batch so far.

    Parameters
    ----------
    backend : object
        Where the arrays are.
    dtype : numpy.dtype
        Precision of the numbers.
    has_constant_input : bool
        Whether the last column of inputs is constant.
    sizes : dict of str to int or tuple of int
        Length of each named axis, or the lengths of several that the name stands for.
    """

    def __init__(self, backend, dtype, has_constant_input, sizes):
        self._backend, self._dtype, self._sizes = backend, dtype, sizes
        self._has_constant_input = has_constant_input
        self._held = {}

    def bind(self, kind, n_samples, **sizes):
        """Make a dataclass of arrays for a number of samples.

        Parameters
        ----------
        kind : type
            A dataclass whose fields are declared by :func:`array`; others have defaults.
        n_samples : int
            Samples of the mini-batch.
        **sizes : int
            Axes that no other dataclass of this memory has.

        Returns
        -------
        kind
            Its arrays lie in the memory of those made before, if they fit.
        """
        sizes = {**self._sizes, **sizes}
        held = self._held.setdefault(kind, {})
        declared = [one for one in fields(kind) if "axes" in one.metadata]
        return kind(**{one.name: self._cut(held, one, n_samples, sizes) for one in declared})

    def _cut(self, held, declared, n_samples, sizes):
        """Cut an array out of its memory."""
        shape = _shape(declared.metadata["axes"], {**sizes, SAMPLES: n_samples})
        size = math.prod(shape)
        flat = held.get(declared.name)
        if flat is None or flat.size < size:
            flat = held[declared.name] = self._allocate(declared.metadata, shape)
        return flat[:size].reshape(shape)

    def _allocate(self, metadata, shape):
        """Allocate a flat array, and write what no kernel does."""
        dtype = np.dtype(metadata["dtype"] or self._dtype)
        flat = self._backend.full((math.prod(shape),), metadata["fill"], dtype)
        if metadata["constant_input"] and self._has_constant_input:
            self._backend.fill_column(flat.reshape(shape), shape[-1] - 1, 1)
        return flat


def _shape(axes, sizes):
    """Look up the lengths of axes."""
    lengths = []
    for axis in axes:
        length = axis if isinstance(axis, int) else sizes[axis]
        lengths += length if isinstance(length, tuple) else [length]
    return tuple(lengths)
