"""The command ``python -m sklearn_bp``."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from datasets.conftest import draw_images, no_data_and_no_network  # noqa: F401
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_bp import BayesBPClassifier, BPClassifier, __main__
from sklearn_bp.__main__ import main
from sklearn_bp._estimators import progress, training
from sklearn_bp.backends import cuda

pytestmark = pytest.mark.usefixtures("binary_networks")

QUICK = ["--hidden", "11", "--epochs", "2", "--device", "cpu"]


def percents(text):
    """The two accuracies that a run has printed."""
    return [float(number) for number in re.findall(r"([\d.]+) % right", text)]


def digits_as_in_readme():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    mean, spread = X_train.mean(), X_train.std()
    return (X_train - mean) / spread, (X_test - mean) / spread, y_train, y_test


@pytest.mark.parametrize("algo", ["bp", "mf"])
def test_both_accuracies_are_those_of_the_classifiers(algo, capsys):
    assert main([*QUICK, "--algo", algo, "--seed", "3"]) == 0
    X_train, X_test, y_train, y_test = digits_as_in_readme()
    expected = [
        cls((11,), algo=algo, damping=0.8, fit_intercept=False, max_iter=2, random_state=3)
        .fit(X_train, y_train)
        .score(X_test, y_test)
        for cls in (BPClassifier, BayesBPClassifier)
    ]
    assert percents(capsys.readouterr().out) == [round(100 * one, 2) for one in expected]
    assert expected[0] != expected[1]


def test_the_size_of_the_network_is_told(capsys):
    main([*QUICK, "--hidden", "11", "7"])
    told = " ".join(capsys.readouterr().out.split())
    n_weights = 64 * 11 + 11 * 7 + 7 * 10
    assert "Network 64-11-7-10, on 450 images" in told
    assert f"{n_weights} weights of one bit, {(n_weights + 7) // 8} bytes" in told
    assert f"{4 * n_weights:,}" in told


def test_the_learning_curve_is_drawn(capsys, monkeypatch):
    drawn = []
    monkeypatch.setattr(__main__, "draw_percentages", lambda *given: drawn.append(given) or "curve")
    main(QUICK)
    X_train, _, y_train, _ = digits_as_in_readme()
    model = BPClassifier((11,), damping=0.8, fit_intercept=False, max_iter=2, random_state=0)
    history = model.fit(X_train, y_train).history_
    ((errors, encoding),) = drawn
    np.testing.assert_allclose(errors, [100 * (1 - one["train_accuracy"]) for one in history])
    assert encoding == sys.stdout.encoding and "\ncurve\n" in capsys.readouterr().out


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_progress_is_shown_with_and_without_tqdm(has_tqdm, capsys, monkeypatch):
    if has_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    main(QUICK)
    told = capsys.readouterr()
    assert ("epoch 2/2" in told.err) == has_tqdm
    assert ("epoch 2/2: train 0." in told.out) != has_tqdm


@pytest.mark.parametrize(
    "name, shape", [("mnist", (28, 28)), ("fashion_mnist", (28, 28)), ("cifar10", (32, 32, 3))]
)
def test_images_come_from_a_folder(name, shape, tmp_path, capsys):
    np.savez(tmp_path / f"{name}.npz", **draw_images(shape))
    assert main([*QUICK, "--data", name, "--data-home", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert f"{name}.npz: 20 images to train, 10 to test" in told
    assert f"Network {np.prod(shape)}-11-10, on 10 images" in told


def test_missing_data_are_an_error_that_says_what_to_put_where(
    no_data_and_no_network,  # noqa: F811
    tmp_path,
    capsys,
):
    assert main(["--data", "mnist", "--data-home", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: MNIST") and str(tmp_path) in told and "mnist.npz" in told


def test_damaged_data_are_an_error(tmp_path, capsys):
    (tmp_path / "mnist.npz").write_bytes(b"no archive")
    assert main(["--data", "mnist", "--data-home", str(tmp_path)]) == 1
    assert "damaged" in capsys.readouterr().err


def test_a_gpu_that_cannot_be_used_is_an_error(capsys, monkeypatch):
    monkeypatch.setattr(cuda, "find_problem", lambda: "there is none.")
    assert main([*QUICK, "--device", "cuda"]) == 1
    assert "device='cuda' cannot be used: there is none." in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--hidden", "0"], "argument --hidden: must be at least 1; got 0"),
        (["--epochs", "many"], "argument --epochs: invalid"),
        (["--data", "letters"], "argument --data: invalid choice"),
        (["--plot", "no_such_folder/curve.png"], "there is no folder 'no_such_folder'"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_done(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    told = capsys.readouterr()
    assert caught.value.code == 2 and message in told.err and not told.out


def test_a_plot_is_written_on_request(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "curve.png"
    assert main([*QUICK, "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_plot_without_matplotlib_is_refused_before_the_training(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        main([*QUICK, "--plot", "curve.png"])
    assert "pip install 'sklearn-bp[plot]'" in capsys.readouterr().err


class Impatient(progress.Silent):
    """A user who stops the first epoch."""

    def advance(self, n_samples):
        raise KeyboardInterrupt


def test_a_training_stopped_in_its_first_epoch_is_tested_all_the_same(monkeypatch, capsys):
    monkeypatch.setattr(training, "make_progress", lambda *arguments: Impatient())
    with pytest.warns(UserWarning, match="interrupted"):
        assert main(QUICK) == 0
    told = capsys.readouterr().out
    assert len(percents(told)) == 2 and "Training error" not in told


def test_the_module_runs_as_a_command_on_a_terminal_of_plain_ascii():
    finished = subprocess.run(
        [sys.executable, "-m", "sklearn_bp", *QUICK],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    told = finished.stdout.decode("ascii")
    assert len(percents(told)) == 2 and "|####" in told
