"""scikit-learn's own checks, on both classifiers with both weight priors; none may fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_bp import BayesBPClassifier, BPClassifier

ESTIMATORS = [
    estimator(weight_prior=weight_prior)
    for estimator in (BPClassifier, BayesBPClassifier)
    for weight_prior in ("binary", "gaussian")
]


# Some checks train on two unscaled features far from zero, and say so by this warning.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# One check needs an environment variable that SciPy reads at import.
@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API.*")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)
