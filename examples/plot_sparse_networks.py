"""
Networks with few weights
=========================

With `density` below 1 a random part of the weights is pruned before training starts, and stays
pruned. Where they are pruned matters more than how many: a unit with a handful of ±1 weights, as
here, can say little.
"""

# %%
# The same density in both layers, for two widths. Error bars span three seeds.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
N_SEEDS = 3
settings = {
    "algo": "amp",
    "weight_prior": "binary",
    "output_rho": 0.9,
    "damping": 0.9,
    "likelihood_weight": 1.0,
    "label_noise": 0.0,
    "argmax": "pairwise",
}


def test_errors(width, density):
    """Train with several seeds; return test errors and the number of weights."""
    models = [
        BayesBPClassifier(
            (width,), density=density, max_iter=25, random_state=seed, **settings
        ).fit(X_train, y_train)
        for seed in range(N_SEEDS)
    ]
    n_weights = sum(int(mask.sum()) for mask in models[0].weight_masks_)
    return [1 - model.score(X_test, y_test) for model in models], n_weights


densities = [1.0, 0.5, 0.3, 0.2, 0.1]
figure, ax = plt.subplots(layout="constrained")
for width in (101, 401):
    results = [test_errors(width, density) for density in densities]
    mean = [np.mean(errors) for errors, _ in results]
    spread = [np.ptp(errors) / 2 for errors, _ in results]
    n_weights = [count for _, count in results]
    ax.errorbar(n_weights, mean, spread, marker="o", capsize=3, label=f"{width} hidden units")
ax.set(xlabel="weights that exist", ylabel="test error", xscale="log")
ax.legend()
plt.show()

# %%
# Both curves over the number of weights: at a given number, the narrow network is ahead, since its
# units keep more inputs. Of the wide network half the weights can go at no cost.
#
# One density per layer. The output layer has few weights anyway, and everything goes through it:

layouts = {
    "dense": 1.0,
    "10 % in both layers": 0.1,
    "10 % in the hidden layer": (0.1, 1.0),
    "10 % in the output layer": (1.0, 0.1),
}
rows = {}
for name, density in layouts.items():
    errors, n_weights = test_errors(101, density)
    rows[name] = {"weights": n_weights, "test error": np.mean(errors).round(4)}
pd.DataFrame(rows).T.astype({"weights": int})

# %%
# Pruned weights are exactly zero in `coefs_`, so that a network can be stored as a scipy.sparse
# matrix of signs; `weight_masks_` tells them from weights that are merely undecided.

model = BayesBPClassifier((101,), density=(0.1, 1.0), max_iter=5, random_state=0, **settings)
model.fit(X_train, y_train)
values, counts = np.unique(model.coefs_[0], return_counts=True)
pd.Series(counts, index=values.astype(int), name="weights of the hidden layer")
