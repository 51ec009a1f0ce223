"""Approximate message passing: edge messages expanded to first order around node values."""

from dataclasses import dataclass

from ..backends.arrays import array
from ._base import NoArrays
from .mean_field import MeanField


@dataclass
class FirstSweepArrays:
    """What the corrections need in the first sweep.

    Attributes
    ----------
    down_terms : device array of shape (2, M, N)
        Σ_k m g and Σ_k m² Γ.
    mean_sq : device array of the layout's shape
        m².
    """

    down_terms: object = array(2, "samples", "inputs")
    mean_sq: object = array("weights")


@dataclass
class SweepsArrays(FirstSweepArrays):
    """What the corrections need with several sweeps.

    Attributes
    ----------
    x_previous : device array of shape (M, N)
        x̂(t−1).
    g_previous, g_product : device array of shape (M, K)
        g(t−1), and a product with it.
    omega_term, down_term, field_term : device array of shape (M, K), (M, N), the layout's shape
        A correction of ω, of B_in, of H_in.
    weight_product, weighted_variance : device array of the layout's shape
        A product of weights' moments, and w σ.
    """

    x_previous: object = array("samples", "inputs", constant_input=True)
    g_previous: object = array("samples", "units")
    g_product: object = array("samples", "units")
    omega_term: object = array("samples", "units")
    down_term: object = array("samples", "inputs")
    field_term: object = array("weights")
    weight_product: object = array("weights")
    weighted_variance: object = array("weights")


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

    def arrays(self, layer):
        """Ask for the values of the previous sweep, where there is one.

        Parameters
        ----------
        layer : Layer
            The weight layer.

        Returns
        -------
        kind : type
            A dataclass of arrays.
        sizes : dict
            Empty.
        """
        if layer.network.n_inner_iter > 1:
            return SweepsArrays, {}
        needs_none = layer.plain_sums or not layer.has_units_below
        return (NoArrays if needs_none else FirstSweepArrays), {}

    @staticmethod
    def _response(layer):
        """Give w σ, by which a weight's mean answers to one of its fields; w as of the field."""
        if layer.likelihood_weight == 1:
            return layer.weights.variance
        layer.backend.scale_rows(
            layer.likelihood_weights, layer.weights.variance, layer.own.weighted_variance
        )
        return layer.own.weighted_variance

    def preactivation(self, layer, sweep):
        """Subtract the Onsager terms from ω.

        Parameters
        ----------
        layer : Layer
            The weight layer, its products done.
        sweep : int
            0 in the first sweep of a step.
        """
        batch, own = layer.batch, layer.own
        if sweep == 0:
            return
        backend, weights, previous = layer.backend, layer.weights, layer.previous_weights
        response = self._response(layer)
        backend.multiply(batch.x, own.x_previous, batch.x_product)
        layer.up(batch.x_product, response, own.omega_term)
        backend.subtract_product(batch.omega, own.omega_term, own.g_previous)
        if layer.has_units_below:
            backend.multiply(weights.mean, previous.mean, own.weight_product)
            layer.up(batch.x_var, own.weight_product, own.omega_term)
            backend.subtract_product(batch.omega, own.omega_term, own.g_previous)
            backend.multiply(response, previous.mean, own.weight_product)
            backend.multiply(own.x_previous, batch.x_var, batch.x_product)
            layer.up(batch.x_product, own.weight_product, own.omega_term)
            backend.multiply(own.g_previous, own.g_previous, own.g_product)
            backend.add_product(batch.omega, own.omega_term, own.g_product)

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
            (layer.batch.x, layer.g_weighted, layer.terms[0]),
            (layer.batch.x_sq, layer.gamma_weighted, layer.terms[1]),
        )
        if sweep > 0 and layer.has_units_below:
            self._previous_field_terms(layer)
        return 2

    def _down_messages(self, layer, sweep):
        """Compute B_in = Σ m g + x̂ Σ m² Γ, less the terms of the previous sweep."""
        batch, own = layer.batch, layer.own
        backend, weights = layer.backend, layer.weights
        backend.multiply(weights.mean, weights.mean, own.mean_sq)
        layer.layout.down_pair(
            (batch.g, weights.mean, own.down_terms[0]),
            (batch.gamma, own.mean_sq, own.down_terms[1]),
        )
        if sweep > 0:
            backend.multiply(batch.g, own.g_previous, own.g_product)
            response = self._response(layer)
            layer.down(own.g_product, response, own.down_term)
            backend.subtract_product(own.down_terms[0], own.down_term, own.x_previous)
            backend.multiply(response, weights.mean, own.weight_product)
            backend.multiply(own.g_previous, batch.gamma, own.g_product)
            layer.down(own.g_product, own.weight_product, own.down_term)
            backend.subtract_product(own.down_terms[1], own.down_term, own.x_previous)
        backend.polynomial_rows(batch.x, batch.ones, own.down_terms, batch.down_field)

    def _previous_field_terms(self, layer):
        """Subtract m(t−1) Σ Δ g g(t−1) and m m(t−1) Σ Δ x̂ g(t−1) Γ from the terms of H_in."""
        batch, own = layer.batch, layer.own
        backend, previous = layer.backend, layer.previous_weights
        backend.multiply(layer.g_weighted, own.g_previous, own.g_product)
        layer.collect(batch.x_var, own.g_product, own.field_term)
        backend.subtract_product(layer.terms[0], own.field_term, previous.mean)
        backend.multiply(batch.x_var, batch.x, batch.x_product)
        backend.multiply(own.g_previous, layer.gamma_weighted, own.g_product)
        layer.collect(batch.x_product, own.g_product, own.field_term)
        backend.subtract_product(layer.terms[1], own.field_term, previous.mean)

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
            layer.backend.copy(layer.batch.x, layer.own.x_previous)
            layer.backend.copy(layer.batch.g, layer.own.g_previous)
