"""
Bayesian probabilities and their calibration
============================================

:class:`~sklearn_bp.BayesBPClassifier` predicts with the whole posterior of the weights,
:class:`~sklearn_bp.BPClassifier` with one network. Both give probabilities; this example looks at
how far they can be trusted, with scikit-learn's own tools.
"""

# %%
# A problem that cannot be solved: which side of a noisy boundary a point lies on. 15 % of all
# labels are wrong, so that nobody should ever be surer than 85 %.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.datasets import load_digits
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, BPClassifier

rng = np.random.RandomState(0)
X = rng.uniform(-1.5, 1.5, size=(6000, 2))
y = (np.sin(2 * X[:, 0]) > X[:, 1]) ^ (rng.random_sample(6000) < 0.15)
X_train, X_test, y_train, y_test = X[:1000], X[1000:], y[:1000], y[1000:]

# %%
# The four contenders; the last one is the Bayesian prediction with its probabilities corrected by
# cross-validation.

settings = {"hidden_layer_sizes": (101,), "random_state": 0}
contenders = {
    "one network": BPClassifier(**settings),
    "Bayesian": BayesBPClassifier(**settings),
    "gradient descent": MLPClassifier((101,), max_iter=1000, random_state=0),
    "Bayesian, calibrated": CalibratedClassifierCV(BayesBPClassifier(**settings), cv=3),
}
for model in contenders.values():
    model.fit(X_train, y_train)

# %%
# How likely a label is wrong, is learned too, by predictions of samples before they are learned. It
# comes out too small: samples come again in every epoch, and some wrong labels have been fitted by
# then.

print(f"learned label noise: {contenders['Bayesian'].label_noise_:.3f}")

# %%
# What they think of the plane. The Bayesian prediction is smooth, because it averages over many
# networks whose boundaries are all straight lines.

figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained", sharey=True)
for (name, model), ax in zip(contenders.items(), axes, strict=True):
    DecisionBoundaryDisplay.from_estimator(
        model,
        X_train,
        response_method="predict_proba",
        grid_resolution=60,
        plot_method="pcolormesh",
        cmap="RdBu",
        vmin=0,
        vmax=1,
        ax=ax,
    )
    ax.set_title(name)
plt.show()

# %%
# Reliability: of the samples given a probability p, how many are of the class?

figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for name, model in contenders.items():
    CalibrationDisplay.from_estimator(
        model, X_test, y_test, n_bins=10, strategy="quantile", name=name, ax=ax
    )
plt.show()

# %%
# The same in numbers, smaller being better except for accuracy.


def summarise(model, X, y):
    """Compute accuracy and two proper scores."""
    probabilities = model.predict_proba(X)
    scores = {
        "accuracy": accuracy_score(y, model.predict(X)),
        "log loss": log_loss(y, probabilities),
    }
    if probabilities.shape[1] == 2:
        scores["Brier score"] = brier_score_loss(y, probabilities[:, 1])
    return scores


pd.DataFrame(
    {name: summarise(model, X_test, y_test) for name, model in contenders.items()}
).T.round(3)

# %%
# On clean data the picture is another one: the digits of scikit-learn, ten classes.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
contenders = {
    "one network": BPClassifier(**settings),
    "Bayesian": BayesBPClassifier(**settings),
    "gradient descent": MLPClassifier((101,), max_iter=400, random_state=0),
}
pd.DataFrame(
    {
        name: summarise(model.fit(X_train, y_train), X_test, y_test)
        for name, model in contenders.items()
    }
).T.round(3)

# %%
# A use of probabilities: leave the least certain digits to a human. Error among those kept, by
# the share given away.

figure, ax = plt.subplots(layout="constrained")
for name, model in contenders.items():
    probabilities = model.predict_proba(X_test)
    wrong = model.predict(X_test) != y_test
    kept_first = np.argsort(-probabilities.max(axis=1), kind="stable")
    errors = np.cumsum(wrong[kept_first]) / np.arange(1, len(wrong) + 1)
    given_away = 1 - np.arange(1, len(wrong) + 1) / len(wrong)
    ax.plot(given_away, errors, label=name)
ax.set(xlim=(0, 0.3), xlabel="share given away", ylabel="error among the rest")
ax.legend()
plt.show()
