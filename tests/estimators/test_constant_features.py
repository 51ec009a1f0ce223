"""A warning where constant features would make a point network guess."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array

from sklearn_bp import BayesBPClassifier
from sklearn_bp._estimators import training
from sklearn_bp._estimators.diagnosis import ROWS_COMPARED, constant_features

from .problems import X, Y, small

pytestmark = pytest.mark.usefixtures("binary_networks")

CONSTANTS = np.hstack([X, np.full((150, 30), -0.42)])
MESSAGE = r"^30 features have the same value, other than 0, in all samples\. With rho=0\.99 "


def fit(samples=CONSTANTS, **parameters):
    return small(**{"rho": 0.99, "algo": "mf", **parameters}).fit(samples, Y)


@pytest.mark.parametrize("parameters", [{}, {"rho": [0.99, 1.0]}, {"algo": "bp"}], ids=str)
def test_a_point_network_warns_and_says_what_to_do(parameters):
    with pytest.warns(UserWarning, match=MESSAGE) as caught:
        fit(**parameters)
    text = str(caught[0].message)
    assert all(way in text for way in ("StandardScaler", "VarianceThreshold", "BayesBPClassifier"))


def changed(column, value):
    samples = CONSTANTS.copy()
    samples[149, column:] = value
    return samples


@pytest.mark.parametrize(
    ("samples", "parameters"),
    [
        (CONSTANTS, {"rho": 1.0}),
        (CONSTANTS, {"rho": [1.0, 0.99]}),
        (CONSTANTS, {"cls": BayesBPClassifier}),
        (CONSTANTS, {"weight_prior": "gaussian"}),
        (np.hstack([X, np.zeros((150, 30))]), {}),
        (CONSTANTS[:, :6], {}),
        (changed(4, 0.5), {}),
        (csr_array(CONSTANTS), {}),
    ],
    ids=["rho", "later_rho", "average", "real", "zeros", "few", "not_quite", "sparse"],
)
def test_nobody_else_warns(samples, parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(samples, **parameters)


def test_constants_are_found_among_many_samples():
    samples = np.random.RandomState(0).normal(size=(2 * ROWS_COMPARED + 1, 5))
    samples[:, 1], samples[:, 2], samples[:, 3] = 7.0, 0.0, -2.0
    np.testing.assert_array_equal(constant_features(samples), [7.0, -2.0])
    samples[-1, 1] = 7.5
    np.testing.assert_array_equal(constant_features(samples), [-2.0])
    samples[0, 3] = 3.0
    assert constant_features(samples).size == 0


def test_what_the_warning_says_is_so(monkeypatch):
    """Pixels of one brightness beside a few that tell the classes apart."""
    monkeypatch.setattr(training, "RELAPSE", np.inf)  # An earlier state is not misled yet.
    rng = np.random.RandomState(0)
    labels = rng.randint(2, size=600)
    telling = rng.normal(size=(600, 20)) + 0.7 * (2 * labels[:, None] - 1)
    samples = np.hstack([telling, np.full((600, 200), -0.5)])
    options = dict(algo="amp", rho=0.9, max_iter=60, n_iter_no_change=60, hidden_layer_sizes=(31,))
    with pytest.warns(UserWarning, match="200 features"):
        point = small(**options).fit(samples, labels)
    average = small(BayesBPClassifier, **options).fit(samples, labels)
    centred = samples - samples.mean(axis=0)
    point_of_centred = small(**options).fit(centred, labels)
    assert point.score(samples, labels) < 0.6
    assert average.score(samples, labels) > 0.95
    assert point_of_centred.score(centred, labels) > 0.95
