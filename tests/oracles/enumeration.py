"""Exact posterior means of weights of a few values, by enumeration of all, on tiny networks.

What message passing can be asked to reproduce. The package's BP is *relaxed*: a message is the
first-order term of the true one in the strength of its edge, epsilon = |m x| / √V, and the sum over
the other edges is taken as Gaussian. So there is no network with ±1 weights on which it is exact to
rounding; the exact statements are these, with errors in the message (half the log-odds):

* **A tree** (`tree_case`): one sample, receptive fields that do not overlap, and pre-activations
  whose noise is Gaussian (here: a Gaussian bias). One sweep, forward and back, passes every edge of
  a tree both ways. Relative to the message BP and AMP are exact up to O(epsilon²): halving epsilon
  divides the error by 4. MF is off by the edge's own contribution, O(epsilon): divided by 2.
  More sweeps are not meant here: V and Gamma are not cavity quantities, and the bias is not weak.
* **A perceptron with Gaussian weights and one sample** (`exact_moments_gaussian_perceptron`):
  omega, V, g and Gamma are exact, to rounding: mean + var x g and var - var² x² Gamma are the
  posterior moments. The mean after the step, H / G, approaches the exact one for BP and AMP as
  the number of inputs grows, to higher order than that of MF.
* **A small perceptron with ±1 weights and several samples** (`perceptron_case`): loops, and edges
  that are not weak; the fixed point of BP is closer to the exact means than that of MF on average.

All of it holds for labels that may be wrong too: P(y | weights) = a + b P(the network says y), and
the exact posterior weighs configurations by it. One exception: where Gamma < 0, G_in is held at 0,
which the own terms of BP and AMP do not know; their means of Gaussian weights stay apart from the
exact ones then. A likelihood weight has no exact counterpart: a hard likelihood to any power is
itself.
"""

from itertools import product

import numpy as np
from scipy.integrate import quad

from .cases import StepCase
from .channels import log_gaussian_tail
from .labels import label_chances, log_label_probability
from .message_passing import V_FLOOR, make_layer, with_constant
from .priors import PRIORS

MAX_ENUMERATED = 2**20


def _configurations(n, prior="binary"):
    """All vectors of n values that the prior's weights can have, (their number, n)."""
    values = np.array(PRIORS[prior].values, dtype=float)
    size = len(values)
    if size**n > MAX_ENUMERATED:
        raise ValueError(f"{n} weights are too many to enumerate (at most {MAX_ENUMERATED} ways).")
    return values[np.arange(size**n)[:, None] // size ** np.arange(n) % size]


def _posterior_means(configurations, log_weight):
    weight = np.exp(log_weight - log_weight.max())
    return weight @ configurations / weight.sum()


def exact_marginals_perceptron(X, y, field, label_noise=0.0):
    """Posterior means (N,) of ±1 weights w with prior exp(field · w) and labels sign(X w).

    The network's answer is that of the sign output at V = 1e-8: a step, 1/2 on a tie.
    """
    w = _configurations(X.shape[1])
    log_z = log_gaussian_tail(-(w @ X.T) * y / np.sqrt(V_FLOOR))
    log_likelihood = log_label_probability(log_z, *label_chances(label_noise, 2))
    return _posterior_means(w, w @ field + log_likelihood.sum(axis=1))


def _unit_log_probability(layer, weights, x):
    """log P(z > 0) and log P(z < 0) of the layer's units, (configurations, K), at inputs x (N,).

    The Gaussian rows are integrated out: they give z a mean and a variance.
    """
    gaussian = layer.gaussian_rows
    noise_mean = x[gaussian] @ (layer.mask * layer.mean)[gaussian]
    noise_var = x[gaussian] ** 2 @ layer.var[gaussian] + V_FLOOR
    z = np.einsum("i,cik->ck", x[~gaussian], weights[:, ~gaussian]) + noise_mean
    ratio = z / np.sqrt(noise_var)
    return log_gaussian_tail(-ratio), log_gaussian_tail(ratio)


def _log_network(case, weights):
    """log P(the network says y | weights), summed over the states of a hidden layer if there is."""
    X, y = case.X, case.y
    first, last = case.layers[0], case.layers[-1]
    x = with_constant(first, X, 1.0)[0]
    up, down = _unit_log_probability(first, weights[0], x)
    if len(case.layers) == 1:
        return (up if y[0] > 0 else down)[:, 0]
    terms = []
    for state in product([1.0, -1.0], repeat=up.shape[1]):
        hidden = np.array(state)
        log_hidden = np.where(hidden > 0, up, down).sum(axis=1)
        x_above = with_constant(last, hidden[None, :], 1.0)[0]
        out = _unit_log_probability(last, weights[1], x_above)[0 if y[0] > 0 else 1][:, 0]
        terms.append(log_hidden + out)
    return np.logaddexp.reduce(terms, axis=0)


def exact_marginals(case):
    """Posterior means of all weights of a case with one sample and at most one hidden layer.

    All of them have the first layer's prior, of a few values. Sign activation and sign output.
    Returns one (N, K) array per layer: 0 where masked, nan for Gaussian rows, which are integrated
    out (possible for one sample only: two would share them).
    """
    if len(case.X) != 1 or len(case.layers) > 2 or case.output != "sign":
        raise ValueError("Enumeration takes one sample, a sign output, at most one hidden layer.")
    free = [layer.mask & ~layer.gaussian_rows[:, None] for layer in case.layers]
    counts = [int(f.sum()) for f in free]
    w = _configurations(sum(counts), case.layers[0].prior)
    weights, start = [], 0
    for layer_free, count in zip(free, counts, strict=True):
        layer_weights = np.zeros((len(w),) + layer_free.shape)
        layer_weights[:, layer_free] = w[:, start : start + count]
        weights.append(layer_weights)
        start += count
    field, precision = (
        np.concatenate(
            [(one.rho * getattr(one, name))[f] for one, f in zip(case.layers, free, strict=True)]
        )
        for name in ("field", "precision")
    )
    noise = label_chances(case.label_noise, 2)
    log_likelihood = log_label_probability(_log_network(case, weights), *noise)
    means = _posterior_means(w, w @ field - 0.5 * w**2 @ precision + log_likelihood)
    results, start = [], 0
    for layer, layer_free, count in zip(case.layers, free, counts, strict=True):
        result = np.where(layer.gaussian_rows[:, None] & layer.mask, np.nan, 0.0)
        result[layer_free] = means[start : start + count]
        results.append(result)
        start += count
    return results


def exact_moments_gaussian_perceptron(x, y, mean, var, label_noise=0.0):
    """Posterior mean and variance (N,) of Gaussian weights given one sample and its label ±1.

    Only z = x · w is observed, so its two moments, by quadrature, carry everything.
    """
    omega, v = x @ mean, x**2 @ var + V_FLOOR
    a, b = label_chances(label_noise, 2)
    sides = ((-np.inf, 0.0), (0.0, np.inf))

    def moment(power):
        def density(z):
            return (z - omega) ** power * np.exp(-0.5 * (z - omega) ** 2 / v)

        minus, plus = (quad(density, *side, epsabs=0.0, epsrel=1e-12)[0] for side in sides)
        says, otherwise = (plus, minus) if y > 0 else (minus, plus)
        return (a + b) * says + a * otherwise

    total = moment(0)
    shift, square = moment(1) / total, moment(2) / total
    gain = var * x / v
    return mean + gain * shift, var - gain * x * var + gain**2 * (square - shift**2)


def tree_case(strength, seed, *, n_hidden=3, n_per_unit=3, label_noise=0.0, prior="binary"):
    """A committee on one sample whose factor graph is a tree; ``strength`` scales every edge.

    Each hidden unit sees its own inputs and a Gaussian bias of variance 1; the output sees the
    hidden units and a Gaussian bias of variance 1 / strength².
    """
    rng = np.random.default_rng(seed)
    n_inputs = n_hidden * n_per_unit
    own = np.repeat(np.eye(n_hidden, dtype=bool), n_per_unit, axis=0)
    layers = []
    for mask, bias_var in ((own, 1.0), (np.ones((n_hidden, 1), dtype=bool), strength**-2)):
        bias = np.ones((1, mask.shape[1]))
        precision = np.vstack([np.ones(mask.shape), bias / bias_var])
        bias_mean = 0.5 * rng.standard_normal(bias.shape) * np.sqrt(bias_var)
        layers.append(
            make_layer(
                np.vstack([rng.standard_normal(mask.shape), bias_mean / bias_var]),
                mask=np.vstack([mask, bias.astype(bool)]),
                precision=precision,
                gaussian_rows=np.r_[np.zeros(len(mask), dtype=bool), True],
                intercept=True,
                prior=prior,
            )
        )
    X = strength * rng.uniform(0.5, 1.0, (1, n_inputs)) * rng.choice([-1.0, 1.0], (1, n_inputs))
    y = rng.choice([-1, 1], 1)
    name = f"tree strength={strength} seed={seed}"
    return StepCase(name, X, y, tuple(layers), label_noise=label_noise)


def message_errors(case, means):
    """Relative error, per layer, of the messages H - theta behind means of ±1 weights.

    ``means`` is one (N, K) array per layer; the exact messages are those of `exact_marginals`.
    """
    errors = []
    for layer, mean, exact in zip(case.layers, means, exact_marginals(case), strict=True):
        free = layer.mask & ~layer.gaussian_rows[:, None]
        prior = layer.rho * layer.field[free]
        message, truth = np.arctanh(mean[free]) - prior, np.arctanh(exact[free]) - prior
        errors.append(np.linalg.norm(message - truth) / np.linalg.norm(truth))
    return np.array(errors)


def perceptron_case(
    seed, *, n_features=11, n_samples=8, n_inner_iter=100, damping=0.5, label_noise=0.0
):
    """A perceptron with ±1 weights, labelled by a teacher; many damped sweeps, a weak prior."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    y = np.where(X @ rng.choice([-1.0, 1.0], n_features) > 0, 1, -1)
    layer = make_layer(0.1 * rng.standard_normal((n_features, 1)), damping=damping)
    y = np.where(rng.random(n_samples) < label_noise, -y, y)
    options = dict(n_inner_iter=n_inner_iter, label_noise=label_noise)
    return StepCase(f"perceptron seed={seed}", X, y, (layer,), **options)


def oracle_means(case, algo):
    """Means per layer after the oracle's step by that algorithm."""
    return [layer.mean for layer in case.step(algo)[0]]


def perceptron_errors(cases, algo, means=oracle_means):
    """Mean absolute error of the means of each case, (len(cases),), against enumeration.

    ``means(case, algo)`` gives one (N, K) array per layer: the oracle's, or the engine's.
    """
    errors = []
    for case in cases:
        field = case.layers[0].field[:, 0]
        exact = exact_marginals_perceptron(case.X, case.y, field, case.label_noise)
        errors.append(np.abs(means(case, algo)[0][:, 0] - exact).mean())
    return np.array(errors)
