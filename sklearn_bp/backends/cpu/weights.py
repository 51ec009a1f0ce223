"""Kernels over weights: the update of a layer's posterior at the end of a sweep.

Arrays are (inputs, units), row-major; a kernel works on rows ``start:stop``.
"""

from functools import cache

from .._rules import at_least, damp, is_bad, next_parameter, runs_away, square_moment
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
                place = mean[i, k] * scale[k]
                total = terms[n_terms - 1, i, k]
                for p in range(n_terms - 2, -1, -1):
                    total = total * place + terms[p, i, k]
                terms[0, i, k] = total

    return collect_field


@cache
def make_update(prior):
    """Make the update of weights of a prior.

    Returns
    -------
    callable
        ``update(field_in, precision_in, prior_field, prior_precision, field, precision, mean,
        weight, rho, reinforcement, damping, new_field, new_precision, new_mean, new_variance,
        start, stop) -> int``, the number of non-finite results; all arrays (N, K). Those of
        precisions are neither read nor written where the prior has none.
    """
    scalar_mean, scalar_variance = prior.mean, prior.variance
    has_precision = prior.has_precision
    least_in, least = prior.least_precision_in, prior.least_precision

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
        T = field.dtype.type
        H_in, H_prior = flat_rows(field_in, start, stop), flat_rows(prior_field, start, stop)
        H_old, H_new = flat_rows(field, start, stop), flat_rows(new_field, start, stop)
        if has_precision:
            G_in = flat_rows(precision_in, start, stop)
            G_prior = flat_rows(prior_precision, start, stop)
            G_old, G_new = (
                flat_rows(precision, start, stop),
                flat_rows(new_precision, start, stop),
            )
        m_old, m_new = flat_rows(mean, start, stop), flat_rows(new_mean, start, stop)
        variance = flat_rows(new_variance, start, stop)
        bad = 0
        for i in range(H_in.size):
            H = next_parameter(H_in[i], H_old[i], H_prior[i], weight, reinforcement, rho)
            H_new[i] = H
            wrong, G = is_bad(H), T(1)
            if has_precision:
                G_data = at_least(G_in[i], T(least_in))
                raw = next_parameter(G_data, G_old[i], G_prior[i], weight, reinforcement, rho)
                G = at_least(raw, T(least))
                G_new[i] = G
                wrong |= is_bad(raw)
            m = damp(m_old[i], scalar_mean(H, G), damping)
            m_new[i] = m
            variance[i] = scalar_variance(m, G)
            if has_precision:
                wrong |= runs_away(m)
            bad += wrong
        return bad

    return update


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
