"""Draws what the package does: samples, messages, a posterior that is the next prior, predictions.

    python examples/benchmarks/front_page.py docs/_static/front_page.png

Everything but the network's diagram is of a network of 101 units with ±1 weights that learns the
digits of scikit-learn by `partial_fit`, one mini-batch after another.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import ConnectionPatch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_bp import BayesBPClassifier

BATCH_SIZE, N_EPOCHS = 64, 10
SETTINGS = {"algo": "mf", "weight_prior": "binary", "init_scale": 0.3, "damping": 0.8}
SETTINGS |= {"likelihood_weight": 1.0, "label_noise": 0.0}
SHOWN_AFTER = (1, 20, 210)
"""Numbers of mini-batches after which the weights are shown."""

FORWARD, BACKWARD = "tab:blue", "tab:red"
LAYERS = (5, 4, 3)
"""Units of the diagram."""


def train():
    """Learn the digits by mini-batches.

    Returns
    -------
    model : BayesBPClassifier
        Fitted.
    snapshots : list of ndarray
        Means of the first layer's weights after as many mini-batches as are shown.
    X_train, X_test, y_test : ndarray
        Samples and labels.
    """
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    model = BayesBPClassifier((101,), **SETTINGS, random_state=0)
    rng, n_batches, snapshots = np.random.default_rng(0), 0, []
    for _ in range(N_EPOCHS):
        order = rng.permutation(len(y_train))
        for rows in np.array_split(order, len(order) // BATCH_SIZE):
            model.partial_fit(X_train[rows], y_train[rows], classes=np.arange(10))
            n_batches += 1
            if n_batches in SHOWN_AFTER:
                snapshots.append(model.weight_means_[0].ravel().copy())
    return model, snapshots, X_train, X_test, y_test


def draw_samples(ax, X):
    """Draw a mini-batch of images."""
    images = X[:20].reshape(5, 4, 8, 8)
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    ax.imshow(padded.transpose(0, 2, 1, 3).reshape(50, 40), cmap="gray_r")
    ax.axis("off")


def draw_network(ax):
    """Draw a network, and the ways of the messages."""
    places = [[(x, y - (n - 1) / 2) for y in range(n)] for x, n in enumerate(LAYERS)]
    for below, above in zip(places, places[1:], strict=False):
        for start in below:
            for end in above:
                ax.plot(*zip(start, end, strict=True), color="0.75", linewidth=0.8, zorder=0)
    for units in places:
        ax.plot(*zip(*units, strict=True), "o", color="0.3", markersize=9)
    for height, ends, colour, text in (
        (2.8, (0.0, 2.0), FORWARD, "forward: what a unit receives"),
        (-2.8, (2.0, 0.0), BACKWARD, "backward: what the label asks"),
    ):
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2}
        ax.annotate("", (ends[1], height), (ends[0], height), arrowprops=arrow)
        ax.text(1, height * 1.2, text, color=colour, ha="center", va="center", fontsize=9)
    ax.set(xlim=(-0.3, 2.3), ylim=(-3.9, 3.9))
    ax.axis("off")


def draw_weights(ax, snapshots):
    """Draw how the means of the weights spread towards ±1."""
    bins = np.linspace(-1, 1, 41)
    colours = plt.cm.viridis(np.linspace(0.85, 0.1, len(snapshots)))
    for means, after, colour in zip(snapshots, SHOWN_AFTER, colours, strict=True):
        label = f"{after} mini-batch" + ("es" if after > 1 else "")
        ax.hist(
            means, bins, density=True, histtype="step", color=colour, label=label, linewidth=1.6
        )
    ax.set(xlabel="mean of a ±1 weight", yticks=[], xticks=[-1, 0, 1])
    ax.set_ylim(0, 1.4 * ax.get_ylim()[1])  # Room for the legend.
    ax.legend(fontsize=8, title="after", title_fontsize=8, loc="upper center", frameon=False)
    ax.spines[["top", "right", "left"]].set_visible(False)


def draw_prediction(image_ax, bar_ax, image, probabilities, label):
    """Draw a test image, and the probability of every class."""
    image_ax.imshow(image.reshape(8, 8), cmap="gray_r")
    image_ax.axis("off")
    colours = [FORWARD if digit == label else "0.6" for digit in range(10)]
    bar_ax.bar(range(10), probabilities, color=colours)
    bar_ax.set(ylim=(0, 1), yticks=[0, 1], xticks=range(10))
    bar_ax.tick_params(labelsize=8, length=0)
    bar_ax.spines[["top", "right"]].set_visible(False)


def draw(path):
    """Train, and draw the picture into a file.

    Parameters
    ----------
    path : pathlib.Path
        Where to.
    """
    model, snapshots, X_train, X_test, y_test = train()
    probabilities = model.predict_proba(X_test)
    certainty = probabilities.max(axis=1)
    figure = plt.figure(figsize=(11, 3.9))
    grid = {"left": 0.02, "right": 0.985, "top": 0.84, "bottom": 0.24, "wspace": 0.28}
    columns = figure.add_gridspec(1, 4, width_ratios=(0.7, 1.1, 1.15, 1.25), **grid)
    data, network, weights = (figure.add_subplot(columns[place]) for place in range(3))
    draw_samples(data, X_train)
    draw_network(network)
    draw_weights(weights, snapshots)
    rows = columns[3].subgridspec(2, 2, width_ratios=(1, 2.4), hspace=0.35)
    for row, sample in enumerate((certainty.argmax(), certainty.argmin())):
        axes = [figure.add_subplot(rows[row, column]) for column in range(2)]
        draw_prediction(*axes, X_test[sample], probabilities[sample], y_test[sample])
    accuracy = 100 * model.score(X_test, y_test)
    titles = ("1. A mini-batch", "2. Messages", "3. A posterior over weights")
    titles += (f"4. Probabilities ({accuracy:.1f} % right)",)
    for place, title in enumerate(titles):
        left, right = (getattr(columns[place].get_position(figure), end) for end in ("x0", "x1"))
        figure.text((left + right) / 2, 0.92, title, ha="center", fontsize=11, weight="bold")
    arrow = {"arrowstyle": "-|>", "color": "tab:green", "linewidth": 2, "mutation_scale": 14}
    back = {"connectionstyle": "arc3,rad=-0.2", "coordsA": "axes fraction"}
    figure.add_artist(
        ConnectionPatch(
            (0.5, -0.24),
            (0.5, 0.0),
            axesA=weights,
            axesB=network,
            coordsB="axes fraction",
            **back,
            **arrow,
        )
    )
    figure.text(0.36, 0.03, "the next mini-batch's prior", color="tab:green", ha="center")
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path)
    draw(parser.parse_args().path)
