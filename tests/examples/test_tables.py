"""Tests of the record of both classifiers on tables, on little data with quick models."""

import json
import re
import warnings
from functools import partial

import numpy as np
import pytest
import tables
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LINEAR, REFERENCE = tables.LINEAR, tables.REFERENCE
OWN, OTHER = tables.OWN_NAMES
QUICK = {REFERENCE: GaussianNB, LINEAR: LogisticRegression}


class NoisyLabels(ClassifierMixin, BaseEstimator):
    """Knows how many of the labels it was given are not the first feature's sign."""

    def __init__(self, label_noise=0):
        self.label_noise = label_noise

    def fit(self, X, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.label_noise_ = np.float64(np.mean((X[:, 0] > 0) != codes))
        return self

    def predict_proba(self, X):
        return np.column_stack([X[:, 0] <= 0, X[:, 0] > 0]) * 0.8 + 0.1

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.fixture
def folder(tmp_path):
    """A folder with two tables."""
    made = tmp_path / "tables"
    made.mkdir()
    for name, n_classes in (("one", 2), ("two", 3)):
        X, y = make_classification(
            60, 5, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=0
        )
        np.savez(made / f"{name}.npz", X=X.astype(np.float32), y=y)
    return made


@pytest.fixture
def scored(monkeypatch):
    """Pairs of table and model, as they are scored: quick models on tables of the folder alone."""
    calls = []
    score = tables.score

    def count(table, name):
        calls.append((table.name, name))
        return score(table, name)

    signs = np.resize([-1.0, 1.0], (100, 1))
    noisy = tables.Table("label_noise", "label_noise", lambda: (signs, signs[:, 0]), 0.25)
    monkeypatch.setattr(tables, "score", count)
    monkeypatch.setattr(tables, "MODELS", dict(QUICK))
    monkeypatch.setattr(tables, "NOISE_MODELS", {f"{REFERENCE}, noisy": NoisyLabels})
    monkeypatch.setattr(tables, "OWN_TABLES", ())
    monkeypatch.setattr(tables, "NOISY_TABLE", noisy)
    return calls


def record(table, model, accuracy, origin="files", **options):
    """A record as a run writes it."""
    shape = {"n_samples": 100, "n_features": 7, "n_classes": 2}
    scores = {"accuracy": accuracy, "log_loss": 1 - accuracy, "fit_s": 0.25, "measured": 0}
    warned = {"fold_unconverged": [True, False, False, False, False]}
    return {"table": table, "origin": origin, "model": model} | shape | scores | warned | options


def reported(path, scores, capsys):
    """Report records and split the lines of each section."""
    measured = [{"processor": "abacus", "cores": 2, "workers": 1}]
    tables.write_document(path, {"measured": measured, "parameters": [], "scores": scores})
    tables.report(path)
    parts = capsys.readouterr().out.split("### ")[1:]
    return {lines[0]: lines[1:] for lines in (part.splitlines() for part in parts)}


def cells(lines, first):
    """Find a line of a table by its first cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    (row,) = [row[1:] for row in rows if row[0] == first]
    return row


# Tables ---------------------------------------------------------------------------------------


def test_as_many_labels_are_flipped_as_the_name_says():
    named = {table.name: table for table in tables.OWN_TABLES}
    drawn = {percent: named[f"flipped {percent} %"].load() for percent in (0, 10, 20)}
    # The same samples, with rows and features shuffled otherwise.
    sums = {percent: np.sort(X, axis=1).sum(axis=1) for percent, (X, _) in drawn.items()}
    labels = {percent: y[np.argsort(sums[percent])] for percent, (_, y) in drawn.items()}
    for percent in (10, 20):
        assert np.mean(labels[percent] != labels[0]) == pytest.approx(percent / 100, abs=0.02)


def test_tables_of_our_own_are_what_their_names_say():
    named = {table.name: table.load() for table in tables.OWN_TABLES}
    assert len(np.unique(named["30 classes"][1])) == 30 and named["30 classes"][0].shape[1] == 30
    few, many = sorted(np.bincount(named["imbalance 1:50"][1]))
    assert few + many == 3000 and 45 < many / few < 55
    assert {"wine", "breast_cancer", "digits"} <= named.keys()


def test_replaced_labels_are_of_another_class():
    y = np.array(["a", "b", "c", "d"] * 50)
    replaced = tables.replace_labels(y, 0.2, 0)
    assert np.sum(replaced != y) == 40 and set(replaced) == set(y)
    assert np.any(tables.replace_labels(y, 0.2, 1) != replaced)
    np.testing.assert_array_equal(y, ["a", "b", "c", "d"] * 50)


def test_a_folder_has_to_hold_tables_with_names_of_their_own(folder):
    (folder.parent / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no \.npz files"):
        tables.folder_tables(folder.parent / "empty")
    (folder / "one.npz").rename(folder / "wine.npz")
    with pytest.raises(ValueError, match="wine"):
        tables.folder_tables(folder)


# Runs -----------------------------------------------------------------------------------------


def test_scores_are_those_of_cross_validation_behind_a_scaler(folder, scored, tmp_path):
    path = tmp_path / "tables.json"
    tables.run(folder, path=path)
    found = {(one["table"], one["model"]): one for one in tables.read(path)["scores"]}
    assert len(found) == len(scored) == 5
    folds = StratifiedKFold(5, shuffle=True, random_state=tables.SEED)
    for name in ("one", "two"):
        X, y = tables.load_file(folder / f"{name}.npz")
        for model, make in QUICK.items():
            pipeline, one = make_pipeline(StandardScaler(), make()), found[name, model]
            for key, scoring in (("accuracy", None), ("log_loss", "neg_log_loss")):
                expected = np.abs(cross_val_score(pipeline, X, y, cv=folds, scoring=scoring))
                np.testing.assert_allclose(one[f"fold_{key}"], expected, atol=6e-5)
                assert one[key] == pytest.approx(np.mean(expected), abs=6e-5)
            assert one["fold_unconverged"] == [False] * 5
            assert (one["n_samples"], one["n_features"]) == X.shape


def test_noise_is_in_the_training_labels_alone(folder, scored, tmp_path):
    tables.run(folder, ["label_noise"], path=tmp_path / "tables.json")
    (one,) = tables.read(tmp_path / "tables.json")["scores"]
    assert one["fold_label_noise_"] == [0.25] * 5 and one["label_noise_"] == 0.25
    assert one["accuracy"] == 1 and one["wrong_labels"] == 0.25


def test_a_run_goes_on_where_it_was_cut_off(folder, scored, tmp_path):
    path = tmp_path / "tables.json"
    tables.run(folder, ["two", LINEAR], path=path)
    assert scored == [("two", LINEAR)]
    tables.run(folder, path=path)
    whole = path.read_text()
    assert scored.count(("two", LINEAR)) == 1 and len(scored) == 5
    tables.run(folder, path=path)
    assert len(scored) == 5 and path.read_text() == whole
    order = [(one["table"], one["model"]) for one in json.loads(whole)["scores"]]
    assert order[:4] == [(table, model) for table in ("one", "two") for model in QUICK]
    tables.run(folder, ["one"], again=True, path=path)
    assert scored[5:] == [("one", REFERENCE), ("one", LINEAR)]


def test_what_had_other_defaults_is_measured_again(folder, scored, tmp_path, monkeypatch):
    path = tmp_path / "tables.json"
    tables.run(folder, path=path)
    monkeypatch.setitem(tables.MODELS, LINEAR, partial(LogisticRegression, C=0.5))
    tables.run(folder, ["one"], path=path)
    assert scored[5:] == [("one", LINEAR)]
    found = {(one["table"], one["model"]) for one in tables.read(path)["scores"]}
    assert ("two", LINEAR) not in found and ("two", REFERENCE) in found


def test_models_that_have_not_converged_are_counted(folder, scored, tmp_path, monkeypatch):
    monkeypatch.setitem(tables.MODELS, LINEAR, partial(LogisticRegression, max_iter=1))
    tables.run(folder, ["one", LINEAR], path=tmp_path / "tables.json")
    (one,) = tables.read(tmp_path / "tables.json")["scores"]
    assert one["fold_unconverged"] == [True] * 5


def test_other_warnings_are_passed_on():
    class Warns(GaussianNB):
        def fit(self, X, y):
            warnings.warn("mind the gap", UserWarning, stacklevel=2)
            return super().fit(X, y)

    X, y = make_classification(40, random_state=0)
    halves = np.arange(20), np.arange(20, 40)
    with pytest.warns(UserWarning, match="mind the gap"):
        found = tables.score_fold(Warns(), X, y, *halves, y[:20])
    assert not found["unconverged"]


def test_names_that_are_not_known_are_refused(folder, scored, tmp_path):
    with pytest.raises(ValueError, match=r"--only.*got \['three'\]"):
        tables.run(folder, ["one", "three"], path=tmp_path / "tables.json")
    assert not scored


# Reports --------------------------------------------------------------------------------------


def test_numbers_of_the_report_are_those_on_record(tmp_path, capsys):
    scores = [
        record("b", OWN, 0.9, log_loss=0.1234, fit_s=3.0),
        record("b", REFERENCE, 0.8125),
        record("a", OWN, 0.7),
        record("a", REFERENCE, 0.75),
        record("wine", OWN, 0.5, origin="scikit-learn"),
    ]
    parts = reported(tmp_path / "tables.json", scores, capsys)
    accuracy = parts["accuracy"]
    assert cells(accuracy, "b") == ["100", "7", "2", "**90.0**", "81.2"]
    assert cells(accuracy, "a") == ["100", "7", "2", "70.0", "**75.0**"]
    assert cells(accuracy, "wine") == ["100", "7", "2", "**50.0**", ""]
    assert cells(accuracy, "mean of 2, files") == ["", "", "", "**80.0**", "78.1"]
    assert cells(accuracy, "mean of all 2") == ["", "", "", "**80.0**", "78.1"]
    assert cells(parts["log-loss"], "b") == ["**0.123**", "0.188"]
    assert cells(parts["training time"], "mean of all 2") == ["1.62", "0.25"]
    text = "\n".join(parts["training time"])
    assert f"{OWN} 3 of 15, {REFERENCE} 2 of 10" in text and "abacus" in text


def test_models_within_one_point_are_level(tmp_path, capsys):
    pairs = {"a": (0.95, 0.94), "b": (0.94, 0.95), "c": (0.9, 0.9), "d": (0.8, 0.8101)}
    pairs |= {"e": (0.8101, 0.8), "f": (0.7, 0.9), "g": (0.6, 0.9)}
    scores = [
        record(table, model, accuracy)
        for table, pair in pairs.items()
        for model, accuracy in zip((OTHER, REFERENCE), pair, strict=True)
    ]
    scores += [record("a", LINEAR, 0.9625), record("g", LINEAR, 0.5)]
    text = "\n".join(reported(tmp_path / "tables.json", scores, capsys)["accuracy"])
    assert "ahead: 1, level (within 1 point): 3, behind: 3; of 7." in text
    assert f"Largest gap of {OTHER} below {LINEAR}: 1.2 points, on a." in text
    without = [one for one in scores if (one["table"], one["model"]) != ("a", LINEAR)]
    text = "\n".join(reported(tmp_path / "tables.json", without, capsys)["accuracy"])
    assert f"Largest gap of {OTHER} below {LINEAR}: none." in text


def test_label_noise_has_a_section_of_its_own(tmp_path, capsys):
    noisy = {"origin": "label_noise", "wrong_labels": 0.2}
    scores = [
        record("label_noise", REFERENCE, 0.8, **noisy),
        record("label_noise", f"{OWN}, label_noise auto", 0.9, label_noise_=0.1875, **noisy),
    ]
    parts = reported(tmp_path / "tables.json", scores, capsys)
    assert parts.keys() == {"label noise"}
    assert "Digits with 20 %" in parts["label noise"][1]
    assert cells(parts["label noise"], REFERENCE) == ["80.0", "0.200", ""]
    assert cells(parts["label noise"], f"{OWN}, label_noise auto") == ["90.0", "0.100", "0.188"]


def test_every_score_is_a_dot(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    scores = [
        record(table, model, accuracy + 0.01 * number)
        for table, accuracy in (("a", 0.8), ("b", 0.6), ("c", 0.7))
        for number, model in enumerate(tables.MODELS)
        if (table, model) != ("a", LINEAR)
    ]
    path, figures, save = tmp_path / "tables.json", [], Figure.savefig
    tables.write_document(path, {"measured": [], "parameters": [], "scores": scores})

    def keep(figure, *arguments, **options):
        figures.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    tables.plot(tmp_path / "tables.png", path)
    left, right = figures[0].axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["b", "c", "a"]
    dots = {line.get_label(): list(line.get_xdata()) for line in left.lines}
    assert dots[OWN] == pytest.approx([60, 70, 80]) and len(dots[LINEAR]) == 2
    dots = {line.get_label(): list(line.get_xdata()) for line in right.lines}
    assert dots[OWN] == pytest.approx([0.4, 0.3, 0.2]) and dots.keys() == tables.MODELS.keys()
    assert (tmp_path / "tables.png").stat().st_size < 200_000


def test_nothing_is_drawn_without_records(tmp_path):
    with pytest.raises(SystemExit, match="run first"):
        tables.plot(tmp_path / "tables.png", tmp_path / "tables.json")


@pytest.mark.skipif(not tables.RECORDS.exists(), reason="nothing is on record yet")
def test_committed_records_can_be_reported(capsys):
    tables.report()
    assert re.search(r"\bnan\b", capsys.readouterr().out) is None
