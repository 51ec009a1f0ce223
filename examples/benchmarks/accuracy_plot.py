"""Draws what a training on record did: errors on the left, polarization on the right."""

import matplotlib.pyplot as plt
import numpy as np

COLOURS = ("tab:blue", "tab:orange", "tab:green")


def draw(title, records, path):
    """Draw the records of one network, one per seed, into a file.

    Parameters
    ----------
    title : str
        Name of the network.
    records : list of dict
        Lines of the results file.
    path : Path
        Where to.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3), layout="constrained")
    figure.suptitle(f"{title}: weights ±1, no gradient, {len(records)} seeds", fontsize=11)
    _draw_errors(left, records)
    _draw_polarization(right, records)
    figure.savefig(path, dpi=100)


def _draw_errors(ax, records):
    """Draw training errors over epochs, and the test errors at the end."""
    epochs = _column(records, "epoch")[0]
    errors = 100 * (1 - _column(records, "train_accuracy"))
    _draw_curve(ax, epochs, errors, "training, before a mini-batch is learned", "0.35")
    for part, label, colour in (
        ("test_point", "test at the end, one network of bits", "tab:red"),
        ("test_bayes", "test at the end, posterior average", "tab:blue"),
    ):
        error = np.mean([record[part]["error_percent"] for record in records])
        ax.axhline(error, color=colour, linestyle="--", label=f"{label}: {error:.2f} %")
    ax.set(xlabel="epoch", ylabel="error in percent", yscale="log")
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20) if errors.min() <= tick <= errors.max()]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.legend(fontsize=8)


def _draw_polarization(ax, records):
    """Draw the polarization of every layer over epochs."""
    epochs = _column(records, "epoch")[0]
    names = sorted(name for name in records[0]["history"][0] if name.startswith("polarization_"))
    for layer, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        label = "output layer" if name == names[-1] else f"hidden layer {layer + 1}"
        _draw_curve(ax, epochs, _column(records, name), label, colour)
    ax.set(xlabel="epoch", ylabel="polarization of the weights", ylim=(0, 1))
    ax.legend(fontsize=8)


def _column(records, name):
    """Gather a quantity by seed and epoch."""
    return np.array([[epoch[name] for epoch in record["history"]] for record in records])


def _draw_curve(ax, epochs, values, label, colour):
    """Draw the mean over seeds, and the range."""
    ax.plot(epochs, values.mean(axis=0), color=colour, label=label)
    ax.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.25)
