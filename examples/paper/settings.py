"""The settings of the paper, and the estimators they are for."""

import sys

import neighbours  # noqa: F401

from sklearn_bp import BPClassifier
from sklearn_bp.backends import get_backend

MESSAGE_PASSING = ("bp", "amp", "mf")
GRADIENTS = ("binarynet", "sgd")
TITLES = {
    "bp": "BP",
    "amp": "AMP",
    "mf": "MF",
    "binarynet": "BinaryNet",
    "sgd": "SGD",
    "ebp": "EBP",
}
PAPER_SETTINGS = {
    "weight_prior": "binary",
    "argmax": "pairwise",
    "likelihood_weight": 1.0,
    "label_noise": 0.0,
}
"""Parameters of every network of message passing here, unless its run says otherwise.

They are not among a run's options: records name what differs between runs."""

OUTPUT_RHO = 0.9
POINT_RHO = 1.0001
"""Of the hidden layers: polarises the weights, for predictions of the point network."""

BAYES_RHO = 0.9999
"""Of the hidden layers: keeps a posterior to average over."""

DAMPING = 0.8
BINARYNET_LEARNING_RATE = 10.0
"""Of plain SGD."""

BINARYNET_ADAM_RATE = 1e-3


def message_passing(algo, n_hidden, rho=POINT_RHO, damping=DAMPING, **others):
    """Gather the parameters of a run of message passing.

    Parameters
    ----------
    algo : str
        The algorithm.
    n_hidden : int
        Number of hidden layers.
    rho : float or list of float
        Of the hidden layers, or of all layers.
    damping : float or list of float
        Of all layers, or of each.
    **others
        More parameters of the estimator, or other values.

    Returns
    -------
    dict
        ``contender`` and ``options``.
    """
    options = {
        "rho": rho if isinstance(rho, list) else [rho] * n_hidden + [OUTPUT_RHO],
        "damping": damping,
        "fit_intercept": False,
        "batch_size": 128,
    }
    return {"contender": algo, "options": options | others}


def binarynet(**others):
    """Gather the parameters of a run of BinaryNet as in the paper: plain SGD.

    Parameters
    ----------
    **others
        More parameters of the estimator, or other values.

    Returns
    -------
    dict
        ``contender`` and ``options``.
    """
    options = {"optimizer": "sgd", "learning_rate": BINARYNET_LEARNING_RATE, "batch_size": 128}
    return {"contender": "binarynet", "options": options | others}


def make_estimator(parameters, machine):
    """Make the estimator of a run.

    Parameters
    ----------
    parameters : dict
        ``contender``, ``hidden_layer_sizes`` and ``options``.
    machine : Machine
        Where to compute; Expectation Backpropagation always does so on the CPU.

    Returns
    -------
    estimator
        Not fitted; its `fit` with ``warm_start=True`` does `max_iter` epochs more.
    """
    contender, options = parameters["contender"], parameters["options"]
    hidden = tuple(parameters["hidden_layer_sizes"])
    if contender in MESSAGE_PASSING:
        options = PAPER_SETTINGS | options
        return BPClassifier(hidden, algo=contender, device=machine.device, **options)
    if contender in GRADIENTS:
        options = options | {"device": computes_on(parameters, machine)}
    estimator = _baseline(contender)(hidden, **options)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(machine.threads)
    return estimator


def computes_on(parameters, machine):
    """Tell where a run computes.

    Parameters
    ----------
    parameters : dict
        ``contender``.
    machine : Machine
        What was asked for.

    Returns
    -------
    str
        "cpu" or "cuda".
    """
    if parameters["contender"] in (*MESSAGE_PASSING, *GRADIENTS):
        return get_backend(machine.device).name
    return "cpu"


def _baseline(contender):
    """Import the class of a baseline; not all of them can be imported everywhere."""
    import baselines

    names = {
        "binarynet": "BinaryNetClassifier",
        "sgd": "ContinuousClassifier",
        "ebp": "ExpectationBackpropagationClassifier",
    }
    return getattr(baselines, names[contender])
