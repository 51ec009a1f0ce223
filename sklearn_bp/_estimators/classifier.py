"""BPClassifier: the point network of the posterior."""

import numpy as np
from scipy.special import expit, softmax

from ..engine.prediction import add_label_noise, output_scale, point_preactivation
from .base import MessagePassingClassifier
from .diagnosis import warn_of_constant_features
from .documentation import document


@document
class BPClassifier(MessagePassingClassifier):
    """Multilayer perceptron trained by message passing, predicting with its point network.

    Weights are ±1 (or real) and hidden units are signs. Training passes messages on mini-batches;
    the posterior of the weights after one is the prior of the next (Posterior-as-Prior). The
    prediction is that of one deterministic network, whose weights are the signs (or means) of the
    posterior.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    BayesBPClassifier : Averages the prediction over the posterior.
    sklearn.neural_network.MLPClassifier : Gradient descent on real weights.

    References
    ----------
    C. Lucibello, F. Pittorino, G. Perugini, R. Zecchina, "Deep learning via message passing
    algorithms based on belief propagation", Machine Learning: Science and Technology 3, 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_bp import BPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = make_pipeline(StandardScaler(), BPClassifier(random_state=0))
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.93
    True
    """

    def predict_proba(self, X):
        """Compute class probabilities from the point network's output pre-activations.

        With z the pre-activations of the output units and s the root mean square of the norms of
        their weight vectors (for ±1 weights the square root of the number of inputs a unit has),
        the probabilities are the softmax of z / s, or for two classes the logistic function of
        z / s: as many standard deviations as z would have if the inputs were random signs. They
        are a monotone function of the network's output, not the posterior's own uncertainty; for
        that see :class:`BayesBPClassifier`. With label noise ε they become a + b times themselves,
        a = ε/(K − 1) and b = 1 − ε − a for K classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`; rows sum to 1.
        """
        return self._predict_proba(X)

    def _warn_of(self, samples, network):
        """Warn of data that training copes badly with, and that mislead the point network."""
        super()._warn_of(samples, network)
        warn_of_constant_features(samples.X, network)

    @staticmethod
    def _probabilities(network, posterior, X, backend):
        """Compute the softmax of scaled pre-activations."""
        z = point_preactivation(network, posterior, X, backend).astype(np.float64)
        z /= output_scale(network, posterior)
        if z.shape[1] > 1:
            return add_label_noise(network, softmax(z, axis=1))
        z = z[:, 0]
        probabilities = add_label_noise(network, np.column_stack([expit(-z), expit(z)]))
        # sign(0) = +1: where both probabilities round to the same, the positive class has more.
        tied = (z >= 0) & (probabilities[:, 0] >= probabilities[:, 1])
        probabilities[tied, 0] = np.nextafter(probabilities[tied, 1], 0)
        return probabilities
