"""Kernels of one number per entry: a thread takes a column and every so many rows.

Arrays are two-dimensional and row-major unless said otherwise.
"""

from .._rules import precision_left
from ._runtime import cuda, kernel


@kernel
def fill(array, value):
    """Set all entries of a one-dimensional array."""
    for i in range(cuda.grid(1), array.size, cuda.gridsize(1)):
        array[i] = value


@kernel
def copy(source, target):
    """Copy a one-dimensional array."""
    for i in range(cuda.grid(1), source.size, cuda.gridsize(1)):
        target[i] = source[i]


@kernel
def fill_column(array, column, value):
    """Set a column."""
    for n in range(cuda.grid(1), array.shape[0], cuda.gridsize(1)):
        array[n, column] = value


@kernel
def take(array, samples, position, out):
    """Gather one-dimensional entries: out_n = array[samples[position + n]]."""
    for n in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[n] = array[samples[position[0] + n]]


@kernel
def put(source, samples, position, array):
    """Scatter one-dimensional entries: array[samples[position + n]] = source_n."""
    for n in range(cuda.grid(1), source.size, cuda.gridsize(1)):
        array[samples[position[0] + n]] = source[n]


@kernel
def leave_out(omega, own_v, pulls, samples, position, out):
    """Write ω_nk − V_nk pulls[samples[position + n], k]."""
    k, first = cuda.grid(2)
    if k < omega.shape[1]:
        for n in range(first, omega.shape[0], cuda.gridsize(2)[1]):
            out[n, k] = omega[n, k] - own_v[n, k] * pulls[samples[position[0] + n], k]


@kernel
def add_pulls(g, samples, position, kept, weight, pulls):
    """Turn pulls[samples[position + n], k] into kept times itself plus weight times g_nk."""
    k, first = cuda.grid(2)
    if k < g.shape[1]:
        for n in range(first, g.shape[0], cuda.gridsize(2)[1]):
            row = samples[position[0] + n]
            pulls[row, k] = kept * pulls[row, k] + weight * g[n, k]


@kernel
def load_rows(data, sources, position, x, x_sq):
    """Write the rows `sources` of the data into a mini-batch, with their squares.

    `data` (n, N) of any numeric type, `sources` (n,) and `position` (1,) IN; `x`, `x_sq`
    (M, N or N + 1) OUT, a constant column left alone.
    """
    i, first = cuda.grid(2)
    if i < data.shape[1]:
        for n in range(first, x.shape[0], cuda.gridsize(2)[1]):
            x[n, i] = data[sources[position[0] + n], i]
            x_sq[n, i] = x[n, i] * x[n, i]


@kernel
def multiply(a, b, out):
    """Write a b."""
    k, first = cuda.grid(2)
    if k < a.shape[1]:
        for n in range(first, a.shape[0], cuda.gridsize(2)[1]):
            out[n, k] = a[n, k] * b[n, k]


@kernel
def add_product(target, a, b):
    """Add a b to the target."""
    k, first = cuda.grid(2)
    if k < a.shape[1]:
        for n in range(first, a.shape[0], cuda.gridsize(2)[1]):
            target[n, k] += a[n, k] * b[n, k]


@kernel
def subtract_product(target, a, b):
    """Subtract a b from the target."""
    k, first = cuda.grid(2)
    if k < a.shape[1]:
        for n in range(first, a.shape[0], cuda.gridsize(2)[1]):
            target[n, k] -= a[n, k] * b[n, k]


@kernel
def subtract_from(a, target):
    """Replace the target by a − target."""
    k, first = cuda.grid(2)
    if k < a.shape[1]:
        for n in range(first, a.shape[0], cuda.gridsize(2)[1]):
            target[n, k] = a[n, k] - target[n, k]


@kernel
def add(target, a):
    """Add `a` to the target."""
    k, first = cuda.grid(2)
    if k < a.shape[1]:
        for n in range(first, a.shape[0], cuda.gridsize(2)[1]):
            target[n, k] += a[n, k]


@kernel
def add_number(target, number):
    """Add a number to every entry of the target."""
    k, first = cuda.grid(2)
    if k < target.shape[1]:
        for n in range(first, target.shape[0], cuda.gridsize(2)[1]):
            target[n, k] += number


@kernel
def subtract_precision(target, a):
    """Subtract `a` from the precisions in the target, keeping them at least 0."""
    k, first = cuda.grid(2)
    if k < a.shape[1]:
        for n in range(first, a.shape[0], cuda.gridsize(2)[1]):
            target[n, k] = precision_left(target[n, k], a[n, k])


@kernel
def scale_rows(weight, source, out):
    """Multiply each row by its sample's weight (M,)."""
    k, first = cuda.grid(2)
    if k < source.shape[1]:
        for n in range(first, source.shape[0], cuda.gridsize(2)[1]):
            out[n, k] = source[n, k] * weight[n]


@kernel
def polynomial_rows(x, scale, terms, out):
    """Write Σ_p (scale x)^p terms_p; `terms` (D, M, N) and `scale` (M,) IN."""
    i, first = cuda.grid(2)
    if i < x.shape[1]:
        for n in range(first, x.shape[0], cuda.gridsize(2)[1]):
            base = x[n, i] * scale[n]
            total = terms[terms.shape[0] - 1, n, i]
            for p in range(terms.shape[0] - 2, -1, -1):
                total = terms[p, n, i] + total * base
            out[n, i] = total
