"""Estimators go on after pickle, joblib, copies and files as if never stopped; bad files do not."""

import copy
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sklearn_bp
from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp._estimators import persistence

from .problems import ESTIMATORS, PRIORS, X, Y, batches, small
from .states import assert_same, assert_same_posterior, posterior_of, state_of

pytestmark = pytest.mark.usefixtures("binary_networks")

CLASSES = [0, 1, 2]
VERSION_1 = Path(__file__).parents[1] / "data" / "estimators" / "format_1.npz"
"""Written by ``write_version_1`` below when the format was made; it must stay readable."""


def by_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib", compress=3)
    return joblib.load(folder / "model.joblib")


def by_deepcopy(model, folder):
    return copy.deepcopy(model)


def by_file(model, folder):
    model.save(folder / "model.npz")
    return sklearn_bp.load(folder / "model.npz")


def by_skops(model, folder):
    skops = pytest.importorskip("skops.io")
    data = skops.dumps(model)
    return skops.loads(data, trusted=TRUSTED)


TRUSTED = [
    "numpy.dtype",
    "sklearn_bp._estimators.bayes.BayesBPClassifier",
    "sklearn_bp._estimators.classifier.BPClassifier",
    "sklearn_bp.engine.network.Network",
    "sklearn_bp.engine.posterior.LayerPosterior",
]
"""What skops must be told to trust, besides what it trusts by itself."""

WAYS = [by_pickle, by_joblib, by_deepcopy, by_file, by_skops]


def held_by_host(cls, **parameters):
    return small(cls, **parameters).fit(X, Y)


def held_by_engine(cls, **parameters):
    return small(cls, **parameters).partial_fit(X, Y, classes=CLASSES).partial_fit(X, Y)


@pytest.mark.parametrize("make", [held_by_host, held_by_engine])
@pytest.mark.parametrize("weight_prior", PRIORS)
@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("way", WAYS)
def test_training_goes_on_as_if_never_stopped(way, cls, weight_prior, make, tmp_path):
    parameters = dict(weight_prior=weight_prior, density=0.8, algo="amp", n_inner_iter=2)
    model, unstopped = make(cls, **parameters), make(cls, **parameters)
    back = way(model, tmp_path)
    assert type(back) is cls
    state, expected = state_of(back), state_of(model)
    assert_same(state, expected)
    for rows in batches(3):
        for one in (back, model, unstopped):
            one.partial_fit(X[rows], Y[rows])
    assert_same_posterior(back, unstopped)
    assert_same_posterior(model, unstopped)


@pytest.mark.parametrize("way", WAYS)
def test_a_warm_start_goes_on_as_if_never_stopped(way, tmp_path):
    model, unstopped = (small(warm_start=True, batch_size=50).fit(X, Y) for _ in range(2))
    back = way(model, tmp_path).fit(X, Y)
    assert_same_posterior(back, unstopped.fit(X, Y))
    assert (back.n_iter_, back.n_steps_, back.t_) == (4, 12, 600)
    assert [record["epoch"] for record in back.history_] == [1, 2, 3, 4]


@pytest.mark.parametrize("make", [held_by_host, held_by_engine])
def test_a_clone_is_unfitted(make):
    model = make(BPClassifier, rho=[1.0, 0.8])
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)


@pytest.mark.parametrize("make", [held_by_host, held_by_engine])
def test_attributes_are_arrays_and_plain_data_only(make):
    """No device handle, compiled function or open file: the pickle names four classes."""
    model = make(BPClassifier, weight_prior="gaussian", density=0.5)
    names = set()

    class Watcher(pickle.Unpickler):
        def find_class(self, module, name):
            if module.startswith("sklearn_bp"):
                names.add(name)
            else:
                assert module.split(".")[0] in {"numpy", "builtins", "copyreg"}, module
            return super().find_class(module, name)

    back = Watcher(io.BytesIO(pickle.dumps(model))).load()
    assert names == {"BPClassifier", "Network", "LayerPosterior"}
    assert all(
        isinstance(array, np.ndarray) for one in back._posterior for array in vars(one).values()
    )
    plain = (np.ndarray, list, tuple, dict, str, int, float, bool, type(None))
    for name, value in vars(model).items():
        assert isinstance(value, plain) or name == "_network", name


def test_a_copy_is_independent():
    model = held_by_engine(BPClassifier)
    other = copy.deepcopy(model)
    before = posterior_of(model)
    other.partial_fit(X[:50], Y[:50])
    assert_same(posterior_of(model), before)
    shallow = copy.copy(model).partial_fit(X[:50], Y[:50])
    assert_same(posterior_of(model), before)
    assert_same_posterior(shallow, other)


def test_unfitted_estimators_are_pickled_but_not_saved(tmp_path):
    model = small(rho=[1.0, 0.5])
    assert pickle.loads(pickle.dumps(model)).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        model.save(tmp_path / "model.npz")
    assert not os.listdir(tmp_path)


def test_skops_trusts_what_is_documented():
    skops = pytest.importorskip("skops.io")
    for cls in ESTIMATORS:
        data = skops.dumps(held_by_engine(cls, density=0.5))
        assert set(skops.get_untrusted_types(data=data)) <= set(TRUSTED)


# Files ----------------------------------------------------------------------------------------

LABELS = {
    "str": np.array(["a", "bb", "ccc"]),
    "object": np.array(["a", "bb", "ccc"], dtype=object),
    "int": np.array([-1, 5, 7]),
    "float": np.array([0.0, 1.0, 2.0]),
    "uint8": np.array([0, 1, 255], dtype=np.uint8),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_and_feature_names_come_back(kind, tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "ä", "d e"])
    model = small().fit(frame, LABELS[kind][Y])
    back = by_file(model, tmp_path)
    assert_same(back.classes_.tolist(), model.classes_.tolist())
    assert back.classes_.dtype == model.classes_.dtype
    assert back.feature_names_in_.tolist() == ["a", "b", "ä", "d e"]
    np.testing.assert_array_equal(back.predict(frame), model.predict(frame))


def test_parameters_come_back_with_their_types(tmp_path):
    parameters = dict(
        hidden_layer_sizes=[7],
        rho=(1.0, 0.9),
        damping=[0.5, 0.6],
        class_weight={0: 1.0, 2: 2.0},
        early_stopping=False,
        random_state=3,
        edges="exact",
        verbose=0,
    )
    back = by_file(small(**parameters).fit(X, Y), tmp_path)
    for name, value in parameters.items():
        assert back.get_params()[name] == value
        assert type(back.get_params()[name]) is type(value)


def test_numpy_numbers_among_the_parameters(tmp_path):
    model = small(rho=np.array([1.0, 0.9]), damping=np.float32(0.5), hidden_layer_sizes=np.int64(7))
    model.fit(X, Y)
    back = by_file(model, tmp_path)
    assert back.rho == [1.0, 0.9] and back.damping == 0.5 and back.hidden_layer_sizes == 7
    assert_same_posterior(back.partial_fit(X, Y), model.partial_fit(X, Y))


@pytest.mark.parametrize("path_type", [str, Path])
def test_paths_of_any_type_and_name(path_type, tmp_path):
    path = path_type(tmp_path / "no suffix")
    held_by_host(BPClassifier).save(path)
    assert os.listdir(tmp_path) == ["no suffix"]
    assert isinstance(sklearn_bp.load(path), BPClassifier)


def test_saving_replaces_a_file(tmp_path):
    path = tmp_path / "model.npz"
    held_by_host(BPClassifier).save(path)
    held_by_host(BayesBPClassifier).save(path)
    assert isinstance(sklearn_bp.load(path), BayesBPClassifier)
    assert os.listdir(tmp_path) == ["model.npz"]


@pytest.mark.parametrize("place", ["numpy.savez", "os.replace"])
def test_a_failed_save_leaves_the_old_file(place, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    held_by_host(BPClassifier).save(path)
    before = path.read_bytes()

    def full(*arguments, **options):
        raise OSError(28, "No space left on device", "a temporary file")

    monkeypatch.setattr(place, full)
    with pytest.raises(OSError, match="No space left") as caught:
        held_by_host(BayesBPClassifier).save(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.npz"]


def test_values_that_are_no_plain_data_are_named(tmp_path):
    model = small(random_state=np.random.RandomState(0)).fit(X, Y)
    with pytest.raises(ValueError, match=r"random_state=RandomState.* cannot be saved as plain"):
        model.save(tmp_path / "model.npz")
    assert not os.listdir(tmp_path)
    model.set_params(random_state=0).save(tmp_path / "model.npz")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The bytes of a small file."""
    path = tmp_path_factory.mktemp("saved") / "model.npz"
    small(hidden_layer_sizes=(2,), density=0.7).fit(X, Y).save(path)
    return path.read_bytes()


def refuse(path, match=""):
    """Loading must name the file and say what is wrong."""
    with pytest.raises(ValueError, match=match) as caught:
        sklearn_bp.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999])
def test_truncated_files_are_refused(share, saved, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(saved[: int(share * len(saved))])
    refuse(path, "damaged, or is no file")


def test_flipped_bytes_are_refused_or_mean_nothing(saved, tmp_path):
    """A checksum covers every array; the rest of the archive must be sound, or without meaning."""
    path = tmp_path / "model.npz"
    path.write_bytes(saved)
    expected = state_of(sklearn_bp.load(path))
    refused = 0
    for place in range(0, len(saved), 41):
        damaged = bytearray(saved)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            model = sklearn_bp.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert_same(state_of(model), expected)
    assert refused > len(saved) / 41 / 2


def rewritten(saved, path, change_header=None, arrays=()):
    """Write the saved file again with other arrays, or other entries of its header."""
    with np.load(io.BytesIO(saved)) as file:
        contents = {name: file[name] for name in file.files}
    entries = json.loads(str(contents["header"]))
    if change_header is not None:
        change_header(entries)
    contents["header"] = np.array(json.dumps(entries))
    contents |= dict(arrays)
    np.savez(path, **{name: array for name, array in contents.items() if array is not None})


def npy_bytes():
    """A plain ``.npy`` file."""
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def write_zip(path):
    """An archive that holds no arrays."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


FOREIGN = {
    "text": lambda path: path.write_text("not an archive"),
    "pickle": lambda path: path.write_bytes(pickle.dumps({"a": 1})),
    "array": lambda path: path.write_bytes(npy_bytes()),
    "other archive": lambda path: np.savez(path, weights=np.zeros(3)),
    "other format": lambda path: np.savez(path, header=np.array('{"format": "other"}')),
    "no JSON": lambda path: np.savez(path, header=np.array("{")),
    "zip": write_zip,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_are_refused(kind, tmp_path):
    path = tmp_path / "model.npz"
    FOREIGN[kind](path)
    refuse(path, "damaged, or is no file")


def _set(*keys, to):
    def change(header):
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = to

    return change


HEADERS = {
    "class": (_set("class", to="posix.system"), "unknown class 'posix.system'"),
    "parameter name": (_set("parameters", "evil", to=1), "evil"),
    "parameter value": (_set("parameters", "algo", to="sgd"), "'algo' parameter"),
    "encoding": (_set("parameters", "rho", to={"set": [1]}), "'set' is missing"),
    "sizes": (_set("network", "layer_sizes", to={"tuple": [4, 3, 3]}), "wrong shape"),
    "dtype": (_set("network", "dtype", to="int32"), "'dtype' parameter"),
    "sweeps": (_set("network", "n_inner_iter", to=-1), "'n_inner_iter' parameter"),
    "no version": (lambda header: header.pop("format_version"), "'format_version' is missing"),
    "version zero": (_set("format_version", to=0), "impossible format version 0"),
    "version text": (_set("format_version", to="1"), "impossible format version '1'"),
    "no counters": (_set("counters", to={}), "'n_iter_' is missing"),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_impossible_headers_are_refused(kind, saved, tmp_path):
    change, message = HEADERS[kind]
    rewritten(saved, tmp_path / "model.npz", change)
    refuse(tmp_path / "model.npz", message)


ARRAYS = {
    "missing": ({"field_0": None}, "'field_0' is missing"),
    "shape": ({"field_0": np.zeros((5, 9), np.float32)}, "field_0 has the wrong shape"),
    "type": ({"field_0": np.zeros((5, 2))}, "field_0 has the wrong shape or type"),
    "NaN": ({"field_0": np.full((5, 2), np.nan, np.float32)}, "field_0 is not finite"),
    "mean": ({"mean_0": np.full((5, 2), 1.5, np.float32)}, "mean_0 is too large"),
    "variance": ({"variance_0": np.full((5, 2), -1, np.float32)}, "variance_0 or precision_0"),
    "precision": ({"precision_1": np.zeros((1, 3), np.float32)}, "variance_1 or precision_1"),
    "mask": ({"mask_0": np.ones((2, 2), bool)}, "mask_0 has the wrong shape"),
    "classes": ({"classes": np.arange(2)}, "classes has the wrong shape"),
    "order": ({"classes": np.array([3, 1, 2])}, "classes are not sorted"),
    "feature names": ({"feature_names": np.array(["a"])}, "feature_names has the wrong shape"),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_impossible_arrays_are_refused(kind, saved, tmp_path):
    arrays, message = ARRAYS[kind]
    rewritten(saved, tmp_path / "model.npz", arrays=arrays)
    refuse(tmp_path / "model.npz", message)


class Payload:
    """An object whose unpickling leaves a trace."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("name", ["header", "classes", "feature_names", "mean_0", "unused"])
def test_nothing_in_a_file_is_executed(name, saved, tmp_path):
    path, trace = tmp_path / "model.npz", tmp_path / "trace"
    rewritten(saved, path, arrays={name: np.array([Payload(trace)], dtype=object)})
    with np.load(path, allow_pickle=True) as file:
        file[name]
    assert trace.is_dir(), "the payload would work"
    trace.rmdir()
    refuse(path, "damaged, or is no file")
    assert not trace.exists()


def test_newer_files_say_so(saved, tmp_path):
    path = tmp_path / "model.npz"
    newer = persistence.FORMAT_VERSION + 1

    def change(header):
        header.update(format_version=newer, package_version="99.1", network="another layout")

    rewritten(saved, path, change)
    refuse(path, rf"cannot be read: it has format version {newer}, of sklearn_bp 99\.1; .*reads")


@pytest.mark.parametrize("error", [FileNotFoundError, IsADirectoryError])
def test_paths_without_a_file(error, tmp_path):
    path = tmp_path / "none.npz" if error is FileNotFoundError else tmp_path
    with pytest.raises(error) as caught:
        sklearn_bp.load(path)
    assert caught.value.filename == str(path)


def write_version_1():
    """Write the file that shows that version 1 stays readable, with predictions beside it."""
    model = small(BayesBPClassifier, hidden_layer_sizes=(3,), density=0.8, weight_prior="gaussian")
    model.fit(X, np.array(["a", "b", "c"])[Y]).save(VERSION_1)
    return model.predict_proba(X[::25]).round(4)


PREDICTED_BY_VERSION_1 = [
    [0.0, 0.0, 1.0],
    [0.0001, 0.0, 0.9999],
    [0.0127, 0.0, 0.9873],
    [0.0033, 0.2975, 0.6992],
    [0.9961, 0.0039, 0.0],
    [0.7272, 0.1109, 0.1619],
]


def test_files_of_version_1_stay_readable():
    model = sklearn_bp.load(VERSION_1)
    assert type(model) is BayesBPClassifier and model.classes_.tolist() == ["a", "b", "c"]
    assert (model.n_iter_, model.n_steps_, model.t_) == (2, 4, 300)
    assert model.get_params()["density"] == 0.8 and model.get_params()["random_state"] == 0
    np.testing.assert_allclose(model.predict_proba(X[::25]), PREDICTED_BY_VERSION_1, atol=2e-4)
    model.partial_fit(X, np.array(["a", "b", "c"])[Y])


PREDICTED_BY_VERSION_0_1 = [
    [0.575623, 0.393011, 0.031366],
    [0.853415, 0.145974, 0.000611],
    [0.0, 1.0, 0.0],
    [0.115033, 0.128654, 0.756314],
]
"""Of the unit vectors, by `BayesBPClassifier((5,), algo="amp", weight_prior="gaussian",
max_iter=3, random_state=0)` of version 0.1, fitted to standardised irises."""


@pytest.mark.parametrize("name", ["format_1_bayes.npz", "version_0_1.pickle"])
@pytest.mark.filterwarnings("ignore:Trying to unpickle estimator")
def test_estimators_of_version_0_1_predict_and_go_on(name):
    path = VERSION_1.with_name(name)
    is_pickle = path.suffix == ".pickle"
    model = pickle.loads(path.read_bytes()) if is_pickle else sklearn_bp.load(path)
    np.testing.assert_allclose(model.predict_proba(np.eye(4)), PREDICTED_BY_VERSION_0_1, atol=2e-4)
    assert model.partial_fit(np.eye(4), [0, 0, 1, 2]).n_steps_ > 1
    clone(model)
