"""scikit-learn's callbacks, for the versions that have them (1.9 and later)."""

from dataclasses import replace

try:
    from sklearn.callback import CallbackSupportMixin

    HAS_CALLBACKS = True
except ImportError:
    HAS_CALLBACKS = False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks; it adds nothing."""


class FitCallbacks:
    """Tells the callbacks of an estimator about a fit and its epochs.

    Parameters
    ----------
    estimator : estimator
        The estimator in training.
    n_epochs : int
        Epochs at most.
    **data
        ``X``, ``y`` and ``metadata`` as given to ``fit``.
    """

    def __init__(self, estimator, n_epochs, **data):
        self._estimator, self._data, self._context = estimator, data, None
        if HAS_CALLBACKS:
            self._context = estimator._init_callback_context(max_subtasks=n_epochs)
            self._context.call_on_fit_task_begin(estimator=estimator, **data)

    def begin_epoch(self):
        """Announce an epoch."""
        if self._context is not None:
            self._epoch = self._context.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def end_epoch(self, attributes):
        """Tell of an epoch's end.

        Parameters
        ----------
        attributes : callable
            Gives, as a dict, the attributes that a predicting copy of the estimator needs.

        Returns
        -------
        bool
            Whether a callback asks for training to stop.
        """
        return self._end(self._epoch, attributes) if self._context is not None else False

    def end_fit(self, attributes):
        """Tell of the fit's end.

        Parameters
        ----------
        attributes : callable
            As in :meth:`end_epoch`.
        """
        if self._context is not None:
            self._end(self._context, attributes)

    def _end(self, context, attributes):
        """Call the hooks of a task's end."""
        return context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=attributes, **self._data
        )


class StateReporter:
    """Hands the state after every epoch to the callbacks.

    Parameters
    ----------
    callbacks : FitCallbacks
        Whom to tell.
    classes : ndarray of shape (n_classes,)
        The class labels.
    network : Network
        What is trained.
    """

    def __init__(self, callbacks, classes, network):
        self._callbacks, self.begin_epoch = callbacks, callbacks.begin_epoch
        self._classes, self._network = classes, network

    def end_epoch(self, posterior, label_noise):
        """Tell of an epoch's end.

        Parameters
        ----------
        posterior : list of LayerPosterior
            The state reached.
        label_noise : float
            The label noise reached.

        Returns
        -------
        bool
            Whether a callback asks for training to stop.
        """
        network = replace(self._network, label_noise=label_noise)
        state = {"classes_": self._classes, "_network": network, "_posterior": posterior}
        return self._callbacks.end_epoch(lambda: state)
