"""Plots of the paper's figures from what is on record."""

import figure_1_left
import figure_1_right
import figure_2
import figure_3
import figure_b5
import figure_b8
import figure_b9
import matplotlib
import numpy as np
from evidence import curve, describe, values
from settings import MESSAGE_PASSING
from settings import TITLES as CONTENDER_TITLES

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

COLORS = dict(zip(CONTENDER_TITLES, (f"C{number}" for number in range(10)), strict=False))
DOTS_PER_INCH = 90


def draw_all(evidence, folder):
    """Draw every plot for which there are records.

    Parameters
    ----------
    evidence : Evidence
        What is on record.
    folder : pathlib.Path
        Where the files go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PLOTS.items():
        figure = draw(evidence)
        if any(ax.lines for ax in figure.axes):
            for ax in figure.axes:
                _finish(ax)
            # No version in the file, so that the same records give the same bytes.
            figure.savefig(folder / f"{name}.png", dpi=DOTS_PER_INCH, metadata={"Software": None})
        plt.close(figure)


def _finish(ax):
    """Add the legend, or say that nothing was run."""
    if ax.get_legend_handles_labels()[0]:
        if not ax.figure.legends:
            ax.legend(fontsize="small")
    else:
        ax.text(0.5, 0.5, "not run yet", transform=ax.transAxes, ha="center", va="center")


def _axes(n_axes, xlabel, ylabel, titles=()):
    """Make axes side by side."""
    size = (4.5 * n_axes + 1, 3.8)
    figure, axes = plt.subplots(1, n_axes, figsize=size, layout="constrained", squeeze=False)
    for ax in axes[0]:
        ax.set(xlabel=xlabel, ylabel=ylabel)
    for ax, title in zip(axes[0], titles, strict=False):
        ax.set_title(title)
    return figure, axes[0]


def _plot_curve(ax, records, path, label, **style):
    """Plot a mean over seeds with its deviation, epoch by epoch."""
    epochs, means, deviations = curve(records, *path)
    if epochs.size == 0:
        return
    (line,) = ax.plot(epochs, means, label=label, **style)
    band = means - deviations, means + deviations
    ax.fill_between(epochs, *band, color=line.get_color(), alpha=0.2, linewidth=0)


def draw_figure_1_left(evidence):
    """Draw learning curves of 3 × 501 units."""
    figure, (ax,) = _axes(1, "epoch", "error in percent")
    for run in figure_1_left.EXPERIMENT.runs:
        records, contender = evidence.of_run("figure_1_left", run), run["contender"]
        for part, style in (("train", "--"), ("test", "-")):
            path, label = (
                (f"{part}_point", "error_percent"),
                f"{CONTENDER_TITLES[contender]} {part}",
            )
            _plot_curve(ax, records, path, label, linestyle=style, color=COLORS[contender])
    return figure


def draw_figure_1_right(evidence):
    """Draw test accuracy against sparsity, point and Bayesian."""
    figure, (ax,) = _axes(1, "sparsity in percent", "test accuracy in percent")
    for contender in (*MESSAGE_PASSING, "binarynet"):
        for prediction, style in (("point", "o-"), ("bayes", "s--")):
            found = _by_sparsity(evidence, contender, f"test_{prediction}")
            if found:
                sparsity, accuracy, deviation = np.array(sorted(found)).T
                title = CONTENDER_TITLES[contender]
                label = title if prediction == "point" else f"Bayesian {title}"
                options = {"fmt": style, "color": COLORS[contender], "markersize": 4}
                ax.errorbar(sparsity, accuracy, deviation, label=label, **options)
    return figure


def _by_sparsity(evidence, contender, prediction):
    """Gather sparsity, mean accuracy and deviation of what is on record."""
    found = {}
    for run in figure_1_right.EXPERIMENT.runs:
        density = run["options"]["density"]
        if run["contender"] != contender or density in found:
            continue
        records = evidence.of_run("figure_1_right", run)
        errors = values(records, "result", prediction, "error_percent")
        if errors:
            found[density] = 100 * (1 - density), 100 - np.mean(errors), np.std(errors)
    return list(found.values())


def draw_figure_2(evidence):
    """Draw test errors on even against odd digits, ±1 weights and continuous ones."""
    titles = ("±1 weights", "continuous weights")
    figure, axes = _axes(2, "epoch", "test error in percent", titles)
    groups = (figure_2.binary_runs(), figure_2.continuous_runs())
    for ax, runs in zip(axes, groups, strict=True):
        for number, run in enumerate(runs):
            records = evidence.of_run("figure_2", figure_2.NETWORK | run)
            label, color = describe(figure_2.NETWORK | run).split(", ", 2)[2], f"C{number}"
            path = "test_point", "error_percent"
            _plot_curve(ax, records, path, label, color=color)
            path, style = ("test_bayes", "error_percent"), {"linestyle": "--", "color": color}
            _plot_curve(ax, records, path, f"Bayesian, {label}", **style)
        ax.set_yscale("log")
    return figure


def draw_figure_3(evidence):
    """Draw accuracy on all tasks at the end, and on the first task over time.

    Lines of networks smaller than the paper's are dashed.
    """
    figure, (left, right) = _axes(2, "", "test accuracy in percent")
    left.set_xlabel("task")
    right.set(xlabel="epoch", ylabel="test accuracy on task 1 in percent")
    for number, run in enumerate(figure_3.EXPERIMENT.runs):
        records = evidence.of_run("figure_3", run)
        ends = values(records, "result", "test_tasks")
        if not ends:
            continue
        label, color = describe(run).split(", ", 1)[1], f"C{number}"
        accuracy = 100 - np.array(ends)
        tasks = np.arange(1, accuracy.shape[1] + 1)
        line = "-" if run["n_epochs"] == figure_3.FULL["n_epochs"] else "--"
        mean, deviation = accuracy.mean(axis=0), accuracy.std(axis=0)
        left.errorbar(tasks, mean, deviation, fmt=f"o{line}", color=color)
        epochs, errors, deviations = curve(records, "test_task_1")
        right.plot(epochs, 100 - errors, line, label=label, color=color)
        band = 100 - errors - deviations, 100 - errors + deviations
        right.fill_between(epochs, *band, color=color, alpha=0.2, linewidth=0)
        left.lines[-1].set_label(label)
    if right.lines:
        # Long names would hide what they name.
        handles = right.get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", fontsize="small")
        figure.set_figheight(5)
    return figure


def draw_figure_b5(evidence):
    """Draw the local energy."""
    figure, (ax,) = _axes(1, "probability p of a flip", "training error added, in percent")
    for number, run in enumerate(figure_b5.EXPERIMENT.runs):
        energies = values(evidence.of_run("figure_2", run), "result", "local_energy")
        if energies:
            added = np.mean([energy["added_error_percent"] for energy in energies], axis=0)
            label = describe(run).split(", ", 2)[2]
            ax.plot(energies[0]["flip_probabilities"], added, "o-", label=label, color=f"C{number}")
    return figure


def draw_figure_b8(evidence):
    """Draw polarizations and overlaps over training."""
    titles = [CONTENDER_TITLES[algo] for algo in MESSAGE_PASSING]
    figure, axes = _axes(len(titles), "epoch", "polarization, overlap", titles)
    for run in figure_b8.EXPERIMENT.runs:
        ax = axes[MESSAGE_PASSING.index(run["contender"])]
        records = evidence.of_run("table_1", run)
        for layer in range(len(run["hidden_layer_sizes"]) + 1):
            color = f"C{layer}"
            _plot_curve(ax, records, (f"polarization_{layer}",), f"layer {layer}: q0", color=color)
            options = {"linestyle": "--", "marker": "o", "markersize": 3, "color": color}
            path, label = ("mean_overlaps", layer), f"layer {layer}: mean q_ab"
            _plot_curve(ax, records, path, label, **options)
    return figure


def draw_figure_b9(evidence):
    """Draw the time of an epoch against the batch size."""
    figure, (ax,) = _axes(1, "batch size", "processor's seconds per epoch")
    for contender in figure_b9.NAMES:
        found = []
        for run in figure_b9.EXPERIMENT.runs:
            records = evidence.of_run("figure_b9", run)
            if run["contender"] == contender and records:
                times = [min(line["epoch_cpu_s"] for line in one["history"]) for one in records]
                found.append((run["batch_size"], np.mean(times)))
        if found:
            label, color = CONTENDER_TITLES[contender], COLORS[contender]
            ax.plot(*np.array(sorted(found)).T, "o-", label=label, color=color)
    ax.set(xscale="log", yscale="log")
    return figure


PLOTS = {
    "figure_1_left": draw_figure_1_left,
    "figure_1_right": draw_figure_1_right,
    "figure_2": draw_figure_2,
    "figure_3": draw_figure_3,
    "figure_b5": draw_figure_b5,
    "figure_b8": draw_figure_b8,
    "figure_b9": draw_figure_b9,
}
"""The plots, by the name of their file."""
