"""Random small steps for comparing an implementation with the oracle, and growing ones.

`random_case` draws every setting at once: sizes, algorithm, weight prior, activation, output,
masks, sweeps, reinforcement, intercepts, damping, rho, sample weights, label noise and likelihood
weight. A draw is kept if its step has an answer (every variance positive, every number finite) that
rounding cannot move: far from a fixed point, several sweeps can amplify any difference, and then no
two programs agree.
"""

from dataclasses import replace

import numpy as np

from .cases import StepCase
from .channels import ACTIVATIONS
from .labels import OUTPUTS, has_one_unit
from .message_passing import make_layer
from .priors import PRIORS

ALGORITHMS = ("bp", "bpi", "mf", "amp")
NUDGE, MAX_GROWTH, MAX_SIZE = 1e-11, 30.0, 1e4


def _random_layer(rng, n_inputs, n_units, prior, intercept):
    n_in = n_inputs + intercept
    gaussian_rows = np.full(n_in, prior == "gaussian")
    gaussian_rows[n_inputs:] = True
    density = rng.choice([1.0, rng.uniform(0.3, 0.9)])
    mask = rng.random((n_in, n_units)) < density
    mask[n_inputs:] = True
    precision = n_in * rng.uniform(0.6, 1.5, mask.shape)
    if prior == "ternary":
        precision[:n_inputs] = rng.uniform(-4.0, 4.0, (n_inputs, n_units))
    normal = rng.standard_normal(mask.shape)
    field = np.where(gaussian_rows[:, None], precision / np.sqrt(n_in), 1.0) * normal
    damping = rng.choice([0.0, rng.uniform(0.0, 0.95)])
    layer = make_layer(
        field,
        mask=mask,
        precision=precision,
        gaussian_rows=gaussian_rows,
        rho=rng.choice([1.0, 0.9, rng.uniform(0.8, 1.1)]),
        damping=damping,
        intercept=intercept,
        prior="binary" if prior == "gaussian" else prior,
    )
    # A step that follows another starts from damped means, not from those of the fields.
    return replace(layer, mean=layer.mean * rng.uniform(0.7, 1.0))


def _random_labels(rng, output, n_samples, n_units):
    if has_one_unit(output):
        return rng.choice([-1, 1], n_samples)
    return rng.integers(n_units, size=n_samples)


def _draw(rng, fixed):
    """One StepCase; ``fixed`` holds the settings that are not drawn."""

    def choose(name, options):
        drawn = options[rng.integers(len(options))]
        return fixed.get(name, drawn)

    algo, prior = choose("algo", ALGORITHMS), choose("prior", tuple(PRIORS))
    activation, output = choose("activation", tuple(ACTIVATIONS)), choose("output", tuple(OUTPUTS))
    intercept = choose("intercept", (False, True))
    n_inner_iter = choose("n_inner_iter", (1, 1, 2, 3, 5))
    reinforcement = choose("reinforcement", (0.0, 0.0, 0.3))
    weighted = choose("weighted", (False, False, True))
    label_noise = choose("label_noise", (0.0, 0.0, 1e-6, 0.05, 0.3))
    likelihood_weight = choose("likelihood_weight", (1.0, 1.0, 0.1))
    n_samples, n_layers = rng.integers(1, 13), rng.integers(1, 5)
    sizes = [*rng.integers(1, 13, n_layers), 1 if has_one_unit(output) else rng.integers(2, 6)]
    layers = tuple(
        _random_layer(rng, n_inputs, n_units, prior, intercept)
        for n_inputs, n_units in zip(sizes, sizes[1:], strict=False)
    )
    words = (algo, prior, activation, output, f"sweeps={n_inner_iter}")
    words += (f"noise={label_noise}", f"weight={likelihood_weight}")
    return StepCase(
        " ".join(words),
        rng.standard_normal((n_samples, sizes[0])),
        _random_labels(rng, output, n_samples, sizes[-1]),
        layers,
        algo=algo,
        activation=activation,
        output=output,
        n_inner_iter=n_inner_iter,
        reinforcement=reinforcement,
        sample_weight=rng.choice([0.0, 0.5, 1.0, 1.7, 3.0], n_samples) if weighted else None,
        label_noise=label_noise,
        likelihood_weight=likelihood_weight,
    )


def _answer(case):
    """Every number a comparison may look at, in one vector; nan where there is no answer."""
    try:
        with np.errstate(all="ignore"):
            layers, trace = case.step()
    except FloatingPointError:
        return np.array([np.nan])
    values = []
    for layer, state in zip(layers, trace, strict=True):
        values += [layer.field[layer.mask], layer.precision[layer.mask], layer.mean]
        values += [state.omega, state.v, state.g, state.gamma, state.x_mean]
        values += [state.down_field, state.down_precision]
    return np.concatenate([value.ravel() for value in values])


def is_well_posed(case):
    """Whether the step is finite, of moderate size, and stable against a nudge of everything."""
    answer = _answer(case)
    if not (np.all(np.isfinite(answer)) and np.abs(answer).max() < MAX_SIZE):
        return False
    rng = np.random.default_rng(0)

    def nudged(values):
        return values * (1.0 + NUDGE * rng.uniform(-1.0, 1.0, values.shape))

    layers = tuple(
        replace(layer, field=nudged(layer.field), mean=nudged(layer.mean)) for layer in case.layers
    )
    moved = _answer(replace(case, X=nudged(case.X), layers=layers))
    if moved.shape != answer.shape:
        return False
    return np.max(np.abs(moved - answer) / (1.0 + np.abs(answer))) < MAX_GROWTH * NUDGE


def random_case(seed, **fixed):
    """A well-posed random StepCase, the same for the same arguments.

    ``fixed`` pins any of algo, prior, activation, output, intercept, n_inner_iter, reinforcement,
    weighted, label_noise, likelihood_weight; the rest is drawn.
    """
    for attempt in range(200):
        case = _draw(np.random.default_rng([seed, attempt]), fixed)
        if is_well_posed(case):
            return replace(case, name=f"{case.name} seed={seed}")
    raise ValueError(f"No well-posed case for seed {seed} with {fixed}.")


def wide_case(width, seed, *, n_layers=3, n_samples=32, scale=0.6, n_inner_iter=4, damping=0.0):
    """A ±1 network of that width with a sign output, a teacher's labels and standard-normal X.

    On these AMP approaches BP as 1 / width, in every sweep. It needs two of the settings: damping
    0, since AMP's correction expands the undamped edge means, and the sign output, since the
    argmax layer's sums are plain and no expansion of BP's.
    """
    rng = np.random.default_rng([width, seed])
    sizes = [width] * n_layers + [1]
    X = rng.standard_normal((n_samples, width))
    y = np.where(X @ rng.choice([-1.0, 1.0], width) > 0, 1, -1)
    layers = tuple(
        make_layer(scale * rng.standard_normal(shape), damping=damping)
        for shape in zip(sizes, sizes[1:], strict=False)
    )
    return StepCase(f"width={width} seed={seed}", X, y, layers, n_inner_iter=n_inner_iter)


def field_distance(fields, reference):
    """Relative distance |H_in - reference| / |reference| of one layer's fields."""
    return np.linalg.norm(fields - reference) / np.linalg.norm(reference)
