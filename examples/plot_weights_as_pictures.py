"""
A tiny network as pictures
==========================

Fifteen hidden units, each a mask of 8 × 8 bits laid over the image of a digit. This is all the
network has, so that it can be printed in full.
"""

# %%
# Training, with ±1 weights that count every sample fully in every epoch, to become certain, and
# without intercepts: what is drawn below is the whole network. A wider spread of the start would
# leave its traces in the pixels that are the same in all images; `init_scale` is small for that
# reason.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_bp import BayesBPClassifier

X, y = load_digits(return_X_y=True)
X = (X - X.mean()) / X.std()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
model = BayesBPClassifier(
    (15,),
    weight_prior="binary",
    likelihood_weight=1.0,
    output_rho=0.9,
    fit_intercept=False,
    init_scale=0.3,
    max_iter=60,
    random_state=0,
).fit(X_train, y_train)
print(f"test accuracy, averaged over the posterior: {model.score(X_test, y_test):.3f}")

# %%
# The means of the weights of each hidden unit: red leans to +1, blue to −1, white is undecided.


def draw(pictures, title):
    """Draw 15 pictures of 8 × 8 pixels in a row of figures."""
    figure, axes = plt.subplots(3, 5, figsize=(7, 4.6), layout="constrained")
    for ax, picture in zip(axes.flat, pictures, strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set_axis_off()
    figure.suptitle(title)
    plt.show()


draw(model.weight_means_[0].T, "means of the weights")

# %%
# Their signs are the network that :class:`~sklearn_bp.BPClassifier` predicts with.

draw(model.coefs_[0].T, "weights of the point network")

# %%
# The output layer adds up the hidden units' votes, one row per class.

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
image = ax.imshow(model.weight_means_[1].T, cmap="RdBu_r", vmin=-1, vmax=1)
ax.set(xlabel="hidden unit", ylabel="digit", yticks=range(10), xticks=range(15))
figure.colorbar(image, ax=ax, label="mean of the weight")
plt.show()

# %%
# One prediction by hand: the image, the signs of the 15 masks' products with it, and the sums of
# their votes.

image = X_test[0]
hidden = np.where(image @ model.coefs_[0] >= 0, 1, -1)
votes = hidden @ model.coefs_[1]
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
left.imshow(image.reshape(8, 8), cmap="gray_r")
left.set_axis_off()
left.set_title(f"label {y_test[0]}")
right.bar(range(10), votes, color=np.where(votes == votes.max(), "tab:red", "tab:gray"))
right.set(xlabel="digit", ylabel="sum of votes", xticks=range(10))
plt.show()
