"""What all baselines share: parameters, mini-batches, counting, prediction."""

from abc import ABC, abstractmethod
from time import perf_counter

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

ROWS_AT_A_TIME = 8192
"""Samples predicted at a time."""


class MiniBatchClassifier(ClassifierMixin, BaseEstimator, ABC):
    """Base of the baselines; a subclass starts a network, learns a mini-batch, and predicts.

    With two classes there is one output unit, with more there is one for each.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(101,)
        Units of the hidden layers.
    batch_size : int, default=128
        Samples per mini-batch.
    max_iter : int, default=100
        Epochs of a call of `fit`.
    warm_start : bool, default=False
        Whether `fit` goes on from the fitted state.
    random_state : int, RandomState instance or None, default=None
        Draws the start and the order of the samples.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    coefs_ : list of ndarray of shape (n_in, n_out)
        The weights that predict.
    n_iter_ : int
        Epochs, or calls of `partial_fit`.
    history_ : list of dict
        A record per epoch: ``epoch``, ``train_accuracy`` (on each mini-batch before it is learned)
        and ``time_s``.
    """

    def __init__(
        self,
        hidden_layer_sizes=(101,),
        *,
        batch_size=128,
        max_iter=100,
        warm_start=False,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X, y):
        """Train on samples, epoch by epoch.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Labels.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        FloatingPointError
            If the network's output is not finite.
        """
        continues = self.warm_start and hasattr(self, "classes_")
        X, y = validate_data(self, X, y, dtype=np.float32, reset=not continues)
        check_classification_targets(y)
        random_state = check_random_state(self.random_state)
        if not continues:
            self._begin(np.unique(y), random_state)
        codes = self._encode(y)
        for _ in range(self.max_iter):
            start = perf_counter()
            order = random_state.permutation(X.shape[0])
            correct = sum(
                self._learn_checked(X[rows], codes[rows])
                for rows in np.split(order, range(self.batch_size, X.shape[0], self.batch_size))
            )
            self.n_iter_ += 1
            record = {"epoch": self.n_iter_, "train_accuracy": correct / X.shape[0]}
            self.history_.append(record | {"time_s": perf_counter() - start})
        return self

    def partial_fit(self, X, y, classes=None):
        """Take one step on all samples as one mini-batch.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that can ever occur; needed in the first call.

        Returns
        -------
        self : estimator
            The estimator.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call.
        FloatingPointError
            If the network's output is not finite.
        """
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        X, y = validate_data(self, X, y, dtype=np.float32, reset=first)
        if first:
            self._begin(np.unique(classes), check_random_state(self.random_state))
        self._learn_checked(X, self._encode(y))
        self.n_iter_ += 1
        return self

    def predict_proba(self, X):
        """Compute class probabilities: softmax, or logistic function, of the outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1.
        """
        z = self._predict_in_parts(X, self._outputs)
        if z.shape[1] > 1:
            return softmax(z, axis=1)
        positive = expit(z[:, 0])
        # sign(0) = +1: of two equal probabilities the positive class's must be the larger one.
        positive[z[:, 0] == 0] = np.nextafter(0.5, 1)
        return np.column_stack([1 - positive, positive])

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            The most probable ones.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _begin(self, classes, random_state):
        """Set the counters and draw the start."""
        if classes.shape[0] < 2:
            raise ValueError(f"There must be at least two classes; got {classes.shape[0]} class.")
        self.classes_, self.n_iter_, self.history_ = classes, 0, []
        n_outputs = 1 if classes.shape[0] == 2 else classes.shape[0]
        sizes = (self.n_features_in_, *self.hidden_layer_sizes, n_outputs)
        self._start(sizes, random_state)

    def _encode(self, y):
        """Turn labels into positions in the list of classes."""
        codes = np.searchsorted(self.classes_, y).clip(max=self.classes_.shape[0] - 1)
        if not np.array_equal(self.classes_[codes], y):
            raise ValueError(f"y holds labels that are not among classes {self.classes_!r}.")
        return codes

    def _learn_checked(self, X, codes):
        """Learn a mini-batch; count the samples that were right before."""
        z = self._learn(X, codes)
        if not np.isfinite(z).all():
            raise FloatingPointError("the network's output is not finite")
        predicted = z.argmax(axis=1) if z.shape[1] > 1 else z[:, 0] >= 0
        return int((predicted == codes).sum())

    def _predict_in_parts(self, X, function):
        """Apply a function to samples, some at a time."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        parts = range(0, X.shape[0], ROWS_AT_A_TIME)
        return np.concatenate(
            [function(X[first : first + ROWS_AT_A_TIME]).astype(np.float64) for first in parts]
        )

    @abstractmethod
    def _start(self, sizes, random_state):
        """Draw a network with layers of these sizes, inputs and outputs included."""

    @abstractmethod
    def _learn(self, X, codes):
        """Take one step; return the outputs before it, of shape (n_samples, n_outputs)."""

    @abstractmethod
    def _outputs(self, X):
        """Compute the outputs, of shape (n_samples, n_outputs)."""
