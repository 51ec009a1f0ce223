"""Image datasets of the paper, and problems made from random numbers."""

from ._images import load_cifar10, load_fashion_mnist, load_mnist
from ._synthetic import make_permuted_tasks, make_teacher_student, parity_labels

__all__ = [
    "load_cifar10",
    "load_fashion_mnist",
    "load_mnist",
    "make_permuted_tasks",
    "make_teacher_student",
    "parity_labels",
]
