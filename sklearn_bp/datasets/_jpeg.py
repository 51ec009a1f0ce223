"""Archives of JPEGs: all files of a split end to end, and the length of each."""

import io

import numpy as np


def decode_archive(path, read_arrays, image_shape):
    """Decode all images of an archive.

    Parameters
    ----------
    path : Path
        An ``.npz`` file with, for ``train`` and ``test``, ``jpeg_*`` (uint8, the files end to
        end), ``length_*`` (bytes of each file) and ``y_*`` (labels).
    read_arrays : callable
        ``read_arrays(path, names) -> dict``.
    image_shape : tuple of int
        Height, width and 3.

    Returns
    -------
    dict of ndarray
        ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    ValueError
        If lengths do not match, or an image is damaged or of another shape.
    """
    image_class = _import_image_class(path)
    names = [f"{part}_{split}" for split in ("train", "test") for part in ("jpeg", "length", "y")]
    stored = read_arrays(path, names)
    arrays = {}
    for split in ("train", "test"):
        files = _split_files(stored[f"jpeg_{split}"], stored[f"length_{split}"], path, split)
        images = np.empty((len(files), *image_shape), dtype=np.uint8)
        for index, file in enumerate(files):
            where = f"{path}: image {index} of {split}"
            images[index] = _decode(image_class, file, image_shape, where)
        arrays[f"x_{split}"], arrays[f"y_{split}"] = images, stored[f"y_{split}"]
    return arrays


def _import_image_class(path):
    """Import Pillow, or say how to get it."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{path} holds JPEGs, which need Pillow: pip install 'sklearn-bp[images]'."
        ) from error
    return Image


def _split_files(data, lengths, path, split):
    """Cut bytes into files."""
    lengths = lengths.astype(np.int64)
    ends = np.cumsum(lengths)
    if data.dtype != np.uint8 or ends[-1:].sum() != data.shape[0]:
        raise ValueError(
            f"{path}: jpeg_{split} must be uint8 with as many bytes as length_{split} says; got "
            f"{data.dtype} of shape {data.shape} for {ends[-1:].sum()} bytes."
        )
    data = data.tobytes()
    return [data[end - length : end] for length, end in zip(lengths, ends, strict=True)]


def _decode(image_class, file, image_shape, where):
    """Decode one image."""
    try:
        with image_class.open(io.BytesIO(file), formats=("JPEG",)) as image:
            decoded = np.asarray(image)
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{where} is damaged: {error}.") from error
    if decoded.shape != image_shape:
        raise ValueError(f"{where} must have shape {image_shape}; got {decoded.shape}.")
    return decoded
