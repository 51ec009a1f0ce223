"""Small elementwise kernels over rows ``start:stop`` of two-dimensional arrays."""

from .._rules import precision_left
from ._compile import cpu_kernel


@cpu_kernel()
def multiply(a, b, out, start, stop):
    """Write a b."""
    for n in range(start, stop):
        for k in range(a.shape[1]):
            out[n, k] = a[n, k] * b[n, k]


@cpu_kernel()
def add_product(target, a, b, start, stop):
    """Add a b to the target."""
    for n in range(start, stop):
        for k in range(a.shape[1]):
            target[n, k] += a[n, k] * b[n, k]


@cpu_kernel()
def subtract_product(target, a, b, start, stop):
    """Subtract a b from the target."""
    for n in range(start, stop):
        for k in range(a.shape[1]):
            target[n, k] -= a[n, k] * b[n, k]


@cpu_kernel()
def subtract_from(a, target, start, stop):
    """Replace the target by a − target."""
    for n in range(start, stop):
        for k in range(a.shape[1]):
            target[n, k] = a[n, k] - target[n, k]


@cpu_kernel()
def subtract_precision(target, a, start, stop):
    """Subtract `a` from the precisions in the target, keeping them at least 0."""
    for n in range(start, stop):
        for k in range(a.shape[1]):
            target[n, k] = precision_left(target[n, k], a[n, k])
