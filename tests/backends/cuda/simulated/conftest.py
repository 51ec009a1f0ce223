"""Tests in this folder run in numba's CUDA simulator, chosen before numba is imported.

``tests/backends/cuda/test_simulator.py`` starts a process of its own for them.
"""

from numba import config

collect_ignore_glob = [] if config.ENABLE_CUDASIM else ["test_*.py"]

if config.ENABLE_CUDASIM:
    from ..turns import take_turns

    take_turns(processor=min)
