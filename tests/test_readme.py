"""The README's examples run as they stand there, and reach what they are there to show."""

import re
import warnings

import pytest
from readme import README, blocks

PYTHON = blocks("python")
LEAST_ACCURACY = 0.85
"""No example is there to show a bad classifier."""


def test_there_is_an_example_of_every_use():
    shown = "\n".join(PYTHON)
    for use in ("BPClassifier", "BayesBPClassifier", "GridSearchCV", "partial_fit"):
        assert use in shown


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_example(number, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(PYTHON[number], f"{README.name}, block {number}", "exec"), {})
    printed = capsys.readouterr().out
    accuracies = [float(one) for one in re.findall(r"accuracy (\d\.\d+)", printed)]
    assert printed
    assert all(accuracy > LEAST_ACCURACY for accuracy in accuracies), printed
    if "values of the weights" in printed:
        values = re.findall(r"-?1\.0", printed.split("values of the weights")[1])
        assert values == ["-1.0", "1.0"]


def test_files_that_are_linked_exist():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert links
    if (README.parent / "docs").is_dir():  # Not where tests run apart from the sources.
        assert [link for link in links if not (README.parent / link).exists()] == []
