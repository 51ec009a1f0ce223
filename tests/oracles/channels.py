"""The channels in plain NumPy: float64, vectorised over arrays, stable in both tails.

An *activation* channel has ``log_z``, ``moments`` and ``g_gamma``, each of ``(B, A, omega, v)``:
the field and precision coming down and the mean and variance of the pre-activation. Arguments
broadcast, so that a cavity value per edge is one call. An *output* channel has ``log_z``,
``g_gamma`` and ``log_probability`` of ``(y, omega, v)``, of a label that is never wrong; what doubt
changes is in ``labels.py``.

Two functions of the Gaussian tail H carry everything: log H by ``log_ndtr`` and the inverse Mills
ratio G / H by ``erfcx``; neither under- nor overflows where a result is finite.
"""

import numpy as np
from scipy.special import erfcx, log_ndtr

LOG_SQRT_2_PI = 0.5 * np.log(2.0 * np.pi)


def log_gaussian_tail(u):
    """log H(u), H(u) = P(N(0, 1) > u)."""
    return log_ndtr(-np.asarray(u, dtype=float))


def inverse_mills_ratio(u):
    """G(u) / H(u), the hazard of the normal distribution; 0 far to the left."""
    return np.sqrt(2.0 / np.pi) / erfcx(np.asarray(u, dtype=float) / np.sqrt(2.0))


class SignActivation:
    """x = sign(z) = ±1, z ~ N(omega, v): phi = log(e^B H(-omega/s) + e^-B H(omega/s))."""

    uses_precision = False

    @staticmethod
    def log_z(B, A, omega, v):
        ratio = omega / np.sqrt(v)
        return np.logaddexp(B + log_gaussian_tail(-ratio), -B + log_gaussian_tail(ratio))

    @staticmethod
    def moments(B, A, omega, v):
        """x = tanh(t) and 1 - x² = 4 e^-2|t| / (1 + e^-2|t|)², without the cancellation."""
        ratio = omega / np.sqrt(v)
        t = B + 0.5 * (log_gaussian_tail(-ratio) - log_gaussian_tail(ratio))
        odds = np.exp(-2.0 * np.abs(t))
        return np.tanh(t), 4.0 * odds / (1.0 + odds) ** 2

    @staticmethod
    def g_gamma(B, A, omega, v):
        """g s = (1 - q) G(u) / (H(u) + q H(-u)), q = e^-2B, u = -omega/s, for B >= 0.

        The case B < 0 follows from phi(B, omega) = phi(-B, -omega). G(u) / H(u) is the inverse
        Mills ratio; q H(-u) / G(u) is taken through its logarithm.
        """
        B, omega, v = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (B, omega, v)))
        s = np.sqrt(v)
        flip = np.where(B < 0, -1.0, 1.0)
        u = -flip * omega / s
        log_q = -2.0 * np.abs(B)
        with np.errstate(over="ignore"):
            other_branch = np.exp(log_q + log_gaussian_tail(-u) + 0.5 * u**2 + LOG_SQRT_2_PI)
            this_branch = np.sqrt(np.pi / 2.0) * erfcx(u / np.sqrt(2.0))
        g = flip * (-np.expm1(log_q)) / (s * (this_branch + other_branch))
        return g, g * (omega / v + g)

    @staticmethod
    def point(z):
        return np.where(z >= 0, 1.0, -1.0)


class ReLUActivation:
    """x = max(0, z): a mixture of the branch z < 0 (x = 0) and a truncated Gaussian for z > 0.

    The branches weigh I_0 = H(omega/s) and I_1 = ∫_0^∞ N(z; omega, v) e^(Bz - Az²/2); given z > 0,
    z is N(m_q, v_q) cut at 0.
    """

    uses_precision = True

    @staticmethod
    def _branches(B, A, omega, v):
        """log I_0, log I_1, and m_q and v_q of the positive branch."""
        v_q = v / (1.0 + A * v)
        m_q = (omega + v * B) / (1.0 + A * v)
        log_zero = log_gaussian_tail(omega / np.sqrt(v))
        log_positive = (
            -0.5 * np.log1p(A * v)
            + 0.5 * m_q**2 / v_q
            - 0.5 * omega**2 / v
            + log_gaussian_tail(-m_q / np.sqrt(v_q))
        )
        return log_zero, log_positive, m_q, v_q

    @classmethod
    def log_z(cls, B, A, omega, v):
        log_zero, log_positive, _, _ = cls._branches(B, A, omega, v)
        return np.logaddexp(log_zero, log_positive)

    @classmethod
    def moments(cls, B, A, omega, v):
        log_zero, log_positive, m_q, v_q = cls._branches(B, A, omega, v)
        log_z = np.logaddexp(log_zero, log_positive)
        p_zero, p_positive = np.exp(log_zero - log_z), np.exp(log_positive - log_z)
        t = -m_q / np.sqrt(v_q)
        h = inverse_mills_ratio(t)
        mean, var = np.sqrt(v_q) * (h - t), v_q * (1.0 - h * (h - t))
        return p_positive * mean, p_positive * (var + p_zero * mean**2)

    @classmethod
    def g_gamma(cls, B, A, omega, v):
        """g = (p_1 (B - A omega) - A s zeta) / (1 + A v), zeta = G(omega/s) / (I_0 + I_1).

        The density at the cut, 1/s large, has dropped out of g; Γ follows by d p_1 / d omega =
        p_0 p_1 (g_1 - g_0), the g of each branch, and d zeta / d omega = -zeta (omega/v + g).
        """
        log_zero, log_positive, m_q, v_q = cls._branches(B, A, omega, v)
        log_z = np.logaddexp(log_zero, log_positive)
        p_zero, p_positive = np.exp(log_zero - log_z), np.exp(log_positive - log_z)
        s = np.sqrt(v)
        zeta = np.exp(-0.5 * omega**2 / v - LOG_SQRT_2_PI - log_z)
        force = B - A * omega
        g = (p_positive * force - A * s * zeta) / (1.0 + A * v)
        g_positive = force / (1.0 + A * v) + inverse_mills_ratio(-m_q / np.sqrt(v_q)) * (
            np.sqrt(v_q) / v
        )
        g_zero = -inverse_mills_ratio(omega / s) / s
        p_slope = p_zero * p_positive * (g_positive - g_zero)
        gamma = A * p_positive - force * p_slope - A * s * zeta * (omega / v + g)
        return g, gamma / (1.0 + A * v)

    @staticmethod
    def point(z):
        return np.maximum(z, 0.0)


class IdentityActivation:
    """x = z: everything is Gaussian."""

    uses_precision = True

    @staticmethod
    def log_z(B, A, omega, v):
        return (0.5 * (B**2 * v - A * omega**2) + B * omega) / (1.0 + A * v) - 0.5 * np.log1p(A * v)

    @staticmethod
    def moments(B, A, omega, v):
        return (omega + v * B) / (1.0 + A * v), v / (1.0 + A * v)

    @staticmethod
    def g_gamma(B, A, omega, v):
        B, A, omega, v = np.broadcast_arrays(B, A, omega, v)
        return (B - A * omega) / (1.0 + A * v), A / (1.0 + A * v)

    @staticmethod
    def point(z):
        return z


class SignOutput:
    """y = ±1, one output unit: phi = log H(-y omega/s). ``y`` has shape (M,), omega (M, 1)."""

    plain_sums = False
    unit_variance = 0.0

    @staticmethod
    def _beside(y, omega):
        """The labels with as many axes as omega has."""
        return np.asarray(y, dtype=float).reshape((-1,) + (1,) * (np.ndim(omega) - 1))

    @classmethod
    def log_probability(cls, y, omega, v):
        """log P(the network says y), of omega's shape: cavity arguments have more axes."""
        return log_gaussian_tail(-cls._beside(y, omega) * omega / np.sqrt(v))

    @classmethod
    def log_z(cls, y, omega, v):
        """Log likelihood of each sample, (M,)."""
        return cls.log_probability(y, omega, v)[:, 0]

    @classmethod
    def g_gamma(cls, y, omega, v):
        y, s = cls._beside(y, omega), np.sqrt(v)
        g = y * inverse_mills_ratio(-y * omega / s) / s
        return g, g * (omega / v + g)


class ArgmaxOutput:
    """Class y = argmax z, pairwise: phi = Σ_{k != y} log H(-(omega_y - omega_k) / √(v_y + v_k))."""

    plain_sums = True
    unit_variance = 0.0

    @staticmethod
    def _pairs(y, omega, v):
        rows = np.arange(len(y))
        s = np.sqrt(v[rows, y][:, None] + v)
        d = (omega[rows, y][:, None] - omega) / s
        other = np.ones(omega.shape, dtype=bool)
        other[rows, y] = False
        return rows, s, d, other

    @classmethod
    def log_z(cls, y, omega, v):
        """Log likelihood of each sample, (M,)."""
        _, _, d, other = cls._pairs(y, omega, v)
        return np.where(other, log_gaussian_tail(-d), 0.0).sum(axis=1)

    @classmethod
    def log_probability(cls, y, omega, v):
        """log P(the network says y), (M, 1): e^phi over its sum over all classes."""
        classes = range(omega.shape[1])
        log_z = [cls.log_z(np.full(len(y), c), omega, v) for c in classes]
        return (cls.log_z(y, omega, v) - np.logaddexp.reduce(log_z))[:, None]

    @classmethod
    def g_gamma(cls, y, omega, v):
        """Each pair pushes y up and k down with the same g, and bends both with the same Γ."""
        rows, s, d, other = cls._pairs(y, omega, v)
        h = inverse_mills_ratio(-d)
        g = np.where(other, -h / s, 0.0)
        gamma = np.where(other, h * (h + d) / s**2, 0.0)
        g[rows, y] = -g.sum(axis=1)
        gamma[rows, y] = gamma.sum(axis=1)
        return g, gamma


class TwoValuedActivation:
    """x = high for z > 0, else low: phi is the log of a mixture of the two tails."""

    uses_precision = True

    def __init__(self, low, high):
        self.low, self.high = low, high

    def _parts(self, B, A, omega, v):
        """log of the weight of high, and of low."""
        ratio = omega / np.sqrt(v)
        values = ((self.high, -ratio), (self.low, ratio))
        return [B * x - 0.5 * A * x**2 + log_gaussian_tail(u) for x, u in values]

    def log_z(self, B, A, omega, v):
        return np.logaddexp(*self._parts(B, A, omega, v))

    def moments(self, B, A, omega, v):
        above, below = self._parts(B, A, omega, v)
        p = np.exp(-np.logaddexp(0.0, below - above))
        q = np.exp(-np.logaddexp(0.0, above - below))
        return p * self.high + q * self.low, p * q * (self.high - self.low) ** 2

    def g_gamma(self, B, A, omega, v):
        """Of the signs with half the difference of the exponents as their field."""
        field = 0.5 * B * (self.high - self.low) - 0.25 * A * (self.high**2 - self.low**2)
        return SignActivation.g_gamma(field, A, omega, v)

    def point(self, z):
        return np.where(z >= 0, self.high, self.low)


ACTIVATIONS = {"sign": SignActivation, "relu": ReLUActivation, "identity": IdentityActivation}
