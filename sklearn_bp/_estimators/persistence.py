"""Saving fitted estimators as plain ``.npz`` files: arrays and JSON, nothing that is executed.

A file holds the member ``header``, a JSON text with the class, its parameters, the description of
the fitted network and the counters; ``classes`` and ``feature_names``; and for every weight layer
ℓ ``field_ℓ``, ``mean_ℓ``, ``variance_ℓ``, ``precision_ℓ`` and, if weights are pruned, ``mask_ℓ``,
as in :class:`sklearn_bp.engine.posterior.LayerPosterior`.
"""

import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from sklearn.utils._param_validation import validate_parameter_constraints

from .._version import __version__
from ..engine.network import make_network
from ..engine.posterior import LayerPosterior
from .parameters import CONSTRAINTS, NETWORK_OPTIONS, PARAMETERS_OF_VERSION_0_1
from .validation import validate_classes

FORMAT = "sklearn_bp.estimator"
"""Name of the format, in every file."""

FORMAT_VERSION = 2
"""Raised whenever older readers could not understand the files any more."""

COUNTERS = ("n_iter_", "n_steps_", "t_", "best_validation_score_", "history_")
"""Fitted attributes that are written as JSON."""


class NewerFormatError(ValueError):
    """A file was written by a version of the package whose files this one cannot read."""


def save(estimator, path):
    """Write a fitted estimator.

    Parameters
    ----------
    estimator : MessagePassingClassifier
        The estimator.
    path : str or os.PathLike
        The file.

    Raises
    ------
    ValueError
        If a parameter or a label cannot be written as plain data.
    OSError
        If the file cannot be written.
    """
    path = _check_path(path)
    arrays = _posterior_arrays(estimator._current_posterior())
    arrays["classes"] = _plain_labels("classes_", estimator.classes_)
    if hasattr(estimator, "feature_names_in_"):
        arrays["feature_names"] = _plain_labels("feature_names_in_", estimator.feature_names_in_)
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "package_version": __version__,
        "class": type(estimator).__name__,
        "parameters": _encode_all(estimator.get_params(deep=False)),
        "network": _encode_all(vars(estimator._network)),
        "counters": {name: getattr(estimator, name) for name in COUNTERS},
        "classes_are_objects": estimator.classes_.dtype == object,
    }
    arrays["header"] = np.array(json.dumps(header))
    _write(arrays, path)


def _check_path(path):
    """Turn the name of a file into a path."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be the name of a file, a str or os.PathLike; got {type(path).__name__}."
        )
    return Path(path)


def _posterior_arrays(posterior):
    """Gather the arrays of a posterior under their names in the file."""
    return {
        f"{name}_{layer}": array
        for layer, one in enumerate(posterior)
        for name, array in vars(one).items()
        if array is not None
    }


def _plain_labels(name, labels):
    """Turn labels into an array without Python objects."""
    if labels.dtype != object:
        return labels
    if not all(isinstance(label, str) for label in labels):
        raise ValueError(
            f"{name} holds Python objects that are not all strings and cannot be saved as plain "
            f"data: {labels.tolist()!r}. Use labels of type str, int, float or bool."
        )
    return labels.astype(str)


def _encode_all(values):
    """Turn a dict of parameters into what JSON can hold."""
    return {name: _encode(name, value) for name, value in values.items()}


def _encode(name, value):
    """Turn a value into what JSON can hold; tuples, lists and dicts are marked as such."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.dtype):
        return str(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, tuple | list):
        return {type(value).__name__: [_encode(name, item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_encode(name, k), _encode(name, v)] for k, v in value.items()]}
    raise ValueError(
        f"{name}={value!r} cannot be saved as plain data; set it to a number, a string, None, or "
        "a tuple, list or dict of these."
    )


def _decode(value):
    """Turn what JSON held back into a value."""
    if not isinstance(value, dict):
        return value
    ((kind, items),) = value.items()
    if kind == "dict":
        return {_decode(key): _decode(item) for key, item in items}
    return {"tuple": tuple, "list": list}[kind](_decode(item) for item in items)


def _write(arrays, path):
    """Write to a file beside the target, then put it in the target's place."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            temporary = Path(folder, path.name)
            with open(temporary, "wb") as stream:
                np.savez(stream, allow_pickle=False, **arrays)
            os.replace(temporary, path)
    except OSError as error:
        # Name the path that was asked for, not the temporary one.
        message = f"Cannot save to this path ({error.strerror or error})"
        raise OSError(error.errno, message, os.fspath(path)) from error


def load(path):
    """Read an estimator that its method ``save`` wrote.

    The file holds arrays and JSON only; nothing in it is executed.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    BPClassifier or BayesBPClassifier
        A fitted estimator that predicts, and goes on learning, exactly as the saved one.

    Raises
    ------
    OSError
        If the file cannot be opened; FileNotFoundError if there is none.
    ValueError
        If the file is damaged, foreign, or was written by a newer version of the package.

    Examples
    --------
    >>> import sklearn_bp
    >>> from sklearn.datasets import load_iris
    >>> model = sklearn_bp.BPClassifier(max_iter=2).fit(*load_iris(return_X_y=True))
    >>> model.save("model.npz")  # doctest: +SKIP
    >>> model = sklearn_bp.load("model.npz")  # doctest: +SKIP
    """
    with open(_check_path(path), "rb") as stream:
        try:
            if not zipfile.is_zipfile(stream):
                raise ValueError("it is not an .npz archive")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                return _rebuild(_read_header(file), {name: file[name] for name in file.files})
        except NewerFormatError as error:
            raise ValueError(f"{os.fspath(path)!r} cannot be read: {error}.") from error
        # Whatever the parsers trip over, from a checksum to a missing key, the file is to blame.
        except Exception as error:
            problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ValueError(
                f"{os.fspath(path)!r} is damaged, or is no file that the method save of an "
                f"estimator wrote: {problem.rstrip('.')}."
            ) from error


def _read_header(file):
    """Read and check the header of an opened file."""
    if "header" not in file.files:
        raise ValueError("it has no header")
    header = json.loads(str(file["header"]))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ValueError("its header is another format's")
    version = header["format_version"]
    if type(version) is not int or version < 1:
        raise ValueError(f"it has the impossible format version {version!r}")
    if version > FORMAT_VERSION:
        raise NewerFormatError(
            f"it has format version {version}, of sklearn_bp {header.get('package_version')}; this "
            f"is sklearn_bp {__version__}, which reads versions up to {FORMAT_VERSION}"
        )
    return header


def _rebuild(header, arrays):
    """Build the estimator that a file describes."""
    from .. import BayesBPClassifier, BPClassifier

    known = {cls.__name__: cls for cls in (BPClassifier, BayesBPClassifier)}
    if header["class"] not in known:
        raise ValueError(f"it holds an unknown class {header['class']!r}")
    parameters = {name: _decode(value) for name, value in header["parameters"].items()}
    estimator = known[header["class"]](**{**PARAMETERS_OF_VERSION_0_1, **parameters})
    estimator._validate_params()
    network = _read_network(header)
    estimator._network = network
    estimator._posterior = [
        _read_layer(network, layer, arrays) for layer in range(network.n_layers)
    ]
    for name in COUNTERS:
        setattr(estimator, name, header["counters"][name])
    _read_labels(estimator, header, arrays)
    return estimator


def _read_network(header):
    """Build and check the network that a file describes."""
    options = {name: _decode(value) for name, value in header["network"].items()}
    validate_parameter_constraints(
        {name: CONSTRAINTS[name] for name in NETWORK_OPTIONS}, options, caller_name="the network"
    )
    return make_network(**options)


def _read_layer(network, layer, arrays):
    """Check and gather the arrays of a layer."""
    n_rows, n_units = network.n_rows(layer), network.layer_sizes[layer + 1]
    n_precision = network.n_precision_rows(layer)
    rows = {"field": n_rows, "mean": n_rows, "variance": n_rows, "precision": n_precision}
    checked = {}
    for name, length in rows.items():
        array = arrays[f"{name}_{layer}"]
        if array.shape != (length, n_units) or array.dtype != network.dtype:
            raise ValueError(f"{name}_{layer} has the wrong shape or type")
        if not np.isfinite(array).all():
            raise ValueError(f"{name}_{layer} is not finite")
        checked[name] = array
    _check_moments(network, layer, checked)
    mask = arrays.get(f"mask_{layer}")
    if mask is not None and (mask.shape != (n_rows, n_units) or mask.dtype != bool):
        raise ValueError(f"mask_{layer} has the wrong shape or type")
    return LayerPosterior(**checked, mask=mask)


def _check_moments(network, layer, checked):
    """Refuse moments and precisions that no posterior has."""
    mean, precision = checked["mean"], checked["precision"]
    too_small = (checked["variance"] < 0).any()
    for group in network.row_groups(layer):
        prior = group.prior
        if (abs(mean[group.rows]) > prior.largest_mean).any():
            raise ValueError(f"mean_{layer} is too large for weight_prior={prior.name!r}")
        if prior.has_precision:
            too_small |= (precision[group.precision_rows] < prior.least_precision).any()
    if too_small:
        raise ValueError(f"variance_{layer} or precision_{layer} is too small")


def _read_labels(estimator, header, arrays):
    """Set classes, number of features and their names."""
    network, classes = estimator._network, arrays["classes"]
    n_outputs = network.layer_sizes[-1]
    if classes.shape != (2 if n_outputs == 1 else n_outputs,):
        raise ValueError("classes has the wrong shape")
    if not np.array_equal(validate_classes(classes), classes):
        raise ValueError("classes are not sorted")
    estimator.classes_ = classes.astype(object) if header["classes_are_objects"] else classes
    estimator.n_features_in_ = network.layer_sizes[0]
    names = arrays.get("feature_names")
    if names is not None:
        if names.shape != (estimator.n_features_in_,):
            raise ValueError("feature_names has the wrong shape")
        estimator.feature_names_in_ = names.astype(object)
