"""
Noise on the inputs
===================

A network that fits its training samples without an error learns nothing more from them. Gaussian
noise on the inputs, drawn anew in every epoch, keeps the boundaries between classes away from the
samples.
"""

# %%
# With ``warm_start=True`` and ``max_iter=1`` every `fit` is one more epoch, on inputs of its own.
# The test samples have no noise.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from sklearn_bp import BayesBPClassifier, BPClassifier

NOISES = (0.0, 0.25, 0.5, 0.75, 1.0)
EPOCHS, REPEATS = 50, 3
X, y = load_digits(return_X_y=True)
X = scale(X)


def test_error(estimator, noise, seed):
    """Train on noisy inputs; return the error on the other half of the samples, in percent."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    rng = np.random.default_rng(seed)
    model = estimator((101, 101), algo="amp", max_iter=1, warm_start=True)
    for epoch in range(EPOCHS):
        noisy = X_train + noise * rng.standard_normal(X_train.shape)
        model.set_params(random_state=EPOCHS * seed + epoch).fit(noisy, y_train)
    return 100 * (1 - model.score(X_test, y_test))


titles = {BPClassifier: "point network", BayesBPClassifier: "average over the posterior"}
errors = {
    title: [[test_error(estimator, noise, seed) for seed in range(REPEATS)] for noise in NOISES]
    for estimator, title in titles.items()
}
for title, found in errors.items():
    print(title, dict(zip(NOISES, np.mean(found, axis=1).round(2).tolist(), strict=True)))

# %%
# Features have a standard deviation of 1. Noise of half of that takes a tenth off the errors of the
# point network and a fifth off those of the average; noise as large as the features themselves
# hides what there is to learn.

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for title, found in errors.items():
    means, deviations = np.mean(found, axis=1), np.std(found, axis=1, ddof=1)
    ax.errorbar(NOISES, means, deviations, label=title, marker="o", capsize=3)
ax.set(xlabel="standard deviation of the noise", ylabel="test error in percent", ylim=(0, None))
ax.set_title(f"digits, {EPOCHS} epochs, means and deviations over {REPEATS} splits")
ax.legend()
plt.show()
