"""The expansion of cavity messages on the CPU: bounds, budgets and sums against exact edges."""

import numpy as np
import pytest

from sklearn_bp.algorithms import expansion
from sklearn_bp.algorithms._chebyshev import chebyshev_powers, interpolation
from sklearn_bp.backends.cpu import CpuBackend
from sklearn_bp.channels import ACTIVATIONS, OUTPUTS
from sklearn_bp.engine.engine import Engine
from sklearn_bp.engine.network import make_network
from sklearn_bp.engine.posterior import draw_posterior

CHANNELS = [*ACTIVATIONS, *(name for name, one in OUTPUTS.items() if one.factorized)]
N_SAMPLES, N_UNITS = 40, 50


@pytest.fixture(autouse=True)
def expand_small_layers(monkeypatch):
    """Expand layers of any size."""
    monkeypatch.setattr(expansion, "LEAST_EDGES", 0)


# One pair at a time -----------------------------------------------------------------------------


class Pairs:
    """Pairs of one channel: weak and strong messages, narrow and wide intervals.

    Parameters
    ----------
    name : str
        The channel.
    dtype : str
        Precision.
    """

    def __init__(self, name, dtype):
        rng = np.random.RandomState(0)
        self.backend, self.dtype = CpuBackend(n_threads=1), np.dtype(dtype)
        shape = N_SAMPLES, N_UNITS
        v = 10.0 ** rng.uniform(-2, 3, shape)
        self.omega = (rng.normal(scale=3, size=shape) * np.sqrt(v)).astype(dtype)
        v = v.astype(dtype)
        self.parameters = np.empty((3, *shape), dtype)
        if name in ACTIVATIONS:
            self.channel = ACTIVATIONS[name]
            strength = 10.0 ** rng.uniform(-2, 1.3, shape) * rng.choice([-1, 1], shape)
            precision = 10.0 ** rng.uniform(-3, 1, shape)
            messages = strength.astype(dtype), precision.astype(dtype)
            self.backend.edge_parameters(self.channel, *messages, v, self.parameters)
        else:
            self.channel = OUTPUTS[name]
            y = rng.choice([-1, 1], N_SAMPLES).astype(dtype)
            self.backend.output_edge_parameters(self.channel, y, v, self.parameters)
        # Half-widths are products, so let the widest pair of a sample set its scale.
        self.x_scale = 10.0 ** rng.uniform(-2, 0, N_SAMPLES).astype(dtype)
        self.m_scale = 10.0 ** rng.uniform(-2, 0.5, N_UNITS).astype(dtype)

    def g(self, t):
        """Evaluate g of every pair at positions t of its interval, in double precision."""
        width = np.outer(self.x_scale, self.m_scale).astype(float)
        function = np.vectorize(self.channel.edge_g)
        arguments = [parameter.astype(float) for parameter in self.parameters]
        return np.array([function(self.omega - width * one, *arguments) for one in t])

    def expand(self, degree, allowed):
        """Compute terms, what is kept, what is neglected, and the sum of squared ratios."""
        n_nodes = expansion.n_nodes_for(degree)
        nodes, to_monomial, to_chebyshev = interpolation(n_nodes, degree, self.dtype)
        shape = self.omega.shape
        values, keep = np.empty((n_nodes, *shape), self.dtype), np.empty(shape, self.dtype)
        terms = np.empty((degree + 1, *shape), self.dtype)
        neglected = np.empty((n_nodes - degree - 1, *shape), self.dtype)
        self.backend.node_values(
            self.channel,
            self.omega,
            self.parameters,
            self.x_scale,
            self.m_scale,
            nodes,
            1,
            values,
            keep,
        )
        squares = self.backend.coefficients(
            values,
            to_monomial,
            to_chebyshev,
            np.full(N_SAMPLES, allowed, self.dtype),
            np.full(N_UNITS, np.inf, self.dtype),
            keep,
            terms,
            neglected,
        )
        return terms, keep == 1, neglected, squares


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CHANNELS)
def test_what_is_kept_is_as_accurate_as_allowed(name, dtype):
    """The bound covers the true error at every point of the interval, and is not infinite."""
    pairs, t = Pairs(name, dtype), np.linspace(-1, 1, 41)
    g = pairs.g(t)
    rounding = 30 * np.finfo(dtype).eps * np.abs(g).max(axis=0)
    kept_at_all = 0
    for degree in range(1, expansion.MAX_DEGREE + 1):
        for allowed in (1e-2, 1e-4, 1e-6):
            terms, kept, _, _ = pairs.expand(degree, allowed)
            series = np.polynomial.polynomial.polyval(t, terms.astype(float))
            error = np.abs(np.moveaxis(series, -1, 0) - g).max(axis=0)
            np.testing.assert_array_less(error[kept], (allowed + rounding)[kept])
            kept_at_all += kept.sum()
    assert kept_at_all > N_SAMPLES * N_UNITS


def test_a_higher_degree_keeps_more():
    pairs = Pairs("sign", "float64")
    kept = [pairs.expand(degree, 1e-5)[1].sum() for degree in range(2, expansion.MAX_DEGREE + 1)]
    assert kept == sorted(kept) and kept[0] < kept[-1]


def test_ratios_of_what_is_kept_are_summed():
    """A limit ten times as high makes every ratio ten times as small."""
    pairs = Pairs("sign", "float64")
    _, kept, _, squares = pairs.expand(4, 1e-3)
    _, more_kept, _, smaller = pairs.expand(4, 1e-2)
    assert 0 < squares <= kept.sum()
    assert more_kept.sum() >= kept.sum() and squares / 100 <= smaller


def test_neglected_coefficients_are_the_next_of_the_series():
    pairs = Pairs("sign", "float64")
    _, kept, neglected, _ = pairs.expand(3, np.inf)
    longer = pairs.expand(4, np.inf)[0]
    narrow = (np.outer(pairs.x_scale, pairs.m_scale) < 0.1) & (np.abs(longer[4]) > 1e-12)
    ratio = neglected[0][narrow] * chebyshev_powers(4)[4] / longer[4][narrow]
    assert kept.all() and ratio.size > 20 and abs(np.median(ratio) - 1) < 0.05


# The sums of what is neglected ------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [(2, 3), (4,), (5,)])
def test_neglected_sums_are_those_of_all_edges(degrees):
    rng, shape = np.random.RandomState(1), (6, 5, 4)
    n_samples, n_units, n_inputs = shape
    g, x = rng.normal(size=(n_samples, n_units)), rng.normal(size=(n_samples, n_inputs))
    mean, weight = rng.uniform(-1, 1, (n_inputs, n_units)), rng.uniform(0.5, 2, n_samples)
    neglected = 1e-2 * rng.normal(size=(len(degrees), n_samples, n_units))
    x_scale, m_scale = np.abs(x).max(axis=1), np.abs(mean).max(axis=0)
    x[0, 1] = 50.0
    light = np.where(np.abs(x) < 40, x, 0)
    t = (light / x_scale[:, None])[:, :, None] * (mean / m_scale)
    error = np.zeros(t.shape)
    for q, part in zip(degrees, neglected, strict=True):
        error += part[:, None, :] * np.polynomial.chebyshev.chebval(t, [0] * q + [1])
    fields = np.einsum("ni,n,nik->ik", light, weight, error)
    all_fields = np.einsum("ni,n,nk->ik", light, weight, g)
    messages, all_messages = np.einsum("ik,nik->ni", mean, error), g @ mean.T
    expected = [
        np.linalg.norm(fields) / np.linalg.norm(all_fields),
        np.linalg.norm(messages) / np.linalg.norm(all_messages),
    ]
    shares = [
        CpuBackend(n_threads=1).neglected_share(
            [chebyshev_powers(q) for q in degrees],
            neglected,
            g,
            x,
            40.0,
            x_scale,
            weight,
            mean,
            m_scale,
            down,
        )
        for down in (False, True)
    ]
    assert shares[0] == pytest.approx(expected[0])
    assert shares[1] == pytest.approx(max(expected))


# Whole steps ------------------------------------------------------------------------------------


class Recorder(CpuBackend):
    """A backend that keeps H_in, the last layer's first."""

    def __init__(self):
        super().__init__(n_threads=1)
        self.fields = []

    def update_binary(self, prior, bad, field_in, *arguments):
        self.fields.append(field_in.copy())
        super().update_binary(prior, bad, field_in, *arguments)


class Step:
    """A step of a network that has been trained for a while.

    Parameters
    ----------
    activation, output : str
        Channels.
    dtype : str
        Precision.
    n_samples : int
        Size of the mini-batch.
    largest : float
        Size of some inputs.
    """

    def __init__(
        self, activation="sign", output="argmax", dtype="float64", n_samples=30, largest=1
    ):
        rng, self.n_samples = np.random.RandomState(3), n_samples
        self.options = {"activation": activation, "output": output, "dtype": dtype}
        self.sizes = [60, 50, 40, 1 if output == "sign" else 5]
        X = rng.normal(size=(4 * n_samples, 60))
        X.ravel()[rng.permutation(X.size)[: n_samples // 4]] *= largest
        self.X = X.astype(dtype)
        y = rng.choice([-1, 1], len(X)) if output == "sign" else rng.randint(5, size=len(X))
        self.y = y.astype(dtype) if output == "sign" else y
        self.weight = rng.uniform(0.5, 2, len(X)).astype(dtype)
        network = self.network("exact")
        engine = Engine(network, draw_posterior(network, rng), CpuBackend(n_threads=1))
        for _ in range(5):
            engine.epoch(self.X, self.y, np.arange(len(X)), n_samples)
        self.posterior = engine.posterior()

    def network(self, edges, tolerance=1e-4):
        return make_network(
            self.sizes, algo="bp", edges=edges, edge_tolerance=tolerance, **self.options
        )

    def messages(self, edges, tolerance=1e-4):
        """Take the step; return the layers with cavities, H_in and B_in of each."""
        backend = Recorder()
        engine = Engine(self.network(edges, tolerance), self.posterior, backend)
        engine.step(self.X, self.y, np.arange(self.n_samples), self.weight)
        layers = [layer for layer in engine.layers if not layer.plain_sums]
        fields = backend.fields[::-1][: len(layers)]
        downs = [layer.down_field if layer.has_units_below else None for layer in layers]
        return layers, fields, downs

    def errors(self, tolerance):
        """Relative errors of H_in and B_in of all layers, and the layers."""
        _, exact_fields, exact_downs = self.messages("exact")
        layers, fields, downs = self.messages("auto", tolerance)
        pairs = [*zip(fields, exact_fields, strict=True), *zip(downs, exact_downs, strict=True)]
        return layers, [
            np.linalg.norm(one - exact) / np.linalg.norm(exact)
            for one, exact in pairs
            if one is not None
        ]


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-4, 1e-6])
@pytest.mark.parametrize("activation", ["sign", "relu"])
@pytest.mark.parametrize("output", ["sign", "argmax"])
def test_steps_keep_to_the_tolerance(activation, output, tolerance):
    layers, errors = Step(activation, output).errors(tolerance)
    assert max(errors) <= tolerance
    if tolerance > 1e-6 or activation == "sign":
        assert any(layer.exact_share < 1 for layer in layers)


@pytest.mark.parametrize("n_samples", [1, 7, 100])
def test_mini_batches_of_any_size_keep_to_the_tolerance(n_samples):
    assert max(Step(n_samples=n_samples).errors(1e-4)[1]) <= 1e-4


def test_single_precision_keeps_to_the_tolerance():
    layers, errors = Step(dtype="float32").errors(1e-4)
    assert max(errors) <= 1e-4
    assert all(0 < layer.expansion_degree <= expansion.MAX_DEGREE for layer in layers)


def test_a_tighter_tolerance_takes_a_higher_degree():
    step = Step()
    degrees = [
        [layer.expansion_degree for layer in step.messages("auto", tolerance)[0]]
        for tolerance in (1e-1, 1e-3, 1e-4)
    ]
    assert degrees == [[1, 1], [3, 2], [4, 3]]


def test_marked_pairs_are_summed_exactly(monkeypatch):
    """Where exact edges of a whole layer are dear, a hopeless tolerance marks every pair."""
    monkeypatch.setattr(expansion, "EDGE_COST", 1e9)
    step = Step()
    layers, errors = step.errors(1e-15)
    assert max(errors) < 1e-12
    assert all(layer.expansion_degree > 0 and layer.exact_share == 1 for layer in layers)


def test_heavy_inputs_do_not_widen_all_intervals(monkeypatch):
    step = Step(largest=20)
    layers, errors = step.errors(1e-4)
    assert max(errors) <= 1e-4
    assert 0 < layers[0].exact_share < 0.1
    degree = layers[0].expansion_degree
    monkeypatch.setattr(expansion, "HEAVY_RATIO", np.inf)
    layers, _ = step.errors(1e-4)
    assert (layers[0].expansion_degree, layers[0].exact_share) > (degree, 0.1) or (
        layers[0].exact_share > 0.5
    )


def test_a_degree_whose_neglected_sums_are_too_large_is_raised(monkeypatch):
    monkeypatch.setattr(
        Recorder,
        "neglected_share",
        lambda self, polynomials, *_: np.inf if len(polynomials[0]) < 6 else 0.0,
    )
    layers, _, _ = Step().messages("auto", 1e-2)
    assert [layer.expansion_degree for layer in layers] == [4, 4]


def test_a_layer_that_no_degree_serves_is_summed_exactly(monkeypatch):
    monkeypatch.setattr(Recorder, "neglected_share", lambda self, *_: np.inf)
    step = Step()
    layers, errors = step.errors(1e-4)
    assert [layer.expansion_degree for layer in layers] == [0, 0]
    assert max(errors) == 0 and all(layer.exact_share == 1 for layer in layers)


def test_an_exceeded_budget_raises_the_degree(monkeypatch):
    degrees = [layer.expansion_degree for layer in Step().messages("auto")[0]]
    plain = CpuBackend.coefficients

    def coefficients(self, values, *arguments):
        squares = plain(self, values, *arguments)
        return np.inf if values.shape[0] and arguments[0].shape[0] <= degrees[0] + 1 else squares

    monkeypatch.setattr(Recorder, "coefficients", coefficients)
    raised = [layer.expansion_degree for layer in Step().messages("auto")[0]]
    assert raised[0] == degrees[0] + 1


@pytest.mark.parametrize("degree", [1, 3, 6])
def test_a_fixed_degree_is_used_as_it_is(degree):
    step = Step()
    layers, fields, _ = step.messages(degree)
    assert [layer.expansion_degree for layer in layers] == [degree, degree]
    # The constant input is always summed exactly; no pair is marked.
    assert all(layer.exact_share == 0 for layer in layers)
    exact = step.messages("exact")[1]
    error = np.linalg.norm(fields[1] - exact[1]) / np.linalg.norm(exact[1])
    assert 0 < error < {1: 0.1, 3: 1e-2, 6: 1e-4}[degree]


def test_layers_share_the_tolerance():
    layers = Step().messages("auto", 1e-3)[0]
    assert [expansion.own_tolerance(layer) for layer in layers] == [5e-4, 5e-4]
    with_sign_output = Step(output="sign").messages("auto", 1e-3)[0]
    assert expansion.own_tolerance(with_sign_output[0]) == pytest.approx(1e-3 / 3)
