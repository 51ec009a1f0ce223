"""Parity, permuted tasks, teacher-student problems."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from sklearn_bp import BPClassifier
from sklearn_bp.datasets import make_permuted_tasks, make_teacher_student, parity_labels

pytestmark = pytest.mark.usefixtures("binary_networks")

# Parity -------------------------------------------------------------------------------------


def test_parity_tells_even_from_odd():
    labels = parity_labels(np.arange(10, dtype=np.uint8))
    np.testing.assert_array_equal(labels, [0, 1] * 5)
    assert labels.dtype == np.int64


@pytest.mark.parametrize("y", [[0.5, 1.0], ["0", "1"], [[0, 1], [1, 0]]])
def test_parity_takes_vectors_of_integers_only(y):
    with pytest.raises(ValueError, match="integers|1d array"):
        parity_labels(y)


# Permuted tasks -----------------------------------------------------------------------------


def test_tasks_are_permutations_and_the_first_is_the_identity():
    tasks = make_permuted_tasks(np.zeros((3, 50)), n_tasks=4, random_state=0)
    assert tasks.shape == (4, 50)
    np.testing.assert_array_equal(tasks[0], np.arange(50))
    np.testing.assert_array_equal(np.sort(tasks, axis=1), np.tile(np.arange(50), (4, 1)))
    assert len({tuple(task) for task in tasks}) == 4


def test_a_seed_gives_the_same_tasks_and_fewer_are_the_first_of_more():
    X = np.zeros((3, 20))
    six = make_permuted_tasks(X, random_state=7)
    assert six.shape[0] == 6
    np.testing.assert_array_equal(make_permuted_tasks(X, 3, random_state=7), six[:3])
    assert not np.array_equal(make_permuted_tasks(X, random_state=8), six)


@pytest.mark.parametrize("X", [csr_matrix(np.eye(5)), np.full((2, 5), np.nan), [[1, 2, 3, 4, 5]]])
def test_only_the_number_of_features_matters(X):
    assert make_permuted_tasks(X, 2, random_state=0).shape == (2, 5)


@pytest.mark.parametrize("n_tasks", [0, 1.5, "6"])
def test_the_number_of_tasks_is_checked(n_tasks):
    with pytest.raises(ValueError, match="The 'n_tasks' parameter of make_permuted_tasks must be"):
        make_permuted_tasks(np.zeros((3, 4)), n_tasks)


def test_samples_must_be_a_matrix():
    with pytest.raises(ValueError, match="Expected 2D array"):
        make_permuted_tasks(np.zeros(3))


# Teacher and student ------------------------------------------------------------------------


def teacher_labels(X, coefs):
    """Labels of the network of point weights, from the method page: sign(0) = +1, argmax."""
    for weights in coefs[:-1]:
        X = np.where(X @ weights >= 0, 1.0, -1.0)
    z = X @ coefs[-1]
    return z.argmax(axis=1) if z.shape[1] > 1 else (z[:, 0] >= 0).astype(int)


@pytest.mark.parametrize("hidden", [(), (5,), (7, 4)])
@pytest.mark.parametrize("weight_prior", ["binary", "gaussian"])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_labels_are_the_teachers(hidden, weight_prior, n_classes):
    data = make_teacher_student(
        400,
        15,
        hidden_layer_sizes=hidden,
        weight_prior=weight_prior,
        n_classes=n_classes,
        density=0.7,
        random_state=1,
    )
    assert data.X.shape == (400, 15) and data.y.dtype == np.int64
    sizes = [15, *hidden, 1 if n_classes == 2 else n_classes]
    assert [weights.shape for weights in data.coefs] == list(zip(sizes, sizes[1:], strict=False))
    np.testing.assert_array_equal(data.y, teacher_labels(data.X, data.coefs))
    np.testing.assert_array_equal(data.y, data.y_teacher)
    assert set(np.unique(data.y)) <= set(range(n_classes))
    assert data.teacher.score(data.X, data.y) == 1.0
    assert data.teacher.intercept_means_ is None and "400 samples" in data.DESCR


def test_weights_are_signs_or_gaussian_and_as_dense_as_asked():
    binary = make_teacher_student(2, 200, hidden_layer_sizes=50, density=0.25, random_state=0)
    first = binary.coefs[0]
    assert set(np.unique(first)) == {-1.0, 0.0, 1.0}
    assert np.count_nonzero(first) == 2500
    gaussian = make_teacher_student(2, 200, weight_prior="gaussian", random_state=0)
    assert len(np.unique(gaussian.coefs[0])) == 200


def test_labels_do_not_hang_on_rounding():
    data = make_teacher_student(2000, 301, hidden_layer_sizes=(31,), random_state=2)
    X = data.X.astype(np.float32)
    np.testing.assert_array_equal(X, data.X)
    shuffled = np.random.RandomState(0).permutation(301)
    coefs = [data.coefs[0][shuffled].astype(np.float32), data.coefs[1].astype(np.float32)]
    z = X[:, shuffled] @ coefs[0]
    np.testing.assert_array_equal(z, data.X @ data.coefs[0])
    np.testing.assert_array_equal(teacher_labels(X[:, shuffled], coefs), data.y)


def test_features_are_standard_gaussians():
    X = make_teacher_student(2000, 50, random_state=0).X
    assert abs(X.mean()) < 0.01 and abs(X.std() - 1) < 0.01
    assert abs((X**4).mean() - 3) < 0.1


@pytest.mark.parametrize("n_classes", [2, 4])
def test_noise_replaces_labels_by_other_classes(n_classes):
    data = make_teacher_student(5000, 11, n_classes=n_classes, noise=0.2, random_state=3)
    replaced = data.y != data.y_teacher
    assert abs(replaced.mean() - 0.2) < 0.02
    assert set(np.unique(data.y)) == set(range(n_classes))
    all_wrong = make_teacher_student(100, 11, n_classes=n_classes, noise=1.0, random_state=3)
    assert not (all_wrong.y == all_wrong.y_teacher).any()


def test_a_seed_gives_the_same_problem():
    first, again = (make_teacher_student(50, 9, random_state=5) for _ in range(2))
    other = make_teacher_student(50, 9, random_state=6)
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.coefs[0], again.coefs[0])
    assert not np.array_equal(first.X, other.X)
    X, y = make_teacher_student(50, 9, random_state=5, return_X_y=True)
    np.testing.assert_array_equal(X, first.X)
    np.testing.assert_array_equal(y, first.y)


def test_a_student_finds_the_teacher_of_a_perceptron():
    """Beyond about 1.25 samples per weight a ±1 perceptron has one solution: the teacher."""
    data = make_teacher_student(1000, 101, random_state=0)
    student = BPClassifier((), output_rho=1.0, fit_intercept=False, max_iter=30, random_state=1)
    student.fit(data.X, data.y)
    np.testing.assert_array_equal(student.coefs_[0], data.coefs[0])
    assert student.score(data.X, data.y) == 1.0


def hidden_units(coefs):
    """Weights into each hidden unit times its output weight: sorted, they are free of symmetry."""
    return sorted(map(tuple, (coefs[0] * coefs[1].T).T))


def test_a_student_that_explains_all_labels_of_a_committee_is_the_teacher():
    """Up to the order of the hidden units, and a sign of both weight layers that cancels."""
    data = make_teacher_student(1000, 21, hidden_layer_sizes=(3,), random_state=0)
    options = {"rho": 0.9995, "output_rho": 1.0, "damping": 0.5, "fit_intercept": False}
    n_found = 0
    for seed in range(6):
        student = BPClassifier((3,), max_iter=20, random_state=seed, **options)
        explains = student.fit(data.X, data.y).score(data.X, data.y) == 1.0
        assert (hidden_units(student.coefs_) == hidden_units(data.coefs)) == explains
        n_found += explains
    assert n_found >= 1


@pytest.mark.parametrize(
    "name, value",
    [
        ("n_samples", 0),
        ("n_features", 0),
        ("hidden_layer_sizes", 0),
        ("hidden_layer_sizes", (3, 0)),
        ("weight_prior", "laplace"),
        ("n_classes", 1),
        ("density", 0.0),
        ("noise", 1.5),
        ("random_state", "seed"),
    ],
)
def test_arguments_of_the_teacher_are_checked(name, value):
    with pytest.raises(ValueError, match=name):
        make_teacher_student(**{name: value})
