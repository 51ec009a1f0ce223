"""One step's whole input as a value: what the golden, the random and the exact cases share."""

from dataclasses import dataclass

import numpy as np

from .message_passing import pasp_step


@dataclass(frozen=True)
class StepCase:
    """A mini-batch (X, y), the layers before the step, and the settings of the step.

    ``y`` is ±1 for the sign output and a class index for argmax; ``sample_weight`` (M,) or None;
    ``label_noise`` is the chance that a label is wrong, ``likelihood_weight`` how often a step
    counts it.
    `step` takes another algorithm than the case's own, to compare the two.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    layers: tuple
    algo: str = "bp"
    activation: str = "sign"
    output: str = "sign"
    n_inner_iter: int = 1
    reinforcement: float = 0.0
    sample_weight: np.ndarray | None = None
    label_noise: float = 0.0
    likelihood_weight: float = 1.0

    def step(self, algo=None):
        """The oracle's posterior layers and the trace of the last sweep."""
        return pasp_step(
            self.X,
            self.y,
            self.layers,
            algo=algo or self.algo,
            activation=self.activation,
            output=self.output,
            n_inner_iter=self.n_inner_iter,
            reinforcement=self.reinforcement,
            sample_weight=self.sample_weight,
            label_noise=self.label_noise,
            likelihood_weight=self.likelihood_weight,
        )
