"""Errors of the engine."""

from math import inf


class NonFiniteError(FloatingPointError, ValueError):
    """A PasP step would have left the finite numbers, or made a weight's mean run away.

    The state before the step is kept.

    Attributes
    ----------
    layer : int
        Index of the first weight layer where it happened.
    """

    def __init__(self, layer, n_bad, network):
        self.layer = layer
        hints = []
        if max(network.rho) > 1:
            hints.append(f"rho={max(network.rho):g} above 1 multiplies the fields at every step")
        if max(network.damping) == 0:
            hints.append("damping=0 lets messages jump")
        if network.activation == "relu" and network.prior(layer).largest_mean == inf:
            hints.append(
                "with activation='relu' real weights may grow without bound in large mini-batches"
            )
        reason = "; ".join(hints) or "the inputs or the messages are too large for this dtype"
        super().__init__(
            f"{n_bad} weight posteriors of layer {layer} would become non-finite or run away "
            f"({reason}). The state before this step is kept. Lower rho, raise damping, take "
            "smaller mini-batches, scale the inputs, or use dtype='float64'."
        )


class EdgeMemoryError(ValueError, MemoryError):
    """BP with several sweeps would store more bytes on edges than allowed."""

    def __init__(self, needed, limit, network, batch_size):
        super().__init__(
            f"algo='bp' with n_inner_iter={network.n_inner_iter} stores a message on every edge: "
            f"{needed} bytes for batch_size={batch_size} and layers {network.layer_sizes}, but "
            f"edge_memory_limit={limit}. Lower batch_size or the layer sizes, raise "
            "edge_memory_limit, or use algo='bpi' or 'amp', or n_inner_iter=1, which store none."
        )
