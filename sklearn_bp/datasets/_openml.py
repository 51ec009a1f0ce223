"""Image datasets from OpenML, for users who have a network."""

import warnings
from http.client import HTTPException
from importlib.util import find_spec

import numpy as np
from sklearn.datasets import fetch_openml

from ._catalogue import check_pixels


def read_openml(dataset):
    """Download a dataset, or read scikit-learn's copy of an earlier download.

    Parameters
    ----------
    dataset : ImageDataset
        The dataset.

    Returns
    -------
    Pixels
        The images.

    Raises
    ------
    ConnectionError
        If OpenML cannot be reached or answers with something else.
    ValueError
        If the data have another layout.

    Warns
    -----
    UserWarning
        If the last rows are not the official test set.
    """
    try:
        X, y = fetch_openml(
            dataset.openml_name,
            version=dataset.openml_version,
            return_X_y=True,
            as_frame=False,
            parser="pandas" if find_spec("pandas") else "liac-arff",
        )
    except (OSError, HTTPException, ValueError) as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
    source = f"OpenML, {dataset.openml_name} version {dataset.openml_version}"
    pixels = check_pixels(dataset, _arrange(dataset, X, y, source), source)
    _check_test_set(dataset, pixels)
    return pixels


def _arrange(dataset, X, y, source):
    """Turn OpenML's rows into images of the Keras layout."""
    n_pixels = int(np.prod(dataset.image_shape))
    if X.ndim != 2 or X.shape[1] != n_pixels:
        raise ValueError(f"{source}: rows must hold {n_pixels} pixels; got shape {X.shape}.")
    images = X.astype(np.uint8)
    if not np.array_equal(images, X):
        raise ValueError(f"{source}: pixels must be integers from 0 to 255.")
    if len(dataset.image_shape) == 3:
        height, width, n_colours = dataset.image_shape
        # OpenML keeps the three colour planes of an image one after another.
        images = images.reshape(-1, n_colours, height, width).transpose(0, 2, 3, 1)
    images = images.reshape(-1, *dataset.image_shape)
    labels, n_train = np.asarray(y).astype(np.int64), dataset.n_train
    return {
        "x_train": images[:n_train],
        "y_train": labels[:n_train],
        "x_test": images[n_train:],
        "y_test": labels[n_train:],
    }


def _check_test_set(dataset, pixels):
    """Warn if classes are not as frequent in the test set as they must be."""
    counts = np.bincount(pixels.y_test, minlength=len(dataset.n_test_by_class))
    if not np.array_equal(counts, dataset.n_test_by_class):
        warnings.warn(
            f"{pixels.source}: the rows after the first {dataset.n_train} are not the official "
            f"test set (images by class: {counts.tolist()}, not "
            f"{list(dataset.n_test_by_class)}); errors measured on them cannot be compared.",
            stacklevel=5,
        )
