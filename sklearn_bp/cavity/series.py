"""Cavity messages by polynomials: the edge sums of BP and BPI as matrix products.

At fixed unit k and sample n, g of an edge is a smooth function of the edge's own contribution
c = m_ki x̂_in, on the interval |c| ≤ max_i |m_ki| · max_i |x̂_in|. With t = c / c_max and
g(ω_kn − c) ≈ Σ_p a_p(k, n) t^p, interpolated at Chebyshev nodes,

    H_in,ki = Σ_p (m_ki / μ_k)^p  Σ_n x̂_in (x̂_in / ξ_n)^p a_p(k, n)
    B_in    = Σ_p (x̂_in / ξ_n)^p Σ_k m_ki (m_ki / μ_k)^p a_p(k, n)

with μ_k and ξ_n the largest |m| and |x̂|. Every sample has a degree of its own, since g is small
where a sample is learned: samples stand in the order of their degrees, and the product for a power
takes the first ones. Degrees are the lowest whose neglected parts keep to the tolerance: by a bound
for every (k, n), and, signs and all, in the sums of a few inputs. Summed exactly are every (k, n)
whose bound is too large, and the constant input.
"""

import numpy as np

from .arrays import MAX_DEGREE, SAMPLED_ROWS, arrays, largest_degree, n_terms
from .chebyshev import interpolation, n_nodes_for, to_powers
from .tolerance import scale_allowed_errors, set_allowed_errors, within_tolerance

__all__ = ["arrays", "edge_sums", "find_scales", "is_small", "n_terms"]

EDGE_COST = 60.0
"""An edge summed exactly among all others, in multiply-adds of a matrix product on one core."""

MARKED_EDGE_COST = 150.0
"""The same for an edge that is picked out, because its (sample, unit) pair is marked."""

NODE_COST = 300.0
"""The same for the value of g at a node, and its part in the coefficients."""

LEAST_EDGES = 1_000_000
"""Layers with fewer edges in a mini-batch are summed exactly: it takes under a millisecond, and the
kernels of the expansion need not be compiled."""

CAUTION = 0.2
"""Part of the budget that sampled rows may use up, since a few samples speak for all."""

SPARED = 0.3
"""Part of the budget that samples of lower degrees may use up."""


def is_small(layer):
    """Tell whether a layer has too few edges for an expansion to pay.

    Parameters
    ----------
    layer : Layer
        The weight layer, bound to a mini-batch.

    Returns
    -------
    bool
        True if exact sums take no time to speak of.
    """
    return layer.batch.omega.size * layer.n_inputs < LEAST_EDGES


def find_scales(layer):
    """Find μ and ξ, the largest |m| of every unit and |x̂| of every sample, and the norms of both.

    In the forward pass all threads share this; in the backward pass, while some still update the
    weights of the layer above, one would do it alone.

    Parameters
    ----------
    layer : Layer
        The weight layer, x̂ of its inputs done.
    """
    own = layer.own
    if layer.network.edges == "auto" and is_small(layer):
        return
    backend, n_inputs = layer.backend, layer.n_inputs
    backend.weight_scales(layer.weights.mean, n_inputs, own.m_scale, own.m_norm_sq)
    backend.input_scales(layer.batch.x, n_inputs, own.x_scale, own.x_norm_sq)


def edge_sums(layer):
    """Compute B_in and the terms of H_in.

    Parameters
    ----------
    layer : Layer
        The weight layer, its scales and edge parameters done.

    Returns
    -------
    int
        How many terms of H_in were filled.
    """
    degree, marked = _expand(layer, *_choose(layer))
    own = layer.own
    own.degree, own.exact_share = degree, 1.0
    if degree == 0:
        layer.tolerance_used = 0.0
        layer.layout.edge_sums(layer)
        return 1
    _field_terms(layer, degree)
    if layer.has_units_below:
        _down_field(layer)
    _exact_remainder(layer, marked)
    own.exact_share = marked / layer.batch.omega.size
    return degree + 1


def _choose(layer):
    """Choose the degree to begin with; allowed errors are set.

    Returns
    -------
    degree : int
        0 if exact sums of all edges cost less.
    limit : int
        Base-2 logarithm of the largest error ratio of a pair that is not marked.
    """
    automatic = layer.network.edges == "auto"
    if automatic and is_small(layer):
        return 0, 0
    if not automatic:
        layer.own.x_allowed.fill(np.inf)
        layer.own.m_allowed.fill(np.inf)
        return layer.network.edges, 0
    set_allowed_errors(layer)
    _, degree, limit = min((EDGE_COST, 0, 0), _cheapest_degree(layer))
    scale_allowed_errors(layer, 2.0**limit)
    return degree, limit


def _expand(layer, degree, limit):
    """Expand g to the degree chosen, or to the first one above that keeps to the tolerance.

    Returns
    -------
    degree : int
        The largest one of a sample; 0 if none keeps to the tolerance.
    marked : int
        Pairs left to exact sums.
    """
    most, pairs = largest_degree(layer.network), layer.batch.omega.size
    while 0 < degree <= most:
        marked, more, spared = _mark(layer, degree, limit)
        if layer.network.edges != "auto":
            _coefficients(layer, degree, 0.0)
            return degree, marked
        # What more marked pairs may cost: no more than a degree does, if there is one left.
        limit_cost = (2 if layer.has_units_below else 1) if degree < most else EDGE_COST
        if MARKED_EDGE_COST * more <= limit_cost * pairs:
            for budget in (spared, 0.0):
                _coefficients(layer, degree, budget)
                if within_tolerance(layer, degree):
                    return len(layer.own.n_of_degree) - 1, marked
        degree += 1
    return 0, 0


def _mark(layer, degree, limit):
    """Bound errors, with a lower limit if samples that were not surveyed exceed the budget.

    Returns
    -------
    marked : int
        Pairs left to exact sums.
    more : int
        How many of them the limit given would have left to the series.
    spared : float
        Sum of squared error ratios that lower degrees of some samples may add.
    """
    squares, marked = _bounds(layer, degree)
    planned, lower = marked, limit
    while lower and squares * 4.0**lower > layer.batch.omega.size:
        scale_allowed_errors(layer, 2.0 ** (lower // 2 - lower))
        lower //= 2
        squares, marked = _bounds(layer, degree)
    if lower < limit:
        scale_allowed_errors(layer, 2.0 ** (limit - lower))
    return marked, marked - planned, SPARED * layer.batch.omega.size / 4.0**lower


def _cheapest_degree(layer):
    """Find the degree of least cost, in multiply-adds per (sample, input, unit).

    For each degree the limit on a pair's error ratio is the largest for which the pairs within it
    keep to the budget, a mean square of 1 over all pairs.

    Returns
    -------
    cost : float
        Multiply-adds.
    degree : int
        The degree.
    limit : int
        Base-2 logarithm of the limit on error ratios.
    """
    n_samples, products = layer.batch.x.shape[0], 2 if layer.has_units_below else 1
    stride = max(1, n_samples // SAMPLED_ROWS)
    rows = layer.backend.survey(
        *_pairs(layer),
        interpolation(n_nodes_for(MAX_DEGREE), 1, layer.network.dtype),
        layer.own.x_allowed,
        layer.own.m_allowed,
        stride,
        layer.own.expansion_values,
        layer.own.expansion_keep,
        layer.own.expansion_terms[0],
        SPARED * layer.n_units,
        layer.own.survey,
    )
    pairs = rows * layer.n_units
    # Forty numbers: Python's own are faster than arrays.
    squares, counts, needed = (array.tolist() for array in layer.own.survey[2:])
    rows_multiplied, choices = 1.0, []
    for degree in range(1, MAX_DEGREE + 1):
        # Samples that cannot do with the degree before have this power too.
        rows_multiplied += needed[degree - 1] / rows if degree > 1 else 1.0
        limit = max(sum(total <= CAUTION * pairs for total in squares[degree]) - 1, 0)
        cost = products * rows_multiplied
        cost += MARKED_EDGE_COST * counts[degree][limit] / pairs
        cost += NODE_COST * n_nodes_for(degree) / layer.n_inputs
        choices.append((cost, degree, limit))
    return min(choices)


def _pairs(layer):
    """Gather what g of every (sample, unit) is, and on which interval."""
    own = layer.own
    return (
        layer.channel_above,
        layer.batch.omega,
        own.edge_parameters,
        own.x_scale,
        own.m_scale,
    )


def _bounds(layer, degree):
    """Bound the errors of all degrees up to the one given; mark the pairs left to exact sums.

    Returns
    -------
    squares : float
        Sum of the squared error ratios of all other pairs, at that degree.
    marked : int
        How many pairs are marked.
    """
    own = layer.own
    n_nodes, keep = n_nodes_for(degree), own.expansion_keep
    layer.backend.bounds(
        *_pairs(layer),
        interpolation(n_nodes, degree, layer.network.dtype),
        own.x_allowed,
        own.m_allowed,
        own.expansion_values[:n_nodes],
        own.expansion_terms[0],
        keep,
        own.neglected,
        own.degree_squares,
    )
    marked = layer.backend.pack_marked(keep, own.marked_samples, own.marked_count)
    return float(own.degree_squares[:, degree].sum()), marked


def _coefficients(layer, degree, budget):
    """Expand g of every (sample, unit), up to a degree of each sample's own.

    Parameters
    ----------
    layer : Layer
        The weight layer, its bounds done.
    degree : int
        The largest degree.
    budget : float
        What lower degrees may add to the sum of squared error ratios; 0 for one degree for all.
    """
    own = layer.own
    layer.own.n_of_degree = layer.backend.choose_degrees(
        own.degree_squares,
        degree,
        budget,
        own.sample_degree,
        own.sample_order,
        own.sample_rank,
        own.degree_counts,
    )
    n_nodes, terms = n_nodes_for(degree), own.expansion_terms[: degree + 1]
    layer.backend.coefficients(
        own.expansion_values[:n_nodes],
        to_powers(n_nodes, layer.network.dtype),
        own.sample_degree,
        own.sample_rank,
        own.expansion_keep,
        own.neglected,
        terms,
    )


def _field_terms(layer, degree):
    """Compute Σ_n x̂ (x̂ / ξ)^p a_p for every power."""
    own = layer.own
    backend, order, coefficients = layer.backend, own.sample_order, own.expansion_terms
    if layer.weighted:
        # The values at the nodes are not needed any more.
        terms, coefficients = coefficients[: degree + 1], own.expansion_values[: degree + 1]
        backend.scale_terms(layer.sample_weight, order, terms, coefficients)
    backend.varying_inputs(layer.batch.x, order, layer.n_inputs, own.x_varying)
    backend.field_terms(
        own.x_varying,
        order,
        own.x_scale,
        coefficients,
        layer.own.n_of_degree,
        own.x_power,
        layer.terms,
    )
    np.divide(1, own.m_scale, out=layer.unit_scale)


def _down_field(layer):
    """Compute B_in = Σ_p (x̂ / ξ)^p Σ_k m (m / μ)^p a_p."""
    own = layer.own
    backend, order, terms = layer.backend, own.sample_order, own.down_terms
    # The constant input is summed exactly. Powers of its weights, relative to those of the others,
    # may overflow: they stay zero.
    backend.down_terms(
        layer.weights.mean,
        layer.n_inputs,
        layer.unit_scale,
        own.expansion_terms,
        layer.own.n_of_degree,
        own.m_power,
        terms,
    )
    np.divide(1, own.x_scale, out=own.x_inverse_scale)
    backend.sum_down_terms(
        layer.batch.x, order, own.sample_degree, own.x_inverse_scale, terms, layer.batch.down_field
    )


def _exact_remainder(layer, marked):
    """Add what the polynomials leave out: the constant input, and marked pairs."""
    batch, own = layer.batch, layer.own
    pairs = (batch.omega, own.edge_parameters)
    edges = (batch.x, layer.weights.mean, layer.n_inputs, layer.sample_weight)
    sums = (batch.down_field, layer.terms[0])
    if layer.n_inputs < layer.n_rows:
        layer.backend.constant_edges(layer.channel_above, *pairs, *edges, *sums)
    if marked:
        layer.backend.marked_edges(
            layer.channel_above,
            own.marked_samples,
            own.marked_count,
            *pairs,
            *edges,
            own.marked_unit,
            *sums,
        )
