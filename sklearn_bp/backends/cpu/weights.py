"""Kernels over weights: the update of a layer's posterior at the end of a sweep.

Arrays are (inputs, units), row-major; a kernel works on rows ``start:stop``.
"""

from functools import cache

from .._rules import (
    bound_precision,
    damp,
    is_bad,
    next_parameter,
    next_precision,
    runs_away,
    square_moment,
)
from ._compile import cpu_kernel, flat_rows


@cache
def make_collect_field(n_terms):
    """Make the sum of the polynomial of field messages, in place.

    Parameters
    ----------
    n_terms : int
        Terms D; the number is compiled in, so that partial sums stay in registers.

    Returns
    -------
    callable
        ``collect_field(terms, mean, scale, start, stop)``: terms_0 = Σ_p (scale m)^p terms_p.
        `terms` (D, N, K) IN/OUT, `mean` (N, K) IN, `scale` (K,) IN.
    """

    @cpu_kernel()
    def collect_field(terms, mean, scale, start, stop):
        for i in range(start, stop):
            for k in range(mean.shape[1]):
                scaled = mean[i, k] * scale[k]
                total = terms[n_terms - 1, i, k]
                for p in range(n_terms - 2, -1, -1):
                    total = total * scaled + terms[p, i, k]
                terms[0, i, k] = total

    return collect_field


@cache
def make_field_update(prior):
    """Make the update of weights whose prior has a field only.

    Returns
    -------
    callable
        ``update(field_in, prior_field, field, mean, weight, rho, reinforcement, damping,
        new_field, new_mean, new_variance, start, stop) -> int``, the number of non-finite new
        fields; all arrays (N, K).
    """
    scalar_mean, scalar_variance = prior.mean, prior.variance

    @cpu_kernel()
    def update(
        field_in,
        prior_field,
        field,
        mean,
        weight,
        rho,
        reinforcement,
        damping,
        new_field,
        new_mean,
        new_variance,
        start,
        stop,
    ):
        one = field.dtype.type(1)
        h_in, h_prior = flat_rows(field_in, start, stop), flat_rows(prior_field, start, stop)
        h_old, m_old = flat_rows(field, start, stop), flat_rows(mean, start, stop)
        h_new, m_new = flat_rows(new_field, start, stop), flat_rows(new_mean, start, stop)
        variance = flat_rows(new_variance, start, stop)
        bad = 0
        for i in range(h_in.size):
            h = next_parameter(h_in[i], h_old[i], h_prior[i], weight, reinforcement, rho)
            m = damp(m_old[i], scalar_mean(h, one), damping)
            h_new[i] = h
            m_new[i] = m
            variance[i] = scalar_variance(m, h, one)
            bad += is_bad(h)
        return bad

    return update


@cache
def make_precision_update(prior):
    """Make the update of weights whose prior has a field and a precision.

    Returns
    -------
    callable
        ``update(field_in, precision_in, prior_field, prior_precision, field, precision, mean,
        weight, rho, reinforcement, damping, new_field, new_precision, new_mean, new_variance,
        start, stop) -> int``, the number of non-finite results; all arrays (N, K).
    """
    scalar_mean, scalar_variance = prior.mean, prior.variance

    @cpu_kernel()
    def update(
        field_in,
        precision_in,
        prior_field,
        prior_precision,
        field,
        precision,
        mean,
        weight,
        rho,
        reinforcement,
        damping,
        new_field,
        new_precision,
        new_mean,
        new_variance,
        start,
        stop,
    ):
        h_in, h_prior = flat_rows(field_in, start, stop), flat_rows(prior_field, start, stop)
        g_in, g_prior = (
            flat_rows(precision_in, start, stop),
            flat_rows(prior_precision, start, stop),
        )
        h_old, g_old = flat_rows(field, start, stop), flat_rows(precision, start, stop)
        h_new, g_new = flat_rows(new_field, start, stop), flat_rows(new_precision, start, stop)
        m_old, m_new = flat_rows(mean, start, stop), flat_rows(new_mean, start, stop)
        variance = flat_rows(new_variance, start, stop)
        bad = 0
        for i in range(h_in.size):
            h = next_parameter(h_in[i], h_old[i], h_prior[i], weight, reinforcement, rho)
            raw = next_precision(g_in[i], g_old[i], g_prior[i], weight, reinforcement, rho)
            precise = bound_precision(raw)
            m = damp(m_old[i], scalar_mean(h, precise), damping)
            h_new[i] = h
            g_new[i] = precise
            m_new[i] = m
            variance[i] = scalar_variance(m, h, precise)
            bad += is_bad(h) | runs_away(m) | is_bad(raw)
        return bad

    return update


@cache
def make_moments(prior):
    """Make the moments of weights.

    Returns
    -------
    callable
        ``moments(field, precision, damped, mean, variance)``: m and σ of natural parameters;
        where `damped` is true `mean` stays as it is, and variances belong to it. All arrays (N, K),
        `precision` of no meaning where the prior has none.
    """
    scalar_mean, scalar_variance = prior.mean, prior.variance

    @cpu_kernel()
    def moments(field, precision, damped, mean, variance):
        for i in range(field.shape[0]):
            for k in range(field.shape[1]):
                m = mean[i, k] if damped else scalar_mean(field[i, k], precision[i, k])
                mean[i, k] = m
                variance[i, k] = scalar_variance(m, field[i, k], precision[i, k])

    return moments


@cpu_kernel()
def apply_mask(mask, mean, variance, start, stop):
    """Set the mean and the variance of pruned weights to zero; `mask` (N, K) holds 0 and 1."""
    for i in range(start, stop):
        for k in range(mean.shape[1]):
            mean[i, k] *= mask[i, k]
            variance[i, k] *= mask[i, k]


@cpu_kernel()
def second_moment(mean, variance, out, start, stop):
    """Write E[w²] = m² + σ of every weight."""
    m, sigma = flat_rows(mean, start, stop), flat_rows(variance, start, stop)
    square = flat_rows(out, start, stop)
    for i in range(m.size):
        square[i] = square_moment(m[i], sigma[i])
