"""Where pickles of version 0.1 look for `BPClassifier`."""

from ._estimators.classifier import BPClassifier as BPClassifier
