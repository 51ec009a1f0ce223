"""Kernels of the polynomial expansion of cavity messages.

At fixed unit and sample, g of an edge depends on the edge's own contribution c = m_ki x̂_in only
through ω − c. On |c| ≤ c_max it is interpolated at Chebyshev nodes, so that the edge sums become
matrix products of powers (docs: "Cavity messages by polynomials"). Edges that the polynomial
cannot serve within its share of the tolerance are summed one by one.
"""

from functools import cache

from .._expansion_rules import LEAST_SCALE, slowest_decay
from ._compile import FASTMATH_SUM, cpu_kernel
from .activation import sum_polynomial

COLUMN_TILE = 16
"""Units that threads do not share: a cache line, or two."""

LEAST_TERM = 1e-30
"""Coefficients below are zero: subnormal numbers would slow the products down tenfold."""


@cpu_kernel()
def column_scales(mean, n_inputs, largest, norm_sq, start, stop):
    """Write the largest |m| and Σ_i m² of the units of some tiles, over the first `n_inputs` rows.

    Threads share tiles and not units: each row would be a wait for the cache line that both write.
    """
    first, end = COLUMN_TILE * start, min(COLUMN_TILE * stop, mean.shape[1])
    # Slices, whose index starts at 0, or the loop over units would not vectorise.
    most, total = largest[first:end], norm_sq[first:end]
    most[:] = mean.dtype.type(LEAST_SCALE)
    total[:] = 0
    for i in range(n_inputs):
        row = mean[i][first:end]
        for k in range(row.shape[0]):
            m = abs(row[k])
            most[k] = max(most[k], m)
            total[k] += m * m


@cpu_kernel(fastmath=FASTMATH_SUM)
def row_scales(x, bits, n_inputs, magnitude, least, largest, norm_sq, start, stop):
    """Write the largest |x̂|, `least` at least, and Σ_i x̂² of every sample.

    `bits`, `least` and `largest` are floats seen as integers, and ``bits & magnitude`` drops
    the sign: magnitudes are ordered like that, and a maximum of integers vectorises.
    """
    zero = x.dtype.type(0)
    for n in range(start, stop):
        total = zero
        for i in range(n_inputs):
            total += x[n, i] * x[n, i]
        norm_sq[n] = total
        top = least
        for i in range(n_inputs):
            value = bits.dtype.type(bits[n, i] & magnitude)
            top = value if value > top else top
        largest[n] = top


@cpu_kernel()
def varying_inputs(x, order, n_inputs, out, start, stop):
    """Copy samples in an order; inputs from `n_inputs` on, the constant one, become zero."""
    zero = x.dtype.type(0)
    for row in range(start, stop):
        n = order[row]
        for i in range(n_inputs):
            out[row, i] = x[n, i]
        for i in range(n_inputs, x.shape[1]):
            out[row, i] = zero


@cache
def make_row_power(exponent):
    """Make the kernel of x̂ (x̂ / scale)^p, with one scale (M,) of at least |x̂| per sample.

    Parameters
    ----------
    exponent : int
        p; the number is compiled in, so that the loop over inputs vectorises.

    Returns
    -------
    callable
        ``row_power(x, order, scale, n_rows, out, start, stop)``; `x` IN and `out` OUT (M, N) are
        two arrays, of which the first rows count; a row is the sample that `order` says. Threads
        own disjoint inputs.
    """

    @cpu_kernel()
    def row_power(x, order, scale, n_rows, out, start, stop):
        one = x.dtype.type(1)
        for row in range(n_rows):
            inverse = one / scale[order[row]]
            source, target = x[row][start:stop], out[row][start:stop]
            for i in range(source.shape[0]):
                power = source[i]
                for _ in range(exponent):
                    power *= source[i] * inverse
                target[i] = power

    return row_power


@cache
def make_column_power(exponent):
    """Make the kernel of m (m / scale)^p, with one scale (K,) of at least |m| per unit.

    Parameters
    ----------
    exponent : int
        p, compiled in.

    Returns
    -------
    callable
        ``column_power(mean, inverse_scale, out, start, stop)``; `mean` IN and `out` OUT (N, K) are
        two arrays.
    """

    @cpu_kernel()
    def column_power(mean, inverse_scale, out, start, stop):
        for i in range(start, stop):
            for k in range(mean.shape[1]):
                power = mean[i, k]
                for _ in range(exponent):
                    power *= mean[i, k] * inverse_scale[k]
                out[i, k] = power

    return column_power


@cache
def make_node_values(channel):
    """Make the evaluation of g at the nodes of every interval.

    Returns
    -------
    callable
        ``node_values(omega, parameters, row_scale, column_scale, nodes, stride, values, decay,
        start, stop)``. OUT, of every `stride`-th sample, packed: `values` (J, M, K), and `decay`
        (M, K), the slowest decay of Chebyshev coefficients over two degrees.
    """
    edge_g, edge_singularities = channel.edge_g, channel.edge_singularities

    @cpu_kernel()
    def node_values(
        omega, parameters, row_scale, column_scale, nodes, stride, values, decay, start, stop
    ):
        for row in range(start, stop):
            n = row * stride
            for k in range(omega.shape[1]):
                singularities = edge_singularities(
                    parameters[0, n, k], parameters[1, n, k], parameters[2, n, k]
                )
                half_width = row_scale[n] * column_scale[k]
                decay[row, k] = slowest_decay(half_width, omega[n, k], singularities)
            for j in range(nodes.shape[0]):
                shift = row_scale[n] * nodes[j]
                for k in range(omega.shape[1]):
                    values[j, row, k] = edge_g(
                        omega[n, k] - shift * column_scale[k],
                        parameters[0, n, k],
                        parameters[1, n, k],
                        parameters[2, n, k],
                    )

    return node_values


@cache
def make_terms(n_nodes):
    """Make the kernel that turns values at nodes into coefficients of powers, sample by sample.

    Parameters
    ----------
    n_nodes : int
        Nodes J, compiled in.

    Returns
    -------
    callable
        ``terms(values, to_monomial, degree, rank, keep, neglected, terms, start, stop)``. `degree`
        and `rank` (M,) say to which degree d a sample is expanded and which row is its. OUT, zero
        where `keep` (M, K) is: `terms` (D, M, K), coefficients of g(ω − c) in powers of c / c_max
        up to d. IN/OUT: `neglected` (J − 2, M, K), Chebyshev coefficients from degree 2 on, becomes
        zero up to d. `values` (J, M, K), `to_monomial[d]` (D, J).
    """

    @cpu_kernel()
    def write_terms(values, to_monomial, degree, rank, keep, neglected, terms, start, stop):
        zero, least = keep.dtype.type(0), keep.dtype.type(LEAST_TERM)
        for n in range(start, stop):
            d, row = degree[n], rank[n]
            for p in range(d + 1):
                for k in range(keep.shape[1]):
                    term = zero
                    for j in range(n_nodes):
                        term += to_monomial[d, p, j] * values[j, n, k]
                    term = term if abs(term) > least else zero
                    terms[p, row, k] = term * keep[n, k]
            for q in range(2, d + 1):
                neglected[q - 2, n] = zero

    return write_terms


@cpu_kernel()
def sum_down_terms(x, order, degree, scale, terms, out, start, stop):
    """Sum a polynomial in x of each sample's degree: out = Σ_p (scale x)^p terms_p.

    `terms` (D, M, N), used up, has rows in an order of samples; `x` and `out` (M, N) and `scale`
    (M,) do not.
    """
    for row in range(start, stop):
        n = order[row]
        sum_polynomial(terms, row, degree[n], x, n, scale[n], out)


@cpu_kernel()
def scale_terms(sample_weight, order, terms, out, start, stop):
    """Multiply the coefficients (D, M, K) of samples in an order by their weights."""
    for row in range(start, stop):
        weight = sample_weight[order[row]]
        for p in range(terms.shape[0]):
            for k in range(terms.shape[2]):
                out[p, row, k] = terms[p, row, k] * weight
