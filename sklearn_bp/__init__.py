"""Multilayer perceptrons trained by message passing, in scikit-learn's API."""

from ._bayes import BayesBPClassifier
from ._classifier import BPClassifier
from ._merge import merge
from ._persistence import load
from ._rounding import round_weights
from ._version import __version__

__all__ = ["BPClassifier", "BayesBPClassifier", "__version__", "load", "merge", "round_weights"]
