"""What several tables of the report share."""

import neighbours  # noqa: F401
from benchmarks.records import markdown_table
from evidence import as_run, describe, percent, spread, values
from problems import TITLES as DATA_TITLES

TEST_POINT = ("result", "test_point", "error_percent")
TEST_BAYES = ("result", "test_bayes", "error_percent")
TRAIN_POINT = ("result", "train_point", "error_percent")
TRAIN_BAYES = ("result", "train_bayes", "error_percent")
VALIDATION_POINT = ("result", "validation_point", "error_percent")
VALIDATION_BAYES = ("result", "validation_bayes", "error_percent")
"""Where a record has its errors at the end."""

VALIDATION_HEADER = ["network", "validation error, point", "Bayesian"]


def problem_title(problem):
    """Name a problem.

    Parameters
    ----------
    problem : tuple of str and bool
        The data, and whether even and odd classes are told apart.

    Returns
    -------
    str
        For a table.
    """
    data, parity = problem
    return f"{DATA_TITLES[data]}, {'even/odd' if parity else '10 classes'}"


def validation_errors(records):
    """Write validation errors, of the point network and averaged.

    Parameters
    ----------
    records : list of dict
        Of the seeds of a run.

    Returns
    -------
    list of str
        Two cells.
    """
    paths = (VALIDATION_POINT, VALIDATION_BAYES)
    return [percent(records, *path) for path in paths]


def after_all_tasks(evidence, experiment, name):
    """Show the accuracy on every task after the last.

    Parameters
    ----------
    evidence : Evidence
        What is on record.
    experiment : Experiment
        Runs that learn one task after another.
    name : str
        Of the errors in a run's result.

    Returns
    -------
    str
        A table.
    """
    n_tasks = experiment.runs[0]["n_tasks"]
    header = ["network", *(f"task {number}" for number in range(1, n_tasks + 1)), "mean"]
    rows = []
    for run in experiment.runs:
        records = evidence.of_run(experiment.name, run)
        ends = values(records, "result", name)
        by_task = [[100 - end[task] for end in ends] for task in range(n_tasks)]
        means = [100 - sum(end) / n_tasks for end in ends]
        cells = [spread(numbers, 1) for numbers in [*by_task, means]]
        rows.append([describe(run), *cells, *as_run(records)])
    return markdown_table([*header, "seeds", "epochs"], rows)
