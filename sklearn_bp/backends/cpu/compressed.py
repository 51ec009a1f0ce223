"""Products with pruned weights, over the weights that exist only.

Weights lie in one flat array of entries. The entries of an input are neighbours, at
``row_start[i]:row_end[i]``, and ``units`` tells which unit each belongs to; ``unit_start``,
``unit_rows`` and ``unit_entries`` list the same entries unit by unit. Activations and messages come
transposed, (inputs or units, samples), so that the inner loops run over samples.
"""

from functools import cache

from ._compile import FASTMATH_SUM, cpu_kernel


@cpu_kernel()
def up(x, weight, unit_start, unit_rows, unit_entries, out, start, stop):
    """Sum ``out[k] = Σ_i weight_ki x[i]``; `x` (N, M) IN, `out` (K, M) OUT, rows are units."""
    for k in range(start, stop):
        for n in range(out.shape[1]):
            out[k, n] = 0
        for place in range(unit_start[k], unit_start[k + 1]):
            i, w = unit_rows[place], weight[unit_entries[place]]
            for n in range(out.shape[1]):
                out[k, n] += w * x[i, n]


@cpu_kernel()
def down(g, weight, row_start, row_end, units, out, start, stop):
    """Sum ``out[i] = Σ_k weight_ki g[k]``; `g` (K, M) IN, `out` (N, M) OUT, rows are inputs."""
    for i in range(start, stop):
        for n in range(out.shape[1]):
            out[i, n] = 0
        for entry in range(row_start[i], row_end[i]):
            k, w = units[entry], weight[entry]
            for n in range(out.shape[1]):
                out[i, n] += w * g[k, n]


@cpu_kernel(fastmath=FASTMATH_SUM)
def collect(x, g, row_start, row_end, units, out, start, stop):
    """Sum ``out_ki = Σ_n x[i, n] g[k, n]`` for every entry; rows are inputs."""
    zero = out.dtype.type(0)
    for i in range(start, stop):
        for entry in range(row_start[i], row_end[i]):
            k = units[entry]
            total = zero
            for n in range(x.shape[1]):
                total += x[i, n] * g[k, n]
            out[entry] = total


@cache
def make_edge_sums(channel):
    """Make the kernel of exact edge sums over the weights that exist.

    Returns
    -------
    callable
        ``edge_sums(omega, parameters, x, mean, sample_weight, row_start, row_end, units,
        down_field, field_in, start, stop)`` with `omega` (K, M), `parameters` (3, K, M), `x`
        (N, M), `mean` flat IN, `down_field` (N, M) and `field_in` flat OUT; rows are inputs.
    """
    edge_g = channel.edge_g

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def edge_sums(
        omega,
        parameters,
        x,
        mean,
        sample_weight,
        row_start,
        row_end,
        units,
        down_field,
        field_in,
        start,
        stop,
    ):
        zero = omega.dtype.type(0)
        for i in range(start, stop):
            for n in range(x.shape[1]):
                down_field[i, n] = zero
            for entry in range(row_start[i], row_end[i]):
                k, m = units[entry], mean[entry]
                total = zero
                for n in range(x.shape[1]):
                    g = edge_g(
                        omega[k, n] - m * x[i, n],
                        parameters[0, k, n],
                        parameters[1, k, n],
                        parameters[2, k, n],
                    )
                    total += sample_weight[n] * x[i, n] * g
                    down_field[i, n] += m * g
                field_in[entry] = total

    return edge_sums
