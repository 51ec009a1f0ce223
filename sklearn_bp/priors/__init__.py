"""Weight priors, each a record of scalar functions, found by name."""

from ._base import WeightPrior
from .binary import BINARY
from .gaussian import GAUSSIAN
from .ternary import TERNARY

PRIORS: dict[str, WeightPrior] = {prior.name: prior for prior in (BINARY, TERNARY, GAUSSIAN)}
"""Weight priors by name."""

__all__ = ["PRIORS", "WeightPrior"]
