"""φ of every channel in arbitrary precision, straight from its definition, and its derivatives."""

import mpmath as mp
from extensions import values_of

mp.mp.dps = 50


def _tail(x):
    return mp.erfc(x / mp.sqrt(2)) / 2


def sign(B, A, omega, v):
    ratio = omega / mp.sqrt(v)
    return mp.log(mp.exp(B) * _tail(-ratio) + mp.exp(-B) * _tail(ratio))


def identity(B, A, omega, v):
    narrowed = 1 / (A + 1 / v)
    mean = narrowed * (B + omega / v)
    return (mp.log(narrowed / v) + mean**2 / narrowed - omega**2 / v) / 2


def relu(B, A, omega, v):
    narrowed = 1 / (A + 1 / v)
    mean = narrowed * (B + omega / v)
    above = mp.sqrt(narrowed / v) * mp.exp(mean**2 / narrowed / 2 - omega**2 / v / 2)
    return mp.log(_tail(omega / mp.sqrt(v)) + above * _tail(-mean / mp.sqrt(narrowed)))


def of(activation):
    """φ of an activation: by its name, or of one of two values."""
    if activation.name in globals():
        return globals()[activation.name]
    values = values_of(activation)
    assert values, f"registered and untested: {activation.name} is not in tests/channels/precise.py"
    low, high = (mp.mpf(float(value)) for value in values)

    def two_valued(B, A, omega, v):
        ratio, sides = omega / mp.sqrt(v), ((high, -1), (low, 1))
        parts = [mp.exp(B * x - A * x * x / 2) * _tail(side * ratio) for x, side in sides]
        return mp.log(sum(parts))

    return two_valued


def sign_output(y, omega, v):
    return mp.log(_tail(-y * omega / mp.sqrt(v)))


def noisy_output(y, omega, v, noise, n_others):
    """log P(y) where the sign of z is the label's class or one of so many others."""
    share = noise / n_others
    return mp.log(share + (1 - noise - share) * _tail(-y * omega / mp.sqrt(v)))


def derivatives(log_z, arguments, index):
    """First and second derivative of φ in one of its arguments."""
    arguments = [mp.mpf(float(value)) for value in arguments]

    def of_one(value):
        return log_z(*arguments[:index], value, *arguments[index + 1 :])

    return mp.diff(of_one, arguments[index]), mp.diff(of_one, arguments[index], 2)


def value(log_z, arguments):
    """φ itself."""
    return log_z(*(mp.mpf(float(argument)) for argument in arguments))
