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
def column_scales(mean, n_inputs, largest, norm_sq, start, stop):
    """Write the largest |m| and Σ_i m² of units, over the first `n_inputs` rows."""
    # Slices, whose index starts at 0, or the loop over units would not vectorise.
    most, total = largest[start:stop], norm_sq[start:stop]
    most[:] = mean.dtype.type(LEAST_SCALE)
    total[:] = 0
    for i in range(n_inputs):
        row = mean[i][start:stop]
        for k in range(row.shape[0]):
            m = abs(row[k])
            most[k] = max(most[k], m)
            total[k] += m * m


@cpu_kernel(fastmath=FASTMATH_SUM)
def row_scales(x, bits, n_inputs, magnitude, cap, least, largest, norm_sq, start, stop):
    """Write the largest |x̂| up to a cap, `least` at least, and Σ_i x̂² of every sample.

    `bits`, `cap`, `least` and `largest` are floats seen as integers, and ``bits & magnitude`` drops
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
        ``row_power(x, scale, out, start, stop)``; `x` IN and `out` OUT (M, N) are two arrays.
        Threads own disjoint inputs.
    """

    @cpu_kernel()
    def row_power(x, scale, out, start, stop):
        one = x.dtype.type(1)
        for n in range(x.shape[0]):
            inverse = one / scale[n]
            source, target = x[n][start:stop], out[n][start:stop]
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
def _make_last_coefficients(n_nodes):
    """Make the last coefficients of one pair, and what bounds those beyond.

    Returns
    -------
    callable
        ``last(values, n, k, to_chebyshev, decay)`` returns the coefficients of degree J − 2 and
        J − 1, and the bound on what the series beyond adds.
    """
    coefficient = _make_coefficient(n_nodes)

    @cpu_kernel(inline=True)
    def last(values, n, k, to_chebyshev, decay):
        largest = to_chebyshev.dtype.type(0)
        for j in range(n_nodes):
            largest = max(largest, abs(values[j, n, k]))
        low = max(
            abs(coefficient(values, n, k, to_chebyshev, n_nodes - 4)),
            abs(coefficient(values, n, k, to_chebyshev, n_nodes - 3)),
        )
        first = coefficient(values, n, k, to_chebyshev, n_nodes - 2)
        second = coefficient(values, n, k, to_chebyshev, n_nodes - 1)
        high = max(abs(first), abs(second))
        return first, second, remainder_bound(largest, high, low, decay)

    return last


@cache
def make_coefficients(n_nodes):
    """Make the kernel that turns values at nodes into coefficients and marks what they miss.

    Parameters
    ----------
    n_nodes : int
        Nodes J; the number is compiled in, so that the loops over nodes unroll.

    Returns
    -------
    callable
        ``coefficients(values, to_monomial, to_chebyshev, row_allowed, column_allowed, keep, terms,
        neglected, start, stop) -> float``. `keep` (M, K) comes as the slowest decay and leaves as 1
        where the series is good enough and 0 where the pair is marked. OUT, zero where marked:
        `terms` (J − 2, M, K), coefficients of g(ω − c) in powers of c / c_max, and `neglected`
        (2, M, K), the Chebyshev coefficients that are known and cut. `values` (J, M, K),
        `to_monomial` (J − 2, J), `to_chebyshev` (J, J). The result is the sum of squared error
        ratios of the pairs that are kept, an error ratio being a pair's error bound over its
        allowed error.
    """
    last, n_terms = _make_last_coefficients(n_nodes), n_nodes - 2

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
                first, second, remainder = last(values, n, k, to_chebyshev, keep[n, k])
                bound = aliased * remainder + (abs(first) + abs(second))
                allowed = min(row_allowed[n], column_allowed[k])
                kept = one if bound <= allowed else zero
                ratio = (bound if bound <= allowed else zero) / allowed
                row_squares += ratio * ratio
                neglected[0, n, k] = first * kept
                neglected[1, n, k] = second * kept
                keep[n, k] = kept
            squares += row_squares
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
        ``survey(values, to_chebyshev, row_allowed, column_allowed, stride, tail, ratio_sq, squares,
        counts, start, stop)``; rows are every `stride`-th sample. An error ratio is a pair's error
        bound over its allowed error. OUT, for a row, degree d and limit 2^j: `squares[row, d, j]`,
        the sum of squared ratios of the pairs within the limit, and `counts[row, d, j]`, how many
        pairs are beyond. `tail` (M, K) comes as the slowest decay and is used up; `ratio_sq` (M, K)
        is scratch.
    """
    last, coefficient = _make_last_coefficients(n_nodes), _make_coefficient(n_nodes)

    @cpu_kernel()
    def survey(
        values,
        to_chebyshev,
        row_allowed,
        column_allowed,
        stride,
        tail,
        ratio_sq,
        squares,
        counts,
        start,
        stop,
    ):
        aliased = tail.dtype.type(ALIASING)
        for row in range(start, stop):
            allowed = row_allowed[row * stride]
            squares[row] = 0
            counts[row] = 0
            for k in range(tail.shape[1]):
                _, second, remainder = last(values, row, k, to_chebyshev, tail[row, k])
                tail[row, k] = aliased * remainder + abs(second)
            for q in range(n_nodes - 1, 1, -1):
                if q < n_nodes - 1:
                    for k in range(tail.shape[1]):
                        tail[row, k] += abs(coefficient(values, row, k, to_chebyshev, q))
                for k in range(tail.shape[1]):
                    ratio = tail[row, k] / min(allowed, column_allowed[k])
                    ratio_sq[row, k] = ratio * ratio
                _tally(ratio_sq[row], squares[row, q - 1], counts[row, q - 1])

    return survey


@cpu_kernel(fastmath=FASTMATH_SUM)
def _tally(ratio_sq, squares, counts):
    """Add up squared ratios within 4^j, and count those beyond, for every j."""
    # In the arrays' own precision, or the loop over pairs would compute in double.
    zero, four, limit_sq = ratio_sq.dtype.type(0), ratio_sq.dtype.type(4), ratio_sq.dtype.type(1)
    for j in range(counts.shape[0]):
        total, beyond = zero, 0
        for k in range(ratio_sq.shape[0]):
            is_within = ratio_sq[k] <= limit_sq
            total += ratio_sq[k] if is_within else zero
            beyond += not is_within
        squares[j] += total
        counts[j] += beyond
        limit_sq *= four


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
        `cap`. `neglected` (J − 1 − degree, M, K), `g` (M, K); `fields` (S, 3, K) is scratch. OUT
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
            i, errors, whole, place = row * stride, fields[row, 0], fields[row, 1], fields[row, 2]
            out[row] = 0
            for k in range(g.shape[1]):
                errors[k] = zero
                whole[k] = zero
                place[k] = mean[i, k] / m_scale[k]
            for n in range(g.shape[0]):
                x_in = x[n, i]
                if abs(x_in) > cap:
                    continue
                weighted, ratio = x_in * sample_weight[n], x_in / x_scale[n]
                down, down_error = zero, zero
                for k in range(g.shape[1]):
                    m = mean[i, k]
                    error = series(neglected, n, k, ratio * place[k])
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
