"""The kernel that rounds weight means to ±1 and keeps pre-activations."""

from ._compile import FASTMATH_SUM, cpu_kernel

LEAST_GAIN = 1e-6
"""The least gain of a flip, in second moments of its input: no flip gains by rounding alone."""

LEAST_GROWTH = 1e-9
"""The least relative growth of what the squared pre-activations explain, for the same reason."""

LEAST_SQUARE = 1e-10
"""Squared pre-activations that are less than this, in those of unrelated inputs, have cancelled."""


@cpu_kernel()
def _is_closer(agreement, square, agreement_then, square_then, gain_limit):
    """Tell whether a flip brings a unit closer whose factor is 1 (`round_units`)."""
    return square - 2 * agreement - (square_then - 2 * agreement_then) > gain_limit


@cpu_kernel()
def _explains_more(agreement, square, agreement_then, square_then, cancelled):
    """Tell whether a flip brings a unit closer whose factor is free (`round_units`)."""
    if square_then <= cancelled:
        return False
    if agreement <= 0 or square <= cancelled:
        return agreement_then > agreement
    explained = agreement * agreement * square_then
    return agreement_then > 0 and agreement_then * agreement_then * square > explained * (
        1 + LEAST_GROWTH
    )


@cpu_kernel(fastmath=FASTMATH_SUM)
def round_units(
    second_moment, target, weight, product, agreement, square, cancelled, free_scale, start, stop
):
    """Flip signs of single weights, as long as that brings a unit's pre-activations closer.

    With C the second moment of its inputs, m its means and w its weights, a unit is
    wᵀ C w − 2 wᵀ C m away from its means, up to what does not depend on w; or, if a factor is free,
    −(wᵀ C m)² / wᵀ C w, with the factor wᵀ C m / wᵀ C w on the weights. Flipping weight i by
    d = −2 w_i changes wᵀ C m by d (C m)_i and wᵀ C w by 2 d (C w)_i + d² C_ii.

    Parameters
    ----------
    second_moment : ndarray of float64, shape (N, N)
        C, IN.
    target : ndarray of float64, shape (K, N)
        C m, IN.
    weight : ndarray of float64, shape (K, N)
        w, IN/OUT: ±1, or 0 where there is no weight, which stays so.
    product : ndarray of float64, shape (K, N)
        C w, IN/OUT.
    agreement : ndarray of float64, shape (K,)
        wᵀ C m, IN/OUT.
    square : ndarray of float64, shape (K,)
        wᵀ C w, IN/OUT.
    cancelled : ndarray of float64, shape (K,)
        wᵀ C w that is rounding alone, IN; such weights have no factor.
    free_scale : bool
        Whether a factor per unit is free.
    start, stop : int
        The units.

    Returns
    -------
    int
        How many flips there were.
    """
    flips = 0
    for k in range(start, stop):
        before = -1
        while before != flips:
            before = flips
            for i in range(weight.shape[1]):
                change, moment = -2 * weight[k, i], second_moment[i, i]
                agreement_then = agreement[k] + change * target[k, i]
                square_then = square[k] + 2 * change * product[k, i] + change * change * moment
                if free_scale:
                    helps = _explains_more(
                        agreement[k], square[k], agreement_then, square_then, cancelled[k]
                    )
                else:
                    helps = _is_closer(
                        agreement[k], square[k], agreement_then, square_then, LEAST_GAIN * moment
                    )
                if helps:
                    weight[k, i] = -weight[k, i]
                    for j in range(weight.shape[1]):
                        product[k, j] += change * second_moment[i, j]
                    agreement[k], square[k] = agreement_then, square_then
                    flips += 1
    return flips
