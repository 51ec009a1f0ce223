"""Networks trained in other ways, as scikit-learn estimators: what message passing is compared to.

All have sign activations and no intercepts, as the networks of the paper. Those trained by
gradients need PyTorch, which is imported when one of them is asked for.
"""

from ._ebp import ExpectationBackpropagationClassifier

__all__ = [
    "BinaryNetClassifier",
    "ContinuousClassifier",
    "ExpectationBackpropagationClassifier",
    "clip",
    "make_layers",
]


def __getattr__(name):
    """Import what needs PyTorch."""
    if name in ("BinaryNetClassifier", "ContinuousClassifier", "clip", "make_layers"):
        from . import _gradient

        return getattr(_gradient, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
