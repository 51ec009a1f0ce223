"""Kernels of the polynomial expansion of cavity messages, with all its choices on the device.

At fixed unit and sample, g of an edge is a short polynomial in the edge's own contribution (docs:
"Cavity messages by polynomials"). The kernels measure samples and units, expand g of every pair of
them with a bound on what is left out, and sum the edges: a polynomial where the bound allows it, g
itself where it does not.
"""

import math
from functools import cache

from .._expansion_rules import (
    ALIASING,
    LEAST_SCALE,
    allowed_error,
    remainder_bound,
    slowest_decay,
)
from ._runtime import cuda, device_function, kernel, place
from .activation import add_up
from .edges import add_lanes, samples_per_chunk


@device_function
def find_largest(partial, lane, width):
    """Bring the largest of `width` numbers of the block's memory, a power of two, to the front."""
    cuda.syncthreads()
    while width > 1:
        width //= 2
        if lane < width:
            partial[lane] = max(partial[lane], partial[lane + width])
        cuda.syncthreads()


@cache
def make_weight_scales(blocks, scalar):
    """Make the kernel of a unit's largest |m| and of its Σ_i m².

    Parameters
    ----------
    blocks : BlockShape
        How threads are grouped.
    scalar : type
        NumPy's scalar type of the arrays.

    Returns
    -------
    callable
        ``weight_scales(mean, n_inputs, largest, norm_sq)``; `mean` (N, K) IN, of which the first
        `n_inputs` rows count; `largest`, `norm_sq` (K,) OUT. A block's threads share its columns.
    """
    shape = (blocks.columns, blocks.column_threads)
    n_threads = blocks.column_threads

    @kernel
    def weight_scales(mean, n_inputs, largest, norm_sq):
        tops = cuda.shared.array(shape, scalar)
        totals = cuda.shared.array(shape, scalar)
        column, lane = cuda.threadIdx.x, cuda.threadIdx.y
        k = cuda.blockIdx.x * shape[0] + column
        top, total = scalar(LEAST_SCALE), scalar(0)
        if k < mean.shape[1]:
            for i in range(lane, n_inputs, n_threads):
                m = abs(mean[i, k])
                top = max(top, m)
                total += m * m
        tops[column, lane] = top
        totals[column, lane] = total
        find_largest(tops[column], lane, n_threads)
        add_up(totals[column], lane, n_threads)
        if lane == 0 and k < mean.shape[1]:
            largest[k] = tops[column, 0]
            norm_sq[k] = totals[column, 0]

    return weight_scales


@cache
def make_sample_scales(row_threads, scalar):
    """Make the kernel of how far a sample's inputs reach.

    Parameters
    ----------
    row_threads : int
        Threads per sample, a power of two.
    scalar : type
        NumPy's scalar type of the arrays.

    Returns
    -------
    callable
        ``sample_scales(x, n_inputs, ratio, sample_weight, scale, inverse, cap, norm_sq)``; one
        block per sample. `x` (M, N), of which the first `n_inputs` columns count, and
        `sample_weight` (M,) IN; OUT (M,): the largest |x̂| up to the cap, its inverse, the cap
        (`ratio` root mean squares, infinite where no input is beyond), and Σ_i x̂² times the square
        of the sample's weight.
    """

    @kernel
    def sample_scales(x, n_inputs, ratio, sample_weight, scale, inverse, cap, norm_sq):
        partial = cuda.shared.array(row_threads, scalar)
        n, lane = cuda.blockIdx.x, cuda.threadIdx.x
        total, largest = scalar(0), scalar(LEAST_SCALE)
        for i in range(lane, n_inputs, row_threads):
            value = abs(x[n, i])
            total += value * value
            largest = max(largest, value)
        partial[lane] = total
        add_up(partial, lane, row_threads)
        total = partial[0]
        cuda.syncthreads()
        partial[lane] = largest
        find_largest(partial, lane, row_threads)
        largest = partial[0]
        limit = ratio * max(math.sqrt(total / scalar(n_inputs)), scalar(LEAST_SCALE))
        if largest > limit:
            light = scalar(LEAST_SCALE)
            for i in range(lane, n_inputs, row_threads):
                value = abs(x[n, i])
                light = max(light, value if value <= limit else light)
            cuda.syncthreads()
            partial[lane] = light
            find_largest(partial, lane, row_threads)
        if lane == 0:
            scale[n] = partial[0]
            inverse[n] = scalar(1) / partial[0]
            cap[n] = limit if largest > limit else scalar(math.inf)
            norm_sq[n] = total * sample_weight[n] * sample_weight[n]

    return sample_scales


@cache
def make_pair_norms(row_threads, scalar):
    """Make the kernel of Σ_k g² of every sample, weighted by samples and, apart, by units.

    Returns
    -------
    callable
        ``pair_norms(g, x_norm_sq, m_norm_sq, by_samples, by_units)``; `g` (M, K), `x_norm_sq` (M,)
        and `m_norm_sq` (K,) IN; `by_samples`, `by_units` (M,) OUT; one block per sample.
    """

    @kernel
    def pair_norms(g, x_norm_sq, m_norm_sq, by_samples, by_units):
        partial = cuda.shared.array(row_threads, scalar)
        weighted = cuda.shared.array(row_threads, scalar)
        n, lane = cuda.blockIdx.x, cuda.threadIdx.x
        plain, by_unit = scalar(0), scalar(0)
        for k in range(lane, g.shape[1], row_threads):
            square = g[n, k] * g[n, k]
            plain += square
            by_unit += square * m_norm_sq[k]
        partial[lane] = plain
        weighted[lane] = by_unit
        add_up(partial, lane, row_threads)
        add_up(weighted, lane, row_threads)
        if lane == 0:
            by_samples[n] = partial[0] * x_norm_sq[n]
            by_units[n] = weighted[0]

    return pair_norms


@cache
def make_share_tolerance(row_threads, scalar):
    """Make the kernel that shares the tolerance in the norm of a sum among its pairs.

    Returns
    -------
    callable
        ``share_tolerance(parts, n_pairs, norm_sq, tolerance, allowed)``; `parts` (M,) IN, whose sum
        is Σ g² weighted by `norm_sq`; `norm_sq` IN and `allowed` OUT, both (M,) or (K,); one block.
    """

    @kernel
    def share_tolerance(parts, n_pairs, norm_sq, tolerance, allowed):
        partial = cuda.shared.array(row_threads, scalar)
        lane = cuda.threadIdx.x
        total = scalar(0)
        for n in range(lane, parts.size, row_threads):
            total += parts[n]
        partial[lane] = total
        add_up(partial, lane, row_threads)
        for n in range(lane, norm_sq.size, row_threads):
            allowed[n] = allowed_error(partial[0], n_pairs, norm_sq[n], tolerance)

    return share_tolerance


@cache
def make_expand(channel, n_nodes, n_terms, scalar, bounded):
    """Make the kernel that expands g of every pair of a sample and a unit.

    Parameters
    ----------
    channel : Activation
        The channel above the layer.
    n_nodes, n_terms : int
        Nodes J and terms D.
    scalar : type
        NumPy's scalar type of the arrays.
    bounded : bool
        Whether pairs whose series leaves out too much are marked.

    Returns
    -------
    callable
        ``expand(omega, parameters, x_scale, m_scale, x_allowed, m_allowed, nodes, to_monomial,
        to_chebyshev, keep, terms)``; OUT: `terms` (D, M, K), coefficients of g(ω − c) in powers of
        c / c_max, and `keep` (M, K), 0 where a pair is marked and 1 elsewhere.
    """
    edge_g, edge_singularities = channel.edge_g, channel.edge_singularities
    first_bounded = min(n_terms, n_nodes - 4)
    zero, one, aliased = scalar(0), scalar(1), scalar(ALIASING)

    @kernel
    def expand(
        omega,
        parameters,
        x_scale,
        m_scale,
        x_allowed,
        m_allowed,
        nodes,
        to_monomial,
        to_chebyshev,
        keep,
        terms,
    ):
        values = cuda.local.array(n_nodes, scalar)
        k, first = cuda.grid(2)
        if k < omega.shape[1]:
            for n in range(first, omega.shape[0], cuda.gridsize(2)[1]):
                p0, p1, p2 = parameters[0, n, k], parameters[1, n, k], parameters[2, n, k]
                largest = zero
                for j in range(n_nodes):
                    shift = x_scale[n] * nodes[j]
                    value = edge_g(omega[n, k] - shift * m_scale[k], p0, p1, p2)
                    values[j] = value
                    largest = max(largest, abs(value))
                for p in range(n_terms):
                    term = zero
                    for j in range(n_nodes):
                        term += to_monomial[p, j] * values[j]
                    terms[p, n, k] = term
                keep[n, k] = one
                if bounded:
                    known, high, low = zero, zero, zero
                    for q in range(first_bounded, n_nodes):
                        coefficient = zero
                        for j in range(n_nodes):
                            coefficient += to_chebyshev[q, j] * values[j]
                        size = abs(coefficient)
                        known += size if q >= n_terms else zero
                        high = max(high, size if q >= n_nodes - 2 else zero)
                        low = max(low, size if n_nodes - 4 <= q < n_nodes - 2 else zero)
                    half_width = x_scale[n] * m_scale[k]
                    decay = slowest_decay(half_width, omega[n, k], edge_singularities(p0, p1, p2))
                    bound = known + aliased * remainder_bound(largest, high, low, decay)
                    kept = bound <= min(x_allowed[n], m_allowed[k])
                    keep[n, k] = one if kept else zero

    return expand


@cache
def make_expanded_sums(channel, blocks, scalar, n_terms, has_units_below):
    """Make the kernel of the edge sums with node-level means, expanded where that is good enough.

    The loops are those of :func:`.edges.make_edge_sums`. But an expanded edge takes so little work
    that reading counts: a thread holds the edges of several units, and what they all read of some
    samples is brought into the block's memory first.

    Parameters
    ----------
    channel : Activation
        The channel above the layer.
    blocks : BlockShape
        How threads are grouped.
    scalar : type
        NumPy's scalar type of the arrays.
    n_terms : int
        Terms D of the polynomials.
    has_units_below : bool
        Whether B_in is wanted.

    Returns
    -------
    callable
        ``expanded_sums(omega, parameters, terms, keep, x, x_inverse, x_cap, mean, m_scale,
        n_inputs, sample_weight, down_partial, field_in)``. IN: what :func:`make_expand` read and
        wrote, the inverse scales and the caps of samples (M,), `x` (M, N), `mean` (N, K) and
        `sample_weight` (M,); `terms` and `keep` flat. Exact are marked pairs, inputs above their
        cap and those from `n_inputs` on. OUT: `down_partial` (columns of blocks, M, N) and
        `field_in` (N, K).
    """
    edge_g = channel.edge_g
    n_lanes, n_groups = blocks.lanes, blocks.groups
    n_part, n_units = blocks.inputs, blocks.units
    n_threads, n_wide, n_deep = n_lanes * n_groups, n_lanes * n_units, n_groups * n_part
    n_chunk = samples_per_chunk(blocks, scalar, n_terms)
    partial_shape = (n_groups, n_chunk * n_part, n_lanes + 1)
    part_shape, series_shape = (n_units, n_part), (n_units, n_terms)
    tile_shape, inputs_shape = (n_chunk, n_terms + 1, n_wide), (2, n_chunk, n_deep)
    zero, one, last_term = scalar(0), scalar(1), n_terms - 1
    exact, light = scalar(4), scalar(2)

    @device_function
    def evaluate(series, c, t):
        g = series[c, last_term]
        for p in range(last_term - 1, -1, -1):
            g = series[c, p] + g * t
        return g

    @kernel
    def expanded_sums(
        omega,
        parameters,
        terms,
        keep,
        x,
        x_inverse,
        x_cap,
        mean,
        m_scale,
        n_inputs,
        sample_weight,
        down_partial,
        field_in,
    ):
        partial = cuda.shared.array(partial_shape, scalar)
        tile = cuda.shared.array(tile_shape, scalar)
        inputs = cuda.shared.array(inputs_shape, scalar)
        means = cuda.local.array(part_shape, scalar)
        scaled = cuda.local.array(part_shape, scalar)
        fields = cuda.local.array(part_shape, scalar)
        series = cuda.local.array(series_shape, scalar)
        kept = cuda.local.array(n_units, scalar)
        ratio = cuda.local.array(n_part, scalar)
        down = cuda.local.array(n_part, scalar)
        lane, group = cuda.threadIdx.x, cuda.threadIdx.y
        thread, first = group * n_lanes + lane, cuda.blockIdx.y * n_deep
        own = first + group * n_part
        n_samples, n_rows, n_columns = x.shape[0], mean.shape[0], mean.shape[1]
        read = min(first + thread % n_deep, n_rows - 1)
        plane, width = place(n_samples * n_columns), place(n_columns)
        start_unit = cuda.blockIdx.x * n_wide
        while start_unit < n_columns:
            # Threads beyond the last edge work on the last one, with zero weight.
            for c in range(n_units):
                unit = start_unit + c * n_lanes + lane
                k = min(unit, n_columns - 1)
                scale = one / m_scale[k]
                for r in range(n_part):
                    m = mean[min(own + r, n_rows - 1), k] if unit < n_columns else zero
                    means[c, r] = m
                    scaled[c, r] = m * scale
                    fields[c, r] = zero
            for start in range(0, n_samples, n_chunk):
                n_now = min(n_chunk, n_samples - start)
                for s in range(thread // n_wide, n_now, n_threads // n_wide):
                    u_s, u_u, pair = place(s), place(thread % n_wide), place(start + s) * width
                    pair += place(min(start_unit + thread % n_wide, n_columns - 1))
                    tile[u_s, place(n_terms), u_u] = keep[pair]
                    for p in range(n_terms):
                        tile[u_s, place(p), u_u] = terms[pair]
                        pair += plane
                for s in range(thread // n_deep, n_now, n_threads // n_deep):
                    u_s, u_r, n = place(s), place(thread % n_deep), place(start + s)
                    value = x[n, place(read)]
                    is_light = read < n_inputs and abs(value) <= x_cap[n]
                    inputs[place(0), u_s, u_r] = value * x_inverse[n] if is_light else exact
                    inputs[place(1), u_s, u_r] = value * sample_weight[n]
                cuda.syncthreads()
                for s in range(n_now):
                    u_s, all_light = place(s), True
                    for r in range(n_part):
                        ratio[r] = inputs[place(0), u_s, place(group * n_part + r)]
                        all_light = all_light and abs(ratio[r]) < light
                        down[r] = zero
                    for c in range(n_units):
                        u_u = place(c * n_lanes + lane)
                        for p in range(n_terms):
                            series[c, p] = tile[u_s, place(p), u_u]
                        kept[c] = tile[u_s, place(n_terms), u_u]
                        all_light = all_light and kept[c] != zero
                    if all_light:
                        for r in range(n_part):
                            weighted = inputs[place(1), u_s, place(group * n_part + r)]
                            for c in range(n_units):
                                g = evaluate(series, c, scaled[c, r] * ratio[r])
                                fields[c, r] += weighted * g
                                down[r] += means[c, r] * g
                    else:
                        n = place(start + s)
                        weight = sample_weight[n]
                        for r in range(n_part):
                            value = x[n, place(min(own + r, n_rows - 1))]
                            for c in range(n_units):
                                if kept[c] != zero and abs(ratio[r]) < light:
                                    g = evaluate(series, c, scaled[c, r] * ratio[r])
                                else:
                                    k = place(min(start_unit + c * n_lanes + lane, n_columns - 1))
                                    g = edge_g(
                                        omega[n, k] - means[c, r] * value,
                                        parameters[place(0), n, k],
                                        parameters[place(1), n, k],
                                        parameters[place(2), n, k],
                                    )
                                fields[c, r] += value * weight * g
                                down[r] += means[c, r] * g
                    if has_units_below:
                        for r in range(n_part):
                            partial[place(group), place(s * n_part + r), place(lane)] = down[r]
                if has_units_below:
                    is_first = start_unit == cuda.blockIdx.x * n_wide
                    add_lanes(
                        partial, group, lane, n_lanes, n_part, start, own, is_first, down_partial
                    )
                else:
                    cuda.syncthreads()
            for c in range(n_units):
                k = start_unit + c * n_lanes + lane
                for r in range(n_part):
                    if k < n_columns and own + r < n_rows:
                        field_in[own + r, k] = fields[c, r]
            start_unit += cuda.gridDim.x * n_wide

    return expanded_sums
