"""What a weight prior is: a frozen record of scalar functions and of its start.

There is one of each, known by its identity: kernels are looked up by it in every step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, eq=False)
class WeightPrior:
    """Factorised family of weight distributions, P(w) ∝ exp(Hw − Gw²/2) on the values of w.

    Attributes
    ----------
    name : str
        Name in the registry.
    mean : callable
        ``mean(field, precision) -> m``, scalars.
    variance : callable
        ``variance(mean, precision) -> sigma``, scalars: the variance of that member of the family
        which has this mean, damped or not, and this precision.
    point : callable
        ``point(mean, variance) -> w``, NumPy arrays: the weights of the point network.
    draw : callable
        ``draw(rng, n_in, n_out, init_scale) -> (field, precision)``, the start of training on the
        host: float64 arrays (n_in, n_out), `precision` None if the family has none. `rng` is a
        ``numpy.random.RandomState``.
    has_precision : bool
        Whether G is a parameter of the family. It is none where w² is a constant; `precision`
        arguments are then ignored.
    has_unit_square : bool
        Whether E[w²] is 1 whatever the parameters.
    largest_mean : float
        Bound of |m|.
    least_precision : float
        Smallest G that a weight can have.
    least_precision_in : float
        Smallest G_in of a sweep that counts; anything below counts as this.
    array_mean : callable or None
        NumPy's own `mean` of whole arrays, where it has one; elsewhere on the host a compiled loop
        calls `mean`.
    """

    name: str
    mean: Callable
    variance: Callable
    point: Callable
    draw: Callable
    has_precision: bool = True
    has_unit_square: bool = False
    largest_mean: float = inf
    least_precision: float = -inf
    least_precision_in: float = -inf
    array_mean: Callable | None = None
