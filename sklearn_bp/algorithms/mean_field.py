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
        batch = layer.batch
        if layer.has_units_below:
            layer.down(batch.g, layer.weights.mean, batch.down_field)
        layer.collect(batch.x, layer.g_weighted, layer.terms[0])
        return 1
