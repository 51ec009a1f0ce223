"""Matrix products on the device: cuBLAS where it is installed, else a tiled kernel of our own.

cuBLAS is called through its C interface, on a handle of our own: CuPy, whose `matmul` would do the
same, refuses to be recorded in a graph, and a step without a graph spends most of its time on
launches.
"""

import ctypes
import weakref
from functools import cache

from ._array import Transposed
from ._runtime import cuda, kernel, load_cublas, place

WORKSPACE_BYTES = 32 * 2**20
"""Memory lent to cuBLAS, so that it allocates none while a graph is recorded."""

NOT_TRANSPOSED, TRANSPOSED = 0, 1
"""cuBLAS's names of how a matrix is read."""


def _base(matrix):
    """Give the array behind a matrix, and whether the matrix is its transpose."""
    if isinstance(matrix, Transposed):
        return matrix.T, True
    return matrix, False


class CublasProducts:
    """Products by cuBLAS.

    Parameters
    ----------
    library : ctypes.CDLL
        cuBLAS.
    stream : Stream
        Where products are queued.
    workspace : DeviceArray
        Memory for cuBLAS.
    """

    name = "cuBLAS"

    def __init__(self, library, stream, workspace):
        self._library, self._workspace = library, workspace
        handle = ctypes.c_void_p()
        self._check(library.cublasCreate_v2(ctypes.byref(handle)))
        self._handle = handle
        weakref.finalize(self, library.cublasDestroy_v2, handle)
        self._check(library.cublasSetStream_v2(handle, ctypes.c_void_p(stream.address())))
        memory = ctypes.c_void_p(workspace.address)
        size = ctypes.c_size_t(workspace.size)
        self._check(library.cublasSetWorkspace_v2(handle, memory, size))
        self._kinds = {
            "float32": (library.cublasSgemm_v2, ctypes.c_float(1), ctypes.c_float(0)),
            "float64": (library.cublasDgemm_v2, ctypes.c_double(1), ctypes.c_double(0)),
        }

    @staticmethod
    def _check(status):
        if status:
            raise RuntimeError(f"cuBLAS failed with status {status}.")

    def matmul(self, a, b, out):
        """Queue a product.

        cuBLAS counts entries along columns, so that it sees the transpose of every array, and is
        asked for outᵀ = bᵀ aᵀ.

        Parameters
        ----------
        a, b : DeviceArray or Transposed
            The factors.
        out : DeviceArray
            Where the product goes.
        """
        (first, first_transposed), (second, second_transposed) = _base(b), _base(a)
        product, one, zero = self._kinds[out.dtype.name]
        self._check(
            product(
                self._handle,
                TRANSPOSED if first_transposed else NOT_TRANSPOSED,
                TRANSPOSED if second_transposed else NOT_TRANSPOSED,
                out.shape[1],
                out.shape[0],
                a.shape[1],
                ctypes.byref(one),
                ctypes.c_void_p(first.address),
                first.shape[1],
                ctypes.c_void_p(second.address),
                second.shape[1],
                ctypes.byref(zero),
                ctypes.c_void_p(out.address),
                out.shape[1],
            )
        )


class TiledProducts:
    """Products by a kernel that keeps tiles of both factors in the blocks' memory.

    Parameters
    ----------
    stream : Stream
        Where products are queued.
    blocks : BlockShape
        Sizes of tiles.
    """

    name = "tiled kernel"

    def __init__(self, stream, blocks):
        self._stream, self._blocks = stream, blocks

    def matmul(self, a, b, out):
        """Queue a product.

        Parameters
        ----------
        a, b : DeviceArray or Transposed
            The factors.
        out : DeviceArray
            Where the product goes.
        """
        (first, first_transposed), (second, second_transposed) = _base(a), _base(b)
        scalar = out.dtype.type
        compiled = make_matmul(self._blocks, first_transposed, second_transposed, scalar)
        tile, threads = self._blocks.tile, self._blocks.tile // self._blocks.tile_thread
        grid = (-(-out.shape[1] // tile), -(-out.shape[0] // tile))
        self._stream.launch(compiled, grid, (threads, threads), first.data, second.data, out.data)


def make_products(stream, blocks, allocate):
    """Choose how products are formed.

    Parameters
    ----------
    stream : Stream
        Where they are queued.
    blocks : BlockShape
        Sizes of tiles.
    allocate : callable
        ``allocate(shape, dtype)`` makes a device array.

    Returns
    -------
    CublasProducts or TiledProducts
        cuBLAS if it can be loaded.
    """
    library = load_cublas()
    if library is None:
        return TiledProducts(stream, blocks)
    return CublasProducts(library, stream, allocate((WORKSPACE_BYTES,), "uint8"))


@cache
def make_matmul(blocks, first_transposed, second_transposed, scalar):
    """Make the tiled kernel of out = a b.

    Parameters
    ----------
    blocks : BlockShape
        Sizes of tiles.
    first_transposed, second_transposed : bool
        Whether `a` and `b` are the transposes of the arrays that the kernel is given.
    scalar : type
        NumPy's scalar type of the arrays.

    Returns
    -------
    callable
        ``matmul(a, b, out)``; a block of (tile / tile_thread)² threads fills a tile of `out`,
        every thread tile_thread² entries, a row and column of threads apart.
    """
    tile, depth, part = blocks.tile, blocks.tile_depth, blocks.tile_thread
    threads = tile // part
    n_threads = threads * threads
    tile_shape, part_shape = (depth, tile + 1), (part, part)

    @kernel
    def matmul(a, b, out):
        a_tile = cuda.shared.array(tile_shape, scalar)
        b_tile = cuda.shared.array(tile_shape, scalar)
        sums = cuda.local.array(part_shape, scalar)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        column, row = cuda.blockIdx.x * tile, cuda.blockIdx.y * tile
        inner = a.shape[0] if first_transposed else a.shape[1]
        for p in range(part):
            for q in range(part):
                sums[p, q] = scalar(0)
        for start in range(0, inner, depth):
            # Neighbouring threads read neighbouring entries of the arrays, transposed or not.
            for entry in range(y * threads + x, tile * depth, n_threads):
                slow, fast = entry // tile, entry % tile
                if first_transposed:
                    d, r = slow, fast
                    inside = start + d < inner and row + r < out.shape[0]
                    a_tile[d, r] = a[start + d, row + r] if inside else scalar(0)
                else:
                    d, r = entry % depth, entry // depth
                    inside = start + d < inner and row + r < out.shape[0]
                    a_tile[d, r] = a[row + r, start + d] if inside else scalar(0)
                if second_transposed:
                    d, r = entry % depth, entry // depth
                    inside = start + d < inner and column + r < out.shape[1]
                    b_tile[d, r] = b[column + r, start + d] if inside else scalar(0)
                else:
                    d, r = slow, fast
                    inside = start + d < inner and column + r < out.shape[1]
                    b_tile[d, r] = b[start + d, column + r] if inside else scalar(0)
            cuda.syncthreads()
            for d in range(depth):
                for p in range(part):
                    factor = a_tile[place(d), place(y + p * threads)]
                    for q in range(part):
                        sums[p, q] += factor * b_tile[place(d), place(x + q * threads)]
            cuda.syncthreads()
        for p in range(part):
            for q in range(part):
                if row + y + p * threads < out.shape[0] and column + x + q * threads < out.shape[1]:
                    out[row + y + p * threads, column + x + q * threads] = sums[p, q]

    return matmul
