"""Labels as messages: with P(y | z) = a + b · 1[the network says y] a label has a finite pull.

For K classes, one of which is replaced by another with probability ε (the label noise),

    a = ε / (K − 1),    b = 1 − ε − a.

With Z = e^φ the probability that the network says y, of the channel without noise, and the
responsibility r = b Z / (a + b Z), the derivatives of log(a + b Z) are

    g_ε = r g,    Γ_ε = r Γ − r (1 − r) g².

For two classes log(a + b Z) is φ of the sign activation at B = y ½ log((1 − ε)/ε), up to a
constant.
"""

from ..scalar import exp, log, scalar_function

CERTAIN_FIELD = 1e30
"""B of a label without noise: beyond every u²/2, and its double is finite in single precision."""


@scalar_function
def sign_label_message(y, noise):
    """Compute the message of a label ±1.

    Parameters
    ----------
    y : float
        Label, ±1.
    noise : float
        Label noise ε in [0, 1).

    Returns
    -------
    B : float
        Field y ½ log((1 − ε)/ε).
    A : float
        Precision 0.
    """
    T = type(noise)
    certain = noise <= T(0)
    odds = (T(1) - noise) / (T(1) if certain else noise)
    return y * (T(CERTAIN_FIELD) if certain else T(0.5) * log(odds)), T(0)


@scalar_function
def odds_of_noise(noise, n_others):
    """Compute a / b.

    Parameters
    ----------
    noise : float
        Label noise ε in [0, 1 − 1/K).
    n_others : float
        Classes besides the label's, K − 1.

    Returns
    -------
    float
        a / b.
    """
    T = type(noise)
    share = noise / n_others
    return share / (T(1) - noise - share)


@scalar_function
def responsibility(log_z, noise, n_others):
    """Compute the probability r that the network, and not noise, is why the label is what it is.

    Parameters
    ----------
    log_z : float
        log Z, at most 0.
    noise : float
        Label noise ε in [0, 1 − 1/K).
    n_others : float
        Classes besides the label's, K − 1.

    Returns
    -------
    float
        r in [0, 1]; 1 without noise.
    """
    T = type(log_z)
    odds = odds_of_noise(noise, n_others)
    z = exp(log_z)
    total = z + odds
    return z / total if total > T(0) else T(1)


LARGEST_GAIN = 80.0
"""Of a logarithm: its exponential is finite in single precision."""


@scalar_function
def judged_noise(noise, log_z, cavity_log_z):
    """Compute the label noise at which a label of two classes is believed as if it were new.

    With ε_n from a_n / b_n = Z/Z_cav · a/b, the responsibility b_n Z / (a_n + b_n Z) at what the
    network says now is b Z_cav / (a + b Z_cav).

    Parameters
    ----------
    noise : float
        Label noise ε in [0, 1/2).
    log_z : float
        log Z.
    cavity_log_z : float
        log Z_cav, of what the network would say without having learned the sample.

    Returns
    -------
    float
        ε_n in [0, 1/2): ε itself where Z_cav is no less than Z.
    """
    T = type(noise)
    if noise <= T(0):
        return noise
    gain = min(max(log_z - cavity_log_z, T(0)), T(LARGEST_GAIN))
    return T(1) / (T(2) + (T(1) - T(2) * noise) / noise * exp(-gain))


@scalar_function
def soften(g, gamma, r):
    """Compute g_ε and Γ_ε from those of the channel without noise.

    Parameters
    ----------
    g, gamma : float
        g and Γ.
    r : float
        The responsibility.

    Returns
    -------
    g, gamma : float
        r g, and r Γ − r (1 − r) g², which may be negative.
    """
    softened = r * g
    return softened, r * gamma - softened * (g - softened)


@scalar_function
def label_log_probability(log_z, noise, n_others):
    """Compute log P(y) = log(a + b Z).

    Parameters
    ----------
    log_z : float
        log Z, at most 0.
    noise : float
        Label noise ε in [0, 1 − 1/K).
    n_others : float
        Classes besides the label's, K − 1.

    Returns
    -------
    float
        At most 0.
    """
    T = type(log_z)
    share = noise / n_others
    return log_z if noise <= T(0) else log(share + (T(1) - noise - share) * exp(log_z))


@scalar_function
def doubt(log_z, noise, n_others):
    """Compute the probability that the network says another class than the label.

    Its mean over samples that are not learned yet is the next ε of expectation maximization.

    Parameters
    ----------
    log_z : float
        log Z, at most 0.
    noise : float
        Label noise ε in [0, 1 − 1/K).
    n_others : float
        Classes besides the label's, K − 1.

    Returns
    -------
    float
        a (1 − Z) / (a + b Z).
    """
    T = type(log_z)
    odds = odds_of_noise(noise, n_others)
    z = exp(log_z)
    total = z + odds
    return odds * (T(1) - z) / total if total > T(0) else T(0)
