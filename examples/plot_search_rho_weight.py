"""
Searching over rho and the likelihood weight
============================================

The estimators are scikit-learn's in every respect, so that a search over their parameters is an
ordinary :class:`~sklearn.model_selection.GridSearchCV` over a pipeline. What is worth searching
besides the size of the network are `likelihood_weight` and `rho` of the hidden layers: how much a
sample says, and how much is remembered.
"""

# %%
# `likelihood_weight` is how many times a sample counts in every epoch. The default follows from the
# numbers of classes and epochs; with ten classes and 20 epochs it is 1.
#
# `rho` is the power of a step's posterior that becomes the next step's prior. It acts in every
# step, so its effect grows exponentially with their number: interesting values are close to 1.
#
# The score is the log-loss, which minds how certain predictions are; accuracy hardly changes.

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BPClassifier

X, y = load_digits(return_X_y=True)
model = make_pipeline(StandardScaler(), BPClassifier((51,), max_iter=20, random_state=0))
search = GridSearchCV(
    model,
    {
        "bpclassifier__rho": [0.95, 0.98, 0.99, 0.999, 1.0, 1.001, 1.01],
        "bpclassifier__likelihood_weight": [0.03, 0.1, 0.3, 1.0, 3.0],
    },
    scoring="neg_log_loss",
    cv=3,
    n_jobs=2,
    error_score="raise",
)
search.fit(X, y)
print(search.best_params_, round(search.best_score_, 3))

# %%
# The log-loss over the grid. With a small weight, 20 epochs are too few to learn much; a weight
# above 1 believes a sample more than once at a time, and the network is too certain. Below 1, `rho`
# makes the network forget what it learned more than some 1 / (1 − rho) steps ago: a little of that
# keeps it from certainty. Above 1 it freezes weights before they have seen enough.

results = pd.DataFrame(search.cv_results_)
table = results.pivot(
    index="param_bpclassifier__likelihood_weight",
    columns="param_bpclassifier__rho",
    values="mean_test_score",
)
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
image = ax.imshow(-table, vmin=0.2, vmax=1, cmap="viridis", origin="lower")
ax.set_xticks(range(table.shape[1]), table.columns)
ax.set_yticks(range(table.shape[0]), table.index)
for row, scores in enumerate(table.to_numpy()):
    for column, score in enumerate(scores):
        ax.text(column, row, f"{-score:.3f}", ha="center", va="center", color="white")
ax.set(xlabel="rho", ylabel="likelihood_weight", title="log-loss in 3-fold cross-validation")
figure.colorbar(image, ax=ax)
plt.show()
