"""How the constants of the scalar functions were made: minimax fits of relative error.

``python minimax.py`` prints them all.
"""

import mpmath as mp

mp.mp.dps = 60
HALF_LOG_TWO = mp.log(2) / 2 * mp.mpf("1.0001")
LOG_RANGE = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0001")


def second_tail(x):
    """t(x) = 2/(x + 3/(x + …)), from 1/(h(x) − x) − x; the digits lost are made up for."""
    with mp.workdps(60 + int(8 * mp.log10(1 + x))):
        ratio = mp.sqrt(2 / mp.pi) * mp.exp(-x * x / 2) / mp.erfc(x / mp.sqrt(2))
        return 1 / (ratio - x) - x


def exponential_rest(r):
    """(e^r − 1 − r)/r²."""
    return mp.mpf(1) / 2 + r / 6 if abs(r) < mp.mpf("1e-25") else (mp.expm1(r) - r) / r**2


def logarithm_rest(z):
    """(log((1 + s)/(1 − s)) − 2s)/(s z) with z = s²."""
    s = mp.sqrt(z)
    return mp.mpf(2) / 3 if z == 0 else (mp.log((1 + s) / (1 - s)) - 2 * s) / (s * z)


def error_function_ratio(z):
    """erf(x)/x with z = x²."""
    x = mp.sqrt(z)
    return 2 / mp.sqrt(mp.pi) if z == 0 else mp.erf(x) / x


def polynomial(coefficients, x):
    """Σ_j coefficients_j x^j, by Horner's rule."""
    total = mp.mpf(0)
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def _extrema(errors, count):
    """Indices of `count` extrema of alternating sign."""
    chosen = [0]
    for i, error in enumerate(errors):
        if (error > 0) != (errors[chosen[-1]] > 0):
            chosen.append(i)
        elif abs(error) > abs(errors[chosen[-1]]):
            chosen[-1] = i
    while len(chosen) > count:
        del chosen[0 if abs(errors[chosen[0]]) < abs(errors[chosen[-1]]) else -1]
    return chosen


def _solve(points, values, signs, top, bottom, error):
    """Solve P(x) = f(x) (1 ± E) Q(x) for P of `top` and Q of `bottom` terms and a leading 1."""
    size = top + bottom + 1
    denominator = [mp.mpf(1)] * size
    for _ in range(6):
        system, right = mp.matrix(size, size), mp.matrix(size, 1)
        for i, (x, value, sign) in enumerate(zip(points, values, signs, strict=True)):
            shifted = value * (1 + sign * error)
            row = [x**j for j in range(top)] + [-shifted * x**j for j in range(bottom)]
            row += [-sign * value * denominator[i]]
            scale = (1 + abs(x)) ** max(top, bottom)
            for j, entry in enumerate(row):
                system[i, j] = entry / scale
            right[i] = shifted * x**bottom / scale
        solution = list(mp.lu_solve(system, right))
        numerator, lower = solution[:top], solution[top:-1]
        error += solution[-1]
        denominator = [polynomial([*lower, 1], x) for x in points]
    return numerator, lower, error


def minimax(function, grid, top, bottom=0):
    """Fit P/Q on a grid by Remez exchange.

    Returns the coefficients of P and of Q (from the constant; the leading 1 of Q left out), and the
    largest relative error on the grid.
    """
    size = top + bottom + 1
    exact = [function(x) for x in grid]
    # The grid is denser towards its ends already.
    chosen = [round((len(grid) - 1) * (2 * i + 1) / (2 * size)) for i in range(size)]
    signs = [(-1) ** i for i in range(size)]
    error = mp.mpf(0)
    for _ in range(12):
        points, values = [grid[i] for i in chosen], [exact[i] for i in chosen]
        numerator, lower, error = _solve(points, values, signs, top, bottom, error)
        errors = [
            polynomial(numerator, x) / polynomial([*lower, 1], x) / value - 1
            for x, value in zip(grid, exact, strict=True)
        ]
        chosen = _extrema(errors, size)
        largest = max(abs(value) for value in errors)
        if len(chosen) < size or largest < abs(error) * (1 + mp.mpf("1e-3")):
            break
    return numerator, lower, largest


def interval(low, high, size=1500):
    """Points of [low, high], denser towards its ends."""
    middle, half = (mp.mpf(low) + high) / 2, (mp.mpf(high) - low) / 2
    return [middle - half * mp.cos(mp.pi * i / size) for i in range(size + 1)]


def half_line(size=1500):
    """Points of [0, 1e6), by x = 2 (1 + t)/(1 − t)."""
    points = interval(-1, 1, size)[:-2]
    return [2 * (1 + t) / (1 - t) for t in points]


FITS = {
    "second tail, single": (second_tail, half_line, 6, 6),
    "second tail, double": (second_tail, half_line, 10, 10),
    "exponential, single": (exponential_rest, lambda: interval(-HALF_LOG_TWO, HALF_LOG_TWO), 5, 0),
    "exponential, double": (exponential_rest, lambda: interval(-HALF_LOG_TWO, HALF_LOG_TWO), 10, 0),
    "logarithm, single": (logarithm_rest, lambda: interval(0, LOG_RANGE), 3, 0),
    "logarithm, double": (logarithm_rest, lambda: interval(0, LOG_RANGE), 7, 0),
    "error function, single": (error_function_ratio, lambda: interval(0, mp.mpf("0.25")), 5, 0),
    "error function, double": (error_function_ratio, lambda: interval(0, mp.mpf("0.25")), 9, 0),
}


def fit(name):
    """Make one of the fits: coefficients of P and Q, and the relative error."""
    function, grid, top, bottom = FITS[name]
    return minimax(function, grid(), top, bottom)


if __name__ == "__main__":
    for name in FITS:
        numerator, denominator, error = fit(name)
        print(f"{name}: relative error {mp.nstr(error, 3)}")
        print("    P", [mp.nstr(value, 19) for value in numerator])
        print("    Q", [mp.nstr(value, 19) for value in denominator])
