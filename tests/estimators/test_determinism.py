"""The same seed gives the same bits, and what should not matter does not."""

import copy

import numpy as np
import pytest
from sklearn.base import clone
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_bp.backends.cpu import _blas, _threads

from .problems import ALGORITHMS, ESTIMATORS, PRIORS, X, Y, batches, small
from .states import assert_same, assert_same_posterior, posterior_of

pytestmark = pytest.mark.usefixtures("binary_networks")

CLASSES = [0, 1, 2]


@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_the_same_seed_gives_the_same_bits(cls, algo, weight_prior):
    parameters = dict(algo=algo, weight_prior=weight_prior, density=0.8, batch_size=32)
    one, two = (small(cls, **parameters).fit(X, Y) for _ in range(2))
    assert_same_posterior(one, two)
    assert_same(one.predict_proba(X), two.predict_proba(X))
    assert_same_posterior(one.fit(X, Y), two)
    assert_same_posterior(clone(one).fit(X, Y), two)


def test_other_seeds_give_other_starts_orders_and_masks():
    one, two = (small(random_state=seed, max_iter=0, density=0.5).fit(X, Y) for seed in (0, 1))
    assert not np.array_equal(one.weight_fields_[0], two.weight_fields_[0])
    assert not np.array_equal(one.weight_masks_[0], two.weight_masks_[0])
    ordered, shuffled = (small(batch_size=40, shuffle=shuffle) for shuffle in (False, True))
    ordered, shuffled = ordered.fit(X, Y), shuffled.fit(X, Y)
    assert not np.allclose(ordered.weight_fields_[0], shuffled.weight_fields_[0])


def test_a_random_state_instance_is_used_up():
    def fitted(state):
        return small(random_state=state, batch_size=50).fit(X, Y)

    source, again = np.random.RandomState(4), np.random.RandomState(4)
    first, second = fitted(source), fitted(source)
    assert_same_posterior(first, fitted(again))
    assert_same_posterior(second, fitted(again))
    assert_same_posterior(first, fitted(4))
    assert not np.array_equal(first.weight_fields_[0], second.weight_fields_[0])


def test_without_a_seed_numpy_decides():
    one, two = (small(random_state=None).fit(X, Y) for _ in range(2))
    assert not np.array_equal(one.weight_fields_[0], two.weight_fields_[0])


def test_the_global_random_state_is_left_alone():
    before = np.random.get_state()
    model = small(density=0.5, early_stopping=True).fit(X, Y)
    model.partial_fit(X, Y).predict_proba(X)
    after = np.random.get_state()
    assert before[0] == after[0] and before[2:] == after[2:]
    np.testing.assert_array_equal(before[1], after[1])


@pytest.mark.parametrize("parameters", [{}, {"batch_size": 32}, {"early_stopping": True}])
def test_inputs_and_parameters_are_not_written_to(parameters):
    samples, labels, weight = X.copy(), Y.copy(), np.linspace(0.5, 2, 150)
    rho, damping = np.array([1.0, 0.9]), [0.5, 0.9]
    originals = copy.deepcopy((samples, labels, weight, rho, damping))
    model = small(rho=rho, damping=damping, **parameters)
    model.fit(samples, labels, sample_weight=weight)
    model.partial_fit(samples, labels, sample_weight=weight).predict_proba(samples)
    assert_same((samples, labels, weight, rho, damping), originals)
    assert model.rho is rho and model.damping is damping


@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_order_does_not_matter_in_full_batches(algo, weight_prior):
    order = np.random.default_rng(1).permutation(150)
    parameters = dict(batch_size=150, algo=algo, weight_prior=weight_prior, max_iter=3)
    one, two = (small(**parameters).fit(X[rows], Y[rows]) for rows in (slice(None), order))
    assert_same_posterior(one, two)


def test_repetition_is_a_weight_in_full_batches():
    times = np.random.default_rng(2).integers(1, 4, 150)
    repeated = np.repeat(np.arange(150), times)
    parameters = dict(batch_size=1000, max_iter=3)
    one = small(**parameters).fit(X[repeated], Y[repeated])
    two = small(**parameters).fit(X, Y, sample_weight=times)
    assert_same_posterior(one, two)


@pytest.mark.parametrize("kind", [list, np.asfortranarray, lambda a: a[:, ::1].astype(">f8")])
def test_layout_of_the_samples_does_not_matter(kind):
    assert_same_posterior(small(batch_size=50).fit(kind(X), Y), small(batch_size=50).fit(X, Y))


def test_an_estimator_does_not_notice_others():
    alone = small().partial_fit(X, Y, classes=CLASSES)
    for rows in batches(3):
        alone.partial_fit(X[rows], Y[rows])
    one, two = small(), small(random_state=5)
    for model in (one, two):
        model.partial_fit(X, Y, classes=CLASSES)
    for rows in batches(3):
        two.partial_fit(X[rows[:5]], Y[rows[:5]])
        one.partial_fit(X[rows], Y[rows])
    assert_same_posterior(one, alone)


# Threads --------------------------------------------------------------------------------------


def trained_with(n_threads, digits, **parameters):
    """A few steps of a network wide enough for its kernels to be shared among threads."""
    model = small(
        hidden_layer_sizes=(301,),
        batch_size=256,
        max_iter=1,
        shuffle=False,
        dtype="float64",
        random_state=1,
        **parameters,
    )
    with threadpool_limits(n_threads, user_api="blas"):
        model.fit(digits.X_train[:512], digits.y_train[:512])
        return model, model.predict_proba(digits.X_test[:200])


@pytest.fixture
def can_use_two_threads():
    """BLAS must be able to run two threads; the number of cores is not asked."""
    with threadpool_limits(2, user_api="blas"):
        blas = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
    if not blas or min(blas) < 2:
        pytest.skip("BLAS here runs one thread only.")


@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("algo", ["bp", "amp"])
def test_threads_change_no_bit(algo, weight_prior, digits, monkeypatch, can_use_two_threads):
    monkeypatch.setattr(_blas, "cpu_count", lambda: 2)
    used = []
    run = _threads.RowPool.run

    def watched(pool, *arguments, **options):
        used.append(pool.n_threads)
        return run(pool, *arguments, **options)

    monkeypatch.setattr(_threads.RowPool, "run", watched)
    settings = dict(algo=algo, weight_prior=weight_prior)
    one, proba_of_one = trained_with(1, digits, **settings)
    assert set(used) == {1}
    used.clear()
    two, proba_of_two = trained_with(2, digits, **settings)
    assert set(used) == {2}
    assert_same_posterior(one, two)
    assert_same(proba_of_one, proba_of_two)


def test_a_posterior_that_was_read_stays_as_it_was():
    """Fitted attributes are copies: training on does not change arrays already taken."""
    model = small().partial_fit(X, Y, classes=CLASSES)
    taken = {name: getattr(model, name) for name in ("weight_fields_", "weight_means_")}
    before = copy.deepcopy(taken)
    model.partial_fit(X, Y).partial_fit(X, Y)
    assert_same(taken, before)
    assert not np.array_equal(posterior_of(model)["weight_fields_"][0], before["weight_fields_"][0])
