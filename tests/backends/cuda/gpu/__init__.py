"""Tests that need a GPU: ``pytest -m gpu``. Elsewhere they are skipped, and the reason is shown."""

import pytest

from sklearn_bp.backends.cuda import find_problem

problem = find_problem()
needs_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(problem is not None, reason=f"no GPU: {problem}"),
]
"""Marks of all modules in this folder."""
