"""Where pickles of version 0.1 look for `BayesBPClassifier`."""

from ._estimators.bayes import BayesBPClassifier as BayesBPClassifier
