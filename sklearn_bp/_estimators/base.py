"""What both classifiers share: parameters, validation, fit, partial_fit, prediction."""

from abc import abstractmethod
from dataclasses import replace
from operator import attrgetter
from types import FunctionType

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..backends import get_backend
from ..engine.engine import Engine
from ..engine.posterior import draw_posterior
from . import validation
from .callbacks import CallbackSupportMixin, FitCallbacks, StateReporter
from .diagnosis import ROWS_OF_DIAGNOSIS, warn_of_failure, warn_of_uneven_features
from .documentation import class_page_template
from .fitted import FittedPosterior, LiveEngine, UnchangedOnFailure
from .parameters import CONSTRAINTS, ENGINE_PARAMETERS, DescribedNetwork
from .persistence import save
from .training import (
    Samples,
    Schedule,
    Training,
    merge_duplicates,
    output_targets,
    set_validation_aside,
)

_engine_parameters = attrgetter(*ENGINE_PARAMETERS)


class MessagePassingClassifier(
    FittedPosterior, DescribedNetwork, ClassifierMixin, CallbackSupportMixin, BaseEstimator
):
    """Base of the classifiers; a subclass says how the posterior predicts.

    See :class:`sklearn_bp.BPClassifier` for parameters and attributes.
    """

    _parameter_constraints: dict = CONSTRAINTS
    _doc_link_module = "sklearn_bp"

    def __init__(
        self,
        hidden_layer_sizes=(501,),
        *,
        algo="amp",
        weight_prior="gaussian",
        activation="sign",
        rho=1.0,
        output_rho=1.0,
        damping=0.5,
        likelihood_weight="auto",
        label_noise="auto",
        n_inner_iter=1,
        reinforcement=0.0,
        init_scale=1.0,
        density=1.0,
        argmax="exact",
        fit_intercept=True,
        edges="auto",
        edge_tolerance=1e-4,
        edge_memory_limit=2**31,
        batch_size=128,
        max_iter=100,
        shuffle=True,
        tol=3e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        class_weight=None,
        dtype="float32",
        device="auto",
        verbose=False,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.algo = algo
        self.weight_prior = weight_prior
        self.activation = activation
        self.rho = rho
        self.output_rho = output_rho
        self.damping = damping
        self.likelihood_weight = likelihood_weight
        self.label_noise = label_noise
        self.n_inner_iter = n_inner_iter
        self.reinforcement = reinforcement
        self.init_scale = init_scale
        self.density = density
        self.argmax = argmax
        self.fit_intercept = fit_intercept
        self.edges = edges
        self.edge_tolerance = edge_tolerance
        self.edge_memory_limit = edge_memory_limit
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.dtype = dtype
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def __init_subclass__(cls, **options):
        """Let errors of Python about parameters name the class that a person wrote."""
        super().__init_subclass__(**options)
        if "__init__" not in vars(cls):
            shared = cls.__init__
            own = FunctionType(shared.__code__, shared.__globals__, argdefs=shared.__defaults__)
            own.__kwdefaults__ = shared.__kwdefaults__
            own.__qualname__ = f"{cls.__qualname__}.__init__"
            cls.__init__ = own

    @property
    def _doc_link_template(self):
        """Where scikit-learn's HTML representation finds the page of the class."""
        return class_page_template()

    def __sklearn_tags__(self):
        """Say that sparse samples are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # Training ------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train on samples, epoch by epoch.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples. Standardised features are best. A ``numpy.memmap`` is read mini-batch by
            mini-batch.
        y : array-like of shape (n_samples,)
            Class labels of any type that can be sorted.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts: one of weight w counts as w copies. Weights whose mean
            over samples that count is below 1 are scaled up until it is 1.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If parameters or data are not allowed; the state is then what it was.
        NonFiniteError
            If the first step leaves the finite numbers. If a later one does, training stops with a
            ``ConvergenceWarning`` and keeps the state reached.

        Warns
        -----
        ConvergenceWarning
            If the validation score of early stopping still rises when `max_iter` is reached, if
            training ended for leaving the finite numbers, or if the network reached is no use:
            means or precisions ran away, units have died, or one class alone is predicted.
        UserWarning
            If a few features, or the mean, outweigh all others by far; or if features are
            constant, not 0, and mislead a point network with rho below 1.
        """
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        callbacks = FitCallbacks(self, self.max_iter, X=X, y=y, metadata=metadata)
        with UnchangedOnFailure(self):
            learned = self._fit(X, y, sample_weight, callbacks)
        callbacks.end_fit(self._prediction_state)
        # Not above: where warnings are errors, this is one of a state that has been reached.
        self._warn_of_failure(learned)
        return self

    def _fit(self, X, y, sample_weight, callbacks):
        """Train from the start or the fitted state; return some of what it learned, if anything."""
        continues = self.warm_start and self._is_started()
        samples, classes = self._read_samples(X, y, sample_weight, not continues)
        split_seed, random_state = self._split_seed_and_source()
        sizes = samples.total_weight, self.max_iter
        network = self._make_network(samples.X.shape[1], classes, continues, *sizes)
        if continues:
            self._check_same_shape(network)
            posterior = self._current_posterior()
        else:
            posterior = draw_posterior(network, random_state)
        self._warn_of(samples, network)
        samples = self._arrange(samples, split_seed, network.dtype)
        backend = get_backend(self.device)
        training = Training(
            Engine(network, posterior, backend),
            samples,
            output_targets(network, samples.codes),
            self._schedule(samples),
            lambda state, rows: self._codes(network, state, rows, backend),
            StateReporter(callbacks, classes, network),
            self.history_ if continues else (),
            self.t_ if continues else 0,
        )
        training.run(random_state)
        self._take(training, network, classes, continues)
        rows = samples.train[:ROWS_OF_DIAGNOSIS]
        return (samples.X[rows], samples.codes[rows]) if training.n_steps else None

    def _read_samples(self, X, y, sample_weight, reset):
        """Check the data of a fit; samples of weight zero are not learned."""
        X = validation.validate_samples(self, X, self.dtype, reset=reset)
        y = validation.validate_labels(y, X)
        weight = validation.validate_sample_weight(sample_weight, X)
        weight = validation.raise_to_copies(weight)
        rows = np.arange(X.shape[0]) if weight is None else np.flatnonzero(weight)
        classes = validation.validate_classes(y[rows])
        if not reset:
            validation.check_same_classes(self.classes_, classes)
        codes = np.zeros(y.shape[0], dtype=np.int64)
        codes[rows] = validation.encode_labels(y[rows], classes)
        weight = validation.weigh_classes(self, codes, classes, weight, keep_total=True)
        rows = rows if weight is None else rows[weight[rows] > 0]
        return Samples(X, codes, weight, rows), classes

    def _warn_of(self, samples, network):
        """Warn of data that training copes badly with."""
        warn_of_uneven_features(samples.X, network)

    def _split_seed_and_source(self):
        """Draw the seed of the validation split, and give the source of what is drawn after it.

        The split thus depends on no other parameter, and the start is the same in `fit` and
        `partial_fit`.
        """
        random_state = check_random_state(self.random_state)
        return random_state.randint(2**31 - 1), random_state

    def _arrange(self, samples, split_seed, dtype):
        """Set validation samples aside, and order what fits in one mini-batch."""
        if self.early_stopping:
            set_validation_aside(samples, self.validation_fraction, split_seed)
        elif self.shuffle and samples.train.shape[0] <= self.batch_size:
            return merge_duplicates(samples, dtype)
        return samples

    def _schedule(self, samples):
        """Gather how long to train."""
        return Schedule(
            max_iter=self.max_iter,
            batch_size=min(self.batch_size, samples.train.shape[0]),
            shuffle=self.shuffle and samples.train.shape[0] > self.batch_size,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            verbose=self.verbose,
        )

    def _take(self, training, network, classes, continues):
        """Make what a training reached the fitted state."""
        self._network = replace(network, label_noise=training.label_noise)
        self.classes_ = classes
        self.n_iter_ = training.n_iter + (self.n_iter_ if continues else 0)
        self.n_steps_ = training.n_steps + (self.n_steps_ if continues else 0)
        self.t_ = training.n_seen
        self.history_ = training.history
        self.best_validation_score_ = training.best_score
        self._hold(training.posterior)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Take one PasP step on all samples as one mini-batch.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The mini-batch.
        y : array-like of shape (n_samples,)
            Its labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that can ever occur; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts.

        Returns
        -------
        self : estimator
            The estimator.

        Raises
        ------
        ValueError
            If parameters, data or labels are not allowed.
        NonFiniteError
            If the step would leave the finite numbers.

        Notes
        -----
        Whatever is raised, the state is what it was before. Parameters set between calls take
        effect, except those that the shapes of the posterior follow from, which raise an error,
        and those of the start.
        """
        with UnchangedOnFailure(self):
            learned = self._partial_fit(X, y, classes, sample_weight)
        # Now and then: it takes longer than a step.
        if self.n_steps_ >= 64 and self.n_steps_.bit_count() == 1:
            self._warn_of_failure(learned)
        return self

    def _partial_fit(self, X, y, classes, sample_weight):
        """Validate a mini-batch and learn it; return some of its samples if any counted."""
        parameters = _engine_parameters(self)
        first = not self._is_started()
        live = None if first else self._live_engine()
        goes_on = live is not None and live.serves(parameters)
        if not goes_on:
            self._validate_params()
        X = validation.validate_samples(self, X, self.dtype, reset=first)
        y = validation.validate_labels(y, X)
        if classes is not None or first:
            self._set_classes(classes, first)
        codes = validation.encode_labels(y, self.classes_)
        weight = self._weigh_batch(X, codes, sample_weight)
        if not goes_on:
            live = self._make_live(parameters, first)
        return self._step(live, X, codes, weight)

    def _set_classes(self, classes, first):
        """Take the classes in the first call, compare them later."""
        if classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        classes = validation.validate_classes(classes)
        if first:
            self.classes_ = classes
            self.n_iter_ = self.n_steps_ = self.t_ = 0
            self.history_, self.best_validation_score_ = [], None
        else:
            validation.check_same_classes(self.classes_, classes)

    def _weigh_batch(self, X, codes, sample_weight):
        """Combine the weights of a mini-batch; None if every sample counts once."""
        if sample_weight is None and self.class_weight is None:
            return None
        validation.validate_class_weight(self)
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all samples at once; for partial_fit "
                "pass a dict, for example from sklearn.utils.class_weight.compute_class_weight."
            )
        weight = validation.validate_sample_weight(sample_weight, X)
        return validation.weigh_classes(self, codes, self.classes_, weight, keep_total=False)

    def _make_live(self, parameters, first):
        """Make an engine for the present parameters, at the present state or a new start."""
        network = self._make_network(self.n_features_in_, self.classes_, not first)
        if first:
            posterior = draw_posterior(network, self._split_seed_and_source()[1])
        else:
            self._check_same_shape(network)
            posterior = self._current_posterior()
        scores = network.learns_label_noise
        engine = Engine(network, posterior, get_backend(self.device), scores=scores)
        return LiveEngine(engine, parameters)

    def _step(self, live, X, codes, weight):
        """Learn a mini-batch; return some of its samples if any counted."""
        network = live.engine.network
        if weight is not None:
            if not weight.all():
                X, codes, weight = (array[weight > 0] for array in (X, codes, weight))
            weight = weight.astype(network.dtype)
        if X.shape[0]:
            live.step(X, output_targets(network, codes), weight)
        self._network = live.network
        self._hand_to(live)
        self.n_iter_ += 1
        self.n_steps_ += 1
        self.t_ += X.shape[0]
        return (X[:ROWS_OF_DIAGNOSIS], codes[:ROWS_OF_DIAGNOSIS]) if X.shape[0] else None

    def _warn_of_failure(self, learned):
        """Warn if the state reached is no use, to judge by samples and classes it has learned."""
        if learned is None:
            return
        X, codes = learned
        posterior, backend = self._current_posterior(), get_backend(self.device)
        warn_of_failure(
            self._network,
            posterior,
            X,
            codes,
            self.classes_,
            lambda rows: self._codes(self._network, posterior, rows, backend),
        )

    def _is_started(self):
        """Tell whether there is a posterior to continue from."""
        return hasattr(self, "_network")

    def _prediction_state(self):
        """Gather the attributes that a copy needs to predict."""
        return {
            "classes_": self.classes_,
            "_network": self._network,
            "_posterior": self._current_posterior(),
        }

    # Prediction ----------------------------------------------------------------------------

    @staticmethod
    @abstractmethod
    def _probabilities(network, posterior, X, backend):
        """Compute class probabilities.

        Parameters
        ----------
        network : Network
            The network.
        posterior : list of LayerPosterior
            The posterior.
        X : ndarray or sparse matrix of shape (n_samples, n_features)
            Checked samples.
        backend : object
            Where to compute.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes)
            Rows sum to 1.
        """

    def _codes(self, network, posterior, X, backend):
        """Predict classes as positions in the list of classes."""
        return self._probabilities(network, posterior, X, backend).argmax(axis=1)

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            The label of the largest entry of :meth:`predict_proba`, always.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _predict_proba(self, X):
        """Check samples and compute class probabilities."""
        check_is_fitted(self)
        X = validation.validate_samples(self, X, self._network.dtype.name)
        posterior, backend = self._current_posterior(), get_backend(self.device)
        return self._probabilities(self._network, posterior, X, backend)

    def predict_log_proba(self, X):
        """Compute logarithms of class probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms of :meth:`predict_proba`; −inf where a probability is zero.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def save(self, path):
        """Write the fitted estimator to one ``.npz`` file without pickle inside.

        Parameters
        ----------
        path : str or os.PathLike
            Where to; an existing file is replaced only when the new one is complete.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If a parameter or a label cannot be written as plain data.
        OSError
            If the file cannot be written.

        See Also
        --------
        sklearn_bp.load : Read it back.
        """
        check_is_fitted(self)
        save(self, path)
