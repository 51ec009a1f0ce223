"""Mean field: the plain sums, nothing on edges."""

from ._base import Algorithm


class MeanField(Algorithm):
    """B_in = Σ_k m g, H_in = Σ_n x̂ g (method page, "One sweep")."""

    name = "mf"

    def messages(self, layer, sweep):
        """Compute the plain sums.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        sweep : int
            0 in the first sweep of a step.

        Returns
        -------
        int
            1.
        """
        if layer.has_units_below:
            layer.down(layer.g, layer.weights.mean, layer.down_field)
        layer.collect(layer.x, layer.g_weighted, layer.terms[0])
        return 1
