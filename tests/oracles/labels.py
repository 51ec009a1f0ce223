"""A label as a message: it may be wrong, and then it says little about the network.

P(y | z) = a + b 1[the network says y], a = eps / (K - 1), b = 1 - eps K / (K - 1): with chance eps
a label is another class's, any of the K - 1 others. With Z the chance that the network says y,
P(y) = a + b Z, and the responsibility r = b Z / (a + b Z) scales what the hard label says.

What the page leaves open, and what holds here:

* g and Gamma of the pairwise argmax are the hard channel's; only its Z is normalised, so they are
  not the derivatives of log(a + b Z). Those of the sign and the exact argmax output are.
* eps is anything in [0, 1). Above (K - 1) / K, b and r are negative: the label speaks against its
  class.
* eps = 0 is the hard label, with r = 1 however unlikely the label is.
"""

import numpy as np

from .argmax_exact import ArgmaxExactOutput
from .channels import ArgmaxOutput, SignOutput

OUTPUTS = {"sign": SignOutput, "argmax": ArgmaxOutput, "argmax_exact": ArgmaxExactOutput}


def has_one_unit(name):
    """Whether labels of that output are ±1, of one unit, and not classes."""
    return not OUTPUTS[name].plain_sums


def label_chances(label_noise, n_classes):
    """a and b of P(y | z) = a + b 1[the network says y]."""
    a = label_noise / (n_classes - 1)
    return a, 1.0 - n_classes * a


def responsibility(log_z, a, b):
    """r = b Z / (a + b Z) and 1 - r, elementwise."""
    if a == 0:
        return np.ones_like(log_z), np.zeros_like(log_z)
    odds = b * np.exp(log_z - np.log(a))
    return odds / (1.0 + odds), 1.0 / (1.0 + odds)


def log_label_probability(log_z, a, b):
    """log P(y) = log(a + b Z), elementwise."""
    return log_z if a == 0 else np.log(a + b * np.exp(log_z))


def doubt(log_z, a, b):
    """P(the network says another class than y | y) = a (1 - Z) / (a + b Z), elementwise.

    What EM averages over samples for the next eps.
    """
    _, rest = responsibility(log_z, a, b)
    return -np.expm1(np.minimum(log_z, 0.0)) * rest


class NoisyOutput:
    """An output channel, by its name, whose labels are wrong with chance ``label_noise``.

    ``y`` has shape (M,), omega (M, K), and v broadcasts; the sign output, K = 1, takes cavity
    arguments with axes between the two as well.
    """

    def __init__(self, name, label_noise=0.0):
        self.output, self.label_noise = OUTPUTS[name], label_noise
        self.plain_sums = self.output.plain_sums
        self.unit_variance = self.output.unit_variance

    def _chances(self, omega):
        """a and b; one unit tells two classes apart."""
        return label_chances(self.label_noise, max(2, np.shape(omega)[-1]))

    def g_gamma(self, y, omega, v):
        """r g and r Gamma - r (1 - r) g², from the hard label's g and Gamma."""
        g, gamma = self.output.g_gamma(y, omega, v)
        if self.label_noise == 0:
            return g, gamma
        log_z = self.output.log_probability(y, omega, v)
        r, rest = responsibility(log_z, *self._chances(omega))
        return r * g, r * gamma - r * rest * g**2

    def log_label_probability(self, y, omega, v):
        """log P(y) of each sample, (M,)."""
        log_z = self.output.log_probability(y, omega, v)[:, 0]
        return log_label_probability(log_z, *self._chances(omega))

    def doubt(self, y, omega, v):
        """P(the network says another class than y | y) of each sample, (M,)."""
        log_z = self.output.log_probability(y, omega, v)[:, 0]
        return doubt(log_z, *self._chances(omega))
