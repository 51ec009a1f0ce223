"""What is known of each image dataset, and the form in which its pixels are handed on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ImageDataset:
    """Facts about a dataset of labelled images.

    Attributes
    ----------
    name : str
        Name of its files, without ending.
    title : str
        Name in prose.
    image_shape : tuple of int
        Height and width in pixels, and 3 for red, green and blue where there is colour.
    target_names : tuple of str
        Names of the classes 0, 1, ….
    openml_name, openml_version : str, int
        Which OpenML dataset it is.
    n_train : int
        How many of OpenML's rows, the first ones, are for training.
    n_test_by_class : tuple of int
        Images of each class in the official test set.
    reference : str
        Where it was published.
    """

    name: str
    title: str
    image_shape: tuple[int, ...]
    target_names: tuple[str, ...]
    openml_name: str
    openml_version: int
    n_train: int
    n_test_by_class: tuple[int, ...]
    reference: str


@dataclass(frozen=True)
class Pixels:
    """Images as they were published.

    Attributes
    ----------
    x_train, x_test : ndarray of uint8, shape (n_samples, height, width[, 3])
        Grey values or colours, 0 to 255.
    y_train, y_test : ndarray of int64, shape (n_samples,)
        Classes 0, 1, ….
    source : str
        Where they come from, for the description.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str


MNIST = ImageDataset(
    name="mnist",
    title="MNIST",
    image_shape=(28, 28),
    target_names=tuple("0123456789"),
    openml_name="mnist_784",
    openml_version=1,
    n_train=60_000,
    n_test_by_class=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    reference=(
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document "
        "recognition, Proceedings of the IEEE 86(11), 1998."
    ),
)

FASHION_MNIST = ImageDataset(
    name="fashion_mnist",
    title="Fashion-MNIST",
    image_shape=(28, 28),
    target_names=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    openml_name="Fashion-MNIST",
    openml_version=1,
    n_train=60_000,
    n_test_by_class=(1000,) * 10,
    reference=(
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking "
        "machine learning algorithms, arXiv:1708.07747, 2017."
    ),
)

CIFAR10 = ImageDataset(
    name="cifar10",
    title="CIFAR-10",
    image_shape=(32, 32, 3),
    target_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    openml_name="CIFAR_10",
    openml_version=1,
    n_train=50_000,
    n_test_by_class=(1000,) * 10,
    reference=(
        "A. Krizhevsky, Learning multiple layers of features from tiny images, technical report, "
        "University of Toronto, 2009."
    ),
)


def check_pixels(dataset, arrays, source):
    """Check images and labels, wherever they come from.

    Parameters
    ----------
    dataset : ImageDataset
        What they should be.
    arrays : dict of ndarray
        ``x_train``, ``y_train``, ``x_test`` and ``y_test``.
    source : str
        Where they come from.

    Returns
    -------
    Pixels
        The images, and labels as vectors of int64.

    Raises
    ------
    ValueError
        If an array has the wrong shape or type, or a label is no class.
    """
    checked = {}
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        if x.dtype != np.uint8 or x.shape[1:] != dataset.image_shape or x.shape[0] == 0:
            raise ValueError(
                f"{source}: x_{split} must be uint8 of shape (n_samples, "
                f"{', '.join(map(str, dataset.image_shape))}) with at least one sample; got "
                f"{x.dtype} of shape {x.shape}."
            )
        if y.shape not in (x.shape[:1], (x.shape[0], 1)) or y.dtype.kind not in "iu":
            raise ValueError(
                f"{source}: y_{split} must be integers of shape ({x.shape[0]},); got {y.dtype} of "
                f"shape {y.shape}."
            )
        n_classes = len(dataset.target_names)
        if y.min() < 0 or y.max() >= n_classes:
            raise ValueError(
                f"{source}: y_{split} must lie in 0 to {n_classes - 1}; got {y.min()} to {y.max()}."
            )
        checked[f"x_{split}"], checked[f"y_{split}"] = x, y.ravel().astype(np.int64)
    return Pixels(**checked, source=source)
