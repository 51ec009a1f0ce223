"""What a network is: sizes, channels, priors, algorithm, and the numbers of every layer."""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from ..algorithms import ALGORITHMS
from ..channels import ACTIVATIONS, OUTPUTS
from ..priors import PRIORS, WeightPrior

INTERCEPT_PRIOR = PRIORS["gaussian"]
"""Prior of the weights of the constant input."""

EDGE_MODES = ("auto", "exact")

LARGEST_DEGREE = 8
"""Of an expansion that is asked for by its degree. Coefficients of powers grow like
(1 + √2)^degree: with more, single precision has fewer digits left than the polynomial gives."""


@dataclass(frozen=True)
class RowGroup:
    """Rows of a layer's weight arrays whose weights have one prior.

    Attributes
    ----------
    prior : WeightPrior
        The prior.
    rows : slice
        The rows.
    precision_rows : slice or None
        The same rows in arrays of precisions; None if the prior has no precision.
    """

    prior: WeightPrior
    rows: slice
    precision_rows: slice | None

    def precision(self, precision, substitute):
        """View the group's rows of an array of precisions, or of one in its place.

        Parameters
        ----------
        precision : array of shape (n_precision_rows, n_units)
            Precisions.
        substitute : array of shape (n_rows, n_units)
            What kernels get, and leave alone, where the prior has no precision.

        Returns
        -------
        array
            The rows.
        """
        if self.precision_rows is None:
            return substitute[self.rows]
        return precision[self.precision_rows]


@dataclass(frozen=True)
class Network:
    """Static description of a network and of the message passing on it.

    Attributes
    ----------
    layer_sizes : tuple of int
        Units per layer from the features to the output, without the constant input. There is one
        weight layer less than entries.
    algo : str
        Key of :data:`sklearn_bp.algorithms.ALGORITHMS`.
    weight_prior : str or tuple of str
        Key of :data:`sklearn_bp.priors.PRIORS`; a tuple has one per weight layer, not all alike.
    activation : str
        Key of :data:`sklearn_bp.channels.ACTIVATIONS`.
    output : str
        Key of :data:`sklearn_bp.channels.OUTPUTS`.
    rho, damping, density : tuple of float
        One number per weight layer.
    likelihood_weight : float
        w: H_in and G_in of every step count so many times, above 0.
    label_noise : float
        ε: probability that a label is another class's, in [0, 1 − 1/K); where it is learned, what
        it starts from.
    learns_label_noise : bool
        Whether ε is learned.
    n_inner_iter : int
        Sweeps per PasP step, τ_max.
    reinforcement : float
        r of the sweep's update, in [0, 1).
    init_scale : float
        ε of the start.
    intercept : bool
        Whether every layer has a constant input with Gaussian weights.
    edges : str or int
        Cavity messages of BP and BPI: ``"auto"`` (expanded to `edge_tolerance`), ``"exact"``, or
        the degree of the expansion.
    edge_tolerance : float
        Relative error allowed in the norm of H_in and of B_in when `edges` is ``"auto"``.
    edge_memory_limit : int
        Bytes that messages stored on edges may take (BP with several sweeps).
    dtype : numpy.dtype
        float32 or float64.
    """

    layer_sizes: tuple
    algo: str = "bp"
    weight_prior: str | tuple = "binary"
    activation: str = "sign"
    output: str = "argmax"
    rho: tuple = ()
    damping: tuple = ()
    density: tuple = ()
    likelihood_weight: float = 1.0
    label_noise: float = 0.0
    learns_label_noise: bool = False
    n_inner_iter: int = 1
    reinforcement: float = 0.0
    init_scale: float = 1.0
    intercept: bool = True
    edges: str | int = "auto"
    edge_tolerance: float = 1e-4
    edge_memory_limit: int = 2**31
    dtype: np.dtype = np.dtype("float32")

    @property
    def n_layers(self):
        """Number of weight layers."""
        return len(self.layer_sizes) - 1

    @property
    def n_classes(self):
        """Number of classes K."""
        return max(self.layer_sizes[-1], 2)

    @property
    def has_label_noise(self):
        """Whether labels can be another class's."""
        return self.learns_label_noise or self.label_noise > 0

    def n_rows(self, layer):
        """Inputs of a weight layer, the constant one counted."""
        return self.layer_sizes[layer] + self.intercept

    def prior(self, layer):
        """Prior of a layer's weights, those of the constant input apart."""
        names = self.weight_prior
        return PRIORS[names if isinstance(names, str) else names[layer]]

    def n_precision_rows(self, layer):
        """How many of a layer's rows, the last ones, have weights with a precision."""
        return self.n_rows(layer) if self.prior(layer).has_precision else int(self.intercept)

    def row_groups(self, layer, constant_start=None, n_rows=None):
        """Group a layer's rows by the prior of their weights.

        Parameters
        ----------
        layer : int
            Index of the weight layer.
        constant_start, n_rows : int or None
            First row of the constant input's weights and number of rows; None for those of a
            matrix, where the constant input has the last row.

        Returns
        -------
        list of RowGroup
            One group, or two: an intercept is Gaussian whatever the weights are.
        """
        prior = self.prior(layer)
        start = self.layer_sizes[layer] if constant_start is None else constant_start
        n_rows = self.n_rows(layer) if n_rows is None else n_rows
        parts = [(prior, 0, n_rows)]
        if self.intercept and prior is not INTERCEPT_PRIOR:
            parts = [(prior, 0, start), (INTERCEPT_PRIOR, start, n_rows)]
        skipped = 0 if prior.has_precision else start
        return [
            RowGroup(
                one,
                slice(first, stop),
                slice(first - skipped, stop - skipped) if one.has_precision else None,
            )
            for one, first, stop in parts
        ]

    def largest_product(self, n_samples):
        """Multiply-adds of the largest layer's products, for a number of samples."""
        sizes = [self.n_rows(k) * self.layer_sizes[k + 1] for k in range(self.n_layers)]
        return n_samples * max(sizes)

    def plain_sums(self, layer):
        """Whether a layer's factors couple its units, so that every algorithm uses plain sums."""
        return layer == self.n_layers - 1 and not OUTPUTS[self.output].factorized


def per_layer(name, value, n_layers, low, high, *, low_open=False, high_open=False):
    """Spread a number, or check a sequence of them, over the weight layers.

    Parameters
    ----------
    name : str
        The parameter's name, for messages.
    value : float or sequence of float
        One number for all layers or one per layer.
    n_layers : int
        Number of weight layers.
    low, high : float
        Range allowed.
    low_open, high_open : bool
        Whether the ends are excluded.

    Returns
    -------
    tuple of float
        One number per layer.

    Raises
    ------
    ValueError
        If the length or a number is not allowed; the message names the parameter, what it was
        and what is allowed.
    """
    values = [value] * n_layers if isinstance(value, Real) else list(value)
    allowed = f"{'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"
    if len(values) != n_layers:
        raise ValueError(
            f"{name} must be a number or a sequence of {n_layers} numbers, one per weight layer "
            f"(hidden layers and the output); got {len(values)}: {value!r}."
        )
    for number in values:
        inside = isinstance(number, Real) and not isinstance(number, bool)
        inside = inside and (low < number or (number == low and not low_open))
        inside = inside and (number < high or (number == high and not high_open))
        if not inside:
            raise ValueError(f"{name} must lie in {allowed} in every layer; got {value!r}.")
    return tuple(float(number) for number in values)


def _check_weight_prior(value, n_layers):
    """Check the name of a prior, or a sequence of them; one name if all layers have the same."""
    names = [value] * n_layers if isinstance(value, str) else list(value)
    if len(names) != n_layers:
        raise ValueError(
            f"weight_prior must be a name or a sequence of {n_layers} names, one per weight layer "
            f"(hidden layers and the output); got {len(names)}: {value!r}."
        )
    if not all(isinstance(name, str) and name in PRIORS for name in names):
        raise ValueError(
            f"weight_prior must be one of {sorted(PRIORS)} in every layer; got {value!r}."
        )
    return names[0] if len(set(names)) == 1 else tuple(map(str, names))


def make_network(
    layer_sizes,
    *,
    weight_prior="binary",
    rho=1.0,
    damping=0.8,
    density=1.0,
    dtype="float32",
    edges="auto",
    **options,
):
    """Build a :class:`Network`, spreading per-layer numbers and refusing what makes no sense.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units per layer from the features to the output.
    weight_prior : str or sequence of str
        A key of :data:`sklearn_bp.priors.PRIORS` for every layer, or one per weight layer.
    rho, damping, density : float or sequence of float
        A number for every layer, or one per weight layer; rho > 0, damping in [0, 1), density in
        (0, 1].
    dtype : {"float32", "float64"}
        Precision of all arrays.
    edges : {"auto", "exact"} or int
        How BP and BPI form their cavity messages; an int is a degree, at least 1.
    **options
        The other attributes of :class:`Network`.

    Returns
    -------
    Network
        The description.

    Raises
    ------
    ValueError
        If a value is not allowed, or if the combination has no meaning; the message says what
        would work.
    """
    sizes = tuple(int(size) for size in layer_sizes)
    n_layers = len(sizes) - 1
    _check_edges(edges)
    network = Network(
        layer_sizes=sizes,
        weight_prior=_check_weight_prior(weight_prior, n_layers),
        rho=per_layer("rho", rho, n_layers, 0.0, np.inf, low_open=True, high_open=True),
        damping=per_layer("damping", damping, n_layers, 0.0, 1.0, high_open=True),
        density=per_layer("density", density, n_layers, 0.0, 1.0, low_open=True),
        dtype=np.dtype(dtype),
        edges=edges,
        **options,
    )
    most = 1 - 1 / network.n_classes
    if not 0 <= network.label_noise < most:
        raise ValueError(
            f"label_noise must lie in [0, {most:g}) with {network.n_classes} classes, or labels "
            f"would say less than nothing; got {network.label_noise!r}."
        )
    for name, registry in (
        ("algo", ALGORITHMS),
        ("activation", ACTIVATIONS),
        ("output", OUTPUTS),
    ):
        if getattr(network, name) not in registry:
            raise ValueError(
                f"{name} must be one of {sorted(registry)}; got {getattr(network, name)!r}."
            )
    return network


def _check_edges(edges):
    """Refuse a value of `edges` that is neither a mode nor a degree."""
    is_integer = isinstance(edges, Integral) and not isinstance(edges, bool)
    is_degree = is_integer and 1 <= edges <= LARGEST_DEGREE
    if not is_degree and edges not in EDGE_MODES:
        raise ValueError(
            "edges must be 'auto', 'exact' or an integer degree from 1 to "
            f"{LARGEST_DEGREE}; got {edges!r}."
        )
