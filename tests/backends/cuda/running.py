"""The engine on a CUDA backend, and what the simulator needs to be quick."""

import numpy as np
from engine.running import data_of, network_of, posterior_of

from sklearn_bp.backends.cuda._array import Transposed
from sklearn_bp.engine.engine import Engine


class HostProducts:
    """Matrix products by NumPy on the simulator's arrays, which are NumPy's underneath."""

    name = "NumPy"

    @staticmethod
    def _matrix(matrix):
        if isinstance(matrix, Transposed):
            return matrix.T.data.copy_to_host().T
        return matrix.data.copy_to_host()

    def matmul(self, a, b, out):
        """Write a b."""
        # As in the CPU backend: results are checked, whatever BLAS meets on its way.
        with np.errstate(invalid="ignore"):
            product = np.matmul(self._matrix(a), self._matrix(b))
        out.data.copy_to_device(np.ascontiguousarray(product))


def device_data(backend, X, y, rows, weight):
    """Bring what ``Engine.step`` takes to the device."""
    weight = None if weight is None else backend.asarray(weight)
    return backend.load_data(X), backend.asarray(y), backend.load_order(rows), weight


def device_engine_after_step(case, backend, *, dtype="float64", **options):
    """An engine on that backend that has taken the case's step."""
    engine = Engine(network_of(case, dtype=dtype, **options), posterior_of(case, dtype), backend)
    engine.step(*device_data(backend, *data_of(case, dtype)))
    return engine
