"""What all displays share."""

from .._estimators.fitted import check_fitted_network


def new_axes(ax):
    """Take the axes given, or make new ones; matplotlib is needed only here.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Where to draw; None for a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where to draw.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib; install it with pip install 'sklearn_bp[plot]'."
        ) from error
    if ax is None:
        _, ax = plt.subplots()
    return ax


def point_marker(positions):
    """Mark a curve's only point, of which a line would show nothing.

    Parameters
    ----------
    positions : array-like of shape (n_points,)
        Where its points stand.

    Returns
    -------
    dict
        Options for matplotlib's `plot`.
    """
    return {"marker": "o"} if len(positions) == 1 else {}


def layer_label(layer, n_layers):
    """Name a weight layer for a legend.

    Parameters
    ----------
    layer : int
        Index of the weight layer.
    n_layers : int
        Number of weight layers.

    Returns
    -------
    str
        Its name.
    """
    return "output layer" if layer == n_layers - 1 else f"layer {layer}"


def check_history(estimator):
    """Get the records of a fit, which `partial_fit` alone does not leave.

    Parameters
    ----------
    estimator : BPClassifier or BayesBPClassifier
        The estimator.

    Returns
    -------
    list of dict
        Its `history_`, not empty.

    Raises
    ------
    TypeError
        If `estimator` is not one of this package.
    NotFittedError
        If it is not fitted.
    ValueError
        If it recorded no epochs.
    """
    check_fitted_network(estimator)
    if not estimator.history_:
        raise ValueError(
            "estimator.history_ is empty: only fit records epochs, partial_fit does not."
        )
    return estimator.history_


class Display:
    """What all displays share: where they were drawn."""

    def _set_axes(self, ax):
        """Remember the axes and their figure.

        Parameters
        ----------
        ax : matplotlib.axes.Axes
            Where it was drawn.
        """
        self.ax_, self.figure_ = ax, ax.figure
