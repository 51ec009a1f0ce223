"""The defaults that tests of ±1 networks were written for."""

from contextlib import contextmanager

from sklearn_bp._estimators.base import MessagePassingClassifier

EARLIER_DEFAULTS = {
    "algo": "bp",
    "weight_prior": "binary",
    "output_rho": 0.9,
    "damping": 0.9,
    "argmax": "pairwise",
    "likelihood_weight": 1.0,
    "label_noise": 0.0,
}
"""Networks of ±1 weights, certain labels, every sample counted once per epoch."""


@contextmanager
def earlier_defaults():
    """Let both classifiers have these defaults, in this process."""
    init = MessagePassingClassifier.__init__
    keywords, positional = dict(init.__kwdefaults__), init.__defaults__
    init.__kwdefaults__.update(EARLIER_DEFAULTS)
    init.__defaults__ = ((101,),)
    try:
        yield
    finally:
        init.__kwdefaults__.update(keywords)
        init.__defaults__ = positional
