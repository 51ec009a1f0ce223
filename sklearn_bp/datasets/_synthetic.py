"""Problems made from given data or random numbers: parity, permuted tasks, teacher and student."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_array, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._estimators.classifier import BPClassifier

FEATURE_STEP = 2.0**-12
"""Features of teacher-student problems are multiples of this: sums of up to a few hundred thousand
of them with weights ±1 are then exact in float32, whatever their order."""


@validate_params({"y": ["array-like"]}, prefer_skip_nested_validation=True)
def parity_labels(y):
    """Turn integer classes into even (0) and odd (1).

    Parameters
    ----------
    y : array-like of int, shape (n_samples,)
        Classes.

    Returns
    -------
    ndarray of int64, shape (n_samples,)
        0 where the class is even, 1 where it is odd.

    Raises
    ------
    ValueError
        If `y` is not a vector of integers.

    Examples
    --------
    >>> from sklearn_bp.datasets import parity_labels
    >>> parity_labels([0, 1, 2, 7])
    array([0, 1, 0, 1])
    """
    y = column_or_1d(y)
    if y.dtype.kind not in "iub":
        raise ValueError(f"y must hold integers; got an array of dtype {y.dtype}.")
    return y.astype(np.int64) % 2


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "n_tasks": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_permuted_tasks(X, n_tasks=6, *, random_state=None):
    """Draw the tasks of a continual-learning problem: the same samples, features permuted.

    Task t is the problem ``X[:, tasks[t]]`` with unchanged labels, for training and test samples
    alike. The first task is `X` as it is.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples; only their number of features matters.
    n_tasks : int, default=6
        Number of tasks, at least 1.
    random_state : int, RandomState instance or None, default=None
        Draws the permutations. An int gives the same ones in every call, and those of fewer tasks
        are the first of more.

    Returns
    -------
    ndarray of intp, shape (n_tasks, n_features)
        One permutation of the features per task.

    Raises
    ------
    ValueError
        If `X` is not a matrix, or an argument is not allowed.

    References
    ----------
    C. Lucibello, F. Pittorino, G. Perugini, R. Zecchina, "Deep learning via message passing
    algorithms based on belief propagation", Machine Learning: Science and Technology 3, 2022,
    Figure 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_bp.datasets import make_permuted_tasks
    >>> X = np.arange(8).reshape(2, 4)
    >>> tasks = make_permuted_tasks(X, n_tasks=2, random_state=0)
    >>> X[:, tasks[0]]
    array([[0, 1, 2, 3],
           [4, 5, 6, 7]])
    >>> X[:, tasks[1]]
    array([[2, 3, 1, 0],
           [6, 7, 5, 4]])
    """
    X = check_array(X, accept_sparse=True, dtype=None, ensure_all_finite=False)
    random_state = check_random_state(random_state)
    tasks = np.empty((n_tasks, X.shape[1]), dtype=np.intp)
    tasks[0] = np.arange(X.shape[1])
    for task in tasks[1:]:
        task[:] = random_state.permutation(X.shape[1])
    return tasks


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "weight_prior": [StrOptions({"binary", "gaussian"})],
        "n_classes": [Interval(Integral, 2, None, closed="left")],
        "density": [Interval(Real, 0, 1, closed="right")],
        "noise": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_teacher_student(
    n_samples=1000,
    n_features=101,
    *,
    hidden_layer_sizes=(),
    weight_prior="binary",
    n_classes=2,
    density=1.0,
    noise=0.0,
    random_state=None,
    return_X_y=False,
):
    """Draw a problem whose labels come from a random network, the teacher.

    A student of the same architecture can reach training error zero, and the weights to be found
    are known. Features are standard Gaussians, rounded to multiples of 2⁻¹² so that with ±1
    weights a sample's label does not hang on the rounding of sums; the label is the prediction of
    a :class:`sklearn_bp.BPClassifier` without intercepts: argmax of the outputs, or sign of the
    only one for two classes, with sign(0) = +1.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    n_features : int, default=101
        Number of features.
    hidden_layer_sizes : int or array-like of int, default=()
        Units in each hidden layer of the teacher; their activation is the sign. Empty for a
        perceptron.
    weight_prior : {"binary", "gaussian"}, default="binary"
        Whether the teacher's weights are ±1 or Gaussian.
    n_classes : int, default=2
        Number of classes.
    density : float, default=1.0
        Share of weights in each of the teacher's layers that are not zero, in (0, 1].
    noise : float, default=0.0
        Probability with which a label is replaced by one of the other classes, in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Draws teacher, features and noise. An int gives the same problem in every call.
    return_X_y : bool, default=False
        Whether to return ``(X, y)`` only.

    Returns
    -------
    data : sklearn.utils.Bunch or tuple
        With `return_X_y`, ``(X, y)``. Otherwise a dict with attributes:

        X : ndarray of float64, shape (n_samples, n_features)
            Samples.
        y : ndarray of int64, shape (n_samples,)
            Labels, 0 to `n_classes` − 1, with noise.
        y_teacher : ndarray of int64, shape (n_samples,)
            Labels without noise.
        teacher : BPClassifier
            The teacher, as a fitted estimator; ``teacher.predict(X)`` is `y_teacher`.
        coefs : list of ndarray of shape (n_in, n_out)
            The teacher's weights, layer by layer.
        DESCR : str
            A description.

    Raises
    ------
    ValueError
        If an argument is not allowed.

    Examples
    --------
    >>> from sklearn_bp.datasets import make_teacher_student
    >>> data = make_teacher_student(500, 21, hidden_layer_sizes=(5,), random_state=0)
    >>> [weights.shape for weights in data.coefs]
    [(21, 5), (5, 1)]
    >>> data.teacher.score(data.X, data.y)
    1.0
    """
    random_state = check_random_state(random_state)
    teacher = BPClassifier(
        hidden_layer_sizes,
        weight_prior=weight_prior,
        density=density,
        fit_intercept=False,
        max_iter=0,
        dtype="float64",
        device="cpu",
        random_state=random_state.randint(2**31 - 1),
    )
    # No epochs: the teacher is the random start, and all it needs to know is the shapes.
    teacher.fit(np.zeros((n_classes, n_features)), np.arange(n_classes))
    X = random_state.standard_normal((n_samples, n_features))
    X = np.round(X / FEATURE_STEP) * FEATURE_STEP
    y_teacher = teacher.predict(X)
    y = _replace_labels(y_teacher, n_classes, noise, random_state)
    if return_X_y:
        return X, y
    return Bunch(
        X=X,
        y=y,
        y_teacher=y_teacher,
        teacher=teacher,
        coefs=[weights.copy() for weights in teacher.coefs_],
        DESCR=(
            f"Teacher-student problem: {n_samples} samples of {n_features} Gaussian features, "
            f"{n_classes} classes, labels of a random network with hidden layers of "
            f"{hidden_layer_sizes!r} units and {weight_prior} weights; "
            f"{np.count_nonzero(y != y_teacher)} labels replaced."
        ),
    )


def _replace_labels(y, n_classes, noise, random_state):
    """Replace labels, each with the probability `noise`, by another class."""
    replaced = random_state.uniform(size=y.shape[0]) < noise
    others = random_state.randint(1, n_classes, size=y.shape[0])
    return np.where(replaced, (y + others) % n_classes, y)
