"""
Digits with ±1 weights
======================

A network of 101 hidden units, every weight a single bit, learns the digits of scikit-learn. The
learning curve comes from the records that :meth:`~sklearn_bp.BPClassifier.fit` leaves, and the
network at the end is compared with perceptrons of real weights.
"""

# %%
# The data are 1797 images of 8 × 8 pixels. Features are standardised.

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.inspection import LearningCurveDisplay, MagnetizationDisplay, PolarizationDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

# %%
# Training. `weight_prior` makes the weights ±1. With `likelihood_weight=1` every sample counts once
# in every epoch, so that they make up their minds; the output layer forgets a little in each step,
# by its `output_rho` below 1. With `early_stopping` a tenth of the samples is set aside, training
# ends when their score has not risen for `n_iter_no_change` epochs, and the best state is kept.
# Every epoch leaves a record in `history_`.

bits = {"weight_prior": "binary", "likelihood_weight": 1.0, "output_rho": 0.9}
stopping = {"early_stopping": True, "n_iter_no_change": 20, "random_state": 0}
model = BPClassifier((101,), **bits, **stopping)
model.fit(X_train, y_train)
pd.DataFrame(model.history_).set_index("epoch").round(3).tail()

# %%
# Errors per epoch on the left. Training accuracy is that on each mini-batch before it is learned,
# so it says how the network did on samples that it had not seen in that epoch. On the right, what
# happened to the weights meanwhile: the hidden layer polarises; the output layer, whose
# `output_rho` of 0.9 makes it forget a little in each step, stays undecided.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
LearningCurveDisplay.from_estimator(model, metric="error", ax=left)
PolarizationDisplay.from_estimator(model, ax=right)
plt.show()

# %%
# The same in another view: the means of the weights at the end. Most weights of the hidden layer
# are certain; those of the output layer are not.

MagnetizationDisplay.from_estimator(model)
plt.show()

# %%
# The Bayesian prediction uses what the signs of the weights leave out; its classifier trains in
# the same way. Beside them perceptrons of the same size with real weights.

models = {
    "±1 weights": model,
    "average over their posterior": BayesBPClassifier((101,), **bits, **stopping),
    "real weights": BPClassifier((101,), **stopping),
    "real weights, gradient descent": MLPClassifier((101,), **stopping),
}
errors = {name: 1 - one.fit(X_train, y_train).score(X_test, y_test) for name, one in models.items()}
pd.DataFrame({"test error": errors}).round(4)
