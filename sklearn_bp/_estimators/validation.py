"""Checks of what users pass: samples, labels, sample weights, numbers per layer."""

import math
from functools import cache
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    validate_data,
)

from ..backends._samples import KEPT_TYPES
from .parameters import CONSTRAINTS

CHECKED_AT_A_TIME = 2**18
"""Numbers that are checked at a time: few enough for the cache, and many enough for a disk."""


def validate_samples(estimator, X, dtype, reset=False):
    """Check samples, without a copy where that can be helped.

    Memory maps stay on disk, and sparse matrices stay sparse: rows are read when they are needed.

    Parameters
    ----------
    estimator : estimator
        Remembers or compares the number and names of features.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The samples.
    dtype : str
        The network's precision.
    reset : bool
        Whether the estimator learns the features from `X` (else `X` must have the same).

    Returns
    -------
    ndarray or sparse matrix of shape (n_samples, n_features)
        Finite numbers, small enough for their squares to add up in the network's precision.

    Raises
    ------
    ValueError
        If `X` has the wrong shape, is not finite, or is too large.
    """
    if reset or not _is_plain(estimator, X, dtype):
        X = _validate_any(estimator, X, dtype, reset)
    _check_numbers(estimator, X, dtype)
    return X


def _is_plain(estimator, X, dtype):
    """Tell whether `X` is an array that needs no comparison of names and no conversion."""
    return (
        type(X) is np.ndarray
        and X.dtype == dtype
        and X.ndim == 2
        and X.shape[0] > 0
        and X.shape[1] == estimator.n_features_in_
        and X.flags.c_contiguous
        and not hasattr(estimator, "feature_names_in_")
    )


def _validate_any(estimator, X, dtype, reset):
    """Check samples of any kind, all but their numbers."""
    on_disk = isinstance(X, np.memmap)
    dtypes = [dtype, *(other for other in KEPT_TYPES if other != dtype)]
    if on_disk and X.dtype.kind in "biuf":
        dtypes.append(X.dtype)  # A backend converts the rows it reads.
    X = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        accept_large_sparse=True,
        dtype=[np.dtype(name) for name in dtypes],
        ensure_all_finite=False,
    )
    if on_disk or issparse(X) or X.flags.c_contiguous:
        return X
    return np.ascontiguousarray(X)


def _check_numbers(estimator, X, dtype):
    """Refuse what is not finite, and numbers whose squares would not add up to a finite sum."""
    if X.dtype.kind == "b" or X.dtype == np.uint8:
        return
    values, allowed = X.data if issparse(X) else X, _largest_allowed(dtype, X.shape[1])
    if _are_surely_small(values, allowed):
        return
    largest = _largest(values)
    if not math.isfinite(largest):
        assert_all_finite(X, estimator_name=type(estimator).__name__, input_name="X")
    if largest > allowed:
        raise ValueError(
            f"X contains the absolute value {largest:g}; with dtype={dtype!r} and {X.shape[1]} "
            f"features it must not exceed {allowed:.3g}, or sums of squares overflow. Scale the "
            "features (for example with StandardScaler)"
            + (" or use dtype='float64'." if dtype == "float32" else ".")
        )


@cache
def _largest_allowed(dtype, n_features):
    """Give the largest absolute value that a feature may have.

    The pre-activation variance sums x² over features; a margin keeps its products finite.
    """
    return float(np.sqrt(np.finfo(dtype).max / n_features)) / 1e3


def _are_surely_small(values, allowed):
    """Tell whether no absolute value can exceed `allowed`, if that is soon told."""
    # One number from BLAS: not small if it overflows, and not if there is a NaN.
    plain = values.dtype.kind == "f" and values.flags.c_contiguous
    return plain and float(np.vdot(values, values)) <= allowed * allowed


def _largest(values):
    """Find the largest absolute value, NaN if there is one, reading memory or disk once."""
    if not values.flags.c_contiguous:
        values = values.T
    row_size = max(1, values.size // max(1, values.shape[0]))
    n_rows = max(1, CHECKED_AT_A_TIME // row_size)
    largest = 0.0
    for start in range(0, values.shape[0], n_rows):
        rows = values[start : start + n_rows]
        high, low = float(rows.max()), float(rows.min())
        if math.isnan(high):
            return high
        largest = max(largest, high, -low)
    return largest


def validate_labels(y, n_samples_of):
    """Check a vector of class labels.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels.
    n_samples_of : array
        What must have as many samples.

    Returns
    -------
    ndarray of shape (n_samples,)
        The labels.

    Raises
    ------
    ValueError
        If the labels are not those of a classification, or too few or too many.
    """
    if type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "iubU":
        # Labels that can only be classes: the general checks cost more than a small step.
        if y.shape[0] == n_samples_of.shape[0]:
            return y
    if y is None:
        raise ValueError(
            "This classifier requires y to be passed, but the target y is None: y must hold one "
            "class label per sample."
        )
    y = column_or_1d(y, warn=True)
    check_consistent_length(n_samples_of, y)
    if y.dtype.kind in "fc" and not np.isfinite(y).all():
        raise ValueError("Input y contains NaN or infinity: every sample needs a class label.")
    check_classification_targets(y)
    return y


def validate_classes(classes):
    """Check the list of all classes.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        All labels that can occur.

    Returns
    -------
    ndarray of shape (n_classes,)
        The labels, sorted, each once.

    Raises
    ------
    ValueError
        If there are fewer than two, or they cannot be labels.
    """
    labels = np.asarray(classes)
    if labels.ndim != 1:
        raise ValueError(f"classes must be a one-dimensional sequence of labels; got {classes!r}.")
    if labels.dtype.kind in "fc" and not np.isfinite(labels).all():
        raise ValueError(f"classes must not contain NaN or infinity; got {labels.tolist()!r}.")
    classes = np.unique(labels)
    if classes.shape[0] < 2:
        raise ValueError(
            "The number of classes has to be greater than one; got "
            f"{classes.shape[0]} class: {classes.tolist()!r}. Of weights of samples, pass "
            "sample_weight=."
        )
    return classes


def encode_labels(y, classes):
    """Turn labels into positions in the list of classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    classes : ndarray of shape (n_classes,)
        All labels, sorted.

    Returns
    -------
    ndarray of int64, shape (n_samples,)
        Positions.

    Raises
    ------
    ValueError
        If a label is not in the list.
    """
    position = classes.searchsorted(y)
    # Past the end is the last class, which is not the label either.
    unknown = classes.take(position, mode="clip") != y
    if np.count_nonzero(unknown):
        labels = np.unique(y[unknown]).tolist()
        raise ValueError(
            f"y contains previously unseen labels {labels!r}; the classes are {classes.tolist()!r}."
        )
    return position.astype(np.int64, copy=False)


def validate_sample_weight(sample_weight, X):
    """Check how often each sample counts.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), float, or None
        Weights, at least 0; not all 0.
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        The samples.

    Returns
    -------
    ndarray of float64, shape (n_samples,), or None
        The weights; None if none were given.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, dict) or np.asarray(sample_weight).dtype.kind in "SU":
        raise ValueError(f"sample_weight must hold numbers of at least 0; got {sample_weight!r}.")
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def raise_to_copies(weight):
    """Scale weights up, if need be, so that samples count once on average.

    A weight of 2 is two copies. But weights that merely say how samples compare, such as those of
    boosting, which add up to 1, would leave next to nothing to learn from.

    Parameters
    ----------
    weight : ndarray of float64, shape (n_samples,), or None
        How often each sample counts; not all 0.

    Returns
    -------
    ndarray of float64, shape (n_samples,), or None
        The weights, times a number of at least 1: the mean of those above 0 is at least 1.
    """
    if weight is None:
        return None
    largest = weight.max()
    # Relative to the largest, so that neither tiny nor huge weights leave the range of doubles.
    mean = (weight[weight > 0] / largest).mean()
    return weight / largest / mean if mean * largest < 1 else weight


def weigh_classes(estimator, codes, classes, sample_weight, *, keep_total):
    """Multiply sample weights by the weights of their classes.

    Parameters
    ----------
    estimator : estimator
        Its `class_weight`, if it is a dict, gives the weight of each label, 1 where it has none;
        ``"balanced"`` gives every class in `codes` the same total weight.
    codes : ndarray of int, shape (n_samples,)
        Classes of the samples, as positions in `classes`.
    classes : ndarray of shape (n_classes,)
        All labels.
    sample_weight : ndarray of float64, shape (n_samples,), or None
        How often each sample counts; None for once.
    keep_total : bool
        Whether to scale the weights of the classes so that the sum over samples stays: they then
        say how much classes matter, and do not make few samples pass for many.

    Returns
    -------
    ndarray of float64, shape (n_samples,), or None
        The product; None if every sample counts once.

    Raises
    ------
    ValueError
        If a class weight is negative or not finite, or belongs to no class, if no sample is left,
        or if the precision cannot hold a product.
    """
    weight, class_weight = sample_weight, estimator.class_weight
    if class_weight is not None:
        weight = _by_class(codes, classes, sample_weight, class_weight, keep_total)
        weight = weight if sample_weight is None else weight * sample_weight
    if weight is not None:
        _check_weight_range(weight, estimator.dtype)
    return weight


def _by_class(codes, classes, sample_weight, class_weight, keep_total):
    """Compute the weight of every sample's class."""
    totals = np.bincount(codes, weights=sample_weight, minlength=classes.shape[0])
    if isinstance(class_weight, str):
        by_class = 1 / np.where(totals > 0, totals, 1)
    else:
        by_class = _weights_from_dict(classes, class_weight)
    total = (totals * by_class).sum()
    if not total > 0:
        raise ValueError(f"class_weight={class_weight!r} leaves no sample to learn from.")
    if keep_total:
        by_class *= totals.sum() / total
    return by_class[codes]


def _check_weight_range(weight, dtype):
    """Refuse weights that would be zero or infinite in the network's precision."""
    smallest, largest = float(weight[weight > 0].min()), float(weight.max())
    low, high = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    if smallest < low or largest > high:
        raise ValueError(
            f"sample_weight (times class_weight) has numbers from {smallest:g} to {largest:g}; "
            f"with dtype={dtype!r} those above 0 must lie in [{low:.3g}, {high:.3g}]."
        )


def validate_class_weight(estimator):
    """Check the type of `class_weight`, which may change between two steps.

    Parameters
    ----------
    estimator : estimator
        Has the parameter.

    Raises
    ------
    InvalidParameterError
        If it is nothing that `class_weight` may be.
    """
    if estimator.class_weight is None:
        return
    validate_parameter_constraints(
        {"class_weight": CONSTRAINTS["class_weight"]},
        {"class_weight": estimator.class_weight},
        caller_name=type(estimator).__name__,
    )


def _weights_from_dict(classes, class_weight):
    """Read the weight of every class from a dict."""
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise ValueError(
            f"class_weight has weights for {unknown!r}, which are not among the classes {labels!r}."
        )
    by_class = [class_weight.get(label, 1.0) for label in labels]
    if not all(isinstance(weight, Real) and 0 <= weight < np.inf for weight in by_class):
        raise ValueError(
            f"class_weight must hold finite numbers of at least 0; got {class_weight!r}."
        )
    return np.array(by_class, dtype=np.float64)


def check_same_classes(known, given):
    """Refuse other classes than the fitted ones.

    Parameters
    ----------
    known, given : ndarray of shape (n_classes,)
        Sorted class labels.

    Raises
    ------
    ValueError
        If they differ.
    """
    if not np.array_equal(known, given):
        raise ValueError(
            f"The classes must stay the same while training continues; they were "
            f"{known.tolist()!r}, now {given.tolist()!r}."
        )
