"""Kernels of the edges that an expansion leaves out: of the constant input and of marked pairs.

They are summed exactly. `omega` (M, K), `parameters` (3, M, K), `x` (M, N), `mean` (N, K).
"""

from functools import cache

from ._compile import FASTMATH_SUM, cpu_kernel
from .edges import make_input_edges, make_pair_edges


@cpu_kernel()
def pack_marked(keep, marked_samples, marked_count):
    """List the pairs whose `keep` (M, K) is 0, unit by unit, and count them.

    OUT: `marked_samples` (M, K), of which each unit fills as many rows as `marked_count` (K,) says.
    """
    marked = 0
    marked_count[:] = 0
    for n in range(keep.shape[0]):
        kept = 0
        for k in range(keep.shape[1]):
            kept += keep[n, k] != 0
        if kept == keep.shape[1]:
            continue
        for k in range(keep.shape[1]):
            if keep[n, k] == 0:
                marked_samples[marked_count[k], k] = n
                marked_count[k] += 1
                marked += 1
    return marked


@cache
def make_constant_edges(channel):
    """Make the kernel of exact sums over inputs that no polynomial serves, the constant one.

    Returns
    -------
    callable
        ``constant_edges(omega, parameters, x, mean, n_inputs, sample_weight, down_field,
        field_in, start, stop)`` for inputs ``n_inputs + start`` to ``n_inputs + stop``. IN/OUT:
        `down_field` (M, N) is replaced for those inputs, `field_in` (N, K) is added to.
    """
    input_edges = make_input_edges(channel)

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def constant_edges(
        omega,
        parameters,
        x,
        mean,
        n_inputs,
        sample_weight,
        down_field,
        field_in,
        start,
        stop,
    ):
        for i in range(n_inputs + start, n_inputs + stop):
            for n in range(omega.shape[0]):
                x_in = x[n, i]
                weighted = x_in * sample_weight[n]
                down_field[n, i] = input_edges(
                    n, i, omega, parameters, x_in, weighted, mean, field_in
                )

    return constant_edges


@cache
def make_marked_edges(channel):
    """Make the kernel of exact sums over the inputs of marked (sample, unit) pairs.

    Returns
    -------
    callable
        ``marked_edges(marked_samples, marked_count, omega, parameters, x, mean,
        sample_weight, unit, down_field, field_in, start, stop)``; rows are inputs; `down_field`
        and `field_in` IN/OUT are added to; `unit` (3, N) is scratch, for the weights of one unit,
        which are not neighbours in memory, their fields, and g.
    """
    pair_edges = make_pair_edges(channel)

    @cpu_kernel()
    def marked_edges(
        marked_samples,
        marked_count,
        omega,
        parameters,
        x,
        mean,
        sample_weight,
        unit,
        down_field,
        field_in,
        start,
        stop,
    ):
        # Slices of rows: the compiler knows that they are contiguous, and of an index that starts
        # at 0 that it is not negative.
        means, fields, g = unit[0][start:stop], unit[1][start:stop], unit[2][start:stop]
        for k in range(mean.shape[1]):
            if marked_count[k] == 0:
                continue
            for i in range(means.shape[0]):
                means[i] = mean[start + i, k]
                fields[i] = 0
            for entry in range(marked_count[k]):
                n = marked_samples[entry, k]
                x_n, down, weight = x[n][start:stop], down_field[n][start:stop], sample_weight[n]
                values = parameters[:, n, k]
                pair_edges(omega[n, k], values, x_n, weight, means, fields, g, down)
            for i in range(means.shape[0]):
                field_in[start + i, k] += fields[i]

    return marked_edges
