"""Kernels over samples and units: moments of activations, g and gamma of channels.

Row-major arrays, one row per sample; a thread takes a column and every so many rows, except where
a sum over the row is asked for, which a block forms in a fixed order.
"""

from functools import cache

from numpy import float64

from ...channels.labels import doubt, judged_noise, label_log_probability, responsibility, soften
from .._rules import complete_v, is_bad
from ._record import FAILED
from ._runtime import cuda, device_function, kernel


@device_function
def add_up(partial, lane, width):
    """Sum `width` numbers of the block's memory, a power of two, into the first one."""
    cuda.syncthreads()
    while width > 1:
        width //= 2
        if lane < width:
            partial[lane] += partial[lane + width]
        cuda.syncthreads()


@cache
def make_moments(channel, row_threads, scalar):
    """Make the kernel that turns pre-activation moments into activation moments.

    Parameters
    ----------
    channel : Activation
        The activation channel.
    row_threads : int
        Threads per sample, a power of two.
    scalar : type
        NumPy's scalar type of the arrays.

    Returns
    -------
    callable
        ``moments(omega, v, down_field, down_precision, x, x_var, x_sq, x_var_sum)`` as on the CPU;
        one block per sample.
    """
    scalar_moments = channel.moments

    @kernel
    def moments(omega, v, down_field, down_precision, x, x_var, x_sq, x_var_sum):
        partial = cuda.shared.array(row_threads, scalar)
        n, lane = cuda.blockIdx.x, cuda.threadIdx.x
        total = scalar(0)
        for i in range(lane, omega.shape[1], row_threads):
            mean, variance = scalar_moments(
                down_field[n, i], down_precision[n, i], omega[n, i], v[n, i]
            )
            x[n, i] = mean
            x_var[n, i] = variance
            x_sq[n, i] = mean * mean
            total += variance
        partial[lane] = total
        add_up(partial, lane, row_threads)
        if lane == 0:
            x_var_sum[n] = partial[0]

    return moments


@cache
def make_g_gamma(channel):
    """Make the kernel of g and gamma of an activation channel.

    Returns
    -------
    callable
        ``g_gamma(down_field, down_precision, omega, v, g, gamma)``.
    """
    scalar_g_gamma = channel.g_gamma

    @kernel
    def g_gamma(down_field, down_precision, omega, v, g, gamma):
        k, first = cuda.grid(2)
        if k < omega.shape[1]:
            for n in range(first, omega.shape[0], cuda.gridsize(2)[1]):
                slope, curvature = scalar_g_gamma(
                    down_field[n, k], down_precision[n, k], omega[n, k], v[n, k]
                )
                g[n, k] = slope
                gamma[n, k] = curvature

    return g_gamma


@cache
def make_label_messages(output):
    """Make the kernel of what labels say to the output units.

    Parameters
    ----------
    output : MessageOutput
        The output channel.

    Returns
    -------
    callable
        ``label_messages(y, noise, down_field, down_precision)``; labels `y` (M,) and the label
        noise `noise`, (1,) for all or (M,), IN; `down_field`, `down_precision` (M, K) OUT.
    """
    message = output.message

    @kernel
    def label_messages(y, noise, down_field, down_precision):
        k, first = cuda.grid(2)
        if k < down_field.shape[1]:
            for n in range(first, down_field.shape[0], cuda.gridsize(2)[1]):
                field, precision = message(y[n], noise[min(n, noise.shape[0] - 1)])
                down_field[n, k] = field
                down_precision[n, k] = precision

    return label_messages


@kernel
def judge_noise(noise, log_z, cavity_log_z, own_noise):
    """Write the label noise at which each label is believed as if its sample were new, (M,)."""
    for n in range(cuda.grid(1), own_noise.shape[0], cuda.gridsize(1)):
        own_noise[n] = judged_noise(noise[0], log_z[n], cavity_log_z[n])


@cache
def make_label_log_z(output):
    """Make the kernel of log Z of labels of independent units.

    Returns
    -------
    callable
        ``label_log_z(y, omega, v, log_z)``; `log_z` (M,) OUT, summed over units.
    """
    scalar_log_z = output.log_z

    @kernel
    def label_log_z(y, omega, v, log_z):
        for n in range(cuda.grid(1), omega.shape[0], cuda.gridsize(1)):
            total = scalar_log_z(y[n], omega[n, 0], v[n, 0])
            for k in range(1, omega.shape[1]):
                total += scalar_log_z(y[n], omega[n, k], v[n, k])
            log_z[n] = total

    return label_log_z


@kernel
def soften_labels(log_z, noise, n_others, g, gamma):
    """Turn g and Γ (M, K) of labels without noise into those with the label noise `noise` (1,)."""
    k, first = cuda.grid(2)
    if k < g.shape[1]:
        for n in range(first, g.shape[0], cuda.gridsize(2)[1]):
            r = responsibility(log_z[n], noise[0], n_others)
            slope, curvature = soften(g[n, k], gamma[n, k], r)
            g[n, k] = slope
            gamma[n, k] = curvature


@cache
def make_score_labels(row_threads):
    """Make the kernel that adds up log P(y) and the doubt in y of samples.

    Parameters
    ----------
    row_threads : int
        Threads of the one block, a power of two; they add up in a fixed order.

    Returns
    -------
    callable
        ``score_labels(log_z, noise, n_others, weight, log_probability, doubts)``; `log_z` and
        `weight` (M,), `noise` (1,) IN; `log_probability` and `doubts` (1,) IN/OUT.
    """

    @kernel
    def score_labels(log_z, noise, n_others, weight, log_probability, doubts):
        first_partial = cuda.shared.array(row_threads, float64)
        second_partial = cuda.shared.array(row_threads, float64)
        lane, total, total_doubt = cuda.threadIdx.x, float64(0), float64(0)
        for n in range(lane, log_z.shape[0], row_threads):
            total += float64(weight[n] * label_log_probability(log_z[n], noise[0], n_others))
            total_doubt += float64(weight[n] * doubt(log_z[n], noise[0], n_others))
        first_partial[lane], second_partial[lane] = total, total_doubt
        add_up(first_partial, lane, row_threads)
        add_up(second_partial, lane, row_threads)
        if lane == 0:
            log_probability[0] += first_partial[0]
            doubts[0] += second_partial[0]

    return score_labels


@cache
def make_point(channel):
    """Make the kernel of the deterministic activation: ``point(z, x)``, which may be one array."""
    scalar_point = channel.point

    @kernel
    def point(z, x):
        k, first = cuda.grid(2)
        if k < z.shape[1]:
            for n in range(first, z.shape[0], cuda.gridsize(2)[1]):
                x[n, k] = scalar_point(z[n, k])

    return point


@device_function
def count_bad(state, place):
    """Add one to a counter unless an earlier step has failed."""
    if state[FAILED] == 0:
        cuda.atomic.add(state, place, 1)


@kernel
def finish_v(v, offset, state, place):
    """Complete V with an offset per sample (M,); count what is not finite."""
    k, first = cuda.grid(2)
    if k < v.shape[1]:
        for n in range(first, v.shape[0], cuda.gridsize(2)[1]):
            value = complete_v(v[n, k], offset[n])
            v[n, k] = value
            if is_bad(value):
                count_bad(state, place)


@kernel
def finish_v_full(v, offset, state, place):
    """Complete V with an offset per sample and unit (M, K); count what is not finite."""
    k, first = cuda.grid(2)
    if k < v.shape[1]:
        for n in range(first, v.shape[0], cuda.gridsize(2)[1]):
            value = complete_v(v[n, k], offset[n, k])
            v[n, k] = value
            if is_bad(value):
                count_bad(state, place)


@cache
def make_count_argmax(row_threads):
    """Make the kernel that adds up the weights of rows whose largest entry is the label's.

    Parameters
    ----------
    row_threads : int
        Threads of the one block, a power of two; they add up in a fixed order.

    Returns
    -------
    callable
        ``count_argmax(y, omega, weight, correct)``; class indices `y` (M,), `omega` (M, K) and
        `weight` (M,) IN, `correct` (1,) IN/OUT; of equal entries the first counts as the largest.
    """

    @kernel
    def count_argmax(y, omega, weight, correct):
        partial = cuda.shared.array(row_threads, float64)
        lane, total = cuda.threadIdx.x, float64(0)
        for n in range(lane, omega.shape[0], row_threads):
            best = 0
            for k in range(1, omega.shape[1]):
                if omega[n, k] > omega[n, best]:
                    best = k
            if best == y[n]:
                total += float64(weight[n])
        partial[lane] = total
        add_up(partial, lane, row_threads)
        if lane == 0:
            correct[0] += partial[0]

    return count_argmax


@cache
def make_count_sign(row_threads):
    """Make the same for labels `y` = ±1 and the sign of one column, sign(0) = +1."""

    @kernel
    def count_sign(y, omega, weight, correct):
        partial = cuda.shared.array(row_threads, float64)
        lane, total = cuda.threadIdx.x, float64(0)
        for n in range(lane, omega.shape[0], row_threads):
            if (omega[n, 0] >= 0) == (y[n] > 0):
                total += float64(weight[n])
        partial[lane] = total
        add_up(partial, lane, row_threads)
        if lane == 0:
            correct[0] += partial[0]

    return count_sign
