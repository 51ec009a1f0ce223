"""The CPU backend's operations on labels and output units."""

import numpy as np

from . import activation, argmax


class LabelOperations:
    """What labels say to output units, how likely they are, and what is predicted."""

    def argmax_g_gamma(self, output, y, omega, v, log_z, g, gamma, normalises):
        """Compute g, Γ and log Z of labels, as if they had no noise.

        Without `normalises`, log Z of the pairwise form is φ, which is less, and sooner computed.
        """
        rows, work = omega.shape[0], omega.size * omega.shape[1]
        if output.exact:
            self._run(argmax.argmax_exact, rows, work, y, omega, v, log_z, g, gamma)
            return
        if normalises:
            kernel = argmax.argmax_pairwise_normalised
            self._run(kernel, rows, work, y, omega, v, log_z, g, gamma)
        else:
            self._run(argmax.argmax_pairwise_log_z, rows, omega.size, y, omega, v, log_z, g)
        self._run(argmax.argmax_pairwise, rows, omega.size, y, omega, v, g, gamma)

    def label_messages(self, output, y, noise, down_field, down_precision):
        """Compute the messages B and A of labels of independent units."""
        kernel = activation.make_label_messages(output)
        self._stream(kernel, down_field, y, noise, down_field, down_precision)

    def judge_noise(self, noise, log_z, cavity_log_z, own_noise):
        """Compute the noise at which labels of two classes are believed as if they were new."""
        kernel, rows = activation.judge_noise, own_noise.shape[0]
        self._run(kernel, rows, rows, noise, log_z, cavity_log_z, own_noise)

    def label_log_z(self, output, y, omega, v, log_z):
        """Compute log Z of labels of independent units, as if they had no noise."""
        kernel = activation.make_label_log_z(output)
        self._run(kernel, omega.shape[0], omega.size, y, omega, v, log_z)

    def soften_labels(self, log_z, noise, n_others, g, gamma):
        """Turn g and Γ of labels without noise into those with noise."""
        n_others = g.dtype.type(n_others)
        self._run(activation.soften_labels, g.shape[0], g.size, log_z, noise, n_others, g, gamma)

    @staticmethod
    def leave_out(omega, own_v, pulls, rows, out):
        """Take out of ω what samples have said: out_nk = ω_nk − V_nk pulls[rows_n]_k."""
        np.multiply(pulls[rows], own_v, out=out)
        np.subtract(omega, out, out=out)

    @staticmethod
    def add_pulls(g, rows, kept, weight, pulls):
        """Add what samples say now: pulls[rows] = kept · pulls[rows] + weight · g."""
        pulls[rows] = kept * pulls[rows] + weight * g

    def score_labels(self, log_z, noise, n_others, weight, log_probability, doubts):
        """Add up log P(y) and the doubt in y, of every sample with its weight."""
        n_others = log_z.dtype.type(n_others)
        kernel, rows = activation.score_labels, log_z.shape[0]
        sums = kernel(log_z, noise, n_others, weight, 0, rows)
        log_probability.value += sums[0]
        doubts.value += sums[1]

    def argmax_probabilities(self, omega, v):
        """Compute P(argmax z = c) of every class c; rows sum to 1."""
        probabilities = np.empty_like(omega)
        kernel = argmax.argmax_probabilities
        work = omega.size * omega.shape[1] * 40
        self._run(kernel, omega.shape[0], work, omega, v, probabilities)
        return probabilities

    def count_argmax(self, y, omega, weight, correct):
        """Count the samples whose largest ω is at the label, each with its weight."""
        kernel = activation.count_argmax
        correct.value += self._stream(kernel, omega, y, omega, weight)

    def count_sign(self, y, omega, weight, correct):
        """Count the samples whose ω has the label's sign, each with its weight."""
        kernel = activation.count_sign
        correct.value += self._stream(kernel, omega, y, omega, weight)
