"""Trains what a table or figure needs, and can be cut off at any moment.

A run is a set of parameters and a seed. A finished one is a line of JSON in
``results/EXPERIMENT.jsonl`` and is never done again. One that was cut off goes on after its last
finished epoch, with the result that it would have had: the state after each epoch is kept in a
folder outside the repository, and every epoch has a seed of its own.
"""

import argparse
import hashlib
import itertools
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

import joblib
import neighbours  # noqa: F401
from benchmarks.records import append_line, environment, plain, read_lines
from threadpoolctl import threadpool_limits
from trials import DivergedError

RESULTS = Path(__file__).parent / "results"
SCRATCH = Path(tempfile.gettempdir(), "sklearn_bp_paper")
QUICK = {"n_epochs": 3, "n_train": 2000, "n_validation": 500}
"""With ``--quick``, what these parameters are at most."""

QUICK_UNITS = 51
"""With ``--quick``, the most units of a hidden layer."""

TIME_OVER = "The time is over; the same command goes on from here."


@dataclass(frozen=True)
class Machine:
    """Where runs compute, and where their data are."""

    device: str = "cpu"
    threads: int = 1
    data_home: str | None = None


@dataclass(frozen=True)
class Experiment:
    """A table or a figure.

    Attributes
    ----------
    name : str
        Of the file of results.
    runs : list of dict
        Parameters of the runs, in the order of running.
    trial : callable
        ``trial(parameters, seed, machine)`` makes an object like
        :class:`trials.ClassifierTrial`, which does a run.
    curves : callable
        ``curves(parameters)`` lists the quantities of a run that are shown epoch by epoch; of all
        others only the last value is put on record.
    """

    name: str
    runs: list
    trial: Callable
    curves: Callable = field(default=lambda parameters: ())


class TimeOverError(Exception):
    """The time that was given is over."""


def run_key(parameters, seed):
    """Name a run: alike for equal parameters and seeds.

    Parameters
    ----------
    parameters : dict
        Of the run.
    seed : int or None
        Of the run; None to name all its seeds together.

    Returns
    -------
    str
        The name.
    """
    return json.dumps(plain({"parameters": parameters, "seed": seed}), sort_keys=True)


def quickened(parameters):
    """Make a run one of seconds: less data, fewer epochs, smaller layers.

    Parameters
    ----------
    parameters : dict
        Of the run.

    Returns
    -------
    dict
        The same names, and ``n_train``.
    """
    hidden = [min(size, QUICK_UNITS) for size in parameters["hidden_layer_sizes"]]
    limits = {name: limit for name, limit in QUICK.items() if name in parameters | {"n_train": 0}}
    small = {name: min(limit, parameters.get(name, limit)) for name, limit in limits.items()}
    return parameters | small | {"hidden_layer_sizes": hidden}


def wanted(parameters, only):
    """Tell whether a run is among those asked for.

    Parameters
    ----------
    parameters : dict
        Of the run.
    only : list of str
        ``NAME=VALUE``, the names of ``options`` included; of several values for one name, the run
        must have one.

    Returns
    -------
    bool
        Whether it is.

    Raises
    ------
    SystemExit
        If a condition is none.
    """
    values = parameters | parameters.get("options", {})
    allowed = {}
    for condition in only:
        name, equals, value = condition.partition("=")
        if not equals:
            raise SystemExit(f"--only takes NAME=VALUE; got {condition!r}.")
        allowed.setdefault(name, []).append(value)
    return all(str(values.get(name)) in choices for name, choices in allowed.items())


def mend(path):
    """Cut off a last line that was not written to its end.

    Parameters
    ----------
    path : pathlib.Path
        A file of JSON lines; it need not exist.
    """
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


class Runner:
    """Does the runs of an experiment that are not on record.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    machine : Machine
        Where.
    results : pathlib.Path
        Folder of the files of results.
    scratch : pathlib.Path
        Folder for the states of unfinished runs.
    stop_after : float
        Seconds after which no epoch is begun.
    """

    def __init__(self, experiment, machine, results, scratch, stop_after=float("inf")):
        self.experiment, self.machine, self.scratch = experiment, machine, scratch
        self.path = results / f"{experiment.name}.jsonl"
        self._end = perf_counter() + stop_after

    def run(self, seeds, only=(), quick=False):
        """Do what is not on record.

        Parameters
        ----------
        seeds, only, quick
            As in :meth:`missing`.

        Raises
        ------
        TimeOverError
            If the time is over before everything is done.
        """
        for parameters, seed in self.missing(seeds, only, quick):
            self.run_one(parameters, seed)

    def missing(self, seeds, only=(), quick=False):
        """List what is not on record.

        Parameters
        ----------
        seeds : list of int
            Every run is done with each of them.
        only : list of str
            Conditions of :func:`wanted`.
        quick : bool
            Whether to make the runs small.

        Returns
        -------
        list of tuple
            Parameters and seed of each run, one seed after another.
        """
        mend(self.path)
        done = {run_key(one["parameters"], one["seed"]) for one in read_lines(self.path)}
        chosen = [parameters for parameters in self.experiment.runs if wanted(parameters, only)]
        asked = [quickened(parameters) for parameters in chosen] if quick else chosen
        runs = itertools.product(seeds, asked)
        return [(run, seed) for seed, run in runs if run_key(run, seed) not in done]

    def run_one(self, parameters, seed):
        """Do a run, or the rest of it, and put it on record.

        Parameters
        ----------
        parameters : dict
            Of the run.
        seed : int
            Of the run.

        Raises
        ------
        TimeOverError
            If the time is over; what was reached is kept.
        """
        self._check_time()
        checkpoint = self._checkpoint(parameters, seed)
        with threadpool_limits(self.machine.threads):
            trial = self.experiment.trial(parameters, seed, self.machine)
            progress = self._resume(trial, checkpoint)
            outcome = self._train(trial, progress, checkpoint)
        record = {"experiment": self.experiment.name, "parameters": parameters, "seed": seed}
        circumstances = {"device": trial.device, "threads": self.machine.threads}
        record |= outcome | progress | circumstances | environment()
        append_line(self.path, shown(record, self.experiment.curves(parameters)))
        checkpoint.unlink(missing_ok=True)
        print(self.experiment.name, _summary(parameters, seed, outcome), flush=True)

    def _checkpoint(self, parameters, seed):
        """Name the file that keeps the state of a run."""
        digest = hashlib.sha256(run_key(parameters, seed).encode()).hexdigest()[:16]
        return self.scratch / f"{self.experiment.name}-{digest}.joblib"

    def _resume(self, trial, checkpoint):
        """Put a trial into the state it was left in; return what is known of it."""
        if not checkpoint.exists():
            return {"history": [], "train_wall_s": 0.0, "train_cpu_s": 0.0, "measure_cpu_s": 0.0}
        # The file is one that this program wrote, in a folder of the user's own.
        kept = joblib.load(checkpoint)
        trial.state = kept["state"]
        return kept["progress"]

    def _keep(self, trial, progress, checkpoint):
        """Keep the state of a run, in one step."""
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        unfinished = checkpoint.with_suffix(".part")
        joblib.dump({"state": trial.state, "progress": progress}, unfinished)
        os.replace(unfinished, checkpoint)

    def _train(self, trial, progress, checkpoint):
        """Train the epochs that are left; return the last measurements."""
        history = progress["history"]
        for epoch in range(len(history) + 1, trial.n_epochs + 1):
            self._check_time()
            try:
                record = self._time(progress, "train", trial.train, epoch)
            except DivergedError as error:
                return {"diverged": f"epoch {epoch}: {error}"}
            measured = self._time(progress, "measure", trial.measure, epoch)
            history.append({"epoch": epoch, **record, **measured})
            self._keep(trial, progress, checkpoint)
        return {"result": measured_at_end(history) | trial.result()}

    def _time(self, progress, name, function, epoch):
        """Call, and add the time it took."""
        wall, cpu = perf_counter(), process_time()
        value = function(epoch)
        progress[f"{name}_cpu_s"] += process_time() - cpu
        if name == "train":
            progress["train_wall_s"] += perf_counter() - wall
        return value

    def _check_time(self):
        """Refuse to go on when the time is over."""
        if perf_counter() > self._end:
            raise TimeOverError


def shown(record, curves):
    """Leave out of a record's history what is not shown epoch by epoch.

    Parameters
    ----------
    record : dict
        Of a finished run.
    curves : tuple of str
        Names of the quantities that are shown.

    Returns
    -------
    dict
        The record, with the number of epochs as ``epochs``.
    """
    kept = [
        {name: line[name] for name in ("epoch", *curves) if name in line}
        for line in record["history"]
    ]
    epochs = record.get("epochs", len(kept))
    return record | {"epochs": epochs, "history": kept if curves else []}


def measured_at_end(history):
    """Take the measurements after the last epoch.

    Parameters
    ----------
    history : list of dict
        Of a finished run.

    Returns
    -------
    dict
        What is not a number or a name: errors and losses.
    """
    return {name: value for name, value in history[-1].items() if isinstance(value, dict | list)}


def _summary(parameters, seed, outcome):
    """Tell in one line what a run gave."""
    values = [str(value) for value in parameters.values()]
    errors = [
        f"{name} {value['error_percent']:.2f} %"
        for name, value in outcome.get("result", {}).items()
        if isinstance(value, dict) and "error_percent" in value
    ]
    return " ".join([*values, f"seed {seed}:", *errors, outcome.get("diverged", "")])


def command_line(description):
    """Describe the options of a script.

    Parameters
    ----------
    description : str
        Its first line is shown as help.

    Returns
    -------
    argparse.ArgumentParser
        What reads them.
    """
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME=VALUE", help="some runs")
    parser.add_argument("--quick", action="store_true", help="small runs, into a folder of theirs")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data-home", default=None, help="folder of .npz files")
    parser.add_argument("--stop-after", type=float, default=float("inf"), metavar="SECONDS")
    parser.add_argument("--checkpoint-folder", type=Path, default=SCRATCH, metavar="FOLDER")
    parser.add_argument("--results-folder", type=Path, default=None, metavar="FOLDER")
    return parser


def make_runner(experiment, options, stop_after):
    """Make the runner that the options ask for.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    options : argparse.Namespace
        What :func:`command_line` read.
    stop_after : float
        Seconds after which no epoch is begun.

    Returns
    -------
    Runner
        For the experiment.
    """
    results = options.results_folder or (SCRATCH / "quick" if options.quick else RESULTS)
    machine = Machine(options.device, options.threads, options.data_home)
    return Runner(experiment, machine, results, options.checkpoint_folder, stop_after)


def main(experiment, description):
    """Read the command line of a table's or figure's script, and run.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    description : str
        Its first line is shown as help.
    """
    options = command_line(description).parse_args()
    runner = make_runner(experiment, options, options.stop_after)
    try:
        runner.run(options.seeds, options.only, options.quick)
    except TimeOverError:
        print(TIME_OVER)
