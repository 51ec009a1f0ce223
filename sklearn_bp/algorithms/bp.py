"""Belief propagation: means travel on edges too."""

from dataclasses import dataclass

from ..backends.arrays import array
from ..cavity.arrays import EdgeArrays, fill_edge_parameters
from .bpi import BPInspired


@dataclass
class StoredEdges(EdgeArrays):
    """Messages on edges, which last from one sweep to the next.

    Attributes
    ----------
    x_cav, m_cav, g_cav : device array of shape (M, N, K)
        x̂_{in→k}, m_{ki→n}, and g_{kn→i}, then B_{in→k}.
    """

    x_cav: object = array("samples", "inputs", "units")
    m_cav: object = array("samples", "inputs", "units")
    g_cav: object = array("samples", "inputs", "units")


class BeliefPropagation(BPInspired):
    """Cavity means and cavity g (method page, "BP").

    With one sweep the edge means equal the node means and BP is BPI. With several, three arrays of
    shape (M, N, K) hold x̂_{in→k}, m_{ki→n}, and g_{kn→i}, then B_{in→k}.
    """

    name = "bp"

    @staticmethod
    def expands(layer):
        """Tell whether the edge sums are expanded in polynomials.

        Parameters
        ----------
        layer : Layer
            The weight layer.

        Returns
        -------
        bool
            False with several sweeps, where the means on the edges differ.
        """
        return layer.network.n_inner_iter == 1 and BPInspired.expands(layer)

    def arrays(self, layer):
        """Ask for the edge arrays, where there are several sweeps.

        Parameters
        ----------
        layer : Layer
            The weight layer.

        Returns
        -------
        kind : type
            A dataclass of arrays.
        sizes : dict of str to int
            Lengths of its axes.
        """
        return (StoredEdges, {}) if layer.network.n_inner_iter > 1 else super().arrays(layer)

    def preactivation(self, layer, sweep):
        """Sum ω from the edges, where there are several sweeps.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        sweep : int
            0 in the first sweep of a step.
        """
        batch, own = layer.batch, layer.own
        if layer.network.n_inner_iter == 1:
            super().preactivation(layer, sweep)
            return
        backend = layer.backend
        if sweep == 0:
            backend.fill_x_cav(batch.x, own.x_cav)
            backend.fill_m_cav(layer.weights.mean, own.m_cav)
            return
        if layer.has_units_below:
            backend.update_x_cav(
                layer.channel_below,
                own.g_cav,
                batch.down_precision,
                layer.below.batch.omega,
                layer.below.batch.v,
                own.x_cav,
            )
        backend.edge_omega(own.m_cav, own.x_cav, batch.omega)

    def messages(self, layer, sweep):
        """Compute the sums of the cavity messages.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        sweep : int
            0 in the first sweep of a step.

        Returns
        -------
        int
            How many terms of H_in were filled.
        """
        own = layer.own
        if layer.network.n_inner_iter == 1:
            return super().messages(layer, sweep)
        fill_edge_parameters(layer)
        layer.backend.edge_sums_cavity(
            layer.channel_above,
            layer.batch.omega,
            own.edge_parameters,
            own.x_cav,
            own.m_cav,
            layer.sample_weight,
            own.g_cav,
            layer.batch.down_field,
            layer.terms[0],
        )
        return 1

    def after_update(self, layer, sweep):
        """Move the weight means on the edges, and form the down cavities.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        sweep : int
            0 in the first sweep of a step.
        """
        own = layer.own
        if layer.network.n_inner_iter == 1:
            return
        for group, (_, precision, *_) in zip(layer.groups, layer.weights.groups, strict=True):
            layer.backend.update_m_cav(
                group.prior,
                layer.weights.field,
                precision,
                layer.mask_or_ones,
                layer.likelihood_weight,
                layer.damping,
                layer.batch.down_field,
                own.x_cav,
                own.m_cav,
                own.g_cav,
                group.rows.start,
            )
