"""Algorithms: mean field, AMP, BP-inspired and belief propagation.

To add one, write a subclass of :class:`Algorithm` in a file of its own and enter it here.
"""

from ._base import Algorithm, NoArrays
from .amp import ApproximateMessagePassing
from .bp import BeliefPropagation
from .bpi import BPInspired
from .mean_field import MeanField

ALGORITHMS = {
    algorithm.name: algorithm
    for algorithm in (BeliefPropagation(), BPInspired(), MeanField(), ApproximateMessagePassing())
}
"""All algorithms by name."""

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "ApproximateMessagePassing",
    "BPInspired",
    "BeliefPropagation",
    "MeanField",
    "NoArrays",
]
