"""Whatever the shapes and parameters, trained estimators hold finite numbers and predict."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from sklearn_bp.engine.errors import NonFiniteError

from .problems import ALGORITHMS, ESTIMATORS, PRIORS
from .states import assert_finite, assert_same_posterior, posterior_arguments

pytestmark = [
    pytest.mark.usefixtures("binary_networks"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

PARAMETERS = {
    "hidden_layer_sizes": st.lists(st.integers(1, 6), max_size=3),
    "algo": st.sampled_from(ALGORITHMS),
    "weight_prior": st.sampled_from(PRIORS),
    "activation": st.sampled_from(["sign", "relu", "identity"]),
    "argmax": st.sampled_from(["pairwise", "exact"]),
    "rho": st.floats(0.5, 1.2),
    "output_rho": st.floats(0.5, 1.2),
    "damping": st.floats(0, 0.99),
    "density": st.floats(0.05, 1),
    "fit_intercept": st.booleans(),
    "init_scale": st.floats(0.1, 3),
    "reinforcement": st.floats(0, 0.5),
    "n_inner_iter": st.integers(1, 3),
    "batch_size": st.integers(1, 40),
    "max_iter": st.integers(0, 3),
    "shuffle": st.booleans(),
    "dtype": st.sampled_from(["float32", "float64"]),
    "random_state": st.integers(0, 1000),
}


@st.composite
def problems(draw):
    """Samples with every class at least once, of any scale and with repeated values."""
    n_classes = draw(st.integers(2, 5))
    n_samples = draw(st.integers(n_classes, 30))
    n_features = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    samples = rng.standard_normal((n_samples, n_features)) * draw(st.sampled_from([1e-3, 1, 1e3]))
    if draw(st.booleans()):
        samples = np.round(samples)
    return samples, np.arange(n_samples) % n_classes


LIMITS = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@LIMITS
@given(problems(), st.sampled_from(ESTIMATORS), st.fixed_dictionaries(PARAMETERS))
def test_a_fit_ends_with_finite_numbers_and_predicts(problem, cls, parameters):
    samples, labels = problem
    model = cls(**parameters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            model.fit(samples, labels)
        except NonFiniteError:
            assert not hasattr(model, "classes_")
            return
    assert_finite(model, samples)
    learned = parameters["max_iter"] * len(labels)
    stopped = any("Training stopped" in str(one.message) for one in caught)
    assert model.t_ < learned if stopped else model.t_ == learned
    widths = [samples.shape[1], *parameters["hidden_layer_sizes"]]
    assert [coef.shape[0] for coef in model.coefs_] == widths


@LIMITS
@given(problems(), st.fixed_dictionaries(PARAMETERS), st.data())
def test_steps_on_any_mini_batches_go_on_elsewhere(problem, parameters, data):
    """A posterior read after any steps continues on another estimator with the same bits."""
    samples, labels = problem
    model, other = ESTIMATORS[0](**parameters), ESTIMATORS[1](**parameters)
    rows = st.lists(st.integers(0, len(labels) - 1), min_size=1, max_size=12)
    classes = np.unique(labels)
    try:
        for _ in range(2):
            batch = data.draw(rows)
            model.partial_fit(samples[batch], labels[batch], classes=classes)
        assert_finite(model, samples)
        other.partial_fit(samples, labels, classes).set_posterior(**posterior_arguments(model))
        batch = data.draw(rows)
        model.partial_fit(samples[batch], labels[batch])
        other.partial_fit(samples[batch], labels[batch])
    except NonFiniteError:
        return
    assert_same_posterior(model, other)
