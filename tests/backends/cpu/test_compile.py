"""The cache of compiled kernels on disk, seen from fresh processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import TypingError

import sklearn_bp
from sklearn_bp.backends.cpu._compile import cpu_kernel, flat_rows

PROGRAM = """
import numpy as np
from sklearn_bp.backends.cpu.activation import make_point
from sklearn_bp.channels import ACTIVATIONS
for name in ("sign", "relu", "identity"):
    kernel = make_point(ACTIVATIONS[name])
    z = np.array([[-2.5, 3.0]], np.float32)
    kernel(z, z, 0, 1)
    counts = kernel.stats.cache_hits, kernel.stats.cache_misses
    print(name, *z[0], *(sum(count.values()) for count in counts))
"""
COLD = {"sign": [-1, 1, 0, 1], "relu": [0, 3, 0, 1], "identity": [-2.5, 3, 0, 1]}
WARM = {name: [*values[:2], 1, 0] for name, values in COLD.items()}
"""Results of the kernels, cache hits and misses."""


class Package:
    """A copy of the package, with a cache of its own."""

    def __init__(self, folder):
        self.folder = folder
        source = Path(sklearn_bp.__file__).parent
        ignored = shutil.ignore_patterns("__pycache__", "*.npz")
        shutil.copytree(source, folder / "sklearn_bp", ignore=ignored)
        self.environment = os.environ | {
            "NUMBA_CACHE_DIR": str(folder / "cache"),
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Sets of flags are part of symbols, in the order of a hash.
            "PYTHONHASHSEED": "0",
        }

    def start(self, program=PROGRAM, *arguments):
        """Start a program in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            text=True,
        )

    def edit(self, path, old, new):
        """Replace a text that stands there once."""
        file = self.folder / "sklearn_bp" / path
        text = file.read_text()
        assert text.count(old) == 1
        file.write_text(text.replace(old, new))


def result(process):
    """What a program printed, by kernel."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    lines = [line.split() for line in output.splitlines()]
    return {name: [float(value) for value in values] for name, *values in lines}


def test_the_cache_serves_every_process_and_notices_every_edit(tmp_path):
    """Kernels that differ only in what their closure holds are told apart."""
    package = Package(tmp_path)
    assert result(package.start()) == COLD
    workers = [package.start() for _ in range(2)]
    assert [result(worker) for worker in workers] == [WARM, WARM]
    package.edit("channels/relu.py", "return T(0) if z < T(0) else z", "return z * z")
    changed = {**COLD, "relu": [6.25, 9, 0, 1]}
    assert result(package.start()) == changed
    assert result(package.start())["relu"] == [6.25, 9, 1, 0]


CALLERS = """
import sys
import numpy as np
from sklearn_bp.backends.cpu._compile import cpu_kernel
from sklearn_bp.backends.cpu.weights import make_collect_field

def make_caller(kernel):
    @cpu_kernel()
    def call(terms, mean, scale, start, stop):
        kernel(terms, mean, scale, start, stop)
    return call

for n_terms in map(int, sys.argv[1:]):
    arguments = terms, _, _ = np.ones((n_terms, 40, 30)), np.ones((40, 30)), np.ones(30)
    call = make_caller(make_collect_field(n_terms))
    call(*arguments, 0, 40)
    counts = [sum(count.values()) for count in (call.stats.cache_hits, call.stats.cache_misses)]
    print(n_terms, terms[0].min(), terms[0].max(), *counts)
"""


def test_what_several_processes_have_compiled_is_told_apart(tmp_path):
    """Each of them numbers what it compiles from 1, and symbols have these numbers."""
    package = Package(tmp_path)
    # What is common to all is compiled first; large kernels are called, not inlined.
    for n_terms in ("5", "12", "13"):
        assert result(package.start(CALLERS, n_terms)) == {n_terms: [int(n_terms)] * 2 + [0, 1]}
    found = result(package.start(CALLERS, "12", "13"))
    assert found == {"12": [12, 12, 1, 0], "13": [13, 13, 1, 0]}


@cpu_kernel()
def number(array, start, stop):
    """Number the entries of some rows, from 0."""
    line = flat_rows(array, start, stop)
    for i in range(line.size):
        line[i] = i


def test_rows_are_seen_as_a_line_of_the_same_memory():
    array = np.full((5, 3), -1.0)
    number(array, 1, 3)
    np.testing.assert_array_equal(array[1:3], [[0, 1, 2], [3, 4, 5]])
    assert (array[[0, 3, 4]] == -1).all()


def test_rows_that_are_no_line_are_refused():
    with pytest.raises(TypingError):
        number(np.zeros((5, 6))[:, ::2], 1, 3)


TRAINING = """
from sklearn.datasets import load_iris
from sklearn_bp import BPClassifier
X, y = (array[::5] for array in load_iris(return_X_y=True))
model = BPClassifier((3,), max_iter=2, batch_size=10, random_state=0, dtype="float64").fit(X, y)
print(*model.weight_means_[0].ravel())
"""


def test_training_without_the_compiler_is_the_same():
    found = []
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        command = [sys.executable, "-c", TRAINING]
        output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
        found.append([float(word) for word in output.split()])
    np.testing.assert_allclose(*found, rtol=1e-9)
