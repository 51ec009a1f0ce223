"""Scalar special functions: one definition each, for compiled CPU loops and CUDA kernels."""

from ._jit import is_double, scalar_function
from .elementary import (
    exp,
    exp_between,
    exp_limit,
    exp_limit_for_products,
    expm1,
    log,
    log1p,
    log_cosh,
    tanh,
)
from .gaussian import (
    erf,
    erfcx,
    gaussian_density,
    gaussian_tail,
    inverse_mills_excess,
    inverse_mills_fraction,
    inverse_mills_ratio,
    log_gaussian_tail,
    log_mills_ratio,
    mills_ratio_parts,
    mills_ratio_sides,
    truncated_variance,
)

__all__ = [
    "erf",
    "erfcx",
    "exp",
    "exp_between",
    "exp_limit",
    "exp_limit_for_products",
    "expm1",
    "gaussian_density",
    "gaussian_tail",
    "inverse_mills_excess",
    "inverse_mills_fraction",
    "inverse_mills_ratio",
    "is_double",
    "log",
    "log1p",
    "log_cosh",
    "log_gaussian_tail",
    "log_mills_ratio",
    "mills_ratio_parts",
    "mills_ratio_sides",
    "scalar_function",
    "tanh",
    "truncated_variance",
]
