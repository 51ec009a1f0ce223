"""Kernels that bound what an expansion of cavity messages neglects, and choose its degrees by it.

The error of a (sample, unit) pair is bounded by the Chebyshev coefficients that are neglected, and
by what those beyond the nodes can be. An error ratio is that bound over the pair's allowed error.
"""

from functools import cache

from .._expansion_rules import ALIASING, allowed_error, remainder_bound
from ._compile import FASTMATH_SUM, cpu_kernel

BISECTIONS = 60
"""Halvings after which two steps cost the same."""


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
def make_bounds(n_nodes):
    """Make the kernel that bounds the error of every degree, and marks what the largest misses.

    Parameters
    ----------
    n_nodes : int
        Nodes J; the number is compiled in, so that the loops over nodes unroll. The largest degree
        is J − 3.

    Returns
    -------
    callable
        ``bounds(values, to_chebyshev, row_allowed, column_allowed, tail, keep, neglected, squares,
        start, stop)``. An error ratio is a pair's error bound over its allowed error. `keep` (M, K)
        comes as the slowest decay and leaves as 1 where the largest degree is good enough and 0
        where the pair is marked. OUT, without marked pairs: `neglected` (J − 2, M, K), the
        Chebyshev coefficients from degree 2 on, and `squares[n, d]`, the sum of squared error
        ratios of a sample at degree d from 1 on. `values` (J, M, K), `to_chebyshev` (J, J); `tail`
        (M, K) is scratch.
    """
    last, coefficient = _make_last_coefficients(n_nodes), _make_coefficient(n_nodes)

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def bounds(
        values,
        to_chebyshev,
        row_allowed,
        column_allowed,
        tail,
        keep,
        neglected,
        squares,
        start,
        stop,
    ):
        zero, one, aliased = keep.dtype.type(0), keep.dtype.type(1), keep.dtype.type(ALIASING)
        for n in range(start, stop):
            total = zero
            for k in range(keep.shape[1]):
                first, second, remainder = last(values, n, k, to_chebyshev, keep[n, k])
                bound = aliased * remainder + (abs(first) + abs(second))
                allowed = min(row_allowed[n], column_allowed[k])
                kept = one if bound <= allowed else zero
                ratio = (bound if bound <= allowed else zero) / allowed
                total += ratio * ratio
                tail[n, k] = bound if bound <= allowed else zero
                keep[n, k] = kept
            squares[n, n_nodes - 3] = total
            # One array is written by each loop: with more, the compiler gives up telling apart what
            # they may share, and does not vectorise.
            for q in range(2, n_nodes):
                for k in range(keep.shape[1]):
                    term = coefficient(values, n, k, to_chebyshev, q)
                    neglected[q - 2, n, k] = term * keep[n, k]
            for q in range(n_nodes - 3, 1, -1):
                total = zero
                for k in range(keep.shape[1]):
                    tail[n, k] += abs(neglected[q - 2, n, k])
                    ratio = tail[n, k] / min(row_allowed[n], column_allowed[k])
                    total += ratio * ratio
                squares[n, q - 1] = total

    return bounds


@cache
def make_survey(n_nodes):
    """Make the kernel that tells how good each degree would be, on some of the samples.

    Returns
    -------
    callable
        ``survey(values, to_chebyshev, row_allowed, column_allowed, stride, tail, ratio_sq, squares,
        counts, start, stop)``; rows are every `stride`-th sample. An error ratio is a pair's error
        bound over its allowed error. OUT, for a row, degree d and limit 2^j: `squares[row, d, j]`,
        the sum of squared ratios of the pairs within the limit, and `counts[row, d, j]`, how many
        pairs are beyond. `tail` (M, K) comes as the slowest decay and is used up; `ratio_sq`
        (M, K) is scratch.
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


@cpu_kernel()
def summarise_survey(squares, counts, rows, spared, total_squares, total_counts, needed):
    """Sum a survey up over its rows.

    OUT: `total_squares` and `total_counts` (D, L), and in `needed` (D,) how many rows cannot do
    with a degree: their squares exceed `spared` there, or a pair is beyond the last limit.
    """
    last = squares.shape[2] - 1
    for d in range(squares.shape[1]):
        needed[d] = 0
        total_squares[d] = 0
        total_counts[d] = 0
        for row in range(rows):
            for j in range(last + 1):
                total_squares[d, j] += squares[row, d, j]
                total_counts[d, j] += counts[row, d, j]
            needed[d] += squares[row, d, last] > spared or counts[row, d, last] > 0


@cache
def make_neglected_squares(n_nodes):
    """Make the kernel that compares the sums of what is neglected with those of g.

    Parameters
    ----------
    n_nodes : int
        Nodes J: the coefficients of T_q are known for q up to J − 1.

    Returns
    -------
    callable
        ``squares(neglected, g, x, stride, x_scale, sample_weight, mean, m_scale, fields, out,
        start, stop)``; rows are every `stride`-th input.
        `neglected` (J − 2, M, K), from T_2 on, `g` (M, K); `fields` (S, 3, K) is scratch.
        OUT `out` (S, 4), float64: ‖δH_in‖², ‖H_in‖², ‖δB_in‖², ‖B_in‖² of every input.
    """
    series = _make_neglected_series(n_nodes)

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def squares(
        neglected,
        g,
        x,
        stride,
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
def _make_neglected_series(n_nodes):
    """Make the sum of a pair's neglected terms at t: ``series(neglected, n, k, t)``."""

    @cpu_kernel(fastmath=FASTMATH_SUM, inline=True)
    def series(neglected, n, k, t):
        before, now, total = neglected.dtype.type(1), t, neglected.dtype.type(0)
        for q in range(2, n_nodes):
            before, now = now, (t + t) * now - before
            total += neglected[q - 2, n, k] * now
        return total

    return series


@cpu_kernel()
def _turn_into_steps(squares, top):
    """Replace sums at degrees by what each step down costs a sample, from `top` − 1 on.

    A sample cannot skip a step that costs more than the next one.
    """
    for n in range(squares.shape[0]):
        cost, last_square = squares.dtype.type(0), squares[n, top]
        for d in range(top - 1, 0, -1):
            here = squares[n, d]
            cost = max(cost, here - last_square)
            squares[n, d] = cost
            last_square = here


@cpu_kernel()
def _steps_within(steps, top, limit):
    """Count the steps that cost at most `limit`, and add up their costs."""
    count, total = 0, 0.0
    for n in range(steps.shape[0]):
        for d in range(1, top):
            if steps[n, d] <= limit:
                count += 1
                total += steps[n, d]
    return count, total


@cpu_kernel()
def _dearest_step(steps, top, budget):
    """Find the most that a step may cost if all that cost no more are to keep to a budget."""
    low, high = 0.0, budget
    few = _steps_within(steps, top, low)[0]
    many, total = _steps_within(steps, top, high)
    if total <= budget:
        return high
    for _ in range(BISECTIONS):
        if few == many:
            break
        middle = (low + high) / 2
        count, total = _steps_within(steps, top, middle)
        if total <= budget:
            low, few = middle, count
        else:
            high, many = middle, count
    return low


@cpu_kernel()
def choose_degrees(squares, top, budget, degree, order, rank, counts):
    """Give every sample the lowest degree for which all keep to a budget, and order them by it.

    `squares[n, d]`, used up, is the sum of squared error ratios of a sample at degree d from 1 to
    `top`; the sum over samples may grow by `budget`, or if that is 0 all have the degree `top`.
    OUT: `degree`, `order` and `rank` (M,), samples of high degrees first, and how many samples have
    a degree of p or more in `counts[p]`.
    """
    degree[:] = top
    if budget > 0:
        _turn_into_steps(squares, top)
        limit = _dearest_step(squares, top, budget)
        for n in range(squares.shape[0]):
            while degree[n] > 1 and squares[n, degree[n] - 1] <= limit:
                degree[n] -= 1
    counts[:] = 0
    place = 0
    for d in range(top, 0, -1):
        for n in range(squares.shape[0]):
            if degree[n] == d:
                order[place] = n
                rank[n] = place
                place += 1
        counts[d] = place
    counts[0] = place
