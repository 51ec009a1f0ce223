"""Loaders of image datasets: what users get, from files and from OpenML, and errors."""

import inspect
import os

import numpy as np
import pytest

from sklearn_bp.datasets import _images, _openml, load_cifar10, load_fashion_mnist, load_mnist

from .conftest import draw_images

LOADERS = {
    "mnist": (load_mnist, (28, 28)),
    "fashion_mnist": (load_fashion_mnist, (28, 28)),
    "cifar10": (load_cifar10, (32, 32, 3)),
}


@pytest.mark.parametrize("name", LOADERS)
def test_pixels_are_standardised_by_the_training_set(name, tmp_path):
    load, shape = LOADERS[name]
    arrays = draw_images(shape)
    np.savez(tmp_path / f"{name}.npz", **arrays)
    data = load(data_home=tmp_path)
    train, test = arrays["x_train"] / 255, arrays["x_test"] / 255
    for X, images in ((data.X_train, train), (data.X_test, test)):
        assert X.dtype == np.float32 and X.flags.c_contiguous
        expected = ((images - train.mean()) / train.std()).reshape(len(images), -1)
        np.testing.assert_allclose(X, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(data.y_train, arrays["y_train"])
    np.testing.assert_array_equal(data.y_test, arrays["y_test"])
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert data.image_shape == shape and len(data.target_names) == 10
    assert data.pixel_mean == pytest.approx(train.mean(), rel=1e-12)
    assert data.pixel_standard_deviation == pytest.approx(train.std(), rel=1e-12)
    assert data.source == str(tmp_path / f"{name}.npz") and data.source in data.DESCR


def test_images_keep_their_shape_on_request(tmp_path):
    arrays = draw_images((32, 32, 3))
    np.savez(tmp_path / "cifar10.npz", **arrays)
    data = load_cifar10(data_home=tmp_path, flatten=False, standardize=False)
    np.testing.assert_allclose(data.X_train * 255, arrays["x_train"], atol=1e-4)
    assert data.X_test.shape == (10, 32, 32, 3)


def test_many_images_are_converted_in_blocks(mnist_folder, monkeypatch):
    whole = load_mnist(data_home=mnist_folder)
    monkeypatch.setattr(_images, "ROWS_AT_A_TIME", 3)
    blocks = load_mnist(data_home=mnist_folder)
    np.testing.assert_array_equal(blocks.X_train, whole.X_train)
    np.testing.assert_array_equal(blocks.X_test, whole.X_test)
    assert blocks.pixel_mean == whole.pixel_mean


def test_images_of_one_grey_stay_finite(tmp_path):
    arrays = draw_images((28, 28))
    arrays["x_train"][:] = 7
    np.savez(tmp_path / "mnist.npz", **arrays)
    data = load_mnist(data_home=tmp_path)
    assert not data.X_train.any() and np.isfinite(data.X_test).all()


def test_parity_labels_are_even_and_odd(mnist_folder):
    data = load_mnist(data_home=mnist_folder, parity=True)
    np.testing.assert_array_equal(data.y_train, np.arange(20) % 10 % 2)
    assert data.target_names == ["even", "odd"]


def test_arrays_only_come_in_the_order_of_train_test_split(mnist_folder):
    data = load_mnist(data_home=mnist_folder)
    arrays = load_mnist(data_home=mnist_folder, return_X_y=True)
    for array, name in zip(arrays, ("X_train", "X_test", "y_train", "y_test"), strict=True):
        np.testing.assert_array_equal(array, data[name])


def test_labels_may_be_a_column_as_in_keras(tmp_path):
    arrays = draw_images((32, 32, 3))
    arrays["y_train"] = arrays["y_train"][:, None]
    np.savez(tmp_path / "cifar10.npz", **arrays)
    assert load_cifar10(data_home=tmp_path).y_train.shape == (20,)


def test_the_environment_names_the_folder(mnist_folder, monkeypatch):
    monkeypatch.setenv("SKLEARN_BP_DATA", str(mnist_folder))
    assert load_mnist().X_train.shape == (20, 784)


def test_the_argument_goes_before_the_environment(mnist_folder, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other")
    np.savez(other / "mnist.npz", **draw_images((28, 28), n_train=3))
    monkeypatch.setenv("SKLEARN_BP_DATA", str(other))
    assert load_mnist(data_home=os.fspath(mnist_folder)).X_train.shape[0] == 20


@pytest.mark.parametrize("by_argument", [True, False])
def test_a_folder_that_does_not_exist_is_named(by_argument, tmp_path, monkeypatch):
    absent = tmp_path / "absent"
    if not by_argument:
        monkeypatch.setenv("SKLEARN_BP_DATA", str(absent))
    with pytest.raises(FileNotFoundError, match="absent") as caught:
        load_mnist(data_home=absent if by_argument else None)
    assert ("data_home" in str(caught.value)) == by_argument


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("with_folder", [True, False])
def test_missing_data_say_what_to_put_where(name, with_folder, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        LOADERS[name][0](data_home=tmp_path if with_folder else None)
    message = str(caught.value)
    for part in (f"{name}.npz", "x_train, y_train, x_test, y_test", "SKLEARN_BP_DATA", "data_home"):
        assert part in message
    assert "OpenML" in message and "no network" in message
    assert (str(tmp_path) in message) == with_folder


def openml_rows(dataset, seed=0):
    """What fetch_openml would return for a small dataset, and the images in the Keras layout."""
    n_test = sum(dataset.n_test_by_class)
    arrays = draw_images(dataset.image_shape, dataset.n_train, n_test, seed)
    images = np.concatenate([arrays["x_train"], arrays["x_test"]])
    if images.ndim == 4:
        images = images.transpose(0, 3, 1, 2)
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    rows = images.reshape(images.shape[0], -1).astype(float)
    return rows, labels.astype(str).astype(object), arrays


@pytest.fixture
def small_openml(monkeypatch):
    """OpenML with small datasets; returns the calls made and the arrays to expect, by name."""
    calls, expected = [], {}
    for name in ("MNIST", "FASHION_MNIST", "CIFAR10"):
        original = getattr(_images, name)
        small = original.__class__(
            **{**vars(original), "n_train": 20, "n_test_by_class": (1,) * 10}
        )
        monkeypatch.setattr(_images, name, small)
        expected[small.openml_name] = openml_rows(small)

    def fetch(name, **options):
        calls.append((name, options))
        return expected[name][:2]

    monkeypatch.setattr(_openml, "fetch_openml", fetch)
    return calls, expected


@pytest.mark.parametrize(
    "name, openml_name",
    [("mnist", "mnist_784"), ("fashion_mnist", "Fashion-MNIST"), ("cifar10", "CIFAR_10")],
)
def test_openml_takes_over_without_a_file(name, openml_name, small_openml, tmp_path):
    calls, expected = small_openml
    data = LOADERS[name][0](data_home=tmp_path, flatten=False, standardize=False)
    assert [call[0] for call in calls] == [openml_name] and calls[0][1]["version"] == 1
    arrays = expected[openml_name][2]
    np.testing.assert_allclose(data.X_train * 255, arrays["x_train"], atol=1e-4)
    np.testing.assert_allclose(data.X_test * 255, arrays["x_test"], atol=1e-4)
    np.testing.assert_array_equal(data.y_test, arrays["y_test"])
    assert "OpenML" in data.source


def test_openml_is_left_alone_where_there_is_a_file(small_openml, mnist_folder):
    load_mnist(data_home=mnist_folder)
    assert not small_openml[0]


@pytest.mark.parametrize("has_pandas", [True, False])
def test_openml_works_with_and_without_pandas(has_pandas, small_openml, monkeypatch):
    monkeypatch.setattr(_openml, "find_spec", lambda name: has_pandas or None)
    load_mnist()
    assert small_openml[0][0][1]["parser"] == ("pandas" if has_pandas else "liac-arff")


def test_another_test_set_on_openml_is_told_of(small_openml):
    rows, labels, arrays = small_openml[1]["mnist_784"]
    labels[-1] = "0"
    with pytest.warns(UserWarning, match="not the official test set"):
        load_mnist()


@pytest.mark.parametrize("pixel", [0.5, 256.0, -1.0])
def test_other_numbers_than_pixels_on_openml_are_refused(pixel, small_openml):
    small_openml[1]["mnist_784"][0][3, 5] = pixel
    with pytest.raises(ValueError, match="integers from 0 to 255"):
        load_mnist()


def test_another_number_of_pixels_on_openml_is_refused(small_openml):
    rows, labels, arrays = small_openml[1]["mnist_784"]
    small_openml[1]["mnist_784"] = rows[:, 1:], labels, arrays
    with pytest.raises(ValueError, match="784 pixels"):
        load_mnist()


@pytest.mark.parametrize("load", [loader for loader, _ in LOADERS.values()])
@pytest.mark.parametrize(
    "name, value",
    [
        ("data_home", 3),
        ("flatten", "yes"),
        ("standardize", None),
        ("parity", 2),
        ("return_X_y", "both"),
    ],
)
def test_arguments_are_checked(load, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {load.__name__} must be"):
        load(**{name: value})


@pytest.mark.parametrize("load", [loader for loader, _ in LOADERS.values()])
def test_every_argument_is_documented(load):
    text = inspect.getdoc(load)
    assert "{" not in text.replace("{array-like", "")
    for name in inspect.signature(load).parameters:
        assert f"\n{name} : " in text
