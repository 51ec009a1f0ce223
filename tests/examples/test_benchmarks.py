"""Tests of the benchmark scripts, on little data and for no times at all."""

import json
import re
import sys
from argparse import Namespace
from collections import Counter
from dataclasses import dataclass
from time import sleep

import accuracy
import contenders
import edge_accuracy
import expansion_error
import front_page
import numpy as np
import profile_step
import pytest
import records
import speed
import speed_report
import startup
import throughput
import timing
from contenders import REFERENCE, Problem
from records import RESULTS
from sklearn.utils import Bunch

from sklearn_bp.cavity import series

HIDDEN = (20, 20)
SPREAD = {"min": 1.0, "median": 2.0, "max": 4.0}


@pytest.fixture
def problem(digits):
    """A network on digits."""
    return Problem(digits.X_train[:256], digits.y_train[:256], HIDDEN, 64)


# Records --------------------------------------------------------------------------------------


def test_records_come_back_from_a_file_of_lines(tmp_path):
    path = tmp_path / "folder" / "records.jsonl"
    assert records.read_lines(path) == []
    records.append_line(path, {"a": np.float32(0.5), "b": (1, 2)})
    records.append_line(path, {"a": np.inf, "b": {3: np.int64(4)}})
    assert records.read_lines(path) == [{"a": 0.5, "b": [1, 2]}, {"a": "inf", "b": {"3": 4}}]


def test_a_document_comes_back(tmp_path):
    document = {"one": [{"a": 1}, {"a": 2}], "two": {"b": "c"}}
    records.write_document(tmp_path / "document.json", document)
    assert json.loads((tmp_path / "document.json").read_text()) == document


# Errors of the expansion ----------------------------------------------------------------------


def some_digits(data_home):
    """What a setting loads here; `data_home` is the fixture's data."""
    return data_home.X_train[:400], data_home.y_train[:400]


SETTING = expansion_error.Setting(
    "digits", some_digits, HIDDEN, (1, 2), batch_size=64, n_batches=2, least_edges=0
)


@dataclass(frozen=True)
class CoarseSetting(expansion_error.Setting):
    """A setting whose expansion is one of first degree, whatever the tolerance."""

    def network(self, n_features, n_classes, algo, **options):
        if options.get("edges") == "auto":
            options["edges"] = 1
        return super().network(n_features, n_classes, algo, **options)


def measured(setting, digits, folder):
    """Run a setting and read what it measured."""
    path = folder / "records.jsonl"
    expansion_error.run([setting], digits, folder, 1, path)
    return records.read_lines(path)


def test_errors_of_the_expansion_are_within_the_tolerance(digits, tmp_path):
    found = measured(SETTING, digits, tmp_path)
    assert Counter((one["epoch"], one["layer"]) for one in found) == Counter(
        [(1, 1), (1, 2), (2, 1), (2, 2)]
    )
    for one in found:
        assert sum(one["degrees"].values()) == SETTING.n_batches
        assert sum(one["samples"].values()) == pytest.approx(1)
        assert max(one["samples"]) == max(one["degrees"])
        for name, entry in one["errors"].items():
            assert 0 < entry["median"] <= entry["max"] < expansion_error.TOLERANCE, name
    names = {f"{error}_H_in" for error in expansion_error.ERRORS}
    assert names <= set(found[0]["errors"])
    assert "step_B_in" in found[1]["errors"] and "step_B_in" not in found[0]["errors"]
    assert series.LEAST_EDGES > 0


def test_errors_of_a_coarse_expansion_are_seen(digits, tmp_path):
    coarse = CoarseSetting(**vars(SETTING))
    for one in measured(coarse, digits, tmp_path):
        assert set(one["degrees"]) == {"1"}
        for name in ("step_H_in", "own_H_in"):
            assert one["errors"][name]["max"] > expansion_error.TOLERANCE
        assert one["errors"]["rounding_H_in"]["max"] < 1e-5


def test_pruned_layers_sum_exact_edges(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(expansion_error.layout, "LEAST_COMPRESSED_SIZE", 0)
    pruned = expansion_error.replace(SETTING, density=0.1, epochs=(1,))
    for one in measured(pruned, digits, tmp_path):
        assert one["exact_share"] == 1 and "own_H_in" not in one["errors"]
        assert one["errors"]["step_H_in"] == one["errors"]["rounding_H_in"]
    dense = expansion_error.replace(pruned, name="dense", compressed=False)
    for one in measured(dense, digits, tmp_path)[2:]:
        assert one["errors"]["own_H_in"]["max"] < expansion_error.TOLERANCE


def test_a_cut_off_training_goes_on_as_if_never_stopped(digits, tmp_path):
    X, y = some_digits(digits)
    at_once = expansion_error.Checkpoints(SETTING, X, y, tmp_path / "at once")
    cut_off = expansion_error.Checkpoints(SETTING, X, y, tmp_path / "cut off")
    cut_off.after(1)
    for one, other in zip(at_once.after(2), cut_off.after(2), strict=True):
        np.testing.assert_array_equal(one.field, other.field)
        np.testing.assert_array_equal(one.mean, other.mean)


def test_what_is_on_record_is_not_measured_again(digits, tmp_path):
    found = measured(SETTING, digits, tmp_path)
    assert measured(SETTING, digits, tmp_path) == found


def test_largest_errors_are_found_over_epochs_and_layers():
    entries = [(1, 1, 3.0), (1, 2, 5.0), (2, 1, 4.0), (2, 2, 1.0)]
    found = [
        {
            "setting": "one",
            "epoch": epoch,
            "layer": layer,
            "n_batches": 8,
            "errors": {"step_H_in": {"max": value}, "rounding_B_in": {"max": value / 2}},
        }
        for epoch, layer, value in entries
    ]
    assert expansion_error.largest_errors(found) == {"one": (16, {"step": 5.0, "rounding": 2.5})}


# Accuracy with both kinds of edges ------------------------------------------------------------


def test_edges_are_compared_seed_by_seed():
    errors = {("exact", 0): 3.0, ("exact", 1): 5.0, ("auto", 0): 3.5, ("auto", 1): 4.5}
    found = [
        {"edges": edges, "seed": seed}
        | {part: {"error_percent": e} for part in ("test_point", "test_bayes")}
        for (edges, seed), e in errors.items()
    ]
    found.append({"edges": "exact", "seed": 2})
    compared = edge_accuracy.compare(found)["test_point"]
    assert compared["exact"] == (4.0, pytest.approx(np.sqrt(2)))
    assert compared["difference"] == (0.0, pytest.approx(np.sqrt(0.5)))


def test_one_seed_compares_nothing(tmp_path, capsys):
    assert (
        edge_accuracy.compare([{"edges": edges, "seed": 0} for edges in edge_accuracy.EDGES]) == {}
    )
    edge_accuracy.report(tmp_path / "no records.jsonl")
    assert "Not yet two seeds" in capsys.readouterr().out


def test_runs_with_both_kinds_of_edges_are_scored(digits, tmp_path, monkeypatch, capsys):
    data = Bunch(**{name: array[:150] for name, array in digits.items()})
    monkeypatch.setattr(edge_accuracy, "load_mnist", lambda data_home: data)
    path = tmp_path / "records.jsonl"
    for _ in range(2):
        edge_accuracy.run((0, 1), None, 1, path, n_epochs=1)
    assert len(records.read_lines(path)) == 4
    edge_accuracy.report(path)
    assert "difference" in capsys.readouterr().out


# Times ----------------------------------------------------------------------------------------


def test_contenders_take_turns(problem):
    turns = {"": 3, "amp": 2}
    found = timing.measure(problem, ["mf", "amp"], 1, turns, 1e-3)
    assert [one["contender"] for one in found] == [REFERENCE, "mf", "amp"]
    assert found[0]["ratio"] == {"min": 1, "median": 1, "max": 1}
    for one in found[1:]:
        assert one["n_samples"] % problem.batch_size == 0
        assert one["multiply_adds_per_weight"] > 1 and one["share_outside_products"]["max"] < 1


def test_a_step_without_matrix_products_has_none_to_repeat():
    """Compressed weights are not multiplied as matrices."""
    backend = contenders.ProductsAlone()
    backend.repeat_products()
    assert backend.products == []


def test_a_contender_may_take_fewer_turns():
    times = {"reference": [[2.0, 1.0], [4.0, 1.0]], "slow": [[3.0, 5.0]]}
    ratios = timing._ratios(times["slow"], times["reference"], timing.WALL)
    assert ratios == [1.5]
    assert timing._for("slow", {"slow": 1, "": 2}) == 1 and timing._for("fast", {"": 2}) == 2


def test_the_parts_of_a_step_add_up_to_it(problem):
    found = profile_step.profile(problem, "amp", n_steps=5)
    parts = {one["part"]: one["share"] for one in found}
    assert parts.pop("step") == 1
    assert sum(parts.values()) == pytest.approx(1)
    assert parts[profile_step.PRODUCTS] > 0 and "exact edges" not in parts
    outside = profile_step.outside_products(found)["amp"]
    assert outside == pytest.approx(1 - parts[profile_step.PRODUCTS])


def test_every_operation_of_a_step_has_a_part():
    listed = Counter(name for names in profile_step.PARTS.values() for name in names)
    assert set(listed.values()) == {1}
    made = vars(profile_step.TimedBackend)
    assert set(listed) - set(profile_step.COMPOSED) <= set(made)


def test_profile_counts_nothing_twice(problem, monkeypatch):
    monkeypatch.setattr(series, "LEAST_EDGES", 0)
    monkeypatch.setattr(series, "EDGE_COST", 1e9)
    parts = profile_step.profile(problem, "bp", 3)
    shares = {record["part"]: record["share"] for record in parts}
    assert shares[profile_step.PRODUCTS] > 0
    assert shares.keys() >= {"channels", "weights", "sums and powers", "expansion of g"}
    assert shares[profile_step.REST] > 0


def test_exact_edges_are_counted(monkeypatch):
    monkeypatch.setattr(throughput, "LAYERS", ((30, 20),))
    monkeypatch.setattr(throughput, "CHANNELS", ("sign",))
    found = throughput.exact_edges(2)
    assert [one["dtype"] for one in found] == ["float32", "float64"]
    assert all(0 < one["edges_per_s"]["min"] < 1e11 for one in found)


def test_one_and_two_threads_take_turns(problem):
    (found,) = throughput.two_threads(problem, ["mf"], 2, 1e-3)
    assert found["speedup"]["max"] > 0
    assert 0 < found["attainable"]["min"] <= found["attainable"]["max"]


def test_a_neighbour_trains_when_it_is_wanted(problem):
    neighbour = throughput.Neighbour(problem, "mf")
    try:
        for seconds in (0.0, 0.1, 0.0, 0.0, 0.2):
            with neighbour:
                sleep(seconds)
            assert neighbour.n_steps > 0 or not seconds
        assert neighbour._process.is_alive()
    finally:
        neighbour.stop()
    assert not neighbour._process.is_alive()


def test_a_neighbour_that_failed_is_not_waited_for(problem):
    neighbour = throughput.Neighbour(problem, "no such algorithm")
    with pytest.raises((EOFError, ConnectionError)), neighbour:
        pass
    neighbour.stop()


def test_a_process_reports_its_own_time(tmp_path):
    found = startup.finish(startup.start("begin = now()\nreport(begin)", tmp_path))
    assert found.keys() == {"wall_s", "processor_s"} and 0 <= found["wall_s"] < 1
    with pytest.raises(RuntimeError, match="failed"):
        startup.finish(startup.start("raise SystemExit(3)", tmp_path))


# Runs and reports -----------------------------------------------------------------------------


@pytest.fixture
def groups(monkeypatch, digits):
    """Two groups that count how often they are measured."""
    calls = Counter()

    def group(name):
        def measure(benchmark):
            calls[name] += 1
            return [{"contender": "mf", "n_rows": 1, "predict_s": SPREAD, "ratio": SPREAD}]

        return measure

    monkeypatch.setattr(speed, "GROUPS", {name: group(name) for name in ("prediction", "edges")})
    data = Bunch(X_train=digits.X_train, y_train=digits.y_train)
    monkeypatch.setattr(speed, "load_mnist", lambda data_home: data)
    return calls


def run_speed(path, groups=None):
    speed.run(Namespace(data_home=None, quick=False, groups=groups, output=path))


def test_a_run_goes_on_where_it_was_cut_off(groups, tmp_path):
    path = tmp_path / "speed.json"
    run_speed(path, ["edges"])
    run_speed(path)
    assert groups == {"prediction": 1, "edges": 1}
    run_speed(path, ["edges"])
    assert groups == {"prediction": 1, "edges": 2}
    assert json.loads(path.read_text())["measured"].keys() == {"prediction", "edges"}


def test_tables_show_least_median_and_largest(capsys):
    record = {"contender": "mf", "n_rows": 10, "predict_s": SPREAD, "ratio": SPREAD}
    speed_report.print_tables({"prediction": [record]})
    assert "| 10 | mf | 1e+03 / 2e+03 / 4e+03 | 1 / 2 / 4 |" in capsys.readouterr().out


def test_every_group_has_a_table():
    assert set(speed.GROUPS) == set(speed_report.COLUMNS)
    shown = {column for columns in speed_report.COLUMNS.values() for column in columns}
    assert shown <= set(speed_report.LABELS)


def test_figures_are_drawn(tmp_path):
    cell = {"hidden": [501, 501], "batch_size": 128, "threads": 1, "ratio": SPREAD}
    growth = [{"contender": "mf", "batch_size": size, "epoch_s": SPREAD} for size in (1, 2)]
    networks = [cell | {"contender": name} for name in (REFERENCE, "mf")]
    speed_report.draw({"networks": networks, "batch_growth": growth}, tmp_path)
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {"speed_ratios.png", "speed_batch_growth.png"}


def test_the_front_page_shows_a_network_that_has_learned(tmp_path):
    model, snapshots, _, X_test, y_test = front_page.train()
    assert len(snapshots) == len(front_page.SHOWN_AFTER)
    assert model.score(X_test, y_test) > 0.95
    front_page.draw(tmp_path / "front_page.png")
    assert 0 < (tmp_path / "front_page.png").stat().st_size < 200_000


def test_peers_that_cannot_be_imported_do_not_take_part(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytagi", None)
    assert not contenders.available("pytagi") and contenders.available("mf")


REPORTS = {
    "accuracy.jsonl": accuracy.report,
    "expansion_error.jsonl": expansion_error.report,
    "edge_accuracy.jsonl": edge_accuracy.report,
    "startup.json": lambda: startup.report(startup.RECORDS),
    "profile_step.json": lambda: profile_step.report(profile_step.RECORDS),
    "speed.json": lambda: speed_report.print_tables(json.loads(speed.RECORDS.read_text())),
}


@pytest.mark.parametrize("name", [name for name in REPORTS if (RESULTS / name).exists()])
def test_committed_results_can_be_reported(name, capsys):
    REPORTS[name]()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) > 2
    assert not any(re.search(r"\bnan\b", line) for line in lines)
