"""Weight priors by their definition, over arrays of any shape."""

import numpy as np
from scipy.special import softmax


class Binary:
    """±1, P(w) ∝ e^{Hw}."""

    has_precision = False

    @staticmethod
    def mean(field, precision):
        return np.tanh(field)

    @staticmethod
    def var(mean, field, precision):
        return 1.0 - mean**2

    @staticmethod
    def point(mean, var):
        return np.where(mean >= 0, 1.0, -1.0)


class Ternary:
    """−1, 0 and 1, P(w) ∝ exp(Hw − Gw²/2)."""

    has_precision = True

    @staticmethod
    def probabilities(field, precision):
        """P(w) of −1, 0 and 1, along a new first axis."""
        return softmax([-field - precision / 2, 0 * (field + precision), field - precision / 2], 0)

    @classmethod
    def mean(cls, field, precision):
        minus, _, plus = cls.probabilities(field, precision)
        return plus - minus

    @classmethod
    def var(cls, mean, field, precision):
        minus, _, plus = cls.probabilities(field, precision)
        return np.maximum(minus + plus, abs(mean)) - mean**2

    @staticmethod
    def point(mean, var):
        nonzero = mean**2 + var
        chances = np.array([(nonzero + mean) / 2, (nonzero - mean) / 2, 1 - nonzero])
        return np.array([1.0, -1.0, 0.0])[chances.argmax(axis=0)]


class Gaussian:
    """Real, P(w) ∝ exp(Hw − Gw²/2)."""

    has_precision = True

    @staticmethod
    def mean(field, precision):
        return field / precision

    @staticmethod
    def var(mean, field, precision):
        return 1.0 / precision

    @staticmethod
    def point(mean, var):
        return mean


PRIORS = {"binary": Binary, "ternary": Ternary, "gaussian": Gaussian}
