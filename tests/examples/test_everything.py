"""Tests of the script that does the runs of all tables and figures."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import everything
import figure_2
import figure_b5
import pytest
import runner
import table_1
from settings import message_passing

RUN = {"data": "mnist", "parity": False, "hidden_layer_sizes": [3], "n_epochs": 2}
RUNS = [RUN | message_passing(algo, 1) for algo in ("amp", "mf")]


class CountingTrial:
    """Learns nothing, and fails if it is mean field."""

    device, state = "cpu", None

    def __init__(self, parameters, seed, machine):
        self.n_epochs, self.contender = parameters["n_epochs"], parameters["contender"]

    def train(self, epoch):
        if self.contender == "mf":
            raise RuntimeError("no mean field today")
        return {}

    def measure(self, epoch):
        return {"epochs": [epoch]}

    def result(self):
        return {}


@pytest.fixture
def options(tmp_path):
    """Make the options of a command line."""
    parser = runner.command_line("Does something.")
    folders = ["--results-folder", str(tmp_path), "--checkpoint-folder", str(tmp_path / "scratch")]
    return parser.parse_args([*folders, "--seeds", "1", "0"])


@pytest.fixture
def counting(monkeypatch):
    """Put an experiment of two runs in the place of Table 1."""
    experiment = runner.Experiment("table_1", RUNS, CountingTrial)
    monkeypatch.setattr(table_1, "EXPERIMENT", experiment)
    monkeypatch.setattr(everything, "ProcessPoolExecutor", lambda n, context: ThreadPoolExecutor(n))


def finished(folder):
    """Read contenders and seeds of the finished runs."""
    lines = (folder / "table_1.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return sorted((record["parameters"]["contender"], record["seed"]) for record in records)


def test_a_run_that_two_scripts_share_is_listed_once(options):
    both = everything.missing(["figure_2", "figure_b5"], options)
    keys = [(runner.run_key(parameters, seed)) for _, parameters, seed in both]
    runs = [*figure_2.EXPERIMENT.runs, *figure_b5.EXPERIMENT.runs]
    asked = {runner.run_key(parameters, seed) for parameters in runs for seed in (0, 1)}
    assert sorted(keys) == sorted(asked)
    assert len(asked) < 2 * len(runs)


def test_one_seed_is_listed_after_another_in_all_scripts(options, counting):
    listed = everything.missing(["table_1", "figure_2"], options)
    seeds = [seed for _, _, seed in listed]
    assert seeds == sorted(seeds, reverse=True) and set(seeds) == {0, 1}
    scripts = [script for script, _, seed in listed if seed == 1]
    assert scripts[:2] == ["table_1", "table_1"] and set(scripts[2:]) == {"figure_2"}


def test_what_is_done_is_on_record_and_is_not_listed_again(options, counting, tmp_path):
    parameters = RUNS[0]
    assert everything.do("table_1", parameters, 0, options, time.time() + 60) == "done"
    assert finished(tmp_path) == [("amp", 0)]
    left = everything.missing(["table_1"], options)
    assert [(run["contender"], seed) for _, run, seed in left] == [
        ("amp", 1),
        ("mf", 1),
        ("mf", 0),
    ]


def test_when_the_time_is_over_nothing_is_begun(options, counting, tmp_path):
    assert everything.do("table_1", RUNS[0], 0, options, time.time() - 1) == "time over"
    assert not (tmp_path / "table_1.jsonl").exists()


def test_a_run_that_fails_says_why_and_stops_no_other(
    options, counting, tmp_path, monkeypatch, capfd
):
    folders = ["--results-folder", str(tmp_path), "--checkpoint-folder", str(tmp_path / "scratch")]
    chosen = ["--scripts", "table_1", "--seeds", "0", "1", "--workers", "1"]
    monkeypatch.setattr(sys, "argv", ["everything.py", *folders, *chosen])
    with pytest.raises(SystemExit) as end:
        everything.main()
    assert end.value.code == 1
    assert finished(tmp_path) == [("amp", 0), ("amp", 1)]
    out, err = capfd.readouterr()
    assert "2 done, 2 failed" in out
    assert "no mean field today" in err and "table_1" in err


def test_every_script_is_known():
    for script in everything.SCRIPTS:
        experiment = everything.import_module(script).EXPERIMENT
        assert experiment.runs and experiment.name
