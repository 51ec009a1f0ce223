"""The loop over epochs: stopping, the best state, history, progress, interruption."""

import warnings
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

from ..engine.engine import Engine
from ..engine.errors import NonFiniteError
from ..engine.leave_one_out import LeaveOneOut, Settled
from .label_noise import SETTLED_COUNTS, believable_label_noise, most_likely_label_noise
from .posterior import order_parameters
from .progress import make_progress

RELAPSE = 0.05
"""Rise of the log-loss, in nats, that makes an earlier state the better one; less is chance."""

SCORED_ROWS = 4096
"""Validation samples that are read at a time, so that data on disk stays there."""


@dataclass
class Samples:
    """What a fit learns from.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        All samples.
    codes : ndarray of int64, shape (n_samples,)
        Classes, as positions in the list of classes.
    weight : ndarray of float64, shape (n_samples,), or None
        How often each sample counts.
    train, validation : ndarray of int
        Rows that are learned, and rows that are scored.
    n_merged : int
        Samples that `train` lacks because they equal another one.
    """

    X: object
    codes: np.ndarray
    weight: np.ndarray | None
    train: np.ndarray
    validation: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    n_merged: int = 0

    @property
    def total_weight(self):
        """How many samples are learned, each counted with its weight."""
        return self.train.shape[0] if self.weight is None else self.weight[self.train].sum()


@dataclass(frozen=True)
class Schedule:
    """How long to train.

    Attributes
    ----------
    max_iter : int
        Epochs at most.
    batch_size : int
        Samples per mini-batch.
    shuffle : bool
        Whether every epoch has an order of its own.
    tol : float
        Least gain that counts: of the validation score, or of the log-loss without validation.
    n_iter_no_change : int
        Epochs without a gain after which training stops.
    verbose : int
        See :func:`sklearn_bp._estimators.progress.make_progress`.
    """

    max_iter: int
    batch_size: int
    shuffle: bool
    tol: float
    n_iter_no_change: int
    verbose: int


class Training:
    """One fit: trains an engine and keeps what it reached.

    Parameters
    ----------
    engine : Engine
        The engine, at its start.
    samples : Samples
        What to learn.
    targets : ndarray of shape (n_samples,)
        The classes, as the output channel wants them.
    schedule : Schedule
        How long to train.
    predict : callable
        ``predict(posterior, X) -> codes``, for validation.
    callbacks : StateReporter
        Whom to tell.
    history : list of dict
        Records of earlier epochs; continued in a new list.
    n_seen : int
        Samples seen before.

    Attributes
    ----------
    posterior : list of LayerPosterior
        The state kept: the best validation score's, or the last.
    history : list of dict
        One record per epoch.
    n_iter, n_seen, n_steps : int
        Epochs begun, samples seen and PasP steps taken, all in this fit but `n_seen`.
    best_score : float or None
        The best validation score.
    label_noise : float
        ε of the state kept, given or learned.
    """

    def __init__(
        self, engine, samples, targets, schedule, predict, callbacks, history=(), n_seen=0
    ):
        self.engine, self.samples, self.schedule = engine, samples, schedule
        self.history, self.n_iter, self.n_seen, self.n_steps = list(history), 0, n_seen, 0
        self.best_score = None
        self.label_noise = engine.network.label_noise
        self._predict, self._callbacks = predict, callbacks
        self._load(targets)
        self._judge_labels()
        self._validates = samples.validation.size > 0
        self._best, self._reference, self._stale = None, -np.inf, 0
        self._least_loss, self._last_loss = np.inf, np.inf

    def _load(self, targets):
        """Bring the data to the device."""
        backend, dtype, samples = self.engine.backend, self.engine.network.dtype, self.samples
        self._X = backend.load_data(samples.X)
        self._y = backend.asarray(targets)
        self._weight, self._train_weight = None, samples.train.shape[0]
        if samples.weight is not None:
            weight = samples.weight.astype(dtype)
            self._weight = backend.asarray(weight)
            self._train_weight = weight[samples.train].sum(dtype=np.float64)

    def run(self, random_state):
        """Train until the schedule, a callback or the user ends it.

        Parameters
        ----------
        random_state : numpy.random.RandomState
            Draws the order of the samples.

        Raises
        ------
        NonFiniteError
            If not even one step stayed within the finite numbers.
        """
        schedule = self.schedule
        self._progress = make_progress(
            schedule.verbose, schedule.max_iter, self.samples.train.shape[0]
        )
        try:
            self._run_epochs(random_state)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted; the state reached is kept.", stacklevel=5)
        except NonFiniteError as error:
            if self.n_steps == 0:
                raise
            warnings.warn(
                f"Training stopped in epoch {self.n_iter}; the state reached is kept: {error}",
                ConvergenceWarning,
                stacklevel=5,
            )
        finally:
            self._progress.close()
        self.posterior, self.label_noise = self._kept_state()

    def _run_epochs(self, random_state):
        """Train epoch by epoch."""
        if self._validates and self.n_seen:
            self._judge_start()
        for _ in range(self.schedule.max_iter):
            self._callbacks.begin_epoch()
            posterior = self._run_epoch(random_state)
            asked = self._callbacks.end_epoch(posterior, self.label_noise)
            if asked or self._stale >= self._patience():
                return
        self._warn_if_improving()

    def _n_counts(self):
        """Count how often a sample has counted so far, before a warm start too."""
        n_passes = self.n_seen / (self.samples.train.shape[0] + self.samples.n_merged)
        return self.engine.network.likelihood_weight * n_passes

    def _judge_labels(self):
        """Let the engine believe labels by what other samples say, where they can be wrong."""
        if self.engine.network.has_label_noise:
            n_steps = -(-self.samples.train.shape[0] // self.schedule.batch_size)
            self.engine.leave_one_out = LeaveOneOut(self.engine, self.samples.X.shape[0], n_steps)
        self._is_settled = self._n_counts() > SETTLED_COUNTS

    def _settle_labels(self):
        """Learn the label noise from an epoch's predictions, until labels have been judged."""
        engine, train = self.engine, self.samples.train
        judge, was_settled = engine.leave_one_out, self._is_settled
        if judge is None or isinstance(judge, Settled):
            return
        if engine.network.learns_label_noise and not was_settled:
            weight = None if self.samples.weight is None else self.samples.weight[train]
            log_z = engine.backend.to_host(judge.log_z)[train]
            likely = most_likely_label_noise(log_z, weight, engine.network.n_classes)
            self.label_noise = believable_label_noise(likely, self._n_counts())
            engine.label_noise = self.label_noise
            if not self._validates:
                # By another label noise losses are others, and do not compare.
                self._reference, self._stale, self._least_loss = -np.inf, 0, np.inf
        self._is_settled = self._n_counts() > SETTLED_COUNTS
        if self._is_settled:
            engine.leave_one_out = Settled(judge.log_z)

    def _patience(self):
        """Count the epochs without a gain that are enough.

        A sample has to count once in them: where steps count little, so do gains.
        """
        patience = self.schedule.n_iter_no_change
        if self._validates:
            return patience
        return max(patience, 1 / self.engine.network.likelihood_weight)

    def _run_epoch(self, random_state):
        """Train one epoch, score it, and note it down."""
        start, self.n_iter = perf_counter(), self.n_iter + 1
        train = self.samples.train
        order = Engine.draw_order(train.shape[0], random_state if self.schedule.shuffle else None)
        # The engine counts what is not finite and says so by an error.
        with np.errstate(all="ignore"):
            outcome = self.engine.epoch(
                self._X,
                self._y,
                train[order],
                self.schedule.batch_size,
                self._weight,
                self._count_step,
            )
        posterior = self.engine.posterior()
        record = {
            "epoch": len(self.history) + 1,
            "n_samples_seen": self.n_seen,
            "train_accuracy": min(outcome.correct / self._train_weight, 1.0),
            "train_log_loss": -outcome.log_probability / self._train_weight,
        }
        if self.engine.network.learns_label_noise:
            record["label_noise"] = self.label_noise
        if self._validates:
            record["validation_score"] = self._validate(posterior)
            self._judge(record["validation_score"], posterior)
        else:
            self._judge_loss(record["train_log_loss"], posterior)
        self._settle_labels()
        record |= _order_parameters(self.engine.network, posterior)
        record["time_s"] = perf_counter() - start
        self.history.append(record)
        self._progress.finish_epoch(record)
        return posterior

    def _count_step(self, n_samples):
        """Note a finished PasP step."""
        self.n_steps += 1
        # Samples are merged only where one step takes all of them.
        self.n_seen += n_samples + self.samples.n_merged
        self._progress.advance(n_samples)

    def _validate(self, posterior):
        """Compute the accuracy on the validation rows."""
        samples = self.samples
        rows = samples.validation
        predicted = np.concatenate(
            [
                self._predict(posterior, samples.X[rows[first : first + SCORED_ROWS]])
                for first in range(0, rows.shape[0], SCORED_ROWS)
            ]
        )
        weight = None if samples.weight is None else samples.weight[rows]
        return float(accuracy_score(samples.codes[rows], predicted, sample_weight=weight))

    def _judge_start(self):
        """Let the state that training continues from be the best one until there is a better."""
        posterior = self.engine.posterior()
        self._judge(self._validate(posterior), posterior)

    def _judge(self, score, posterior):
        """Keep the best state, and count the epochs without a gain in the validation score."""
        if self.best_score is None or score > self.best_score:
            self.best_score, self._best = score, (posterior, self.label_noise)
        self._stale = 0 if score > self._reference + self.schedule.tol else self._stale + 1
        self._reference = max(self._reference, score)

    def _judge_loss(self, loss, posterior):
        """Keep the best state by the log-loss of samples before they are learned."""
        self._last_loss = loss
        # Small steps make small gains: they add up until they are one.
        self._stale += 1
        if -loss > self._reference + self.schedule.tol:
            self._stale, self._reference = 0, -loss
        if loss < self._least_loss:
            self._least_loss, self._best = loss, (posterior, self.label_noise)

    def _kept_state(self):
        """Choose the posterior and the label noise to keep.

        Without validation samples they are the last ones, unless predictions have become worse.
        """
        relapsed = not self._last_loss <= self._least_loss + RELAPSE
        if self._best is not None and (self._validates or relapsed):
            return self._best
        return self.engine.posterior(), self.label_noise

    def _warn_if_improving(self):
        """Warn if the last epochs say that more of them would help."""
        schedule = self.schedule
        if not self._validates or schedule.max_iter <= schedule.n_iter_no_change:
            return
        warnings.warn(
            f"max_iter={schedule.max_iter} epochs are over, and the validation score still rose by "
            f"more than tol={schedule.tol:g} within the last {schedule.n_iter_no_change} of them. "
            "Raise max_iter to go on.",
            ConvergenceWarning,
            stacklevel=7,
        )


def set_validation_aside(samples, fraction, seed):
    """Split off the validation samples, by class.

    Parameters
    ----------
    samples : Samples
        What to learn from; its `train` and `validation` are set.
    fraction : float
        Share of the samples that is not learned.
    seed : int
        Draws them.

    Raises
    ------
    ValueError
        If there are too few samples for every class to be on both sides.
    """
    try:
        samples.train, samples.validation = train_test_split(
            samples.train,
            test_size=fraction,
            stratify=samples.codes[samples.train],
            random_state=seed,
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True with validation_fraction={fraction:g} needs samples of every "
            f"class on both sides of the split, which {samples.train.shape[0]} samples do not "
            "allow. Pass more samples, change validation_fraction, or set early_stopping=False. "
            f"({error})"
        ) from error


def merge_duplicates(samples, dtype):
    """Bring samples into an order of their own and count equal ones as one with a weight.

    A PasP step on all samples at once does not depend on their order, and a sample of weight w
    counts as w copies. After this it does not depend on them in the last bit either.

    Parameters
    ----------
    samples : Samples
        Samples without validation rows.
    dtype : numpy.dtype
        The network's precision.

    Returns
    -------
    Samples
        The distinct training samples, dense, in that order.
    """
    rows = samples.train
    X = samples.X[rows]
    X = X.toarray() if hasattr(X, "toarray") else X
    # Adding zero turns -0.0 into 0.0, which is equal but has other bits.
    X = np.ascontiguousarray(X, dtype=dtype) + dtype.type(0)
    keyed = np.ascontiguousarray(np.column_stack([X, samples.codes[rows].astype(dtype)]))
    keys = keyed.view(np.dtype((np.void, keyed.shape[1] * keyed.itemsize))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    given = None if samples.weight is None else samples.weight[rows]
    weight = np.bincount(inverse.ravel(), weights=given)
    all_once = bool((weight == 1).all())
    return Samples(
        X=X[first],
        codes=samples.codes[rows][first],
        weight=None if all_once else weight.astype(np.float64),
        train=np.arange(first.shape[0]),
        n_merged=rows.shape[0] - first.shape[0],
    )


def _order_parameters(network, posterior):
    """Name what a record says about the weights of each layer."""
    polarizations, overlaps = order_parameters(network, posterior)
    values = {f"polarization_{layer}": value for layer, value in enumerate(polarizations)}
    pairs = {f"overlap_{layer}": value for layer, value in enumerate(overlaps)}
    return values | {name: value for name, value in pairs.items() if not np.isnan(value)}


def output_targets(network, codes):
    """Turn classes into what the output channel takes.

    Parameters
    ----------
    network : Network
        The network.
    codes : ndarray of int64, shape (n_samples,)
        Classes, as positions in the list of classes.

    Returns
    -------
    ndarray of shape (n_samples,)
        ±1 for two classes, the positions for more.
    """
    if network.layer_sizes[-1] == 1:
        return (2 * codes - 1).astype(network.dtype)
    return codes
