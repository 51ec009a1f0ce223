"""Multilayer perceptrons trained by message passing, in scikit-learn's API."""

from ._estimators.bayes import BayesBPClassifier
from ._estimators.classifier import BPClassifier
from ._estimators.merge import merge
from ._estimators.persistence import load
from ._estimators.rounding import round_weights
from ._version import __version__

__all__ = ["BPClassifier", "BayesBPClassifier", "__version__", "load", "merge", "round_weights"]
