"""Sections of the report that go past the paper."""

from statistics import fmean

import beyond
import chosen
import committee
import continual
import full_size
import noisy
import rounded
import shifted
import table_1
from benchmarks.records import markdown_table
from evidence import as_run, describe, percent, values
from paper_numbers import TEST_ERRORS
from paper_tables import (
    TEST_BAYES,
    TEST_POINT,
    VALIDATION_HEADER,
    VALIDATION_POINT,
    after_all_tasks,
    problem_title,
    validation_errors,
)
from settings import MESSAGE_PASSING, binarynet, message_passing
from settings import TITLES as CONTENDER_TITLES


def report_beyond(evidence):
    """Show validation errors of the variants."""
    return _variants(evidence, beyond.EXPERIMENT)


def report_full_size(evidence):
    """Show validation errors of the variants of Table 1's networks."""
    return _variants(evidence, full_size.EXPERIMENT)


def _variants(evidence, experiment):
    """Show validation errors of an experiment's variants."""
    rows = []
    for run in experiment.runs:
        records = evidence.of_run(experiment.name, run)
        rows.append([run["variant"], *validation_errors(records), *as_run(records)])
    return markdown_table(["variant", *VALIDATION_HEADER[1:], "seeds", "epochs"], rows)


def report_chosen(evidence):
    """Show test errors of problems of Table 1 with the settings chosen, beside the paper's."""
    titles = {"bayes": "averages", "point": "point networks", "both": "both"}

    def name(run, records):
        return f"{titles[run['setting']]}, {CONTENDER_TITLES[run['contender']]}"

    return _beside_the_paper(evidence, "chosen", chosen.EXPERIMENT.runs, {"chosen for": name})


def report_committee(evidence):
    """Show test errors of problems of Table 1 by several networks, beside the paper's."""

    def name(run, records):
        return f"{run['members']} × {CONTENDER_TITLES[run['contender']]}"

    return _beside_the_paper(evidence, "committee", committee.EXPERIMENT.runs, {"networks": name})


def report_rounding(evidence):
    """Show validation errors of settings with rounded layers."""
    return _course(evidence, rounded.EXPERIMENT)


def report_shifting(evidence):
    """Show validation errors of networks with rounded layers that learned from shifted images."""
    return _course(evidence, shifted.EXPERIMENT)


def _course(evidence, experiment):
    """Show validation errors of an experiment's settings before and after layers are rounded."""
    rows = []
    for run in experiment.runs:
        if "n_validation" not in run:
            continue
        records = evidence.of_run(experiment.name, run)
        course = [_at_time(records, time, "validation_point") for time in rounded.ROUND_AFTER]
        rows.append([describe(run), *course, *validation_errors(records), *as_run(records)])
    header = ["network", *COURSE, *VALIDATION_HEADER[1:], "seeds", "epochs"]
    return markdown_table(header, rows)


COURSE = ("before rounding, point", "first layer rounded, point")
"""Columns of errors at the times after which layers were rounded."""


def _at_time(records, epoch, name):
    """Write an error after an epoch."""
    return percent(records, "history", epoch - 1, name, "error_percent")


def report_rounded(evidence):
    """Show test errors of Table 1's problems with rounded layers, beside BinaryNet's."""

    def peer(run, records):
        same_problem = {name: run[name] for name in ("data", "parity")}
        return percent(_usual_records(evidence, same_problem | binarynet()), *TEST_POINT)

    def before(run, records):
        return _at_time(records, rounded.ROUND_AFTER[0], "test_point")

    def between(run, records):
        return _at_time(records, rounded.ROUND_AFTER[1], "test_point")

    columns = {"trained by": _network, "our BinaryNet": peer}
    columns |= {COURSE[0]: before, COURSE[1]: between}
    runs = [run for run in rounded.EXPERIMENT.runs if "n_validation" not in run]
    return _beside_the_paper(evidence, "rounded", runs, columns)


def report_best(evidence):
    """Show, for every problem of Table 1, the point network that validation samples choose."""
    header = ["problem", "chosen", "validation error", "seeds", "paper: BP", "paper: BinaryNet"]
    header += ["our BinaryNet", "our BinaryNet, inputs alike", "point", "seeds"]
    rows = []
    for problem in TEST_ERRORS:
        compared, run = _chosen_by_validation(evidence, problem)
        papers = [TEST_ERRORS[problem][contender] for contender in ("bp", "binarynet")]
        peer = _of_problem(problem) | binarynet()
        inputs = {name: run[name] for name in INPUTS if name in run}
        learned = [_alike(evidence, one) for one in (peer, peer | inputs, run)]
        errors = [percent(records, *TEST_POINT) for records in learned]
        name = _network(run) + (", layers rounded" if len(run.get("round_after", ())) > 1 else "")
        cells = [name, percent(compared, *VALIDATION_POINT), as_run(compared)[0]]
        rows.append([problem_title(problem), *cells, *papers, *errors, as_run(learned[-1])[0]])
    return markdown_table(header, rows)


INPUTS = ("input_noise", "input_shift")
"""Parameters that say how a run's inputs differ from the samples."""


def _of_problem(problem):
    """Gather the parameters that tell a problem."""
    return dict(zip(("data", "parity"), problem, strict=True))


def _chosen_by_validation(evidence, problem):
    """Find the run of lowest validation error, averaged over seeds, and what it is on all data.

    Where nothing was compared on validation samples it is the paper's BP.
    """
    found = []
    for module in (full_size, noisy, rounded, shifted):
        experiment = module.EXPERIMENT
        for run in experiment.runs:
            if (run["data"], run["parity"]) == problem and run["contender"] in MESSAGE_PASSING:
                records = evidence.of_run(experiment.name, run)
                errors = values(records, *VALIDATION_POINT)
                found += [(fmean(errors), len(found), records, run)] if errors else []
    if not found:
        return [], _of_problem(problem) | message_passing("bp", 2)
    _, _, records, run = min(found)
    return records, {name: run[name] for name in run if name != "n_validation"}


def _alike(evidence, run):
    """Find the records of the same run in any experiment of Table 1's networks, if there are."""
    experiments = (table_1, chosen, noisy, rounded, shifted)
    return _records_like(evidence, [module.EXPERIMENT for module in experiments], run) or []


def report_noise(evidence):
    """Show validation errors of networks that learned from noisy inputs, beside those without."""
    rows = []
    for run in noisy.COMPARED:
        records, usual = evidence.of_run("noisy", run), _usual_records(evidence, run)
        errors = [*validation_errors(usual), *validation_errors(records)]
        rows.append([_trained_by(run), *errors, *as_run(records)])
    header = ["trained by", *NOISELESS, *VALIDATION_HEADER[1:], "seeds", "epochs"]
    return markdown_table(header, rows)


NOISELESS = ("without noise, point", "without noise, Bayesian")
"""Columns of what the same networks reach without noise."""


def report_noisy(evidence):
    """Show test errors of Table 1's problems learned from noisy inputs, beside those without."""

    def point(run, records):
        return percent(_usual_records(evidence, run), *TEST_POINT)

    def bayes(run, records):
        return percent(_usual_records(evidence, run), *TEST_BAYES)

    columns = {"trained by": _trained_by, NOISELESS[0]: point, NOISELESS[1]: bayes}
    return _beside_the_paper(evidence, "noisy", noisy.LEARNED, columns)


def report_shifted(evidence):
    """Show test errors of what learned from shifted images, beside the paper's."""
    return _beside_the_paper(evidence, "shifted", shifted.LEARNED, {"trained by": _network})


def _network(run, records=None):
    """Name a contender, what is not usual, how inputs differ, and one rounded layer."""
    title = _trained_by(run) + (", shifted images" if "input_shift" in run else "")
    title += ", noisy inputs" if "input_noise" in run else ""
    return title + (", first layer rounded" if len(run.get("round_after", ())) == 1 else "")


def _trained_by(run, records=None):
    """Name a contender, and what is not usual: large batches, damping, free factors.

    Large batches always have the same damping, so that only that of usual ones is named.
    """
    size, damping = run["options"]["batch_size"], run["options"].get("damping", 0.8)
    title = CONTENDER_TITLES[run["contender"]]
    title += f", batches of {size}" if size != 128 else ""
    title += f", damping {damping}" if size == 128 and damping != 0.8 else ""
    title += ", settled" if "settling" in run else ""
    return title + (", free factors" if run.get("free_scale") else "")


def _usual_records(evidence, run):
    """Find the records of the same run as it is in Table 1, or where settings were chosen."""
    experiments = (table_1.EXPERIMENT, chosen.EXPERIMENT, full_size.EXPERIMENT)
    usual = {name: run[name] for name in run if name not in PAST_USUAL}
    records = _records_like(evidence, experiments, usual)
    if records is None:
        raise LookupError(f"there is no usual run like {run}")
    return records


PAST_USUAL = (*INPUTS, "round_after", "settling", "free_scale")
"""Parameters of a run that Table 1 has not."""


def _records_like(evidence, experiments, run):
    """Find the records of the first run that learns the same in the same way, or None."""
    names = ("data", "parity", "n_validation", "schedule", "contender", "options", *PAST_USUAL)
    for experiment in experiments:
        for other in experiment.runs:
            if all(other.get(name) == run.get(name) for name in names):
                return evidence.of_run(experiment.name, other)
    return None


def _beside_the_paper(evidence, experiment, runs, columns):
    """Show test errors beside the paper's, after columns of what functions tell of a run."""
    header = ["problem", *columns, "paper: BinaryNet", "paper: BP"]
    header += ["point", "Bayesian", "seeds", "epochs"]
    rows = []
    for run in runs:
        problem = run["data"], run["parity"]
        records = evidence.of_run(experiment, run)
        papers = [TEST_ERRORS[problem][contender] for contender in ("binarynet", "bp")]
        told = [tell(run, records) for tell in columns.values()]
        errors = [percent(records, *TEST_POINT), percent(records, *TEST_BAYES)]
        rows.append([problem_title(problem), *told, *papers, *errors, *as_run(records)])
    return markdown_table(header, rows)


def report_continual(evidence):
    """Show the validation accuracy on every task after the last, for all settings tried."""
    return after_all_tasks(evidence, continual.EXPERIMENT, "validation_tasks")


SECTIONS = {
    "beyond": (report_beyond, beyond.EXPERIMENT),
    "full_size": (report_full_size, full_size.EXPERIMENT),
    "chosen": (report_chosen, chosen.EXPERIMENT),
    "best": (report_best, rounded.EXPERIMENT),
    "rounding": (report_rounding, rounded.EXPERIMENT),
    "rounded": (report_rounded, rounded.EXPERIMENT),
    "noise": (report_noise, noisy.EXPERIMENT),
    "noisy": (report_noisy, noisy.EXPERIMENT),
    "shifting": (report_shifting, shifted.EXPERIMENT),
    "shifted": (report_shifted, shifted.EXPERIMENT),
    "committee": (report_committee, committee.EXPERIMENT),
    "continual": (report_continual, continual.EXPERIMENT),
}
"""What can be reported: the table, and the runs it needs."""
