"""What a fitted estimator holds, copied and compared bit for bit."""

import copy

import numpy as np

from .problems import X

ARGUMENTS = [
    "weight_fields",
    "weight_means",
    "weight_precisions",
    "weight_masks",
    "intercept_fields",
    "intercept_means",
    "intercept_precisions",
]
"""What ``set_posterior`` takes, each a fitted attribute with an underscore at its end."""

ARRAYS = [
    *(f"{name}_" for name in ARGUMENTS),
    "weight_variances_",
    "intercept_variances_",
    "coefs_",
    "intercepts_",
]

COUNTERS = ["n_iter_", "n_steps_", "t_", "best_validation_score_", "n_features_in_"]


def posterior_arguments(estimator):
    """The arguments of ``set_posterior`` that give another estimator the same state."""
    return {name: getattr(estimator, f"{name}_") for name in ARGUMENTS}


def posterior_of(estimator):
    """All posterior arrays by name, copied."""
    return {name: copy.deepcopy(getattr(estimator, name)) for name in ARRAYS}


def state_of(estimator, probe=X):
    """Everything a user can see: parameters, attributes, posterior and predictions."""
    hidden = {"_network", "_posterior"}
    state = {
        name: copy.deepcopy(value) for name, value in vars(estimator).items() if name not in hidden
    }
    if hasattr(estimator, "n_steps_"):
        state.update(posterior_of(estimator), proba=estimator.predict_proba(probe))
        state["network"] = vars(estimator._network).copy()
    return state


def bits(value):
    """Turn a value into something that is equal only if every bit is."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype, value.tobytes()
    if isinstance(value, list | tuple):
        return type(value), [bits(item) for item in value]
    if isinstance(value, dict):
        return {name: bits(item) for name, item in value.items()}
    return value


def assert_same(one, other):
    """Two states, or parts of them, agree bit for bit."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert bits(one[name]) == bits(other[name]), name
    else:
        assert bits(one) == bits(other)


def assert_same_posterior(one, other):
    """Two fitted estimators hold the same posterior, bit for bit."""
    assert_same(posterior_of(one), posterior_of(other))


def assert_close_posterior(one, other, rtol, atol):
    """Two fitted estimators hold the same posterior up to rounding."""
    other = posterior_of(other)
    for name, arrays in posterior_of(one).items():
        for array, expected in zip(arrays or (), other[name] or (), strict=True):
            np.testing.assert_allclose(array, expected, rtol=rtol, atol=atol, err_msg=name)


def assert_finite(estimator, probe=X):
    """All numbers are finite and possible, and predictions are probabilities that agree."""
    for name, arrays in posterior_of(estimator).items():
        assert all(np.isfinite(array).all() for array in arrays or ()), name
    for name in ("weight_variances_", "intercept_variances_"):
        assert all((array >= 0).all() for array in getattr(estimator, name) or ()), name
    if estimator.weight_precisions_ is None:
        assert all((abs(mean) <= 1).all() for mean in estimator.weight_means_)
    assert_predictions(estimator, probe)


def assert_predictions(estimator, probe=X):
    """Probabilities lie in [0, 1], sum to 1, and the label is that of the largest."""
    proba = estimator.predict_proba(probe)
    assert proba.shape == (probe.shape[0], len(estimator.classes_)) and proba.dtype == np.float64
    assert (proba >= 0).all() and (proba <= 1).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=0, atol=1e-12)
    expected = estimator.classes_[proba.argmax(axis=1)]
    np.testing.assert_array_equal(estimator.predict(probe), expected)
