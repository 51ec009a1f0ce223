"""Kernels over weights: the update of a layer's posterior at the end of a sweep.

Arrays are (inputs, units), row-major; a thread takes a unit and every so many inputs.
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
def make_field_update(prior, scalar):
    """Make the update of weights whose prior has a field only.

    Parameters
    ----------
    prior : WeightPrior
        The prior.
    scalar : type
        NumPy's scalar type of the arrays.

    Returns
    -------
    callable
        ``update(state, place, field_in, prior_field, field, mean, weight, rho, reinforcement,
        damping, new_field, new_mean, new_variance)``, arrays (N, K); non-finite fields are counted
        in ``state[place]``, and nothing is done after a failed step.
    """
    scalar_mean, scalar_variance = prior.mean, prior.variance
    one = scalar(1)

    @kernel
    def update(
        state,
        place,
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
    ):
        k, first = cuda.grid(2)
        if k < field.shape[1] and state[FAILED] == 0:
            for i in range(first, field.shape[0], cuda.gridsize(2)[1]):
                h = next_parameter(
                    field_in[i, k], field[i, k], prior_field[i, k], weight, reinforcement, rho
                )
                m = damp(mean[i, k], scalar_mean(h, one), damping)
                new_field[i, k] = h
                new_mean[i, k] = m
                new_variance[i, k] = scalar_variance(m, h, one)
                if is_bad(h):
                    count_bad(state, place)

    return update


@cache
def make_precision_update(prior):
    """Make the update of weights whose prior has a field and a precision.

    Returns
    -------
    callable
        ``update(state, place, field_in, precision_in, prior_field, prior_precision, field,
        precision, mean, weight, rho, reinforcement, damping, new_field, new_precision,
        new_mean, new_variance)``; the rest as in :func:`make_field_update`.
    """
    scalar_mean, scalar_variance = prior.mean, prior.variance

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
                h = next_parameter(
                    field_in[i, k], field[i, k], prior_field[i, k], weight, reinforcement, rho
                )
                raw = next_precision(
                    precision_in[i, k],
                    precision[i, k],
                    prior_precision[i, k],
                    weight,
                    reinforcement,
                    rho,
                )
                precise = bound_precision(raw)
                m = damp(mean[i, k], scalar_mean(h, precise), damping)
                new_field[i, k] = h
                new_precision[i, k] = precise
                new_mean[i, k] = m
                new_variance[i, k] = scalar_variance(m, h, precise)
                if is_bad(h) or runs_away(m) or is_bad(raw):
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
