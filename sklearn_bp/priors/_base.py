"""What a weight prior is: a frozen record of scalar functions and of its start.

There is one of each, known by its identity: kernels are looked up by it in every step.
"""

from collections.abc import Callable
from dataclasses import dataclass

MIN_PRECISION = 1e-6
"""Smallest precision G of a weight, which keeps its mean H/G and variance 1/G finite."""


@dataclass(frozen=True, eq=False)
class WeightPrior:
    """Factorised family of weight distributions in natural parameters.

    Attributes
    ----------
    name : str
        Name in the registry.
    uses_precision : bool
        Whether the family has a precision G beside the field H. If not, `precision` arguments are
        ignored.
    mean : callable
        ``mean(field, precision) -> m``, scalars.
    variance : callable
        ``variance(mean, precision) -> sigma``, scalars; sigma is a variance.
    draw : callable
        ``draw(rng, n_in, n_out, init_scale, dtype) -> (field, precision)``, the start of training
        on the host: arrays (n_in, n_out), `precision` None if the family has none. `rng` is a
        ``numpy.random.RandomState``.
    """

    name: str
    uses_precision: bool
    mean: Callable
    variance: Callable
    draw: Callable
