"""The backends' operations in plain NumPy and Python loops, in double precision.

It takes a case of ``cuda/operations.py`` like any backend. The scalar functions of channels and
priors have tests of their own and are called one number at a time.
"""

from types import SimpleNamespace

import numpy as np
from oracles.argmax_exact import ArgmaxExactOutput
from oracles.channels import ArgmaxOutput
from oracles.priors import PRIORS
from scipy.special import log_ndtr

V_FLOOR, MIN_PRECISION, LARGEST_MEAN = 1e-8, 1e-6, 1e12
OUTPUTS = {"argmax": ArgmaxOutput, "argmax_exact": ArgmaxExactOutput}


def entries(*arrays):
    """Places and numbers of arrays of one shape, one after another."""
    for place in np.ndindex(arrays[0].shape):
        yield place, *(float(array[place]) for array in arrays)


class Record:
    """Counts bad numbers, and adds up what samples score, in cells."""

    def __init__(self):
        self.counters = [SimpleNamespace(value=0)]
        self.correct, self.log_probability, self.doubts = (
            SimpleNamespace(value=0.0) for _ in range(3)
        )

    def end_step(self, rows):
        """Nothing to do."""

    def read(self):
        bad = self.counters[0].value
        failure = SimpleNamespace(n_bad=bad) if bad else None
        sums = ("correct", "log_probability", "doubts")
        return SimpleNamespace(
            failure=failure, **{name: getattr(self, name).value for name in sums}
        )


class ReferenceBackend:
    """Every operation that backends share, as its docstring says, slowly."""

    def step_record(self, n_counters):
        return Record()

    def settle(self):
        pass

    def asarray(self, array):
        return array.astype(float) if array.dtype.kind == "f" else array

    def to_host(self, array):
        return array

    def load_order(self, rows):
        return rows

    # Channels ------------------------------------------------------------------------------

    def moments(self, channel, omega, v, down_field, down_precision, x, x_var, x_sq, x_var_sum):
        n = omega.shape[1]
        messages = down_field[:, :n], down_precision[:, :n]
        for place, *numbers in entries(*messages, omega, v):
            x[place], x_var[place] = channel.moments(*numbers)
        x_sq[:, :n] = x[:, :n] ** 2
        x_var_sum[...] = x_var[:, :n].sum(axis=1)

    def g_gamma(self, channel, down_field, down_precision, omega, v, g, gamma):
        for place, *numbers in entries(down_field, down_precision, omega, v):
            g[place], gamma[place] = channel.g_gamma(*numbers)

    # Labels --------------------------------------------------------------------------------

    def argmax_g_gamma(self, output, y, omega, v, log_z, g, gamma, normalises):
        oracle = OUTPUTS[output.name]
        g[...], gamma[...] = oracle.g_gamma(y, omega, v)
        arguments = y, omega, v
        normalised = oracle.log_probability(*arguments)[:, 0]
        log_z[...] = normalised if normalises else oracle.log_z(*arguments)

    def label_messages(self, output, y, noise, down_field, down_precision):
        with np.errstate(divide="ignore"):
            size = np.minimum(0.5 * np.log((1 - noise) / noise), 1e30)
        down_field[...], down_precision[...] = (size * y)[:, None], 0.0

    def judge_noise(self, noise, log_z, cavity_log_z, own_noise):
        odds = noise / (1 - 2 * noise) * np.exp(np.maximum(log_z - cavity_log_z, 0))
        own_noise[...] = odds / (1 + 2 * odds)

    def label_log_z(self, output, y, omega, v, log_z):
        log_z[...] = log_ndtr(y[:, None] * omega / np.sqrt(v)).sum(axis=1)

    def soften_labels(self, log_z, noise, n_others, g, gamma):
        a = noise.item() / n_others
        network = (1 - noise.item() - a) * np.exp(log_z)[:, None]
        r = network / (a + network)
        gamma[...] = r * gamma - r * (1 - r) * g**2
        g *= r

    def score_labels(self, log_z, noise, n_others, weight, log_probability, doubts):
        a, z = noise.item() / n_others, np.exp(log_z)
        p = a + (1 - noise.item() - a) * z
        log_probability.value += (weight * np.log(p)).sum()
        doubts.value += (weight * a * (1 - z) / p).sum()

    # ---------------------------------------------------------------------------------------

    def point(self, channel, z, x):
        for place, number in entries(z):
            x[place] = channel.point(number)

    def edge_parameters(self, channel, down_field, down_precision, v, parameters):
        for place, *numbers in entries(down_field, down_precision, v):
            parameters[:, *place] = channel.edge_parameters(*numbers)

    def argmax_probabilities(self, omega, v):
        n_classes = omega.shape[1]
        log_z = [
            ArgmaxExactOutput.log_z(np.full(len(omega), c), omega, v) for c in range(n_classes)
        ]
        return np.exp(log_z).T / np.exp(log_z).sum(axis=0)[:, None]

    # Edges ---------------------------------------------------------------------------------

    def edge_sums(self, channel, omega, parameters, x, mean, sample_weight, down_field, field_in):
        shape = (*x.shape, mean.shape[1])
        x_edge, m_edge = np.broadcast_to(x[:, :, None], shape), np.broadcast_to(mean, shape)
        g = np.empty(shape)
        edges = channel, omega, parameters, x_edge, m_edge, sample_weight, g
        down_field = np.empty(x.shape) if down_field is None else down_field
        self.edge_sums_cavity(*edges, down_field, field_in)

    def edge_sums_cavity(
        self, channel, omega, parameters, x_cav, m_cav, sample_weight, g_cav, down_field, field_in
    ):
        for (n, i, k), x_in, m in entries(x_cav, m_cav):
            numbers = (float(number) for number in parameters[:, n, k])
            g_cav[n, i, k] = channel.edge_g(float(omega[n, k]) - m * x_in, *numbers)
        down_field[...] = (m_cav * g_cav).sum(axis=2)
        field_in[...] = np.einsum("n,nik,nik->ik", sample_weight, x_cav, g_cav)

    def edge_omega(self, m_cav, x_cav, omega):
        omega[...] = (m_cav * x_cav).sum(axis=1)

    def fill_x_cav(self, x, x_cav):
        x_cav[...] = x[:, :, None]

    def fill_m_cav(self, mean, m_cav):
        m_cav[...] = mean

    def update_m_cav(
        self, prior, field, precision, mask, weight, damping, down_field, x_cav, m_cav, g_cav, first
    ):
        rows = slice(first, first + len(precision))
        x, m, g = (array[:, rows].copy() for array in (x_cav, m_cav, g_cav))
        cavity = field[rows] - weight * x * g
        target = PRIORS[prior.name].mean(cavity, precision)
        g_cav[:, rows] = down_field[:, rows, None] - m * g
        m_cav[:, rows] = mask[rows] * (damping * m + (1 - damping) * target)

    def update_x_cav(self, channel, b_cav, down_precision, omega_below, v_below, x_cav):
        for n, i in np.ndindex(omega_below.shape):
            below = (float(a[n, i]) for a in (down_precision, omega_below, v_below))
            below = tuple(below)
            for k in range(x_cav.shape[2]):
                x_cav[n, i, k], _ = channel.moments(float(b_cav[n, i, k]), *below)

    # Weights -------------------------------------------------------------------------------

    def collect_field(self, terms, mean, scale):
        terms[0] = sum(term * (mean * scale) ** p for p, term in enumerate(terms.copy()))

    def update(
        self,
        prior,
        bad,
        field_in,
        precision_in,
        prior_field,
        prior_precision,
        field,
        precision,
        mean,
        weight,
        rho,
        reinforcement,
        damping,
        new_field,
        new_precision,
        new_mean,
        new_variance,
    ):
        oracle, is_gaussian = PRIORS[prior.name], prior.name == "gaussian"
        new_field[...] = weight * field_in + reinforcement * field + rho * prior_field
        finite = np.isfinite(new_field)
        if oracle.has_precision:
            gain = np.where(is_gaussian & (precision_in < 0), 0, precision_in)
            raw = weight * gain + reinforcement * precision + rho * prior_precision
            too_small = is_gaussian & (raw < MIN_PRECISION)
            new_precision[...] = np.where(too_small, MIN_PRECISION, raw)
            finite &= np.isfinite(raw)
        G = new_precision if oracle.has_precision else np.ones_like(new_field)
        new_mean[...] = damping * mean + (1 - damping) * oracle.mean(new_field, G)
        new_variance[...] = oracle.var(new_mean, G)
        if oracle.has_precision:
            finite &= np.abs(new_mean) <= LARGEST_MEAN
        bad.value += np.count_nonzero(~finite)

    def apply_mask(self, mask, mean, variance):
        mean *= mask
        variance *= mask

    def second_moment(self, mean, variance, out):
        out[...] = mean**2 + variance

    # Tables --------------------------------------------------------------------------------

    def finish_v(self, v, offset, bad):
        self.finish_v_full(v, offset[:, None], bad)

    def finish_v_full(self, v, offset, bad):
        v += offset + V_FLOOR
        bad.value += np.count_nonzero(~np.isfinite(v))

    def polynomial_rows(self, x, scale, terms, out):
        out[...] = sum(term * (scale[:, None] * x) ** p for p, term in enumerate(terms))

    def scale_rows(self, weight, source, out):
        out[...] = weight[:, None] * source

    def count_argmax(self, y, omega, weight, correct):
        correct.value += weight[omega.argmax(axis=1) == y].sum()

    def count_sign(self, y, omega, weight, correct):
        correct.value += weight[np.where(omega[:, 0] >= 0, 1, -1) == y].sum()

    def multiply(self, a, b, out):
        out[...] = a * b

    def add_product(self, target, a, b):
        target += a * b

    def subtract_product(self, target, a, b):
        target -= a * b

    def subtract_from(self, a, target):
        target[...] = a - target

    def add(self, target, a):
        target += a

    def add_number(self, target, number):
        target += number

    def subtract_precision(self, target, a):
        target[...] = np.maximum(0, target - a)

    def copy(self, source, target):
        target[...] = source

    def fill(self, array, value):
        array[...] = value

    def fill_column(self, array, column, value):
        array[:, column] = value
