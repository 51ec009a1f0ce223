"""Approximate message passing: edge messages expanded to first order around node values."""

from .mean_field import MeanField


class ApproximateMessagePassing(MeanField):
    """Plain sums with Onsager corrections (method page, "AMP").

    In the first sweep only the corrections of the current values are there: those of the previous
    sweep all carry g(t−1) = 0 or x̂(t−1) = 0. A layer whose output couples its units keeps the plain
    B_in and H_in, but its ω is corrected like any other.
    """

    name = "amp"

    def n_terms(self, layer):
        """Count the arrays of weight-field messages: H_in = terms_0 + m terms_1.

        Parameters
        ----------
        layer : Layer
            The weight layer.

        Returns
        -------
        int
            2, or 1 in a layer of plain sums.
        """
        return 1 if layer.plain_sums else 2

    def allocate(self, layer):
        """Ask for the values of the previous sweep, where there is one.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        """
        rows, units = layer.n_rows, layer.n_units
        if layer.has_units_below and not layer.plain_sums:
            layer.batch_array("down_terms", (2,), rows)
            layer.weight_array("mean_sq")
        if layer.network.n_inner_iter > 1:
            layer.batch_array("x_previous", (), rows)
            for name in ("g_previous", "g_product", "omega_term"):
                layer.batch_array(name, (), units)
            for name in ("weight_product", "field_term"):
                layer.weight_array(name)
            if layer.likelihood_weight != 1:
                n_rows, dtype = layer.layout.shape[0], layer.network.dtype
                layer.row_weight = layer.backend.full((n_rows,), layer.likelihood_weight, dtype)
                layer.weight_array("weighted_variance")
            if layer.has_units_below:
                layer.batch_array("down_term", (), rows)

    @staticmethod
    def _response(layer):
        """Give w σ, by which a weight's mean answers to one of its fields; w as of the field."""
        if layer.likelihood_weight == 1:
            return layer.weights.variance
        layer.backend.scale_rows(layer.row_weight, layer.weights.variance, layer.weighted_variance)
        return layer.weighted_variance

    def preactivation(self, layer, sweep):
        """Subtract the Onsager terms from ω.

        Parameters
        ----------
        layer : Layer
            The weight layer, its products done.
        sweep : int
            0 in the first sweep of a step.
        """
        if sweep == 0:
            return
        backend, weights, previous = layer.backend, layer.weights, layer.previous_weights
        response = self._response(layer)
        backend.multiply(layer.x, layer.x_previous, layer.x_product)
        layer.up(layer.x_product, response, layer.omega_term)
        backend.subtract_product(layer.omega, layer.omega_term, layer.g_previous)
        if layer.has_units_below:
            backend.multiply(weights.mean, previous.mean, layer.weight_product)
            layer.up(layer.x_var, layer.weight_product, layer.omega_term)
            backend.subtract_product(layer.omega, layer.omega_term, layer.g_previous)
            backend.multiply(response, previous.mean, layer.weight_product)
            backend.multiply(layer.x_previous, layer.x_var, layer.x_product)
            layer.up(layer.x_product, layer.weight_product, layer.omega_term)
            backend.multiply(layer.g_previous, layer.g_previous, layer.g_product)
            backend.add_product(layer.omega, layer.omega_term, layer.g_product)

    def messages(self, layer, sweep):
        """Compute the plain sums and their corrections.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        sweep : int
            0 in the first sweep of a step.

        Returns
        -------
        int
            2, or 1 in a layer of plain sums.
        """
        if layer.plain_sums:
            return super().messages(layer, sweep)
        if layer.has_units_below:
            self._down_messages(layer, sweep)
        layer.layout.collect_pair(
            (layer.x, layer.g_weighted, layer.terms[0]),
            (layer.x_sq, layer.gamma_weighted, layer.terms[1]),
        )
        if sweep > 0 and layer.has_units_below:
            self._previous_field_terms(layer)
        return 2

    def _down_messages(self, layer, sweep):
        """Compute B_in = Σ m g + x̂ Σ m² Γ, less the terms of the previous sweep."""
        backend, weights = layer.backend, layer.weights
        backend.multiply(weights.mean, weights.mean, layer.mean_sq)
        layer.layout.down_pair(
            (layer.g, weights.mean, layer.down_terms[0]),
            (layer.gamma, layer.mean_sq, layer.down_terms[1]),
        )
        if sweep > 0:
            backend.multiply(layer.g, layer.g_previous, layer.g_product)
            response = self._response(layer)
            layer.down(layer.g_product, response, layer.down_term)
            backend.subtract_product(layer.down_terms[0], layer.down_term, layer.x_previous)
            backend.multiply(response, weights.mean, layer.weight_product)
            backend.multiply(layer.g_previous, layer.gamma, layer.g_product)
            layer.down(layer.g_product, layer.weight_product, layer.down_term)
            backend.subtract_product(layer.down_terms[1], layer.down_term, layer.x_previous)
        backend.polynomial_rows(layer.x, layer.ones, layer.down_terms, layer.down_field)

    def _previous_field_terms(self, layer):
        """Subtract m(t−1) Σ Δ g g(t−1) and m m(t−1) Σ Δ x̂ g(t−1) Γ from the terms of H_in."""
        backend, previous = layer.backend, layer.previous_weights
        backend.multiply(layer.g_weighted, layer.g_previous, layer.g_product)
        layer.collect(layer.x_var, layer.g_product, layer.field_term)
        backend.subtract_product(layer.terms[0], layer.field_term, previous.mean)
        backend.multiply(layer.x_var, layer.x, layer.x_product)
        backend.multiply(layer.g_previous, layer.gamma_weighted, layer.g_product)
        layer.collect(layer.x_product, layer.g_product, layer.field_term)
        backend.subtract_product(layer.terms[1], layer.field_term, previous.mean)

    def after_update(self, layer, sweep):
        """Keep x̂ and g of this sweep for the next.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        sweep : int
            0 in the first sweep of a step.
        """
        if layer.network.n_inner_iter > 1:
            layer.backend.copy(layer.x, layer.x_previous)
            layer.backend.copy(layer.g, layer.g_previous)
