"""The kernel that rounds weight means to ±1 and keeps pre-activations."""

from ._compile import FASTMATH_SUM, cpu_kernel

LEAST_GAIN = 1e-6
"""The least gain of a flip, in second moments of its input: no flip gains by rounding alone."""


@cpu_kernel(fastmath=FASTMATH_SUM)
def round_units(second_moment, weight, slope, start, stop):
    """Flip signs of single weights, as long as that brings a unit's pre-activations closer.

    The distance of a unit is δᵀ C δ, where δ are the differences of its weights from their means
    and C the second moment of its inputs. Flipping weight i changes it by 2 d (C δ)_i + d² C_ii,
    with d = −2 w_i.

    Parameters
    ----------
    second_moment : ndarray of float64, shape (N, N)
        C, IN.
    weight : ndarray of float64, shape (K, N)
        w, IN/OUT: ±1, or 0 where there is no weight, which stays so.
    slope : ndarray of float64, shape (K, N)
        C δ, IN/OUT.
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
                change = -2 * weight[k, i]
                gain = 2 * change * slope[k, i] + change * change * second_moment[i, i]
                if gain < -LEAST_GAIN * second_moment[i, i]:
                    weight[k, i] = -weight[k, i]
                    for j in range(weight.shape[1]):
                        slope[k, j] += change * second_moment[i, j]
                    flips += 1
    return flips
