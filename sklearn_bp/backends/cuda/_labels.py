"""The CUDA backend's operations on labels and output units."""

from . import activation, argmax, elementwise


class LabelOperations:
    """What labels say to output units, how likely they are, and what is predicted."""

    def argmax_g_gamma(self, output, y, omega, v, log_z, g, gamma, normalises):
        """Compute g, Γ and log Z of labels, as if they had no noise.

        Without `normalises`, log Z of the pairwise form is φ, which is less, and sooner computed.
        """
        scalar, n_samples = omega.dtype.type, omega.shape[0]
        if output.exact:
            kernel = argmax.make_argmax_exact(scalar)
            self._each(kernel, n_samples, y, omega, v, log_z, g, gamma)
            return
        kernel = argmax.make_argmax_pairwise(self.blocks.row_threads, scalar)
        self._samples(kernel, n_samples, y, omega, v, g, gamma)
        kernel = argmax.make_argmax_pairwise_log_z(scalar, normalises)
        self._each(kernel, n_samples, y, omega, v, log_z)

    def label_messages(self, output, y, noise, down_field, down_precision):
        """Compute the messages B and A of labels of independent units."""
        kernel = activation.make_label_messages(output)
        self._table(kernel, down_field.shape, y, noise, down_field, down_precision)

    def judge_noise(self, noise, log_z, cavity_log_z, own_noise):
        """Compute the noise at which labels of two classes are believed as if they were new."""
        kernel, rows = activation.judge_noise, own_noise.shape[0]
        self._each(kernel, rows, noise, log_z, cavity_log_z, own_noise)

    def label_log_z(self, output, y, omega, v, log_z):
        """Compute log Z of labels of independent units, as if they had no noise."""
        self._each(activation.make_label_log_z(output), omega.shape[0], y, omega, v, log_z)

    def soften_labels(self, log_z, noise, n_others, g, gamma):
        """Turn g and Γ of labels without noise into those with noise."""
        n_others = g.dtype.type(n_others)
        self._table(activation.soften_labels, g.shape, log_z, noise, n_others, g, gamma)

    def leave_out(self, omega, own_v, pulls, rows, out):
        """Take out of ω what samples have said: out_nk = ω_nk − V_nk pulls[rows_n]_k."""
        samples = rows.samples, rows.position
        self._table(elementwise.leave_out, out.shape, omega, own_v, pulls, *samples, out)

    def add_pulls(self, g, rows, kept, weight, pulls):
        """Add what samples say now: pulls[rows] = kept · pulls[rows] + weight · g."""
        samples = rows.samples, rows.position
        self._table(elementwise.add_pulls, g.shape, g, *samples, kept, weight, pulls)

    def score_labels(self, log_z, noise, n_others, weight, log_probability, doubts):
        """Add up log P(y) and the doubt in y, of every sample with its weight."""
        kernel = activation.make_score_labels(self.blocks.row_threads)
        n_others = log_z.dtype.type(n_others)
        self._samples(kernel, 1, log_z, noise, n_others, weight, log_probability, doubts)

    def argmax_probabilities(self, omega, v):
        """Compute P(argmax z = c) of every class c from host arrays; rows sum to 1."""
        omega, v = self.asarray(omega), self.asarray(v)
        proba = self.empty(omega.shape, omega.dtype)
        self._table(argmax.make_log_integrals(omega.dtype.type), omega.shape, omega, v, proba)
        self._each(argmax.make_normalise(omega.dtype.type), omega.shape[0], proba)
        return self.to_host(proba)

    def count_argmax(self, y, omega, weight, correct):
        """Count the samples whose largest ω is at the label, each with its weight."""
        kernel = activation.make_count_argmax(self.blocks.row_threads)
        self._samples(kernel, 1, y, omega, weight, correct)

    def count_sign(self, y, omega, weight, correct):
        """Count the samples whose ω has the label's sign, each with its weight."""
        kernel = activation.make_count_sign(self.blocks.row_threads)
        self._samples(kernel, 1, y, omega, weight, correct)
