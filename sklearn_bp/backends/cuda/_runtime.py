"""The only file that imports CUDA: compilation, launches, memory, streams and graphs.

Everything here works in numba's simulator too, except graphs, which it does not have.
"""

import ctypes
import warnings
import weakref
from dataclasses import dataclass

import numpy as np
from numba import config, cuda

from ..errors import DeviceMemoryError

SIMULATED = bool(vars(config)["ENABLE_CUDASIM"])
"""Whether kernels run in numba's simulator."""

if not SIMULATED:
    from cuda.bindings import driver
    from cuda.pathfinder import load_nvidia_dynamic_lib

OUT_OF_MEMORY = 2
"""The driver's error code for memory that is not there."""


place = np.uint64
"""Type of indices in inner loops: an unsigned one cannot count from the end, which would have to be
looked into at every access."""


@dataclass(frozen=True)
class BlockShape:
    """How threads are grouped; powers of two, small ones for the simulator.

    Attributes
    ----------
    columns, rows : int
        Threads of an elementwise block, along the columns and the rows of arrays.
    row_threads, column_threads : int
        Threads that share a row, or a column, where something is summed over it.
    lanes, groups : int
        Threads of a block of edges, along units and along inputs.
    inputs : int
        Inputs per thread there.
    chunk_bytes : int
        Bytes of every thread's partial sums there, until they are added up.
    units : int
        Units per thread where edges are expanded. The other numbers along edges must be such that
        the threads of a block are a multiple of its units and of its inputs.
    series_bytes : int
        Bytes of coefficients that a block holds there, if one sample's are not more.
    tile, tile_depth, tile_thread : int
        Side and depth of a block's tile of a matrix product, and side of a thread's part.
    grid_rows : int
        Most blocks along the rows, and along the samples, of an elementwise kernel; a thread takes
        the rows beyond too.
    """

    columns: int = 32
    rows: int = 8
    row_threads: int = 256
    column_threads: int = 32
    lanes: int = 32
    groups: int = 4
    inputs: int = 4
    chunk_bytes: int = 128
    units: int = 2
    series_bytes: int = 16384
    tile: int = 32
    tile_depth: int = 32
    tile_thread: int = 2
    grid_rows: int = 65535


DEVICE_BLOCKS = BlockShape()
SIMULATOR_BLOCKS = BlockShape(
    columns=2,
    rows=2,
    row_threads=4,
    column_threads=2,
    lanes=2,
    groups=2,
    inputs=2,
    chunk_bytes=32,
    units=2,
    series_bytes=512,
    tile=4,
    tile_depth=2,
    tile_thread=2,
    grid_rows=2,
)
"""Blocks of a handful of threads, since the simulator starts a Python thread for each."""


def find_problem():
    """Tell why no kernel can run.

    Returns
    -------
    str or None
        A sentence; None if one can.

    Raises
    ------
    Exception
        Whatever the driver says of a GPU that is there but cannot be used.
    """
    if SIMULATED:
        return None
    if not cuda.is_available():
        reason = cuda.cuda_error()
        if reason is None:
            return "the driver works, but the libraries that compile kernels were not found."
        return f"there is no usable CUDA driver ({' '.join(str(reason).split())})."
    if not len(cuda.gpus):
        return "the driver sees no GPU."
    cuda.current_context()
    try:
        _try_kernel()
    except Exception as error:  # Packages that do not fit each other fail here at the earliest.
        return f"kernels cannot be compiled and run ({type(error).__name__}: {error})."
    return None


def describe_device():
    """Describe the GPU in use.

    Returns
    -------
    dict
        Its name, compute capability, multiprocessors and bytes of memory.
    """
    device = cuda.get_current_device()
    name = device.name
    return {
        "name": name.decode() if isinstance(name, bytes) else str(name),
        "compute_capability": ".".join(map(str, device.compute_capability)),
        "multiprocessors": int(device.MULTIPROCESSOR_COUNT),
        "memory_bytes": int(cuda.current_context().get_memory_info().total),
    }


def kernel(function):
    """Compile a kernel when it is first launched; its loops keep IEEE arithmetic.

    Parameters
    ----------
    function : callable
        Kernel source.

    Returns
    -------
    callable
        What :meth:`Stream.launch` takes.
    """
    return cuda.jit(function)


def device_function(function):
    """Compile a function of arrays in block or thread memory that kernels call.

    Parameters
    ----------
    function : callable
        Its source.

    Returns
    -------
    callable
        The compiled function.
    """
    return cuda.jit(device=True)(function)


def array_function(compiled):
    """Let kernels call a function of arrays that numba compiled for the CPU.

    On a device it is compiled anew. The simulator would hand it arrays of its own kind, of which it
    gets the NumPy arrays underneath.

    Parameters
    ----------
    compiled : callable
        The function, compiled by ``numba.njit``.

    Returns
    -------
    callable
        What kernels call.
    """
    if not SIMULATED:
        return compiled

    def call(*arguments):
        return compiled(*(one._item._ary if hasattr(one, "_item") else one for one in arguments))

    return call


def allocate(shape, dtype):
    """Allocate device memory.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    dtype : numpy.dtype
        Its type.

    Returns
    -------
    device array
        Uninitialised.

    Raises
    ------
    DeviceMemoryError
        If it does not fit.
    """
    try:
        return cuda.device_array(shape, dtype)
    except Exception as error:
        if int(getattr(error, "code", 0)) != OUT_OF_MEMORY:
            raise
        needed = int(np.prod(shape)) * np.dtype(dtype).itemsize
        raise DeviceMemoryError(shape, needed, free_memory()) from error


def free_memory():
    """Count the free bytes of the device.

    Returns
    -------
    int or float
        Bytes; infinite in the simulator.
    """
    return cuda.current_context().get_memory_info().free


def pinned(shape, dtype):
    """Allocate page-locked host memory, from which copies run beside kernels.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    dtype : numpy.dtype
        Its type.

    Returns
    -------
    ndarray
        Uninitialised.
    """
    return cuda.pinned_array(shape, dtype)


def load_cublas():
    """Load cuBLAS.

    Returns
    -------
    ctypes.CDLL or None
        None where it is not installed, and in the simulator.
    """
    if SIMULATED:
        return None
    try:
        return ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path)
    except (RuntimeError, OSError):
        return None


def _check(result):
    """Return what a driver function returned besides its error code, if that is success."""
    error, *values = result
    if error != driver.CUresult.CUDA_SUCCESS:
        raise RuntimeError(f"The CUDA driver failed: {error!r}.")
    return values[0] if values else None


class Event:
    """A mark in a stream that the host can wait for."""

    def __init__(self):
        self._event = cuda.event(timing=False) if not SIMULATED else cuda.event()

    def record(self, stream):
        """Put the mark behind everything now in the stream."""
        self._event.record(stream.handle)

    def wait(self):
        """Wait until the stream has passed the mark."""
        self._event.synchronize()


class Stream:
    """A queue of work on the device."""

    def __init__(self):
        self.handle = cuda.stream()
        self._configured = {}

    def launch(self, compiled, grid, block, *arguments):
        """Queue a kernel.

        Parameters
        ----------
        compiled : callable
            What :func:`kernel` returned.
        grid, block : tuple of int
            Blocks, and threads of a block.
        *arguments
            Device arrays and numbers.
        """
        if SIMULATED:  # It keeps the last configuration of a kernel only.
            compiled[grid, block, self.handle](*arguments)
            return
        key = (compiled, grid, block)
        if key not in self._configured:
            with warnings.catch_warnings():
                # numba warns of grids too small to fill a GPU; small layers have such.
                warnings.simplefilter("ignore")
                self._configured[key] = compiled[grid, block, self.handle]
        self._configured[key](*arguments)

    def upload(self, source, target):
        """Queue a copy of a host array of the same shape and type to the device."""
        target.copy_to_device(source, stream=self.handle)

    def download(self, source):
        """Copy a device array to the host, and wait for it.

        Returns
        -------
        ndarray
            The copy.
        """
        host = source.copy_to_host(stream=self.handle)
        self.synchronize()
        return host

    def synchronize(self):
        """Wait until all work in the queue is done."""
        self.handle.synchronize()

    def address(self):
        """Give the driver's address of the stream."""
        return int(self.handle)

    def capture(self, function, *arguments):
        """Record what a function launches, without running it.

        Parameters
        ----------
        function : callable
            Launches kernels that have run before, and allocates nothing.
        *arguments
            Its arguments.

        Returns
        -------
        graph : Graph
            What was recorded.
        value : object
            What the function returned.
        """
        raw = driver.CUstream(self.address())
        relaxed = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
        with cuda.defer_cleanup():
            _check(driver.cuStreamBeginCapture(raw, relaxed))
            try:
                value = function(*arguments)
            finally:
                ended = driver.cuStreamEndCapture(raw)
        recorded = _check(ended)
        executable = _check(driver.cuGraphInstantiate(recorded, 0))
        _check(driver.cuGraphDestroy(recorded))
        return Graph(executable, raw), value


class Graph:
    """Recorded work that can be queued again as a whole."""

    def __init__(self, executable, raw_stream):
        self._executable, self._stream = executable, raw_stream
        weakref.finalize(self, driver.cuGraphExecDestroy, executable)

    def launch(self):
        """Queue the work."""
        _check(driver.cuGraphLaunch(self._executable, self._stream))


def enter_context():
    """Make the device's context the calling thread's own."""
    cuda.current_context()


@kernel
def _write(array):
    """Do what shows that kernels run."""
    array[0] = 1


def _try_kernel():
    """Compile and launch a kernel, and wait for it."""
    stream, array = Stream(), allocate((1,), np.dtype("int64"))
    stream.launch(_write, 1, 1, array)
    stream.synchronize()
