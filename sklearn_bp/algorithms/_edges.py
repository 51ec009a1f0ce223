"""What the messages of edges need of a sample and a unit."""

from dataclasses import dataclass

from ..backends.arrays import array


@dataclass
class EdgeArrays:
    """What g of an edge needs besides ω.

    Attributes
    ----------
    edge_parameters : device array of shape (3, M, K)
        What the channel's `edge_parameters` gives for the messages coming down, and V.
    """

    edge_parameters: object = array(3, "samples", "units")


def fill_edge_parameters(layer):
    """Compute what g of an edge needs besides ω, from the messages coming down.

    Parameters
    ----------
    layer : Layer
        The weight layer, its forward pass done.
    """
    layer.backend.edge_parameters(
        layer.channel_above, *layer.messages_above, layer.batch.v, layer.own.edge_parameters
    )
