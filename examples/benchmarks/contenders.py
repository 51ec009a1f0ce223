"""Who runs in the speed benchmark: the package's algorithms, and peers that train by gradients.

A contender trains one network on standardised samples with integer labels. ``epoch(n_samples)``
goes once through the first samples in mini-batches, in an order of its own, as its library does it
in training; nothing else is timed.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.neural_network import MLPClassifier

from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

EXAMPLES = Path(__file__).resolve().parents[1]


class Problem:
    """Samples, and the network that learns them.

    Parameters
    ----------
    X : ndarray of float32, shape (n_samples, n_features)
        Standardised samples.
    y : ndarray of int, shape (n_samples,)
        Labels 0, 1, ...
    hidden : tuple of int
        Units of the hidden layers.
    batch_size : int
        Samples per mini-batch.
    rho : float
        Of the hidden layers, for message passing.
    """

    def __init__(self, X, y, hidden, batch_size, rho=1.0):
        self.X, self.y, self.hidden, self.batch_size = X, y, tuple(hidden), batch_size
        self.n_classes = int(y.max()) + 1
        self.layer_sizes = (X.shape[1], *self.hidden, self.n_classes)
        self.rho, self.posterior = rho, None

    def start(self, **options):
        """Get the posterior that message passing starts from, drawn in the first call."""
        if self.posterior is None:
            network = self.network("mf", **options)
            self.posterior = draw_posterior(network, np.random.RandomState(0))
        return self.posterior

    def network(self, algo, **options):
        """Describe the network for message passing."""
        rho = (self.rho,) * len(self.hidden) + (0.9,)
        return make_network(
            self.layer_sizes, algo=algo, rho=rho, damping=0.8, intercept=False, **options
        )


class ProductsAlone(CpuBackend):
    """A backend that can write down the matrix products of a step, to be repeated alone."""

    def __init__(self):
        super().__init__()
        self.products, self.recording = [], False

    def _note(self, *products):
        """Remember the operands of products while recording."""
        if self.recording:
            self.products.extend(products)

    def matmul(self, a, b, out):
        """Multiply."""
        self._note((a, b, out))
        super().matmul(a, b, out)

    def matmul_pair(self, first, second):
        """Multiply two pairs."""
        self._note(first, second)
        super().matmul_pair(first, second)

    def field_terms(self, inputs, order, scale, coefficients, n_rows, power, terms):
        """Multiply powers of the inputs by coefficients."""
        for p, rows in enumerate(n_rows):
            factor = power if p else inputs
            self._note((factor[:rows].T, coefficients[p, :rows], terms[p]))
        super().field_terms(inputs, order, scale, coefficients, n_rows, power, terms)

    def down_terms(self, mean, n_inputs, inverse_scale, coefficients, n_rows, power, terms):
        """Multiply coefficients by powers of the weights' means."""
        for p, rows in enumerate(n_rows):
            factor = power if p else mean
            self._note((coefficients[p, :rows], factor.T, terms[p, :rows]))
        super().down_terms(mean, n_inputs, inverse_scale, coefficients, n_rows, power, terms)

    def repeat_products(self):
        """Do the recorded products again, and nothing else."""
        largest = max((a.size * b.shape[1] for a, b, _ in self.products), default=0)
        with self.computing(largest):
            for a, b, out in self.products:
                super().matmul(a, b, out)


class MessagePassing:
    """One of the package's algorithms; made within the limits on threads that it shall keep to."""

    def __init__(self, problem, algo, n_threads, **options):
        self.problem, self.backend = problem, ProductsAlone()
        network = problem.network(algo, **options)
        self.engine = Engine(network, problem.start(), self.backend)
        self._random_state = np.random.RandomState(1)

    def epoch(self, n_samples):
        """Take a PasP step per mini-batch."""
        order = self.engine.draw_order(n_samples, self._random_state)
        self.engine.epoch(self.problem.X, self.problem.y, order, self.problem.batch_size)

    def record_products(self):
        """Take one step, remembering its matrix products."""
        self.backend.products, self.backend.recording = [], True
        self.epoch(self.problem.batch_size)
        self.backend.recording = False

    def products(self):
        """Do the matrix products of one step."""
        self.backend.repeat_products()

    def product_size(self):
        """Count multiply-adds of one step's products per weight and sample."""
        sizes = self.problem.layer_sizes
        weights = sum(n * k for n, k in zip(sizes[:-1], sizes[1:], strict=True))
        work = sum(a.shape[0] * a.shape[1] * b.shape[1] for a, b, _ in self.backend.products)
        return work / (weights * self.problem.batch_size)

    def degrees(self):
        """List the degree of the expansion and the share summed exactly, of layers that expand."""
        return [
            [layer.own.degree, layer.own.exact_share]
            for layer in self.engine.layers
            if hasattr(layer.own, "degree")
        ]


class ScikitLearn:
    """MLPClassifier: real weights, ReLU, Adam, float32."""

    def __init__(self, problem, n_threads):
        self.problem = problem
        self.model = MLPClassifier(problem.hidden, batch_size=problem.batch_size, random_state=0)
        self.epoch(problem.batch_size)

    def epoch(self, n_samples):
        """Do one pass; this is what ``partial_fit`` does on many samples."""
        X, y = self.problem.X[:n_samples], self.problem.y[:n_samples]
        self.model.partial_fit(X, y, classes=np.arange(self.problem.n_classes))


class Torch:
    """A PyTorch network trained with Adam.

    ``binary=False``: real weights with biases, ReLU. ``binary=True``: BinaryNet, as among the
    baselines. On a GPU the samples are there beforehand, and an epoch ends when the GPU has.
    """

    def __init__(self, problem, n_threads, binary, device="cpu"):
        import torch

        if n_threads is not None:
            torch.set_num_threads(n_threads)
        torch.manual_seed(0)
        self.torch, self.problem, self.device = torch, problem, device
        self.X = torch.from_numpy(problem.X).to(device)
        self.y = torch.from_numpy(problem.y).to(device)
        self.binary = binary
        make_layers = baselines().make_layers if binary else _real_layers
        self.layers = make_layers(problem.layer_sizes).to(device)
        self.optimizer = torch.optim.Adam(self.layers.parameters(), lr=1e-3)

    def epoch(self, n_samples):
        """Do one pass."""
        torch, size = self.torch, self.problem.batch_size
        order = torch.randperm(n_samples, device=self.device)
        for first in range(0, n_samples, size):
            rows = order[first : first + size]
            loss = torch.nn.functional.cross_entropy(self.layers(self.X[rows]), self.y[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if self.binary:
                baselines().clip(self.layers)
        if self.device != "cpu":
            torch.cuda.synchronize()


def baselines():
    """Import the baselines from the folder beside this one."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    import baselines

    return baselines


def _real_layers(sizes):
    """Stack linear layers and ReLU."""
    from torch import nn

    parts = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        parts += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


class Pytagi:
    """pytagi: real weights with a Gaussian posterior, ReLU, labels one-hot with noise."""

    NOISE_VARIANCE = 0.01

    def __init__(self, problem, n_threads):
        from pytagi import nn

        sizes, parts = problem.layer_sizes, []
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            parts += [nn.Linear(n_in, n_out), nn.ReLU()]
        self.problem, self.network = problem, nn.Sequential(*parts[:-1])
        self.network.set_threads(n_threads)
        self.updater = nn.OutputUpdater(self.network.device)
        self.targets = np.eye(problem.n_classes, dtype=np.float32)

    def epoch(self, n_samples):
        """Do one pass."""
        problem, network = self.problem, self.network
        order = np.random.permutation(n_samples)
        for first in range(0, n_samples, problem.batch_size):
            rows = order[first : first + problem.batch_size]
            network(np.ascontiguousarray(problem.X[rows]).ravel())
            target = self.targets[problem.y[rows]].ravel()
            self.updater.update(
                output_states=network.output_z_buffer,
                mu_obs=target,
                var_obs=np.full_like(target, self.NOISE_VARIANCE),
                delta_states=network.input_delta_z_buffer,
            )
            network.backward()
            network.step()


REFERENCE = "MLPClassifier"
"""What all times are divided by."""

CONTENDERS = {
    REFERENCE: ScikitLearn,
    "mf": lambda problem, n_threads: MessagePassing(problem, "mf", n_threads),
    "amp": lambda problem, n_threads: MessagePassing(problem, "amp", n_threads),
    "bp": lambda problem, n_threads: MessagePassing(problem, "bp", n_threads),
    "bp, exact edges": lambda problem, n_threads: MessagePassing(
        problem, "bp", n_threads, edges="exact"
    ),
    "PyTorch MLP": lambda problem, n_threads: Torch(problem, n_threads, binary=False),
    "PyTorch BinaryNet": lambda problem, n_threads: Torch(problem, n_threads, binary=True),
    "pytagi": Pytagi,
}


def available(name):
    """Tell whether a contender's library can be imported."""
    library = {"PyTorch MLP": "torch", "PyTorch BinaryNet": "torch", "pytagi": "pytagi"}.get(name)
    if library is None:
        return True
    try:
        __import__(library)
    except ImportError:
        return False
    return True
