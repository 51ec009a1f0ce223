"""Kernels over weights: the update of a layer's posterior at the end of a sweep.

Arrays are (inputs, units), row-major; a thread takes a unit and every so many inputs.
"""

from functools import cache

from .._rules import at_least, damp, is_bad, next_parameter, runs_away, square_moment
from ._record import FAILED
from ._runtime import cuda, kernel
from .activation import count_bad


@kernel
def collect_field(terms, mean, scale):
    """Sum the polynomial of field messages in place: terms_0 = Σ_p (scale m)^p terms_p.

    `terms` (D, N, K) IN/OUT, `mean` (N, K) IN, `scale` (K,) IN.
    """
    k, first = cuda.grid(2)
    if k < mean.shape[1]:
        for i in range(first, mean.shape[0], cuda.gridsize(2)[1]):
            base = mean[i, k] * scale[k]
            total = terms[terms.shape[0] - 1, i, k]
            for p in range(terms.shape[0] - 2, -1, -1):
                total = terms[p, i, k] + total * base
            terms[0, i, k] = total


@cache
def make_update(prior, scalar):
    """Make the update of weights of a prior.

    Parameters
    ----------
    prior : WeightPrior
        The prior.
    scalar : type
        NumPy's scalar type of the arrays.

    Returns
    -------
    callable
        ``update(state, place, field_in, precision_in, prior_field, prior_precision, field,
        precision, mean, weight, rho, reinforcement, damping, new_field, new_precision, new_mean,
        new_variance)``, arrays (N, K), of which those of precisions are neither read nor written
        where the prior has none. Non-finite results are counted in ``state[place]``, and nothing
        is done after a failed step.
    """
    scalar_mean, scalar_variance = prior.mean, prior.variance
    has_precision, one = prior.has_precision, scalar(1)
    least_in, least = scalar(prior.least_precision_in), scalar(prior.least_precision)

    @kernel
    def update(
        state,
        place,
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
    ):
        k, first = cuda.grid(2)
        if k < field.shape[1] and state[FAILED] == 0:
            for i in range(first, field.shape[0], cuda.gridsize(2)[1]):
                H = next_parameter(
                    field_in[i, k], field[i, k], prior_field[i, k], weight, reinforcement, rho
                )
                new_field[i, k] = H
                wrong, G = is_bad(H), one
                if has_precision:
                    G_old, G_prior = precision[i, k], prior_precision[i, k]
                    G_data = at_least(precision_in[i, k], least_in)
                    raw = next_parameter(G_data, G_old, G_prior, weight, reinforcement, rho)
                    G = at_least(raw, least)
                    new_precision[i, k] = G
                    wrong |= is_bad(raw)
                m = damp(mean[i, k], scalar_mean(H, G), damping)
                new_mean[i, k] = m
                new_variance[i, k] = scalar_variance(m, G)
                if has_precision:
                    wrong |= runs_away(m)
                if wrong:
                    count_bad(state, place)

    return update


@kernel
def apply_mask(mask, mean, variance):
    """Set the mean and the variance of pruned weights to zero; `mask` (N, K) holds 0 and 1."""
    k, first = cuda.grid(2)
    if k < mean.shape[1]:
        for i in range(first, mean.shape[0], cuda.gridsize(2)[1]):
            mean[i, k] *= mask[i, k]
            variance[i, k] *= mask[i, k]


@kernel
def second_moment(mean, variance, out):
    """Write E[w²] = m² + σ of every weight."""
    k, first = cuda.grid(2)
    if k < mean.shape[1]:
        for i in range(first, mean.shape[0], cuda.gridsize(2)[1]):
            out[i, k] = square_moment(mean[i, k], variance[i, k])
