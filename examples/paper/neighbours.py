"""Lets scripts of this folder import from the folders beside it, baselines and benchmarks."""

import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1]

if str(EXAMPLES) not in sys.path:
    sys.path.append(str(EXAMPLES))
