"""Expectation backpropagation: a factorised posterior of the weights, learned without a rate.

With pre-activations taken as Gaussians of mean μ and variance σ², a unit's mean activation is
⟨v⟩ = 2Φ(μ/σ) − 1, and going through the layers gives ln P(y) = ln Φ(yμ/σ) at the outputs. The odds
of a single weight given a sample, P(y | W = +1) / P(y | W = −1), follow to first order in the
share one weight has in a sum: the field h of the weight, half its log odds, grows by
∂ ln P(y) / ∂⟨W⟩, with σ held fixed. For Gaussian weights of fixed variance c² the mean grows by c²
times that.

    μ_k = Σ_i ⟨W_ki⟩⟨v_i⟩ / √N        σ²_k = Σ_i (⟨W_ki²⟩⟨v_i²⟩ − ⟨W_ki⟩²⟨v_i⟩²) / N
    Δ_k = y_k N(0 | μ_k, σ²_k) / Φ(y_k μ_k / σ_k)                         at the outputs
    Δ_i = 2 N(0 | μ_i, σ²_i) Σ_k ⟨W_ki⟩ Δ_k / √N                          below
    h_ki ← h_ki + Σ_n Δ_kn ⟨v_in⟩ / √N

The data layer is known: ⟨v²⟩ = ⟨v⟩² = x². For three and more classes, each output unit tells its
class (+1) from all others (−1).
"""

import numpy as np
from scipy.special import erf, log_ndtr, ndtr

from ._base import MiniBatchClassifier

LEAST_VARIANCE = 1e-12
"""Under every σ²: certain weights leave none."""

LOG_ROOT_2PI = np.float32(0.5 * np.log(2 * np.pi))
ROOT_HALF = np.float32(np.sqrt(0.5))


class ExpectationBackpropagationClassifier(MiniBatchClassifier):
    """Expectation backpropagation, predicting with the point network.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(101,)
        Units of the hidden layers.
    weight_prior : {"binary", "gaussian"}, default="binary"
        ±1 weights, or real ones.
    weight_scale : float, default=1.0
        Standard deviation c of real weights.
    init_scale : float, default=1.0
        Standard deviation of the fields h at the start, for real weights in units of c.
    batch_size : int, default=10
        Samples whose changes are added up before they are made.
    max_iter : int, default=100
        Epochs of a call of `fit`.
    warm_start : bool, default=False
        Whether `fit` goes on from the fitted state.
    random_state : int, RandomState instance or None, default=None
        Draws the start and the order of the samples.

    Attributes
    ----------
    fields_ : list of ndarray of shape (n_in, n_out)
        Half log odds of ±1 weights; means of real ones.

    References
    ----------
    D. Soudry, I. Hubara, R. Meir, "Expectation backpropagation: parameter-free training of
    multilayer neural networks with continuous or discrete weights", Advances in Neural Information
    Processing Systems 27, 2014.
    """

    def __init__(
        self,
        hidden_layer_sizes=(101,),
        *,
        weight_prior="binary",
        weight_scale=1.0,
        init_scale=1.0,
        batch_size=10,
        max_iter=100,
        warm_start=False,
        random_state=None,
    ):
        super().__init__(
            hidden_layer_sizes,
            batch_size=batch_size,
            max_iter=max_iter,
            warm_start=warm_start,
            random_state=random_state,
        )
        self.weight_prior = weight_prior
        self.weight_scale = weight_scale
        self.init_scale = init_scale

    @property
    def coefs_(self):
        """The weights of the point network: signs, or means."""
        return [self._point(field) for field in self.fields_]

    def averaged(self):
        """Make the classifier that averages over the posterior.

        Returns
        -------
        AveragedExpectationBackpropagation
            It shares this one's state.
        """
        shared = AveragedExpectationBackpropagation(**self.get_params())
        vars(shared).update(vars(self))
        return shared

    def _start(self, sizes, random_state):
        """Draw the fields."""
        scale = np.float32(self.init_scale)
        if self.weight_prior == "gaussian":
            scale *= np.float32(self.weight_scale)
        self.fields_ = [
            scale * random_state.standard_normal(shape).astype(np.float32)
            for shape in zip(sizes[:-1], sizes[1:], strict=True)
        ]

    def _learn(self, X, codes):
        """Change the fields by a mini-batch."""
        activations, moments, weights = self._forward(X)
        mean, deviation = moments[-1]
        targets = self._targets(codes)
        ratio = targets * mean / deviation
        delta = targets * np.exp(_log_density(ratio) - log_ndtr(ratio)) / deviation
        for layer in reversed(range(len(weights))):
            root = np.float32(np.sqrt(weights[layer].shape[0]))
            change = activations[layer].T @ delta / root
            if layer:
                mean, deviation = moments[layer - 1]
                slope = 2 * np.exp(_log_density(mean / deviation)) / deviation
                delta = slope * (delta @ weights[layer].T) / root
            self.fields_[layer] += self._response() * change
        return moments[-1][0]

    def _targets(self, codes):
        """Turn positions of classes into ±1 for every output unit."""
        if self.classes_.shape[0] == 2:
            positive = codes[:, np.newaxis] == 1
        else:
            positive = codes[:, np.newaxis] == np.arange(self.classes_.shape[0])
        return np.where(positive, np.float32(1), np.float32(-1))

    def _forward(self, X):
        """Compute mean activations, moments of pre-activations, and mean weights, by layer."""
        activations, moments, weights = [X], [], []
        for field in self.fields_:
            weight, v = self._mean(field), activations[-1]
            spread = self._variance(weight)
            if v is X:
                variance = v**2 @ spread
            else:
                variance = (1 - v**2) @ weight**2 + spread.sum(axis=0)
            n_in = field.shape[0]
            deviation = np.sqrt(np.maximum(variance / n_in, LEAST_VARIANCE))
            mean = v @ weight / np.float32(np.sqrt(n_in))
            moments.append((mean, deviation))
            weights.append(weight)
            activations.append(erf(mean / deviation * ROOT_HALF))
        return activations[:-1], moments, weights

    def _mean(self, field):
        """Compute ⟨W⟩."""
        return np.tanh(field) if self.weight_prior == "binary" else field

    def _variance(self, weight):
        """Compute the variances of weights from their means."""
        if self.weight_prior == "binary":
            return 1 - weight**2
        return np.full_like(weight, self.weight_scale**2)

    def _response(self):
        """Compute by how much a field grows per ∂ ln P(y) / ∂⟨W⟩."""
        return np.float32(1 if self.weight_prior == "binary" else self.weight_scale**2)

    def _point(self, field):
        """Compute the weights of the point network."""
        return (
            np.where(field >= 0, 1, -1).astype(np.float32)
            if self.weight_prior == "binary"
            else field
        )

    def _outputs(self, X):
        """Compute the point network's pre-activations, over √fan-in."""
        v = X
        for field in self.fields_:
            z = v @ self._point(field) / np.sqrt(field.shape[0])
            v = _sign(z)
        return z


class AveragedExpectationBackpropagation(ExpectationBackpropagationClassifier):
    """Expectation backpropagation, predicting with ⟨v⟩ of the outputs."""

    def predict_proba(self, X):
        """Compute the probabilities that output units are +1; of many, divided by their sum.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows sum to 1.
        """
        ratio = self._predict_in_parts(X, self._certainties)
        if ratio.shape[1] == 1:
            return np.column_stack([ndtr(-ratio[:, 0]), ndtr(ratio[:, 0])])
        # Dividing by the largest first keeps samples that no unit claims from losing all.
        log_p = log_ndtr(ratio)
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def _certainties(self, X):
        """Compute μ/σ of the outputs."""
        mean, deviation = self._forward(X)[1][-1]
        return mean / deviation


def _sign(x):
    """Compute signs, +1 at zero."""
    return np.where(x >= 0, np.float32(1), np.float32(-1))


def _log_density(x):
    """Compute the logarithm of the standard normal density."""
    return -0.5 * x * x - LOG_ROOT_2PI
