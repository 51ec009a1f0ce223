"""Belief propagation: means travel on edges too."""

from .bpi import BPInspired


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

    def allocate(self, layer):
        """Ask for the edge arrays, where there are several sweeps.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        """
        super().allocate(layer)
        if layer.network.n_inner_iter > 1:
            for name in ("x_cav", "m_cav", "g_cav"):
                layer.batch_array(name, (), layer.n_rows, layer.n_units)

    def preactivation(self, layer, sweep):
        """Sum ω from the edges, where there are several sweeps.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        sweep : int
            0 in the first sweep of a step.
        """
        if layer.network.n_inner_iter == 1:
            super().preactivation(layer, sweep)
            return
        backend = layer.backend
        if sweep == 0:
            backend.fill_x_cav(layer.x, layer.x_cav)
            backend.fill_m_cav(layer.weights.mean, layer.m_cav)
            return
        if layer.has_units_below:
            backend.update_x_cav(
                layer.channel_below,
                layer.g_cav,
                layer.down_precision,
                layer.below.omega,
                layer.below.v,
                layer.x_cav,
            )
        backend.edge_omega(layer.m_cav, layer.x_cav, layer.omega)

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
        if layer.network.n_inner_iter == 1:
            return super().messages(layer, sweep)
        layer.fill_edge_parameters()
        layer.backend.edge_sums_cavity(
            layer.channel_above,
            layer.omega,
            layer.edge_parameters,
            layer.x_cav,
            layer.m_cav,
            layer.sample_weight,
            layer.g_cav,
            layer.down_field,
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
        if layer.network.n_inner_iter == 1:
            return
        for prior, first, precision in layer.row_groups():
            layer.backend.update_m_cav(
                prior,
                layer.weights.field,
                precision,
                layer.mask_or_ones,
                layer.likelihood_weight,
                layer.damping,
                layer.down_field,
                layer.x_cav,
                layer.m_cav,
                layer.g_cav,
                first,
            )
