"""Merging adds up what workers learned: exactly where the mathematics is exact."""

import copy

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sklearn_bp import BayesBPClassifier, BPClassifier, merge
from sklearn_bp.priors import PRIORS
from sklearn_bp.priors.gaussian import LEAST_PRECISION

from .states import assert_close_posterior, assert_same, posterior_of

pytestmark = pytest.mark.usefixtures("binary_networks")

SETTINGS = {"hidden_layer_sizes": (21,), "algo": "mf", "random_state": 0, "dtype": "float64"}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
Y = np.concatenate([np.arange(3), RNG.integers(3, size=57)])
SHARDS = np.array_split(RNG.permutation(60), 4)


def started(cls=BPClassifier, n_steps=2, **parameters):
    """A common start that has learned something itself."""
    model = cls(max_iter=0, **(SETTINGS | parameters)).fit(X, Y)
    for _ in range(n_steps):
        model.partial_fit(X[:20], Y[:20])
    return model


def learned(start, rows, n_steps=1):
    worker = copy.deepcopy(start)
    for part in np.array_split(rows, n_steps):
        worker.partial_fit(X[part], Y[part])
    return worker


def assert_added_up(merged, together, tolerance):
    """Fields are sums over samples; of precisions, each worker's own sum is at least 0."""
    for kind in ("weight", "intercept"):
        fields = getattr(merged, f"{kind}_fields_"), getattr(together, f"{kind}_fields_")
        for one, other in zip(*(given or [] for given in fields), strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
        given = getattr(merged, f"{kind}_precisions_"), getattr(together, f"{kind}_precisions_")
        equal = 0
        for one, other in zip(*(arrays or [] for arrays in given), strict=True):
            assert (one >= other - tolerance * (1 + abs(other))).all()
            equal += np.isclose(one, other, rtol=tolerance).sum()
        assert given[0] is None or equal > 0


@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rho": 0.9, "output_rho": 0.7},
        {"rho": [1.01, 0.8], "damping": 0.0},
        {"damping": [0.5, 0.95], "density": 0.6},
        {"fit_intercept": False},
    ],
    ids=str,
)
def test_workers_of_one_mean_field_step_are_one_worker(weight_prior, options):
    start = started(weight_prior=weight_prior, **options)
    workers = [learned(start, rows) for rows in SHARDS]
    # Adding up is exact if no precision had to be kept from falling too low.
    for model in (start, *workers):
        bounded = model.intercept_precisions_ or []
        if weight_prior == "gaussian":
            bounded = bounded + model.weight_precisions_
        assert all(precision.min() > 1.5 * LEAST_PRECISION for precision in bounded)
    merged = merge(workers, prior=start)
    together = learned(start, np.concatenate(SHARDS))
    moved = [a - b for a, b in zip(together.weight_fields_, start.weight_fields_, strict=True)]
    assert min(np.abs(change).max() for change in moved) > 1e-3
    assert_added_up(merged, together, 1e-9)
    if weight_prior == "ternary":
        # Their sums have no bound, so that nothing is lost where workers do not agree.
        pairs = zip(merged.weight_precisions_, together.weight_precisions_, strict=True)
        assert all(np.allclose(one, other, rtol=1e-9, atol=1e-9) for one, other in pairs)
    assert (merged.n_steps_, merged.t_) == (together.n_steps_, together.t_)


@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_other_activations(activation):
    # Without Gaussian weights there is no precision to be kept from falling.
    start = started(activation=activation, fit_intercept=False)
    merged = merge([learned(start, rows) for rows in SHARDS], prior=start)
    together = learned(start, np.concatenate(SHARDS))
    assert_close_posterior(merged, together, rtol=1e-9, atol=1e-10)


def test_from_the_very_start_and_with_two_classes():
    labels = np.where(Y == 0, "a", "b")
    start = BayesBPClassifier(max_iter=0, **SETTINGS).fit(X, labels)
    workers = [copy.deepcopy(start).partial_fit(X[rows], labels[rows]) for rows in SHARDS]
    together = copy.deepcopy(start).partial_fit(X, labels)
    assert_added_up(merge(workers, prior=start), together, 1e-9)


def test_fields_add_up_in_natural_parameters():
    start = started(rho=0.9, output_rho=0.7, damping=0.0)
    workers = [learned(start, rows) for rows in SHARDS[:2]]
    merged = merge(iter(workers), prior=start)
    for layer, rho in enumerate((0.9, 0.7)):
        prior = rho * start.weight_fields_[layer]
        expected = prior + sum(worker.weight_fields_[layer] - prior for worker in workers)
        np.testing.assert_allclose(merged.weight_fields_[layer], expected, rtol=1e-12)
        # Without damping the means are those of the fields.
        np.testing.assert_allclose(merged.weight_means_[layer], np.tanh(expected), rtol=1e-12)


def test_merging_one_worker_changes_nothing():
    start = started()
    worker = learned(start, SHARDS[0], n_steps=3)
    merged = merge([worker], prior=start)
    for one, expected in zip(merged.weight_fields_, worker.weight_fields_, strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-12)
    assert merged is not worker


def test_several_steps_are_an_approximation():
    def relative_error(n_shards):
        start = started(n_steps=0)
        shards = np.array_split(np.arange(60), n_shards)
        workers = [learned(start, rows, n_steps=2) for rows in shards]
        merged = merge(workers, prior=start)
        together = copy.deepcopy(start)
        for part in range(2):
            halves = np.concatenate([np.array_split(rows, 2)[part] for rows in shards])
            together.partial_fit(X[halves], Y[halves])
        change = together.weight_fields_[0] - start.weight_fields_[0]
        wrong = merged.weight_fields_[0] - together.weight_fields_[0]
        return np.linalg.norm(wrong) / np.linalg.norm(change)

    assert relative_error(1) < 1e-12
    assert 1e-6 < relative_error(2) < 0.5


def test_other_algorithms_are_exact_in_one_step():
    for algo in ("bp", "bpi", "amp"):
        start = started(algo=algo, edges="exact")
        merged = merge([learned(start, rows) for rows in SHARDS], prior=start)
        # One sweep of messages is a sum over samples for each of them.
        together = learned(start, np.concatenate(SHARDS))
        assert_added_up(merged, together, 1e-8)


def test_the_result_is_an_estimator_of_its_own():
    start = started(BayesBPClassifier)
    workers = [learned(start, rows) for rows in SHARDS]
    before = [posterior_of(model) for model in (start, *workers)]
    merged = merge(workers, prior=start)
    assert type(merged) is BayesBPClassifier
    assert merged.get_params() == workers[0].get_params()
    merged.partial_fit(X, Y)
    merged.history_.append({})
    for model, arrays in zip((start, *workers), before, strict=True):
        assert_same(posterior_of(model), arrays)
    assert start.history_ == []


def test_rounds_of_merging_follow_one_worker():
    merged = together = started(fit_intercept=False)  # Precisions add up less exactly.
    for _ in range(5):
        merged = merge([learned(merged, rows) for rows in SHARDS], prior=merged)
        together = learned(together, np.concatenate(SHARDS))
    assert_close_posterior(merged, together, rtol=1e-8, atol=1e-8)
    assert (merged.n_steps_, merged.t_) == (together.n_steps_, together.t_) == (7, 340)


def test_type_of_precision_follows_the_workers():
    start = started(dtype="float32")
    worker = copy.deepcopy(start).set_params(dtype="float64").partial_fit(X, Y)
    merged = merge([worker, worker], prior=start)
    assert {array.dtype for array in merged.weight_fields_} == {np.dtype("float64")}
    assert {array.dtype for array in merged.intercept_precisions_} == {np.dtype("float64")}
    merged.partial_fit(X, Y)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"hidden_layer_sizes": (8,)}, r"layer_sizes is \(5, 8, 3\), that of prior \(5, 21, 3\)"),
        ({"weight_prior": "gaussian"}, "weight_prior is 'gaussian', that of prior 'binary'"),
        ({"fit_intercept": False}, "intercept is False, that of prior True"),
        ({"argmax": "exact"}, "output is 'argmax_exact', that of prior 'argmax'"),
    ],
)
def test_workers_that_cannot_have_started_from_the_prior(change, message):
    start, other = started(), started(**change)
    with pytest.raises(
        ValueError, match=r"estimators\[1\] cannot have started from prior.*" + message
    ):
        merge([learned(start, SHARDS[0]), learned(other, SHARDS[1])], prior=start)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"rho": 0.99}, r"rho is \(0.99, 0.9\), that of estimators\[0\] \(1.0, 0.9\)"),
        ({"damping": 0.5}, "damping is"),
        ({"algo": "bp"}, "algo is 'bp', that of estimators.0. 'mf'"),
        ({"n_inner_iter": 2}, "n_inner_iter is 2"),
        ({"reinforcement": 0.1}, "reinforcement is 0.1"),
        ({"activation": "relu"}, "activation is 'relu'"),
        ({"dtype": "float32"}, "dtype is dtype"),
    ],
)
def test_workers_that_learned_in_different_ways(change, message):
    start = started()
    other = learned(copy.deepcopy(start).set_params(**change), SHARDS[1])
    with pytest.raises(ValueError, match=r"estimators\[1\] cannot be merged.*" + message):
        merge([learned(start, SHARDS[0]), other], prior=start)
    # All in the same new way is fine: only the workers' steps were taken in it.
    merge([other, other], prior=start)


def test_other_masks():
    start, other = started(density=0.5), started(density=0.5, random_state=1)
    with pytest.raises(ValueError, match=r"estimators\[0\] has other pruned weights.* layer 0"):
        merge([learned(other, SHARDS[0])], prior=start)


def test_other_classes():
    start = started()
    other = BPClassifier(max_iter=0, **SETTINGS).fit(X, Y + 1)
    other.partial_fit(X, Y + 1).partial_fit(X, Y + 1)
    with pytest.raises(
        ValueError, match=r"its classes are \[1, 2, 3\], those of prior \[0, 1, 2\]"
    ):
        merge([other], prior=start)


def test_a_prior_that_is_ahead_or_beside():
    start = started()
    workers = [learned(start, rows) for rows in SHARDS]
    with pytest.raises(ValueError, match="it took 2 steps, prior 3"):
        merge([start], prior=workers[0])
    # One of the workers is no start of the others.
    with pytest.raises(ValueError, match=r"estimators\[1\].*took no step since, but its weights"):
        merge(workers, prior=workers[0])


def test_wrong_things():
    start = started()
    with pytest.raises(ValueError, match="at least one estimator; got none"):
        merge([], prior=start)
    with pytest.raises(NotFittedError):
        merge([start], prior=BPClassifier())
    with pytest.raises(NotFittedError):
        merge([BPClassifier()], prior=start)
    with pytest.raises(TypeError, match=r"estimators\[0\] must be a fitted BPClassifier.*got int"):
        merge([3], prior=start)
    with pytest.raises(TypeError, match="must be a sequence of estimators; got BPClassifier"):
        merge(start, prior=start)
