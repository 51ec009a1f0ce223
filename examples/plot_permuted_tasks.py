"""
Learning task after task
========================

A network that learns one task after another forgets the earlier ones. How fast, is up to `rho`: it
says how much of a step's posterior remains in the next prior. Here a network learns three tasks in
turn, the digits of scikit-learn with their pixels permuted, by
:meth:`~sklearn_bp.BPClassifier.partial_fit` on one mini-batch after another.
"""

# %%
# The tasks. A task is a permutation of the features; the first one leaves them as they are.
# Features are scaled all alike, so that permutations do not change their spread.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from sklearn_bp import BPClassifier
from sklearn_bp.datasets import make_permuted_tasks

X, y = load_digits(return_X_y=True)
X = (X - X.mean()) / X.std()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
tasks = make_permuted_tasks(X, 3, random_state=0)
classes = np.unique(y)


def train_on_all(model, n_epochs=15, n_batches=79):
    """Learn the tasks in turn; return the accuracy on each task after each task."""
    random_state = np.random.RandomState(0)
    accuracy = []
    for task in tasks:
        for _ in range(n_epochs):
            order = random_state.permutation(X_train.shape[0])
            for rows in np.array_split(order, n_batches):
                model.partial_fit(X_train[np.ix_(rows, task)], y_train[rows], classes=classes)
        accuracy.append([model.score(X_test[:, other], y_test) for other in tasks])
    return np.array(accuracy)


# %%
# Three networks of ±1 weights that differ in `rho`, the same in all layers, and one trained by
# gradient descent (Adam) on the same mini-batches. Labels are said to be right: those of a new
# task, which contradict all that the network knows, must not be taken for noise.

settings = {"weight_prior": "binary", "damping": 0.8, "label_noise": 0.0, "random_state": 0}
contenders = {
    f"rho={rho}": BPClassifier((301,), rho=rho, output_rho=rho, **settings)
    for rho in (1.0, 1.0007, 1.003)
}
contenders["MLPClassifier"] = MLPClassifier((301,), random_state=0)
accuracies = {name: train_on_all(model) for name, model in contenders.items()}

# %%
# Accuracy on each task after the last one was learned. With `rho` at 1 the network learns the last
# task best and has lost half of the first. Slightly above 1, weights that a task needs become
# certain before the next task comes, and it remembers; further above, everything is certain after
# the first task, and nothing is left to learn with. The value that balances them depends on how
# many steps a task has.

table = pd.DataFrame(
    {name: accuracy[-1] for name, accuracy in accuracies.items()},
    index=[f"task {number}" for number in range(1, len(tasks) + 1)],
)
table.loc["mean"] = table.mean()
table.round(3)

# %%
# The same as a picture: the accuracy on the first task, after each task.

figure, ax = plt.subplots(layout="constrained")
for name, accuracy in accuracies.items():
    ax.plot(range(1, len(tasks) + 1), accuracy[:, 0], marker="o", label=name)
ax.set(xlabel="tasks learned", ylabel="accuracy on task 1", xticks=range(1, len(tasks) + 1))
ax.axhline(0.1, color="gray", linestyle=":", label="chance")
ax.legend()
plt.show()
