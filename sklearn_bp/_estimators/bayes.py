"""BayesBPClassifier: predictions averaged over the posterior."""

from ..engine.prediction import bayes_moments, class_probabilities
from .base import MessagePassingClassifier
from .documentation import document


@document
class BayesBPClassifier(MessagePassingClassifier):
    """Multilayer perceptron trained by message passing, averaging over its weights' posterior.

    Trained as :class:`BPClassifier`. The prediction is that of all networks of the posterior
    together, in one forward pass of means and variances.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    BPClassifier : Predicts with one deterministic network.

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
    >>> from sklearn_bp import BayesBPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = make_pipeline(StandardScaler(), BayesBPClassifier(random_state=0))
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.95
    True
    """

    def predict_proba(self, X):
        """Compute class probabilities averaged over the posterior.

        Means and variances of the pre-activations go through the network layer by layer, as in
        the forward pass of training with no message from above. Of the last ones ω and V follow
        P(z > 0) = 1 − H(ω/√V) for two classes and P(argmax z = c) by quadrature for more, the
        pre-activations taken as independent Gaussians. With label noise ε a probability P becomes
        a + b P, a = ε/(K − 1) and b = 1 − ε − a for K classes.

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

    @staticmethod
    def _probabilities(network, posterior, X, backend):
        """Compute P(z > 0) or P(argmax z = c) from the propagated moments."""
        omega, v = bayes_moments(network, posterior, X, backend)
        return class_probabilities(network, omega, v, backend)
