"""Fitted attributes: the weight posterior, held on the host or by an engine that goes on training.

An engine lives on a device and is no part of an estimator's state: the registry below holds it as
long as the estimator exists, pickles and copies get host arrays.
"""

import os
from dataclasses import replace
from operator import is_
from weakref import WeakKeyDictionary

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from . import posterior as posteriors
from .label_noise import bounded_label_noise
from .parameters import PARAMETERS_OF_VERSION_0_1

_ENGINES: WeakKeyDictionary = WeakKeyDictionary()

LABEL_NOISE_MEMORY = 1000
"""Samples of a stream that the label noise is, about, the mean doubt of."""


class UnchangedOnFailure:
    """Context that puts an estimator's attributes back if an error is raised.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    """

    # Not a generator: entering and leaving one takes longer than all else here.
    __slots__ = ("_attributes", "_estimator")

    def __init__(self, estimator):
        self._estimator, self._attributes = estimator, dict(vars(estimator))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is not None:
            vars(self._estimator).clear()
            vars(self._estimator).update(self._attributes)


class LiveEngine:
    """An engine that continues from one ``partial_fit`` to the next.

    Parameters
    ----------
    engine : Engine
        The engine.
    parameters : tuple
        The estimator's parameters that the engine was made from.

    Attributes
    ----------
    network : Network
        The engine's network, with the label noise learned so far.
    """

    def __init__(self, engine, parameters):
        self.engine, self._parameters, self._process = engine, parameters, os.getpid()
        self.network = engine.network
        # What a list holds may change: it is known by what it held.
        self._key = posteriors.as_key(parameters)
        self._are_constant = all(map(posteriors.is_constant, parameters))
        self._posterior = self._batch = None

    def serves(self, parameters):
        """Tell whether the engine can go on: same parameters, same process.

        Parameters
        ----------
        parameters : tuple
            The estimator's parameters.

        Returns
        -------
        bool
            False after a fork too, since threads and devices do not survive it.
        """
        if self._process != os.getpid() or self._key is None:
            return False
        # Comparing them one by one takes as long as a kernel, and as a rule nothing was set.
        untouched = self._are_constant and all(map(is_, parameters, self._parameters))
        return untouched or self._key == posteriors.as_key(parameters)

    def step(self, X, y, sample_weight):
        """Take a PasP step; if it fails, only its start remains, and the engine serves no more.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (M, n_features)
            The mini-batch.
        y : ndarray of shape (M,)
            Its labels, as the output channel wants them.
        sample_weight : ndarray of shape (M,) or None
            How often each sample counts, in the network's precision.
        """
        self._posterior = None
        try:
            self._batch = self.engine.backend.load_batch(X, y, sample_weight, self._batch)
            outcome = self.engine.step(*self._batch)
            if self.network.learns_label_noise:
                weight = X.shape[0] if sample_weight is None else float(sample_weight.sum())
                self._learn_label_noise(outcome.doubts, weight)
        except BaseException:
            self._posterior, self._key = self.engine.posterior(), None
            raise

    def _learn_label_noise(self, doubts, weight):
        """Move the label noise towards the mean doubt of a mini-batch."""
        noise = self.network.label_noise
        noise += (doubts - weight * noise) / (weight + LABEL_NOISE_MEMORY)
        noise = bounded_label_noise(noise, self.network.n_classes)
        self.network, self.engine.label_noise = replace(self.network, label_noise=noise), noise

    def posterior(self):
        """Copy the posterior to the host, once per step.

        Returns
        -------
        list of LayerPosterior
            The posterior.
        """
        if self._posterior is None:
            self._posterior = self.engine.posterior()
        return self._posterior


class FittedPosterior:
    """Mixin of estimators: the posterior as fitted attributes, one array per layer.

    All of them are NumPy arrays that must not be written to; weights have shape (n_in, n_out) and
    intercepts (n_out,). To change the state, use :meth:`set_posterior`.
    """

    # Where the posterior is ----------------------------------------------------------------

    def _live_engine(self):
        """Get the engine that holds the posterior, or None if the host does."""
        return _ENGINES.get(self)

    def _hand_to(self, live):
        """Let an engine hold the posterior."""
        _ENGINES[self] = live
        self._posterior = None

    def _hold(self, posterior):
        """Hold the posterior on the host."""
        _ENGINES.pop(self, None)
        self._posterior = posterior

    def _current_posterior(self):
        """Get the posterior as host arrays.

        Returns
        -------
        list of LayerPosterior
            One per weight layer.

        Raises
        ------
        NotFittedError
            If there is none.
        """
        check_is_fitted(self)
        live = self._live_engine()
        return self._posterior if live is None else live.posterior()

    def __getstate__(self):
        """Pickle host arrays in the place of a live engine."""
        state = super().__getstate__()
        if self._live_engine() is not None:
            state = dict(state, _posterior=self._current_posterior())
        return state

    def __setstate__(self, state):
        """Unpickle; of version 0.1 too, which had fewer parameters."""
        super().__setstate__({**PARAMETERS_OF_VERSION_0_1, **state})

    # What users see ------------------------------------------------------------------------

    @property
    def label_noise_(self):
        """Probability that a label is another class's, given or learned."""
        check_is_fitted(self)
        return self._network.label_noise

    def _split(self, name):
        posterior = self._current_posterior()
        return posteriors.split(self._network, posterior, name)

    @property
    def coefs_(self):
        """Point weights of each layer, 0 where pruned."""
        posterior = self._current_posterior()
        return posteriors.point_network(self._network, posterior)[0]

    @property
    def intercepts_(self):
        """Point intercepts of each layer; zeros with ``fit_intercept=False``."""
        posterior = self._current_posterior()
        return posteriors.point_network(self._network, posterior)[1]

    @property
    def weight_fields_(self):
        """H of the weights, the natural parameter that PasP carries on."""
        return self._split("field")[0]

    @property
    def weight_means_(self):
        """Damped means m of the weights; magnetizations for ±1 weights."""
        return self._split("mean")[0]

    @property
    def weight_variances_(self):
        """Variances σ of the weights."""
        return self._split("variance")[0]

    @property
    def weight_precisions_(self):
        """Precisions G of the weights; None for ±1 weights."""
        return self._split("precision")[0]

    @property
    def weight_masks_(self):
        """Which weights exist, as Boolean arrays."""
        posterior = self._current_posterior()
        return posteriors.masks(self._network, posterior)

    @property
    def intercept_fields_(self):
        """H of the intercepts; None with ``fit_intercept=False``, like the next three."""
        return self._split("field")[1]

    @property
    def intercept_means_(self):
        """Damped means m of the intercepts."""
        return self._split("mean")[1]

    @property
    def intercept_variances_(self):
        """Variances σ of the intercepts."""
        return self._split("variance")[1]

    @property
    def intercept_precisions_(self):
        """Precisions G of the intercepts, whose prior is always Gaussian."""
        return self._split("precision")[1]

    def set_posterior(
        self,
        weight_fields,
        weight_means=None,
        weight_precisions=None,
        weight_masks=None,
        intercept_fields=None,
        intercept_means=None,
        intercept_precisions=None,
    ):
        """Replace the weight posterior of a fitted estimator.

        Given all of them as read from the fitted attributes of another estimator with the same
        parameters, training continues from here exactly as it would there.

        Parameters
        ----------
        weight_fields : list of array-like of shape (n_in, n_out)
            H, one array per layer.
        weight_means : list of array-like of shape (n_in, n_out), default=None
            Damped means m; None for the undamped ones, tanh H or H / G.
        weight_precisions : list of array-like of shape (n_in, n_out), default=None
            G of Gaussian and ternary weights; must be None for ±1 weights.
        weight_masks : list of array-like of bool, shape (n_in, n_out), default=None
            Which weights exist; None for all.
        intercept_fields : list of array-like of shape (n_out,), default=None
            H of the intercepts. This and the next two must be given with ``fit_intercept=True``
            (`intercept_means` may be None) and must be None without.
        intercept_means : list of array-like of shape (n_out,), default=None
            Damped means of the intercepts; None for H / G.
        intercept_precisions : list of array-like of shape (n_out,), default=None
            G of the intercepts.

        Returns
        -------
        self : estimator
            The estimator.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If an array is missing, superfluous, of the wrong shape, or holds impossible numbers;
            the state is then what it was.
        """
        check_is_fitted(self)
        posterior = posteriors.assemble(
            self._network,
            weight_fields=weight_fields,
            weight_means=weight_means,
            weight_precisions=weight_precisions,
            weight_masks=weight_masks,
            intercept_fields=intercept_fields,
            intercept_means=intercept_means,
            intercept_precisions=intercept_precisions,
        )
        self._hold(posterior)
        return self


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
    if not isinstance(estimator, FittedPosterior):
        hint = ""
        if isinstance(estimator, Pipeline):
            hint = " Of a pipeline, pass pipeline[-1], and X as pipeline[:-1].transform(X)."
        raise TypeError(
            "estimator must be a fitted BPClassifier or BayesBPClassifier; got "
            f"{type(estimator).__name__}.{hint}"
        )
    check_is_fitted(estimator)
