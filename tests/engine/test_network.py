"""What networks are refused, and what the messages say."""

import numpy as np
import pytest

from sklearn_bp.engine.network import Network, make_network, per_layer
from sklearn_bp.priors import PRIORS

SIZES = [4, 3, 2]


def test_numbers_are_spread_over_the_layers():
    network = make_network(SIZES, rho=0.9, damping=[0.8, 0.0], density=np.array([0.5, 1.0]))
    assert network.rho == (0.9, 0.9)
    assert network.damping == (0.8, 0.0)
    assert network.density == (0.5, 1.0)
    assert network.n_layers == 2 and network.layer_sizes == (4, 3, 2)


def test_rows_of_a_layer():
    with_constant, without = (make_network(SIZES, intercept=one) for one in (True, False))
    assert [with_constant.n_rows(layer) for layer in range(2)] == [5, 4]
    assert [without.n_rows(layer) for layer in range(2)] == [4, 3]
    assert [with_constant.n_precision_rows(0), without.n_precision_rows(0)] == [1, 0]
    gaussian = make_network(SIZES, weight_prior="gaussian")
    assert gaussian.n_precision_rows(1) == 4


def groups(network, layer):
    """What there is of each group of a layer's rows."""
    return [
        (group.prior.name, group.rows, group.precision_rows) for group in network.row_groups(layer)
    ]


def test_rows_are_grouped_by_prior():
    network = make_network([4, 3, 3, 2], weight_prior=["binary", "ternary", "gaussian"])
    assert groups(network, 0) == [
        ("binary", slice(0, 4), None),
        ("gaussian", slice(4, 5), slice(0, 1)),
    ]
    assert groups(network, 1) == [
        ("ternary", slice(0, 3), slice(0, 3)),
        ("gaussian", slice(3, 4), slice(3, 4)),
    ]
    assert groups(network, 2) == [("gaussian", slice(0, 4), slice(0, 4))]
    without = make_network([4, 3], weight_prior="binary", intercept=False)
    assert groups(without, 0) == [("binary", slice(0, 4), None)]


def test_one_prior_for_all_layers_is_one_name():
    assert make_network(SIZES, weight_prior=["ternary", "ternary"]).weight_prior == "ternary"
    names = np.array(["binary", "gaussian"])
    assert make_network(SIZES, weight_prior=names).weight_prior == ("binary", "gaussian")


@pytest.mark.parametrize(
    "names, message",
    [
        (["binary"], "a sequence of 2 names, one per weight layer.*got 1: \\['binary'\\]"),
        (["binary", "other"], "one of .*'ternary'.* in every layer; got \\['binary', 'other'\\]"),
        (["binary", 3], "one of .* in every layer; got"),
    ],
)
def test_priors_of_layers_that_make_no_sense(names, message):
    with pytest.raises(ValueError, match=f"^weight_prior must be .*{message}"):
        make_network(SIZES, weight_prior=names)


def test_only_an_argmax_output_has_plain_sums():
    for output, expected in (("argmax", True), ("argmax_exact", True), ("sign", False)):
        network = make_network(SIZES, output=output)
        assert [network.plain_sums(layer) for layer in range(2)] == [False, expected]


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float32])
def test_dtypes(dtype):
    assert make_network(SIZES, dtype=dtype).dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    "name, value, allowed",
    [
        ("rho", 0.0, r"\(0, inf\)"),
        ("rho", [1.0, -1.0], r"\(0, inf\)"),
        ("rho", np.inf, r"\(0, inf\)"),
        ("rho", np.nan, r"\(0, inf\)"),
        ("damping", 1.0, r"\[0, 1\)"),
        ("damping", [0.5, -0.1], r"\[0, 1\)"),
        ("damping", "0.5", r"\[0, 1\)|3 numbers|2 numbers"),
        ("density", 0.0, r"\(0, 1\]"),
        ("density", [1.0, 1.5], r"\(0, 1\]"),
        ("density", [True, 1.0], r"\(0, 1\]"),
    ],
)
def test_numbers_out_of_range_are_named_with_what_is_allowed(name, value, allowed):
    with pytest.raises(ValueError, match=rf"^{name} must .*{allowed}.*got"):
        make_network(SIZES, **{name: value})


@pytest.mark.parametrize(
    "sizes, output", [([4, 1], "sign"), ([4, 2], "argmax"), ([4, 10], "argmax")]
)
def test_labels_may_be_wrong_as_long_as_they_say_something(sizes, output):
    n_classes = 2 if output == "sign" else sizes[-1]
    most = 1 - 1 / n_classes
    for noise in (0.0, 1e-300, most - 1e-9):
        network = make_network(sizes, output=output, label_noise=noise)
        assert network.n_classes == n_classes and network.has_label_noise == (noise > 0)
    assert make_network(sizes, output=output, learns_label_noise=True).has_label_noise
    for noise in (-1e-9, most, 1.0, np.nan):
        allowed = rf"label_noise must lie in \[0, {most:g}\) with {n_classes} classes.*got"
        with pytest.raises(ValueError, match=allowed):
            make_network(sizes, output=output, label_noise=noise)


@pytest.mark.parametrize("name", ["rho", "damping", "density"])
@pytest.mark.parametrize("n_values", [1, 3])
def test_sequences_have_one_number_per_weight_layer(name, n_values):
    with pytest.raises(ValueError, match=rf"{name}.*sequence of 2 numbers.*got {n_values}"):
        make_network(SIZES, **{name: [0.5] * n_values})


@pytest.mark.parametrize(
    "low_open, high_open, inside", [(False, False, [0.0, 1.0]), (True, True, [0.5, 0.5])]
)
def test_ends_of_a_range(low_open, high_open, inside):
    ends = dict(low_open=low_open, high_open=high_open)
    assert per_layer("name", inside, 2, 0.0, 1.0, **ends) == tuple(inside)
    if low_open:
        for end in (0.0, 1.0):
            with pytest.raises(ValueError, match="name must lie in"):
                per_layer("name", end, 1, 0.0, 1.0, **ends)


@pytest.mark.parametrize(
    "name, known",
    [
        ("algo", "amp.*bp.*bpi.*mf"),
        ("weight_prior", "binary.*gaussian"),
        ("activation", "identity.*relu.*sign"),
        ("output", "argmax.*argmax_exact.*sign"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(name, known):
    with pytest.raises(ValueError, match=rf"^{name} must be one of .*{known}.*got 'other'"):
        make_network(SIZES, **{name: "other"})


@pytest.mark.parametrize("edges", [0, -1, 9, 1.5, True, "exakt", None])
def test_edges_are_a_mode_or_a_degree(edges):
    with pytest.raises(ValueError, match="edges must be 'auto', 'exact' or an integer degree"):
        make_network(SIZES, edges=edges)


@pytest.mark.parametrize("edges", ["auto", "exact", 1, np.int64(8)])
def test_edges_that_make_sense(edges):
    assert make_network(SIZES, edges=edges).edges == edges


def test_every_combination_of_names_makes_a_network():
    for algo in ("bp", "bpi", "mf", "amp"):
        for activation in ("sign", "relu", "identity"):
            for weight_prior in PRIORS:
                names = dict(algo=algo, activation=activation, weight_prior=weight_prior)
                assert isinstance(make_network(SIZES, **names), Network)


def test_a_network_cannot_be_changed():
    with pytest.raises(AttributeError):
        make_network(SIZES).algo = "mf"
