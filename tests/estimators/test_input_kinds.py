"""Samples of every kind give the same network, and none is copied as a whole without need."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
from scipy import sparse

from sklearn_bp import BPClassifier

from .problems import ESTIMATORS, X, Y, small
from .states import assert_same_posterior

pytestmark = pytest.mark.usefixtures("binary_networks")

EXACT = np.where(np.abs(X) < 0.5, 0, np.round(4 * X) / 4).astype(np.float32)
"""Numbers that half precision holds exactly, many of them zero."""

COUNTS = (4 * EXACT + 20).astype(np.int64)
OPTIONS = {"batch_size": 32, "early_stopping": True}
SPARSE = [
    sparse.csr_matrix,
    sparse.csc_matrix,
    sparse.csr_array,
    sparse.csc_array,
    sparse.coo_matrix,
    sparse.lil_matrix,
]


def frame(pandas, array=EXACT, **types):
    table = pandas.DataFrame(array, columns=["a", "b", "c", "d"])
    return table.astype(types) if types else table


def assert_same_fit(given, plain, y=Y, **options):
    """Both kinds lead to the same posterior and predictions, by fit and by partial_fit."""
    model = small(**(OPTIONS | options)).fit(given, y)
    reference = small(**(OPTIONS | options)).fit(plain, y)
    assert_same_posterior(model, reference)
    np.testing.assert_array_equal(model.predict_proba(given), reference.predict_proba(plain))
    model.partial_fit(given, y)
    assert_same_posterior(model, reference.partial_fit(plain, y))


# Sparse ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SPARSE, ids=lambda kind: kind.__name__)
def test_sparse_is_dense_bit_for_bit(kind):
    assert_same_fit(kind(EXACT), EXACT)


@pytest.mark.parametrize("cls, batch_size", list(product(ESTIMATORS, [16, 1000])))
def test_sparse_samples_of_every_estimator(cls, batch_size):
    options = {"batch_size": batch_size, "early_stopping": False}
    model = small(cls, **options).fit(sparse.csc_matrix(EXACT), Y)
    reference = small(cls, **options).fit(EXACT, Y)
    assert_same_posterior(model, reference)
    np.testing.assert_array_equal(
        model.predict_proba(sparse.csr_array(EXACT)), reference.predict_proba(EXACT)
    )


def test_sparse_with_large_indices():
    matrix = sparse.csr_matrix(EXACT)
    matrix.indices, matrix.indptr = matrix.indices.astype("int64"), matrix.indptr.astype("int64")
    assert_same_fit(matrix, EXACT)


def test_sparse_matrices_are_left_as_they_are():
    matrix = sparse.csc_matrix(EXACT)
    # Indices out of order, and a zero that is stored.
    matrix.data[0] = 0
    before = [part.copy() for part in (matrix.data, matrix.indices, matrix.indptr)]
    small(**OPTIONS).fit(matrix, Y).partial_fit(matrix, Y).predict(matrix)
    for part, expected in zip((matrix.data, matrix.indices, matrix.indptr), before, strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sparse_samples_are_never_dense_as_a_whole(kind, early_stopping, monkeypatch):
    n_samples, heights = 5000, []
    X_tall = sparse.random(n_samples, 30, density=0.1, random_state=0, dtype=np.float32)
    y = np.arange(n_samples) % 3

    def watched(original):
        def method(self, *arguments, **keywords):
            heights.append(self.shape[0])
            return original(self, *arguments, **keywords)

        return method

    for cls in (sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array):
        for name in ("toarray", "todense"):
            monkeypatch.setattr(cls, name, watched(getattr(cls, name)))
    model = small(batch_size=64, early_stopping=early_stopping, max_iter=1)
    model.fit(kind(X_tall), y)
    # A thousand of them are looked at in the end.
    assert heights and max(heights) <= 1024
    model.predict(kind(X_tall))
    model.predict_proba(kind(X_tall))
    assert max(heights) <= 1024


# Memory maps -----------------------------------------------------------------------------


@pytest.fixture
def mapped(tmp_path):
    """Writes an array to disk and opens it as a read-only map."""

    def write(array, order="C"):
        path = tmp_path / "samples.dat"
        shape = array.shape
        target = np.memmap(path, dtype=array.dtype, mode="w+", shape=shape, order=order)
        target[...] = array
        target.flush()
        del target
        return np.memmap(path, dtype=array.dtype, mode="r", shape=shape, order=order)

    return write


NUMBERS = ["float32", "float64", "float16", "uint8", "int8", "int16", "int32", "int64", "bool"]


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_memory_map_is_the_array_bit_for_bit(dtype, order, mapped):
    array = (COUNTS if np.dtype(dtype).kind in "ui" else EXACT).astype(dtype)
    assert_same_fit(mapped(array, order), array.astype(np.float32))
    assert_same_fit(mapped(array, order), array.astype(np.float64), dtype="float64")


def test_a_saved_array_opened_as_a_map(tmp_path):
    np.save(tmp_path / "samples.npy", EXACT)
    assert_same_fit(np.load(tmp_path / "samples.npy", mmap_mode="r"), EXACT)


@pytest.mark.parametrize("dtype, order", [("float32", "C"), ("int16", "C"), ("float64", "F")])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_memory_map_is_read_in_mini_batches(dtype, order, early_stopping, mapped):
    n_samples, n_features = 60_000, 100
    blocks = np.random.default_rng(0).integers(0, 5, (60, n_features)).astype(dtype)
    X_tall = mapped(np.tile(blocks, (n_samples // 60, 1)), order)
    y = np.arange(n_samples) % 3
    whole = n_samples * n_features * 4
    model = small(batch_size=128, max_iter=1, early_stopping=early_stopping)
    # What is compiled or imported once does not count.
    model.fit(X_tall[:200], y[:200]).predict(X_tall[:200])
    # Labels, weights and orders take 8 bytes a sample each, far less than the samples.
    assert peak_memory(model.fit, X_tall, y) < whole / 2
    assert peak_memory(model.predict, X_tall) < whole / 3
    small_part = X_tall[1000:1100]
    assert peak_memory(model.partial_fit, small_part, y[1000:1100]) < whole / 10


def peak_memory(function, *arguments):
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bad, message", [(np.nan, "contains NaN"), (np.inf, "contains infinity")])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_bad_number_in_a_memory_map_is_found(bad, message, order, place, mapped):
    array = np.ones((40_000, 15), dtype=np.float32)
    array[place, place] = bad
    y = np.arange(40_000) % 2
    with pytest.raises(ValueError, match=message):
        small().fit(mapped(array, order), y)
    array[place, place] = -1e30
    with pytest.raises(ValueError, match=r"X contains the absolute value 1e\+30"):
        small().fit(mapped(array, order), y)


# Arrays and lists ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*NUMBERS, "longdouble", "object"])
def test_every_type_of_number(dtype):
    array = (COUNTS if np.dtype(dtype).kind in "ui" else EXACT).astype(dtype)
    assert_same_fit(array, array.astype(np.float32))


@pytest.mark.parametrize(
    "change",
    [
        np.asfortranarray,
        lambda array: np.repeat(array, 2, axis=0)[::2],
        lambda array: np.repeat(array, 2, axis=1)[:, ::2],
        lambda array: array[::-1][::-1],
        lambda array: array.tolist(),
        lambda array: [tuple(row) for row in array],
        lambda array: np.ma.masked_array(array),
        lambda array: array.astype(">f4"),
    ],
    ids=["Fortran", "rows", "columns", "reversed", "lists", "tuples", "masked", "big-endian"],
)
def test_every_layout(change):
    assert_same_fit(change(EXACT), EXACT)


def test_read_only_arrays_are_read_and_others_left_alone():
    y, weight = Y.copy(), np.linspace(0.5, 2, 150)
    arrays = (EXACT.copy(), y, weight)
    for array in arrays:
        array.flags.writeable = False
    model = small(**OPTIONS).fit(arrays[0], y, sample_weight=weight)
    model.partial_fit(*arrays[:2], sample_weight=weight).predict(arrays[0])
    writeable = [array.copy() for array in arrays]
    small(**OPTIONS).fit(writeable[0], writeable[1], sample_weight=writeable[2])
    for array, expected in zip(writeable, arrays, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_single_precision_reads_double_as_if_it_were_single():
    X_double = X + 1e-12
    assert_same_fit(X_double, X_double.astype(np.float32))


@pytest.mark.parametrize(
    "labels",
    [
        [10, 20, 30],
        [-1.0, 0.0, 2.0],
        ["no", "perhaps", "yes"],
        np.array(["a", "b", "c"], dtype=object),
    ],
    ids=str,
)
def test_every_type_of_label(labels):
    y = np.asarray(labels)[Y]
    model, reference = small(**OPTIONS).fit(EXACT, y), small(**OPTIONS).fit(EXACT, Y)
    assert_same_posterior(model, reference)
    np.testing.assert_array_equal(model.classes_, np.asarray(labels))
    np.testing.assert_array_equal(
        model.predict(EXACT), np.asarray(labels)[reference.predict(EXACT)]
    )


def test_boolean_labels_and_lists_of_labels():
    model = small(**OPTIONS).fit(EXACT, Y > 0)
    assert model.classes_.tolist() == [False, True]
    assert model.predict(EXACT).dtype == bool
    assert_same_posterior(small(**OPTIONS).fit(EXACT, (Y > 0).tolist()), model)


# Data frames -----------------------------------------------------------------------------


def test_pandas_frames():
    pandas = pytest.importorskip("pandas")
    assert_same_fit(frame(pandas), EXACT)
    assert_same_fit(frame(pandas), EXACT, y=pandas.Series(Y, index=np.arange(150)[::-1]))


def test_pandas_frames_of_mixed_types():
    pandas = pytest.importorskip("pandas")
    array = EXACT.copy()
    array[:, 0], array[:, 1] = COUNTS[:, 0], EXACT[:, 1] > 0
    types = {"a": "int64", "b": "bool", "c": "float32", "d": "Float64"}
    assert_same_fit(frame(pandas, array, **types), array)
    assert_same_fit(frame(pandas).astype(pandas.SparseDtype("float32", 0)), EXACT)


def test_pandas_labels():
    pandas = pytest.importorskip("pandas")
    names = np.array(["x", "y", "z"])
    for dtype in ("category", "string", "object"):
        model = small(**OPTIONS).fit(EXACT, pandas.Series(names[Y], dtype=dtype))
        assert model.classes_.tolist() == ["x", "y", "z"]
        assert_same_posterior(model, small(**OPTIONS).fit(EXACT, Y))


def test_names_of_features_are_remembered_and_checked():
    pandas = pytest.importorskip("pandas")
    table = frame(pandas)
    model = small(**OPTIONS).fit(table, Y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    model.partial_fit(table, Y).predict(table)
    swapped, renamed = table[["b", "a", "c", "d"]], table.rename(columns={"a": "z"})
    for method in (model.predict, model.predict_proba, lambda X: model.partial_fit(X, Y)):
        with pytest.raises(ValueError, match="must be in the same order"):
            method(swapped)
        with pytest.raises(ValueError, match="names unseen at fit time:\n- z"):
            method(renamed)
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            method(EXACT)
    # A new fit takes new names, or none.
    assert model.fit(renamed, Y).feature_names_in_.tolist() == ["z", "b", "c", "d"]
    assert not hasattr(model.fit(EXACT, Y), "feature_names_in_")
    numbered = table.rename(columns={name: place for place, name in enumerate("abcd")})
    assert not hasattr(small().fit(numbered, Y), "feature_names_in_")


def test_a_first_partial_fit_learns_names():
    pandas = pytest.importorskip("pandas")
    model = BPClassifier((5,), random_state=0).partial_fit(frame(pandas), Y, classes=range(3))
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.warns(
        UserWarning, match="X has feature names, but BPClassifier was fitted without"
    ):
        BPClassifier((5,)).partial_fit(EXACT, Y, classes=range(3)).predict(frame(pandas))


def test_missing_values_of_frames_are_refused():
    pandas = pytest.importorskip("pandas")
    table = frame(pandas, d="Float64")
    table.loc[3, "d"] = pandas.NA
    with pytest.raises(ValueError, match="Input X contains NaN.\nBPClassifier does not accept"):
        small().fit(table, Y)
    model = small().fit(EXACT, Y)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(np.where(EXACT > 0, np.nan, EXACT))


def test_polars_frames():
    polars = pytest.importorskip("polars")
    table = polars.DataFrame({name: EXACT[:, place] for place, name in enumerate("abcd")})
    assert_same_fit(table, EXACT, y=polars.Series(Y))
    model = small().fit(table, polars.Series(np.array(["x", "y", "z"])[Y]))
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert model.classes_.tolist() == ["x", "y", "z"]
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(table.select("b", "a", "c", "d"))
