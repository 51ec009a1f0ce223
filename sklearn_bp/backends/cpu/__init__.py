"""CPU backend: matrix products through BLAS, everything elementwise fused in numba kernels."""

from ._backend import CpuBackend

__all__ = ["CpuBackend"]
