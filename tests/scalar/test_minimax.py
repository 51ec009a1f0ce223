"""The rational fit that everything Gaussian rests on is the one that ``minimax.py`` makes."""

import mpmath as mp
import numpy as np
import pytest

from sklearn_bp.scalar.gaussian import _second_tail

from .minimax import fit, polynomial, second_tail


@pytest.mark.parametrize(
    ("dtype", "name", "bound"),
    [(np.float32, "second tail, single", 4e-9), (np.float64, "second tail, double", 3e-15)],
)
def test_second_tail(dtype, name, bound):
    numerator, lower, error = fit(name)
    assert error < bound
    eps = float(np.finfo(dtype).eps)
    for x in (0, 0.01, 0.3, 1, 2.5, 7, 40, 1000):
        p, q = (mp.mpf(float(value)) for value in _second_tail(dtype(x)))
        x = mp.mpf(float(dtype(x)))
        exact_p = polynomial(numerator, x)
        exact_q = polynomial([*lower, 1], x)
        # Single precision carries both by one power of two.
        scale = mp.mpf(2) ** -32 if dtype == np.float32 else 1
        assert abs(p / (scale * exact_p) - 1) < 4 * eps
        assert abs(q / (scale * exact_q) - 1) < 4 * eps
        assert abs(p / q / second_tail(x) - 1) < bound + 6 * eps
