"""Plots of what happens during training: accuracy, polarization, overlaps."""

import numpy as np

from ._display import Display, check_history, layer_label, new_axes, point_marker
from ._order_parameters import mean_overlaps, polarization


class LearningCurveDisplay(Display):
    """Accuracy or error over the epochs of a fit.

    It is best made by :meth:`from_estimator`.

    Parameters
    ----------
    epochs : array-like of shape (n_epochs,)
        Numbers of the epochs.
    train_accuracy : array-like of shape (n_epochs,)
        Share of samples classified rightly when their mini-batch came, before it was learned;
        each counts with its weight.
    validation_score : array-like of shape (n_epochs,), default=None
        Accuracy on validation samples.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of `ax_`.
    lines_ : list of matplotlib.lines.Line2D
        One for training and, if there was validation, one more.

    See Also
    --------
    PolarizationDisplay : What happens to the weights meanwhile.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BPClassifier
    >>> from sklearn_bp.inspection import LearningCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> display = LearningCurveDisplay.from_estimator(model)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(self, epochs, train_accuracy, validation_score=None):
        self.epochs = epochs
        self.train_accuracy = train_accuracy
        self.validation_score = validation_score

    @classmethod
    def from_estimator(cls, estimator, *, metric="accuracy", ax=None, **line_kw):
        """Draw the learning curve that an estimator recorded.

        Parameters
        ----------
        estimator : BPClassifier or BayesBPClassifier
            An estimator trained by `fit`.
        metric : {"accuracy", "error"}, default="accuracy"
            What to draw.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        LearningCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` is not one of this package.
        NotFittedError
            If it is not fitted.
        ValueError
            If it recorded no epochs, or `metric` is unknown.
        """
        history = check_history(estimator)
        validation = None
        if "validation_score" in history[-1]:
            validation = np.array([record.get("validation_score", np.nan) for record in history])
        display = cls(
            np.array([record["epoch"] for record in history]),
            np.array([record["train_accuracy"] for record in history]),
            validation,
        )
        return display.plot(metric=metric, ax=ax, **line_kw)

    def plot(self, *, metric="accuracy", ax=None, **line_kw):
        """Draw the curves.

        Parameters
        ----------
        metric : {"accuracy", "error"}, default="accuracy"
            What to draw.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        LearningCurveDisplay
            This display.

        Raises
        ------
        ValueError
            If `metric` is unknown.
        """
        if metric not in ("accuracy", "error"):
            raise ValueError(f"metric must be 'accuracy' or 'error'; got {metric!r}.")
        ax = new_axes(ax)
        curves = {"training": self.train_accuracy, "validation": self.validation_score}
        line_kw = point_marker(self.epochs) | line_kw
        self.lines_ = []
        for name, accuracy in curves.items():
            if accuracy is not None:
                values = np.asarray(accuracy)
                values = 1 - values if metric == "error" else values
                self.lines_ += ax.plot(self.epochs, values, **{"label": name, **line_kw})
        ax.set(xlabel="epoch", ylabel=metric)
        ax.legend()
        self._set_axes(ax)
        return self


class PolarizationDisplay(Display):
    """Polarization of every layer over training, and the mean overlap of its units.

    It is best made by :meth:`from_estimator` or :meth:`from_snapshots`.

    Parameters
    ----------
    epochs : array-like of shape (n_epochs,)
        Where they stand on the axis.
    polarizations : array-like of shape (n_epochs, n_layers)
        Polarization q0.
    overlaps : array-like of shape (n_epochs, n_layers)
        Mean overlap q_ab of pairs of different units; a layer that has nothing but NaN is not
        drawn.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of `ax_`.
    lines_ : list of matplotlib.lines.Line2D
        Polarizations, one per layer.
    overlap_lines_ : list of matplotlib.lines.Line2D
        Overlaps, one per layer with more than one unit, in the colour of its polarization.

    See Also
    --------
    polarization : The numbers of one moment.
    mean_overlaps : The other numbers of one moment.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BPClassifier
    >>> from sklearn_bp.inspection import PolarizationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> len(PolarizationDisplay.from_estimator(model).lines_)
    2
    """

    def __init__(self, epochs, polarizations, overlaps):
        self.epochs = epochs
        self.polarizations = polarizations
        self.overlaps = overlaps

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **line_kw):
        """Draw the polarizations and overlaps that a fit recorded.

        Parameters
        ----------
        estimator : BPClassifier or BayesBPClassifier
            An estimator trained by `fit`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        PolarizationDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` is not one of this package.
        NotFittedError
            If it is not fitted.
        ValueError
            If it recorded no epochs.
        """
        history = check_history(estimator)
        layers = range(len(estimator.coefs_))
        polarizations, overlaps = (
            np.array(
                [[record.get(f"{name}_{layer}", np.nan) for layer in layers] for record in history]
            )
            for name in ("polarization", "overlap")
        )
        epochs = np.array([record["epoch"] for record in history])
        return cls(epochs, polarizations, overlaps).plot(ax=ax, **line_kw)

    @classmethod
    def from_snapshots(cls, estimators, *, epochs=None, ax=None, **line_kw):
        """Draw polarizations and overlaps of copies that were kept during training.

        Parameters
        ----------
        estimators : sequence of BPClassifier or BayesBPClassifier
            Fitted estimators of one architecture, in order.
        epochs : array-like of shape (n_estimators,), default=None
            Where on the axis they stand; None for their `n_iter_`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        PolarizationDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If one of them is not an estimator of this package.
        NotFittedError
            If one is not fitted.
        ValueError
            If there are none, or `epochs` has another length.
        """
        estimators = list(estimators)
        if not estimators:
            raise ValueError("estimators must hold at least one estimator; got none.")
        polarizations = np.array([polarization(estimator) for estimator in estimators])
        overlaps = np.array([mean_overlaps(estimator) for estimator in estimators])
        if epochs is None:
            epochs = [estimator.n_iter_ for estimator in estimators]
        if len(epochs) != len(estimators):
            raise ValueError(
                f"epochs must have one entry per estimator, {len(estimators)}; got {len(epochs)}."
            )
        return cls(np.asarray(epochs), polarizations, overlaps).plot(ax=ax, **line_kw)

    def plot(self, *, ax=None, **line_kw):
        """Draw solid lines for polarizations and dashed ones for overlaps.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        PolarizationDisplay
            This display.
        """
        ax = new_axes(ax)
        self.lines_, self.overlap_lines_ = [], []
        polarizations, overlaps = np.asarray(self.polarizations), np.asarray(self.overlaps)
        line_kw = point_marker(self.epochs) | line_kw
        for layer in range(polarizations.shape[1]):
            name = layer_label(layer, polarizations.shape[1])
            options = {"label": f"{name}: $q_0$", **line_kw}
            (line,) = ax.plot(self.epochs, polarizations[:, layer], **options)
            self.lines_.append(line)
            if np.isnan(overlaps[:, layer]).all():
                continue
            dashes = {"linestyle": "--", "color": line.get_color()}
            options = {**line_kw, **dashes, "label": f"{name}: mean $q_{{ab}}$"}
            self.overlap_lines_ += ax.plot(self.epochs, overlaps[:, layer], **options)
        ax.set(xlabel="epoch", ylabel="polarization, overlap")
        ax.legend()
        self._set_axes(ax)
        return self
