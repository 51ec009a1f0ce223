"""Exact cavity messages: g of every edge (sample, input, unit), summed without storing an edge.

A block owns some inputs and, one after another, tiles of units; its threads are lanes along the
units and groups along the inputs, and a thread holds a few inputs of one unit. Over the samples a
thread adds up its own part of H_in. Its part of B_in goes to the block's memory, where after every
few samples the lanes are added up. Sums over tiles end in `down_partial`, one slice per column of
blocks, and a second kernel adds the slices. So no edge is stored, nothing is added atomically, and
the order of all sums is fixed.
"""

from functools import cache

from .._rules import damp
from ._runtime import cuda, device_function, kernel, place


@cache
def make_edge_parameters(channel):
    """Make the kernel of what g of a channel needs besides ω.

    Returns
    -------
    callable
        ``edge_parameters(down_field, down_precision, v, parameters)``; `parameters` (3, M, K) OUT.
    """
    scalar_parameters = channel.edge_parameters

    @kernel
    def edge_parameters(down_field, down_precision, v, parameters):
        k, first = cuda.grid(2)
        if k < v.shape[1]:
            for n in range(first, v.shape[0], cuda.gridsize(2)[1]):
                p0, p1, p2 = scalar_parameters(down_field[n, k], down_precision[n, k], v[n, k])
                parameters[0, n, k] = p0
                parameters[1, n, k] = p1
                parameters[2, n, k] = p2

    return edge_parameters


def samples_per_chunk(blocks, scalar, n_terms=0):
    """Count the samples after which a block adds up its lanes' parts of B_in.

    Parameters
    ----------
    blocks : BlockShape
        How threads are grouped.
    scalar : type
        NumPy's scalar type of the arrays.
    n_terms : int
        Terms of the polynomials that the block holds meanwhile; 0 if there are none.

    Returns
    -------
    int
        At least 1.
    """
    size = scalar(0).itemsize
    n_samples = blocks.chunk_bytes // (blocks.inputs * size)
    if n_terms:
        row = (n_terms + 1) * blocks.lanes * blocks.units * size
        n_samples = min(n_samples, blocks.series_bytes // row)
    return max(1, n_samples)


@device_function
def add_lanes(partial, group, lane, n_lanes, n_inputs, start, inputs, is_first, down_partial):
    """Add the lanes' parts of B_in for the samples from `start` on, and empty the memory."""
    cuda.syncthreads()
    for entry in range(lane, partial.shape[1], n_lanes):
        n = place(start) + place(entry // n_inputs)
        i = place(inputs) + place(entry % n_inputs)
        if n < place(down_partial.shape[1]) and i < place(down_partial.shape[2]):
            total = partial[place(group), place(entry), place(0)]
            for other in range(1, n_lanes):
                total += partial[place(group), place(entry), place(other)]
            column = place(cuda.blockIdx.x)
            if is_first:
                down_partial[column, n, i] = total
            else:
                down_partial[column, n, i] += total
    cuda.syncthreads()


@cache
def make_edge_sums(channel, blocks, scalar, has_units_below):
    """Make the kernel of the exact edge sums, with node-level means on the edges.

    Parameters
    ----------
    channel : Activation
        The channel above the layer.
    blocks : BlockShape
        How threads are grouped.
    scalar : type
        NumPy's scalar type of the arrays.
    has_units_below : bool
        Whether B_in is wanted.

    Returns
    -------
    callable
        ``edge_sums(omega, parameters, x, mean, sample_weight, down_partial, field_in)`` with
        `omega` (M, K), `parameters` (3, M, K), `x` (M, N), `mean` (N, K), `sample_weight` (M,) IN;
        `down_partial` (columns of blocks, M, N) and `field_in` (N, K) OUT:
        g_{kn→i} = g(ω_kn − m_ki x̂_in), B_in = Σ_k m_ki g_{kn→i}, H_in,ki = Σ_n x̂_in g_{kn→i}.
    """
    edge_g = channel.edge_g
    n_lanes, n_groups, n_inputs = blocks.lanes, blocks.groups, blocks.inputs
    n_samples = samples_per_chunk(blocks, scalar)
    partial_shape = (n_groups, n_samples * n_inputs, n_lanes + 1)

    @kernel
    def edge_sums(omega, parameters, x, mean, sample_weight, down_partial, field_in):
        partial = cuda.shared.array(partial_shape, scalar)
        means = cuda.local.array(n_inputs, scalar)
        fields = cuda.local.array(n_inputs, scalar)
        lane, group = cuda.threadIdx.x, cuda.threadIdx.y
        inputs = (cuda.blockIdx.y * n_groups + group) * n_inputs
        last_input, last_unit = mean.shape[0] - 1, mean.shape[1] - 1
        tile = cuda.blockIdx.x
        while tile * n_lanes <= last_unit:
            # Threads beyond the last edge work on the last one, with zero weight.
            k = min(tile * n_lanes + lane, last_unit)
            exists = tile * n_lanes + lane <= last_unit
            for r in range(n_inputs):
                means[r] = mean[min(inputs + r, last_input), k] if exists else scalar(0)
                fields[r] = scalar(0)
            u_k = place(k)
            for start in range(0, omega.shape[0], n_samples):
                for n in range(start, min(start + n_samples, omega.shape[0])):
                    u_n, entry = place(n), (n - start) * n_inputs
                    centre, weight = omega[u_n, u_k], sample_weight[u_n]
                    p0 = parameters[place(0), u_n, u_k]
                    p1 = parameters[place(1), u_n, u_k]
                    p2 = parameters[place(2), u_n, u_k]
                    for r in range(n_inputs):
                        x_in = x[u_n, place(min(inputs + r, last_input))]
                        g = edge_g(centre - means[place(r)] * x_in, p0, p1, p2)
                        fields[place(r)] += x_in * weight * g
                        if has_units_below:
                            down = means[place(r)] * g
                            partial[place(group), place(entry + r), place(lane)] = down
                if has_units_below:
                    first = tile == cuda.blockIdx.x
                    add_lanes(
                        partial, group, lane, n_lanes, n_inputs, start, inputs, first, down_partial
                    )
            for r in range(n_inputs):
                if exists and inputs + r <= last_input:
                    field_in[inputs + r, k] = fields[r]
            tile += cuda.gridDim.x

    return edge_sums


@cache
def make_edge_sums_cavity(channel, blocks, scalar):
    """Make the kernel of the exact edge sums with means that travel on the edges.

    Returns
    -------
    callable
        ``edge_sums(omega, parameters, x_cav, m_cav, sample_weight, g_cav, down_partial,
        field_in)`` with `x_cav`, `m_cav` (M, N, K) IN, `g_cav` (M, N, K) OUT and the rest as in
        :func:`make_edge_sums`; a thread has one input.
    """
    edge_g = channel.edge_g
    n_lanes, n_groups = blocks.lanes, blocks.groups
    n_samples = samples_per_chunk(blocks, scalar)
    partial_shape = (n_groups, n_samples, n_lanes + 1)

    @kernel
    def edge_sums_cavity(
        omega, parameters, x_cav, m_cav, sample_weight, g_cav, down_partial, field_in
    ):
        partial = cuda.shared.array(partial_shape, scalar)
        lane, group = cuda.threadIdx.x, cuda.threadIdx.y
        i = cuda.blockIdx.y * n_groups + group
        tile = cuda.blockIdx.x
        while tile * n_lanes < omega.shape[1]:
            k = tile * n_lanes + lane
            inside = k < omega.shape[1] and i < field_in.shape[0]
            field = scalar(0)
            for start in range(0, omega.shape[0], n_samples):
                for n in range(start, min(start + n_samples, omega.shape[0])):
                    partial[group, n - start, lane] = scalar(0)
                    if inside:
                        m, x_in = m_cav[n, i, k], x_cav[n, i, k]
                        g = edge_g(
                            omega[n, k] - m * x_in,
                            parameters[0, n, k],
                            parameters[1, n, k],
                            parameters[2, n, k],
                        )
                        g_cav[n, i, k] = g
                        field += sample_weight[n] * x_in * g
                        partial[group, n - start, lane] = m * g
                first = tile == cuda.blockIdx.x
                add_lanes(partial, group, lane, n_lanes, 1, start, i, first, down_partial)
            if inside:
                field_in[i, k] = field
            tile += cuda.gridDim.x

    return edge_sums_cavity


@kernel
def add_slices(down_partial, down_field):
    """Add the columns' parts of B_in.

    `down_partial` (columns, M, N) IN, `down_field` (M, N) OUT.
    """
    i, first = cuda.grid(2)
    if i < down_field.shape[1]:
        for n in range(first, down_field.shape[0], cuda.gridsize(2)[1]):
            total = down_partial[0, n, i]
            for column in range(1, down_partial.shape[0]):
                total += down_partial[column, n, i]
            down_field[n, i] = total


@kernel
def edge_omega(m_cav, x_cav, omega):
    """Sum the cavity means into ω: omega_kn = Σ_i m_{ki→n} x̂_{in→k}."""
    k, first = cuda.grid(2)
    if k < omega.shape[1]:
        for n in range(first, omega.shape[0], cuda.gridsize(2)[1]):
            total = m_cav[n, 0, k] * x_cav[n, 0, k]
            for i in range(1, m_cav.shape[1]):
                total += m_cav[n, i, k] * x_cav[n, i, k]
            omega[n, k] = total


@kernel
def fill_x_cav(x, x_cav):
    """Give every edge its input's activation; blocks along the third direction share samples."""
    k, first = cuda.grid(2)
    if k < x_cav.shape[2]:
        for n in range(cuda.blockIdx.z, x_cav.shape[0], cuda.gridDim.z):
            for i in range(first, x_cav.shape[1], cuda.gridsize(2)[1]):
                x_cav[n, i, k] = x[n, i]


@kernel
def fill_m_cav(mean, m_cav):
    """Give every edge its weight's mean; blocks along the third direction share samples."""
    k, first = cuda.grid(2)
    if k < m_cav.shape[2]:
        for n in range(cuda.blockIdx.z, m_cav.shape[0], cuda.gridDim.z):
            for i in range(first, m_cav.shape[1], cuda.gridsize(2)[1]):
                m_cav[n, i, k] = mean[i, k]


@cache
def make_update_m_cav(prior, scalar):
    """Make the update of the weight means on the edges and of the down cavities.

    Returns
    -------
    callable
        ``update(field, precision, mask, weight, damping, down_field, x_cav, m_cav, g_cav, first)``
        as on the CPU, for inputs from `first` on, as many as `precision` has rows; blocks along the
        third direction share samples.
    """
    scalar_mean = prior.mean
    has_precision = prior.has_precision
    one = scalar(1)

    @kernel
    def update_m_cav(
        field, precision, mask, weight, damping, down_field, x_cav, m_cav, g_cav, first
    ):
        k, start = cuda.grid(2)
        if k < field.shape[1]:
            for n in range(cuda.blockIdx.z, m_cav.shape[0], cuda.gridDim.z):
                for row in range(start, precision.shape[0], cuda.gridsize(2)[1]):
                    i = first + row
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
        ``update(b_cav, down_precision, omega_below, v_below, x_cav)`` as on the CPU; blocks along
        the third direction share samples.
    """
    scalar_moments = channel.moments

    @kernel
    def update_x_cav(b_cav, down_precision, omega_below, v_below, x_cav):
        k, first = cuda.grid(2)
        if k < x_cav.shape[2]:
            for n in range(cuda.blockIdx.z, x_cav.shape[0], cuda.gridDim.z):
                for i in range(first, omega_below.shape[1], cuda.gridsize(2)[1]):
                    mean, _ = scalar_moments(
                        b_cav[n, i, k], down_precision[n, i], omega_below[n, i], v_below[n, i]
                    )
                    x_cav[n, i, k] = mean

    return update_x_cav
