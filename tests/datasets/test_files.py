"""Files of image datasets: damaged ones, other layouts, archives of JPEGs and their copies."""

import builtins
import os
import stat

import numpy as np
import pytest

from sklearn_bp.datasets import _files, load_cifar10, load_mnist

from .conftest import draw_images, encode_jpegs


def write(path, arrays):
    np.savez(path, **arrays)
    return path


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[5000] ^= 255
    path.write_bytes(bytes(data))


def one_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def pickled(path):
    with path.open("wb") as file:
        np.savez(file, **dict.fromkeys(_files.ARRAYS, np.array([{}], dtype=object)))


@pytest.mark.parametrize(
    "damage",
    [
        cut_short,
        flip_a_byte,
        one_array,
        pickled,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("<html>not found</html>"),
    ],
)
def test_damaged_files_are_refused(damage, mnist_folder):
    damage(mnist_folder / "mnist.npz")
    with pytest.raises(ValueError, match="damaged or has another layout.*x_train, y_train"):
        load_mnist(data_home=mnist_folder)


@pytest.mark.parametrize("missing", _files.ARRAYS)
def test_a_missing_array_is_named(missing, tmp_path):
    arrays = draw_images((28, 28))
    del arrays[missing]
    write(tmp_path / "mnist.npz", arrays)
    with pytest.raises(ValueError, match=f"another layout.*{missing}"):
        load_mnist(data_home=tmp_path)


@pytest.mark.parametrize(
    "name, change, message",
    [
        ("x_train", lambda x: x.astype(float), "x_train must be uint8"),
        ("x_test", lambda x: x[:, 1:], r"x_test must be uint8 of shape \(n_samples, 28, 28\)"),
        ("x_test", lambda x: x[:0], "at least one sample"),
        ("y_train", lambda y: y[1:], r"y_train must be integers of shape \(20,\)"),
        ("y_train", lambda y: y.astype(float), "y_train must be integers"),
        ("y_test", lambda y: np.tile(y[:, None], 2), "y_test must be integers"),
        ("y_test", lambda y: y + 1, "y_test must lie in 0 to 9; got 1 to 10"),
        ("y_train", lambda y: y.astype(int) - 1, "y_train must lie in 0 to 9; got -1 to 8"),
    ],
)
def test_arrays_of_another_kind_are_refused(name, change, message, tmp_path):
    arrays = draw_images((28, 28))
    arrays[name] = change(arrays[name])
    write(tmp_path / "mnist.npz", arrays)
    with pytest.raises(ValueError, match=message):
        load_mnist(data_home=tmp_path)


# Archives of JPEGs --------------------------------------------------------------------------


def smooth_images():
    """Images that JPEG keeps nearly as they are."""
    arrays = draw_images((32, 32, 3))
    ramp = np.add.outer(np.arange(32), np.arange(32)) * 2
    for split in ("train", "test"):
        for index, image in enumerate(arrays[f"x_{split}"]):
            image[:] = (ramp + 4 * index)[:, :, None] + np.array([0, 20, 40])
    return arrays


@pytest.fixture
def jpeg_folder(tmp_path):
    write(tmp_path / "cifar10_jpeg.npz", encode_jpegs(smooth_images()))
    return tmp_path


def cached_files(home):
    return sorted((home / "sklearn_bp").glob("*"))


def test_jpegs_are_decoded(jpeg_folder):
    data = load_cifar10(data_home=jpeg_folder, flatten=False, standardize=False)
    expected = smooth_images()
    assert np.abs(data.X_train * 255 - expected["x_train"]).max() < 8
    assert np.abs(data.X_test * 255 - expected["x_test"]).mean() < 2
    np.testing.assert_array_equal(data.y_train, expected["y_train"])
    assert "slightly lossy" in data.source and "slightly lossy" in data.DESCR


def test_exact_images_go_before_jpegs(jpeg_folder):
    arrays = write(jpeg_folder / "cifar10.npz", smooth_images())
    data = load_cifar10(data_home=jpeg_folder)
    assert data.source == str(arrays)


def test_decoded_images_are_kept(jpeg_folder, no_data_and_no_network, monkeypatch):
    first = load_cifar10(data_home=jpeg_folder)
    assert len(cached_files(no_data_and_no_network)) == 1
    monkeypatch.setattr(_files, "decode_archive", None)
    again = load_cifar10(data_home=jpeg_folder)
    np.testing.assert_array_equal(again.X_train, first.X_train)
    assert again.source == first.source


def test_another_archive_is_decoded_anew(jpeg_folder, no_data_and_no_network):
    load_cifar10(data_home=jpeg_folder)
    write(jpeg_folder / "cifar10_jpeg.npz", encode_jpegs(draw_images((32, 32, 3), n_train=4)))
    assert load_cifar10(data_home=jpeg_folder).X_train.shape[0] == 4
    assert len(cached_files(no_data_and_no_network)) == 2


def test_a_damaged_copy_is_replaced(jpeg_folder, no_data_and_no_network):
    first = load_cifar10(data_home=jpeg_folder)
    (copy,) = cached_files(no_data_and_no_network)
    cut_short(copy)
    again = load_cifar10(data_home=jpeg_folder)
    np.testing.assert_array_equal(again.X_train, first.X_train)
    _files.read_arrays(copy, _files.ARRAYS)


def test_no_copy_is_kept_where_the_disk_refuses(jpeg_folder, no_data_and_no_network, monkeypatch):
    def full(*arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert load_cifar10(data_home=jpeg_folder).X_train.shape == (20, 3072)
    assert not cached_files(no_data_and_no_network)


def test_a_data_folder_that_cannot_be_made_is_done_without(jpeg_folder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "file" / "below"))
    assert load_cifar10(data_home=jpeg_folder).X_train.shape == (20, 3072)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX files")
def test_the_copy_is_readable_by_its_owner_only(jpeg_folder, no_data_and_no_network):
    load_cifar10(data_home=jpeg_folder)
    (copy,) = cached_files(no_data_and_no_network)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_without_pillow_the_error_says_what_to_install(jpeg_folder, monkeypatch):
    real_import = builtins.__import__

    def no_pillow(name, *arguments, **options):
        if name == "PIL":
            raise ImportError("No module named 'PIL'")
        return real_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", no_pillow)
    with pytest.raises(ImportError, match=r"Pillow: pip install 'sklearn-bp\[images\]'"):
        load_cifar10(data_home=jpeg_folder)


def change_archive(folder, **changes):
    archive = encode_jpegs(smooth_images())
    for name, change in changes.items():
        archive[name] = change(archive[name])
    write(folder / "cifar10_jpeg.npz", archive)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"length_train": lambda n: n[:-1]}, "as many bytes as length_train says"),
        ({"length_test": lambda n: n * 2}, "as many bytes as length_test says"),
        ({"length_test": lambda n: n * 0}, "as many bytes as length_test says"),
        ({"jpeg_train": lambda data: data.astype(float)}, "jpeg_train must be uint8"),
        ({"jpeg_train": np.flip}, "image 0 of train is damaged"),
        ({"y_test": lambda y: y[1:]}, "y_test must be integers"),
    ],
)
def test_damaged_archives_are_refused(changes, message, tmp_path, no_data_and_no_network):
    change_archive(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        load_cifar10(data_home=tmp_path)
    assert not cached_files(no_data_and_no_network)


def test_images_of_another_shape_are_refused(tmp_path):
    write(tmp_path / "cifar10_jpeg.npz", encode_jpegs(draw_images((32, 32))))
    with pytest.raises(ValueError, match=r"image 0 of train must have shape \(32, 32, 3\)"):
        load_cifar10(data_home=tmp_path)


def test_an_archive_without_an_array_is_refused(tmp_path):
    archive = encode_jpegs(smooth_images())
    del archive["length_test"]
    write(tmp_path / "cifar10_jpeg.npz", archive)
    with pytest.raises(ValueError, match="another layout.*length_test"):
        load_cifar10(data_home=tmp_path)
