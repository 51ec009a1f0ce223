"""What the networks learn: the paper's data sets, whole or in part."""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils import Bunch

from sklearn_bp.datasets import load_cifar10, load_fashion_mnist, load_mnist

LOADERS = {"mnist": load_mnist, "fashion_mnist": load_fashion_mnist, "cifar10": load_cifar10}
TITLES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}
SPLIT_SEED = 0
"""Draws the validation samples: the same for every run, so that all are selected on the same."""


@lru_cache(maxsize=1)
def _load(data, parity, data_home, centred):
    """Load a data set, and keep it as long as no other is asked for."""
    bunch = LOADERS[data](data_home=data_home, parity=parity, standardize=centred)
    if not centred:
        scale = np.float32(np.sqrt(np.mean(np.square(bunch.X_train, dtype=np.float64))))
        bunch.X_train, bunch.X_test = bunch.X_train / scale, bunch.X_test / scale
    return bunch


def load_problem(parameters, data_home=None):
    """Load the samples that a run trains on, and those that it is judged by.

    Parameters
    ----------
    parameters : dict
        ``data`` and ``parity``; if there is ``n_validation``, that many training samples are set
        aside, and the run is judged by them and never sees the test set; if there is ``n_train``,
        it trains on that many only and is judged by as many at most; if ``centred`` is false,
        pixels are divided by the root of their mean square, and black ones stay at 0.
    data_home : str or None
        Folder of the files, as the loaders take it.

    Returns
    -------
    Bunch
        ``X_train``, ``y_train``, ``X_held_out``, ``y_held_out``, ``held_out``: "test" or
        "validation", and ``image_shape``.
    """
    parity, centred = parameters.get("parity", False), parameters.get("centred", True)
    data = _load(parameters["data"], parity, data_home, centred)
    problem = Bunch(
        X_train=data.X_train,
        y_train=data.y_train,
        X_held_out=data.X_test,
        y_held_out=data.y_test,
        held_out="test",
    )
    n_validation = parameters.get("n_validation", 0)
    if n_validation:
        _set_aside(problem, n_validation)
    n_train = parameters.get("n_train")
    if n_train is not None:
        for name in problem:
            if name != "held_out":
                problem[name] = problem[name][:n_train]
    problem.image_shape = data.image_shape
    return problem


def _set_aside(problem, n_validation):
    """Put training samples in the place of the test samples."""
    order = np.random.RandomState(SPLIT_SEED).permutation(problem.y_train.shape[0])
    train, validation = np.sort(order[n_validation:]), order[:n_validation]
    problem.X_held_out, problem.y_held_out = (
        problem.X_train[validation],
        problem.y_train[validation],
    )
    problem.X_train, problem.y_train = problem.X_train[train], problem.y_train[train]
    problem.held_out = "validation"


def shift_images(X, image_shape, reach, rng):
    """Shift every image by a number of pixels of its own; pixels at the edges are repeated.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Flat images.
    image_shape : tuple of int
        Height, width and, if there are any, colours.
    reach : int
        How far images are shifted at most, each way.
    rng : Generator
        Draws the shifts; all are as likely.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        New images.
    """
    images = X.reshape(X.shape[0], *image_shape[:2], -1)
    padded = np.pad(images, [(0, 0), (reach, reach), (reach, reach), (0, 0)], mode="edge")
    shifts = sliding_window_view(padded, image_shape[:2], axis=(1, 2))
    down, right = rng.integers(2 * reach + 1, size=(2, X.shape[0]))
    shifted = shifts[np.arange(X.shape[0]), down, right]
    return np.moveaxis(shifted, 1, -1).reshape(X.shape)
