"""The README's code blocks, verbatim, for running them.

python tests/readme.py first-command   # prints the first bash block
python tests/readme.py run             # runs every Python block in a process of its own
"""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    """List the code blocks of a language, in order."""
    text = README.read_text(encoding="utf-8")
    return [code for name, code in FENCE.findall(text) if name == language]


def run_all():
    """Run every Python block as a reader would, in a file of its own."""
    for number, code in enumerate(blocks("python"), start=1):
        print(f"README, Python block {number}:", flush=True)
        subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["first-command"]:
        print(blocks("bash")[0], end="")
    elif sys.argv[1:] == ["run"]:
        run_all()
    else:
        sys.exit(__doc__)
