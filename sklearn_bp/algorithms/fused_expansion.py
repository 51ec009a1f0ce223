"""Cavity messages by polynomials, on a device that the host does not wait for.

The series are those of :mod:`.expansion`. There a host that reads along chooses the cheapest degree
of every mini-batch, and matrix products of powers form the sums. Here one kernel evaluates the
series edge by edge, so that a degree more costs next to nothing: the degree is fixed, and what the
series cannot serve is left to the kernel pair by pair and input by input. Nothing is read back.
"""

from ._chebyshev import interpolation, n_nodes_for
from ._tolerance import equal_share
from .expansion import HEAVY_RATIO, is_small, largest_degree

SAFETY = 10.0
"""What is asked of every pair beyond a layer's share of the tolerance: errors of different samples
are not independent, in a mini-batch of M they may add up to √M times more."""


def n_terms(network):
    """Count the arrays of weight-field messages that :func:`edge_sums` needs.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    int
        1: the powers are summed where they are formed.
    """
    return 1


def allocate(layer):
    """Ask for the arrays of the expansion.

    Parameters
    ----------
    layer : Layer
        The weight layer.
    """
    layer.batch_array("expansion_keep", (), layer.n_units)
    layer.batch_array("expansion_terms", (largest_degree(layer.network) + 1,), layer.n_units)
    for name in ("x_scale", "x_inverse_scale", "x_cap", "x_norm_sq", "x_allowed"):
        layer.batch_array(name, ())
    for name in ("norms_by_samples", "norms_by_units"):
        layer.batch_array(name, ())
    for name in ("m_scale", "m_norm_sq"):
        layer.array(name, (layer.n_units,))
    layer.m_allowed = layer.backend.full((layer.n_units,), float("inf"), layer.network.dtype)


def find_scales(layer):
    """Find μ and ξ, the largest |m| of every unit and |x̂| of every sample, and the norms of both.

    Parameters
    ----------
    layer : Layer
        The weight layer, x̂ of its inputs done.
    """
    automatic = layer.network.edges == "auto"
    if automatic and is_small(layer):
        return
    backend, n_inputs = layer.backend, layer.n_inputs
    backend.weight_scales(layer.weights.mean, n_inputs, layer.m_scale, layer.m_norm_sq)
    backend.sample_scales(
        layer.x,
        n_inputs,
        HEAVY_RATIO if automatic else float("inf"),
        layer.sample_weight,
        layer.x_scale,
        layer.x_inverse_scale,
        layer.x_cap,
        layer.x_norm_sq,
    )


def edge_sums(layer):
    """Compute B_in and H_in.

    Parameters
    ----------
    layer : Layer
        The weight layer, its scales and edge parameters done.

    Returns
    -------
    int
        1, the terms of H_in that were filled.
    """
    automatic = layer.network.edges == "auto"
    if automatic and is_small(layer):
        layer.layout.edge_sums(layer)
        return 1
    backend, n_inputs, mean = layer.backend, layer.n_inputs, layer.weights.mean
    degree = largest_degree(layer.network)
    backend.expand(
        layer.channel_above,
        layer.omega,
        layer.edge_parameters,
        layer.x_scale,
        layer.m_scale,
        _allowed_errors(layer) if automatic else None,
        interpolation(n_nodes_for(degree), degree, layer.network.dtype),
        layer.expansion_keep,
        layer.expansion_terms,
    )
    backend.expanded_sums(
        layer.channel_above,
        layer.omega,
        layer.edge_parameters,
        layer.expansion_terms,
        layer.expansion_keep,
        layer.x,
        layer.x_inverse_scale,
        layer.x_cap,
        mean,
        layer.m_scale,
        n_inputs,
        layer.sample_weight,
        layer.down_field if layer.has_units_below else None,
        layer.terms[0],
    )
    return 1


def _allowed_errors(layer):
    """Share the tolerance in the norms of H_in and B_in equally among (sample, unit) pairs."""
    backend, n_pairs = layer.backend, layer.omega.size
    tolerance = equal_share(layer) / SAFETY
    by_samples, by_units = layer.norms_by_samples, layer.norms_by_units
    backend.pair_norms(layer.g, layer.x_norm_sq, layer.m_norm_sq, by_samples, by_units)
    backend.share_tolerance(by_samples, n_pairs, layer.x_norm_sq, tolerance, layer.x_allowed)
    if layer.has_units_below:
        backend.share_tolerance(by_units, n_pairs, layer.m_norm_sq, tolerance, layer.m_allowed)
    return layer.x_allowed, layer.m_allowed
