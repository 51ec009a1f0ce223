"""What can be seen of a fit: progress, history, callbacks; and Ctrl-C, which keeps the state."""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from sklearn_bp import BPClassifier
from sklearn_bp._estimators.callbacks import HAS_CALLBACKS
from sklearn_bp._estimators.training import Training
from sklearn_bp.inspection import mean_overlaps, polarization

from .problems import ESTIMATORS, X, Y, small
from .states import assert_same_posterior

pytestmark = pytest.mark.usefixtures("binary_networks")

needs_callbacks = pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn has no callbacks")
NUMBER = r"\d\.\d+"


# Progress --------------------------------------------------------------------------------


def test_silence_by_default(capsys):
    small().fit(X, Y)
    assert capsys.readouterr() == ("", "")


def test_a_line_per_epoch(capsys):
    model = small(verbose=2, max_iter=3, early_stopping=True).fit(X, Y)
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) == 3
    for epoch, (line, record) in enumerate(zip(lines, model.history_, strict=True), start=1):
        found = re.fullmatch(
            rf"epoch {epoch}/3: train ({NUMBER}), validation ({NUMBER}), "
            rf"polarization ({NUMBER}) ({NUMBER}), \d+ s left",
            line,
        )
        names = ["train_accuracy", "validation_score", "polarization_0", "polarization_1"]
        shown = [float(number) for number in found.groups()]
        np.testing.assert_allclose(shown, [record[name] for name in names], atol=6e-4)
    assert lines[-1].endswith(", 0 s left")


def test_lines_without_validation_say_nothing_of_it(capsys):
    small(verbose=2, hidden_layer_sizes=(5, 4)).fit(X, Y)
    for line in capsys.readouterr().out.splitlines():
        assert "validation" not in line
        assert re.search(rf"polarization {NUMBER} {NUMBER} {NUMBER},", line)


def test_time_left_is_that_of_the_epochs_to_come(capsys, monkeypatch):
    # A clock that ticks ten seconds at every look.
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("sklearn_bp._estimators.progress.perf_counter", lambda: next(clock))
    small(verbose=2, max_iter=4).fit(X, Y)
    left = re.findall(r"(\d+) s left", capsys.readouterr().out)
    assert left == ["30", "20", "10", "0"]


def test_a_bar_over_the_samples(capsys):
    pytest.importorskip("tqdm")
    model = small(verbose=1, max_iter=2, early_stopping=True, batch_size=16).fit(X, Y)
    out, err = capsys.readouterr()
    assert out == ""
    last = err.split("\r")[-1]
    record = model.history_[-1]
    assert "epoch 2/2" in last and "100%" in last
    assert "270/270" in last, "two epochs of 135 samples"
    assert f"train={record['train_accuracy']:.4f}" in last
    assert f"validation={record['validation_score']:.4f}" in last
    shown = " ".join(f"{record[f'polarization_{layer}']:.3f}" for layer in range(2))
    assert f"polarization={shown}" in last
    # tqdm's elapsed<remaining.
    assert re.search(r"\[\d\d:\d\d<\d\d:\d\d", last)


def test_the_bar_moves_with_every_mini_batch(monkeypatch):
    moves, closed = [], []

    class Bar:
        def __init__(self, **options):
            assert options["total"] == 2 * 150

        def update(self, n_samples):
            moves.append(n_samples)

        def close(self):
            closed.append(True)

        def set_postfix(self, texts, refresh):
            assert set(texts) == {"train", "polarization"}

        def set_description(self, text):
            pass

    tqdm = pytest.importorskip("tqdm.auto")
    monkeypatch.setattr(tqdm, "tqdm", Bar)
    small(verbose=1, batch_size=64).fit(X, Y)
    assert moves == [64, 64, 22] * 2
    assert closed == [True]


def test_lines_where_tqdm_is_not_installed(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    small(verbose=1).fit(X, Y)
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("epoch 1/2: train")


# History ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_history_is_a_table(cls):
    pandas = pytest.importorskip("pandas")
    model = small(cls, max_iter=4, early_stopping=True, batch_size=20).fit(X, Y)
    table = pandas.DataFrame(model.history_)
    assert list(table.columns) == [
        "epoch",
        "n_samples_seen",
        "train_accuracy",
        "train_log_loss",
        "validation_score",
        "polarization_0",
        "polarization_1",
        "overlap_0",
        "overlap_1",
        "time_s",
    ]
    assert not table.isna().any().any()
    assert table["epoch"].tolist() == [1, 2, 3, 4]
    assert table["n_samples_seen"].tolist() == [135, 270, 405, 540]
    assert table[["train_accuracy", "validation_score"]].stack().between(0, 1).all()
    assert (table["time_s"] > 0).all()
    assert {type(value) for record in model.history_ for value in record.values()} == {int, float}


def test_the_last_record_describes_the_state():
    model = small(max_iter=3, batch_size=16).fit(X, Y)
    last = model.history_[-1]
    for layer in range(2):
        assert last[f"polarization_{layer}"] == polarization(model)[layer]
        assert last[f"overlap_{layer}"] == mean_overlaps(model)[layer]


def test_training_accuracy_is_that_before_a_mini_batch_is_learned():
    model = small(max_iter=1, batch_size=1000, random_state=2).fit(X, Y)
    again = small(max_iter=2, batch_size=1000, random_state=2).fit(X, Y)
    # What the first epoch reached shows in the second one's record.
    assert model.history_[0]["train_accuracy"] == again.history_[0]["train_accuracy"]
    assert again.history_[1]["train_accuracy"] != again.history_[0]["train_accuracy"]


# scikit-learn's callbacks ----------------------------------------------------------------


class Recorder:
    """A callback that notes down what it is told, and may ask to stop or raise."""

    def __init__(self, stop_at=None, error=None):
        self.stop_at, self.error, self.events, self.scores = stop_at, error, [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name} {context.task_id}")
        self.scores.append(fitted_estimator.score(X, y))
        if context.task_name == "epoch" and context.task_id == self.stop_at:
            if self.error is not None:
                raise self.error
            return True
        return None


@needs_callbacks
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_callbacks_see_every_epoch(cls):
    watch = Recorder()
    model = small(cls, max_iter=3, batch_size=16).set_callbacks(watch).fit(X, Y)
    epochs = [f"{what} epoch {number}" for number in range(3) for what in ("begin", "end")]
    assert watch.events == ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]
    # They get an estimator that predicts as the state of that epoch does.
    for n_epochs, score in enumerate(watch.scores[:3], start=1):
        assert score == small(cls, max_iter=n_epochs, batch_size=16).fit(X, Y).score(X, Y)
    assert watch.scores[3] == model.score(X, Y)


@needs_callbacks
def test_watching_changes_nothing():
    watched = small(batch_size=16).set_callbacks(Recorder()).fit(X, Y)
    assert_same_posterior(watched, small(batch_size=16).fit(X, Y))


@needs_callbacks
def test_a_callback_stops_training():
    model = small(max_iter=50, batch_size=16).set_callbacks(Recorder(stop_at=1)).fit(X, Y)
    assert model.n_iter_ == len(model.history_) == 2
    assert_same_posterior(model, small(max_iter=2, batch_size=16).fit(X, Y))


@needs_callbacks
def test_an_error_of_a_callback_leaves_the_estimator_as_it_was():
    watch = Recorder(stop_at=1, error=ZeroDivisionError())
    model = small(batch_size=16).fit(X, Y)
    before = small(batch_size=16).fit(X, Y)
    model.set_callbacks(watch)
    with pytest.raises(ZeroDivisionError):
        model.set_params(random_state=7).fit(X, Y)
    assert_same_posterior(model, before)
    assert watch.events[-1] == "teardown"
    assert not [name for name in vars(model) if "callback" in name and name != "_skl_callbacks"]


@needs_callbacks
def test_scoring_monitor():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model = small(max_iter=3, batch_size=16).set_callbacks(monitor)
    weight = np.where(Y == 0, 2.0, 1.0)
    model.fit(X, Y, sample_weight=weight)
    log = monitor.get_logs().data
    assert [row["task_name"] for row in log].count("epoch") == 3
    (whole,) = (row for row in log if row["task_name"] == "fit")
    assert whole["accuracy"] == pytest.approx(model.score(X, Y, sample_weight=weight))


@needs_callbacks
def test_scikit_learns_progress_bar(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    small(max_iter=3).set_callbacks(ProgressBar()).fit(X, Y)
    assert "BPClassifier - fit" in capsys.readouterr().out


@needs_callbacks
def test_callbacks_in_a_search():
    from sklearn.callback import ScoringMonitor
    from sklearn.model_selection import GridSearchCV

    monitor = ScoringMonitor(scoring="accuracy")
    model = small(max_iter=2).set_callbacks(monitor)
    GridSearchCV(model, {"rho": [0.9, 1.0]}, cv=2, error_score="raise").fit(X, Y)
    names = [row["task_name"] for row in monitor.get_logs().data]
    # Four fits and one on all samples, of two epochs each.
    assert names.count("epoch") == 10


def test_nothing_is_lost_where_scikit_learn_has_no_callbacks():
    # Versions that have them need them themselves, so they are hidden from this package only.
    code = """
import sys
import numpy as np
import sklearn.calibration, sklearn.model_selection, sklearn.pipeline
hidden = sys.modules.pop("sklearn.callback", None)
sys.modules["sklearn.callback"] = None
from sklearn_bp import BPClassifier
from sklearn_bp._estimators.callbacks import HAS_CALLBACKS
assert not HAS_CALLBACKS
assert not hasattr(BPClassifier, "set_callbacks")
sys.modules["sklearn.callback"] = hidden
model = BPClassifier((5,), max_iter=3, random_state=0, verbose=2)
assert model.fit(np.eye(4), np.arange(4)) is model and len(model.history_) == 3
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("epoch") == 3


# Ctrl-C ----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def interrupts_are_heard():
    """Undo that a process started in the background ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_in_step(monkeypatch, number):
    """Send the process a real interrupt as soon as that many steps are done."""
    count = Training._count_step
    done = []

    def count_and_interrupt(self, n_samples):
        count(self, n_samples)
        done.append(n_samples)
        if len(done) == number:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Training, "_count_step", count_and_interrupt)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_an_interrupt_keeps_the_state_reached(cls, monkeypatch):
    options = {"batch_size": 50, "shuffle": False}
    expected = small(cls, max_iter=0, **options).fit(X, Y)
    for rows in (slice(0, 50), slice(50, 100), slice(100, 150), slice(0, 50), slice(50, 100)):
        expected.partial_fit(X[rows], Y[rows])
    interrupt_in_step(monkeypatch, 5)
    with pytest.warns(UserWarning, match="interrupted; the state reached is kept") as caught:
        model = small(cls, max_iter=100, **options).fit(X, Y)
    assert [one.filename for one in caught] == [__file__]
    assert_same_posterior(model, expected)
    assert (model.n_steps_, model.t_, model.n_iter_) == (5, 250, 2)
    assert [record["epoch"] for record in model.history_] == [1]
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_an_interrupt_in_the_first_epoch_of_early_stopping(monkeypatch):
    interrupt_in_step(monkeypatch, 2)
    with pytest.warns(UserWarning, match="interrupted"):
        model = small(early_stopping=True, batch_size=16).fit(X, Y)
    assert (model.n_steps_, model.history_, model.best_validation_score_) == (2, [], None)
    assert model.predict_proba(X).shape == (150, 3)


def test_an_interrupt_keeps_the_best_state_of_early_stopping(monkeypatch):
    options = {"early_stopping": True, "batch_size": 1000}
    expected = small(max_iter=1, **options).fit(X, Y)
    interrupt_in_step(monkeypatch, 2)
    monkeypatch.setattr(Training, "_validate", lambda self, posterior: 0.5)
    with pytest.warns(UserWarning, match="interrupted"):
        model = small(max_iter=9, **options).fit(X, Y)
    assert_same_posterior(model, expected)
    assert model.best_validation_score_ == 0.5


def test_training_goes_on_after_an_interrupt(monkeypatch):
    options = {"batch_size": 1000}
    with monkeypatch.context() as patch:
        interrupt_in_step(patch, 2)
        with pytest.warns(UserWarning, match="interrupted"):
            model = small(max_iter=9, warm_start=True, **options).fit(X, Y)
    model.set_params(max_iter=3).fit(X, Y)
    assert_same_posterior(model, small(max_iter=5, **options).fit(X, Y))


def test_an_interrupt_closes_the_bar(monkeypatch, capsys):
    pytest.importorskip("tqdm")
    interrupt_in_step(monkeypatch, 2)
    with pytest.warns(UserWarning, match="interrupted"):
        small(verbose=1, max_iter=9, batch_size=50).fit(X, Y)
    assert "100/1.35k" in capsys.readouterr().err


@needs_callbacks
def test_an_interrupt_raised_by_a_callback():
    watch = Recorder(stop_at=1, error=KeyboardInterrupt())
    with pytest.warns(UserWarning, match="interrupted"):
        model = small(max_iter=9, batch_size=16).set_callbacks(watch).fit(X, Y)
    assert model.n_iter_ == len(model.history_) == 2
    assert_same_posterior(model, small(max_iter=2, batch_size=16).fit(X, Y))
    assert watch.events[-2:] == ["end fit 0", "teardown"]


def test_an_interrupt_before_training_is_raised_and_changes_nothing(monkeypatch):
    model = small().fit(X, Y)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BPClassifier, "_make_network", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.set_params(random_state=5).fit(X[:, :2], Y > 0)
    assert_same_posterior(model, small().fit(X, Y))
    assert model.n_features_in_ == 4 and len(model.classes_) == 3
