"""set_posterior: what it accepts, and that training goes on from it exactly as elsewhere."""

import numpy as np
import pytest
from oracles.priors import PRIORS as ORACLES
from sklearn.exceptions import NotFittedError

from sklearn_bp import BayesBPClassifier, BPClassifier

from .problems import ALGORITHMS, ESTIMATORS, OUTPUTS, PRIORS, X, Y, batches, small
from .states import (
    assert_finite,
    assert_same,
    assert_same_posterior,
    posterior_arguments,
    posterior_of,
    state_of,
)

pytestmark = pytest.mark.usefixtures("binary_networks")


def trained(weight_prior="binary", output="pairwise", **parameters):
    """An estimator after three steps."""
    samples, labels, options = OUTPUTS[output]
    model = small(weight_prior=weight_prior, **options, **parameters)
    for rows in batches(3, len(labels)):
        model.partial_fit(samples[rows], labels[rows], classes=np.unique(labels))
    return model


def elsewhere(model, output="pairwise"):
    """Another estimator, which has seen other data from another start, put into the same state."""
    samples, labels, _ = OUTPUTS[output]
    other = type(model)(**{**model.get_params(), "random_state": 77})
    other.fit(samples[::-1], labels)
    return other.set_posterior(**posterior_arguments(model))


# Going on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_training_goes_on_elsewhere_bit_for_bit(algo, weight_prior, output):
    samples, labels, _ = OUTPUTS[output]
    model = trained(weight_prior, output, algo=algo, n_inner_iter=2, density=0.8)
    other = elsewhere(model, output)
    assert_same_posterior(model, other)
    assert_same(model.predict_proba(samples), other.predict_proba(samples))
    for rows in batches(2, len(labels)):
        model.partial_fit(samples[rows], labels[rows])
        other.partial_fit(samples[rows], labels[rows])
    assert_same_posterior(model, other)


@pytest.mark.parametrize("parameters", [{"fit_intercept": False}, {"dtype": "float64"}])
@pytest.mark.parametrize("weight_prior", PRIORS)
def test_without_intercepts_and_in_double_precision(weight_prior, parameters):
    model = trained(weight_prior, **parameters)
    other = elsewhere(model)
    assert_same_posterior(model.partial_fit(X, Y), other.partial_fit(X, Y))


def test_a_warm_start_goes_on_too():
    model = small(warm_start=True).fit(X, Y)
    other = elsewhere(model).set_params(random_state=0)
    assert_same_posterior(model.fit(X, Y), other.fit(X, Y))


def test_the_point_network_and_the_averaging_one_share_posteriors():
    point = trained()
    bayes = small(BayesBPClassifier).fit(X, Y).set_posterior(**posterior_arguments(point))
    assert_same_posterior(point, bayes)
    twin = small(BPClassifier).fit(X, Y).set_posterior(**posterior_arguments(bayes))
    assert_same(point.predict_proba(X), twin.predict_proba(X))


def test_lists_of_lists_are_enough():
    model = trained()
    arguments = {
        name: None if arrays is None else [array.tolist() for array in arrays]
        for name, arrays in posterior_arguments(model).items()
    }
    other = small().fit(X, Y).set_posterior(**arguments)
    assert_same_posterior(model, other)


# What is taken --------------------------------------------------------------------------------


def test_returns_the_estimator_and_keeps_its_counters():
    model = trained()
    counters = (model.n_iter_, model.n_steps_, model.t_, model.history_)
    assert model.set_posterior(**posterior_arguments(model)) is model
    assert counters == (model.n_iter_, model.n_steps_, model.t_, model.history_)


@pytest.mark.parametrize("weight_prior", PRIORS)
def test_means_default_to_the_undamped_ones(weight_prior):
    model = trained(weight_prior, dtype="float64")
    arguments = posterior_arguments(model)
    model.set_posterior(**{**arguments, "weight_means": None, "intercept_means": None})
    for layer, field in enumerate(arguments["weight_fields"]):
        precision = np.ones_like(field)
        if ORACLES[weight_prior].has_precision:
            precision = arguments["weight_precisions"][layer]
        expected = ORACLES[weight_prior].mean(field, precision)
        np.testing.assert_allclose(model.weight_means_[layer], expected, rtol=1e-12)
        expected = arguments["intercept_fields"][layer] / arguments["intercept_precisions"][layer]
        np.testing.assert_allclose(model.intercept_means_[layer], expected, rtol=1e-12)


def test_given_arrays_are_copied():
    model = trained()
    arguments = {
        name: None if arrays is None else [array.copy() for array in arrays]
        for name, arrays in posterior_arguments(model).items()
    }
    before = posterior_of(model.set_posterior(**arguments))
    for arrays in arguments.values():
        for array in arrays or ():
            array[...] = 1
    assert_same(posterior_of(model), before)


@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_masks_prune_and_hold(cls, weight_prior):
    model = small(cls, weight_prior=weight_prior).fit(X, Y)
    rng = np.random.default_rng(0)
    masks = [rng.random(field.shape) < 0.6 for field in model.weight_fields_]
    model.set_posterior(**{**posterior_arguments(model), "weight_masks": masks})
    for _ in range(2):
        assert_same([mask.copy() for mask in model.weight_masks_], masks)
        for name in ("weight_means_", "weight_variances_", "coefs_"):
            for array, mask in zip(getattr(model, name), masks, strict=True):
                assert (array[~mask] == 0).all() and (array[mask] != 0).any()
        assert_finite(model)
        model.partial_fit(X, Y)


def test_masks_of_some_layers_and_of_zeros_and_ones():
    model = trained()
    mask = np.ones((4, 7), dtype=int)
    mask[2] = 0
    model.set_posterior(**{**posterior_arguments(model), "weight_masks": [mask, None]})
    assert not model.weight_masks_[0][2].any() and model.weight_masks_[1].all()


def test_whole_masks_change_nothing():
    model, other = trained(), trained()
    masks = [np.ones(field.shape, dtype=bool) for field in other.weight_fields_]
    other.set_posterior(**{**posterior_arguments(other), "weight_masks": masks})
    assert_same_posterior(model.partial_fit(X, Y), other.partial_fit(X, Y))


# What is refused ------------------------------------------------------------------------------


def changed(arrays, layer, index, value):
    """The arrays with one entry replaced."""
    arrays = [np.array(array, dtype=float) for array in arrays]
    arrays[layer][index] = value
    return arrays


REFUSED = {
    "fields missing": ("binary", "weight_fields", lambda a: None, "weight_fields must be given"),
    "a layer missing": ("binary", "weight_fields", lambda a: a[:1], "list of 2 arrays.* length 1"),
    "one array": ("binary", "weight_fields", lambda a: a[0], "list of 2 arrays.* got ndarray"),
    "a number": ("binary", "weight_means", lambda a: 0.5, "list of 2 arrays.* got float"),
    "transposed": (
        "binary",
        "weight_fields",
        lambda a: [a[0].T, a[1]],
        r"weight_fields\[0\] must have shape \(4, 7\); got \(7, 4\)",
    ),
    "intercept shape": (
        "binary",
        "intercept_means",
        lambda a: [a[0], a[1][:2]],
        r"intercept_means\[1\] must have shape \(3,\); got \(2,\)",
    ),
    "NaN": (
        "binary",
        "weight_fields",
        lambda a: changed(a, 1, (0, 0), np.nan),
        r"weight_fields\[1\] must hold finite numbers: .*NaN",
    ),
    "infinity": (
        "binary",
        "intercept_fields",
        lambda a: changed(a, 0, 0, np.inf),
        r"intercept_fields\[0\] must hold finite numbers: .*infinity",
    ),
    "beyond single precision": (
        "binary",
        "weight_fields",
        lambda a: changed(a, 0, (0, 0), 1e300),
        r"weight_fields\[0\] must hold finite numbers: .*too large for dtype\('float32'\)",
    ),
    "words": (
        "binary",
        "weight_fields",
        lambda a: [a[0], np.full((7, 3), "x")],
        r"weight_fields\[1\] must hold finite numbers: .*'x'",
    ),
    "mean above one": (
        "binary",
        "weight_means",
        lambda a: changed(a, 0, (0, 0), 1.5),
        r"weight_means\[0\] must lie in \[-1, 1\] for weight_prior='binary'; got 1.5",
    ),
    "precisions of ±1 weights": (
        "binary",
        "weight_precisions",
        lambda a: [np.ones((4, 7)), np.ones((7, 3))],
        "weight_precisions must be None with weight_prior='binary'",
    ),
    "precisions missing": (
        "gaussian",
        "weight_precisions",
        lambda a: None,
        "weight_precisions must be given",
    ),
    "precision zero": (
        "gaussian",
        "weight_precisions",
        lambda a: changed(a, 1, (2, 2), 0),
        r"weight_precisions\[1\] must not be below 1e-06.* got 0",
    ),
    "intercept precision negative": (
        "binary",
        "intercept_precisions",
        lambda a: changed(a, 0, 0, -2),
        r"intercept_precisions\[0\] must not be below 1e-06.* got -2",
    ),
    "intercepts missing": (
        "binary",
        "intercept_fields",
        lambda a: None,
        "intercept_fields must be given",
    ),
    "mask shape": (
        "binary",
        "weight_masks",
        lambda a: [a[0][:2], a[1]],
        r"weight_masks\[0\] must have shape \(4, 7\); got \(2, 7\)",
    ),
    "mask values": (
        "binary",
        "weight_masks",
        lambda a: [np.full((4, 7), 0.5), a[1]],
        r"weight_masks\[0\] must hold nothing but True and False; got \[0.5\]",
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_refused_with_the_state_unchanged(reason):
    weight_prior, name, change, message = REFUSED[reason]
    model = trained(weight_prior)
    before = state_of(model)
    arguments = posterior_arguments(model)
    with pytest.raises(ValueError, match=message):
        model.set_posterior(**{**arguments, name: change(arguments[name])})
    assert_same(state_of(model), before)


@pytest.mark.parametrize("name", ["intercept_fields", "intercept_means", "intercept_precisions"])
def test_intercepts_without_fit_intercept_are_refused(name):
    model = trained(fit_intercept=False)
    with pytest.raises(ValueError, match=f"{name} must be None with fit_intercept=False"):
        model.set_posterior(model.weight_fields_, **{name: [np.ones(7), np.ones(3)]})


def test_means_that_overflow_are_refused():
    model = trained("gaussian")
    arguments = posterior_arguments(model)
    arguments["weight_fields"] = changed(arguments["weight_fields"], 0, (0, 0), 3e38)
    arguments["weight_precisions"] = changed(arguments["weight_precisions"], 0, (0, 0), 1e-6)
    with pytest.raises(ValueError, match="H / G of a weight of layer 0 overflows .*float32"):
        model.set_posterior(**arguments)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_unfitted_estimators_refuse(cls):
    with pytest.raises(NotFittedError):
        small(cls).set_posterior([np.zeros((4, 7)), np.zeros((7, 3))])
