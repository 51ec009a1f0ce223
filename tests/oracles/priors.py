"""Weight priors by their definition P(w) ∝ exp(Hw − Gw²/2), over arrays of any shape."""

import numpy as np


class Discrete:
    """Weights of a few values. Without a zero among them w² = 1, and G has no meaning."""

    def __init__(self, *values):
        self.values = values
        self.has_precision = 0 in values

    def probabilities(self, field, precision):
        """P(w) of every value, along a new first axis."""
        field = np.clip(field, -1e6, 1e6)
        precision = np.clip(precision, -1e6, 1e6) if self.has_precision else 0.0
        exponents = np.array([w * field - 0.5 * w**2 * precision for w in self.values])
        weights = np.exp(exponents - exponents.max(axis=0))
        return weights / weights.sum(axis=0)

    def mean(self, field, precision):
        return np.tensordot(self.values, self.probabilities(field, precision), 1)

    def var(self, mean, precision):
        """Variance of the member of the family that has this mean: its field by bisection."""
        low, high = np.full(mean.shape, -50.0), np.full(mean.shape, 50.0)
        offset = np.maximum(0.0, 0.5 * precision) if self.has_precision else 0.0
        for _ in range(200):
            # From tiny fields to those beyond |H| = G/2, in both of which the mean varies.
            middle = 0.5 * (low + high)
            field = np.logaddexp(0.0, middle + offset)
            below = self.mean(field, precision) < abs(mean)
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        squares = np.square(self.values)
        return np.tensordot(squares, self.probabilities(field, precision), 1) - mean**2

    def point(self, mean, var):
        """The likeliest value; of two that are as likely the one that comes first."""
        nonzero = mean**2 + var if self.has_precision else np.ones_like(mean)
        likely = {1: 0.5 * (nonzero + mean), -1: 0.5 * (nonzero - mean), 0: 1.0 - nonzero}
        chances = np.array([likely[w] for w in self.values])
        return np.array(self.values, dtype=float)[chances.argmax(axis=0)]


class Gaussian:
    """Real weights."""

    has_precision = True

    def mean(self, field, precision):
        return field / precision

    def var(self, mean, precision):
        return 1.0 / precision

    def point(self, mean, var):
        return mean


PRIORS = {"binary": Discrete(1, -1), "ternary": Discrete(1, -1, 0), "gaussian": Gaussian()}
