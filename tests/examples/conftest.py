"""What tests of the examples share: their folders on the path."""

import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

for folder in (EXAMPLES / "benchmarks", EXAMPLES / "paper", EXAMPLES):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
