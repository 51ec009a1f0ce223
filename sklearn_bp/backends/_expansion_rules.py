"""Scalar rules of the expansion of cavity messages, one definition for all backends.

A backend turns values of g at Chebyshev nodes into coefficients; these rules say how much of g the
series beyond the last coefficient may hold, and how much it may.
"""

import math

from ..scalar import is_double, scalar_function

LEAST_SCALE = 1e-30
"""Keeps the inverse scale of an all-zero sample or unit finite, in float32 too."""

ROUNDING = 16.0
"""Coefficients below this many roundings of g are noise, which does not decay."""

LEAST_GROWTH = 4.0
"""Smallest ϱ of an interval whose nodes can tell what g does between them."""

INVERSE_OF_TWICE = (1 + LEAST_GROWTH**-4) / 2
"""ϱ^−2 times (ϱ² + ϱ^−2) / 2, at its largest where ϱ is smallest."""

WIDEST = 2.5
"""Largest half-width of an interval, in scales of g, that nodes can see through: far from all
singularities g still grows like exp(−u²/2) in the complex plane, and no ellipse bounds it."""

CAUTION = 3.0
"""How many times slower than ϱ^−2 two coefficients that oscillate may fall to the next two."""

ALIASING = 6.0
"""What lies beyond the last node's degree counts twice, once left out and once folded back into the
coefficients that are computed from the nodes; and three times that, since it is extrapolated."""


@scalar_function
def inverse_growth(half_width, offset, distance):
    """Compute ϱ^−2 of the ellipse through a singularity.

    Of the ellipse of foci ±c_max and sum of half-axes ϱ c_max, (ϱ² + ϱ^−2) / 2 follows from the
    singularity's distances from the foci; where ϱ is :data:`LEAST_GROWTH` or more, ϱ^−2 is at most
    :data:`INVERSE_OF_TWICE` over that, and hardly less.

    Parameters
    ----------
    half_width : float
        Half-width c_max of the interval.
    offset, distance : float
        Where the singularity is, along the real line from the interval's middle and away from it;
        the former is trusted to within the latter.

    Returns
    -------
    float
        ϱ^−2, from above within half a percent where ϱ is at least :data:`LEAST_GROWTH`.
    """
    T = type(half_width)
    along = max(abs(offset) - distance, T(0))
    right, left = along - half_width, along + half_width
    right_sq, left_sq = right * right + distance * distance, left * left + distance * distance
    width_sq = half_width * half_width
    # (ϱ² + ϱ^−2) c_max² / 2, from the squared distances of the singularity from the two foci.
    axes_sq = T(0.5) * (right_sq + left_sq) + math.sqrt(right_sq * left_sq) - width_sq
    return T(INVERSE_OF_TWICE) * width_sq / axes_sq


@scalar_function
def slowest_decay(half_width, omega, singularities):
    """Tell how slowly the Chebyshev coefficients of g may fall over two degrees.

    A coefficient of degree q falls at least like ϱ^−q, if g is analytic in the ellipse of foci
    ±c_max and sum of half-axes ϱ c_max (Bernstein).

    Parameters
    ----------
    half_width : float
        Half-width c_max of the interval.
    omega : float
        Its middle.
    singularities : tuple of float
        What an activation's ``edge_singularities`` returns.

    Returns
    -------
    float
        :data:`CAUTION` times ϱ^−2 of the singularity that allows the slowest decay; 1, no decay, if
        ϱ is less than :data:`LEAST_GROWTH` or the interval is wider than :data:`WIDEST` scales.
    """
    T = type(half_width)
    near, near_distance, far, far_distance, scale = singularities
    inverse_sq = max(
        inverse_growth(half_width, omega - near, near_distance),
        inverse_growth(half_width, omega - far, far_distance),
    )
    is_known = (inverse_sq < T(1 / LEAST_GROWTH**2)) & (half_width < T(WIDEST) * scale)
    return T(CAUTION) * inverse_sq if is_known else T(1)


@scalar_function
def rounding_level(largest):
    """Tell below which size coefficients are noise.

    Parameters
    ----------
    largest : float
        Largest |g| at the nodes.

    Returns
    -------
    float
        :data:`ROUNDING` roundings of it.
    """
    T = type(largest)
    epsilon = T(2.220446049250313e-16) if is_double(largest) else T(1.1920929e-07)
    return largest * (T(ROUNDING) * epsilon)


@scalar_function
def remainder_bound(largest, high, low, decay):
    """Bound what the series beyond its last node's degree adds.

    The last four coefficients are taken two at a time, because a symmetric g has every second one
    zero. Their decay, but never a faster one than is known in advance, continues the series
    geometrically; coefficients lost in the rounding of g do not decay and are taken as they are.

    Parameters
    ----------
    largest : float
        Largest |g| at the nodes.
    high, low : float
        Larger size of the last two coefficients, and of the two before them.
    decay : float
        What :func:`slowest_decay` returned.

    Returns
    -------
    float
        The bound; infinite where nothing is known.
    """
    T = type(largest)
    high = max(high, low * decay)
    gap = low - high
    continued = high * high / gap if gap > T(0) else T(math.inf)
    bound = continued if high > rounding_level(largest) else high
    return bound if decay < T(1) else T(math.inf)


@scalar_function
def allowed_error(total, n_pairs, norm_sq, tolerance):
    """Give a sample's, or a unit's, share of the tolerance in the norm of a sum over edges.

    An error δ of g(k, n) adds at most δ² Σ_i x̂_in² to ‖H_in‖², and δ² Σ_i m_ki² to ‖B_in‖²; the
    norms are shared equally among all (sample, unit) pairs.

    Parameters
    ----------
    total : float
        Σ g² over all pairs, each weighted by its `norm_sq`.
    n_pairs : float
        How many pairs there are.
    norm_sq : float
        Σ_i x̂_in² of the sample, or Σ_i m_ki² of the unit.
    tolerance : float
        Relative error allowed in the norm.

    Returns
    -------
    float
        Error allowed in g.
    """
    T = type(norm_sq)
    least = T(1e-300) if is_double(norm_sq) else T(1e-37)
    return tolerance * math.sqrt(total / n_pairs / (norm_sq if norm_sq > least else least))
