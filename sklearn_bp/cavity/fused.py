"""Cavity messages by polynomials, on a device that the host does not wait for.

The series are those of :mod:`.series`. There a host that reads along chooses the cheapest degree
of every mini-batch, and matrix products of powers form the sums. Here one kernel evaluates the
series edge by edge, so that a degree more costs next to nothing: the degree is fixed, and what the
series cannot serve is left to the kernel pair by pair and input by input. Nothing is read back.
"""

from dataclasses import dataclass

import numpy as np

from ..backends.arrays import array
from .arrays import EdgeArrays, largest_degree
from .chebyshev import interpolation, n_nodes_for
from .series import is_small
from .tolerance import equal_share

HEAVY_RATIO = 4.0
"""Inputs beyond this many root mean squares of their sample are summed exactly."""

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


@dataclass
class FusedArrays(EdgeArrays):
    """Series of every (sample, unit), and the errors they may have."""

    expansion_keep: object = array("samples", "units")
    expansion_terms: object = array("powers", "samples", "units")
    x_scale: object = array("samples")
    x_inverse_scale: object = array("samples")
    x_cap: object = array("samples")
    x_norm_sq: object = array("samples")
    x_allowed: object = array("samples")
    norms_by_samples: object = array("samples")
    norms_by_units: object = array("samples")
    m_scale: object = array("units")
    m_norm_sq: object = array("units")
    m_allowed: object = array("units", fill=np.inf)


def arrays(layer):
    """Ask for the arrays of the expansion.

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
    return FusedArrays, dict(powers=largest_degree(layer.network) + 1)


def find_scales(layer):
    """Find μ and ξ, the largest |m| of every unit and |x̂| of every sample, and the norms of both.

    Parameters
    ----------
    layer : Layer
        The weight layer, x̂ of its inputs done.
    """
    own = layer.own
    automatic = layer.network.edges == "auto"
    if automatic and is_small(layer):
        return
    backend, n_inputs = layer.backend, layer.n_inputs
    backend.weight_scales(layer.weights.mean, n_inputs, own.m_scale, own.m_norm_sq)
    backend.sample_scales(
        layer.batch.x,
        n_inputs,
        HEAVY_RATIO if automatic else float("inf"),
        layer.sample_weight,
        own.x_scale,
        own.x_inverse_scale,
        own.x_cap,
        own.x_norm_sq,
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
    batch, own = layer.batch, layer.own
    automatic = layer.network.edges == "auto"
    if automatic and is_small(layer):
        layer.layout.edge_sums(layer)
        return 1
    backend, n_inputs, mean = layer.backend, layer.n_inputs, layer.weights.mean
    degree = largest_degree(layer.network)
    backend.expand(
        layer.channel_above,
        batch.omega,
        own.edge_parameters,
        own.x_scale,
        own.m_scale,
        _allowed_errors(layer) if automatic else None,
        interpolation(n_nodes_for(degree), degree, layer.network.dtype),
        own.expansion_keep,
        own.expansion_terms,
    )
    backend.expanded_sums(
        layer.channel_above,
        batch.omega,
        own.edge_parameters,
        own.expansion_terms,
        own.expansion_keep,
        batch.x,
        own.x_inverse_scale,
        own.x_cap,
        mean,
        own.m_scale,
        n_inputs,
        layer.sample_weight,
        batch.down_field if layer.has_units_below else None,
        layer.terms[0],
    )
    return 1


def _allowed_errors(layer):
    """Share the tolerance in the norms of H_in and B_in equally among (sample, unit) pairs."""
    own = layer.own
    backend, n_pairs = layer.backend, layer.batch.omega.size
    tolerance = equal_share(layer) / SAFETY
    by_samples, by_units = own.norms_by_samples, own.norms_by_units
    backend.pair_norms(layer.batch.g, own.x_norm_sq, own.m_norm_sq, by_samples, by_units)
    backend.share_tolerance(by_samples, n_pairs, own.x_norm_sq, tolerance, own.x_allowed)
    if layer.has_units_below:
        backend.share_tolerance(by_units, n_pairs, own.m_norm_sq, tolerance, own.m_allowed)
    return own.x_allowed, own.m_allowed
