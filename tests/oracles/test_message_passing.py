"""The oracle's step against the golden steps, and what must hold of any step."""

from dataclasses import replace

import numpy as np
import pytest

from .channels import SignActivation
from .golden_steps import SETTINGS, load_golden_step
from .labels import OUTPUTS
from .message_passing import make_layer, pasp_step
from .prediction import bayes_moments, decide, point_activation, sign_probability
from .random_networks import ALGORITHMS, PRIORS, random_case

TRACE_NAMES = {
    "omega": "omega",
    "V": "v",
    "g": "g",
    "gamma": "gamma",
    "x": "x_mean",
    "B": "down_field",
}


def assert_golden(value, expected, mask=True):
    """Within 1e-9 of expected, relative to 1 + |expected|, where the mask is set."""
    excess = np.abs(value - expected) / (1.0 + np.abs(expected))
    assert np.max(excess * mask) < 1e-9


@pytest.mark.parametrize("name", SETTINGS)
def test_golden_step(name):
    case, arrays = load_golden_step(name)
    layers, trace = case.step()
    for depth, (layer, state) in enumerate(zip(layers, trace, strict=True)):
        assert_golden(layer.field, arrays[f"field_out_{depth}"], layer.mask)
        assert_golden(layer.mean, arrays[f"mean_out_{depth}"])
        assert_golden(layer.var, arrays[f"var_out_{depth}"])
        if f"precision_out_{depth}" in arrays:
            assert_golden(layer.precision, arrays[f"precision_out_{depth}"], layer.mask)
        for golden, own in TRACE_NAMES.items():
            if f"trace_{golden}_{depth}" in arrays:
                assert_golden(getattr(state, own), arrays[f"trace_{golden}_{depth}"])


@pytest.mark.parametrize("name", SETTINGS)
def test_golden_predictions(name):
    case, arrays = load_golden_step(name)
    layers, _ = case.step()
    z = point_activation(arrays["X_test"], layers)
    assert_golden(z, arrays["point_activation"])
    np.testing.assert_array_equal(decide(z, case.output), arrays["point_prediction"])
    omega, v = bayes_moments(arrays["X_test"], layers)
    assert_golden(omega, arrays["bayes_omega"])
    assert_golden(v, arrays["bayes_V"])
    if case.output == "sign":
        probability = sign_probability(omega, v)
        np.testing.assert_array_equal(probability >= 0.5, decide(omega, "sign") > 0)


def assert_same_layers(layers, expected, rtol=1e-10):
    for layer, other in zip(layers, expected, strict=True):
        scale = dict(rtol=rtol, atol=rtol)
        np.testing.assert_allclose(layer.field * layer.mask, other.field * other.mask, **scale)
        np.testing.assert_allclose(layer.precision, other.precision, **scale)
        np.testing.assert_allclose(layer.mean, other.mean, **scale)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("seed", range(3))
def test_integer_sample_weights_are_copies(algo, prior, seed):
    settings = dict(activation="sign", n_inner_iter=3, weighted=False)
    case = random_case(seed, algo=algo, prior=prior, **settings)
    counts = np.random.default_rng(seed).integers(0, 4, len(case.X))
    counts[0] = 2
    copies = np.repeat(np.arange(len(case.X)), counts)
    weighted = replace(case, sample_weight=counts.astype(float)).step()[0]
    assert_same_layers(weighted, replace(case, X=case.X[copies], y=case.y[copies]).step()[0])


@pytest.mark.parametrize("algo", ALGORITHMS)
@pytest.mark.parametrize("seed", range(3))
def test_in_one_sweep_a_likelihood_weight_is_a_sample_weight(algo, seed):
    case = random_case(seed, algo=algo, weighted=True, n_inner_iter=1, likelihood_weight=1.0)
    weight = replace(case, sample_weight=0.3 * case.sample_weight)
    assert_same_layers(replace(case, likelihood_weight=0.3).step()[0], weight.step()[0])


@pytest.mark.parametrize("weight", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_without_its_own_term_the_only_sample_meets_the_prior(weight, noise):
    """BP: in every sweep omega is that of the prior's means; AMP: to first order in their moves."""
    rng = np.random.default_rng(6)
    X, layer = rng.standard_normal((1, 400)), make_layer(0.5 * rng.standard_normal((400, 1)))
    options = dict(output="sign", n_inner_iter=4, likelihood_weight=weight, label_noise=noise)
    omega = X @ layer.mean

    def distance(algo):
        _, (state,) = pasp_step(X, np.sign(omega[0]), [layer], algo=algo, **options)
        return np.abs(state.omega - omega).item()

    assert distance("bp") < 1e-12
    assert distance("amp") < 0.01 * distance("mf")


def test_a_cavity_leaves_out_one_copy_of_a_weighted_likelihood():
    """The only sample twice, each of likelihood weight w: one copy meets the other's w x g."""
    X, y, layer, w = np.array([[0.3, -1.1, 0.7]]), np.array([1]), make_layer(np.zeros((3, 1))), 0.4
    options = dict(algo="bp", output="sign", likelihood_weight=w, sample_weight=[2.0])
    _, (first,) = pasp_step(X, y, [layer], n_inner_iter=1, **options)
    _, (second,) = pasp_step(X, y, [layer], n_inner_iter=2, **options)
    one_copy = w * (X[0] * first.g_cav[0, :, 0])
    np.testing.assert_allclose(second.omega.item(), X[0] @ np.tanh(one_copy), rtol=1e-13)


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_no_weight_becomes_less_certain(algo):
    """Labels that contradict a confident network bend upwards: Gamma < 0, and yet G_in >= 0."""
    gammas, gains = [], []
    for seed in range(40):
        settings = dict(algo=algo, prior="gaussian", activation="sign", intercept=True)
        case = random_case(seed, label_noise=0.3, reinforcement=0.0, **settings)
        layers, trace = case.step()
        gammas += [state.gamma.ravel() for state in trace]
        for layer, start, state in zip(layers, case.layers, trace, strict=True):
            kept = start.rho * start.precision
            gains += [(layer.precision - kept).ravel(), state.precision_in.ravel()]
    assert np.concatenate(gains).min() > -1e-12
    assert np.mean(np.concatenate(gammas) < 0) > 0.02
    assert np.mean(np.concatenate(gains) == 0) > 0.005


class FiniteFieldOutput:
    """The sign activation as an output, at the field that a label of noise 0.2 sends."""

    plain_sums = False
    unit_variance = 0.0

    @staticmethod
    def g_gamma(y, omega, v):
        B = (0.5 * np.log(0.8 / 0.2) * y).reshape((-1,) + (1,) * (omega.ndim - 1))
        return SignActivation.g_gamma(B, 0.0, omega, v)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_step_on_noisy_labels_is_one_below_finite_fields(algo, prior, monkeypatch):
    monkeypatch.setitem(OUTPUTS, "finite_field", FiniteFieldOutput)
    for seed in range(3):
        settings = dict(algo=algo, prior=prior, output="sign", label_noise=0.2)
        case = random_case(seed, n_inner_iter=3, **settings)
        expected = replace(case, output="finite_field", label_noise=0.0).step()[0]
        assert_same_layers(case.step()[0], expected)


@pytest.mark.parametrize("output", ["sign", "argmax", "argmax_exact"])
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_step_on_labels_with_hardly_any_noise_is_one_on_hard_labels(algo, output):
    case = random_case(1, algo=algo, output=output, label_noise=0.0)
    layers = case.step()[0]
    assert_same_layers(replace(case, label_noise=1e-200).step()[0], layers)
    moved = replace(case, label_noise=0.05).step()[0]
    assert np.abs(moved[-1].field - layers[-1].field).max() > 1e-3


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("output", ["sign", "argmax"])
def test_bp_and_bpi_coincide_in_one_sweep(prior, output):
    case = random_case(5, algo="bp", prior=prior, output=output, n_inner_iter=1)
    assert_same_layers(case.step("bp")[0], case.step("bpi")[0])


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_an_intercept_is_a_constant_column_with_gaussian_weights(algo):
    case = random_case(2, algo=algo, output="sign", intercept=True, n_inner_iter=3)
    first = replace(case.layers[0], intercept=False)
    columns = np.column_stack([case.X, np.ones(len(case.X))])
    explicit = replace(case, X=columns, layers=(first, *case.layers[1:]))
    assert_same_layers(case.step()[0], explicit.step()[0])
    assert first.gaussian_rows[-1]


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_bias_is_a_hidden_unit_that_is_always_on(algo):
    """A unit that three large inputs hold at +1, each without the other two, is a constant 1."""
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.standard_normal((6, 3)), np.full((6, 3), 1e4)])
    y = rng.choice([-1, 1], 6)
    free, held = np.repeat([True, False], 3)[:, None], np.repeat([False, True], 3)[:, None]
    field, field_above = rng.standard_normal((6, 3)), rng.standard_normal((4, 1))
    mask = np.repeat(free, 3, axis=1)
    above = dict(precision=np.full((4, 1), 2.0), gaussian_rows=np.array([0, 0, 0, 1], bool))
    unit = (
        make_layer(np.hstack([field, 40.0 * held]), mask=np.hstack([mask, held])),
        make_layer(field_above, **above),
    )
    bias = (make_layer(field, mask=mask), make_layer(field_above, intercept=True, **above))
    options = dict(algo=algo, output="sign", n_inner_iter=3)
    with_unit, with_bias = (pasp_step(X, y, layers, **options)[0] for layers in (unit, bias))
    np.testing.assert_allclose(with_unit[1].field, with_bias[1].field, rtol=1e-9)
    np.testing.assert_allclose(with_unit[1].mean, with_bias[1].mean, rtol=1e-9)
    np.testing.assert_allclose(with_unit[0].mean[:, :3], with_bias[0].mean, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_the_order_of_the_samples_does_not_matter(algo):
    case = random_case(8, algo=algo)
    order = np.random.default_rng(0).permutation(len(case.X))
    weight = None if case.sample_weight is None else case.sample_weight[order]
    shuffled = replace(case, X=case.X[order], y=case.y[order], sample_weight=weight)
    assert_same_layers(case.step()[0], shuffled.step()[0], rtol=1e-9)


def test_a_step_leaves_its_arguments_alone():
    case = random_case(3)
    before = [layer.field.copy() for layer in case.layers], case.X.copy()
    case.step()
    for layer, field in zip(case.layers, before[0], strict=True):
        np.testing.assert_array_equal(layer.field, field)
    np.testing.assert_array_equal(case.X, before[1])


def test_a_negative_variance_is_an_error():
    layer = make_layer(np.ones((1, 1)), precision=-np.ones((1, 1)))
    with pytest.raises(FloatingPointError, match="negative variance"):
        pasp_step(np.ones((1, 1)), np.array([1]), [layer], algo="mf", output="sign")
