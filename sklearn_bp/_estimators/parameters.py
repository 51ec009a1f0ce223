"""What the classifiers' parameters may be, and the network that they describe."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from ..algorithms import ALGORITHMS
from ..channels import ACTIVATIONS
from ..engine.network import LARGEST_DEGREE, make_network
from ..priors import PRIORS
from .label_noise import FIRST_LABEL_NOISE, LEAST_LABEL_NOISE, bounded_label_noise

CONSTRAINTS: dict = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "algo": [StrOptions(set(ALGORITHMS))],
    "weight_prior": [StrOptions(set(PRIORS)), "array-like"],
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


PARAMETERS_OF_VERSION_0_1 = {"likelihood_weight": 1.0, "label_noise": 0.0}
"""What training meant before there were these parameters; files and pickles go on by it."""


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


class DescribedNetwork:
    """Mixin of estimators: makes the network that the parameters ask for."""

    def _make_network(self, n_features, classes, continues, n_samples=None, n_epochs=None):
        """Describe the network that the parameters ask for; of a stream no numbers are known."""
        hidden = self.hidden_layer_sizes
        hidden = [hidden] if isinstance(hidden, Integral) else list(hidden)
        is_size = [isinstance(size, Integral) and not isinstance(size, bool) for size in hidden]
        if not all(is_size) or any(size < 1 for size in hidden):
            raise ValueError(
                "hidden_layer_sizes must hold integers of at least 1; got "
                f"{self.hidden_layer_sizes!r}."
            )
        two_classes = classes.shape[0] == 2
        output = "sign" if two_classes else ("argmax", "argmax_exact")[self.argmax == "exact"]
        rho = self.rho
        if isinstance(rho, Real):
            rho = [rho] * len(hidden) + [self.output_rho]
        return make_network(
            [n_features, *hidden, 1 if two_classes else classes.shape[0]],
            output=output,
            rho=rho,
            likelihood_weight=likelihood_weight(
                self.likelihood_weight, classes.shape[0], n_samples, n_epochs
            ),
            label_noise=self._first_label_noise(continues, n_epochs),
            learns_label_noise=self.label_noise == "auto",
            intercept=self.fit_intercept,
            **{name: getattr(self, name) for name in NETWORK_OPTIONS},
        )

    def _first_label_noise(self, continues, n_epochs):
        """Give the label noise of the first step, which learning it starts from."""
        if self.label_noise != "auto":
            return float(self.label_noise)
        if continues:
            return bounded_label_noise(self.label_noise_, self.classes_.shape[0])
        return LEAST_LABEL_NOISE if n_epochs is None else FIRST_LABEL_NOISE

    def _check_same_shape(self, network):
        """Refuse to continue with parameters that the fitted posterior does not fit."""
        old = self._network
        if (network.layer_sizes, network.weight_prior, network.intercept) != (
            old.layer_sizes,
            old.weight_prior,
            old.intercept,
        ):
            raise ValueError(
                f"{', '.join(SHAPE_PARAMETERS)} must not change while training continues: layers "
                f"were {old.layer_sizes} with weight_prior={old.weight_prior!r} and "
                f"fit_intercept={old.intercept}, now {network.layer_sizes} with "
                f"{network.weight_prior!r} and {network.intercept}. Call fit without warm_start, "
                "or clone the estimator."
            )
