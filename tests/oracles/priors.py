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
        """E[w²] - m² of the member of the family with this mean; cosh H by its quadratic equation.

        m (2 cosh H + c) = 2 sinh H, squared, with c = e^{G/2}.
        """
        if not self.has_precision:
            return 1.0 - mean**2
        c, square = np.exp(0.5 * np.clip(precision, -700.0, 700.0)), mean**2
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(square * c**2 + 4.0 * (1.0 - square))
            cosh = (square * c + root) / (2.0 * (1.0 - square))
            nonzero = np.where(square < 1.0, 2.0 * cosh / (2.0 * cosh + c), 1.0)
        return np.where(np.isnan(precision), np.nan, nonzero) - square

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
