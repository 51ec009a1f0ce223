"""Docstring sections that both classifiers share, and where the documentation is."""

import inspect
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

BUILT_SITE = Path(__file__).parents[1] / "docs" / "_build" / "html"
"""Where a checkout has the documentation, once it has been built."""

PARAMETERS = """
hidden_layer_sizes : array-like of int, default=(501,)
    Units of each hidden layer. Odd numbers keep a sum of ±1 from being zero.
algo : {"bp", "bpi", "mf", "amp"}, default="amp"
    Belief propagation, BP-inspired, mean field, or approximate message passing. With one sweep
    per step "bp" and "bpi" coincide. For real weights "amp" is the most accurate.
weight_prior : {"binary", "ternary", "gaussian"} or list of these, default="gaussian"
    Weights ±1, weights −1, 0 and 1, or real ones; a list has one name per hidden layer and one for
    the output.
activation : {"sign", "relu", "identity"}, default="sign"
    What a hidden unit makes of its pre-activation.
rho : float or array-like of float, default=1.0
    Power of the posterior that becomes the next prior, above 0: over 1 polarises weights, under 1
    forgets, far from 1 diverges. A number holds for the hidden layers; a sequence gives every
    weight layer, the output layer's last, and then `output_rho` is not used.
output_rho : float, default=1.0
    `rho` of the output layer, if `rho` is a number.
damping : float or array-like of float, default=0.5
    Share of the old mean in the new one, in [0, 1); one number per weight layer or one for all.
likelihood_weight : float or "auto", default="auto"
    How many times a sample counts when it is learned, above 0. In `fit` a sample then counts as
    often in all as there are epochs, times this: many counts fit the training samples, few leave
    the weights uncertain. "auto" spreads 4 counts per class over `max_iter` epochs (of less than
    1,000 samples n more, √(1000/n) times as many), at most 1 per epoch, and is 1 in `partial_fit`.
label_noise : float or "auto", default="auto"
    Probability that a label is another class's, in [0, 1 − 1/K) for K classes: a label that the
    other samples contradict loses its pull. "auto" learns it, up to 0.3 in `fit`, see
    `label_noise_`; 0 trusts every label.
n_inner_iter : int, default=1
    Sweeps of messages per mini-batch.
reinforcement : float, default=0.0
    Share of a weight's field that is added to itself in every sweep, in [0, 1).
init_scale : float, default=1.0
    Spread of the random fields at the start, above 0.
density : float or array-like of float, default=1.0
    Share of a layer's weights that exist, in (0, 1], drawn once; a number or one per layer.
argmax : {"pairwise", "exact"}, default="exact"
    Likelihood of three or more classes: a product over pairs, or the integral. The product is
    faster, and less accurate with many classes.
fit_intercept : bool, default=True
    Whether every unit has an intercept, of Gaussian prior.
edges : {"auto", "exact"} or int, default="auto"
    How "bp" and "bpi" form cavity messages: by polynomials to `edge_tolerance`, exactly, or by
    polynomials of a given degree, from 1 to 8.
edge_tolerance : float, default=1e-4
    Relative error allowed in the messages if `edges` is "auto", above 0.
edge_memory_limit : int, default=2**31
    Bytes that messages stored on edges may take; only "bp" with several sweeps stores any.
batch_size : int, default=128
    Samples per mini-batch, at most all.
max_iter : int, default=100
    Passes over the samples at most. Of the states passed the last one is kept, unless an earlier
    one predicted samples before they were learned better by 0.05 nats or more. With 0 the start
    is drawn and nothing learned.
shuffle : bool, default=True
    Whether each pass has an order of its own. If all samples fit in one mini-batch, they are then
    brought into an order of their own, and equal ones learned as one sample with a weight, so
    that the result depends on neither.
tol : float, default=3e-4
    Least gain that counts: in the log-loss of samples before they are learned, where the gains of
    epochs add up, or, with early stopping, in the validation score.
n_iter_no_change : int, default=10
    Epochs without a gain after which training stops, if a sample has counted once in them;
    `max_iter` for never.
early_stopping : bool, default=False
    Whether to set validation samples aside, stop when their score does not improve, and keep the
    state that scored best; with a warm start, the state that training continues from counts too.
validation_fraction : float, default=0.1
    Share of samples to set aside for early stopping, in (0, 1), by class.
warm_start : bool, default=False
    Whether `fit` continues from the fitted state, if there is one.
class_weight : dict, "balanced" or None, default=None
    How much a sample of each class counts against others. `fit` scales the weights so that all
    samples together count as often as without; `partial_fit` takes a dict as it is. "balanced"
    gives all classes the same total and is for `fit` only.
dtype : {"float32", "float64"}, default="float32"
    Precision of the computation.
device : {"auto", "cpu", "cuda"}, default="auto"
    Where to compute; "auto" takes a GPU if there is one.
verbose : bool or int, default=False
    1 shows a progress bar if tqdm is installed, else a line per epoch; 2 shows lines.
random_state : int, RandomState instance or None, default=None
    Draws the start, the pruned weights, the validation samples, and the order of samples. An int
    gives the same numbers in every call, on every device.
"""

ATTRIBUTES = """
classes_ : ndarray of shape (n_classes,)
    The class labels.
coefs_ : list of ndarray of shape (n_in, n_out)
    Point weights per layer: exactly ±1, or 0 where pruned; the likeliest of −1, 0 and 1 of ternary
    weights; means of Gaussian ones.
intercepts_ : list of ndarray of shape (n_out,)
    Point intercepts per layer; zeros with ``fit_intercept=False``.
weight_fields_, weight_means_, weight_variances_ : list of ndarray of shape (n_in, n_out)
    Natural parameter H, damped mean m, and variance σ of every weight.
weight_precisions_ : list of ndarray of shape (n_in, n_out), or None
    Precisions G of Gaussian and ternary weights; None in the place of a layer of ±1 weights, and
    None if there is no other.
weight_masks_ : list of ndarray of bool, shape (n_in, n_out)
    Which weights exist.
intercept_fields_, intercept_means_, intercept_variances_, intercept_precisions_ : list of ndarray
    The same of the intercepts, of shape (n_out,); None with ``fit_intercept=False``.
n_iter_ : int
    Passes over the samples in `fit`, plus calls of `partial_fit`.
n_steps_ : int
    PasP steps, one per mini-batch.
t_ : int
    Samples seen.
history_ : list of dict
    A record per epoch of `fit`: ``epoch``, ``n_samples_seen``, ``train_accuracy`` and
    ``train_log_loss`` (on each mini-batch before it is learned; an upper bound on it with
    ``argmax="pairwise"`` and certain labels), ``label_noise`` (if it is learned),
    ``validation_score`` (with early stopping), ``polarization_0`` and so on per layer,
    ``overlap_0`` and so on per layer with more than one unit (see
    :mod:`sklearn_bp.inspection`), and ``time_s``. ``pandas.DataFrame`` takes it as it is.
label_noise_ : float
    Probability that a label is another class's, as given or learned.
best_validation_score_ : float or None
    The score of the state kept by early stopping.
n_features_in_ : int
    Number of features.
feature_names_in_ : ndarray of shape (n_features,)
    Names of the features, if they were all strings.
"""


def document(cls):
    """Complete the docstring of an estimator class by the shared sections.

    Parameters
    ----------
    cls : type
        A class with the lines ``{parameters}`` and ``{attributes}`` in its docstring.

    Returns
    -------
    type
        The class.
    """
    text = inspect.cleandoc(cls.__doc__)
    text = text.replace("{parameters}", PARAMETERS.strip())
    cls.__doc__ = text.replace("{attributes}", ATTRIBUTES.strip())
    return cls


def class_page_template():
    """Tell scikit-learn's HTML representation where the page of an estimator class is.

    Returns
    -------
    str
        A link with places for the names of module and class. It leads to the site that the
        package's metadata name under "Documentation", else to the one built in this checkout; it
        is empty if there is neither, and then nothing is linked.
    """
    site = _published_site()
    if not site and (BUILT_SITE / "index.html").is_file():
        site = BUILT_SITE.as_uri()
    return f"{site}/generated/{{estimator_module}}.{{estimator_name}}.html" if site else ""


def _published_site():
    """Look up the address of the site in the metadata of the installed package."""
    try:
        links = metadata("sklearn-bp").get_all("Project-URL", [])
    except PackageNotFoundError:
        links = []
    named = dict(link.split(", ", 1) for link in links)
    return named.get("Documentation", "").rstrip("/")
