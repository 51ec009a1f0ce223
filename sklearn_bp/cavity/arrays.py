"""The arrays of cavity messages: what an edge needs, and the series of an expansion."""

from dataclasses import dataclass

import numpy as np

from ..backends.arrays import array
from .chebyshev import N_NEGLECTED, n_nodes_for
from .tolerance import SAMPLED_INPUTS

MAX_DEGREE = 5
"""Degrees above cost more than exact sums save."""

SAMPLED_ROWS = 8
"""Samples of a mini-batch that decide the degree."""

N_LIMITS = 8
"""Error ratios 1, 2, 4, … that are tried as the limit beyond which a pair is summed exactly."""


@dataclass
class EdgeArrays:
    """What g of an edge needs besides ω.

    Attributes
    ----------
    edge_parameters : device array of shape (3, M, K)
        What the channel's `edge_parameters` gives for the messages coming down, and V.
    """

    edge_parameters: object = array(3, "samples", "units")


def fill_edge_parameters(layer):
    """Compute what g of an edge needs besides ω, from the messages coming down.

    Parameters
    ----------
    layer : Layer
        The weight layer, its forward pass done.
    """
    layer.backend.edge_parameters(
        layer.channel_above, *layer.messages_above, layer.batch.v, layer.own.edge_parameters
    )


def largest_degree(network):
    """Find the largest degree that a network may use.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    int
        The fixed degree, or the largest automatic one; 0 for exact edges.
    """
    if network.edges == "exact":
        return 0
    return MAX_DEGREE if network.edges == "auto" else network.edges


def n_terms(network):
    """Count the arrays of weight-field messages that :func:`edge_sums` needs.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    int
        One per power up to the largest degree.
    """
    return largest_degree(network) + 1


@dataclass
class SeriesArrays(EdgeArrays):
    """Series of every (sample, unit), and what chooses their degrees.

    Attributes
    ----------
    degree : int
        Largest degree of a sample; 0 if all edges are summed exactly.
    exact_share : float
        Part of the edges that are summed exactly.
    n_of_degree : list of int
        How many samples have a degree of p or more, for p from 0 on.
    """

    expansion_values: object = array("nodes", "samples", "units")
    expansion_keep: object = array("samples", "units")
    expansion_terms: object = array("powers", "samples", "units")
    x_varying: object = array("samples", "inputs")
    x_power: object = array("samples", "inputs")
    degree_squares: object = array("samples", "powers")
    x_scale: object = array("samples")
    x_inverse_scale: object = array("samples")
    x_norm_sq: object = array("samples")
    x_allowed: object = array("samples")
    m_scale: object = array("units")
    m_norm_sq: object = array("units")
    m_allowed: object = array("units")
    neglected: object = array("neglected", "samples", "units")
    sample_degree: object = array("samples", dtype=np.int32)
    sample_order: object = array("samples", dtype=np.int32)
    sample_rank: object = array("samples", dtype=np.int32)
    degree_counts: object = array("powers", dtype=np.int64)
    marked_samples: object = array("samples", "units", dtype=np.int32)
    marked_count: object = array("units", dtype=np.int64)
    marked_unit: object = array(3, "inputs")
    neglected_fields: object = array(SAMPLED_INPUTS, 3, "units")
    squares_by_row: object = array(2 * SAMPLED_ROWS, "degrees", N_LIMITS, dtype=np.float64)
    counts_by_row: object = array(2 * SAMPLED_ROWS, "degrees", N_LIMITS, dtype=np.int64)
    squares: object = array("degrees", N_LIMITS, dtype=np.float64)
    counts: object = array("degrees", N_LIMITS, dtype=np.int64)
    needed: object = array("degrees", dtype=np.int64)
    down_terms: object = array("powers", "samples", "inputs")
    m_power: object = array("inputs", "units")
    degree: int = 0
    exact_share: float = 1.0
    n_of_degree: list | tuple = ()

    @property
    def survey(self):
        """What a survey of some samples fills."""
        by_row = self.squares_by_row, self.counts_by_row
        return *by_row, self.squares, self.counts, self.needed


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
    powers = largest_degree(layer.network) + 1
    nodes = n_nodes_for(powers - 1)
    sizes = dict(nodes=nodes, degrees=nodes - 1, powers=powers)
    return SeriesArrays, dict(sizes, neglected=powers - 2 + N_NEGLECTED)
