"""The backends' operations in plain NumPy and Python loops, in double precision.

It takes a case of ``cuda/operations.py`` like any backend. The scalar functions of channels and
priors have tests of their own and are called one number at a time.
"""

from types import SimpleNamespace

import numpy as np
from oracles.argmax_exact import ArgmaxExactOutput
from oracles.channels import ArgmaxOutput

V_FLOOR, MIN_PRECISION = 1e-8, 1e-6
OUTPUTS = {"argmax": ArgmaxOutput, "argmax_exact": ArgmaxExactOutput}


def entries(*arrays):
    """Places and numbers of arrays of one shape, one after another."""
    for place in np.ndindex(arrays[0].shape):
        yield place, *(float(array[place]) for array in arrays)


class Record:
    """Counts bad numbers and right samples in two cells."""

    def __init__(self):
        self.counters, self.correct = [SimpleNamespace(value=0)], SimpleNamespace(value=0.0)

    def end_step(self, rows):
        """Nothing to do."""

    def read(self):
        bad = self.counters[0].value
        failure = SimpleNamespace(n_bad=bad) if bad else None
        return SimpleNamespace(failure=failure, correct=self.correct.value)


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

    def output_g_gamma(self, channel, y, omega, v, g, gamma):
        if channel.factorized:
            for (n, k), o, variance in entries(omega, v):
                g[n, k], gamma[n, k] = channel.g_gamma(float(y[n]), o, variance)
        else:
            g[...], gamma[...] = OUTPUTS[channel.name].g_gamma(y, omega, v)

    def point(self, channel, z, x):
        for place, number in entries(z):
            x[place] = channel.point(number)

    def edge_parameters(self, channel, down_field, down_precision, v, parameters):
        for place, *numbers in entries(down_field, down_precision, v):
            parameters[:, *place] = channel.edge_parameters(*numbers)

    def output_edge_parameters(self, channel, y, v, parameters):
        for (n, k), variance in entries(v):
            parameters[:, n, k] = channel.edge_parameters(float(y[n]), variance)

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
        self, prior, field, precision, mask, damping, down_field, x_cav, m_cav, g_cav, first
    ):
        rows = slice(first, first + len(precision))
        x, m, g = (array[:, rows].copy() for array in (x_cav, m_cav, g_cav))
        cavity = field[rows] - x * g
        target = cavity / precision if prior.uses_precision else np.tanh(cavity)
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

    def update_binary(
        self,
        prior,
        bad,
        field_in,
        prior_field,
        field,
        mean,
        rho,
        reinforcement,
        damping,
        new_field,
        new_mean,
        new_variance,
    ):
        new_field[...] = field_in + reinforcement * field + rho * prior_field
        new_mean[...] = damping * mean + (1 - damping) * np.tanh(new_field)
        new_variance[...] = 1 - new_mean**2
        bad.value += np.count_nonzero(~np.isfinite(new_field))

    def update_gaussian(
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
        rho,
        reinforcement,
        damping,
        new_field,
        new_precision,
        new_mean,
        new_variance,
    ):
        new_field[...] = field_in + reinforcement * field + rho * prior_field
        raw = precision_in + reinforcement * precision + rho * prior_precision
        new_precision[...] = np.where(raw < MIN_PRECISION, MIN_PRECISION, raw)
        new_mean[...] = damping * mean + (1 - damping) * new_field / new_precision
        new_variance[...] = 1 / new_precision
        finite = np.isfinite(new_field) & np.isfinite(raw) & np.isfinite(new_mean)
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

    def subtract_precision(self, target, a):
        target[...] = np.maximum(0, target - a)

    def copy(self, source, target):
        target[...] = source

    def fill(self, array, value):
        array[...] = value

    def fill_column(self, array, column, value):
        array[:, column] = value
