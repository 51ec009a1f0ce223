"""
How certain, how different, how flat
====================================

Three looks into a network while and after it learns: the polarization of its weights, the overlap
between its units, and its local energy, which is how much worse it gets when weights are flipped
at random.
"""

# %%
# Copies of the network are kept as it learns, by a warm start of a few epochs at a time.

import copy

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BPClassifier
from sklearn_bp.inspection import LocalEnergyDisplay, PolarizationDisplay, overlaps

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

settings = {"weight_prior": "binary", "likelihood_weight": 1.0, "output_rho": 0.9}
model = BPClassifier((101, 101), warm_start=True, max_iter=0, random_state=0, **settings)
snapshots = [copy.deepcopy(model.fit(X_train, y_train))]
model.set_params(max_iter=2)
for _ in range(15):
    snapshots.append(copy.deepcopy(model.fit(X_train, y_train)))
PolarizationDisplay.from_snapshots(snapshots)
plt.show()

# %%
# The polarization :math:`q_0` of the hidden layers climbs: their weights make up their minds. The
# overlap :math:`q_{ab}` of different units stays near zero: they do so in different ways. All
# overlaps of the first layer at the end:

(first, *_) = overlaps(model)
figure, ax = plt.subplots(layout="constrained")
off_diagonal = first[~np.eye(len(first), dtype=bool)]
ax.hist(off_diagonal, bins=50, range=(-1, 1), label="$q_{ab}$ of pairs")
ax.hist(np.diag(first), bins=50, range=(-1, 1), label="$q_{aa}$ of single units")
ax.set(xlabel="overlap", ylabel="count", yscale="log")
ax.legend()
plt.show()

# %%
# Local energy of networks trained with different `rho`, on the training samples. A profile that
# rises late belongs to a solution in a wide, flat region. Weights that were frozen early
# (`rho` well above 1) lie in a narrow one.

figure, ax = plt.subplots(layout="constrained")
for rho in (0.999, 1.0, 1.01, 1.03):
    network = BPClassifier((101, 101), rho=rho, max_iter=30, random_state=0, **settings)
    network.fit(X_train, y_train)
    LocalEnergyDisplay.from_estimator(
        network, X_train, y_train, n_repeats=5, random_state=0, ax=ax, label=f"rho={rho}"
    )
plt.show()
