"""The documentation's examples, registered like the package's own, and twins of what is simple.

Every test over the registries then meets them. A twin is what the oracles know of a name.
"""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

from oracles import channels, labels, priors

from sklearn_bp.channels import ACTIVATIONS, OUTPUTS
from sklearn_bp.priors import PRIORS

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "extending"


def load(name):
    """A module of the examples, by its file's name."""
    spec = importlib.util.spec_from_file_location(f"extending_{name}", EXAMPLES / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values_of(activation):
    """Low and high of an activation of two values; None of any other."""
    values = [{activation.point(side * z) for z in (1e-3, 1.0, 50.0)} for side in (-1, 1)]
    return tuple(value.pop() for value in values) if set(map(len, values)) == {1} else None


def base_of(output):
    """The output that this one is but for its name and the noise of its units."""
    for known in OUTPUTS.values():
        if replace_noise(known, output) and known.name in labels.OUTPUTS:
            return labels.OUTPUTS[known.name]
    return None


def replace_noise(known, output):
    """Whether an output is another one with noise."""
    same = replace(known, name=output.name, unit_variance=output.unit_variance)
    return type(known) is type(output) and vars(same) == vars(output)


def register():
    """Register the examples, and give twins to what has none."""
    for one in (load("leaky_sign").LEAKY_SIGN,):
        ACTIVATIONS[one.name] = one
    for one in (load("probit").PROBIT,):
        OUTPUTS[one.name] = one
    for name, one in ACTIVATIONS.items():
        if name not in channels.ACTIVATIONS:
            assert values_of(one), f"registered and untested: {name} has no twin in tests/oracles"
            channels.ACTIVATIONS[name] = channels.TwoValuedActivation(*values_of(one))
    for name, one in OUTPUTS.items():
        if name not in labels.OUTPUTS:
            base = base_of(one)
            assert base, f"registered and untested: {name} has no twin in tests/oracles"
            labels.OUTPUTS[name] = type(name, (base,), {"unit_variance": one.unit_variance})
    untested = PRIORS.keys() - priors.PRIORS.keys()
    assert not untested, f"registered and untested: {untested} have no twin in tests/oracles"
