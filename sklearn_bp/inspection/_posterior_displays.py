"""Plots of the posterior that training ended with: magnetizations, local energy."""

import numpy as np

from .._estimators.fitted import check_fitted_network
from ._display import Display, layer_label, new_axes
from ._local_energy import local_energy


class MagnetizationDisplay(Display):
    """Histograms of the means of the weights, one per layer.

    It is best made by :meth:`from_estimator`. Means of ±1 weights (magnetizations) pile up at ±1
    as training polarises them.

    Parameters
    ----------
    densities : list of ndarray of shape (n_bins,)
        Height of every bin, one array per layer; the area of a histogram is 1.
    edges : list of ndarray of shape (n_bins + 1,)
        Edges of the bins.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of `ax_`.
    patches_ : list of matplotlib.patches.StepPatch
        One outline per layer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BPClassifier
    >>> from sklearn_bp.inspection import MagnetizationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> len(MagnetizationDisplay.from_estimator(model).patches_)
    2
    """

    def __init__(self, densities, edges):
        self.densities = densities
        self.edges = edges

    @classmethod
    def from_estimator(cls, estimator, *, bins=40, ax=None, **stairs_kw):
        """Draw the histograms of a fitted estimator; pruned weights are left out.

        Parameters
        ----------
        estimator : BPClassifier or BayesBPClassifier
            A fitted estimator.
        bins : int or array-like, default=40
            As in :func:`numpy.histogram`; a number is spread over [−1, 1] for ±1 weights.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **stairs_kw : dict
            Passed to matplotlib's `stairs`.

        Returns
        -------
        MagnetizationDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` is not one of this package.
        NotFittedError
            If it is not fitted.
        """
        check_fitted_network(estimator)
        span = None if estimator.weight_precisions_ is not None else (-1.0, 1.0)
        layers = zip(estimator.weight_means_, estimator.weight_masks_, strict=True)
        histograms = [
            np.histogram(mean[mask], bins=bins, range=span, density=True) for mean, mask in layers
        ]
        densities, edges = zip(*histograms, strict=True)
        return cls(list(densities), list(edges)).plot(ax=ax, **stairs_kw)

    def plot(self, *, ax=None, **stairs_kw):
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **stairs_kw : dict
            Passed to matplotlib's `stairs`.

        Returns
        -------
        MagnetizationDisplay
            This display.
        """
        ax = new_axes(ax)
        self.patches_ = []
        for layer, (density, edges) in enumerate(zip(self.densities, self.edges, strict=True)):
            options = {"label": layer_label(layer, len(self.densities)), **stairs_kw}
            self.patches_.append(ax.stairs(density, edges, **options))
        ax.set(xlabel="mean m of a weight", ylabel="density")
        ax.legend()
        self._set_axes(ax)
        return self


class LocalEnergyDisplay(Display):
    """Profile of the local energy δE(p): the error added by flipping weights at random.

    It is best made by :meth:`from_estimator`.

    Parameters
    ----------
    flip_probabilities : array-like of shape (n_probabilities,)
        The p.
    local_energies : array-like of shape (n_probabilities, n_repeats)
        Error added, one column per draw.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of `ax_`.
    line_ : matplotlib.lines.Line2D
        The means over the draws.
    fill_between_ : matplotlib.collections.PolyCollection
        One standard deviation over the draws on either side.

    See Also
    --------
    local_energy : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_bp import BPClassifier
    >>> from sklearn_bp.inspection import LocalEnergyDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = BPClassifier((11,), max_iter=30, random_state=0).fit(X, y)
    >>> display = LocalEnergyDisplay.from_estimator(model, X, y, random_state=0)
    >>> display.ax_.get_xlabel()
    'probability p of a flip'
    """

    def __init__(self, flip_probabilities, local_energies):
        self.flip_probabilities = flip_probabilities
        self.local_energies = local_energies

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        flip_probabilities=None,
        n_repeats=5,
        random_state=None,
        ax=None,
        **line_kw,
    ):
        """Compute and draw the profile of a fitted estimator.

        Parameters
        ----------
        estimator : BPClassifier or BayesBPClassifier
            A fitted estimator; of either the point network is looked at.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples, prepared as for the estimator's `fit`.
        y : array-like of shape (n_samples,)
            Their labels.
        flip_probabilities : array-like of shape (n_probabilities,), default=None
            Probabilities p, in [0, 1]; None for 8 values from 0 to 0.35.
        n_repeats : int, default=5
            Draws for every p, at least 1.
        random_state : int, RandomState instance or None, default=None
            Draws which weights are flipped.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        LocalEnergyDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` is not one of this package.
        NotFittedError
            If it is not fitted.
        ValueError
            If a parameter or the data are not allowed.
        """
        profile = local_energy(
            estimator,
            X,
            y,
            flip_probabilities=flip_probabilities,
            n_repeats=n_repeats,
            random_state=random_state,
        )
        display = cls(profile.flip_probabilities, profile.local_energies)
        return display.plot(ax=ax, **line_kw)

    def plot(self, *, ax=None, **line_kw):
        """Draw the mean over the draws, with one standard deviation on either side.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None for a new figure.
        **line_kw : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        LocalEnergyDisplay
            This display.
        """
        ax = new_axes(ax)
        energies = np.asarray(self.local_energies)
        mean, deviation = energies.mean(axis=1), energies.std(axis=1)
        (self.line_,) = ax.plot(self.flip_probabilities, mean, **{"marker": "o", **line_kw})
        self.fill_between_ = ax.fill_between(
            self.flip_probabilities,
            mean - deviation,
            mean + deviation,
            alpha=0.3,
            color=self.line_.get_color(),
        )
        ax.set(xlabel="probability p of a flip", ylabel="local energy δE(p)")
        if "label" in line_kw:
            ax.legend()
        self._set_axes(ax)
        return self
