"""What the classifiers' parameters may be, and what they decide."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from .algorithms import ALGORITHMS
from .channels import ACTIVATIONS
from .engine.network import LARGEST_DEGREE
from .priors import PRIORS

CONSTRAINTS: dict = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "algo": [StrOptions(set(ALGORITHMS))],
    "weight_prior": [StrOptions(set(PRIORS))],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "rho": [Interval(Real, 0, None, closed="neither"), "array-like"],
    "output_rho": [Interval(Real, 0, None, closed="neither")],
    "damping": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "likelihood_weight": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "label_noise": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
    "n_inner_iter": [Interval(Integral, 1, None, closed="left")],
    "reinforcement": [Interval(Real, 0, 1, closed="left")],
    "init_scale": [Interval(Real, 0, None, closed="neither")],
    "density": [Interval(Real, 0, 1, closed="right"), "array-like"],
    "argmax": [StrOptions({"pairwise", "exact"})],
    "fit_intercept": ["boolean"],
    "edges": [StrOptions({"auto", "exact"}), Interval(Integral, 1, LARGEST_DEGREE, closed="both")],
    "edge_tolerance": [Interval(Real, 0, None, closed="neither")],
    "edge_memory_limit": [Interval(Real, 0, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "max_iter": [Interval(Integral, 0, None, closed="left")],
    "shuffle": ["boolean"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "warm_start": ["boolean"],
    "class_weight": [StrOptions({"balanced"}), dict, None],
    "dtype": [StrOptions({"float32", "float64"})],
    "device": [StrOptions({"auto", "cpu", "cuda"})],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
}
"""Types and ranges, as scikit-learn checks them before every fit."""

SHAPE_PARAMETERS = ("hidden_layer_sizes", "weight_prior", "fit_intercept")
"""What must not change while training continues, since the posterior's arrays follow from it."""

NETWORK_OPTIONS = (
    "algo",
    "weight_prior",
    "activation",
    "damping",
    "n_inner_iter",
    "reinforcement",
    "init_scale",
    "density",
    "edges",
    "edge_tolerance",
    "edge_memory_limit",
    "dtype",
)
"""Parameters that the network takes under the same name."""

ENGINE_PARAMETERS = (
    *NETWORK_OPTIONS,
    "hidden_layer_sizes",
    "rho",
    "output_rho",
    "likelihood_weight",
    "label_noise",
    "argmax",
    "fit_intercept",
    "device",
)
"""Parameters that an engine is made from."""

COUNTS_PER_CLASS = 4.0
"""How many times `fit` counts a sample in all, per class, where `likelihood_weight` is "auto"."""

MANY_SAMPLES = 1000
"""Fewer samples than these count more often, or the prior would outweigh them."""


def likelihood_weight(value, n_classes, n_samples, n_epochs):
    """Compute how many times H_in and G_in of a step count.

    Parameters
    ----------
    value : float or "auto"
        The estimator's parameter.
    n_classes : int
        Number of classes K.
    n_samples : int or None
        Number n of samples; None where samples come once.
    n_epochs : int or None
        Passes over the samples at most; None where samples come once.

    Returns
    -------
    float
        With "auto" 1 for samples that come once, else 4 K max(1, √(1000/n)) over the number of
        passes, at most 1.
    """
    if value != "auto":
        return float(value)
    if n_epochs is None:
        return 1.0
    scarcity = max(1.0, (MANY_SAMPLES / n_samples) ** 0.5)
    return min(1.0, COUNTS_PER_CLASS * n_classes * scarcity / max(n_epochs, 1))
