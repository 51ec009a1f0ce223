"""Loaders of image datasets: where the files are, and what users get."""

import inspect
import os

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from ._catalogue import CIFAR10, FASHION_MNIST, MNIST
from ._files import ENVIRONMENT_VARIABLE, find_folder, read_local
from ._openml import read_openml
from ._synthetic import parity_labels

ROWS_AT_A_TIME = 4096
"""Images converted at a time, so that no temporary array is as large as the data."""

PARAMETERS = """
data_home : str or os.PathLike, default=None
    Folder of the file, which holds the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test``
    as in Keras. None for the folder that the environment variable ``SKLEARN_BP_DATA`` names.
    Without a file the data come from OpenML, once; scikit-learn keeps a copy.
flatten : bool, default=True
    Whether an image is one row of features.
standardize : bool, default=True
    Whether to subtract one mean and divide by one standard deviation, those of all pixels of all
    training images. Otherwise pixels lie in [0, 1].
parity : bool, default=False
    Whether labels are 0 for even classes and 1 for odd ones, see :func:`parity_labels`.
return_X_y : bool, default=False
    Whether to return arrays only.
"""

RETURNS = """
data : sklearn.utils.Bunch or tuple
    With `return_X_y`, ``(X_train, X_test, y_train, y_test)``, in the order of
    :func:`sklearn.model_selection.train_test_split`. Otherwise a dict with attributes:

    X_train, X_test : ndarray of float32, shape (n_samples, n_features)
        The images; of shape (n_samples, \\*image_shape) without `flatten`.
    y_train, y_test : ndarray of int64, shape (n_samples,)
        Their classes.
    target_names : list of str
        Names of the classes.
    image_shape : tuple of int
        Height and width, and 3 for red, green and blue where there is colour.
    pixel_mean, pixel_standard_deviation : float
        Of the training images' pixels, in [0, 1].
    source : str
        Where the data came from.
    DESCR : str
        A description.
"""

RAISES = """
FileNotFoundError
    If there is no file and OpenML cannot be reached; the message says what to put where.
ValueError
    If a file is damaged or has another layout, or an argument is not allowed.
"""

_validated = validate_params(
    {
        "data_home": [str, os.PathLike, None],
        "flatten": ["boolean"],
        "standardize": ["boolean"],
        "parity": ["boolean"],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)


def _document(loader):
    """Complete a loader's docstring by the sections that all share."""
    text = inspect.cleandoc(loader.__doc__)
    for name, section in (("parameters", PARAMETERS), ("returns", RETURNS), ("raises", RAISES)):
        text = text.replace(f"{{{name}}}", section.strip())
    loader.__doc__ = text
    return loader


@_validated
@_document
def load_mnist(*, data_home=None, flatten=True, standardize=True, parity=False, return_X_y=False):
    """Load MNIST: handwritten digits, 60,000 to train and 10,000 to test, 28 × 28 grey pixels.

    The file is ``mnist.npz``.

    Parameters
    ----------
    {parameters}

    Returns
    -------
    {returns}

    Raises
    ------
    {raises}

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> from sklearn_bp.datasets import load_mnist
    >>> load_mnist().X_train.shape  # doctest: +SKIP
    (60000, 784)
    """
    return _load(MNIST, data_home, flatten, standardize, parity, return_X_y)


@_validated
@_document
def load_fashion_mnist(
    *, data_home=None, flatten=True, standardize=True, parity=False, return_X_y=False
):
    """Load Fashion-MNIST: articles of clothing, sized and shaped as :func:`load_mnist`.

    The file is ``fashion_mnist.npz``.

    Parameters
    ----------
    {parameters}

    Returns
    -------
    {returns}

    Raises
    ------
    {raises}

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", arXiv:1708.07747, 2017.

    Examples
    --------
    >>> from sklearn_bp.datasets import load_fashion_mnist
    >>> load_fashion_mnist().target_names[9]  # doctest: +SKIP
    'ankle boot'
    """
    return _load(FASHION_MNIST, data_home, flatten, standardize, parity, return_X_y)


@_validated
@_document
def load_cifar10(*, data_home=None, flatten=True, standardize=True, parity=False, return_X_y=False):
    """Load CIFAR-10: objects, 50,000 to train and 10,000 to test, 32 × 32 pixels in colour.

    The file is ``cifar10.npz``, or else ``cifar10_jpeg.npz``: for ``train`` and ``test`` the
    arrays ``jpeg_*`` (uint8: all JPEG files end to end), ``length_*`` (bytes of each) and ``y_*``.
    Decoding that takes Pillow; scikit-learn's data folder keeps the result where it can be
    written. JPEGs are slightly lossy, and `source` says so.

    Parameters
    ----------
    {parameters}

    Returns
    -------
    {returns}

    Raises
    ------
    {raises}
    ImportError
        If there are only JPEGs, and Pillow is not installed.

    References
    ----------
    A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report,
    University of Toronto, 2009.

    Examples
    --------
    >>> from sklearn_bp.datasets import load_cifar10
    >>> load_cifar10(flatten=False).X_train.shape  # doctest: +SKIP
    (50000, 32, 32, 3)
    """
    return _load(CIFAR10, data_home, flatten, standardize, parity, return_X_y)


def _load(dataset, data_home, flatten, standardize, parity, return_X_y):
    """Find a dataset and bring it into the form asked for."""
    pixels = _find(dataset, find_folder(data_home))
    mean, standard_deviation = _pixel_statistics(pixels.x_train)
    shift, scale = (mean, standard_deviation) if standardize else (0.0, 1.0)
    data = Bunch(
        X_train=_scale(pixels.x_train, shift, scale, flatten),
        y_train=parity_labels(pixels.y_train) if parity else pixels.y_train,
        X_test=_scale(pixels.x_test, shift, scale, flatten),
        y_test=parity_labels(pixels.y_test) if parity else pixels.y_test,
        target_names=["even", "odd"] if parity else list(dataset.target_names),
        image_shape=dataset.image_shape,
        pixel_mean=mean,
        pixel_standard_deviation=standard_deviation,
        source=pixels.source,
        DESCR=_describe(dataset, pixels),
    )
    if return_X_y:
        return data.X_train, data.X_test, data.y_train, data.y_test
    return data


def _find(dataset, folder):
    """Read a dataset from its file, else from OpenML."""
    pixels = None if folder is None else read_local(dataset, folder)
    if pixels is not None:
        return pixels
    try:
        return read_openml(dataset)
    except ConnectionError as error:
        place = "a folder" if folder is None else f"the folder {str(folder)!r}"
        raise FileNotFoundError(
            f"{dataset.title} was found neither on this computer nor on OpenML ({error}). Put "
            f"{dataset.name}.npz (arrays x_train, y_train, x_test, y_test, as in "
            f"keras.datasets.{dataset.name}) into {place}, and name the folder by data_home or "
            f"the environment variable {ENVIRONMENT_VARIABLE}."
        ) from error


def _pixel_statistics(images):
    """Compute the mean and standard deviation of all pixels, in [0, 1], from a histogram."""
    counts = np.zeros(256, dtype=np.int64)
    for first in range(0, images.shape[0], ROWS_AT_A_TIME):
        block = images[first : first + ROWS_AT_A_TIME]
        counts += np.bincount(block.ravel(), minlength=256)
    grey = np.arange(256) / 255
    mean = np.average(grey, weights=counts)
    variance = np.average((grey - mean) ** 2, weights=counts)
    return float(mean), float(np.sqrt(variance))


def _scale(images, shift, scale, flatten):
    """Turn pixels into float32, one table entry per grey value."""
    # Images of a single grey have no spread to divide by.
    table = ((np.arange(256) / 255 - shift) / (scale or 1.0)).astype(np.float32)
    scaled = np.empty(images.shape, dtype=np.float32)
    for first in range(0, images.shape[0], ROWS_AT_A_TIME):
        rows = slice(first, first + ROWS_AT_A_TIME)
        scaled[rows] = table[images[rows]]
    return scaled.reshape(images.shape[0], -1) if flatten else scaled


def _describe(dataset, pixels):
    """Describe what was loaded."""
    return (
        f"{dataset.title}: {pixels.x_train.shape[0]:,} images to train and "
        f"{pixels.x_test.shape[0]:,} to test, {len(dataset.target_names)} classes, pixels of "
        f"shape {dataset.image_shape}.\n\nSource: {pixels.source}\n\n{dataset.reference}"
    )
