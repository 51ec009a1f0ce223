"""What labels would be predicted as, had their own samples not been learned.

Samples come again and again. One that was learned before says its label by itself, wrong or not:
the network's probability of the label is then no judgement of it. Whether a label is believed is
decided by what all others say.
"""

from dataclasses import dataclass
from math import exp, log

from ..backends.arrays import array

LARGEST_POWER = 1e6
"""Of a ρ above 1, over an epoch: nothing that grows faster is of use, or may overflow."""


@dataclass
class LeftOutArrays:
    """What the output layer says of a mini-batch without what that has said.

    Attributes
    ----------
    v, omega : device array of shape (M, K)
        Σ_i σ_ki x̂_in², and the cavity ω.
    log_z, noise : device array of shape (M,)
        log Z of the labels, and the noise at which they are believed as if they were new.
    """

    v: object = array("samples", "units")
    omega: object = array("samples", "units")
    log_z: object = array("samples")
    noise: object = array("samples")


class LeaveOneOut:
    """Predicts labels without what their samples have said to the output weights.

    Between steps only weights remember a sample. In Σ_n x̂ w g of the output layer's fields, sample
    n has given unit k's weights x̂ times its *pull* p_nk = Σ_t w g_nk(t), the sum over the steps
    that learned it. Taken out again, it leaves the cavity pre-activation

        ω_nk − p_nk Σ_i σ_ki x̂_in².

    Layers below keep what they learned from the sample.

    Parameters
    ----------
    engine : Engine
        The engine.
    n_samples : int
        Number of samples.
    steps_per_epoch : int
        PasP steps from one time that a sample is learned to the next.

    Attributes
    ----------
    log_z : device array of shape (n_samples,)
        log Z of every sample when it was last about to be learned, its own share left out.
    """

    needs_own_v = True
    """Whether :meth:`predict` needs Σ_i σ_ki x̂_in² of the output layer."""

    def __init__(self, engine, n_samples, steps_per_epoch):
        network, last = engine.network, engine.layers[-1]
        last.left_out_arrays = LeftOutArrays
        self.log_z = engine.backend.zeros((n_samples,), network.dtype)
        self._pulls = engine.backend.zeros((n_samples, last.n_units), network.dtype)
        # Fields of the past count ρ times from one step to the next: pulls are noted down as what
        # will be left of them when the sample comes again.
        past = _bounded_power(network.rho[-1], steps_per_epoch - 1)
        self._kept = network.dtype.type(network.rho[-1] * past)
        self._weight = network.dtype.type(network.likelihood_weight * past)

    def predict(self, layer, rows):
        """Write log Z of a mini-batch that is about to be learned to ``left_out.log_z``.

        Parameters
        ----------
        layer : Layer
            The output layer, its forward pass done.
        rows : device array of int, shape (M,)
            The samples.
        """
        batch, left_out = layer.batch, layer.left_out
        backend, output = layer.backend, layer.output
        omega = left_out.omega
        backend.leave_out(batch.omega, left_out.v, self._pulls, rows, omega)
        if output.factorized:
            backend.label_log_z(output, layer.labels.y, omega, batch.v, left_out.log_z)
        else:
            # g and Γ are written anew in the backward pass.
            out = left_out.log_z, batch.g, batch.gamma
            backend.argmax_g_gamma(output, layer.labels.y, omega, batch.v, *out, True)
        backend.put(left_out.log_z, rows, self.log_z)

    def remember(self, layer, rows):
        """Note what a mini-batch has said.

        Parameters
        ----------
        layer : Layer
            The output layer, its backward pass done.
        rows : device array of int, shape (M,)
            The samples.
        """
        layer.backend.add_pulls(layer.batch.g, rows, self._kept, self._weight, self._pulls)


class Settled:
    """Goes on with what :class:`LeaveOneOut` found.

    Once samples have counted a few times, hidden layers know them too well to be asked again.

    Parameters
    ----------
    log_z : device array of shape (n_samples,)
        log Z of every sample, its own share left out.
    """

    needs_own_v = False
    """Whether :meth:`predict` needs Σ_i σ_ki x̂_in² of the output layer."""

    def __init__(self, log_z):
        self.log_z = log_z

    def predict(self, layer, rows):
        """Write log Z of a mini-batch that is about to be learned to ``layer.left_out.log_z``.

        Parameters
        ----------
        layer : Layer
            The output layer.
        rows : device array of int, shape (M,)
            The samples.
        """
        layer.backend.take(self.log_z, rows, layer.left_out.log_z)

    def remember(self, layer, rows):
        """Note nothing.

        Parameters
        ----------
        layer, rows
            As in :meth:`LeaveOneOut.remember`.
        """


def _bounded_power(rho, exponent):
    """Compute ρ^exponent, at most :data:`LARGEST_POWER`."""
    return exp(min(exponent * log(rho), log(LARGEST_POWER)))
