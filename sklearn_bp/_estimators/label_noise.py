"""Learning the label noise ε from predictions that do not know the samples themselves."""

import numpy as np

LEAST_LABEL_NOISE = 1e-6
"""The smallest label noise that is learned: a label that no one doubts has a finite pull, too."""

FIRST_LABEL_NOISE = 0.1
"""What learning starts from in `fit`, and the most that is believed at first: enough to keep the
first predictions from certainty."""

MOST_LABEL_NOISE = 0.3
"""The most that `fit` learns: labels that say nothing at all look like any amount of noise."""

SETTLED_COUNTS = 1.0
"""How many times samples count before `fit` has settled which labels it believes, and how far.

Before, much of what looks like noise is not learned yet; later, hidden layers have fitted much of
the noise."""

BISECTIONS = 40
"""Halvings of the interval that holds ε."""


def bounded_label_noise(noise, n_classes):
    """Keep a learned label noise from becoming nothing, or from leaving labels nothing to say.

    Parameters
    ----------
    noise : float
        Estimate of ε.
    n_classes : int
        Number of classes K.

    Returns
    -------
    float
        From 1e-6 to nine tenths of 1 − 1/K.
    """
    return min(max(noise, LEAST_LABEL_NOISE), 0.9 * (1 - 1 / n_classes))


def most_likely_label_noise(log_z, weight, n_classes):
    """Find the ε that gives labels the largest probability.

    Σ log(a + b Z) is concave in ε, since a and b are linear in it: its slope has one zero. It is
    what expectation maximization ends at, whose steps are slow.

    Parameters
    ----------
    log_z : ndarray of shape (n_samples,)
        log Z, of the probability that the network says the label without having learned it.
    weight : ndarray of shape (n_samples,) or None
        How often each sample counts.
    n_classes : int
        Number of classes K.

    Returns
    -------
    float
        ε.
    """
    z = np.exp(log_z.astype(np.float64))
    weight = np.ones_like(z) if weight is None else weight
    other = 1 / (n_classes - 1)
    # P = Z + ε d, d the change of P(y) where noise replaces the network.
    change = other - (1 + other) * z
    low, high = LEAST_LABEL_NOISE, bounded_label_noise(1.0, n_classes)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        rises = (weight * change / (z + middle * change)).sum() > 0
        low, high = (middle, high) if rises else (low, middle)
    return low


def believable_label_noise(likely, n_counts):
    """Bound the label noise as long as the network has learned little.

    To a network that knows nothing all labels are noise; and labels that are noise teach nothing.

    Parameters
    ----------
    likely : float
        What :func:`most_likely_label_noise` says.
    n_counts : float
        How many times a sample has counted so far.

    Returns
    -------
    float
        ε of the next epoch.
    """
    knows_little = n_counts <= 0.5 * SETTLED_COUNTS
    return min(likely, FIRST_LABEL_NOISE if knows_little else MOST_LABEL_NOISE)
