"""Kernels of the polynomial expansion of cavity messages.

At fixed unit and sample, g of an edge depends on the edge's own contribution c = m_ki x̂_in only
through ω − c. On |c| ≤ c_max it is interpolated at Chebyshev nodes, so that the edge sums become
matrix products of powers (docs: "Cavity messages by polynomials"). Edges that the polynomial
cannot serve within its share of the tolerance are summed one by one.
"""

from functools import cache

from .._expansion_rules import (
    ALIASING,
    LEAST_SCALE,
    allowed_error,
    remainder_bound,
    slowest_decay,
)
from ._compile import FASTMATH_SUM, cpu_kernel

LEAST_TERM = 1e-30
"""Coefficients below are zero: subnormal numbers would slow the products down tenfold."""


@cpu_kernel()
def column_scales(mean, n_inputs, largest, norm_sq):
    """Write the largest |m| and Σ_i m² of every unit, over the first `n_inputs` rows."""
    least = mean.dtype.type(LEAST_SCALE)
    for k in range(mean.shape[1]):
        largest[k] = least
        norm_sq[k] = 0
    for i in range(n_inputs):
        for k in range(mean.shape[1]):
            m = abs(mean[i, k])
            largest[k] = max(largest[k], m)
            norm_sq[k] += m * m


@cpu_kernel(fastmath=FASTMATH_SUM)
def row_scales(x, bits, n_inputs, magnitude, cap, largest, norm_sq, start, stop):
    """Write the largest |x̂| up to a cap and Σ_i x̂² of every sample.

    `bits`, `cap` and `largest` are floats seen as integers, and ``bits & magnitude`` drops the
    sign: magnitudes are ordered like that, and a maximum of integers vectorises.
    """
    zero = x.dtype.type(0)
    for n in range(start, stop):
        total = zero
        for i in range(n_inputs):
            total += x[n, i] * x[n, i]
        norm_sq[n] = total
        top = bits.dtype.type(0)
        for i in range(n_inputs):
            value = bits.dtype.type(bits[n, i] & magnitude)
            value = value if value <= cap else bits.dtype.type(0)
            top = value if value > top else top
        largest[n] = top


@cpu_kernel(fastmath=FASTMATH_SUM)
def count_heavy(x, n_inputs, cap, start, stop):
    """Count the inputs with |x̂| above `cap`."""
    count = 0
    for n in range(start, stop):
        for i in range(n_inputs):
            count += abs(x[n, i]) > cap
    return count


@cpu_kernel()
def light_inputs(x, n_inputs, cap, out, start, stop):
    """Copy x̂ where |x̂| is at most `cap`; zero elsewhere and at the constant input."""
    zero = x.dtype.type(0)
    for n in range(start, stop):
        for i in range(n_inputs):
            value = x[n, i]
            out[n, i] = value if abs(value) <= cap else zero
        for i in range(n_inputs, x.shape[1]):
            out[n, i] = zero


@cpu_kernel()
def advance_row_power(power, x, scale, out, start, stop):
    """Multiply the power by x̂ / scale, with one scale (M,) per sample; `out` may be `power`.

    The power, at most the scale, is divided first: x̂ / scale may overflow where the power is 0.
    """
    one = x.dtype.type(1)
    for n in range(start, stop):
        inverse = one / scale[n]
        for i in range(x.shape[1]):
            out[n, i] = (power[n, i] * inverse) * x[n, i]


@cpu_kernel()
def advance_column_power(power, mean, inverse_scale, out, start, stop):
    """Multiply the power by m times the inverse scale (K,) of each unit; `out` may be `power`."""
    for i in range(start, stop):
        for k in range(mean.shape[1]):
            out[i, k] = power[i, k] * (mean[i, k] * inverse_scale[k])


@cpu_kernel(fastmath=FASTMATH_SUM)
def weighted_norms(g, row_weight, column_weight, start, stop):
    """Return Σ_nk g² weighted by rows (M,) and, apart, by columns (K,)."""
    zero = g.dtype.type(0)
    by_rows, by_columns = 0.0, 0.0
    for n in range(start, stop):
        row, column = zero, zero
        for k in range(g.shape[1]):
            square = g[n, k] * g[n, k]
            row += square
            column += square * column_weight[k]
        by_rows += row * row_weight[n]
        by_columns += column
    return by_rows, by_columns


@cpu_kernel()
def allowed_errors(total, n_pairs, norm_sq, tolerance, out):
    """Write what each sample's, or each unit's, share of the tolerance allows in g."""
    for n in range(norm_sq.shape[0]):
        out[n] = allowed_error(total, n_pairs, norm_sq[n], tolerance)


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
    edge_g, edge_singularity = channel.edge_g, channel.edge_singularity

    @cpu_kernel()
    def node_values(
        omega, parameters, row_scale, column_scale, nodes, stride, values, decay, start, stop
    ):
        for row in range(start, stop):
            n = row * stride
            for k in range(omega.shape[1]):
                position, distance, scale = edge_singularity(
                    parameters[0, n, k], parameters[1, n, k], parameters[2, n, k]
                )
                half_width = row_scale[n] * column_scale[k]
                decay[row, k] = slowest_decay(half_width, omega[n, k] - position, distance, scale)
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
def _make_remainder(n_nodes):
    """Make the bound on what the series beyond its last node's degree adds, one pair at a time."""

    @cpu_kernel(inline=True)
    def remainder(values, n, k, to_chebyshev, decay):
        zero = to_chebyshev.dtype.type(0)
        largest, high, low = zero, zero, zero
        for j in range(n_nodes):
            largest = max(largest, abs(values[j, n, k]))
        for q in range(n_nodes - 4, n_nodes):
            coefficient = zero
            for j in range(n_nodes):
                coefficient += to_chebyshev[q, j] * values[j, n, k]
            size = abs(coefficient)
            high = max(high, size if q >= n_nodes - 2 else zero)
            low = max(low, size if q < n_nodes - 2 else zero)
        return remainder_bound(largest, high, low, decay)

    return remainder


@cache
def _make_coefficient(n_nodes):
    """Make one Chebyshev coefficient of one pair."""

    @cpu_kernel(inline=True)
    def coefficient(values, n, k, to_chebyshev, q):
        total = to_chebyshev.dtype.type(0)
        for j in range(n_nodes):
            total += to_chebyshev[q, j] * values[j, n, k]
        return total

    return coefficient


@cache
def make_coefficients(n_nodes, n_terms):
    """Make the kernel that turns values at nodes into coefficients and marks what they miss.

    Parameters
    ----------
    n_nodes : int
        Nodes J; the numbers are compiled in, so that the loops over nodes unroll.
    n_terms : int
        Terms D, at most J − 1.

    Returns
    -------
    callable
        ``coefficients(values, to_monomial, to_chebyshev, row_allowed, column_allowed, keep, terms,
        neglected, start, stop) -> float``. `keep` (M, K) comes as the slowest decay and leaves as 1
        where the series is good enough and 0 where the pair is marked. OUT, zero where marked:
        `terms` (D, M, K), coefficients of g(ω − c) in powers of c / c_max, and `neglected`
        (at least J − D, M, K), the Chebyshev coefficients that are known and cut. `values`
        (J, M, K), `to_monomial` (D, J), `to_chebyshev` (J, J). The result is the sum of squared
        error ratios of the pairs that are kept, an error ratio being a pair's error bound over its
        allowed error.
    """
    remainder, coefficient = _make_remainder(n_nodes), _make_coefficient(n_nodes)

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def coefficients(
        values,
        to_monomial,
        to_chebyshev,
        row_allowed,
        column_allowed,
        keep,
        terms,
        neglected,
        start,
        stop,
    ):
        zero, one, aliased = keep.dtype.type(0), keep.dtype.type(1), keep.dtype.type(ALIASING)
        least, squares = keep.dtype.type(LEAST_TERM), 0.0
        for n in range(start, stop):
            row_squares = zero
            for k in range(keep.shape[1]):
                bound = aliased * remainder(values, n, k, to_chebyshev, keep[n, k])
                for q in range(n_terms, n_nodes):
                    bound += abs(coefficient(values, n, k, to_chebyshev, q))
                keep[n, k] = bound
            for k in range(keep.shape[1]):
                bound, allowed = keep[n, k], min(row_allowed[n], column_allowed[k])
                ratio = (bound if bound <= allowed else zero) / allowed
                row_squares += ratio * ratio
                keep[n, k] = one if bound <= allowed else zero
            squares += row_squares
            for q in range(n_terms, n_nodes):
                for k in range(keep.shape[1]):
                    term = coefficient(values, n, k, to_chebyshev, q)
                    neglected[q - n_terms, n, k] = term * keep[n, k]
            for p in range(n_terms):
                for k in range(keep.shape[1]):
                    term = zero
                    for j in range(n_nodes):
                        term += to_monomial[p, j] * values[j, n, k]
                    term = term if abs(term) > least else zero
                    terms[p, n, k] = term * keep[n, k]
        return squares

    return coefficients


@cpu_kernel()
def scale_terms(sample_weight, terms, out, start, stop):
    """Multiply the coefficients (D, M, K) of every sample by its weight."""
    for n in range(start, stop):
        for p in range(terms.shape[0]):
            for k in range(terms.shape[2]):
                out[p, n, k] = terms[p, n, k] * sample_weight[n]


@cache
def make_survey(n_nodes, n_limits):
    """Make the kernel that tells how good each degree would be, on some of the samples.

    Returns
    -------
    callable
        ``survey(values, to_chebyshev, row_allowed, column_allowed, stride, n_rows, tail, squares,
        counts)``. An error ratio is a pair's error bound over its allowed error. OUT, for degree d
        and limit 2^j: `squares[d, j]`, the sum of squared ratios of the pairs within the limit,
        and `counts[d, j]`, how many pairs are beyond. `tail` (M, K) comes as the slowest decay and
        is used up.
    """
    remainder, coefficient = _make_remainder(n_nodes), _make_coefficient(n_nodes)

    @cpu_kernel()
    def survey(
        values, to_chebyshev, row_allowed, column_allowed, stride, n_rows, tail, squares, counts
    ):
        aliased = tail.dtype.type(ALIASING)
        squares[:] = 0
        counts[:] = 0
        for row in range(n_rows):
            for k in range(tail.shape[1]):
                tail[row, k] = aliased * remainder(values, row, k, to_chebyshev, tail[row, k])
            for q in range(n_nodes - 1, 1, -1):
                for k in range(tail.shape[1]):
                    tail[row, k] += abs(coefficient(values, row, k, to_chebyshev, q))
                allowed = row_allowed[row * stride]
                _tally(tail[row], allowed, column_allowed, squares[q - 1], counts[q - 1])

    return survey


@cpu_kernel(fastmath=FASTMATH_SUM)
def _tally(tail, row_allowed, column_allowed, squares, counts):
    """Add up squared ratios within 4^j, and count those beyond, for every j."""
    zero, limit_sq = tail.dtype.type(0), tail.dtype.type(1)
    for j in range(counts.shape[0]):
        total, beyond = zero, 0
        for k in range(tail.shape[0]):
            ratio = tail[k] / min(row_allowed, column_allowed[k])
            within = ratio * ratio <= limit_sq
            total += ratio * ratio if within else zero
            beyond += not within
        squares[j] += total
        counts[j] += beyond
        limit_sq *= 4


@cache
def make_neglected_squares(degree, n_nodes):
    """Make the kernel that compares the sums of what is neglected with those of g.

    Parameters
    ----------
    degree : int
        Degree of the expansion.
    n_nodes : int
        Nodes J: the coefficients of T_q, q from `degree` + 1 to J − 1, are known and neglected.

    Returns
    -------
    callable
        ``squares(neglected, g, x, stride, cap, x_scale, sample_weight, mean, m_scale, fields, out,
        start, stop)``; rows are every `stride`-th input, with the samples whose |x̂| is at most
        `cap`. `neglected` (J − 1 − degree, M, K), `g` (M, K); `fields` (S, 2, K) is scratch. OUT
        `out` (S, 4), float64: ‖δH_in‖², ‖H_in‖², ‖δB_in‖², ‖B_in‖² of every input.
    """
    series = _make_neglected_series(degree, n_nodes)

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def squares(
        neglected,
        g,
        x,
        stride,
        cap,
        x_scale,
        sample_weight,
        mean,
        m_scale,
        fields,
        out,
        start,
        stop,
    ):
        zero = g.dtype.type(0)
        for row in range(start, stop):
            i, errors, whole = row * stride, fields[row, 0], fields[row, 1]
            fields[row] = zero
            out[row] = 0
            for n in range(g.shape[0]):
                x_in = x[n, i]
                if abs(x_in) > cap:
                    continue
                weighted, ratio = x_in * sample_weight[n], x_in / x_scale[n]
                down, down_error = zero, zero
                for k in range(g.shape[1]):
                    m = mean[i, k]
                    error = series(neglected, n, k, ratio * (m / m_scale[k]))
                    errors[k] += weighted * error
                    whole[k] += weighted * g[n, k]
                    down_error += m * error
                    down += m * g[n, k]
                out[row, 2] += down_error * down_error
                out[row, 3] += down * down
            for k in range(g.shape[1]):
                out[row, 0] += errors[k] * errors[k]
                out[row, 1] += whole[k] * whole[k]

    return squares


@cache
def _make_neglected_series(degree, n_nodes):
    """Make the sum of a pair's neglected terms at t: ``series(neglected, n, k, t)``."""

    @cpu_kernel(fastmath=FASTMATH_SUM, inline=True)
    def series(neglected, n, k, t):
        before, now, total = neglected.dtype.type(1), t, neglected.dtype.type(0)
        for q in range(2, n_nodes):
            before, now = now, (t + t) * now - before
            if q > degree:
                total += neglected[q - degree - 1, n, k] * now
        return total

    return series
