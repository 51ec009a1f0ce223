"""Rebuilds the tables and plots of the paper's results from what is on record, and nothing else.

    python examples/paper/report.py                  # prints every table
    python examples/paper/report.py table_1 figure_2 # some of them
    python examples/paper/report.py --draw           # draws the plots, results/figures/*.png

Numbers are means over seeds, with the standard deviation where there are several. Under each table
stands what has not been run.
"""

import argparse
from pathlib import Path

import depth_width
import figure_1_left
import figure_1_right
import figure_2
import figure_3
import figure_b5
import figure_b8
import figure_b9
import recommended
import table_1
import tuning
from benchmarks.records import markdown_table
from evidence import (
    NOTHING,
    Evidence,
    as_run,
    curve,
    describe,
    percent,
    spread,
    values,
)
from paper_numbers import TEST_ERRORS, TRAINING_ERRORS
from paper_tables import (
    TEST_BAYES,
    TEST_POINT,
    TRAIN_BAYES,
    TRAIN_POINT,
    VALIDATION_HEADER,
    after_all_tasks,
    problem_title,
    validation_errors,
)
from runner import RESULTS
from settings import MESSAGE_PASSING
from settings import TITLES as CONTENDER_TITLES

CURVE_EPOCHS = (1, 5, 10, 20, 50, 100)
"""Epochs of which tables of learning curves show the error."""


def _table_1_runs():
    """List, row by row, the problem, the contender, and its runs by setting."""
    found = {}
    for run in table_1.EXPERIMENT.runs:
        key = (run["data"], run["parity"]), run["contender"]
        found.setdefault(key, {})[run["setting"]] = run
    order = list(TEST_ERRORS)
    for (problem, contender), runs in sorted(
        found.items(), key=lambda item: (order.index(item[0][0]), _rank(item[0][1]))
    ):
        yield problem, contender, runs


def _rank(contender):
    """Put contenders into the order of the paper."""
    return list(CONTENDER_TITLES).index(contender)


def report_table_1(evidence):
    """Show test errors."""
    header = ["problem", "trained by", "paper", "point", "Bayesian", "Bayesian, rho 0.9999"]
    rows = []
    for problem, contender, runs in _table_1_runs():
        point = evidence.of_run("table_1", runs["point"])
        bayes = evidence.of_run("table_1", runs["bayes"]) if "bayes" in runs else []
        rows.append(
            [
                problem_title(problem),
                CONTENDER_TITLES[contender],
                TEST_ERRORS[problem][contender],
                percent(point, *TEST_POINT),
                percent(point, *TEST_BAYES),
                percent(bayes, *TEST_BAYES),
                *as_run(point),
            ]
        )
        if bayes and len(bayes) != len(point):
            rows[-1][-2] += f", {len(bayes)}"
    return markdown_table([*header, "seeds", "epochs"], rows)


def report_training_errors(evidence):
    """Show training errors of the runs of Table 1."""
    header = ["problem", "trained by", "paper", "point", "Bayesian", "seeds", "epochs"]
    rows = []
    for problem, contender, runs in _table_1_runs():
        records = evidence.of_run("table_1", runs["point"])
        errors = [percent(records, *TRAIN_POINT), percent(records, *TRAIN_BAYES)]
        names = [problem_title(problem), CONTENDER_TITLES[contender]]
        rows.append([*names, TRAINING_ERRORS[problem][contender], *errors, *as_run(records)])
    return markdown_table(header, rows)


def report_figure_1_left(evidence):
    """Show errors at some epochs."""
    header = ["trained by", "error on", *(f"epoch {epoch}" for epoch in CURVE_EPOCHS), "seeds"]
    rows = []
    for run in figure_1_left.EXPERIMENT.runs:
        records = evidence.of_run("figure_1_left", run)
        for part in ("train", "test"):
            cells = _at_epochs(records, f"{part}_point", "error_percent")
            title = CONTENDER_TITLES[run["contender"]]
            rows.append([title, f"{part} samples", *cells, as_run(records)[0]])
    return markdown_table(header, rows)


def _at_epochs(records, *path):
    """Write a number at some epochs, one cell for each."""
    found = dict(zip(*curve(records, *path)[:2], strict=True)) if records else {}
    return [f"{found[epoch]:.2f}" if epoch in found else NOTHING for epoch in CURVE_EPOCHS]


def report_figure_1_right(evidence):
    """Show test accuracies by sparsity, point and Bayesian."""
    contenders = [*MESSAGE_PASSING, "binarynet"]
    header = ["sparsity"]
    for contender in contenders:
        title = CONTENDER_TITLES[contender]
        header += [title] if contender == "binarynet" else [title, f"Bayesian {title}"]
    rows = []
    for density in sorted(figure_1_right.DENSITIES, reverse=True):
        row = [f"{100 * (1 - density):.0f} %"]
        for contender in contenders:
            records = _sparse_records(evidence, contender, density)
            row.append(_accuracy(records, TEST_POINT))
            if contender != "binarynet":
                row.append(_accuracy(records, TEST_BAYES))
        rows.append(row)
    return markdown_table(header, rows)


def _sparse_records(evidence, contender, density):
    """Get the records of the point settings at a density."""
    for run in figure_1_right.EXPERIMENT.runs:
        if run["contender"] == contender and run["options"]["density"] == density:
            return evidence.of_run("figure_1_right", run)
    raise LookupError(f"no run of {contender} at density {density}")


def _accuracy(records, path):
    """Write an accuracy in percent."""
    return spread([100 - error for error in values(records, *path)])


def report_figure_2(evidence):
    """Show test errors on even against odd digits."""
    rows = []
    for run in figure_2.EXPERIMENT.runs:
        records = evidence.of_run("figure_2", run)
        errors = [percent(records, *TEST_POINT), percent(records, *TEST_BAYES)]
        rows.append([describe(run), *errors, percent(records, *TRAIN_POINT), *as_run(records)])
    header = ["network", "test error, point", "Bayesian", "training error, point"]
    return markdown_table([*header, "seeds", "epochs"], rows)


def report_figure_3(evidence):
    """Show the accuracy on every task after the last."""
    return after_all_tasks(evidence, figure_3.EXPERIMENT, "test_tasks")


def report_figure_b5(evidence):
    """Show how much the training error grows when weights are flipped."""
    rows, probabilities = [], []
    for run in figure_b5.EXPERIMENT.runs:
        records = evidence.of_run("figure_2", run)
        energies = values(records, "result", "local_energy")
        if energies:
            probabilities = energies[0]["flip_probabilities"]
        added = [energy["added_error_percent"] for energy in energies]
        cells = [spread(list(numbers)) for numbers in zip(*added, strict=True)]
        errors = spread([energy["train_error_percent"] for energy in energies])
        rows.append((describe(run), errors, cells, as_run(records)[0]))
    header = ["network", "training error", *(f"p = {p:g}" for p in probabilities), "seeds"]
    width = len(probabilities)
    return markdown_table(
        header, [[name, e, *(c or [NOTHING] * width), seeds] for name, e, c, seeds in rows]
    )


def report_figure_b8(evidence):
    """Show polarizations and overlaps at some epochs."""
    header = ["trained by", "layer", "what", *(f"epoch {epoch}" for epoch in CURVE_EPOCHS)]
    rows = []
    for run in figure_b8.EXPERIMENT.runs:
        records = evidence.of_run("table_1", run)
        for layer in range(len(run["hidden_layer_sizes"]) + 1):
            title = [CONTENDER_TITLES[run["contender"]], str(layer)]
            rows.append([*title, "q0", *_at_epochs(records, f"polarization_{layer}")])
            rows.append([*title, "mean q_ab", *_at_epochs(records, "mean_overlaps", layer)])
    return markdown_table(header, rows)


def report_figure_b9(evidence):
    """Show seconds of the processor per epoch."""
    rows = []
    for size in figure_b9.BATCH_SIZES:
        row = [str(size)]
        for contender in figure_b9.NAMES:
            runs = [
                run
                for run in figure_b9.EXPERIMENT.runs
                if (run["batch_size"], run["contender"]) == (size, contender)
            ]
            row.append(spread(_least_times(evidence.of_run("figure_b9", runs[0]))))
        rows.append(row)
    header = ["batch size", *(CONTENDER_TITLES[contender] for contender in figure_b9.NAMES)]
    return markdown_table(header, rows)


def _least_times(records):
    """Take the least of the repeated times of each record: what disturbs only adds."""
    return [min(line["epoch_cpu_s"] for line in record["history"]) for record in records]


def report_depth_width(evidence):
    """Show test errors of networks of different shape, those of other experiments included."""
    sources = [("depth_width", run) for run in depth_width.EXPERIMENT.runs]
    sources += [("table_1", run) for run in figure_b8.EXPERIMENT.runs]
    sources += [("figure_1_left", run) for run in figure_1_left.EXPERIMENT.runs]
    rows = []
    for experiment, run in sorted(sources, key=_shape):
        records = evidence.of_run(experiment, run)
        errors = [percent(records, *TEST_POINT), percent(records, *TEST_BAYES)]
        rows.append([describe(run), *errors, *as_run(records)])
    header = ["network", "test error, point", "Bayesian", "seeds", "epochs"]
    return markdown_table(header, rows)


def _shape(source):
    """Order runs by batch size, depth, width and contender."""
    _, run = source
    hidden = run["hidden_layer_sizes"]
    return run["options"]["batch_size"], len(hidden), hidden[0], _rank(run["contender"])


def report_tuning(evidence):
    """Show validation errors of what was tried."""
    rows = []
    for run in tuning.EXPERIMENT.runs:
        records = evidence.of_run("tuning", run)
        rows.append([describe(run), *validation_errors(records), *as_run(records)])
    return markdown_table([*VALIDATION_HEADER, "seeds", "epochs"], rows)


SECTIONS = {
    "table_1": (report_table_1, table_1.EXPERIMENT),
    "training_errors": (report_training_errors, table_1.EXPERIMENT),
    "figure_1_left": (report_figure_1_left, figure_1_left.EXPERIMENT),
    "figure_1_right": (report_figure_1_right, figure_1_right.EXPERIMENT),
    "figure_2": (report_figure_2, figure_2.EXPERIMENT),
    "figure_3": (report_figure_3, figure_3.EXPERIMENT),
    "figure_b5": (report_figure_b5, figure_b5.EXPERIMENT),
    "figure_b8": (report_figure_b8, figure_b8.EXPERIMENT),
    "figure_b9": (report_figure_b9, figure_b9.EXPERIMENT),
    "depth_width": (report_depth_width, depth_width.EXPERIMENT),
    "tuning": (report_tuning, tuning.EXPERIMENT),
    **{name: (make, recommended.EXPERIMENT) for name, make in recommended.SECTIONS.items()},
}
"""What can be reported: the table, and the runs it needs."""


def report(section, evidence):
    """Write a section.

    Parameters
    ----------
    section : str
        One of :data:`SECTIONS`.
    evidence : Evidence
        What is on record.

    Returns
    -------
    str
        Markdown.
    """
    make, experiment = SECTIONS[section]
    return "\n\n".join(part for part in (make(evidence), evidence.missing(experiment)) if part)


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--draw", action="store_true", help="draw the plots instead")
    parser.add_argument("--results-folder", type=Path, default=RESULTS, metavar="FOLDER")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section is named {', '.join(sorted(unknown))}")
    evidence = Evidence(options.results_folder)
    if options.draw:
        import plots  # Tables need no matplotlib.

        plots.draw_all(evidence, options.results_folder / "figures")
        return
    for section in options.sections or SECTIONS:
        if len(options.sections) != 1:
            print(f"\n### {section.replace('_', ' ')}\n")
        print(report(section, evidence))


if __name__ == "__main__":
    main()
