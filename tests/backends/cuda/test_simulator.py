"""Starts the tests that need numba's CUDA simulator, in a process where it is on from the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

FOLDER = Path(__file__).parent / "simulated"


@pytest.mark.slow
@pytest.mark.skipif(config.ENABLE_CUDASIM, reason="runs in the simulator already")
def test_in_the_simulator():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    environment = {name: v for name, v in environment.items() if not name.startswith("PYTEST_")}
    result = subprocess.run(
        [*command, str(FOLDER)], env=environment, capture_output=True, text=True, timeout=900
    )
    assert result.returncode == 0, result.stdout[-20000:] + result.stderr[-5000:]
    assert " passed" in result.stdout
