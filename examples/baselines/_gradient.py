"""Networks with sign activations trained by gradients that go straight through the signs."""

import numpy as np
import torch
from torch import nn

from ._base import MiniBatchClassifier

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


class Sign(torch.autograd.Function):
    """sign(x), +1 at zero; its gradient is taken as 1 where \\|x\\| ≤ 1, and as 0 elsewhere."""

    @staticmethod
    def forward(context, argument):
        """Compute the sign."""
        context.save_for_backward(argument)
        return torch.where(argument >= 0, 1.0, -1.0)

    @staticmethod
    def backward(context, gradient):
        """Let the gradient through."""
        (argument,) = context.saved_tensors
        return gradient * (argument.abs() <= 1)


class SignActivation(nn.Module):
    """A layer of signs."""

    def forward(self, x):
        """Compute the signs."""
        return Sign.apply(x)


class Layer(nn.Module):
    """A layer of weights without intercepts; its output is divided by √fan-in.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    binary : bool
        Whether the signs of the weights are used.
    density : float
        Share of the weights that exist; only these count as fan-in.
    generator : torch.Generator or None
        Draws weights and mask.
    """

    def __init__(self, n_in, n_out, binary=True, density=1.0, generator=None):
        super().__init__()
        self.binary, self.fan_in = binary, density * n_in
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        nn.init.xavier_uniform_(self.weight, generator=generator)
        mask = None
        if density < 1:
            mask = (torch.rand(n_in, n_out, generator=generator) < density).float()
        self.register_buffer("mask", mask)

    def used_weights(self):
        """Compute the weights that the layer multiplies by."""
        weight = Sign.apply(self.weight) if self.binary else self.weight
        return weight if self.mask is None else weight * self.mask

    def forward(self, x):
        """Compute the pre-activations."""
        return x @ self.used_weights() / self.fan_in**0.5


def make_layers(sizes, binary=True, density=1.0, generator=None):
    """Stack layers of weights, with signs between them.

    Parameters
    ----------
    sizes : sequence of int
        Units of all layers, inputs and outputs included.
    binary : bool
        Whether the signs of the weights are used.
    density : float
        Share of the weights that exist.
    generator : torch.Generator or None
        Draws the start.

    Returns
    -------
    torch.nn.Sequential
        The network.
    """
    parts = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        parts += [Layer(n_in, n_out, binary, density, generator), SignActivation()]
    return nn.Sequential(*parts[:-1])


def clip(layers):
    """Bring real weights back to [−1, 1], where their signs' gradients go through.

    Parameters
    ----------
    layers : torch.nn.Sequential
        The network.
    """
    with torch.no_grad():
        for weight in layers.parameters():
            weight.clamp_(-1, 1)


class GradientClassifier(MiniBatchClassifier):
    """Base of the classifiers trained by gradients of the cross-entropy.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(101,)
        Units of the hidden layers.
    optimizer : {"sgd", "adam"}, default="sgd"
        Plain gradient descent, or Adam.
    learning_rate : float, default=10.0
        Its step.
    density : float, default=1.0
        Share of each layer's weights that exist, drawn once.
    batch_size : int, default=128
        Samples per mini-batch.
    max_iter : int, default=100
        Epochs of a call of `fit`.
    warm_start : bool, default=False
        Whether `fit` goes on from the fitted state.
    random_state : int, RandomState instance or None, default=None
        Draws the start and the order of the samples.
    device : str, default="cpu"
        PyTorch's name of where to compute; the start is drawn on the CPU, alike for all.
    """

    binary_weights: bool

    def __init__(
        self,
        hidden_layer_sizes=(101,),
        *,
        optimizer="sgd",
        learning_rate=10.0,
        density=1.0,
        batch_size=128,
        max_iter=100,
        warm_start=False,
        random_state=None,
        device="cpu",
    ):
        super().__init__(
            hidden_layer_sizes,
            batch_size=batch_size,
            max_iter=max_iter,
            warm_start=warm_start,
            random_state=random_state,
        )
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.density = density
        self.device = device

    @property
    def coefs_(self):
        """The weights that predict."""
        with torch.no_grad():
            layers = self._layers[::2]
            return [layer.used_weights().numpy(force=True) for layer in layers]

    def _start(self, sizes, random_state):
        """Draw a network as Xavier Glorot."""
        generator = torch.Generator().manual_seed(random_state.randint(2**31 - 1))
        layers = make_layers(sizes, self.binary_weights, self.density, generator)
        self._layers = layers.to(self.device)
        optimizer = OPTIMIZERS[self.optimizer]
        self._optimizer = optimizer(self._layers.parameters(), lr=self.learning_rate)

    def _learn(self, X, codes):
        """Take a step of gradient descent."""
        z = self._layers(self._as_tensor(X))
        loss = _cross_entropy(z, torch.from_numpy(codes).to(self.device))
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        if self.binary_weights:
            clip(self._layers)
        return z.numpy(force=True)

    def _outputs(self, X):
        """Compute the last layer's pre-activations."""
        with torch.no_grad():
            return self._layers(self._as_tensor(X)).numpy(force=True)

    def _as_tensor(self, X):
        """Hand over an array, as a copy if it must not be written to: PyTorch would warn."""
        return torch.from_numpy(np.require(X, requirements="W")).to(self.device)


def _cross_entropy(z, codes):
    """Compute the mean cross-entropy, of one output unit for two classes or of many."""
    if z.shape[1] > 1:
        return nn.functional.cross_entropy(z, codes)
    return nn.functional.binary_cross_entropy_with_logits(z[:, 0], codes.to(z.dtype))


class BinaryNetClassifier(GradientClassifier):
    """BinaryNet: ±1 weights and sign activations, real weights behind them trained by gradients.

    The signs of the real weights and of the pre-activations are used; gradients go straight
    through where the argument is in [−1, 1], and real weights are clipped to that. Pre-activations
    are divided by √fan-in, and there is no batch norm.

    Parameters are those of :class:`GradientClassifier`.

    References
    ----------
    I. Hubara, M. Courbariaux, D. Soudry, R. El-Yaniv, Y. Bengio, "Binarized neural networks",
    Advances in Neural Information Processing Systems 29, 2016.
    """

    binary_weights = True


class ContinuousClassifier(GradientClassifier):
    """The same network with real weights: sign activations, gradients straight through them.

    Parameters are those of :class:`GradientClassifier`.
    """

    binary_weights = False
