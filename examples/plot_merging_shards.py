"""
Learning on shards, and merging
===============================

Data that lie in several places need not come together. In natural parameters a posterior is the
prior plus what the data said, so that workers who started from one prior and learned from
different data can be merged by adding up: :func:`sklearn_bp.merge`. Here joblib runs the workers;
with dask the same takes two more lines.
"""

# %%
# The data, in four shards.

import copy

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, merge

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
shards = np.array_split(np.random.RandomState(0).permutation(X_train.shape[0]), 4)

# %%
# Where it is exact. With mean field (`algo="mf"`) and one step per worker, messages of different
# samples do not see each other, and merging four workers gives what one worker would have found
# with all samples in one mini-batch, up to rounding.

settings = {"algo": "mf", "damping": 0.8, "dtype": "float64", "random_state": 0}
start = BayesBPClassifier((51,), max_iter=0, **settings).fit(X_train, y_train)


def learn(start, rows):
    """Take one step from the start, on the samples of one shard."""
    return copy.deepcopy(start).partial_fit(X_train[rows], y_train[rows])


merged = merge([learn(start, rows) for rows in shards], prior=start)
together = learn(start, np.concatenate(shards))
pairs = zip(merged.weight_fields_, together.weight_fields_, strict=True)
print("largest difference of a field:", max(np.abs(one - other).max() for one, other in pairs))

# %%
# Where it is an approximation. Between two merges a worker takes several steps, in which it does
# not know what the others learn: all of them correct the same mistakes, and the merged network
# corrects them several times over. A round below is `n_steps` mini-batches of 32 samples for every
# worker, and a merge.


def take_steps(model, batches):
    """Let a copy learn mini-batches; it runs in another process or thread."""
    model = copy.deepcopy(model)
    for rows in batches:
        model.partial_fit(X_train[rows], y_train[rows])
    return model


def train_in_rounds(parallel, start, n_steps, n_passes=8):
    """Train on all shards at once; return the test error after each pass over the data."""
    batches = [np.array_split(rows, 10) for rows in shards]
    errors = []
    for _ in range(n_passes):
        for first in range(0, 10, n_steps):
            workers = parallel(
                delayed(take_steps)(start, own[first : first + n_steps]) for own in batches
            )
            start = merge(workers, prior=start)
        errors.append(1 - start.score(X_test, y_test))
    return errors


start = BayesBPClassifier((101,), algo="mf", max_iter=0, random_state=0).fit(X_train, y_train)
with Parallel(n_jobs=2) as parallel:
    curves = {
        f"merged after every {n_steps} steps": train_in_rounds(parallel, start, n_steps)
        for n_steps in (1, 2, 5, 10)
    }

# %%
# Merged after every step, four workers are one worker with mini-batches four times as large.
# After two steps they are nearly as good. After five they learn more slowly, and after a whole pass
# each, they overshoot, forget for some rounds what they knew, and have lost most of the passes. So
# merge often; more damping, and steps that are small against what is known already, allow longer
# rounds.

figure, ax = plt.subplots(layout="constrained")
for name, errors in curves.items():
    ax.plot(range(1, len(errors) + 1), errors, marker=".", label=name)
ax.set(xlabel="passes over the data", ylabel="test error, Bayesian", yscale="log")
ax.legend()
plt.show()

# %%
# With dask installed, the same `Parallel` runs on its workers, here or on other machines:
#
# .. code-block:: python
#
#    import joblib
#    from dask.distributed import Client
#
#    client = Client()
#    with joblib.parallel_config(backend="dask"), Parallel() as parallel:
#        train_in_rounds(parallel, start, n_steps=2)
