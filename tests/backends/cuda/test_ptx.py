"""Every kernel compiles for old and new GPUs, and single precision stays single.

No GPU is needed: numba compiles to PTX, the language that the driver takes.
"""

import re
from importlib import import_module
from pkgutil import iter_modules

import pytest
from numba import config

pytest.importorskip("numba_cuda")
if config.ENABLE_CUDASIM:
    pytest.skip("the simulator compiles nothing", allow_module_level=True)

from sklearn_bp.backends import cuda as package
from sklearn_bp.backends.cuda._runtime import cuda

from .launches import all_launches, make_backend

DOUBLE_IN_SINGLE = {
    "count_argmax": "weights of many samples are added up in double precision",
    "count_sign": "weights of many samples are added up in double precision",
    "fill": "what they add up to starts at zero",
    "label_log_z": "class probabilities are computed in double precision",
    "load_rows": "samples may be float64 where the network is float32",
    "log_integrals": "class probabilities are computed in double precision",
    "normalise": "class probabilities are computed in double precision",
    "score_labels": "scores of many samples are added up in double precision",
}
"""Kernels that a network of single precision launches with arrays of double precision, and why."""


OLD, NEW = (7, 5), (9, 0)
"""Compute capabilities: the oldest that CUDA 13 knows, and one of today."""


class Device:
    """Stands for the GPU that kernels are compiled for."""

    compute_capability = OLD


@pytest.fixture(autouse=True)
def device(monkeypatch):
    dispatcher = import_module("numba.cuda.dispatcher")
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: Device)


def compile_kernel(source, signature, capability=OLD):
    ptx, _ = cuda.compile_ptx(source, cuda.types.void(*signature), cc=capability)
    return ptx


def compile_twice(source, signature, patch):
    """PTX for both capabilities; all but the last step, which takes the least time, is shared."""
    nvvm = import_module("numba.cuda.cudadrv.nvvm")
    compile_ir, seen = nvvm.compile_ir, []

    def remember(ir, **options):
        seen.append((ir, options))
        return compile_ir(ir, **options)

    with patch.context() as patched:
        patched.setattr(nvvm, "compile_ir", remember)
        old = compile_kernel(source, signature)
    ir, options = seen[-1]
    arch = options["arch"].replace("".join(map(str, OLD)), "".join(map(str, NEW)))
    return old, compile_ir(ir, **options | {"arch": arch}).decode().strip("\x00").strip()


def check_ptx(name, ptx, capability):
    assert f".target sm_{capability[0]}{capability[1]}" in ptx, name
    # Everything is inlined, nothing is flushed to zero; float32 divides to two units in the last
    # place instead of half a one, and nothing else is approximate.
    assert "call" not in re.sub(r"//.*", "", ptx), name
    assert ".ftz" not in ptx, name
    assert set(re.findall(r"\w+\.approx[.\w]*", ptx)) <= {"div.approx.f32"}, name


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_kernel_compiles(dtype, monkeypatch):
    for source, signature in all_launches(monkeypatch, dtype):
        name = source.__name__
        for ptx, capability in zip(
            compile_twice(source, signature, monkeypatch), (OLD, NEW), strict=True
        ):
            check_ptx(name, ptx, capability)
            if dtype == "float32" and any("float64" in str(one) for one in signature):
                assert name in DOUBLE_IN_SINGLE
            elif dtype == "float32":
                assert ".f64" not in ptx, name


def test_compiling_twice_is_compiling_for_each(monkeypatch):
    def kernel(array):
        i = cuda.grid(1)
        array[i] = array[i] / (array[i] + array.dtype.type(1))

    signature = (cuda.types.float32[::1],)
    both = compile_twice(kernel, signature, monkeypatch)
    apart = [compile_kernel(kernel, signature, capability) for capability in (OLD, NEW)]
    # Names count how many functions were compiled before.
    assert [re.sub(r"_Z\w+", "name", ptx) for ptx in both] == [
        re.sub(r"_Z\w+", "name", ptx) for ptx in apart
    ]


def test_every_kernel_is_launched_by_the_engine(monkeypatch):
    launched = {source.__qualname__ for source, _ in all_launches(monkeypatch, "float32")}
    own = set()
    for found in iter_modules(package.__path__):
        module = import_module(f"{package.__name__}.{found.name}")
        for name, value in vars(module).items():
            if is_kernel(value) and value.py_func.__module__ == module.__name__:
                own.add(value.py_func.__qualname__)
            elif name.startswith("make_") and hasattr(value, "cache_info"):
                assert any(one.startswith(name + ".") for one in launched), name
    assert "_write" in own, "the kernel that is tried before a device is used"
    assert own - {"_write"} <= launched


def is_kernel(value):
    return hasattr(value, "py_func") and not value.targetoptions.get("device")


def test_double_precision_would_be_noticed():
    def doubled(array):
        array[0] = array[0] * 0.1

    signature = (cuda.types.float32[::1],)
    assert ".f64" in compile_kernel(doubled, signature)


def test_a_backend_without_a_device_launches_what_it_is_told(monkeypatch):
    backend = make_backend(monkeypatch)
    a, b = (backend.zeros((3, 2), "float32") for _ in range(2))
    backend.add(a, b)
    names = [source.__name__ for source, _ in backend.stream.launches]
    assert names[-1] == "add"
