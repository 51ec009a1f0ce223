"""What happens in a run: a network is trained epoch by epoch and judged."""

import warnings

import numpy as np
from problems import load_problem, shift_images
from settings import MESSAGE_PASSING, computes_on, make_estimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from sklearn_bp import BayesBPClassifier
from sklearn_bp.engine.errors import NonFiniteError
from sklearn_bp.inspection import mean_overlaps

NOISE, SHIFTS = 1, 2
"""Set the draws of noise and shifts apart from what an epoch's seed is for otherwise."""


class DivergedError(Exception):
    """A training left the finite numbers."""


def epoch_seed(seed, epoch):
    """Draw the seed of an epoch, so that a training can go on from any of them as it would have.

    Parameters
    ----------
    seed : int
        Seed of the run.
    epoch : int or tuple of int
        Number of the epoch; of one of several networks, with the network's number.

    Returns
    -------
    int
        What scikit-learn takes as `random_state`.
    """
    return int(np.random.SeedSequence((seed, *np.atleast_1d(epoch))).generate_state(1)[0] >> 1)


def is_milestone(epoch, n_epochs, every):
    """Tell whether everything is measured after an epoch, and not only what is cheap.

    Parameters
    ----------
    epoch, n_epochs : int
        Number of the epoch, from 1 on, and of the last one.
    every : int
        Distance of milestones; the first, second and fifth epochs and the last are some too.

    Returns
    -------
    bool
        Whether it is.
    """
    return epoch in (1, 2, 5, n_epochs) or epoch % every == 0


def judge(model, X, y):
    """Compute the error and the mean negative log-likelihood.

    Parameters
    ----------
    model : estimator
        Fitted.
    X, y : ndarray
        Samples and labels.

    Returns
    -------
    dict
        ``error_percent`` and ``log_loss``.
    """
    probabilities = model.predict_proba(X)
    wrong = model.classes_[probabilities.argmax(axis=1)] != y
    loss = log_loss(y, probabilities, labels=model.classes_)
    return {"error_percent": 100 * float(wrong.mean()), "log_loss": float(loss)}


def averaged(model):
    """Make the estimator that averages over the posterior a message-passing network comes from.

    Parameters
    ----------
    model : BPClassifier
        Fitted, without intercepts.

    Returns
    -------
    BayesBPClassifier
        With the same posterior.
    """
    untrained = BayesBPClassifier(**model.get_params()).set_params(max_iter=0, warm_start=False)
    # Only the shapes and the classes matter: one sample of each class.
    untrained.fit(np.zeros((len(model.classes_), model.n_features_in_)), model.classes_)
    return untrained.set_posterior(
        model.weight_fields_, model.weight_means_, model.weight_precisions_, model.weight_masks_
    )


class ClassifierTrial:
    """One network learns one problem; what the runner asks for, epoch by epoch.

    The point network is judged on the held-out samples after every epoch; at milestones, on the
    training samples too, the predictions averaged over the posterior are on the held-out ones, and
    the mean overlaps of units are computed.

    Parameters
    ----------
    parameters : dict
        ``n_epochs``, and those of :func:`problems.load_problem` and
        :func:`settings.make_estimator`; if there is ``input_shift``, every epoch trains on images
        shifted by up to so many pixels each way, and if there is ``input_noise``, on inputs to
        which Gaussian noise of that standard deviation is added, both drawn anew.
    seed : int
        Draws the start, the order of the samples, the shifts and the noise.
    machine : Machine
        Where to compute, and where the data are.

    Attributes
    ----------
    n_epochs : int
        Epochs of the run.
    device : str
        Where it computes.
    state : object
        What the run goes on from; it can be pickled.
    """

    milestone_every = 10

    def __init__(self, parameters, seed, machine):
        self.parameters, self.seed = parameters, seed
        self.n_epochs = parameters["n_epochs"]
        self.device = computes_on(parameters, machine)
        self.problem = load_problem(parameters, machine.data_home)
        self.state = make_estimator(parameters, machine)
        self.state.set_params(max_iter=1, warm_start=True)

    def train(self, epoch):
        """Train one epoch.

        Parameters
        ----------
        epoch : int
            Its number, from 1 on.

        Returns
        -------
        dict
            What the estimator noted down.

        Raises
        ------
        DivergedError
            If the training left the finite numbers.
        KeyboardInterrupt
            If the user asked to stop; the epoch is then not finished.
        """
        self.state.set_params(random_state=epoch_seed(self.seed, epoch))
        self.fit_epoch(self.state)
        return {name: value for name, value in self.state.history_[-1].items() if name != "time_s"}

    def fit_epoch(self, estimator):
        """Let an estimator do its next epoch.

        Parameters
        ----------
        estimator : estimator
            With ``max_iter=1`` and ``warm_start=True``.

        Raises
        ------
        DivergedError
            If the training left the finite numbers.
        KeyboardInterrupt
            If the user asked to stop; the epoch is then not finished.
        """
        with warnings.catch_warnings():
            # What networks come to otherwise, and from which features, is a result.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", ".* features have the same value")
            warnings.filterwarnings("ignore", ".*: the others will hardly be seen")
            warnings.filterwarnings("error", "Training (stopped|interrupted)")
            try:
                estimator.fit(self._inputs(estimator.random_state), self.problem.y_train)
            except (ConvergenceWarning, NonFiniteError, FloatingPointError) as error:
                raise DivergedError(str(error)) from error
            except UserWarning as warning:
                raise KeyboardInterrupt from warning

    def _inputs(self, seed):
        """Give the training samples' inputs, shifted and with noise if the run asks for it."""
        shift, X = self.parameters.get("input_shift"), self.problem.X_train
        if shift is not None:
            rng = np.random.default_rng((seed, SHIFTS))
            X = shift_images(X, self.problem.image_shape, shift, rng)
        noise = self.parameters.get("input_noise")
        if noise is None:
            return X
        drawn = np.random.default_rng((seed, NOISE)).standard_normal(X.shape, X.dtype)
        return X + X.dtype.type(noise) * drawn

    def measure(self, epoch):
        """Judge the network after an epoch.

        Parameters
        ----------
        epoch : int
            Its number.

        Returns
        -------
        dict
            Of errors and losses, and of overlaps per layer.
        """
        problem, name = self.problem, self.problem.held_out
        measured = {f"{name}_point": judge(self.state, problem.X_held_out, problem.y_held_out)}
        if is_milestone(epoch, self.n_epochs, self.milestone_every):
            measured["train_point"] = judge(self.state, problem.X_train, problem.y_train)
            if self._passes_messages():
                measured["mean_overlaps"] = mean_overlaps(self.state).tolist()
            bayes = self._averaged()
            if bayes is not None:
                measured[f"{name}_bayes"] = judge(bayes, problem.X_held_out, problem.y_held_out)
        return measured

    def result(self):
        """Measure what is measured only once, at the end.

        Returns
        -------
        dict
            Of results.
        """
        bayes = self._averaged()
        if bayes is None:
            return {}
        return {"train_bayes": judge(bayes, self.problem.X_train, self.problem.y_train)}

    def _passes_messages(self):
        """Tell whether the network is one of the package's."""
        return self.parameters["contender"] in MESSAGE_PASSING

    def _averaged(self):
        """Make the estimator that averages over the posterior; None if there is no posterior."""
        if self._passes_messages():
            return averaged(self.state)
        return self.state.averaged() if hasattr(self.state, "averaged") else None
