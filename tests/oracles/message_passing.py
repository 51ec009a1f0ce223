"""One Posterior-as-Prior step, written from the method page with every edge explicit.

Arrays follow the package's layout: a sample is a row, weights are (n_in, n_out), an edge tensor is
(M, N, K). Nothing is fused, hoisted or approximated, and each algorithm reads like its equations.

What the page leaves open, and what holds here. The golden steps settle:

* Damping takes the mean of the previous sweep, not that of the start of the step, on edges too.
* AMP's terms with one (t-1) factor use the current m, sigma, x, g beside it; the g of B_in and H_in
  is the current sweep's, the g(t-1) in omega that of the sweep before.
* sigma is the variance of that member of the prior's family which has the damped mean and the
  undamped G: 1 - m² of ±1 weights, at the start of the step too, where m is not tanh H; 1 / G of
  Gaussian ones.
* The plain sums of the argmax layer: no cavity mean and no cavity g in it for BP and BPI; with AMP
  they are the sums B_in and H_in only, omega keeps all three of its corrections.
* The reported g and Gamma are those at the full omega; B_l is the last backward sweep's, x_l the
  last forward sweep's.

No golden step can tell about these; here the literal reading holds:

* In the first sweep the H of "r H" is the field the previous step ended with, not theta = rho H
  (the golden steps with reinforcement have rho = 1); G likewise.
* In the first sweep the (t-1) values do not matter: each of them comes with g(t-1) = 0.
* The unit that carries the constant 1 is data in every layer: x(t-1) = 1, Delta = 0.
* A sample of weight w is w copies of it: its terms in H_in and G_in count w times, and a cavity
  leaves out one of the copies. So a weight of 0 is no sample at all, whatever is done to it.
* The likelihood weight w multiplies H_in and G_in, and nothing else that BP, BPI or MF sums. BP's
  cavity mean leaves out what its edge put in: mean(H_ki - w x g, G), w times one copy. AMP expands
  that mean, m - w sigma x g, so that w stands beside sigma in each term of omega and B_in that
  sigma (t-1) values come with; all of H_in is multiplied.
* Labels may be wrong: ``labels.py``. The rule holds at the cavity arguments of BP and BPI too.
* G_in is at least 0 in each Gaussian weight, after the sum over samples, as the page says; so is
  A_in in each unit: below it, a Gaussian belief has no variance. Three values have a distribution
  at any G.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .channels import ACTIVATIONS
from .labels import NoisyOutput
from .priors import PRIORS

V_FLOOR = 1e-8
MIN_PRECISION = 1e-6


@dataclass(frozen=True)
class OracleLayer:
    """The weights between two layers of units: what one step starts from and what it returns.

    ``field``, ``precision``, ``mean`` and ``mask`` are (N, K). Rows in ``gaussian_rows`` (N,) have
    Gaussian weights, the others those of ``prior``; the precision of ±1 weights carries no meaning.
    With ``intercept`` the last of the N rows belongs to a constant input of 1.
    """

    field: np.ndarray
    mean: np.ndarray
    mask: np.ndarray
    precision: np.ndarray
    gaussian_rows: np.ndarray
    rho: float = 1.0
    damping: float = 0.0
    intercept: bool = False
    prior: str = "binary"

    @property
    def precise_rows(self):
        """Rows whose weights have a precision (N,)."""
        return self.gaussian_rows | PRIORS[self.prior].has_precision

    def by_row(self, name, *arrays):
        """What a function of each row's prior says, 0 where masked."""
        rows, others, gaussian = (
            self.gaussian_rows[:, None],
            getattr(PRIORS[self.prior], name),
            getattr(PRIORS["gaussian"], name),
        )
        return self.mask * np.where(rows, gaussian(*arrays), others(*arrays))

    @cached_property
    def var(self):
        """sigma, 0 where masked."""
        bounded = np.where(self.gaussian_rows[:, None], 0.0, self.mean)
        safe = np.where(self.precise_rows[:, None], self.precision, 1.0)
        return self.by_row("var", bounded, safe)

    def mean_of(self, field, precision):
        """mean(H, G), per row prior; broadcasts over a leading sample axis."""
        return self.by_row("mean", field, precision)


def make_layer(field, *, mean=None, mask=None, precision=None, gaussian_rows=None, **settings):
    """An `OracleLayer` with the obvious fillings: mean from the field, no mask, all weights ±1.

    ``gaussian_rows`` may be a bool for all rows; by default rows are Gaussian if and only if a
    ``precision`` is given. Other ``settings`` are the layer's.
    """
    field = np.asarray(field, dtype=float)
    if gaussian_rows is None:
        gaussian_rows = precision is not None
    gaussian_rows = np.broadcast_to(np.asarray(gaussian_rows, dtype=bool), field.shape[:1])
    mask = np.ones(field.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    precision = np.ones(field.shape) if precision is None else np.asarray(precision, dtype=float)
    layer = OracleLayer(field, field, mask, precision, gaussian_rows, **settings)
    mean = layer.mean_of(field, precision) if mean is None else np.asarray(mean, dtype=float) * mask
    return replace(layer, mean=mean)


@dataclass
class LayerTrace:
    """Everything about one layer in the last sweep; names as in the method page's notation.

    ``x_mean``, ``x_var``, ``down_field`` and ``down_precision`` belong to the layer's input units,
    the constant one included; ``omega``, ``v``, ``g`` and ``gamma`` to its pre-activations;
    ``field_in`` and ``precision_in`` are H_in and G_in.
    """

    x_mean: np.ndarray = None
    x_var: np.ndarray = None
    x_previous: np.ndarray = None
    x_cav: np.ndarray = None
    omega: np.ndarray = None
    v: np.ndarray = None
    g: np.ndarray = None
    gamma: np.ndarray = None
    g_previous: np.ndarray = None
    g_cav: np.ndarray = None
    down_field: np.ndarray = None
    down_precision: np.ndarray = None
    down_field_cav: np.ndarray = None
    mean_previous: np.ndarray = None
    mean_cav: np.ndarray = None
    field_in: np.ndarray = None
    precision_in: np.ndarray = None


def _pull(layer, likelihood_weight):
    """w sigma: by how much a mean moves with the term x g of one edge, to first order."""
    return likelihood_weight * layer.var


def _start(layer, n_samples):
    """All messages from above are zero, cavity means are the means."""
    n_in, n_out = layer.field.shape
    nodes, units = np.zeros((n_samples, n_in)), np.zeros((n_samples, n_out))
    edges = np.zeros((n_samples, n_in, n_out))
    return LayerTrace(
        x_mean=nodes,
        g=units,
        down_field=nodes,
        down_precision=nodes,
        down_field_cav=edges,
        mean_previous=layer.mean,
        mean_cav=edges + layer.mean,
    )


def with_constant(layer, values, constant):
    """Append the constant unit's column (axis 1 of a node or edge array)."""
    if not layer.intercept:
        return values
    column = np.full(values.shape[:1] + (1,) + values.shape[2:], constant)
    return np.concatenate([values, column], axis=1)


def _read_inputs(state, layer, X):
    """x of the first layer: data, without variance, the same in every sweep and on every edge."""
    state.x_mean = state.x_previous = with_constant(layer, X, 1.0)
    state.x_var = np.zeros_like(state.x_mean)
    state.x_cav = np.repeat(state.x_mean[:, :, None], layer.field.shape[1], axis=2)


def _activate(state, layer, below, activation):
    """x of a hidden layer: the channel's moments, for every unit and (x_cav) every edge."""
    n_hidden = below.omega.shape[1]
    B, A = state.down_field[:, :n_hidden], state.down_precision[:, :n_hidden]
    x_mean, x_var = activation.moments(B, A, below.omega, below.v)
    x_cav, _ = activation.moments(
        state.down_field_cav[:, :n_hidden],
        A[:, :, None],
        below.omega[:, :, None],
        below.v[:, :, None],
    )
    state.x_previous = with_constant(layer, state.x_mean[:, :n_hidden], 1.0)
    state.x_mean = with_constant(layer, x_mean, 1.0)
    state.x_var = with_constant(layer, x_var, 0.0)
    state.x_cav = with_constant(layer, x_cav, 1.0)


def _propagate(state, layer, rule, likelihood_weight):
    """omega and v of the layer's units."""
    m, sigma = layer.mean, layer.var
    x, delta = state.x_mean, state.x_var
    state.v = delta @ m**2 + x**2 @ sigma + delta @ sigma + V_FLOOR
    if not (np.all(delta >= 0) and np.all(state.v > 0)):
        raise FloatingPointError("A negative variance: the messages have no Gaussian belief.")
    state.g_previous = state.g
    if rule == "bp":
        state.omega = (state.mean_cav * state.x_cav).sum(axis=1)
        return
    state.omega = x @ m
    if rule == "amp":
        g_old, x_old, m_old = state.g_previous, state.x_previous, state.mean_previous
        pull = _pull(layer, likelihood_weight)
        state.omega = (
            state.omega
            - g_old * ((x * x_old) @ pull)
            - g_old * (delta @ (m * m_old))
            + g_old**2 * ((x_old * delta) @ (pull * m_old))
        )


def _measure(state, layer, rule, g_gamma):
    """g and gamma at omega; g without each edge's own contribution for BP and BPI."""
    state.g, state.gamma = g_gamma(state.omega, state.v)
    if rule == "bpi":
        own = layer.mean * state.x_mean[:, :, None]
    elif rule == "bp":
        own = state.mean_cav * state.x_cav
    else:
        state.g_cav = np.repeat(state.g[:, None, :], layer.field.shape[0], axis=1)
        return
    state.g_cav, _ = g_gamma(state.omega[:, None, :] - own, state.v[:, None, :])


def _send_down(state, layer, rule, likelihood_weight):
    """B and A of the layer's inputs."""
    m, sigma = layer.mean, layer.var
    g, gamma, x = state.g, state.gamma, state.x_mean
    state.down_precision = np.maximum(0.0, gamma @ (m**2 + sigma).T - g**2 @ sigma.T)
    terms = (state.mean_cav if rule == "bp" else m) * state.g_cav
    state.down_field = terms.sum(axis=2)
    state.down_field_cav = state.down_field[:, :, None] - (terms if rule == "bp" else 0.0 * terms)
    if rule == "amp":
        g_old, x_old = state.g_previous, state.x_previous
        pull = _pull(layer, likelihood_weight)
        state.down_field = (
            state.down_field
            + x * (gamma @ (m**2).T)
            - x_old * ((g * g_old) @ pull.T)
            - x * x_old * ((g_old * gamma) @ (pull * m).T)
        )


def _collect(state, layer, rule, weight):
    """H_in and G_in: what the mini-batch says about the weights, samples counted by ``weight``.

    A mini-batch never makes a Gaussian weight less certain: G_in >= 0.
    """
    m, m_old = layer.mean, state.mean_previous
    x, delta, g, gamma = state.x_mean, state.x_var, state.g, state.gamma
    w = weight[:, None]
    precision_in = (w * (x**2 + delta)).T @ gamma - (w * delta).T @ g**2
    state.precision_in = np.where(
        layer.gaussian_rows[:, None], np.maximum(0.0, precision_in), precision_in
    )
    x_edge = state.x_cav if rule == "bp" else x[:, :, None]
    state.field_in = (weight[:, None, None] * x_edge * state.g_cav).sum(axis=0)
    if rule == "amp":
        g_old = state.g_previous
        state.field_in = (
            state.field_in
            + m * ((w * x**2).T @ gamma)
            - m_old * ((w * delta).T @ (g * g_old))
            - m * m_old * ((w * delta * x).T @ (g_old * gamma))
        )


def _update(state, layer, prior, rule, reinforcement, likelihood_weight):
    """The layer with its new field, precision and damped means; the cavity means alike."""
    keep = layer.damping
    field = state.field_in + reinforcement * layer.field + prior.rho * prior.field
    precision = state.precision_in + reinforcement * layer.precision + prior.rho * prior.precision
    gaussian = layer.gaussian_rows[:, None]
    precision = np.where(gaussian, np.maximum(MIN_PRECISION, precision), precision)
    precision = np.where(layer.precise_rows[:, None], precision, 1.0)
    state.mean_previous = layer.mean
    if rule == "bp":
        own = likelihood_weight * state.x_cav * state.g_cav
        state.mean_cav = keep * state.mean_cav + (1.0 - keep) * layer.mean_of(
            field - own, precision
        )
    mean = keep * layer.mean + (1.0 - keep) * layer.mean_of(field, precision)
    return replace(layer, field=field, precision=precision, mean=mean)


def _channel_above(states, depth, y, activation, output):
    """(omega, v) -> (g, gamma) of the channel above the layer, at its B and A from above."""
    if depth == len(states) - 1:
        return lambda omega, v: output.g_gamma(y, omega, v)
    above = states[depth + 1]

    def g_gamma(omega, v):
        n_units = omega.shape[-1]
        shape = (len(omega),) + (1,) * (omega.ndim - 2) + (n_units,)
        B = above.down_field[:, :n_units].reshape(shape)
        A = above.down_precision[:, :n_units].reshape(shape)
        return activation.g_gamma(B, A, omega, v)

    return g_gamma


def _rules(algo, n_layers, output):
    """Per layer, the algorithm of its forward and of its backward sums."""
    hidden = [algo] * (n_layers - 1)
    if not output.plain_sums:
        return hidden + [algo], hidden + [algo]
    return hidden + ["amp" if algo == "amp" else "mf"], hidden + ["mf"]


def pasp_step(
    X,
    y,
    layers,
    *,
    algo,
    activation="sign",
    output="argmax",
    n_inner_iter=1,
    reinforcement=0.0,
    sample_weight=None,
    label_noise=0.0,
    likelihood_weight=1.0,
):
    """One Posterior-as-Prior step on the mini-batch (X, y).

    Parameters
    ----------
    X : array (M, N)
    y : array (M,), ±1 for the sign output, class indices for argmax
    layers : sequence of OracleLayer
    algo : {"bp", "bpi", "mf", "amp"}
    activation : {"sign", "relu", "identity"}
    output : {"sign", "argmax", "argmax_exact"}
    n_inner_iter : int, sweeps
    reinforcement : float
    sample_weight : array (M,) or None
    label_noise : float in [0, 1), the chance that a label is another class's
    likelihood_weight : float > 0, how many times the mini-batch counts

    Returns
    -------
    layers : list of OracleLayer, the posterior
    trace : list of LayerTrace, the last sweep

    Raises
    ------
    FloatingPointError
        If a variance is negative or not a number.
    """
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    activation, output = ACTIVATIONS[activation], NoisyOutput(output, label_noise)
    priors, layers = list(layers), list(layers)
    last = len(layers) - 1
    forward_rules, backward_rules = _rules(algo, len(layers), output)
    states = [_start(layer, len(X)) for layer in layers]
    for _ in range(n_inner_iter):
        for depth, (state, layer) in enumerate(zip(states, layers, strict=True)):
            if depth == 0:
                _read_inputs(state, layer, X)
            else:
                _activate(state, layer, states[depth - 1], activation)
            _propagate(state, layer, forward_rules[depth], likelihood_weight)
        states[last].v = states[last].v + output.unit_variance
        for depth in range(last, -1, -1):
            state, layer, rule = states[depth], layers[depth], backward_rules[depth]
            _measure(state, layer, rule, _channel_above(states, depth, y, activation, output))
            _send_down(state, layer, rule, likelihood_weight)
            _collect(state, layer, rule, likelihood_weight * weight)
            layers[depth] = _update(
                state, layer, priors[depth], rule, reinforcement, likelihood_weight
            )
    return layers, states
