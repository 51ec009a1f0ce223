"""The package as a whole: names, imports, docstrings, sizes of its modules."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files

import pytest

import sklearn_bp
import sklearn_bp.datasets
import sklearn_bp.inspection

OPTIONAL = ("matplotlib", "pandas", "tqdm", "torch", "cupy", "numba_cuda", "PIL", "skops", "dask")

# Whether there is numba_cuda is looked up, so that this one is left to the tests of devices.
ABSENT = tuple(name for name in OPTIONAL if name != "numba_cuda")

NAMES = {
    "sklearn_bp": {
        "BPClassifier",
        "BayesBPClassifier",
        "__version__",
        "load",
        "merge",
        "round_weights",
    },
    "sklearn_bp.datasets": {
        "load_cifar10",
        "load_fashion_mnist",
        "load_mnist",
        "make_permuted_tasks",
        "make_teacher_student",
        "parity_labels",
    },
    "sklearn_bp.inspection": {
        "LearningCurveDisplay",
        "LocalEnergyDisplay",
        "MagnetizationDisplay",
        "PolarizationDisplay",
        "ReliabilityDisplay",
        "local_energy",
        "mean_overlaps",
        "overlaps",
        "polarization",
    },
}


def run_python(code):
    """Run code in a process of its own, warnings being errors; return what it prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


# Names and files ----------------------------------------------------------------------------


def test_the_version_is_that_of_the_installed_package():
    assert sklearn_bp.__version__ == version("sklearn-bp")
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|(a|b|rc)\d+)?", sklearn_bp.__version__)


@pytest.mark.parametrize("module", NAMES)
def test_public_names_are_these(module):
    found = importlib.import_module(module)
    assert set(found.__all__) == NAMES[module]
    assert list(found.__all__) == sorted(found.__all__)
    assert all(hasattr(found, name) for name in found.__all__)


def test_type_checkers_are_told_that_the_package_has_annotations():
    assert (files("sklearn_bp") / "py.typed").is_file()


def source_files(folder):
    """All Python files below a folder of the package."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from source_files(entry)
        elif entry.name.endswith(".py"):
            yield entry


def test_modules_stay_below_500_lines():
    lengths = {
        str(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in source_files(files("sklearn_bp"))
    }
    assert len(lengths) > 50
    assert {path: length for path, length in lengths.items() if length >= 500} == {}


# Imports ------------------------------------------------------------------------------------


def test_all_modules_can_be_imported():
    names = [one.name for one in pkgutil.walk_packages(sklearn_bp.__path__, "sklearn_bp.")]
    assert "sklearn_bp.backends.cpu.weights" in names and "sklearn_bp.__main__" in names
    if importlib.util.find_spec("numba_cuda") is None:
        names = [name for name in names if not name.startswith("sklearn_bp.backends.cuda.")]
    run_python("\n".join(f"import {name}" for name in names))


def test_importing_the_package_loads_nothing_optional():
    """Not more, that is, than scikit-learn itself, some versions of which load pandas."""
    told = run_python(
        "import sys, sklearn.datasets, sklearn.model_selection, sklearn.metrics\n"
        "before = set(sys.modules)\n"
        "import sklearn_bp, sklearn_bp.datasets, sklearn_bp.inspection\n"
        "print(*(name.split('.')[0] for name in set(sys.modules) - before))\n"
    )
    loaded = set(told.split())
    assert "sklearn_bp" in loaded and not loaded & {*OPTIONAL, "numba.cuda"}


def test_a_fit_works_without_anything_optional():
    told = run_python(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name in {ABSENT!r}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from sklearn.datasets import load_iris\n"
        "import sklearn_bp, sklearn_bp.datasets, sklearn_bp.inspection\n"
        "X, y = load_iris(return_X_y=True)\n"
        "model = sklearn_bp.BPClassifier((51,), batch_size=32, max_iter=9, verbose=1)\n"
        "model.set_params(random_state=0)\n"
        "print(model.fit(X, y).predict(X).shape)\n"
    )
    assert "epoch 9/9" in told and told.endswith("(150,)\n")


# Docstrings ---------------------------------------------------------------------------------


def public_callables():
    """Functions and classes of all public modules, and methods that classes define here."""
    for module in map(importlib.import_module, NAMES):
        for name in module.__all__:
            found = getattr(module, name)
            if not callable(found):
                continue
            yield f"{module.__name__}.{name}", found
            if inspect.isclass(found):
                for method, function in inspect.getmembers(found, inspect.isroutine):
                    if _is_documented_here(method, function):
                        yield f"{module.__name__}.{name}.{method}", function


def _is_documented_here(name, function):
    """Tell whether a method is public and comes from this package."""
    return not name.startswith("_") and function.__module__.startswith("sklearn_bp")


CALLABLES = dict(public_callables())


def parameters_of(function):
    """Names in a signature, without what the caller does not pass."""
    names = []
    for parameter in inspect.signature(function).parameters.values():
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
        if parameter.name not in ("self", "cls"):
            names.append(stars.get(parameter.kind, "") + parameter.name)
    return names


@pytest.mark.parametrize("name", CALLABLES)
def test_docstrings_say_what_is_passed_and_returned(name):
    function = CALLABLES[name]
    text = inspect.getdoc(function)
    assert text.split("\n")[0].endswith(".")
    documented = text.split("Parameters\n----------\n")[-1] if "Parameters\n---" in text else ""
    for parameter in parameters_of(function):
        assert re.search(rf"^(.*, )?{re.escape(parameter)}(,.*)? : ", documented, re.MULTILINE), (
            f"{parameter} is not documented"
        )


IGNORED = {"ES01", "EX01", "SA01", "GL02", "RT02"}
"""As in the documentation's configuration: extended summaries, examples and related functions are
given where they help, quotes are the linter's matter, and ``self : estimator`` is a custom."""


@pytest.mark.parametrize("name", CALLABLES)
def test_docstrings_are_valid_for_numpydoc(name):
    validate = pytest.importorskip("numpydoc.validate")
    problems = validate.validate(name)["errors"]
    assert [problem for problem in problems if problem[0] not in IGNORED] == []
