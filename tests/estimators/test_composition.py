"""Searches, ensembles, calibration, pipelines and other parts of scikit-learn around them."""

import inspect
import warnings
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_bp import BayesBPClassifier, BPClassifier
from sklearn_bp._estimators import documentation

from .problems import ESTIMATORS, X, Y, small
from .states import assert_same_posterior

SETTINGS = {"hidden_layer_sizes": (9,), "max_iter": 10, "batch_size": 16, "random_state": 0}
STRICT = {"error_score": "raise", "cv": 3}
WEIGHT = np.linspace(0.5, 2, 150)


def network(cls=BPClassifier, **parameters):
    """An estimator that learns iris well enough to be searched over."""
    return cls(**(SETTINGS | parameters))


def pipeline(cls=BPClassifier, **parameters):
    return make_pipeline(StandardScaler(), network(cls, **parameters))


def grid(cls=BPClassifier, **choices):
    """A parameter grid of the pipeline's last step."""
    return {f"{cls.__name__.lower()}__{name}": values for name, values in choices.items()}


GRID = grid(
    rho=[0.99, 1.0],
    damping=[0.5, 0.9],
    algo=["bp", "mf"],
    hidden_layer_sizes=[(9,), (5, 4)],
)


# Searches --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def searched():
    """The grid searched without any parallel workers, the reference of all others."""
    search = GridSearchCV(pipeline(max_iter=4), GRID, n_jobs=1, **STRICT)
    return search.fit(X, Y)


def assert_same_search(search, reference):
    for name in ("mean_test_score", "rank_test_score", "split1_test_score"):
        np.testing.assert_array_equal(search.cv_results_[name], reference.cv_results_[name])
    assert search.best_params_ == reference.best_params_
    assert_same_posterior(search.best_estimator_[-1], reference.best_estimator_[-1])


def test_grid_search_over_everything_in_a_pipeline(searched):
    assert len(searched.cv_results_["params"]) == 16
    scores = searched.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and len(set(scores)) > 4
    assert searched.best_score_ == scores.max() > 0.75
    best = {name.split("__")[1]: value for name, value in searched.best_params_.items()}
    assert_same_posterior(searched.best_estimator_[-1], pipeline(max_iter=4, **best).fit(X, Y)[-1])


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_find_what_one_process_finds(backend, searched):
    with parallel_config(backend=backend, n_jobs=2):
        search = GridSearchCV(pipeline(max_iter=4), GRID, **STRICT).fit(X, Y)
    assert_same_search(search, searched)


def test_dask_workers_find_what_one_process_finds(searched):
    distributed = pytest.importorskip("distributed")
    # The threads of a cluster in this process; what dask deprecates of its own is its business.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster),
            parallel_config(backend="dask"),
        ):
            search = GridSearchCV(pipeline(max_iter=4), GRID, **STRICT).fit(X, Y)
    assert_same_search(search, searched)


def test_numbers_per_layer_can_be_searched_over():
    choices = grid(rho=[1.0, [0.99, 0.9]], damping=[0.5, (0.5, 0.9)], density=[1.0, [0.7, 1.0]])
    search = GridSearchCV(pipeline(max_iter=2), choices, **STRICT).fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) > 1


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_halving_search_over_samples_and_over_epochs(cls):
    choices = grid(cls, rho=[0.99, 1.0], damping=[0.5, 0.9], algo=["bp", "mf"])
    options = {"factor": 3, "random_state": 0, **STRICT}
    search = HalvingGridSearchCV(pipeline(cls, max_iter=3), choices, **options).fit(X, Y)
    assert search.n_iterations_ > 1 and search.best_estimator_.score(X, Y) > 0.5
    resource = f"{cls.__name__.lower()}__max_iter"
    options |= {"resource": resource, "min_resources": 1, "max_resources": 9}
    search = HalvingGridSearchCV(pipeline(cls), choices, **options).fit(X, Y)
    assert search.n_resources_ == [1, 3, 9][: search.n_iterations_]
    assert search.best_estimator_[-1].n_iter_ in (1, 3, 9)


def test_wrong_parameters_in_a_search_raise():
    with pytest.raises(ValueError, match="damping"):
        GridSearchCV(network(), {"damping": [2.0]}, **STRICT).fit(X, Y)


# Cross-validation ------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_cross_validate(cls):
    scoring = ["accuracy", "neg_log_loss", "roc_auc_ovr"]
    results = cross_validate(
        pipeline(cls),
        X,
        Y,
        scoring=scoring,
        return_estimator=True,
        return_train_score=True,
        **STRICT,
    )
    assert results["test_accuracy"].mean() > 0.75
    assert results["test_roc_auc_ovr"].mean() > 0.85
    assert np.isfinite(results["test_neg_log_loss"]).all()
    assert [model[-1].n_iter_ for model in results["estimator"]] == [10] * 3


def test_cross_validated_predictions():
    probabilities = cross_val_predict(network(BayesBPClassifier), X, Y, method="predict_proba")
    assert probabilities.shape == (150, 3)
    logarithms = cross_val_predict(network(BayesBPClassifier), X, Y, method="predict_log_proba")
    np.testing.assert_array_equal(logarithms, np.log(probabilities))


def test_incremental_learning_curve():
    sizes, _, scores = learning_curve(
        network(),
        X,
        Y,
        train_sizes=[30, 60, 100],
        exploit_incremental_learning=True,
        shuffle=True,
        random_state=0,
        **STRICT,
    )
    assert sizes.tolist() == [30, 60, 100] and np.isfinite(scores).all()


# Meta-estimators -------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("method, ensemble", [("sigmoid", True), ("isotonic", False)])
def test_calibration(cls, method, ensemble):
    model = CalibratedClassifierCV(network(cls), method=method, ensemble=ensemble, cv=3)
    model.fit(X, Y, sample_weight=WEIGHT)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.score(X, Y) > 0.75


def test_frozen_estimators_stay_as_they_are():
    model = network().fit(X[::2], Y[::2])
    before = clone(model).fit(X[::2], Y[::2])
    calibrated = CalibratedClassifierCV(FrozenEstimator(model)).fit(X[1::2], Y[1::2])
    assert calibrated.score(X, Y) > 0.7
    frozen = FrozenEstimator(model).fit(X[:10], Y[:10])
    np.testing.assert_array_equal(frozen.predict(X), model.predict(X))
    assert_same_posterior(model, before)


BASES = [("bp", network()), ("bayes", network(BayesBPClassifier, algo="mf", random_state=1))]
META = {
    "bagging": BaggingClassifier(network(), n_estimators=3, max_features=0.75, random_state=0),
    "boosting": AdaBoostClassifier(network(), n_estimators=3, random_state=0),
    "soft voting": VotingClassifier(BASES, voting="soft"),
    "hard voting": VotingClassifier(BASES, voting="hard"),
    "stacking": StackingClassifier(BASES, final_estimator=LogisticRegression(), cv=3),
    "one against the rest": OneVsRestClassifier(network()),
    "one against one": OneVsOneClassifier(network(BayesBPClassifier)),
}


@pytest.mark.parametrize("name", META)
def test_meta_estimators(name):
    model = clone(META[name]).fit(X, Y)
    assert model.score(X, Y) > 0.7
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    again = clone(META[name]).fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), again.predict(X))


@pytest.mark.parametrize("name", ["bagging", "soft voting", "one against the rest"])
def test_meta_estimators_in_threads(name):
    alone = clone(META[name]).set_params(n_jobs=1).fit(X, Y)
    with parallel_config(backend="threading"):
        together = clone(META[name]).set_params(n_jobs=2).fit(X, Y)
    np.testing.assert_array_equal(alone.predict_proba(X), together.predict_proba(X))


def test_bagging_takes_weights():
    model = BaggingClassifier(network(), n_estimators=2, random_state=0)
    assert model.fit(X, Y, sample_weight=WEIGHT).score(X, Y) > 0.6


def test_one_against_the_rest_of_several_labels():
    several = np.column_stack([Y == 0, Y > 0, Y == 2]).astype(int)
    assert OneVsRestClassifier(network()).fit(X, several).score(X, several) > 0.5


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_permutation_importance(cls):
    # Only the first feature says anything.
    noise = np.random.default_rng(0).standard_normal((150, 3))
    data = np.column_stack([np.where(Y > 0, 1.0, -1.0), noise])
    model = network(cls, max_iter=20).fit(data, Y > 0)
    importance = permutation_importance(model, data, Y > 0, n_repeats=3, random_state=0)
    assert importance.importances_mean.argmax() == 0
    assert importance.importances_mean[0] > 0.2


def test_feature_elimination_by_the_weights():
    def strength(model):
        return np.abs(model.weight_means_[0]).mean(axis=1)

    ranking = RFE(network(), n_features_to_select=2, importance_getter=strength).fit(X, Y)
    assert ranking.support_.sum() == 2


# Pipelines -------------------------------------------------------------------------------


def test_set_output_hands_names_to_the_estimator():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    model = pipeline().set_output(transform="pandas").fit(table, Y)
    assert model[-1].feature_names_in_.tolist() == ["a", "b", "c", "d"]
    plain = pipeline().fit(X, Y)
    np.testing.assert_array_equal(model.predict(table), plain.predict(X))
    stacked = StackingClassifier(BASES, cv=3).fit(X, Y).set_output(transform="pandas")
    assert stacked.transform(X).shape == (150, 6)


def test_weights_reach_the_last_step_of_a_pipeline():
    model = pipeline().fit(X, Y, bpclassifier__sample_weight=WEIGHT)
    scaled = StandardScaler().fit_transform(X)
    assert_same_posterior(model[-1], network().fit(scaled, Y, sample_weight=WEIGHT))


def test_weights_reach_a_search_without_routing():
    search = GridSearchCV(network(), {"rho": [0.99, 1.0]}, **STRICT).fit(X, Y, sample_weight=WEIGHT)
    best = network(**search.best_params_).fit(X, Y, sample_weight=WEIGHT)
    assert_same_posterior(search.best_estimator_, best)


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        step = network().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, step)
        search = GridSearchCV(model, grid(rho=[0.99, 1.0]), **STRICT)
        search.fit(X, Y, sample_weight=WEIGHT)
        assert search.score(X, Y, sample_weight=WEIGHT) > 0.6
        best = {name.split("__")[1]: value for name, value in search.best_params_.items()}
        scaled = StandardScaler().fit_transform(X)
        expected = network(**best).fit(scaled, Y, sample_weight=WEIGHT)
        assert_same_posterior(search.best_estimator_[-1], expected)
        # Folds are scored with their weights too.
        results = cross_validate(step, X, Y, params={"sample_weight": WEIGHT}, **STRICT)
        unweighted = cross_validate(
            clone(step).set_score_request(sample_weight=False),
            X,
            Y,
            params={"sample_weight": WEIGHT},
            **STRICT,
        )
        assert (results["test_score"] != unweighted["test_score"]).any()


def test_metadata_that_nobody_asked_for_is_an_error():
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(network(), {"rho": [1.0]}, **STRICT)
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            search.fit(X, Y, sample_weight=WEIGHT)
        # It is passed on where it is wanted only: here to the score.
        scoring = network().set_fit_request(sample_weight=False)
        scoring.set_score_request(sample_weight=True)
        search = GridSearchCV(scoring, {"rho": [1.0]}, **STRICT)
        search.fit(X, Y, sample_weight=WEIGHT)
        assert_same_posterior(search.best_estimator_, network().fit(X, Y))


def test_partial_fit_can_be_asked_for_metadata():
    with sklearn.config_context(enable_metadata_routing=True):
        model = BPClassifier().set_partial_fit_request(classes=True, sample_weight=True)
        requests = model.get_metadata_routing().partial_fit.requests
    assert requests == {"classes": True, "sample_weight": True}


# Parameters and representations ----------------------------------------------------------


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_parameters(cls):
    model = cls((9, 5), rho=[1.0, 0.9, 0.8])
    signature = inspect.signature(cls)
    assert list(signature.parameters)[0] == "hidden_layer_sizes"
    assert set(model.get_params()) == set(signature.parameters)
    assert model.get_params()["rho"] == [1.0, 0.9, 0.8]
    model.set_params(**{name: one.default for name, one in signature.parameters.items()})
    assert model.get_params() == cls().get_params()
    with pytest.raises(ValueError, match="Invalid parameter 'learning_rate' for estimator"):
        model.set_params(learning_rate=0.1)
    assert is_classifier(model)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_text_representation(cls):
    assert repr(cls()) == f"{cls.__name__}()"
    assert repr(cls((9,), algo="mf")) == f"{cls.__name__}(algo='mf', hidden_layer_sizes=(9,))"
    assert repr(small(cls).fit(X, Y)).startswith(f"{cls.__name__}(hidden_layer_sizes=(7,)")


@pytest.fixture
def sites(monkeypatch, tmp_path):
    """Lets a test say which documentation there is."""
    monkeypatch.setattr(documentation, "BUILT_SITE", tmp_path / "html {built}")

    class Metadata:
        links = None

        def get_all(self, name, default):
            return default if self.links is None else self.links

    monkeypatch.setattr(documentation, "metadata", lambda name: Metadata())
    return Metadata, documentation.BUILT_SITE


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_documentation_link(cls, sites):
    metadata, built = sites
    page = f"/generated/sklearn_bp.{cls.__name__}.html"
    # There is no site: the descriptions themselves.
    assert "batch_size : int" in Path(urlparse(cls()._get_doc_link()).path).read_text()
    assert "Samples per mini-batch" in cls()._repr_html_() and page not in cls()._repr_html_()
    # A site was built in the checkout.
    built.mkdir()
    (built / "index.html").touch()
    link = cls()._get_doc_link()
    assert link == built.as_uri() + page and link.startswith("file:///")
    assert f'href="{link}"' in cls()._repr_html_()
    # The package names one.
    metadata.links = ["Source, https://example.org/code", "Documentation, https://example.org/d/"]
    assert cls()._get_doc_link() == f"https://example.org/d{page}"
    assert f'href="https://example.org/d{page}"' in pipeline(cls)._repr_html_()


def test_nothing_is_linked_for_classes_of_others(sites):
    metadata, _ = sites
    metadata.links = ["Documentation, https://example.org"]

    class Own(BPClassifier):
        pass

    assert Own()._get_doc_link() == ""


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_html_representation_of_a_fitted_estimator(cls):
    text = small(cls).fit(X, Y)._repr_html_()
    for word in (
        cls.__name__,
        "hidden_layer_sizes",
        "Fitted",
        "n_steps_",
        "Samples per mini-batch",
    ):
        assert word in text


def test_html_representation_leaves_the_posterior_where_it_is(monkeypatch):
    model = small().fit(X, Y)
    monkeypatch.setattr(BPClassifier, "_current_posterior", None)
    assert "n_iter_" in model._repr_html_()
