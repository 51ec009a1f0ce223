"""
Noise on the inputs
===================

A network that fits its training samples without an error learns nothing more from them. Gaussian
noise on the inputs, drawn anew in every epoch, keeps the boundaries between classes away from the
samples. Networks with ±1 weights gain most; here they have the settings of the paper's networks
but for more damping.
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

SETTINGS = {
    "algo": "amp",
    "weight_prior": "binary",
    "output_rho": 0.9,
    "damping": 0.9,
    "likelihood_weight": 1.0,
    "label_noise": 0.0,
    "argmax": "pairwise",
}
NOISES = (0.0, 0.25, 0.5, 0.75, 1.0)
EPOCHS, REPEATS = 50, 3
X, y = load_digits(return_X_y=True)
X = scale(X)


def averaged(point, X, y):
    """Make the classifier that averages over the posterior of a point network's weights."""
    bayes = BayesBPClassifier(**point.get_params()).set_params(max_iter=0).fit(X, y)
    return bayes.set_posterior(
        point.weight_fields_,
        point.weight_means_,
        intercept_fields=point.intercept_fields_,
        intercept_means=point.intercept_means_,
        intercept_precisions=point.intercept_precisions_,
    )


def test_errors(noise, seed):
    """Train on noisy inputs; return both errors on the other half of the samples, in percent."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    rng = np.random.default_rng(seed)
    model = BPClassifier((101, 101), max_iter=1, warm_start=True, **SETTINGS)
    for epoch in range(EPOCHS):
        noisy = X_train + noise * rng.standard_normal(X_train.shape)
        model.set_params(random_state=EPOCHS * seed + epoch).fit(noisy, y_train)
    models = model, averaged(model, X_train, y_train)
    return [100 * (1 - one.score(X_test, y_test)) for one in models]


measured = [[test_errors(noise, seed) for seed in range(REPEATS)] for noise in NOISES]
titles = "point network", "average over the posterior"
errors = dict(zip(titles, np.moveaxis(measured, -1, 0), strict=True))
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
