"""Labels that may be wrong, how well they are predicted, and how often a mini-batch counts."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.labels import OUTPUTS, NoisyOutput, has_one_unit
from oracles.prediction import decide
from oracles.random_networks import ACTIVATIONS, ALGORITHMS, PRIORS, random_case

from sklearn_bp.backends import CpuBackend
from sklearn_bp.engine.engine import Engine

from .running import data_of, engine_after_step, network_of, posterior_of

TOLERANCES = {"float64": 1e-10, "float32": 1e-4}
SUMS = ("correct", "log_probability", "doubts")


def engine_of(case, dtype="float64"):
    return Engine(network_of(case, dtype=dtype), posterior_of(case, dtype), CpuBackend(1))


def scores_of(case):
    """By the oracle, before anything is learned: for every sample what an outcome sums.

    Weights of samples are left to the caller; how many sweeps follow does not matter.
    """
    state = replace(case, n_inner_iter=1).step()[1][-1]
    arguments = case.y, state.omega, state.v
    output = NoisyOutput(case.output, case.label_noise)
    correct = decide(state.omega, case.output) == case.y
    log_probability = output.log_label_probability(*arguments)
    if case.label_noise == 0:
        # Nothing needs the sum over classes.
        log_probability = OUTPUTS[case.output].log_z(*arguments)
    scores = correct, log_probability, output.doubt(*arguments)
    return np.array(scores, float)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("label_noise", [0.0, 0.2])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_outcomes_are_sums_of_what_each_label_scores(algo, output, label_noise, dtype):
    for seed in range(3):
        fixed = dict(algo=algo, output=output, label_noise=label_noise, weighted=seed > 0)
        case = random_case(seed, **fixed)
        scores = scores_of(case)
        weight = 1.0 if case.sample_weight is None else case.sample_weight
        outcome = engine_of(case, dtype).step(*data_of(case, dtype))
        assert outcome.failure is None
        found = [getattr(outcome, name) for name in SUMS]
        rtol = TOLERANCES[dtype]
        np.testing.assert_allclose(found, (weight * scores).sum(axis=1), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_epoch_adds_up_its_steps(output):
    case = random_case(3, output=output, label_noise=0.1, weighted=True)
    whole, single = engine_of(case), engine_of(case)
    X, y, order, weight = data_of(case)
    for _ in range(2):
        steps = [single.step(X, y, order[n : n + 2], weight) for n in range(0, len(X), 2)]
        outcome = whole.epoch(X, y, order, 2, weight)
        for name in SUMS:
            total = sum(getattr(step, name) for step in steps)
            assert getattr(outcome, name) == pytest.approx(total, rel=1e-12)
        assert outcome.doubts > 0


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_the_noise_may_be_another_in_every_step(output, dtype):
    """Only the noise of the step counts, not what the engine began with."""
    case = random_case(5, output=output, label_noise=0.3)
    expected = engine_of(case, dtype)
    engine, other_noise = (engine_of(replace(case, label_noise=1e-6), dtype) for _ in range(2))
    assert engine.label_noise == pytest.approx(1e-6)
    engine.label_noise = 0.3
    assert engine.label_noise == pytest.approx(0.3)
    outcomes = [one.step(*data_of(case, dtype)) for one in (engine, expected)]
    assert outcomes[0] == outcomes[1]
    for mine, other in zip(engine.posterior(), expected.posterior(), strict=True):
        np.testing.assert_array_equal(mine.field, other.field)
    other_noise.step(*data_of(case, dtype))
    assert np.abs(other_noise.posterior()[-1].field - expected.posterior()[-1].field).max() > 1e-3


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_in_one_sweep_a_likelihood_weight_multiplies_the_gains(algo, prior):
    """H and G gain w times what they gain with w = 1."""
    fixed = dict(algo=algo, prior=prior, n_inner_iter=1, reinforcement=0.0, likelihood_weight=1.0)
    for seed in range(4):
        case = random_case(seed, label_noise=0.05, **fixed)
        weighted = replace(case, likelihood_weight=0.3)
        reached = (engine_after_step(one).posterior() for one in (case, weighted))
        for start, one, other in zip(case.layers, *reached, strict=True):
            precise = start.precise_rows
            for name, before in (("field", start.field), ("precision", start.precision[precise])):
                gains = [getattr(each, name) - start.rho * before for each in (one, other)]
                np.testing.assert_allclose(gains[1], 0.3 * gains[0], rtol=1e-9, atol=1e-11)


def test_of_mean_field_a_likelihood_weight_is_a_sample_weight():
    """In any number of sweeps: no message leaves out a sample's own share."""
    for seed in range(4):
        case = random_case(seed, algo="mf", weighted=True, n_inner_iter=3, likelihood_weight=0.3)
        copies = replace(case, likelihood_weight=1.0, sample_weight=0.3 * case.sample_weight)
        reached = (engine_after_step(one).posterior() for one in (case, copies))
        for one, other in zip(*reached, strict=True):
            np.testing.assert_allclose(one.field, other.field, rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(one.mean, other.mean, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("prior", ["binary", "gaussian"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_no_weight_becomes_less_certain(algo, activation, prior, dtype):
    """Labels of overlapping classes contradict each other, and what is known; intercepts' too."""
    n_negative = 0
    fixed = dict(algo=algo, activation=activation, prior=prior, intercept=True)
    for seed in range(8):
        case = random_case(seed, label_noise=0.3, **fixed)
        engine = engine_of(case, dtype)
        X, y, rows, _ = data_of(case, dtype)
        n_classes = max(2, engine.network.layer_sizes[-1])
        for shift in range(3):
            before = engine.posterior()
            labels = y * (-1) ** shift if has_one_unit(case.output) else (y + shift) % n_classes
            engine.step(X, labels, rows)
            for layer, old, new in zip(engine.layers, before, engine.posterior(), strict=True):
                kept = np.asarray(layer.network.rho[layer.index], dtype) * old.precision
                assert np.all(new.precision >= kept * (1 - 4 * np.finfo(dtype).eps))
                n_negative += np.count_nonzero(layer.precision_in < 0)
    # Without the bound some would; hidden units of an identity are sure to gain.
    assert n_negative > 0 or (activation, prior) == ("identity", "binary")
