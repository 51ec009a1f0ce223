"""Small files with the layouts of the real ones, and no network."""

import io

import numpy as np
import pytest

from sklearn_bp.datasets import _openml


@pytest.fixture(autouse=True)
def no_data_and_no_network(monkeypatch, tmp_path_factory):
    """Hide the data of this computer and the network's; return scikit-learn's data folder."""

    def unreachable(*arguments, **options):
        raise OSError("no network")

    home = tmp_path_factory.mktemp("scikit_learn_data")
    monkeypatch.delenv("SKLEARN_BP_DATA", raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home))
    monkeypatch.setattr(_openml, "fetch_openml", unreachable)
    return home


def draw_images(image_shape, n_train=20, n_test=10, seed=0):
    """Arrays of the Keras layout, with random pixels."""
    random_state = np.random.RandomState(seed)
    arrays = {}
    for split, n_samples in (("train", n_train), ("test", n_test)):
        arrays[f"x_{split}"] = random_state.randint(256, size=(n_samples, *image_shape)).astype(
            np.uint8
        )
        arrays[f"y_{split}"] = (np.arange(n_samples) % 10).astype(np.uint8)
    return arrays


def encode_jpegs(arrays):
    """The archive of JPEGs of the same images."""
    image_module = pytest.importorskip("PIL.Image")
    archive = {}
    for split in ("train", "test"):
        files = []
        for pixels in arrays[f"x_{split}"]:
            buffer = io.BytesIO()
            image_module.fromarray(pixels).save(buffer, format="JPEG", quality=95)
            files.append(buffer.getvalue())
        archive[f"jpeg_{split}"] = np.frombuffer(b"".join(files), dtype=np.uint8)
        archive[f"length_{split}"] = np.array([len(file) for file in files], dtype=np.uint16)
        archive[f"y_{split}"] = arrays[f"y_{split}"]
    return archive


@pytest.fixture
def mnist_folder(tmp_path):
    """A folder with a small mnist.npz; its arrays are draw_images((28, 28))."""
    np.savez(tmp_path / "mnist.npz", **draw_images((28, 28)))
    return tmp_path
