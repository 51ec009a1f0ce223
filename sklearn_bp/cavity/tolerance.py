"""How much error an expansion may cause: every layer's share of the tolerance, and every pair's."""

import numpy as np

from .chebyshev import N_NEGLECTED

SAFETY = 1.5
"""What is asked of the sums that are compared beyond a layer's share of the tolerance, since a few
inputs speak for all."""

SAMPLED_INPUTS = 8
"""Inputs of a layer on which the sums of what is neglected are compared with the sums of g."""


def equal_share(layer):
    """Give a layer that does not know of the others an equal share of the tolerance.

    Errors of B_in pass on to all layers below, so the shares of all layers that expand must add up
    to the tolerance.

    Parameters
    ----------
    layer : Layer
        The weight layer.

    Returns
    -------
    float
        Relative error that the layer itself may add to the norms of its H_in and B_in.
    """
    return layer.network.edge_tolerance / _n_expanding(layer.network, layer.network.n_layers)


def remaining_share(layer):
    """Give a layer its share of what the layers above it have left of the tolerance.

    Parameters
    ----------
    layer : Layer
        The weight layer; those above it have done their sums.

    Returns
    -------
    float
        Relative error that the layer itself may add to the norms of its H_in and B_in.
    """
    left, above = layer.network.edge_tolerance, layer.above
    while above is not None:
        left -= above.tolerance_used
        above = above.above
    return left / _n_expanding(layer.network, layer.index + 1)


def _n_expanding(network, end):
    """Count the layers below the layer `end` whose edges are summed by an expansion."""
    return sum(not network.plain_sums(index) for index in range(end))


def set_allowed_errors(layer):
    """Share a layer's tolerance in the norms of H_in and B_in equally among (sample, unit) pairs.

    Parameters
    ----------
    layer : Layer
        The weight layer; ``x_norm_sq`` and ``m_norm_sq`` are set.
    """
    batch, own = layer.batch, layer.own
    backend, x_norm_sq, m_norm_sq = layer.backend, own.x_norm_sq, own.m_norm_sq
    if layer.weighted:
        np.multiply(x_norm_sq, layer.sample_weight**2, out=x_norm_sq)
    by_rows, by_columns = backend.weighted_norms(batch.g, x_norm_sq, m_norm_sq)
    tolerance, pairs = remaining_share(layer), batch.omega.size
    backend.allowed_errors(by_rows, pairs, x_norm_sq, tolerance, own.x_allowed)
    if layer.has_units_below:
        backend.allowed_errors(by_columns, pairs, m_norm_sq, tolerance, own.m_allowed)
    else:
        own.m_allowed.fill(np.inf)


def scale_allowed_errors(layer, factor):
    """Multiply the error that every pair is allowed.

    Parameters
    ----------
    layer : Layer
        The weight layer.
    factor : float
        By what.
    """
    layer.own.x_allowed *= factor
    layer.own.m_allowed *= factor


def within_tolerance(layer, degree):
    """Tell whether what is neglected keeps to the tolerance in the sums of some inputs.

    The bounds of pairs say nothing about signs: errors of different samples may add up. So the sums
    of what is neglected, signs and all, are compared with the sums of g.

    Parameters
    ----------
    layer : Layer
        The weight layer, its coefficients done.
    degree : int
        Largest degree of a sample.

    Returns
    -------
    bool
        Whether it does; what the layer uses up of the tolerance is then noted down.
    """
    own = layer.own
    share = SAFETY * layer.backend.neglected_share(
        own.neglected[: degree - 1 + N_NEGLECTED],
        layer.batch.g,
        layer.batch.x,
        layer.n_inputs,
        -(-layer.n_inputs // SAMPLED_INPUTS),
        own.x_scale,
        layer.sample_weight,
        layer.weights.mean,
        own.m_scale,
        own.neglected_fields,
        layer.has_units_below,
    )
    layer.tolerance_used = share
    return share <= remaining_share(layer)
