"""Tests of the baselines: scikit-learn's contract, their equations, and that they learn."""

import itertools
import pickle

import numpy as np
import pytest
from baselines import ExpectationBackpropagationClassifier
from scipy.stats import norm
from sklearn.utils.estimator_checks import estimator_checks_generator

# What takes long or wants high accuracy in two dimensions, where ±1 weights without intercepts
# can turn to few directions only.
LEFT_OUT = ("check_classifiers_train", "check_array_api_input", "check_fit_score_takes_y")


def gradient_baselines():
    """Import the baselines that need PyTorch, or skip the test."""
    pytest.importorskip("torch")
    from baselines import _gradient

    return _gradient


def binarynet(**parameters):
    """Make a small BinaryNet."""
    options = {"batch_size": 32, "max_iter": 10, "random_state": 0} | parameters
    return gradient_baselines().BinaryNetClassifier((51,), **options)


def make(name, **parameters):
    """Make one of the baselines, small."""
    if name == "ebp":
        options = {"max_iter": 3, "random_state": 0} | parameters
        return ExpectationBackpropagationClassifier((51,), **options)
    if name == "binarynet":
        return binarynet(**parameters)
    options = {"batch_size": 32, "max_iter": 10, "learning_rate": 1.0, "random_state": 0}
    return gradient_baselines().ContinuousClassifier((51,), **options | parameters)


NAMES = ("ebp", "binarynet", "continuous")


@pytest.mark.parametrize("name", ["ebp", "binarynet"])
def test_scikit_learn_checks_pass(name):
    estimator = make(name, max_iter=2)
    n_done = 0
    for checked, check in estimator_checks_generator(estimator):
        if check.func.__name__ not in LEFT_OUT:
            check(checked)
            n_done += 1
    assert n_done > 40


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parity", [False, True])
def test_learns_digits(name, parity, digits):
    y_train, y_test = digits.y_train % (2 if parity else 10), digits.y_test % (2 if parity else 10)
    model = make(name).fit(digits.X_train, y_train)
    assert model.score(digits.X_test, y_test) > 0.87
    assert model.predict_proba(digits.X_test).sum(axis=1) == pytest.approx(1)
    assert [record["epoch"] for record in model.history_] == list(range(1, model.n_iter_ + 1))


@pytest.mark.parametrize("weight_prior", ["binary", "gaussian"])
def test_averaging_the_posterior_of_ebp_is_better_than_its_point_network(weight_prior, digits):
    model = make("ebp", weight_prior=weight_prior).fit(digits.X_train, digits.y_train)
    averaged = model.averaged()
    assert averaged.predict_proba(digits.X_test).sum(axis=1) == pytest.approx(1)
    assert averaged.score(digits.X_test, digits.y_test) > 0.92
    point = model.score(digits.X_test, digits.y_test)
    assert averaged.score(digits.X_test, digits.y_test) > point - 0.005


@pytest.mark.parametrize("name", NAMES)
def test_training_goes_on_after_pickling_as_it_would_have(name, digits):
    X, y = digits.X_train[:300], digits.y_train[:300]
    whole = make(name, max_iter=1, warm_start=True).fit(X, y)
    resumed = pickle.loads(pickle.dumps(whole))
    for model in (whole, resumed):
        model.set_params(random_state=1).fit(X, y)
    for expected, weights in zip(whole.coefs_, resumed.coefs_, strict=True):
        np.testing.assert_array_equal(weights, expected)
    assert resumed.n_iter_ == 2


@pytest.mark.parametrize("name", NAMES)
def test_partial_fit_learns(name, digits):
    X, y = digits.X_train, digits.y_train
    model = make(name)
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X[:10], y[:10])
    for _ in range(4):
        for first in range(0, len(y), 20):
            rows = slice(first, first + 20)
            model.partial_fit(X[rows], y[rows], classes=np.arange(10))
    assert model.score(digits.X_test, digits.y_test) > 0.8
    with pytest.raises(ValueError, match="not among classes"):
        model.partial_fit(X[:1], [17])


def test_binarynet_predicts_with_signs_and_keeps_real_weights_in_reach(digits):
    model = binarynet(density=0.3).fit(digits.X_train, digits.y_train)
    assert all(np.isin(weights, (-1, 0, 1)).all() for weights in model.coefs_)
    first, second = model.coefs_
    assert np.mean(first != 0) == pytest.approx(0.3, abs=0.03)
    hidden = np.where(digits.X_test @ first >= 0, 1, -1)
    z = hidden @ second / np.sqrt(0.3 * 51)
    np.testing.assert_array_equal(model.predict(digits.X_test), z.argmax(axis=1))
    real = [weights.detach().numpy() for weights in model._layers.parameters()]
    assert all(abs(weights).max() <= 1 for weights in real)
    assert max(abs(weights).max() for weights in real) == 1


def test_pruned_weights_stay_pruned(digits):
    model = binarynet(density=0.3, max_iter=1, warm_start=True)
    before = [w != 0 for w in model.fit(digits.X_train, digits.y_train).coefs_]
    after = [w != 0 for w in model.fit(digits.X_train, digits.y_train).coefs_]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_gradient_goes_straight_through_signs_within_reach():
    torch = pytest.importorskip("torch")
    x = torch.tensor([-2.0, -1.0, -0.3, 0.0, 0.5, 1.5], requires_grad=True)
    signs = gradient_baselines().Sign.apply(x)
    signs.backward(torch.arange(1.0, 7.0))
    assert signs.tolist() == [-1, -1, -1, 1, 1, 1]
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 0]


def test_training_that_leaves_the_finite_numbers_is_an_error(digits):
    model = make("continuous", learning_rate=1e38)
    with pytest.raises(FloatingPointError, match="not finite"):
        model.fit(digits.X_train, digits.y_train)


def exact_fields(fields, x, y):
    """Enumerate all ±1 networks with one hidden layer; return P(y) and half the log odds of each.

    ``fields`` are those of the prior, of shapes (n_in, n_hidden) and (n_hidden, 1).
    """
    n_in, n_hidden = fields[0].shape
    flat = np.concatenate([field.ravel() for field in fields])
    networks = np.array(list(itertools.product((-1, 1), repeat=flat.size)), dtype=np.int8)
    prior = np.exp(networks @ flat - np.log(2 * np.cosh(flat)).sum())
    first = networks[:, : n_in * n_hidden].reshape(-1, n_in, n_hidden)
    hidden = np.where(np.einsum("i,bik->bk", x, first) >= 0, 1, -1)
    z = (hidden * networks[:, n_in * n_hidden :]).sum(axis=1)
    joint = prior * (np.where(z >= 0, 1, -1) == y)
    up = ((networks == 1) * joint[:, np.newaxis]).sum(axis=0)
    half_log_odds = 0.5 * np.log(up / (joint.sum() - up))
    return joint.sum(), half_log_odds


def started(n_features, hidden, **parameters):
    """Draw an EBP network and learn nothing."""
    model = ExpectationBackpropagationClassifier(hidden, max_iter=0, random_state=0, **parameters)
    return model.fit(np.zeros((2, n_features)), [0, 1])


@pytest.mark.parametrize("y", [0, 1])
def test_ebp_step_follows_the_exact_posterior_of_all_networks(y):
    random_state = np.random.RandomState(0)
    x = random_state.choice([-1.0, 1.0], size=5) * random_state.uniform(0.8, 1.2, size=5)
    model = started(5, (3,), init_scale=0.5)
    before = [field.astype(np.float64) for field in model.fields_]
    probability = model.averaged().predict_proba(x[np.newaxis])[0, y]
    exact_probability, exact = exact_fields(before, x, 2 * y - 1)
    model.partial_fit(x[np.newaxis], [y])
    flat = np.concatenate([field.ravel() for field in before])
    change = np.concatenate([field.ravel() for field in model.fields_]) - flat
    exact_change = exact - flat
    assert probability == pytest.approx(exact_probability, abs=0.02)
    assert np.corrcoef(change, exact_change)[0, 1] > 0.97
    assert change @ exact_change / (change @ change) == pytest.approx(1, abs=0.25)


def test_averaged_prediction_is_that_of_networks_drawn_from_the_posterior():
    random_state = np.random.RandomState(2)
    X = random_state.standard_normal((20, 25))
    model = started(25, (31,), init_scale=1.5)
    positive = np.zeros(len(X))
    n_networks = 4000
    probabilities = [0.5 + 0.5 * np.tanh(field) for field in model.fields_]
    for _ in range(n_networks):
        first, second = [
            np.where(random_state.uniform(size=p.shape) < p, 1, -1) for p in probabilities
        ]
        z = np.where(X @ first >= 0, 1, -1) @ second
        positive += z[:, 0] >= 0
    expected = positive / n_networks
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(model.averaged().predict_proba(X)[:, 1], expected, atol=0.03)


def test_ebp_step_of_a_gaussian_perceptron_is_exact():
    x, scale = np.random.RandomState(1).standard_normal(7), 0.7
    model = started(7, (), weight_prior="gaussian", weight_scale=scale)
    mean = model.fields_[0][:, 0].astype(np.float64)
    model.partial_fit(x[np.newaxis], [1])
    # Of Gaussian weights and a probit likelihood, the posterior mean is known in closed form.
    deviation = scale * np.linalg.norm(x)
    ratio = mean @ x / deviation
    exact = mean + scale**2 * x * norm.pdf(ratio) / norm.cdf(ratio) / deviation
    np.testing.assert_allclose(model.fields_[0][:, 0], exact, rtol=1e-5)


@pytest.mark.gpu
def test_a_gpu_trains_the_cpus_network(digits):
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("PyTorch sees no GPU")
    X, y = digits.X_train[:320], digits.y_train[:320]
    ours, theirs = (binarynet(device=device, max_iter=0).fit(X, y) for device in ("cuda", "cpu"))
    start = ours.coefs_
    for one, other in zip(start, theirs.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    # After more than one step, signs of numbers near zero have led the two apart.
    for model in (ours, theirs):
        model.partial_fit(X, y)
    for one, other, before in zip(ours.coefs_, theirs.coefs_, start, strict=True):
        assert np.mean(one == other) > 0.99 > np.mean(one == before)
    assert pickle.loads(pickle.dumps(ours)).score(X, y) == ours.score(X, y)
