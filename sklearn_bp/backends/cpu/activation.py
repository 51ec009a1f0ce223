"""Elementwise kernels over samples and units: moments of activations, g and gamma of channels.

All arrays are row-major, one row per sample. A kernel works on rows ``start:stop`` so that threads
can share the work without touching each other's output.
"""

from functools import cache

from ...channels.labels import doubt, judged_noise, label_log_probability, responsibility, soften
from .._rules import complete_v, is_bad
from ._compile import FASTMATH_SUM, cpu_kernel


@cache
def make_moments(channel):
    """Make the kernel that turns pre-activation moments into activation moments.

    Parameters
    ----------
    channel : Activation
        The activation channel.

    Returns
    -------
    callable
        ``moments(omega, v, down_field, down_precision, x, x_var, x_sq, x_var_sum, start, stop)``
        with `omega`, `v` (M, N) IN, `down_field`, `down_precision` (M, N or N + 1) IN, `x`,
        `x_var`, `x_sq` (M, N or N + 1) OUT, `x_var_sum` (M,) OUT.
    """
    scalar_moments = channel.moments

    @cpu_kernel(fastmath=FASTMATH_SUM)
    def moments(omega, v, down_field, down_precision, x, x_var, x_sq, x_var_sum, start, stop):
        zero = omega.dtype.type(0)
        for n in range(start, stop):
            total = zero
            for i in range(omega.shape[1]):
                mean, variance = scalar_moments(
                    down_field[n, i], down_precision[n, i], omega[n, i], v[n, i]
                )
                x[n, i] = mean
                x_var[n, i] = variance
                x_sq[n, i] = mean * mean
                total += variance
            x_var_sum[n] = total

    return moments


@cache
def make_g_gamma(channel):
    """Make the kernel of g and gamma of an activation channel.

    Returns
    -------
    callable
        ``g_gamma(down_field, down_precision, omega, v, g, gamma, start, stop)``; `g`, `gamma`
        (M, K) OUT, the rest IN.
    """
    scalar_g_gamma = channel.g_gamma

    @cpu_kernel()
    def g_gamma(down_field, down_precision, omega, v, g, gamma, start, stop):
        for n in range(start, stop):
            for k in range(omega.shape[1]):
                g[n, k], gamma[n, k] = scalar_g_gamma(
                    down_field[n, k], down_precision[n, k], omega[n, k], v[n, k]
                )

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
        ``label_messages(y, noise, down_field, down_precision, start, stop)``; labels `y` (M,) and
        the label noise `noise`, (1,) for all or (M,), IN; `down_field`, `down_precision` (M, K)
        OUT.
    """
    message = output.message

    @cpu_kernel()
    def label_messages(y, noise, down_field, down_precision, start, stop):
        for n in range(start, stop):
            own_noise = noise[min(n, noise.size - 1)]
            for k in range(down_field.shape[1]):
                down_field[n, k], down_precision[n, k] = message(y[n], own_noise)

    return label_messages


@cpu_kernel()
def judge_noise(noise, log_z, cavity_log_z, own_noise, start, stop):
    """Write the label noise at which each label is believed as if its sample were new, (M,)."""
    for n in range(start, stop):
        own_noise[n] = judged_noise(noise[0], log_z[n], cavity_log_z[n])


@cache
def make_label_log_z(output):
    """Make the kernel of log Z of labels of independent units.

    Returns
    -------
    callable
        ``label_log_z(y, omega, v, log_z, start, stop)``; `log_z` (M,) OUT, summed over units.
    """
    scalar_log_z = output.log_z

    @cpu_kernel()
    def label_log_z(y, omega, v, log_z, start, stop):
        for n in range(start, stop):
            log_z[n] = scalar_log_z(y[n], omega[n, 0], v[n, 0])
            for k in range(1, omega.shape[1]):
                log_z[n] += scalar_log_z(y[n], omega[n, k], v[n, k])

    return label_log_z


@cpu_kernel()
def soften_labels(log_z, noise, n_others, g, gamma, start, stop):
    """Turn g and Γ (M, K) of labels without noise into those with the label noise `noise` (1,)."""
    for n in range(start, stop):
        r = responsibility(log_z[n], noise[0], n_others)
        for k in range(g.shape[1]):
            g[n, k], gamma[n, k] = soften(g[n, k], gamma[n, k], r)


@cpu_kernel()
def score_labels(log_z, noise, n_others, weight, start, stop):
    """Sum log P(y) and the doubt in y over samples, each with its weight (M,)."""
    log_probability, doubts = 0.0, 0.0
    for n in range(start, stop):
        log_probability += weight[n] * label_log_probability(log_z[n], noise[0], n_others)
        doubts += weight[n] * doubt(log_z[n], noise[0], n_others)
    return log_probability, doubts


@cache
def make_point(channel):
    """Make the in-place kernel of the deterministic activation: ``point(z, x, start, stop)``."""
    scalar_point = channel.point

    @cpu_kernel()
    def point(z, x, start, stop):
        for n in range(start, stop):
            for k in range(z.shape[1]):
                x[n, k] = scalar_point(z[n, k])

    return point


@cpu_kernel()
def load_rows(source, indices, x, x_sq, start, stop):
    """Copy the rows `indices` of the data into a mini-batch, with their squares."""
    for n in range(start, stop):
        row = indices[n]
        for i in range(source.shape[1]):
            value = x.dtype.type(source[row, i])
            x[n, i] = value
            x_sq[n, i] = value * value


@cpu_kernel()
def finish_v(v, offset, start, stop):
    """Complete V with an offset per sample (M,); count what is not finite."""
    bad = 0
    for n in range(start, stop):
        for k in range(v.shape[1]):
            value = complete_v(v[n, k], offset[n])
            v[n, k] = value
            bad += is_bad(value)
    return bad


@cpu_kernel()
def finish_v_full(v, offset, start, stop):
    """Complete V with an offset per sample and unit (M, K); count what is not finite."""
    bad = 0
    for n in range(start, stop):
        for k in range(v.shape[1]):
            value = complete_v(v[n, k], offset[n, k])
            v[n, k] = value
            bad += is_bad(value)
    return bad


@cpu_kernel(inline=True)
def sum_polynomial(terms, row, degree, x, n, scale, out):
    """Sum one sample's polynomial by Horner's rule: out_n = Σ_p (scale x_n)^p terms_p,row.

    `terms` (D, M, N) is used up; `x` and `out` (M, N).
    """
    for p in range(degree, 0, -1):
        for i in range(x.shape[1]):
            terms[p - 1, row, i] += terms[p, row, i] * (x[n, i] * scale)
    for i in range(x.shape[1]):
        out[n, i] = terms[0, row, i]


@cpu_kernel()
def polynomial_rows(x, scale, terms, out, start, stop):
    """Sum a polynomial in x whose coefficients are arrays: out = Σ_p (scale x)^p terms_p.

    `terms` (D, M, N) is used up; `x` (M, N), `scale` (M,).
    """
    for n in range(start, stop):
        sum_polynomial(terms, n, terms.shape[0] - 1, x, n, scale[n], out)


@cpu_kernel()
def scale_rows(weight, source, out, start, stop):
    """Multiply each row of `source` (M, K) by its sample's weight (M,)."""
    for n in range(start, stop):
        for k in range(source.shape[1]):
            out[n, k] = source[n, k] * weight[n]


@cpu_kernel()
def count_argmax(y, omega, weight, start, stop):
    """Add the weights (M,) of rows whose largest entry is at the class index `y` (ties: first)."""
    correct = 0.0
    for n in range(start, stop):
        best = 0
        for k in range(1, omega.shape[1]):
            if omega[n, k] > omega[n, best]:
                best = k
        if best == y[n]:
            correct += weight[n]
    return correct


@cpu_kernel()
def count_sign(y, omega, weight, start, stop):
    """Add the weights (M,) of rows whose sign agrees with the label `y` = ±1 (sign(0) = +1)."""
    correct = 0.0
    for n in range(start, stop):
        if (omega[n, 0] >= 0) == (y[n] > 0):
            correct += weight[n]
    return correct
