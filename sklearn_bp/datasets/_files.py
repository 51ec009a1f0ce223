"""Image datasets from files of a folder."""

import hashlib
import os
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from sklearn.datasets import get_data_home

from ._catalogue import check_pixels
from ._jpeg import decode_archive

ENVIRONMENT_VARIABLE = "SKLEARN_BP_DATA"
"""Names the folder of files if the argument `data_home` does not."""

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
"""What a file holds, named as in Keras."""


def find_folder(data_home):
    """Find the folder of files.

    Parameters
    ----------
    data_home : str, os.PathLike or None
        The folder; None for that of the environment variable ``SKLEARN_BP_DATA``.

    Returns
    -------
    Path or None
        The folder; None if none is named.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    named_by = "data_home"
    if data_home is None:
        data_home, named_by = os.environ.get(ENVIRONMENT_VARIABLE), ENVIRONMENT_VARIABLE
    if not data_home:
        return None
    folder = Path(data_home).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{named_by} names no folder that exists: {str(folder)!r}.")
    return folder


def read_local(dataset, folder):
    """Read a dataset from ``NAME.npz``, or ``NAME_jpeg.npz``, of a folder.

    Parameters
    ----------
    dataset : ImageDataset
        The dataset.
    folder : Path
        Where its file may be.

    Returns
    -------
    Pixels or None
        The images; None if there is no file.

    Raises
    ------
    ValueError
        If the file is damaged or has another layout.
    ImportError
        If there are only JPEGs, and Pillow is not installed.
    """
    path = folder / f"{dataset.name}.npz"
    if path.is_file():
        return check_pixels(dataset, read_arrays(path, ARRAYS), str(path))
    path = folder / f"{dataset.name}_jpeg.npz"
    return _read_jpegs(dataset, path) if path.is_file() else None


def read_arrays(path, names):
    """Read arrays from an ``.npz`` file, without unpickling anything.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str
        The arrays.

    Returns
    -------
    dict of ndarray
        The arrays by name.

    Raises
    ------
    ValueError
        If the file is damaged or lacks an array.
    """
    try:
        # NumPy leaves a file open if it is no archive, so it is opened here.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except (
        EOFError,
        KeyError,
        TypeError,  # A single array instead of an archive is no context manager.
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{path} is damaged or has another layout: it must be an .npz file with the arrays "
            f"{', '.join(names)} ({type(error).__name__}: {error})."
        ) from error


def _read_jpegs(dataset, path):
    """Decode an archive of JPEGs, or read what an earlier call has decoded."""
    source = f"{path} (JPEG, so slightly lossy)"
    cache = _cache_path(dataset, path)
    if cache is not None and cache.is_file():
        try:
            return check_pixels(dataset, read_arrays(cache, ARRAYS), source)
        except (OSError, ValueError):
            pass  # A damaged copy is made anew.
    arrays = decode_archive(path, read_arrays, dataset.image_shape)
    pixels = check_pixels(dataset, arrays, source)
    if cache is not None:
        _write_cache(cache, arrays)
    return pixels


def _cache_path(dataset, path):
    """Name the decoded copy of an archive by its contents; None if there is no place for it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
    try:
        return Path(get_data_home()) / "sklearn_bp" / f"{dataset.name}_{digest}.npz"
    except OSError:
        return None


def _write_cache(path, arrays):
    """Keep decoded images where the disk allows it; readers never see half a file."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
            temporary = file.name
            np.savez(file, **arrays)
        os.replace(temporary, path)
    except OSError:
        if temporary is not None and os.path.exists(temporary):
            os.remove(temporary)
