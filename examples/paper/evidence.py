"""What is on record: looking runs up, and summing them up over seeds."""

import neighbours  # noqa: F401
import numpy as np
from benchmarks.records import read_lines
from problems import TITLES as DATA_TITLES
from runner import run_key
from settings import TITLES as CONTENDER_TITLES

NOTHING = "–"
"""What a table shows where there is no number."""

ROWS_NAMED = 12
"""The most runs that are named as missing."""


class Evidence:
    """The records in a folder of results.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.
    """

    def __init__(self, folder):
        self.folder, self._files = folder, {}

    def of_run(self, experiment, parameters):
        """Get the records of a run, one for each seed.

        Parameters
        ----------
        experiment : str
            Name of the file.
        parameters : dict
            Of the run.

        Returns
        -------
        list of dict
            The records, by seed.
        """
        if experiment not in self._files:
            self._files[experiment] = by_run(read_lines(self.folder / f"{experiment}.jsonl"))
        return self._files[experiment].get(run_key(parameters, None), [])

    def missing(self, experiment):
        """Tell in a sentence which runs of a table or figure are not on record.

        Parameters
        ----------
        experiment : Experiment
            The table or figure.

        Returns
        -------
        str
            Empty if none are missing.
        """
        runs = experiment.runs
        names = [describe(run) for run in runs if not self.of_run(experiment.name, run)]
        if not names:
            return ""
        shown = "; ".join(names[:ROWS_NAMED]) + ("; …" if len(names) > ROWS_NAMED else "")
        return f"Not run yet: {len(names)} of {len(runs)} runs ({shown})."


def by_run(records):
    """Sort records by run.

    Parameters
    ----------
    records : list of dict
        Of an experiment.

    Returns
    -------
    dict of str to list of dict
        By the name of the run, in the order of the seeds.
    """
    found = {}
    for record in sorted(records, key=lambda one: one["seed"]):
        found.setdefault(run_key(record["parameters"], None), []).append(record)
    return found


def describe(parameters):
    """Name a run for people: its data, network and options that are not the usual ones.

    Parameters
    ----------
    parameters : dict
        Of the run.

    Returns
    -------
    str
        The name.
    """
    task = " even/odd" if parameters.get("parity") else ""
    hidden = parameters["hidden_layer_sizes"]
    usual = {"fit_intercept": False, "damping": 0.8, "batch_size": 128, "optimizer": "sgd"}
    options = [
        f"{name} {_short(value)}"
        for name, value in parameters.get("options", {}).items()
        if usual.get(name) != value
    ]
    others = [f"batches of {parameters['batch_size']}"] if "batch_size" in parameters else []
    if "input_shift" in parameters:
        others.append("shifted images")
    if "input_noise" in parameters:
        others.append(f"noise {parameters['input_noise']}")
    if "settling" in parameters:
        others.append(f"damping rising to {parameters['settling'][-1][1]}")
    if parameters.get("free_scale"):
        others.append("free factors")
    if len(parameters.get("round_after", hidden)) < len(hidden):
        others.append("first layer rounded")
    others.append(f"{parameters['n_epochs']} epochs")
    contender = CONTENDER_TITLES[parameters["contender"]]
    network = f"{len(hidden)} × {hidden[0]}"
    return ", ".join(
        [DATA_TITLES[parameters["data"]] + task, network, contender, *options, *others]
    )


def _short(value):
    """Write a value, or several, in little space."""
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


def look_up(record, *path):
    """Follow names into a record.

    Parameters
    ----------
    record : dict
        The record.
    *path : str or int
        Names and positions.

    Returns
    -------
    object or None
        None where a name, or a position, is missing.
    """
    for name in path:
        if name not in record if isinstance(record, dict) else name >= len(record):
            return None
        record = record[name]
    return record


def values(records, *path):
    """Gather a number from the records that have it.

    Parameters
    ----------
    records : list of dict
        Of the seeds of a run.
    *path : str or int
        Where it is.

    Returns
    -------
    list of float
        Of the seeds.
    """
    found = [look_up(record, *path) for record in records]
    return [value for value in found if value is not None]


def percent(records, *path, digits=2):
    """Write the mean of a number, with its deviation over seeds if there are several.

    Parameters
    ----------
    records : list of dict
        Of the seeds of a run.
    *path : str or int
        Where the number is.
    digits : int
        After the point.

    Returns
    -------
    str
        For a table.
    """
    return spread(values(records, *path), digits) if records else NOTHING


def spread(numbers, digits=2):
    """Write a mean, with the standard deviation if there are several numbers.

    Parameters
    ----------
    numbers : list of float
        The numbers; none are possible.
    digits : int
        After the point.

    Returns
    -------
    str
        For a table.
    """
    if not numbers:
        return NOTHING
    mean = f"{np.mean(numbers):.{digits}f}"
    return mean if len(numbers) == 1 else f"{mean} ± {np.std(numbers, ddof=1):.{digits}f}"


def as_run(records):
    """Write the number of seeds and of epochs as run.

    Parameters
    ----------
    records : list of dict
        Of the seeds of a run.

    Returns
    -------
    list of str
        Two cells.
    """
    if not records:
        return [NOTHING, NOTHING]
    epochs = sorted({record["epochs"] for record in records})
    diverged = sum("diverged" in record for record in records)
    note = f" ({diverged} diverged)" if diverged else ""
    return [f"{len(records)}{note}", "/".join(map(str, epochs))]


def curve(records, *path):
    """Average a number over seeds, epoch by epoch.

    Parameters
    ----------
    records : list of dict
        Of the seeds of a run.
    *path : str or int
        Where the number is in the record of an epoch.

    Returns
    -------
    epochs, means, deviations : ndarray of shape (n_epochs,)
        Of the epochs in which all seeds have it.
    """
    by_epoch = {}
    for record in records:
        for line in record["history"]:
            value = look_up(line, *path)
            if value is not None:
                by_epoch.setdefault(line["epoch"], []).append(value)
    whole = {epoch: found for epoch, found in by_epoch.items() if len(found) == len(records)}
    epochs = np.array(sorted(whole), dtype=int)
    means = np.array([np.mean(whole[epoch]) for epoch in epochs])
    return epochs, means, np.array([np.std(whole[epoch]) for epoch in epochs])
