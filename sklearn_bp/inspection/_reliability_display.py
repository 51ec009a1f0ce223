"""Plot of how far predicted probabilities can be trusted, for any number of classes."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from .._estimators.validation import encode_labels, validate_classes
from ._display import Display, new_axes


class ReliabilityDisplay(Display):
    """Reliability diagram: accuracy of predictions against their confidence.

    The confidence of a prediction is the probability of the class predicted, so that the diagram
    is one for any number of classes; scikit-learn's
    :class:`~sklearn.calibration.CalibrationDisplay` draws the probability of one of two classes.
    It is best made by :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    confidences : array-like of shape (n_bins,)
        Mean confidence in each bin that has predictions.
    accuracies : array-like of shape (n_bins,)
        Share of right predictions in it.
    counts : array-like of shape (n_bins,)
        Number of predictions in it.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of `ax_`.
    line_ : matplotlib.lines.Line2D
        Accuracy over confidence.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The probability of one of two classes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BayesBPClassifier
    >>> from sklearn_bp.inspection import ReliabilityDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BayesBPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> display = ReliabilityDisplay.from_estimator(model, X, y)
    >>> display.ax_.get_xlabel()
    'confidence'
    """

    def __init__(self, confidences, accuracies, counts):
        self.confidences = confidences
        self.accuracies = accuracies
        self.counts = counts

    @property
    def expected_calibration_error(self):
        """Mean distance of accuracy and confidence over all predictions, the ECE."""
        distances = np.abs(np.subtract(self.accuracies, self.confidences))
        return float(np.average(distances, weights=self.counts))

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, n_bins=10, strategy="uniform", name=None, ax=None, **line_kw
    ):
        """Draw the diagram of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Any fitted classifier with `predict_proba`, of this package or not; a pipeline too.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, best ones that it has not learned.
        y : array-like of shape (n_samples,)
            Their labels.
        n_bins : int, default=10
            Bins of confidence, at least 1; empty ones are left out.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether bins have the same width or the same number of predictions.
        name : str, default=None
            Its name in the legend; None for that of the class.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If `estimator` is not fitted.
        TypeError
            If it has no `predict_proba`.
        ValueError
            If a parameter or the data are not allowed.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"estimator must have predict_proba; {type(estimator).__name__} has not."
            )
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            n_bins=n_bins,
            strategy=strategy,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **line_kw,
        )

    @classmethod
    def from_predictions(
        cls,
        y,
        probabilities,
        *,
        classes=None,
        n_bins=10,
        strategy="uniform",
        name=None,
        ax=None,
        **line_kw,
    ):
        """Draw the diagram of predicted probabilities.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels.
        probabilities : array-like of shape (n_samples, n_classes)
            What `predict_proba` predicted.
        classes : array-like of shape (n_classes,), default=None
            The class of each column, sorted; None for the labels in `y`.
        n_bins : int, default=10
            Bins of confidence, at least 1; empty ones are left out.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether bins have the same width or the same number of predictions.
        name : str, default=None
            Its name in the legend.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        ReliabilityDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a parameter or the data are not allowed.
        """
        _check_bins(n_bins, strategy)
        y, probabilities = column_or_1d(y), check_array(probabilities, input_name="probabilities")
        check_consistent_length(y, probabilities)
        classes = validate_classes(y if classes is None else classes)
        if probabilities.shape[1] != classes.shape[0]:
            raise ValueError(
                f"probabilities must have one column per class, {classes.shape[0]}; got "
                f"{probabilities.shape[1]}. Pass classes if y lacks some of them."
            )
        right = probabilities.argmax(axis=1) == encode_labels(y, classes)
        bins = _bin_predictions(probabilities.max(axis=1), right, n_bins, strategy)
        return cls(*bins).plot(name=name, ax=ax, **line_kw)

    def plot(self, *, name=None, ax=None, **line_kw):
        """Draw accuracy over confidence, and the diagonal where both are equal.

        Parameters
        ----------
        name : str, default=None
            Its name in the legend, where the expected calibration error stands beside it.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        ReliabilityDisplay
            This display.
        """
        ax = new_axes(ax)
        diagonal = "perfectly reliable"
        if diagonal not in ax.get_legend_handles_labels()[1]:
            ax.plot([0, 1], [0, 1], "k:", label=diagonal)
        error = f"ECE {self.expected_calibration_error:.3f}"
        label = error if name is None else f"{name} ({error})"
        options = {"label": label, "marker": "o", **line_kw}
        (self.line_,) = ax.plot(self.confidences, self.accuracies, **options)
        ax.set(xlabel="confidence", ylabel="accuracy")
        ax.legend()
        self._set_axes(ax)
        return self


def _check_bins(n_bins, strategy):
    """Refuse bins that cannot be."""
    if not isinstance(n_bins, Integral) or isinstance(n_bins, bool) or n_bins < 1:
        raise ValueError(f"n_bins must be an integer of at least 1; got {n_bins!r}.")
    if strategy not in ("uniform", "quantile"):
        raise ValueError(f"strategy must be 'uniform' or 'quantile'; got {strategy!r}.")


def _bin_predictions(confidence, right, n_bins, strategy):
    """Compute mean confidence, accuracy and count of every bin that is not empty."""
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        edges = np.quantile(confidence, edges)
    places = np.searchsorted(edges[1:-1], confidence)
    counts = np.bincount(places, minlength=n_bins)
    filled = counts > 0
    sums = [np.bincount(places, weights=one, minlength=n_bins) for one in (confidence, right)]
    confidences, accuracies = (one[filled] / counts[filled] for one in sums)
    return confidences, accuracies, counts[filled]
