"""The check that functions on fitted estimators begin with."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._base import MessagePassingClassifier


def check_fitted_network(estimator):
    """Refuse anything but a fitted estimator of this package.

    Parameters
    ----------
    estimator : object
        What a user passed.

    Raises
    ------
    TypeError
        If it is something else; for a pipeline the message says how to take it apart.
    NotFittedError
        If it is not fitted.
    """
    if not isinstance(estimator, MessagePassingClassifier):
        hint = ""
        if isinstance(estimator, Pipeline):
            hint = " Of a pipeline, pass pipeline[-1], and X as pipeline[:-1].transform(X)."
        raise TypeError(
            "estimator must be a fitted BPClassifier or BayesBPClassifier; got "
            f"{type(estimator).__name__}.{hint}"
        )
    check_is_fitted(estimator)
