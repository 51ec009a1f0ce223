"""What all tests share: reproducible random cases, plots without a screen, a small data set.

This folder is no package, so pytest puts it on the path: ``from oracles.channels import …`` works
from every test, whatever folder pytest was called from.
"""

import os

import numpy as np
import pytest
from earlier_defaults import earlier_defaults
from extensions import register
from hypothesis import settings
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils import Bunch

os.environ.setdefault("MPLBACKEND", "Agg")

register()

# No deadline: the first call of a kernel compiles it. No database: every run draws the same cases.
settings.register_profile("deterministic", derandomize=True, deadline=None, database=None)
settings.load_profile("deterministic")


@pytest.fixture(scope="session")
def digits():
    """Handwritten digits, 8 × 8 pixels, standardised by one mean and standard deviation."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    mean, standard_deviation = X_train.mean(), X_train.std()
    arrays = Bunch(X_train=X_train, X_test=X_test)
    for name, array in arrays.items():
        arrays[name] = ((array - mean) / standard_deviation).astype(np.float32)
    arrays.update(y_train=y_train, y_test=y_test)
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


@pytest.fixture(scope="module")
def binary_networks():
    """Let classifiers be ±1 networks by default, as long as a module's tests run."""
    with earlier_defaults():
        yield


def pytest_collection_modifyitems(items):
    """Begin with the tests that take longest, so that processes sharing the tests end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
