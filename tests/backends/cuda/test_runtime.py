"""What touches CUDA itself, with stand-ins for the driver and the libraries."""

import warnings
from types import SimpleNamespace

import pytest
from numba import config

pytest.importorskip("numba_cuda")
if config.ENABLE_CUDASIM:
    pytest.skip("the simulator has no driver", allow_module_level=True)

from sklearn_bp.backends import cuda as package
from sklearn_bp.backends.cuda import _products, _runtime
from sklearn_bp.backends.cuda._runtime import DEVICE_BLOCKS, Stream, driver

SUCCESS = driver.CUresult.CUDA_SUCCESS


def fake_cuda(available=True, error=None, gpus=("one",), context=lambda: "a context"):
    return SimpleNamespace(
        is_available=lambda: available,
        cuda_error=lambda: error,
        gpus=gpus,
        current_context=context,
    )


@pytest.fixture
def problem(monkeypatch):
    """What is found to be wrong with a CUDA that looks like that."""
    package.find_problem.cache_clear()

    def find(kernel=lambda: None, **looks):
        monkeypatch.setattr(_runtime, "cuda", fake_cuda(**looks))
        monkeypatch.setattr(_runtime, "_try_kernel", kernel)
        package.find_problem.cache_clear()
        return package.find_problem()

    yield find
    package.find_problem.cache_clear()


def broken():
    raise RuntimeError("CUDA_ERROR_DEVICE_UNAVAILABLE")


def test_a_gpu_that_works(problem):
    assert problem() is None


def test_no_driver(problem):
    found = problem(available=False, error="driver library\ncannot be found")
    assert found == "there is no usable CUDA driver (driver library cannot be found)."


def test_a_driver_without_the_libraries_that_compile(problem):
    assert "libraries that compile kernels" in problem(available=False)


def test_a_driver_without_a_gpu(problem):
    assert problem(gpus=()) == "the driver sees no GPU."


def test_a_gpu_that_cannot_be_used(problem):
    assert "RuntimeError: CUDA_ERROR_DEVICE_UNAVAILABLE" in problem(context=broken)


def test_packages_that_do_not_fit_each_other(problem):
    found = problem(kernel=broken)
    assert found.startswith("kernels cannot be compiled and run (RuntimeError: CUDA_ERROR")


def test_cublas_is_loaded_where_it_is_found(monkeypatch):
    found = []
    monkeypatch.setattr(
        _runtime, "load_nvidia_dynamic_lib", lambda name: SimpleNamespace(abs_path=f"/lib/{name}")
    )
    monkeypatch.setattr(_runtime.ctypes, "CDLL", lambda path: found.append(path) or "the library")
    assert _runtime.load_cublas() == "the library"
    assert found == ["/lib/cublas"]


@pytest.mark.parametrize("error", [RuntimeError("not found"), OSError("cannot open")])
def test_without_cublas_products_are_tiled(error, monkeypatch):
    def missing(name):
        raise error

    monkeypatch.setattr(_runtime, "load_nvidia_dynamic_lib", missing)
    assert _runtime.load_cublas() is None
    products = _products.make_products(SimpleNamespace(), DEVICE_BLOCKS, None)
    assert isinstance(products, _products.TiledProducts)


class Kernel:
    """A compiled kernel that warns of every new configuration, as numba's do of small grids."""

    def __init__(self):
        self.configured, self.launched = [], []

    def __getitem__(self, configuration):
        warnings.warn("Grid size 1 will likely result in under-utilization.", stacklevel=2)
        self.configured.append(configuration)
        return lambda *arguments: self.launched.append((configuration, arguments))


def make_stream():
    stream = object.__new__(Stream)
    stream.handle, stream._configured = 7, {}
    return stream


def test_a_launch_is_configured_once_and_silently():
    stream, kernel = make_stream(), Kernel()
    for argument in range(3):
        stream.launch(kernel, (1, 2), 32, argument)
    stream.launch(kernel, (2, 2), 32, 3)
    assert kernel.configured == [((1, 2), 32, 7), ((2, 2), 32, 7)]
    assert [arguments for _, arguments in kernel.launched] == [(0,), (1,), (2,), (3,)]
    assert kernel.launched[-1][0] == ((2, 2), 32, 7)


class Driver:
    """The driver's functions that recording needs, written down as they are called."""

    CUresult = driver.CUresult
    CUstreamCaptureMode = driver.CUstreamCaptureMode

    def __init__(self, fails=None):
        self.calls, self.fails = [], fails

    def CUstream(self, address):
        return f"stream {address}"

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append(name)
            failed = driver.CUresult.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED
            return (failed if name == self.fails else SUCCESS), f"from {name}"

        return call


@pytest.fixture
def recording(monkeypatch):
    def make(fails=None):
        fake = Driver(fails)
        monkeypatch.setattr(_runtime, "driver", fake)
        monkeypatch.setattr(
            _runtime, "cuda", SimpleNamespace(defer_cleanup=lambda: warnings.catch_warnings())
        )
        return fake

    return make


def test_a_recording_is_replayed(recording):
    fake = recording()
    graph, value = make_stream().capture(lambda a: fake.calls.append("work") or a + 1, 41)
    graph.launch()
    assert value == 42
    assert fake.calls == [
        "cuStreamBeginCapture",
        "work",
        "cuStreamEndCapture",
        "cuGraphInstantiate",
        "cuGraphDestroy",
        "cuGraphLaunch",
    ]
    del graph
    assert fake.calls[-1] == "cuGraphExecDestroy"


def test_what_fails_while_recording_ends_the_recording(recording):
    fake = recording()
    with pytest.raises(ZeroDivisionError):
        make_stream().capture(lambda: 1 / 0)
    assert fake.calls == ["cuStreamBeginCapture", "cuStreamEndCapture"]


@pytest.mark.parametrize(
    "function", ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate"]
)
def test_a_driver_that_refuses_is_an_error(function, recording):
    recording(fails=function)
    with pytest.raises(RuntimeError, match="CAPTURE_INVALIDATED"):
        make_stream().capture(lambda: None)
