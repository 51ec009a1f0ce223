"""Wrong parameters and data: the exact exception, and a message that says what is allowed."""

import re

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

import sklearn_bp
from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp.engine.errors import EdgeMemoryError

from .calls import must_raise, row
from .problems import X, Y, small
from .states import assert_same, state_of

pytestmark = pytest.mark.usefixtures("binary_networks")

CLASSES = [0, 1, 2]


# Parameters: name of the parameter, what is allowed, what it was ------------------------------


def parameter(name, value, *allowed):
    """A parameter that scikit-learn's validation refuses."""
    said = f"'{name}' parameter of BPClassifier must be", f"Got {re.escape(repr(value))} instead"
    return row(f"{name}={value!r:.20}", InvalidParameterError, *said, *allowed, **{name: value})


DEGREE = r"an int in the range \[1, 8\]"
NATURAL = r"an int in the range \[1, inf\)"
BOOLEAN = "'bool'"

PARAMETERS = [
    parameter("hidden_layer_sizes", 0, NATURAL),
    parameter("hidden_layer_sizes", "5", "an array-like or an int"),
    parameter("hidden_layer_sizes", None, "an array-like or an int"),
    parameter("algo", "sgd", "'amp'", "'bp'", "'bpi'", "'mf'"),
    parameter("algo", None, "a str among"),
    parameter("weight_prior", "laplace", "'binary'", "'gaussian'"),
    parameter("activation", "tanh", "'identity'", "'relu'", "'sign'"),
    parameter("rho", 0, r"\(0.0, inf\) or an array-like"),
    parameter("rho", np.nan, r"\(0.0, inf\) or an array-like"),
    parameter("rho", np.inf, r"\(0.0, inf\) or an array-like"),
    parameter("rho", "1", r"\(0.0, inf\) or an array-like"),
    parameter("output_rho", -0.5, r"\(0.0, inf\)"),
    parameter("output_rho", [1.0], r"\(0.0, inf\)"),
    parameter("damping", 1, r"\[0.0, 1.0\) or an array-like"),
    parameter("damping", -0.1, r"\[0.0, 1.0\) or an array-like"),
    parameter("n_inner_iter", 0, NATURAL),
    parameter("n_inner_iter", 1.5, NATURAL),
    parameter("reinforcement", 1, r"\[0.0, 1.0\)"),
    parameter("init_scale", 0, r"\(0.0, inf\)"),
    parameter("density", 0, r"\(0.0, 1.0\] or an array-like"),
    parameter("density", 1.1, r"\(0.0, 1.0\] or an array-like"),
    parameter("argmax", "softmax", "'exact'", "'pairwise'"),
    parameter("fit_intercept", "yes", BOOLEAN),
    parameter("edges", "all", "'auto'", "'exact'"),
    parameter("edges", 0, DEGREE),
    parameter("edges", 9, DEGREE),
    parameter("edge_tolerance", 0, r"\(0.0, inf\)"),
    parameter("edge_memory_limit", -1, r"\[0.0, inf\)"),
    parameter("batch_size", 0, NATURAL),
    parameter("batch_size", "auto", NATURAL),
    parameter("max_iter", -1, r"an int in the range \[0, inf\)"),
    parameter("shuffle", "no", BOOLEAN),
    parameter("tol", -1e-9, r"\[0.0, inf\)"),
    parameter("n_iter_no_change", 0, NATURAL),
    parameter("early_stopping", 2, BOOLEAN),
    parameter("validation_fraction", 1.0, r"\(0.0, 1.0\)"),
    parameter("warm_start", None, BOOLEAN),
    parameter("class_weight", "even", "'balanced'.*'dict' or None"),
    parameter("class_weight", [1, 2, 3], "'balanced'.*'dict' or None"),
    parameter("dtype", "float16", "'float32'", "'float64'"),
    parameter("device", "tpu", "'auto'", "'cpu'", "'cuda'"),
    parameter("verbose", -1, r"an int in the range \[0, inf\)"),
    parameter("random_state", -1, "an int in the range"),
    parameter("random_state", "zero", "an int in the range.*RandomState.* or None"),
    row(
        "hidden_layer_sizes zero",
        ValueError,
        r"hidden_layer_sizes must hold integers of at least 1; got \(5, 0\)",
        hidden_layer_sizes=(5, 0),
    ),
    row(
        "hidden_layer_sizes float",
        ValueError,
        r"hidden_layer_sizes must hold integers of at least 1; got \[5\.5\]",
        hidden_layer_sizes=[5.5],
    ),
    row(
        "hidden_layer_sizes bool",
        ValueError,
        r"hidden_layer_sizes must hold integers of at least 1; got \(True,\)",
        hidden_layer_sizes=(True,),
    ),
    row(
        "hidden_layer_sizes nested",
        ValueError,
        r"hidden_layer_sizes must hold integers of at least 1; got \[\[3, 4\]\]",
        hidden_layer_sizes=[[3, 4]],
    ),
    row(
        "rho length",
        ValueError,
        r"rho must be a number or a sequence of 2 numbers.*got 3: \[1, 1, 1\]",
        rho=[1, 1, 1],
    ),
    row("rho entry", ValueError, r"rho must lie in \(0, inf\).*got \[1, 0\]", rho=[1, 0]),
    row("rho text", ValueError, r"rho must lie in \(0, inf\).*got \[1, 'a'\]", rho=[1, "a"]),
    row("damping length", ValueError, r"damping must be .* 2 numbers.*got 1", damping=[0.5]),
    row(
        "damping entry",
        ValueError,
        r"damping must lie in \[0, 1\).*got \[0.5, 1.0\]",
        damping=[0.5, 1.0],
    ),
    row("density length", ValueError, "density must be .* 2 numbers.*got 3", density=[1, 1, 1]),
    row(
        "density entry",
        ValueError,
        r"density must lie in \(0, 1\].*got \[0.0, 1\]",
        density=[0.0, 1],
    ),
    row("edges bool", ValueError, "edges must be 'auto', 'exact' or an integer.*True", edges=True),
    row(
        "class_weight label",
        ValueError,
        r"class_weight has weights for \[7\].*not among the classes \[0, 1, 2\]",
        class_weight={7: 1.0},
    ),
    row(
        "class_weight negative",
        ValueError,
        r"class_weight must hold finite numbers of at least 0; got \{0: -1\}",
        class_weight={0: -1},
    ),
    row(
        "class_weight text",
        ValueError,
        r"class_weight must hold finite numbers of at least 0; got \{0: 'a'\}",
        class_weight={0: "a"},
    ),
    row(
        "class_weight zero",
        ValueError,
        r"class_weight=\{0: 0, 1: 0, 2: 0\} leaves no sample",
        class_weight={0: 0, 1: 0, 2: 0},
    ),
    row(
        "edge memory",
        EdgeMemoryError,
        "n_inner_iter=2",
        r"\d+ bytes",
        "edge_memory_limit=10",
        "Lower batch_size.* or use algo='bpi'",
        n_inner_iter=2,
        edge_memory_limit=10,
    ),
]


@pytest.mark.parametrize(("error", "patterns", "call"), PARAMETERS)
def test_wrong_parameters_of_fit(error, patterns, call):
    must_raise(error, patterns, small(**call).fit, X, Y)


@pytest.mark.parametrize(("error", "patterns", "call"), PARAMETERS)
def test_wrong_parameters_of_partial_fit(error, patterns, call):
    must_raise(error, patterns, small(**call).partial_fit, X, Y, classes=CLASSES)


def test_unknown_parameters():
    must_raise(ValueError, ["Invalid parameter 'eta'"], BPClassifier().set_params, eta=1)
    must_raise(TypeError, ["unexpected keyword argument 'eta'"], BPClassifier, eta=1)
    must_raise(TypeError, ["positional arguments"], BPClassifier, (5,), "bp")


# Samples, labels, weights ---------------------------------------------------------------------

TOO_FEW = "early_stopping=True with validation_fraction=0.1 needs samples of every class"

DATA = [
    row("X vector", ValueError, "Expected 2D array, got 1D array", X=X[:, 0]),
    row("X cube", ValueError, "dim 3, while dim <= 2 is required by BPClassifier", X=X[None]),
    row("X empty", ValueError, r"0 sample\(s\).* a minimum of 1", X=X[:0], y=Y[:0]),
    row("X narrow", ValueError, r"0 feature\(s\).* a minimum of 1", X=X[:, :0]),
    row("X NaN", ValueError, "Input X contains NaN", X=np.where(X > 2, np.nan, X)),
    row("X infinite", ValueError, "Input X contains infinity", X=np.where(X > 2, np.inf, X)),
    row("X text", ValueError, "could not convert string to float: 'a'", X=[["a"]] * 150),
    row("X complex", ValueError, "Complex data not supported", X=X + 1j),
    row(
        "X large",
        ValueError,
        r"absolute value 3\.09\d*e\+17.*dtype='float32'.*must not exceed 9\.22e\+15",
        "Scale the features.*or use dtype='float64'",
        X=1e17 * X,
    ),
    row("y missing", ValueError, "requires y .*one class label per sample", y=None),
    row("y short", ValueError, r"inconsistent numbers of samples: \[150, 149\]", y=Y[:-1]),
    row("y matrix", ValueError, r"1d array, got an array of shape \(150, 3\)", y=np.eye(3)[Y]),
    row("y continuous", ValueError, "Unknown label type: continuous", y=Y + 0.5),
    row("y NaN", ValueError, "y contains NaN", y=np.where(Y == 0, np.nan, Y)),
    row(
        "weight short",
        ValueError,
        r"sample_weight.*\(3,\), expected \(150,\)",
        sample_weight=[1] * 3,
    ),
    row("weight negative", ValueError, "[Nn]egative.*sample_weight", sample_weight=-np.ones(150)),
    row("weight NaN", ValueError, "sample_weight contains NaN", sample_weight=np.full(150, np.nan)),
    row("weight zero", ValueError, "[Ss]ample weights.* non-zero", sample_weight=np.zeros(150)),
    row(
        "weight text", ValueError, "sample_weight must hold numbers.*'a'", sample_weight=["a"] * 150
    ),
    row("weight matrix", ValueError, "1D array or scalar, got 2D", sample_weight=np.ones((150, 2))),
]


@pytest.mark.parametrize(("error", "patterns", "call"), DATA)
def test_wrong_data_of_fit(error, patterns, call):
    must_raise(error, patterns, small().fit, **{"X": X, "y": Y, **call})


@pytest.mark.parametrize(("error", "patterns", "call"), DATA)
def test_wrong_data_of_partial_fit(error, patterns, call):
    call = {"X": X, "y": Y, "classes": CLASSES, **call}
    must_raise(error, patterns, small().partial_fit, **call)
    model = small().partial_fit(X, Y, classes=CLASSES)
    must_raise(error, patterns, model.partial_fit, **call)


@pytest.mark.parametrize(
    ("parameters", "data", "pattern"),
    [
        ({}, {"y": np.zeros(150)}, r"greater than one; got 1 class: \[0\.0\]"),
        ({}, {"sample_weight": (Y == 1).astype(float)}, r"greater than one; got 1 class: \[1\]"),
        ({"early_stopping": True}, {"X": X[::50], "y": Y[::50]}, TOO_FEW),
        ({"early_stopping": True}, {"X": X[::25], "y": Y[::25]}, f"{TOO_FEW}.* 6 samples"),
        (
            {"early_stopping": True, "validation_fraction": 0.999},
            {},
            "validation_fraction=0.999 needs .*change validation_fraction",
        ),
    ],
)
def test_data_that_fit_cannot_learn_from(parameters, data, pattern):
    must_raise(ValueError, [pattern], small(**parameters).fit, **{"X": X, "y": Y, **data})


@pytest.mark.parametrize(
    ("data", "pattern"),
    [
        ({}, "classes must be passed on the first call to partial_fit"),
        ({"classes": [0]}, r"greater than one; got 1 class: \[0\]"),
        ({"classes": []}, "greater than one; got 0 class"),
        ({"classes": 3}, "classes must be a one-dimensional sequence of labels; got 3"),
        ({"classes": "abc"}, "classes must be a one-dimensional sequence of labels; got 'abc'"),
        ({"classes": [[0, 1], [1, 2]]}, r"classes must be a one-dim.*got \[\[0, 1\], \[1, 2\]\]"),
        ({"classes": [0, 1, np.nan]}, r"classes must not contain NaN.*got \[0\.0, 1\.0, nan\]"),
        ({"classes": [0, 1]}, r"unseen labels \[2\]; the classes are \[0, 1\]"),
        ({"classes": ["a", "b"]}, r"unseen labels \[0, 1, 2\]; the classes are \['a', 'b'\]"),
    ],
)
def test_wrong_classes_of_the_first_partial_fit(data, pattern):
    must_raise(ValueError, [pattern], small().partial_fit, X, Y, **data)


SHAPES = "hidden_layer_sizes, weight_prior, fit_intercept must not change while training continues"


@pytest.mark.parametrize(
    ("parameters", "data", "patterns"),
    [
        ({}, {"y": Y + 5}, [r"unseen labels \[5, 6, 7\]; the classes are \[0, 1, 2\]"]),
        ({}, {"y": Y.astype(str)}, [r"unseen labels \['0', '1', '2'\]"]),
        ({}, {"classes": [0, 1]}, [r"must stay the same.*were \[0, 1, 2\], now \[0, 1\]"]),
        ({}, {"X": X[:, :3]}, ["X has 3 features, but BPClassifier is expecting 4"]),
        ({"class_weight": "balanced"}, {}, ["class_weight='balanced' needs all samples.* dict"]),
        ({"hidden_layer_sizes": 8}, {}, [SHAPES, r"were \(4, 7, 3\)", r"now \(4, 8, 3\)"]),
        ({"weight_prior": "gaussian"}, {}, [SHAPES, "weight_prior='binary'", "now .*'gaussian'"]),
        ({"fit_intercept": False}, {}, [SHAPES, "fit_intercept=True", "now .* False"]),
    ],
)
@pytest.mark.parametrize("live", [True, False])
def test_wrong_later_calls_of_partial_fit(live, parameters, data, patterns):
    model = small().partial_fit(X, Y, classes=CLASSES) if live else small().fit(X, Y)
    model.set_params(**parameters)
    must_raise(ValueError, patterns, model.partial_fit, **{"X": X, "y": Y, **data})


@pytest.mark.parametrize(
    ("parameters", "data", "pattern"),
    [
        ({}, {"y": Y + 1}, r"must stay the same.*were \[0, 1, 2\], now \[1, 2, 3\]"),
        ({}, {"X": X[:100], "y": Y[:100]}, r"must stay the same.*now \[0, 1\]"),
        ({}, {"X": X[:, :2]}, "X has 2 features, but BPClassifier is expecting 4"),
        ({"hidden_layer_sizes": (3, 3)}, {}, SHAPES),
    ],
)
def test_wrong_warm_starts(parameters, data, pattern):
    model = small(warm_start=True).fit(X, Y).set_params(**parameters)
    must_raise(ValueError, [pattern], model.fit, **{"X": X, "y": Y, **data})


# What a person wrote ----------------------------------------------------------------------------

PIPELINE = make_pipeline(StandardScaler(), small()).fit(X, Y)
FITTED = small().fit(X, Y)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: BPClassifier(hidden=3), TypeError, r"^BPClassifier.__init__\(\) got .* 'hidden'"),
        (
            lambda: BayesBPClassifier((3,), "bp"),
            TypeError,
            r"^BayesBPClassifier.__init__\(\) takes",
        ),
        (lambda: sklearn_bp.load(3), TypeError, "path must be the name of a file.*got int"),
        (lambda: sklearn_bp.load(PIPELINE), TypeError, "path must be .*got Pipeline"),
        (lambda: FITTED.save(None), TypeError, "path must be .*got NoneType"),
        (lambda: sklearn_bp.merge({"a": FITTED}, prior=FITTED), TypeError, "estimators .*got dict"),
        (lambda: sklearn_bp.merge([FITTED], prior=PIPELINE), TypeError, "prior .*pass pipeline.-1"),
        (
            lambda: sklearn_bp.merge([PIPELINE], prior=FITTED),
            TypeError,
            r"estimators\[0\] .*Pipeline",
        ),
        (
            lambda: small().fit(X, Y, {0: 1.0}),
            ValueError,
            "sample_weight must hold numbers.*{0: 1.0}",
        ),
        (lambda: FITTED.partial_fit(X, Y, np.ones(150)), ValueError, "pass sample_weight="),
    ],
)
def test_messages_name_what_was_written(call, error, message):
    before = state_of(FITTED)
    with pytest.raises(error, match=message):
        call()
    assert_same(state_of(FITTED), before)
