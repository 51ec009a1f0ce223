"""Choosing a device, with and without what CUDA needs."""

import logging
import subprocess
import sys

import pytest

from sklearn_bp import backends
from sklearn_bp.backends import DeviceUnavailableError, cuda, get_backend

NO_GPU = "the driver sees no GPU."


@pytest.fixture
def problem(monkeypatch):
    """Set what the search for a GPU finds."""

    def set_problem(text):
        monkeypatch.setattr(cuda, "find_problem", lambda: text)
        backends._has_gpu.cache_clear()

    yield set_problem
    backends._has_gpu.cache_clear()


def test_unknown_device():
    with pytest.raises(ValueError, match=r"device must be one of .*'auto'.*got 'gpu'"):
        get_backend("gpu")


def test_cuda_without_a_gpu_says_what_to_install(problem):
    problem(NO_GPU)
    with pytest.raises(DeviceUnavailableError, match=r"no GPU.*cuda13.*cuda12.*device='auto'"):
        get_backend("cuda")


def test_auto_without_a_gpu_is_the_cpu(problem):
    problem(NO_GPU)
    assert get_backend("auto").name == "cpu"


def test_auto_uses_a_gpu_and_says_so_once(problem, monkeypatch, caplog):
    problem(None)
    monkeypatch.setattr(cuda, "get_backend", lambda: "the GPU's backend")
    with caplog.at_level(logging.INFO, logger="sklearn_bp"):
        assert [get_backend("auto") for _ in range(3)] == ["the GPU's backend"] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "device='auto' uses the CUDA GPU."
    ]


def test_the_cpu_needs_no_search(monkeypatch):
    def search():
        raise AssertionError("CUDA was looked for")

    monkeypatch.setattr(cuda, "find_problem", search)
    assert get_backend("cpu").name == "cpu"


def run_python(source):
    """What a fresh interpreter prints."""
    command = [sys.executable, "-W", "error", "-c", source]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_importing_the_package_imports_nothing_of_cuda():
    loaded = run_python(
        "import sys, sklearn_bp, sklearn_bp.backends.cuda\n"
        "print([m for m in sys.modules if m.split('.')[0] == 'cuda' or 'numba.cuda.' in m])"
    )
    assert loaded == "[]"


def test_without_the_cuda_package():
    printed = run_python(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'numba_cuda' else find(name, *rest)\n"
        "from sklearn_bp.backends import get_backend\n"
        "print(get_backend('auto').name)\n"
        "try: get_backend('cuda')\n"
        "except RuntimeError as error: print(error)"
    )
    assert printed.startswith("cpu") and "numba-cuda is not installed" in printed


def test_with_a_broken_cuda_package():
    printed = run_python(
        "import sys, importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: True if name == 'numba_cuda' else find(name, *rest)\n"
        "sys.modules['numba.cuda'] = None\n"
        "from sklearn_bp.backends import get_backend\n"
        "print(get_backend('auto').name)\n"
        "try: get_backend('cuda')\n"
        "except RuntimeError as error: print(error)"
    )
    assert printed.startswith("cpu") and "could not be loaded" in printed


def test_one_file_imports_cuda():
    from pathlib import Path

    folder = Path(backends.__file__).parents[1]
    importers = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        for line in path.read_text().splitlines()
        if line.strip().startswith(("from numba import", "import numba.cuda", "from numba.cuda"))
        and "cuda" in line
        or line.strip().startswith(("from cuda.", "import cuda"))
    }
    assert importers == {"backends/cuda/_runtime.py"}
