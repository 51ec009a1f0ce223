"""Posterior-as-Prior training: PasP steps and epochs over mini-batches."""

import math

import numpy as np

from . import sweep as sweeps
from .errors import EdgeMemoryError, NonFiniteError
from .layer import Layer


class Engine:
    """Trains a network on a device, one PasP step per mini-batch.

    Parameters
    ----------
    network : Network
        The network.
    posterior : list of LayerPosterior
        Where training starts, one per weight layer.
    backend : object
        A backend, see :mod:`sklearn_bp.backends`.
    scores : bool
        Whether to score samples before they are learned.

    Attributes
    ----------
    leave_one_out : LeaveOneOut, Settled or None
        What predicts labels without their own samples, so that those are believed that others
        confirm; None, as at first, to believe those that are predicted well.
    """

    def __init__(self, network, posterior, backend, scores=True):
        self.leave_one_out = None
        self.network, self.backend, self._scores = network, backend, scores
        self.layers = []
        for index, layer_posterior in enumerate(posterior):
            below = self.layers[-1] if self.layers else None
            self.layers.append(Layer(network, index, layer_posterior, backend, below))
        for layer, above in zip(self.layers[:-1], self.layers[1:], strict=True):
            layer.above = above
        n_terms = [
            layer.algorithm.n_terms(layer) * math.prod(layer.layout.shape) for layer in self.layers
        ]
        self._terms = backend.zeros((max(n_terms),), network.dtype)
        self._most_products = network.largest_product(1)
        self._record = backend.step_record(2 * len(self.layers) * network.n_inner_iter)
        self._hand_out_counters()

    def _hand_out_counters(self):
        """Give every layer its counters, in the order in which a step uses them."""
        counters = iter(self._record.counters)
        for _ in range(self.network.n_inner_iter):
            for layer in self.layers:
                layer.bad_variances.append(next(counters))
            for layer in reversed(self.layers):
                layer.bad_weights.append(next(counters))

    def posterior(self):
        """Copy the posterior to the host.

        Returns
        -------
        list of LayerPosterior
            What the last successful step ended with.
        """
        self._settle()
        return [layer.unload() for layer in self.layers]

    def epoch(self, X, y, order, batch_size, sample_weight=None, on_step=None):
        """Take one PasP step per mini-batch, over all samples in a given order.

        Parameters
        ----------
        X : device data
            What ``backend.load_data`` made of the samples.
        y : device array of shape (n_samples,)
            Class indices, or ±1 for the sign output.
        order : ndarray of int, shape (n_samples,)
            The order of the samples.
        batch_size : int
            Samples per mini-batch; the last one may have fewer.
        sample_weight : device array of shape (n_samples,) or None
            How often each sample counts.
        on_step : callable or None
            Called with the number of samples after each step.

        Returns
        -------
        Outcome
            Scores of the samples when their mini-batch came, before it was learned; zeros if they
            are not scored.

        Raises
        ------
        NonFiniteError
            If a step would leave the finite numbers; the posterior before that step is kept.
        """
        self._record.start()
        with self.backend.computing(batch_size * self._most_products):
            for rows in self.backend.batches(X, order, batch_size):
                self._step(X, y, rows, sample_weight)
                if on_step is not None:
                    on_step(rows.shape[0])
        return self._finish()

    def step(self, X, y, rows, sample_weight=None):
        """Take one PasP step on the samples `rows` as one mini-batch.

        Parameters
        ----------
        X, y, sample_weight : device arrays
            As in :meth:`epoch`.
        rows : device array of int, shape (M,)
            The mini-batch, what ``backend.load_order`` made of its indices.

        Returns
        -------
        Outcome
            Scores of the samples before they were learned; zeros if they are not scored.

        Raises
        ------
        NonFiniteError
            If the step would leave the finite numbers; the posterior before it is kept.
        """
        self._record.start()
        with self.backend.computing(rows.shape[0] * self._most_products):
            self._step(X, y, rows, sample_weight)
        return self._finish()

    def _step(self, X, y, rows, sample_weight):
        """Take one step and commit it; a backend that counts on the device has not looked yet."""
        held = [layer.committed for layer in self.layers]
        memories = [layer.memory for layer in self.layers]
        key = (X, y, rows, sample_weight, self.leave_one_out, *memories, *held)
        reached = self.backend.repeat(key, self._sweep, X, y, rows, sample_weight)
        for layer, weights in zip(self.layers, reached, strict=True):
            layer.commit(weights)

    def _sweep(self, X, y, rows, sample_weight):
        """Run all sweeps of a step; return the weights that every layer reached."""
        self._bind(rows.shape[0])
        self._load_batch(X, y, rows, sample_weight)
        for sweep in range(self.network.n_inner_iter):
            if sweeps.forward(self.layers, sweep):
                self._finish()
            if sweep == 0 and self.leave_one_out is not None:
                self._judge_labels(rows)
            failed = sweeps.backward(self.layers, sweep)
            if sweep == 0 and self._scores:
                self._score()
            if failed:
                self._finish()
        if self.leave_one_out is not None:
            self.leave_one_out.remember(self.layers[-1], rows)
        self._record.end_step(rows)
        return [layer.weights for layer in self.layers]

    def _bind(self, n_samples):
        """Set all mini-batch arrays for a number of samples."""
        if n_samples == getattr(self, "_bound", None):
            return
        self.check_edge_memory(self.network, n_samples)
        # If memory runs out on the way, the next step must bind all layers again.
        self._bound = None
        for layer in self.layers:
            layer.bind(n_samples, self._terms)
        self._bound = n_samples

    @staticmethod
    def check_edge_memory(network, batch_size):
        """Refuse edge messages that would take more memory than allowed.

        Parameters
        ----------
        network : Network
            The network.
        batch_size : int
            Samples per mini-batch.

        Raises
        ------
        EdgeMemoryError
            If BP with several sweeps would need more than ``network.edge_memory_limit`` bytes.
        """
        if network.algo != "bp" or network.n_inner_iter == 1:
            return
        edges = sum(
            network.n_rows(layer) * network.layer_sizes[layer + 1]
            for layer in range(network.n_layers)
            if not network.plain_sums(layer)
        )
        needed = 3 * edges * batch_size * network.dtype.itemsize
        if needed > network.edge_memory_limit:
            raise EdgeMemoryError(needed, network.edge_memory_limit, network, batch_size)

    def _load_batch(self, X, y, rows, sample_weight):
        """Bring a mini-batch into the layers, and forget the last one's messages."""
        first, last = self.layers[0], self.layers[-1]
        self.backend.load_rows(X, rows, first.batch.x, first.batch.x_sq)
        self.backend.take(y, rows, last.labels.y)
        if last.output.factorized:
            messages = last.labels.field, last.labels.precision
            self.backend.label_messages(last.output, last.labels.y, last.label_noise, *messages)
        weights = first.batch.ones
        if sample_weight is not None:
            weights = first.batch.sample_weight_copy
            self.backend.take(sample_weight, rows, weights)
        judge = self.leave_one_out
        last.has_cavity_log_z = judge is not None
        last.keeps_own_v = judge is not None and judge.needs_own_v
        for layer in self.layers:
            layer.restart()
            layer.weighted, layer.sample_weight = sample_weight is not None, weights
            if layer.has_units_below:
                self.backend.fill(layer.batch.down_field, 0)
                if layer.channel_below.uses_precision:
                    self.backend.fill(layer.batch.down_precision, 0)

    def _judge_labels(self, rows):
        """Find out how likely labels are without their samples, before these are learned again."""
        last, backend = self.layers[-1], self.backend
        self.leave_one_out.predict(last, rows)
        if last.output.factorized:
            backend.label_log_z(
                last.output, last.labels.y, last.batch.omega, last.batch.v, last.labels.log_z
            )
            labels, noise = last.labels, last.left_out.noise
            backend.judge_noise(last.label_noise, labels.log_z, last.left_out.log_z, noise)
            backend.label_messages(last.output, labels.y, noise, *last.messages_above)

    def _score(self):
        """Score the labels by the posterior that the step started from."""
        last, backend, record = self.layers[-1], self.backend, self._record
        count = backend.count_sign if last.output.factorized else backend.count_argmax
        count(last.labels.y, last.batch.omega, last.sample_weight, record.correct)
        if last.output.factorized:
            backend.label_log_z(
                last.output, last.labels.y, last.batch.omega, last.batch.v, last.labels.log_z
            )
        backend.score_labels(
            last.labels.log_z,
            last.label_noise,
            self.network.n_classes - 1,
            last.sample_weight,
            record.log_probability,
            record.doubts,
        )

    @property
    def label_noise(self):
        """The label noise ε that steps use now; set it between steps."""
        return float(self.backend.to_host(self.layers[-1].label_noise)[0])

    @label_noise.setter
    def label_noise(self, noise):
        self.backend.fill(self.layers[-1].label_noise, noise)

    def _finish(self):
        """Return what was scored; raise if a step has failed."""
        outcome = self._settle()
        if outcome.failure is None:
            return outcome
        n_layers = len(self.layers)
        place = outcome.failure.counter % (2 * n_layers)
        layer = place if place < n_layers else 2 * n_layers - 1 - place
        raise NonFiniteError(layer, outcome.failure.n_bad, self.network)

    def _settle(self):
        """Read what was counted; if a step has failed, take it and those after it back."""
        outcome = self._record.read()
        if outcome.failure is not None:
            for layer in self.layers:
                layer.take_back(outcome.failure.n_committed)
            self._record.start()
        return outcome

    @staticmethod
    def draw_order(n_samples, random_state):
        """Draw an order of the samples on the host, so that a seed means the same everywhere.

        Parameters
        ----------
        n_samples : int
            Number of samples.
        random_state : numpy.random.RandomState or None
            Source of randomness; None keeps the order.

        Returns
        -------
        ndarray of int64, shape (n_samples,)
            A permutation.
        """
        if random_state is None:
            return np.arange(n_samples)
        return random_state.permutation(n_samples)
