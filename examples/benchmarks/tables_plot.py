"""Draws the scores on tables: a row per table, a dot per model."""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

OWN_COLOURS = ("tab:orange", "tab:blue")
OWN_SHIFTS = (0.13, -0.13)
"""Of the own dots up and down in a row, for equal ones not to hide each other."""
PEER_MARKERS = "v^Dp*"
PEER_COLOUR = "0.5"
ROW_HEIGHT, MARGIN = 0.25, 1.3
"""Inches: a table's row, and what title, legend and axes need."""


def draw(scores, reference, own, path):
    """Draw accuracy on the left and log-loss on the right into a file.

    Parameters
    ----------
    scores : Scores
        The records.
    reference : str
        The model whose accuracies sort the tables.
    own : sequence of str
        Names of the models to draw in strong colours.
    path : Path
        Where to.
    """
    known = [t for t in scores.tables if scores.value(t, reference, "accuracy") is not None]
    tables = sorted(known, key=lambda table: scores.value(table, reference, "accuracy"))
    figure = Figure(figsize=(9.6, MARGIN + ROW_HEIGHT * len(tables)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for model, style in _styles(scores.models, reference, own).items():
        _draw_dots(left, scores, tables, (model, "accuracy"), 100, style)
        _draw_dots(right, scores, tables, (model, "log_loss"), 1, style)
    left.set_yticks(range(len(tables)), tables)
    left.set(xlabel="accuracy in percent (right is better)", ylim=(-0.6, len(tables) - 0.4))
    right.set(xlabel="log-loss, logarithmic (left is better)", xscale="log")
    _label_plainly(right.xaxis)
    for ax in (left, right):
        ax.hlines(range(len(tables)), 0, 1, transform=ax.get_yaxis_transform(), color="0.92", lw=1)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
    handles, labels = left.get_legend_handles_labels()
    title = f"{len(tables)} tables, sorted by the accuracy of {reference}; models at their defaults"
    place = {"loc": "outside upper center", "ncols": 3, "frameon": False}
    figure.legend(handles, labels, title=title, title_fontsize="large", **place)
    figure.savefig(path, dpi=110)


def _styles(models, reference, own):
    """Choose how each model is drawn: own filled and on top, the reference black, peers grey."""
    styles = {}
    for model, colour, shift in zip(own, OWN_COLOURS, OWN_SHIFTS, strict=True):
        filled = {"marker": "o", "markersize": 7, "markeredgecolor": "white", "zorder": 4}
        styles[model] = {"color": colour, "shift": shift} | filled
    hollow = {"markerfacecolor": "none", "markersize": 5.5, "shift": 0}
    styles[reference] = {"color": "black", "marker": "s", "zorder": 3} | hollow
    peers = [model for model in models if model not in styles]
    for model, marker in zip(peers, PEER_MARKERS, strict=False):
        styles[model] = {"color": PEER_COLOUR, "marker": marker, "zorder": 2} | hollow
    return {model: style for model, style in styles.items() if model in models}


def _draw_dots(ax, scores, tables, score, scale, style):
    """Draw a score of one model, where it is on record."""
    model, key = score
    style = dict(style)
    shift = style.pop("shift")
    values = [scores.value(table, model, key) for table in tables]
    points = [(scale * x, y + shift) for y, x in enumerate(values) if x is not None]
    ax.plot(*zip(*points, strict=True), linestyle="none", label=model, **style)


def _label_plainly(axis):
    """Write plain numbers at the powers of ten, twice, and five times as much."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
