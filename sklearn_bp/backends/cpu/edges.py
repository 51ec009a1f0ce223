"""Exact cavity messages: g of every edge (sample, input, unit), summed without storing an edge.

The inner loop runs over units, or over inputs where there are many more of them, so that the
special functions vectorise. Threads own disjoint inputs, hence both sums.
"""

from functools import cache

from .._rules import damp
from ._compile import FASTMATH_SUM, cpu_kernel


@cache
def make_edge_parameters(channel):
    """Make the kernel of what g of a channel needs besides ω.

    Returns
    -------
    callable
        ``edge_parameters(down_field, down_precision, v, parameters, start, stop)``; `parameters`
        (3, M, K) OUT.
    """
    scalar_parameters = channel.edge_parameters

    @cpu_kernel()
    def edge_parameters(down_field, down_precision, v, parameters, start, stop):
        for n in range(start, stop):
            for k in range(v.shape[1]):
                p0, p1, p2 = scalar_parameters(down_field[n, k], down_precision[n, k], v[n, k])
                parameters[0, n, k] = p0
                parameters[1, n, k] = p1
                parameters[2, n, k] = p2

    return edge_parameters


@cpu_kernel()
def pad_units(omega, parameters, mean, wide_omega, wide_parameters, wide_mean):
    """Copy into arrays of more units: those added are the first one's, with weights of zero."""
    n_units = omega.shape[1]
    for n in range(omega.shape[0]):
        for k in range(wide_omega.shape[1]):
            source = k if k < n_units else 0
            wide_omega[n, k] = omega[n, source]
            for p in range(parameters.shape[0]):
                wide_parameters[p, n, k] = parameters[p, n, source]
    for i in range(mean.shape[0]):
        for k in range(n_units):
            wide_mean[i, k] = mean[i, k]


@cache
def make_input_edges(channel):
    """Make the sums over the edges of one input of one sample.

    Returns
    -------
    callable
        ``input_edges(n, i, omega, parameters, x_in, weighted, mean, field_in) -> float``: the sum
        B_in; `weighted` times g is added to `field_in` (N, K). For other kernels to take in.
    """
    edge_g = channel.edge_g

    @cpu_kernel(fastmath=FASTMATH_SUM, inline=True)
    def input_edges(n, i, omega, parameters, x_in, weighted, mean, field_in):
        total = omega.dtype.type(0)
        for k in range(mean.shape[1]):
            m = mean[i, k]
            g = edge_g(
                omega[n, k] - m * x_in,
                parameters[0, n, k],
                parameters[1, n, k],
                parameters[2, n, k],
            )
            field_in[i, k] += weighted * g
            total += m * g
        return total

    return input_edges


@cache
def make_edge_sums(channel):
    """Make the kernel of the exact edge sums, with node-level means on the edges.

    Returns
    -------
    callable
        ``edge_sums(omega, parameters, x, mean, sample_weight, down_field, fields, field_in, start,
        stop)`` with `omega` (M, L), `parameters` (3, M, L), `x` (M, N), `mean` (N, L),
        `sample_weight` (M,) IN; `down_field` (M, N), or None if it is not wanted, and `field_in`
        (N, K) OUT, of the first K of L units; `fields` (N, L) is scratch. Rows are inputs:
        g_{kn→i} = g(ω_kn − m_ki x̂_in), B_in = Σ_k m_ki g_{kn→i}, H_in,ki = Σ_n x̂_in g_{kn→i}.
    """
    input_edges = make_input_edges(channel)

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def edge_sums(
        omega, parameters, x, mean, sample_weight, down_field, fields, field_in, start, stop
    ):
        zero = omega.dtype.type(0)
        for i in range(start, stop):
            for k in range(mean.shape[1]):
                fields[i, k] = zero
            for n in range(omega.shape[0]):
                weighted = x[n, i] * sample_weight[n]
                down = input_edges(n, i, omega, parameters, x[n, i], weighted, mean, fields)
                if down_field is not None:
                    down_field[n, i] = down
            for k in range(field_in.shape[1]):
                field_in[i, k] = fields[i, k]

    return edge_sums


@cache
def make_pair_edges(channel):
    """Make the sums over the inputs of one (sample, unit) pair, all of them contiguous.

    Returns
    -------
    callable
        ``pair_edges(middle, parameters, x, weight, mean, field, g, down_field)``: w x̂ g is
        added to `field` and m g to `down_field`, unless that is None; `g` is scratch.
    """
    edge_g = channel.edge_g

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def pair_edges(middle, parameters, x, weight, mean, field, g, down_field):
        p0, p1, p2 = parameters[0], parameters[1], parameters[2]
        # A loop that does nothing else vectorises.
        for i in range(x.shape[0]):
            g[i] = edge_g(middle - mean[i] * x[i], p0, p1, p2)
        for i in range(x.shape[0]):
            field[i] += (weight * x[i]) * g[i]
            if down_field is not None:
                down_field[i] += mean[i] * g[i]

    return pair_edges


@cache
def make_edge_sums_along_inputs(channel):
    """Make the kernel of the exact edge sums whose inner loop runs over inputs.

    Returns
    -------
    callable
        ``edge_sums(omega, parameters, x, mean, sample_weight, unit, down_field, field_in, start,
        stop)`` as that of :func:`make_edge_sums`, without padding; `unit` (3, N) is scratch, for
        the weights of one unit, which are not neighbours in memory, their fields, and g.
    """
    pair_edges = make_pair_edges(channel)

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def edge_sums(
        omega, parameters, x, mean, sample_weight, unit, down_field, field_in, start, stop
    ):
        zero = x.dtype.type(0)
        means, fields, g = unit[0][start:stop], unit[1][start:stop], unit[2][start:stop]
        if down_field is not None:
            down_field[:, start:stop] = zero
        for k in range(mean.shape[1]):
            for i in range(means.shape[0]):
                means[i] = mean[start + i, k]
                fields[i] = zero
            for n in range(omega.shape[0]):
                pair = omega[n, k], parameters[:, n, k], x[n][start:stop]
                weight = sample_weight[n]
                if down_field is None:
                    pair_edges(*pair, weight, means, fields, g, None)
                else:
                    pair_edges(*pair, weight, means, fields, g, down_field[n][start:stop])
            for i in range(means.shape[0]):
                field_in[start + i, k] = fields[i]

    return edge_sums


@cache
def make_edge_sums_cavity(channel):
    """Make the kernel of the exact edge sums with means that travel on the edges.

    Returns
    -------
    callable
        ``edge_sums(omega, parameters, x_cav, m_cav, sample_weight, g_cav, down_field, field_in,
        start, stop)`` with `x_cav`, `m_cav` (M, N, K) IN, `g_cav` (M, N, K) OUT and the rest as in
        :func:`make_edge_sums`.
    """
    edge_g = channel.edge_g

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def edge_sums_cavity(
        omega,
        parameters,
        x_cav,
        m_cav,
        sample_weight,
        g_cav,
        down_field,
        field_in,
        start,
        stop,
    ):
        zero = omega.dtype.type(0)
        for i in range(start, stop):
            for k in range(omega.shape[1]):
                field_in[i, k] = zero
            for n in range(omega.shape[0]):
                weight = sample_weight[n]
                total = zero
                for k in range(omega.shape[1]):
                    m = m_cav[n, i, k]
                    x_in = x_cav[n, i, k]
                    g = edge_g(
                        omega[n, k] - m * x_in,
                        parameters[0, n, k],
                        parameters[1, n, k],
                        parameters[2, n, k],
                    )
                    g_cav[n, i, k] = g
                    field_in[i, k] += weight * x_in * g
                    total += m * g
                down_field[n, i] = total

    return edge_sums_cavity


@cpu_kernel(fastmath=FASTMATH_SUM)
def edge_omega(m_cav, x_cav, omega, start, stop):
    """Sum the cavity means into ω: omega_kn = Σ_i m_{ki→n} x̂_{in→k}; rows are samples."""
    zero = omega.dtype.type(0)
    for n in range(start, stop):
        for k in range(omega.shape[1]):
            omega[n, k] = zero
        for i in range(m_cav.shape[1]):
            for k in range(omega.shape[1]):
                omega[n, k] += m_cav[n, i, k] * x_cav[n, i, k]


@cpu_kernel()
def fill_x_cav(x, x_cav, start, stop):
    """Give every edge its input's activation; rows are samples."""
    for n in range(start, stop):
        for i in range(x_cav.shape[1]):
            for k in range(x_cav.shape[2]):
                x_cav[n, i, k] = x[n, i]


@cpu_kernel()
def fill_m_cav(mean, m_cav, start, stop):
    """Give every edge its weight's mean; rows are samples."""
    for n in range(start, stop):
        for i in range(m_cav.shape[1]):
            for k in range(m_cav.shape[2]):
                m_cav[n, i, k] = mean[i, k]


@cache
def make_update_m_cav(prior):
    """Make the update of the weight means on the edges and of the down cavities.

    Returns
    -------
    callable
        ``update(field, precision, mask, weight, damping, down_field, x_cav, m_cav, g_cav, first,
        start, stop)`` for inputs ``first + start`` to ``first + stop``: `g_cav` (M, N, K) becomes
        B_{in→k} = B_in − m_{ki→n} g_{kn→i}, then m_{ki→n} ← α m_{ki→n} + (1 − α)
        mean(H_ki − w x̂_{in→k} g_{kn→i}, G_ki). `field` and `mask` (N, K), `precision` one row per
        input from `first` on (unused if the prior has none).
    """
    scalar_mean = prior.mean
    has_precision = prior.has_precision

    @cpu_kernel()
    def update_m_cav(
        field, precision, mask, weight, damping, down_field, x_cav, m_cav, g_cav, first, start, stop
    ):
        one = field.dtype.type(1)
        for row in range(start, stop):
            i = first + row
            for n in range(m_cav.shape[0]):
                for k in range(field.shape[1]):
                    g = g_cav[n, i, k]
                    m = m_cav[n, i, k]
                    G = precision[row, k] if has_precision else one
                    target = scalar_mean(field[i, k] - weight * x_cav[n, i, k] * g, G)
                    g_cav[n, i, k] = down_field[n, i] - m * g
                    m_cav[n, i, k] = mask[i, k] * damp(m, target, damping)

    return update_m_cav


@cache
def make_update_x_cav(channel):
    """Make the kernel of activation means on the edges.

    Returns
    -------
    callable
        ``update(b_cav, down_precision, omega_below, v_below, x_cav, start, stop)``:
        x̂_{in→k} = ∂_B φ(B_{in→k}, A_in, ω_in, V_in); rows are samples, `omega_below` and
        `v_below` (M, N) without the constant input, whose edges stay as they are.
    """
    scalar_moments = channel.moments

    @cpu_kernel()
    def update_x_cav(b_cav, down_precision, omega_below, v_below, x_cav, start, stop):
        for n in range(start, stop):
            for i in range(omega_below.shape[1]):
                for k in range(x_cav.shape[2]):
                    mean, _ = scalar_moments(
                        b_cav[n, i, k], down_precision[n, i], omega_below[n, i], v_below[n, i]
                    )
                    x_cav[n, i, k] = mean

    return update_x_cav
