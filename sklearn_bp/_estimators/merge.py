"""Merging estimators that were trained apart from one common start."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace

import numpy as np

from ..engine.posterior import LayerPosterior, moments, variances
from .fitted import check_fitted_network

SAME_AS_PRIOR = ("layer_sizes", "weight_prior", "intercept", "output")
"""What a worker and its start have in common, since their posteriors are added up."""

SAME_IN_WORKERS = (
    "algo",
    "activation",
    "rho",
    "damping",
    "likelihood_weight",
    "learns_label_noise",
    "n_inner_iter",
    "reinforcement",
    "dtype",
)
"""What workers have in common, since the merged posterior is that of one worker like them."""


def merge(estimators, *, prior):
    """Combine the posteriors of workers that started from one common prior.

    In natural parameters a posterior is the prior plus what the data said, so that data learned
    apart add up: H = θ₀ + Σ_i (H_i − θ₀), and likewise for the precisions G. θ₀ is what the common
    start has become as a prior, ρ^s H_start after s PasP steps.

    Parameters
    ----------
    estimators : sequence of BPClassifier or BayesBPClassifier
        The workers, at least one; copies of `prior` that went on learning, each from its own data.
    prior : BPClassifier or BayesBPClassifier
        The common start.

    Returns
    -------
    estimator : BPClassifier or BayesBPClassifier
        A new estimator with the merged posterior, the parameters of the first worker, and the
        history of `prior`. Its label noise is the workers' mean, each counted by its samples.

    Raises
    ------
    ValueError
        If there are no workers, or they do not match each other or the start.
    TypeError
        If one of them is no estimator of this package.
    NotFittedError
        If an estimator is not fitted.

    Notes
    -----
    Exact: with one sweep and one mini-batch per worker, the merged posterior is that of one worker
    with all samples in one mini-batch, and so are rounds of such steps and merges: what a sweep
    says about the weights is a sum over samples in every algorithm (for "bp" and "bpi" where edges
    are exact; expanded ones are within `edge_tolerance`). It takes labels whose noise is given, and
    that no precision is bounded on the way: where a worker's samples taken together would lower G
    of a weight, they leave it as it is, while with all samples they might not lower it at all.

    With more steps, workers do not see each other's messages in between, and merging sums what they
    learned from the start: the larger their steps, the further from one worker. If ρ is not 1 and
    workers took different numbers of steps, the start counts as after the largest.
    """
    estimators = _check_estimators(estimators, prior)
    start = prior._current_posterior()
    workers = [
        (estimator._current_posterior(), estimator.n_steps_ - prior.n_steps_)
        for estimator in estimators
    ]
    merged = deepcopy(estimators[0])
    layers = range(merged._network.n_layers)
    merged._hold([_merge_layer(merged._network, layer, start[layer], workers) for layer in layers])
    for name in ("n_steps_", "n_iter_"):
        setattr(merged, name, max(getattr(estimator, name) for estimator in estimators))
    merged._network = replace(merged._network, label_noise=_mean_label_noise(estimators, prior))
    merged.t_ = prior.t_ + sum(estimator.t_ - prior.t_ for estimator in estimators)
    merged.history_ = deepcopy(prior.history_)
    merged.best_validation_score_ = None
    return merged


def _check_estimators(estimators, prior):
    """List the workers; refuse what cannot have started from the prior, or learned otherwise."""
    if not isinstance(estimators, Iterable) or isinstance(estimators, Mapping):
        raise TypeError(
            f"estimators must be a sequence of estimators; got {type(estimators).__name__}."
        )
    estimators = list(estimators)
    if not estimators:
        raise ValueError("merge needs at least one estimator; got none.")
    check_fitted_network(prior, "prior")
    for index, estimator in enumerate(estimators):
        name = f"estimators[{index}]"
        check_fitted_network(estimator, name)
        _check_start(prior, estimator, name)
        _check_alike(estimators[0], estimator, name)
    return estimators


def _mean_label_noise(estimators, prior):
    """Average the workers' label noise over the samples that they learned."""
    noises = [estimator.label_noise_ for estimator in estimators]
    counts = [estimator.t_ - prior.t_ for estimator in estimators]
    return float(np.average(noises, weights=counts if any(counts) else None))


def _check_alike(first, estimator, name):
    """Refuse a worker that learned in another way than the first."""
    ours, theirs = first._network, estimator._network
    for what in SAME_IN_WORKERS:
        if getattr(ours, what) != getattr(theirs, what):
            raise ValueError(
                f"{name} cannot be merged with estimators[0]: its {what} is "
                f"{getattr(theirs, what)!r}, that of estimators[0] {getattr(ours, what)!r}."
            )


def _check_start(prior, estimator, name):
    """Refuse a worker that cannot have started from the prior."""
    ours, theirs = prior._network, estimator._network
    for what in SAME_AS_PRIOR:
        if getattr(ours, what) != getattr(theirs, what):
            raise ValueError(
                f"{name} cannot have started from prior: its {what} is "
                f"{getattr(theirs, what)!r}, that of prior {getattr(ours, what)!r}."
            )
    if not np.array_equal(prior.classes_, estimator.classes_):
        raise ValueError(
            f"{name} cannot have started from prior: its classes are "
            f"{estimator.classes_.tolist()!r}, those of prior {prior.classes_.tolist()!r}."
        )
    if estimator.n_steps_ < prior.n_steps_:
        raise ValueError(
            f"{name} cannot have started from prior: it took {estimator.n_steps_} steps, prior "
            f"{prior.n_steps_}."
        )
    learned = estimator.n_steps_ > prior.n_steps_
    for layer, (one, other) in enumerate(
        zip(prior._current_posterior(), estimator._current_posterior(), strict=True)
    ):
        if not np.array_equal(_mask(one), _mask(other)):
            raise ValueError(f"{name} has other pruned weights than prior in layer {layer}.")
        if not (learned or np.array_equal(one.field, other.field)):
            raise ValueError(
                f"{name} cannot have started from prior: it took no step since, but its weights "
                f"of layer {layer} are others."
            )


def _mask(posterior):
    """Get the mask of a layer, whole where nothing is pruned."""
    return np.ones(posterior.field.shape, dtype=bool) if posterior.mask is None else posterior.mask


def _merge_layer(network, layer, start, workers):
    """Merge the posteriors of one layer."""
    rho, damping = network.rho[layer], network.damping[layer]
    n_steps = max(steps for _, steps in workers)
    field, precision = (
        _add_up(name, rho, start, [(one[layer], steps) for one, steps in workers], n_steps)
        for name in ("field", "precision")
    )
    field, precision = field.astype(network.dtype), precision.astype(network.dtype)
    for group in network.row_groups(layer):
        if group.prior.has_precision:
            rows = precision[group.precision_rows]
            np.maximum(rows, group.prior.least_precision, out=rows)
    undamped, _ = moments(network, layer, field, precision)
    # One sweep leaves this share of the mean it started from.
    old = damping ** (n_steps * network.n_inner_iter)
    mean = (old * start.mean + (1 - old) * undamped).astype(network.dtype)
    variance = variances(network, layer, mean, precision)
    if start.mask is not None:
        mean, variance = mean * start.mask, variance * start.mask
    return LayerPosterior(field, mean, variance, precision, start.mask)


def _add_up(name, rho, start, posteriors, n_steps):
    """Add what every worker learned to what the start has become, in double precision."""
    first = getattr(start, name).astype(np.float64)
    total = rho**n_steps * first
    for posterior, steps in posteriors:
        total += getattr(posterior, name) - rho**steps * first
    return total
