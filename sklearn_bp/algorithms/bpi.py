"""BP-inspired message passing: g of every edge without the edge's own contribution."""

from ..cavity import fused, series
from ..cavity.arrays import EdgeArrays, fill_edge_parameters
from ._base import Algorithm
from .mean_field import MeanField

EXPANSIONS = {"products": series, "fused": fused}
"""Ways of expanding cavity messages, by the name that a backend gives to the one it serves."""


class BPInspired(Algorithm):
    """Cavity g with node-level means (method page, "BPI").

    g_{kn→i} = ∂_ω φ(B, A, ω_kn − m_ki x̂_in, V_kn) enters both B_in and H_in.
    """

    name = "bpi"

    def for_layer(self, plain_sums):
        """Choose the algorithm of a layer: no cavities where the units are coupled.

        Parameters
        ----------
        plain_sums : bool
            Whether the layer's factors couple its units.

        Returns
        -------
        Algorithm
            Mean field there, this one elsewhere.
        """
        return MeanField() if plain_sums else self

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
            False where edges are summed one by one.
        """
        return layer.network.edges != "exact" and not layer.layout.compressed

    @staticmethod
    def expansion(layer):
        """Choose the way of expanding that the layer's backend serves.

        Parameters
        ----------
        layer : Layer
            The weight layer.

        Returns
        -------
        module
            One of :data:`EXPANSIONS`.
        """
        return EXPANSIONS[layer.backend.cavity_expansion]

    def n_terms(self, layer):
        """Count the arrays of weight-field messages.

        Parameters
        ----------
        layer : Layer
            The weight layer.

        Returns
        -------
        int
            1, or more where an expansion collects powers apart.
        """
        return self.expansion(layer).n_terms(layer.network) if self.expands(layer) else 1

    def arrays(self, layer):
        """Ask for what g of an edge needs besides ω, and for the expansion.

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
        return self.expansion(layer).arrays(layer) if self.expands(layer) else (EdgeArrays, {})

    def preactivation(self, layer, sweep):
        """Leave ω as it is, and prepare for an expansion what does not wait for g.

        Parameters
        ----------
        layer : Layer
            The weight layer, its products done.
        sweep : int
            0 in the first sweep of a step.
        """
        if self.expands(layer):
            self.expansion(layer).find_scales(layer)

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
        fill_edge_parameters(layer)
        if self.expands(layer):
            return self.expansion(layer).edge_sums(layer)
        layer.layout.edge_sums(layer)
        return 1
