"""What an algorithm is: the messages it adds to, or puts in place of, the plain sums."""

from dataclasses import dataclass


@dataclass
class NoArrays:
    """Of an algorithm, or a layout, that needs nothing besides the common arrays."""


class Algorithm:
    """Base of the algorithms: hooks that the sweep calls on every layer.

    An algorithm has no state of its own; whatever must last from one sweep to the next lives in
    arrays that it declares in :meth:`arrays`.
    """

    name = ""
    """Key in the registry."""

    def for_layer(self, plain_sums):
        """Choose the algorithm of a layer.

        Parameters
        ----------
        plain_sums : bool
            Whether the layer's factors couple its units, so that B_in and H_in are plain sums.

        Returns
        -------
        Algorithm
            This one, unless it says otherwise.
        """
        return self

    def n_terms(self, layer):
        """Count the arrays of weight-field messages that :meth:`messages` may fill.

        Parameters
        ----------
        layer : Layer
            The weight layer.

        Returns
        -------
        int
            At least 1.
        """
        return 1

    def arrays(self, layer):
        """Say what arrays a mini-batch needs besides the common ones; they become ``layer.own``.

        Parameters
        ----------
        layer : Layer
            The weight layer.

        Returns
        -------
        kind : type
            A dataclass of arrays, see :mod:`sklearn_bp.backends.arrays`.
        sizes : dict of str to int
            Lengths of axes besides ``samples``, ``inputs``, ``units`` and ``weights``.
        """
        return NoArrays, {}

    def preactivation(self, layer, sweep):
        """Turn the plain sum ω of a layer into the algorithm's, in place.

        Parameters
        ----------
        layer : Layer
            The weight layer, its products done.
        sweep : int
            0 in the first sweep of a step.
        """

    def messages(self, layer, sweep):
        """Compute B_in (if the layer has units below) and the terms of H_in.

        Parameters
        ----------
        layer : Layer
            The weight layer, its g and Γ done.
        sweep : int
            0 in the first sweep of a step.

        Returns
        -------
        int
            How many of ``layer.terms`` were filled: H_in = Σ_p (scale · m)^p terms_p.
        """
        raise NotImplementedError

    def after_update(self, layer, sweep):
        """Finish a layer's backward pass, its weights updated.

        Parameters
        ----------
        layer : Layer
            The weight layer.
        sweep : int
            0 in the first sweep of a step.
        """
