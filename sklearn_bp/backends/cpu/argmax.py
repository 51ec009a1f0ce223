"""Kernels of the argmax output, whose units are coupled: one sample at a time.

`omega` and `v` (M, K) hold a sample's outputs, `y` (M,) its class index. All arrays of numbers have
one floating-point type. A kernel works on the rows ``start:stop``. The scalar formulas, and the
reasoning behind the exact integral, are in :mod:`sklearn_bp.channels.argmax`.
"""

import math

import numpy as np
from numba import njit

from ...channels.argmax import (
    MAX_NEWTON,
    MOST_FACTORS,
    N_NODES,
    NODES,
    WEIGHTS,
    factor_scale,
    log_gaussian_integral,
    mode_found,
    own_factor,
    pair,
    pair_parts,
    panel_end,
    rival_lead,
    support_drop,
    too_deep,
)
from ...scalar import exp, log, log_gaussian_tail
from ._compile import FASTMATH_SUM, cpu_kernel, flat_rows

_row_function = njit(nogil=True, error_model="numpy", fastmath=FASTMATH_SUM)


@cpu_kernel()
def argmax_pairwise(y, omega, v, g, gamma, start, stop):
    """Compute g and Γ (M, K) of the pairwise form."""
    # The outputs hold the arguments first: along a line of all pairs the special functions
    # vectorise, which they would not along the few classes of a sample.
    for n in range(start, stop):
        c = y[n]
        for k in range(omega.shape[1]):
            g[n, k] = omega[n, c] - omega[n, k]
            gamma[n, k] = v[n, c] + v[n, k]
    leads, variances = flat_rows(g, start, stop), flat_rows(gamma, start, stop)
    for i in range(leads.size):
        _, slope, variances[i] = pair(leads[i], variances[i])
        leads[i] = -slope
    zero = omega.dtype.type(0)
    for n in range(start, stop):
        g_class = zero
        gamma_class = zero
        for k in range(omega.shape[1]):
            g_class -= g[n, k] if k != y[n] else zero
            gamma_class += gamma[n, k] if k != y[n] else zero
        g[n, y[n]] = g_class
        gamma[n, y[n]] = gamma_class


@cpu_kernel()
def argmax_pairwise_normalised(y, omega, v, log_z, log_products, scratch, start, stop):
    """Compute log Z of the pairwise form, normalised to be a probability; `log_z` (M,) OUT.

    Products over pairs do not add up to 1 over classes. `log_products`, `scratch` (M, K) are
    overwritten.
    """
    n_classes = omega.shape[1]
    for n in range(start, stop):
        for k in range(n_classes):
            log_products[n, k] = 0
    for shift in range(1, n_classes):
        for n in range(start, stop):
            for k in range(n_classes):
                rival = k + shift if k + shift < n_classes else k + shift - n_classes
                lead = omega[n, k] - omega[n, rival]
                scratch[n, k] = -lead / math.sqrt(v[n, k] + v[n, rival])
        totals, ratios = flat_rows(log_products, start, stop), flat_rows(scratch, start, stop)
        for i in range(totals.size):
            totals[i] += log_gaussian_tail(ratios[i])
    for n in range(start, stop):
        log_z[n] = log_products[n, y[n]] - _log_sum_exp(log_products, n)


@_row_function
def _log_sum_exp(array, n):
    """Logarithm of the sum of exponentials of a row."""
    largest = array[n, 0]
    for k in range(1, array.shape[1]):
        largest = max(largest, array[n, k])
    total = array.dtype.type(0)
    for k in range(array.shape[1]):
        total += exp(array[n, k] - largest)
    return largest + log(total)


@cpu_kernel()
def argmax_pairwise_log_z(y, omega, v, log_z, scratch, start, stop):
    """Compute φ of the pairwise form; `log_z` (M,) OUT, `scratch` (M, K) is overwritten."""
    zero = omega.dtype.type(0)
    for n in range(start, stop):
        c = y[n]
        for k in range(omega.shape[1]):
            lead = omega[n, c] - omega[n, k]
            scratch[n, k] = -lead / math.sqrt(v[n, c] + v[n, k])
    ratios = flat_rows(scratch, start, stop)
    for i in range(ratios.size):
        ratios[i] = log_gaussian_tail(ratios[i])
    for n in range(start, stop):
        total = zero
        for k in range(omega.shape[1]):
            total += scratch[n, k] if k != y[n] else zero
        log_z[n] = total


@_row_function
def _log_integrand(omega, v, n, c, origin, t):
    """Logarithm of the integrand at z = ω_c + origin + t."""
    zero, one = omega.dtype.type(0), omega.dtype.type(1)
    total, _, _ = own_factor(origin, t, v[n, c])
    for k in range(omega.shape[1]):
        log_tail, _, _ = pair(rival_lead(omega[n, c], omega[n, k], origin, t), v[n, k])
        # A factor, where a condition would let the compiler skip the class's own pair, and with it
        # the vectors.
        counts = one if k != c else zero
        total += counts * log_tail
    return total


@_row_function
def _slope(omega, v, n, c, origin, t):
    """Slope of the logarithm of the integrand at z = ω_c + origin + t, and minus its curvature."""
    zero, one = omega.dtype.type(0), omega.dtype.type(1)
    _, slope, curvature = own_factor(origin, t, v[n, c])
    for k in range(omega.shape[1]):
        _, g, gamma = pair(rival_lead(omega[n, c], omega[n, k], origin, t), v[n, k])
        counts = one if k != c else zero
        slope += counts * g
        curvature += counts * gamma
    return slope, curvature


@_row_function
def _newton_to_mode(omega, v, n, c, origin):
    """Take Newton steps from `origin` on its left up to the mode; return the distance covered."""
    t = omega.dtype.type(0)
    for _ in range(MAX_NEWTON):
        slope, curvature = _slope(omega, v, n, c, origin, t)
        following = t + slope / curvature
        if mode_found(slope, curvature) or following == t:
            break
        t = following
    return t


@_row_function
def _support_end(omega, v, n, c, origin, t, level):
    """Pull an end of the support towards the mode until the integrand is near exp(level).

    At t its logarithm is under `level`; a tangent of a concave function stays above it, so that
    no step goes past the level.
    """
    two = omega.dtype.type(2)
    depth = support_drop(t)
    for _ in range(MAX_NEWTON):
        value = _log_integrand(omega, v, n, c, origin, t)
        if value > level - depth / two:
            break
        slope, _ = _slope(omega, v, n, c, origin, t)
        t += (level - value) / slope
    return t


@_row_function
def _mode(omega, v, n, c):
    """Origin near the mode, and from there the mode, with log f and κ at the mode."""
    origin = _newton_to_mode(omega, v, n, c, omega.dtype.type(0))
    # Again from there: the first distance may be too long to resolve a narrow mode.
    mode = _newton_to_mode(omega, v, n, c, origin)
    _, curvature = _slope(omega, v, n, c, origin, mode)
    return origin, mode, _log_integrand(omega, v, n, c, origin, mode), curvature


@_row_function
def _support(omega, v, n, c, origin, mode, peak, curvature):
    """Ends of the support of the integrand."""
    two = omega.dtype.type(2)
    depth = support_drop(mode)
    level = peak - depth
    left = mode - math.sqrt(two * depth / curvature)
    reach = math.sqrt(two * depth * v[n, c])
    right = mode + reach
    for _ in range(MAX_NEWTON):
        value = _log_integrand(omega, v, n, c, origin, right)
        if value <= level:
            break
        right += reach
    left = _support_end(omega, v, n, c, origin, left, level)
    return left, _support_end(omega, v, n, c, origin, right, level)


@_row_function
def _panel(omega, v, n, c, origin, t, end):
    """Right end of the panel that starts at t."""
    scale = omega.dtype.type(math.inf)
    for k in range(omega.shape[1]):
        if k != c:
            lead = rival_lead(omega[n, c], omega[n, k], origin, t)
            candidate = factor_scale(lead, v[n, k])
            scale = candidate if candidate < scale else scale
    slope, curvature = _slope(omega, v, n, c, origin, t)
    return panel_end(t, end, scale, slope, curvature)


@_row_function
def _log_weights(omega, v, n, c, origin, t, half, peak, nodes, values, products):
    """Logarithm of the integrand at the nodes of the panel that starts at t, less `peak`.

    `nodes`, `values` (N_NODES,) OUT, `nodes` as distances from ω_c + origin; `products` (N_NODES,)
    is scratch.
    """
    T = omega.dtype.type
    middle, own_variance = omega[n, c], v[n, c]
    for j in range(N_NODES):
        nodes[j] = t + half * (T(1) + T(NODES[j]))
        # Less the peak at once: logarithms of products would be lost in numbers as large.
        values[j] = own_factor(origin, nodes[j], own_variance)[0] - peak
        products[j] = T(1)
    n_factors = 0
    for k in range(omega.shape[1]):
        if k != c:
            # Numbers, not entries of arrays that might be the ones written to: it vectorises.
            rival, variance = omega[n, k], v[n, k]
            for j in range(N_NODES):
                lead = rival_lead(middle, rival, origin, nodes[j])
                exponent, factor = pair_parts(lead, variance)
                values[j] += exponent
                products[j] *= factor
            n_factors += 1
            if n_factors % MOST_FACTORS == 0:
                _move_logarithms(products, values)
    _move_logarithms(products, values)


@_row_function
def _move_logarithms(products, values):
    """Add the logarithms of some products to values, and begin new products."""
    for j in range(N_NODES):
        values[j] += log(products[j])
        products[j] = 1


@_row_function
def _add_panel(omega, v, n, c, origin, t, right, peak, scratch):
    """Integrate over the panel from t to `right`, relative to exp(peak).

    Rows 0 and 1 of `scratch` OUT: nodes, their weighted integrands; row 2 is used up.
    """
    T = omega.dtype.type
    half = T(0.5) * (right - t)
    _log_weights(omega, v, n, c, origin, t, half, peak, scratch[0], scratch[1], scratch[2])
    total = T(0)
    for j in range(N_NODES):
        scratch[1, j] = half * T(WEIGHTS[j]) * exp(scratch[1, j])
        total += scratch[1, j]
    return total


@_row_function
def _log_integral(omega, v, n, c, scratch):
    """Logarithm of the exact integral for class c of sample n."""
    origin, mode, peak, curvature = _mode(omega, v, n, c)
    if too_deep(peak):
        return log_gaussian_integral(peak, curvature)
    t, end = _support(omega, v, n, c, origin, mode, peak, curvature)
    total = omega.dtype.type(0)
    while t < end:
        right = _panel(omega, v, n, c, origin, t, end)
        total += _add_panel(omega, v, n, c, origin, t, right, peak, scratch)
        t = right
    return peak + log(total)


@_row_function
def _add_means(omega, v, n, c, origin, scratch, g, gamma):
    """Add a panel's share to the sums of −D (in `g`) and κ (in `gamma`) of all rivals."""
    T = omega.dtype.type
    for k in range(omega.shape[1]):
        slope_sum = T(0)
        curvature_sum = T(0)
        for j in range(N_NODES):
            lead = rival_lead(omega[n, c], omega[n, k], origin, scratch[0, j])
            _, slope, curvature = pair(lead, v[n, k])
            slope_sum += scratch[1, j] * slope
            curvature_sum += scratch[1, j] * curvature
        g[n, k] -= slope_sum
        gamma[n, k] += curvature_sum


@_row_function
def _finish_means(v, n, c, total, g, gamma):
    """Turn the sums into g and ⟨κ⟩; return the factor with most of Σ ⟨κ⟩, else −1.

    The ⟨κ⟩ of that factor is replaced by the sum of the others.
    """
    T = v.dtype.type
    g_class = T(0)
    all_curvature = T(1) / v[n, c]
    for k in range(v.shape[1]):
        g[n, k] /= total
        gamma[n, k] /= total
        g_class -= g[n, k] if k != c else T(0)
        all_curvature += gamma[n, k] if k != c else T(0)
    g[n, c] = g_class
    gamma[n, c] = T(1) / v[n, c]
    dominant = -1
    for k in range(v.shape[1]):
        if gamma[n, k] > T(0.5) * all_curvature:
            dominant = k
    if dominant >= 0:
        others = T(0)
        for k in range(v.shape[1]):
            others += gamma[n, k] if k != dominant else T(0)
        gamma[n, dominant] = others
    return dominant


@_row_function
def _sum_slopes(omega, v, n, c, origin, nodes, slopes):
    """Slope of the logarithm of the integrand at the nodes; `slopes` (N_NODES,) OUT."""
    middle, own_variance = omega[n, c], v[n, c]
    for j in range(N_NODES):
        _, slopes[j], _ = own_factor(origin, nodes[j], own_variance)
    for k in range(omega.shape[1]):
        if k != c:
            rival, variance = omega[n, k], v[n, k]
            for j in range(N_NODES):
                _, slope, _ = pair(rival_lead(middle, rival, origin, nodes[j]), variance)
                slopes[j] += slope


@_row_function
def _subtract_variances(omega, v, n, c, origin, scratch, total, dominant, g, gamma):
    """Subtract a panel's share of the variance of every factor's D from `gamma`.

    For the dominant factor it is the variance of the sum of all the other factors.
    """
    T = omega.dtype.type
    for k in range(omega.shape[1]):
        variance = T(0)
        for j in range(N_NODES):
            lead = rival_lead(omega[n, c], omega[n, k], origin, scratch[0, j])
            _, own_slope, _ = own_factor(origin, scratch[0, j], v[n, c])
            _, rival_slope, _ = pair(lead, v[n, k])
            deviation = (own_slope if k == c else rival_slope) + g[n, k]
            deviation = scratch[2, j] - deviation if k == dominant else deviation
            variance += scratch[1, j] * (deviation * deviation)
        gamma[n, k] -= variance / total


@_row_function
def _gaussian_row(omega, v, n, c, origin, mode, g, gamma):
    """Compute g and Γ from the mode alone, with Γ_a = κ_a Σ_{b≠a} κ_b / Σ κ."""
    zero = omega.dtype.type(0)
    _, all_curvature = _slope(omega, v, n, c, origin, mode)
    g_class = zero
    for k in range(omega.shape[1]):
        _, slope, curvature = pair(rival_lead(omega[n, c], omega[n, k], origin, mode), v[n, k])
        g[n, k] = -slope
        gamma[n, k] = curvature
        g_class += slope if k != c else zero
    g[n, c] = g_class
    _, _, gamma[n, c] = own_factor(origin, mode, v[n, c])
    dominant = 0
    others = zero
    for k in range(omega.shape[1]):
        dominant = k if gamma[n, k] > gamma[n, dominant] else dominant
    for k in range(omega.shape[1]):
        others += gamma[n, k] if k != dominant else zero
    for k in range(omega.shape[1]):
        rest = others if k == dominant else all_curvature - gamma[n, k]
        gamma[n, k] *= rest / all_curvature


@_row_function
def _exact_row(omega, v, n, c, scratch, g, gamma):
    """Compute g and Γ of one sample: first the means over the integrand, then the variances.

    Returns log Z. `scratch` (3, N_NODES) is overwritten: nodes, weighted integrands, slopes.
    """
    zero = omega.dtype.type(0)
    origin, mode, peak, curvature = _mode(omega, v, n, c)
    if too_deep(peak):
        _gaussian_row(omega, v, n, c, origin, mode, g, gamma)
        return log_gaussian_integral(peak, curvature)
    for k in range(omega.shape[1]):
        g[n, k] = zero
        gamma[n, k] = zero
    left, end = _support(omega, v, n, c, origin, mode, peak, curvature)
    total = zero
    t = left
    while t < end:
        right = _panel(omega, v, n, c, origin, t, end)
        total += _add_panel(omega, v, n, c, origin, t, right, peak, scratch)
        _add_means(omega, v, n, c, origin, scratch, g, gamma)
        t = right
    dominant = _finish_means(v, n, c, total, g, gamma)
    t = left
    while t < end:
        right = _panel(omega, v, n, c, origin, t, end)
        _add_panel(omega, v, n, c, origin, t, right, peak, scratch)
        _sum_slopes(omega, v, n, c, origin, scratch[0], scratch[2])
        _subtract_variances(omega, v, n, c, origin, scratch, total, dominant, g, gamma)
        t = right
    for k in range(omega.shape[1]):
        # φ is concave: what is negative is rounding.
        gamma[n, k] = zero if gamma[n, k] < zero else gamma[n, k]
    log_z = peak + log(total)
    return zero if log_z > zero else log_z


@cpu_kernel()
def argmax_exact(y, omega, v, log_z, g, gamma, start, stop):
    """Compute g and Γ of the exact form, and log Z; `g`, `gamma` (M, K), `log_z` (M,) OUT."""
    scratch = np.empty((3, N_NODES), omega.dtype)
    for n in range(start, stop):
        log_z[n] = _exact_row(omega, v, n, y[n], scratch, g, gamma)


@cpu_kernel()
def argmax_probabilities(omega, v, proba, start, stop):
    """Compute P(argmax z = c) for all classes c, rows summing to 1; `proba` (M, K) OUT."""
    T = omega.dtype.type
    scratch = np.empty((3, N_NODES), omega.dtype)
    for n in range(start, stop):
        largest = T(-math.inf)
        for c in range(omega.shape[1]):
            proba[n, c] = _log_integral(omega, v, n, c, scratch)
            largest = proba[n, c] if proba[n, c] > largest else largest
        total = T(0)
        for c in range(omega.shape[1]):
            proba[n, c] = exp(proba[n, c] - largest)
            total += proba[n, c]
        for c in range(omega.shape[1]):
            proba[n, c] /= total
