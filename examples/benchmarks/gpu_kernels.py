"""Times of single kernels on a GPU, and the floors under them.

A floor is the larger of two times: every array of the launch moved once at the rate of a large
copy, and the arithmetic done at the rate of a loop of multiply-adds, or of a large matrix product
if that is higher. A kernel of a few microseconds is far above its floor whatever it does: nothing
that is launched takes less than the least kernel.
"""

import re
from statistics import median
from time import perf_counter

import numpy as np

from sklearn_bp.backends.cuda._array import DeviceArray
from sklearn_bp.backends.cuda._backend import CudaBackend
from sklearn_bp.backends.cuda._products import _base
from sklearn_bp.backends.cuda._runtime import SIMULATED, cuda, kernel

REPEATS = 20
"""Launches of a kernel in the recording that is timed."""

CHAINS, UNROLLED, LOOPS = 8, 16, 256
"""Of the loop that gives the rate: independent sums of a thread, multiply-adds of each without a
jump, and jumps."""


def seconds_of(backend, function, repeats=REPEATS, turns=9):
    """Take the time of a launch: several in one recording, the median of several recordings' runs.

    Parameters
    ----------
    backend : CudaBackend
        Whose stream is used.
    function : callable
        Launches work that has run before.
    repeats, turns : int
        Launches per recording, and runs of it.

    Returns
    -------
    float
        Seconds per launch.
    """

    def many():
        for _ in range(repeats):
            function()

    if SIMULATED:
        repeats, turns = 1, 1
    function()
    run = many if SIMULATED else backend.stream.capture(many)[0].launch
    times = []
    for _ in range(turns + 1):
        backend.stream.synchronize()
        start = perf_counter()
        run()
        backend.stream.synchronize()
        times.append((perf_counter() - start) / repeats)
    return median(times[1:])


@kernel
def multiply_adds(out, factor, loops):
    """Do nothing but multiply-adds, in eight chains per thread; the inner loop is unrolled."""
    i = cuda.grid(1)
    a = factor + out[i]
    b, c, d = a + factor, a - factor, a * factor
    e, f, g, h = b + factor, c - factor, d * factor, a + b
    for _ in range(loops):
        for _ in range(UNROLLED):
            a = a * factor + factor
            b = b * factor + factor
            c = c * factor + factor
            d = d * factor + factor
            e = e * factor + factor
            f = f * factor + factor
            g = g * factor + factor
            h = h * factor + factor
    out[i] = a + b + c + d + e + f + g + h


class Ceilings:
    """What the device can do, each rate measured when it is first asked for."""

    def __init__(self, backend, quick):
        self.backend, self._rates = backend, {}
        self._scale = 1 if SIMULATED else 2**20
        self._side = 8 if SIMULATED else (4096 if quick else 8192)

    def record(self, name):
        """Give a rate with its unit."""
        units = {"copy": (1e-9, "GB/s"), "multiply-adds": (1e-12, "10¹²/s")}
        units |= {"products": (1e-12, "10¹² multiply-adds/s"), "least kernel": (1e6, "µs")}
        factor, unit = units[name]
        return {"rate": self.rate(name) * factor, "unit": unit}

    def rate(self, name):
        """Give a rate in units of one, or the seconds of the least kernel."""
        if name not in self._rates:
            makers = {
                "copy": self._copy,
                "multiply-adds": self._multiply_adds,
                "products": self._products,
                "least kernel": self._least,
            }
            self._rates[name] = makers[name]()
        return self._rates[name]

    def _copy(self):
        """Bytes read and written per second by a copy far larger than the cache."""
        a, b = (self.backend.zeros((256 * self._scale,), "float32") for _ in range(2))
        return 2 * 4 * a.size / seconds_of(self.backend, lambda: self.backend.copy(a, b), 4)

    def _multiply_adds(self):
        """Multiply-adds per second in single precision."""
        threads, loops = (2, 4) if SIMULATED else (256, LOOPS)
        out = self.backend.zeros((threads * (2 if SIMULATED else 2048),), "float32")
        arguments = (out, np.float32(0.999), loops)
        grid = out.size // threads
        seconds = seconds_of(
            self.backend, lambda: self.backend.launch(multiply_adds, grid, threads, *arguments), 4
        )
        return out.size * CHAINS * UNROLLED * loops / seconds

    def _products(self):
        """Multiply-adds per second of a large product in single precision."""
        rng = np.random.default_rng(0)
        a, b = (
            self.backend.asarray(rng.standard_normal((self._side,) * 2).astype(np.float32))
            for _ in range(2)
        )
        out = self.backend.zeros(a.shape, "float32")
        return self._side**3 / seconds_of(self.backend, lambda: self.backend.matmul(a, b, out), 2)

    def _least(self):
        """Seconds of a kernel that does next to nothing."""
        a = self.backend.zeros((1,), "float32")
        return seconds_of(self.backend, lambda: self.backend.fill(a, 1), 200)


class Spy:
    """Writes down the launches and the products of a step, to be repeated one by one."""

    def __init__(self, backend):
        self.backend, self.seen = backend, []
        self._launch, self._matmul = backend.launch, backend.products.matmul

    def __enter__(self):
        self.backend.launch, self.backend.matmul = self._note_launch, self._note_product
        self._records, self.backend._replays.records = self.backend._replays.records, False
        return self

    def __exit__(self, *error):
        del self.backend.launch, self.backend.matmul
        self.backend._replays.records = self._records

    def _note_launch(self, compiled, grid, block, *arguments):
        self.seen.append(Launch(self._launch, compiled, grid, block, arguments))
        self._launch(compiled, grid, block, *arguments)

    def _note_product(self, a, b, out):
        self.seen.append(Product(self._matmul, a, b, out))
        self._matmul(a, b, out)


class Launch:
    """A kernel with its arguments."""

    def __init__(self, launch, compiled, grid, block, arguments):
        self.compiled, self.arguments = compiled, arguments
        self.run = lambda: launch(compiled, grid, block, *arguments)
        self.name = getattr(compiled, "py_func", compiled).__name__

        self.arrays = [
            one
            for one in arguments
            if isinstance(one, DeviceArray) or (hasattr(one, "shape") and not np.isscalar(one))
        ]

    @property
    def shapes(self):
        """Shapes of the arrays, which with the name tell launches apart."""
        return tuple(one.shape for one in self.arrays)

    @property
    def n_bytes(self):
        """Bytes of all arrays, each moved once; of the data only the mini-batch's rows."""
        arrays = self.arrays
        if self.name == "load_rows":
            arrays = [arrays[-1], *arrays[-2:]]
        elif self.name == "take":
            arrays = [arrays[-1]] * 2
        return sum(one.size * one.dtype.itemsize for one in arrays)

    def operations(self, edge_cost):
        """Multiply-adds, or instructions as fast, that the edges of the kernel take."""
        if self.name not in ("edge_sums", "expanded_sums", "edge_sums_cavity"):
            return 0
        (n_rows, n_units), omega = self.arguments[-1].shape, self.arguments[0]
        edges = omega.shape[0] * n_rows * n_units
        if self.name != "expanded_sums":
            return edges * (edge_cost + 3)
        n_terms = self.arguments[2].size // omega.size
        return edges * (n_terms + 2)


class Product:
    """A matrix product."""

    name = "product"

    def __init__(self, matmul, a, b, out):
        self.factors, self.out = (a, b), out
        self.run = lambda: matmul(a, b, out)

    @property
    def shapes(self):
        """Shapes of the factors and of what they give."""
        return tuple(one.shape for one in (*self.factors, self.out))

    @property
    def n_bytes(self):
        """Bytes of factors and result."""
        arrays = [_base(one)[0] for one in self.factors] + [self.out]
        return sum(one.size * one.dtype.itemsize for one in arrays)

    def operations(self, edge_cost):
        """Multiply-adds."""
        a, b = self.factors
        return a.shape[0] * a.shape[1] * b.shape[1]


def edge_cost(channel):
    """Count the floating-point instructions of g of an edge, in the kernel's own language.

    Parameters
    ----------
    channel : Activation
        The channel.

    Returns
    -------
    int
        Additions, multiplications, multiply-adds, comparisons, selections, divisions.
    """
    edge_g = channel.edge_g

    def one_edge(a, out):
        out[0] = edge_g(a[0], a[1], a[2], a[3])

    if SIMULATED:
        return 60
    array = cuda.types.float32[::1]
    ptx, _ = cuda.compile_ptx(one_edge, cuda.types.void(array, array), cc=(9, 0))
    pattern = r"^\s+(?:add|sub|mul|fma|div|min|max|neg|abs|setp|selp)\.[\w.]*f32"
    return len(re.findall(pattern, ptx, re.M))


def floor_of(n_bytes, operations, ceilings):
    """Compute the least time that a kernel can take.

    Parameters
    ----------
    n_bytes, operations : int
        What it reads and writes, and what it computes.
    ceilings : Ceilings
        Rates of the device.

    Returns
    -------
    seconds : float
        The time.
    resource : str
        What takes so long: "bytes" or "arithmetic".
    """
    by_bytes = n_bytes / ceilings.rate("copy")
    by_work = operations / max(ceilings.rate("multiply-adds"), ceilings.rate("products"))
    return (by_work, "arithmetic") if by_work > by_bytes else (by_bytes, "bytes")


def kernel_records(contender, ceilings):
    """Measure every launch of one step.

    Parameters
    ----------
    contender : OnDevice
        What takes the step.
    ceilings : Ceilings
        Rates of the device.

    Returns
    -------
    list of dict
        One per kernel and shape, the most expensive first.
    """
    backend: CudaBackend = contender.backend
    with Spy(backend) as spy:
        contender.epoch(contender.problem.batch_size)
    # The mini-batch is read again and again; its place has moved on with the step.
    for one in spy.seen:
        if one.name == "end_step":
            backend.fill(one.arguments[1], 0)
    cost = edge_cost(contender.engine.layers[0].channel_above)
    groups: dict = {}
    for one in spy.seen:
        groups.setdefault((one.name, one.shapes), []).append(one)
    records = []
    for (name, shapes), launches in groups.items():
        first = launches[0]
        seconds = seconds_of(backend, first.run)
        floor, resource = floor_of(first.n_bytes, first.operations(cost), ceilings)
        size = " ".join("×".join(map(str, shape)) for shape in shapes[:2])
        records.append(
            {
                "kernel": f"{name} {size}",
                "calls": len(launches),
                "us": seconds * 1e6,
                "floor_us": floor * 1e6,
                "floor_of": resource,
                "over_floor": seconds / floor,
            }
        )
    return sorted(records, key=lambda record: -record["us"] * record["calls"])
