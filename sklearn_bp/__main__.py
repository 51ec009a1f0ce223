"""Train a network on images from the command line: ``python -m sklearn_bp``."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

from . import BayesBPClassifier, BPClassifier
from ._terminal import draw_percentages
from .algorithms import ALGORITHMS
from .backends import DEVICES, DeviceMemoryError, DeviceUnavailableError
from .datasets import load_cifar10, load_fashion_mnist, load_mnist

# Everything printed is ASCII but the picture, which asks what the terminal can show.


@dataclass(frozen=True)
class Images:
    """Images to learn, and how unless the command line says otherwise.

    Attributes
    ----------
    title : str
        Name in prose.
    load : callable
        ``load(data_home=...)`` returns a Bunch with `X_train`, `X_test`, `y_train`, `y_test` and
        `source`.
    hidden_layer_sizes : tuple of int
        Units of each hidden layer.
    n_epochs : int
        Passes over the training images.
    """

    title: str
    load: Callable
    hidden_layer_sizes: tuple[int, ...]
    n_epochs: int


def load_small_digits(data_home=None):
    """Load the digits that come with scikit-learn.

    Parameters
    ----------
    data_home : object
        Not used: no file is needed.

    Returns
    -------
    Bunch
        As of the other loaders: a quarter to test, pixels standardised by one mean and one
        standard deviation, those of the training images.
    """
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    mean, standard_deviation = X_train.mean(), X_train.std()
    X_train, X_test = ((part - mean) / standard_deviation for part in (X_train, X_test))
    return Bunch(
        X_train=X_train, X_test=X_test, y_train=y_train, y_test=y_test, source="scikit-learn"
    )


DATA = {
    "digits": Images("Digits, 8 x 8 pixels", load_small_digits, (101,), 50),
    "mnist": Images("MNIST", load_mnist, (501, 501), 30),
    "fashion_mnist": Images("Fashion-MNIST", load_fashion_mnist, (501, 501), 30),
    "cifar10": Images("CIFAR-10", load_cifar10, (501, 501), 30),
}


def main(argv=None):
    """Train, draw the learning curve, and print test accuracies and the network's size.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments of the command line; None for those of the process.

    Returns
    -------
    int
        0, or 1 if the data or the device cannot be used; the reason is then on standard error.
    """
    options = _parse(argv)
    try:
        data = DATA[options.data].load(data_home=options.data_home)
        print(_describe(options, data), flush=True)
        model = _train(options, data.X_train, data.y_train)
    except (
        DeviceMemoryError,
        DeviceUnavailableError,
        FileNotFoundError,
        ImportError,
        ValueError,
    ) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if model.history_:  # Not so if the user has stopped the first epoch.
        _show_learning_curve(model, options.plot)
    _show_result(model, data.X_test, data.y_test)
    return 0


def _parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sklearn_bp",
        description="Train a perceptron with weights of one bit by message passing, and test it.",
    )
    add = parser.add_argument
    add("--data", choices=list(DATA), default="digits", help="images to learn (default: digits)")
    add(
        "--data-home",
        type=Path,
        metavar="FOLDER",
        help="folder with mnist.npz and so on; else that named by the environment variable "
        "SKLEARN_BP_DATA; without a file, OpenML is asked",
    )
    add("--algo", choices=list(ALGORITHMS), default="bp", help="default: bp")
    add(
        "--hidden",
        type=_at_least_one,
        nargs="+",
        metavar="UNITS",
        help="units of each hidden layer (default: 101 for digits, else 501 501)",
    )
    add("--epochs", type=_at_least_one, help="default: 50 for digits, else 30")
    add("--seed", type=int, default=0, help="draws the start and the mini-batches (default: 0)")
    add("--device", choices=DEVICES, default="auto", help="default: a GPU where there is one")
    add("--plot", type=Path, metavar="FILE", help="also draw the learning curve as an image")
    options = parser.parse_args(argv)
    if options.plot is not None:
        _check_plot(parser, options.plot)
    return options


def _at_least_one(text):
    """Read an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1; got {number}")
    return number


def _check_plot(parser, path):
    """Say before the training, not after it, what keeps the curve from being drawn."""
    if find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install 'sklearn-bp[plot]'")
    if not path.parent.is_dir():
        parser.error(f"--plot: there is no folder {str(path.parent)!r}")


def _describe(options, data):
    """Say what is learned."""
    return (
        f"{DATA[options.data].title}, from {data.source}: {data.X_train.shape[0]:,} images to "
        f"train, {data.X_test.shape[0]:,} to test.\n"
        "The first training on a computer compiles for some seconds."
    )


def _train(options, X, y):
    """Train the point network, showing progress."""
    images = DATA[options.data]
    n_epochs = options.epochs or images.n_epochs
    model = BPClassifier(
        options.hidden or images.hidden_layer_sizes,
        algo=options.algo,
        weight_prior="binary",
        output_rho=0.9,
        damping=0.8,
        likelihood_weight=1.0,
        label_noise=0.0,
        fit_intercept=False,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs,
        device=options.device,
        verbose=1,
        random_state=options.seed,
    )
    return model.fit(X, y)


def _show_learning_curve(model, path):
    """Draw the error over the epochs in the terminal and, on request, into a file."""
    print("\nTraining error in percent over the epochs, of each mini-batch before it is learned:\n")
    errors = [100 * (1 - record["train_accuracy"]) for record in model.history_]
    print(draw_percentages(errors, sys.stdout.encoding or "ascii"))
    if path is not None:
        _save_plot(model, path)


def _save_plot(model, path):
    """Draw the error over the epochs into a file, without a window."""
    from matplotlib.figure import Figure

    from .inspection import LearningCurveDisplay

    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.set_yscale("log")
    LearningCurveDisplay.from_estimator(model, metric="error", ax=axes)
    figure.savefig(path)
    print(f"\nThe same picture is in {path}.")


def _show_result(model, X, y):
    """Print both test accuracies and the size of the network."""
    layers = [model.n_features_in_, *(weights.shape[1] for weights in model.coefs_)]
    n_weights = sum(weights.size for weights in model.coefs_)
    point, average = (100 * one.score(X, y) for one in (model, _averaged(model)))
    print(
        f"\nNetwork {'-'.join(map(str, layers))}, on {X.shape[0]:,} images it has not seen:\n"
        f"  point network, every weight +1 or -1   {point:6.2f} % right\n"
        f"  average over the weights' posterior    {average:6.2f} % right\n"
        f"The point network is {n_weights:,} weights of one bit, {-(-n_weights // 8):,} bytes; "
        f"as 32-bit numbers they would be {4 * n_weights:,}."
    )


def _averaged(model):
    """Make the classifier that averages over the posterior from which the network was taken."""
    bayes = BayesBPClassifier(**model.get_params()).set_params(max_iter=0, verbose=0)
    bayes.fit(np.zeros((len(model.classes_), model.n_features_in_)), model.classes_)
    return bayes.set_posterior(model.weight_fields_, model.weight_means_)


if __name__ == "__main__":
    sys.exit(main())
