"""The network that an estimator's parameters describe."""

from numbers import Integral, Real

from ._label_noise import FIRST_LABEL_NOISE, LEAST_LABEL_NOISE, bounded_label_noise
from ._parameters import NETWORK_OPTIONS, SHAPE_PARAMETERS, likelihood_weight
from .engine.network import make_network


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
