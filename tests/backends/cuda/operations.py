"""One small call of every operation that backends share, for comparing two backends.

A case is a list of arguments: host arrays, which a backend gets as its own, everything else as it
is. Shapes are no multiples of any block's.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.channels import ACTIVATIONS, OUTPUTS
from sklearn_bp.priors import PRIORS

N_SAMPLES, N_INPUTS, N_UNITS = 9, 5, 6


@dataclass(frozen=True)
class Counter:
    """Stands for a counter of bad numbers, or a sum over samples, of a record of the backend's."""

    name: str = "bad"


class Draw:
    """Random arrays of one type."""

    def __init__(self, dtype, seed=0):
        self.rng, self.dtype = np.random.default_rng(seed), np.dtype(dtype)

    def any(self, *shape):
        """Numbers around zero."""
        return self.rng.standard_normal(shape).astype(self.dtype)

    def positive(self, *shape):
        """Numbers from 0.3 to 2."""
        return self.rng.uniform(0.3, 2.0, shape).astype(self.dtype)

    def mean(self, *shape):
        """Numbers in (-1, 1)."""
        return self.rng.uniform(-0.99, 0.99, shape).astype(self.dtype)

    def labels(self, output):
        """Labels of that output."""
        if OUTPUTS[output].factorized:
            return self.rng.choice([-1.0, 1.0], N_SAMPLES).astype(self.dtype)
        return self.rng.integers(N_UNITS, size=N_SAMPLES).astype(np.int32)


M, N, K = N_SAMPLES, N_INPUTS, N_UNITS
SUMS = ["correct", "log_probability", "doubts"]
"""What a record adds up over samples."""

NOISES = {"certain": 0.0, "noisy": 0.2}


def _channel_cases(d):
    for name, channel in ACTIVATIONS.items():
        messages = d.any(M, N + 1), d.positive(M, N + 1)
        outputs = d.any(M, N + 1), d.any(M, N + 1), d.any(M, N + 1), d.any(M)
        yield name, "moments", [channel, d.any(M, N), d.positive(M, N), *messages, *outputs]
        inputs = d.any(M, K), d.positive(M, K), d.any(M, K), d.positive(M, K)
        yield name, "g_gamma", [channel, *inputs, d.any(M, K), d.any(M, K)]
        yield name, "point", [channel, d.any(M, K), d.any(M, K)]
        parameters = d.any(M, K), d.positive(M, K), d.positive(M, K), d.any(3, M, K)
        yield name, "edge_parameters", [channel, *parameters]
        below = d.positive(M, N + 1), d.any(M, N), d.positive(M, N)
        yield name, "update_x_cav", [channel, d.any(M, N + 1, K), *below, d.any(M, N + 1, K)]
    yield "", "argmax_probabilities", [d.any(M, K).astype(float), d.positive(M, K).astype(float)]


def _label_cases(d):
    """Labels of one unit and of several, certain ones and others."""
    for name, output in OUTPUTS.items():
        if not output.factorized:
            inputs = d.labels(name), d.any(M, K), d.positive(M, K)
            outputs = d.any(M), d.any(M, K), d.any(M, K)
            yield name, "argmax_g_gamma", [output, *inputs, *outputs, True]
            yield f"{name} product", "argmax_g_gamma", [output, *inputs, *outputs, False]
            continue
        for width in (1, 3):
            inputs = d.labels(name), d.any(M, width), d.positive(M, width)
            yield name, "label_log_z", [output, *inputs, d.any(M)]
    for special, noise in NOISES.items():
        noise = np.array([noise], d.dtype)
        for name in (name for name, output in OUTPUTS.items() if output.factorized):
            messages = d.any(M, 2), d.any(M, 2)
            yield special, "label_messages", [OUTPUTS[name], d.labels(name), noise, *messages]
            each = noise * d.positive(M)
            yield special, "label_messages", [OUTPUTS[name], d.labels(name), each, *messages]
        likely = np.log(d.positive(M) / 2), np.log(d.positive(M) / 2)
        yield special, "judge_noise", [noise, *likely, d.any(M)]
        log_z = np.log(d.positive(M) / 2)
        yield special, "soften_labels", [log_z, noise, K - 1, d.any(M, K), d.positive(M, K)]
        sums = Counter("log_probability"), Counter("doubts")
        yield special, "score_labels", [log_z, noise, K - 1, d.positive(M), *sums]


LABELLED = {f"{name} label": output for name, output in OUTPUTS.items() if output.factorized}
CHANNELS = ACTIVATIONS | {name: output.activation for name, output in LABELLED.items()}
"""Activations below units above, and below labels."""


def draw_edge_parameters(name, d, n_samples, n_units):
    """Edge parameters (3, M, K) of one of those, labels without noise."""
    parameters = np.empty((3, n_samples, n_units), d.dtype)
    for n in range(n_samples):
        for k in range(n_units):
            message = d.positive(2)
            if name in LABELLED:
                label = LABELLED[name]
                message = label.message(d.labels(label.name)[0], d.dtype.type(0))
            parameters[:, n, k] = CHANNELS[name].edge_parameters(*message, d.positive(1)[0])
    return parameters


def _edge_cases(d):
    for name, channel in CHANNELS.items():
        width = 1 if name in LABELLED else K
        shared = d.any(M, width), draw_edge_parameters(name, d, M, width)
        sums = d.any(M, N), d.any(N, width)
        plain = d.any(M, N), d.mean(N, width), d.positive(M)
        yield name, "edge_sums", [channel, *shared, *plain, *sums]
        cavity = d.any(M, N, width), d.mean(M, N, width), d.positive(M), d.any(M, N, width)
        yield name, "edge_sums_cavity", [channel, *shared, *cavity, *sums]
    yield "", "edge_omega", [d.mean(M, N, K), d.any(M, N, K), d.any(M, K)]
    yield "", "fill_x_cav", [d.any(M, N), d.any(M, N, K)]
    yield "", "fill_m_cav", [d.mean(N, K), d.any(M, N, K)]
    for name, first in product(PRIORS, (0, N - 2)):
        weights = d.any(N, K), d.positive(N - first, K), (d.any(N, K) > 0).astype(d.dtype)
        weights += d.dtype.type(0.4), d.dtype.type(0.8)
        messages = d.any(M, N), d.any(M, N, K), d.mean(M, N, K), d.any(M, N, K)
        yield name, "update_m_cav", [PRIORS[name], *weights, *messages, first]


def _weight_cases(d):
    def arrays(n):
        return [d.any(N, K) for _ in range(n)]

    yield "", "collect_field", [d.any(3, N, K), d.mean(N, K), d.positive(K)]
    numbers = [d.dtype.type(number) for number in (0.625, 0.875, 0.25, 0.75)]
    for prior in PRIORS.values():
        yield from _update_cases(d, prior, numbers)
    yield "", "apply_mask", [(d.any(N, K) > 0).astype(d.dtype), *arrays(2)]
    yield "", "second_moment", [d.mean(N, K), d.positive(N, K), d.any(N, K)]


def _update_cases(d, prior, numbers):
    mean = d.any(N, K) if prior.largest_mean == np.inf else d.mean(N, K)
    old = [d.any(N, K), d.any(N, K), d.any(N, K), d.positive(N, K), d.any(N, K)]
    # In sixty-fourths: precisions that nearly cancel have exact sums in single precision too.
    old = [np.round(64 * array) / 64 for array in [*old, d.positive(N, K)]] + [mean]
    infinite, far = d.any(N, K), old[0].copy()
    infinite[1, 2], infinite[3, 0] = np.inf, np.nan
    far[1, 2], far[3, 0], far[0, 0] = 1e15, -1e14, 1e9
    starts = {"": old, "bad H": [infinite, *old[1:]]}
    if prior.largest_mean == np.inf:
        starts["bad mean"] = [far, *old[1:]]
    if prior.has_precision:
        starts["bad G"] = [old[0], infinite, *old[2:]]
    for name, arrays in starts.items():
        new = [d.any(N, K) for _ in range(4)]
        yield f"{name} {prior.name}", "update", [prior, Counter(), *arrays, *numbers, *new]


def _table_cases(d):
    def arrays(n):
        return [d.any(M, K) for _ in range(n)]

    infinite = d.positive(M, K)
    infinite[2, 1], infinite[5, 3] = np.inf, np.nan
    yield "", "finish_v", [d.positive(M, K), d.positive(M), Counter()]
    yield "bad", "finish_v", [infinite, d.positive(M), Counter()]
    yield "", "finish_v_full", [d.positive(M, K), d.positive(M, K), Counter()]
    yield "bad", "finish_v_full", [infinite.copy(), d.positive(M, K), Counter()]
    yield "", "polynomial_rows", [d.any(M, N), d.positive(M), d.any(3, M, N), d.any(M, N)]
    yield "", "scale_rows", [d.positive(M), *arrays(2)]
    samples = d.positive(M), Counter("correct")
    (omega,) = arrays(1)
    some_right = np.where(np.arange(M) % 2, omega.argmax(axis=1), d.labels("argmax"))
    yield "", "count_argmax", [some_right.astype(np.int32), omega, *samples]
    yield "", "count_sign", [d.labels("sign"), d.any(M, 1), *samples]
    yield "", "multiply", arrays(3)
    yield "", "add_product", arrays(3)
    yield "", "subtract_product", arrays(3)
    yield "", "subtract_from", arrays(2)
    yield "", "add", arrays(2)
    yield "", "add_number", [*arrays(1), 0.5]
    yield "", "subtract_precision", arrays(2)
    yield "", "copy", arrays(2)
    yield "", "fill", [*arrays(1), 3.5]
    yield "", "fill_column", [*arrays(1), 2, 1.5]


def cases(dtype):
    """Yield (what is special, operation, arguments) of every operation."""
    d = Draw(dtype)
    for part in (_channel_cases, _label_cases, _edge_cases, _weight_cases, _table_cases):
        yield from part(d)


CASE_NAMES = [(name, operation) for name, operation, _ in cases("float32")]


def run_case(backend, place, dtype):
    """Call the operation of a case: what it returned, all arrays after it, and the outcome."""
    _, operation, arguments = list(cases(dtype))[place]
    record = backend.step_record(1)
    counters = {"bad": record.counters[0]} | {name: getattr(record, name) for name in SUMS}
    own = []
    for one in arguments:
        if isinstance(one, np.ndarray) and operation != "argmax_probabilities":
            own.append(backend.asarray(one.copy()))
        else:
            own.append(counters[one.name] if isinstance(one, Counter) else one)
    returned = getattr(backend, operation)(*own)
    record.end_step(backend.load_order(np.arange(1)))
    arrays = [
        backend.to_host(device)
        for host, device in zip(arguments, own, strict=True)
        if isinstance(host, np.ndarray) and operation != "argmax_probabilities"
    ]
    return returned, arrays, record.read()


TOLERANCES = {"float64": 1e-12, "float32": 2e-5}
USED_UP = {"polynomial_rows": 2, "collect_field": 0}
"""Places among the arrays of what an operation may leave in any state."""


def assert_same_operation(backend, place, dtype):
    """The operation of a case does on a backend what it does on the CPU."""
    special, operation = CASE_NAMES[place]
    expected, theirs, counted = run_case(CpuBackend(n_threads=1), place, dtype)
    returned, ours, outcome = run_case(backend, place, dtype)
    if expected is not None:
        np.testing.assert_allclose(returned, expected, rtol=1e-11, atol=1e-14)
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if USED_UP.get(operation) == number:
            mine, other = (mine[0], other[0]) if operation == "collect_field" else (0, 0)
        tolerance = TOLERANCES[dtype]
        np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance)
    counts = [one.failure.n_bad if one.failure else 0 for one in (outcome, counted)]
    assert counts == [2 if special.startswith("bad") else 0] * 2
    rtol = 1e-12 if operation.startswith("count") else TOLERANCES[dtype]
    for name, mine, other in zip(SUMS, sums_of(outcome), sums_of(counted), strict=True):
        np.testing.assert_allclose(mine, other, rtol=rtol)
        assert (other != 0) == fills(name, special, operation)


def sums_of(outcome):
    """The sums over samples."""
    return [getattr(outcome, name) for name in SUMS]


def fills(name, special, operation):
    """Whether a case leaves something in a sum."""
    if operation == "score_labels":
        return name == "log_probability" or (name == "doubts" and special == "noisy")
    return name == "correct" and operation.startswith("count")
