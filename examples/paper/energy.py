"""How much flipping weights costs: the local energy of trained networks with ±1 weights."""

import numpy as np
from settings import PAPER_SETTINGS
from trials import ClassifierTrial

from sklearn_bp import BPClassifier
from sklearn_bp.inspection import local_energy

CERTAIN_FIELD = 20.0
"""Field of a weight that is certain."""


def point_network(weights, classes):
    """Make the estimator of the package that predicts with given ±1 weights.

    Parameters
    ----------
    weights : list of ndarray of shape (n_in, n_out)
        ±1, and 0 where pruned.
    classes : ndarray of shape (n_classes,)
        The labels.

    Returns
    -------
    BPClassifier
        Fitted, without intercepts.
    """
    hidden = tuple(layer.shape[1] for layer in weights[:-1])
    settings = PAPER_SETTINGS | {"fit_intercept": False, "max_iter": 0, "device": "cpu"}
    network = BPClassifier(hidden, **settings)
    network.fit(np.zeros((len(classes), weights[0].shape[0])), classes)
    return network.set_posterior(
        [CERTAIN_FIELD * layer for layer in weights],
        weight_masks=[layer != 0 for layer in weights],
    )


class EnergyTrial(ClassifierTrial):
    """The trial of every classifier, and the local energy on the training samples at the end."""

    def result(self):
        """Measure what is measured only once, at the end."""
        measured = super().result()
        weights = self.state.coefs_
        if not np.isin(weights[0], (-1, 0, 1)).all():
            return measured
        network = point_network(weights, self.state.classes_)
        problem = self.problem
        profile = local_energy(network, problem.X_train, problem.y_train, random_state=self.seed)
        energy = {
            "flip_probabilities": profile.flip_probabilities.tolist(),
            "train_error_percent": 100 * profile.error,
            "added_error_percent": (100 * profile.local_energies_mean).tolist(),
            "deviation_percent": (100 * profile.local_energies_std).tolist(),
        }
        return measured | {"local_energy": energy}
