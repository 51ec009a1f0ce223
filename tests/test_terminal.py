"""Pictures made of characters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_bp._terminal import BLOCKS, PLAIN_BLOCKS, draw_percentages

percentages = st.floats(0, 100, allow_subnormal=False)


def read(picture, n_columns, blocks=BLOCKS):
    """Read back the heights of the columns, in rows, and the labels by row above the axis."""
    *rows, axis, _ = picture.split("\n")
    width = axis.count("-") // n_columns
    heights, labels = np.zeros(n_columns), {0: axis.split("+")[0]}
    for row, line in enumerate(reversed(rows), start=1):
        labels[row], bars = line.split("|", 1)
        for column, cell in enumerate(bars[::width]):
            heights[column] += blocks.index(cell) / (len(blocks) - 1)
    return heights, {row: float(label) for row, label in labels.items() if label.strip()}


def test_a_small_picture():
    assert draw_percentages([10, 5, 1.5]).split("\n") == [
        "   10 |██████",
        "      |██████",
        "    5 |██████▇▇▇▇▇▇",
        "      |████████████",
        "      |████████████",
        "    2 |████████████▂▂▂▂▂▂",
        "      |██████████████████",
        "    1 +------------------",
        "       1                3",
    ]


@given(st.lists(percentages, min_size=1, max_size=60))
def test_columns_are_logarithms_above_the_lowest_label(values):
    heights, labels = read(draw_percentages(values), len(values))
    low, high = labels[0], labels[max(labels)]
    assert low < high and max(values) <= high
    for value, height in zip(values, heights, strict=True):
        exact = 7 * np.log10(max(value, low) / low)
        assert height == pytest.approx(min(exact, max(labels)), abs=0.07)


@given(st.lists(percentages, min_size=1, max_size=60))
def test_labels_stand_where_columns_of_their_height_end(values):
    labels = read(draw_percentages(values), len(values))[1]
    assert len(labels) >= 2
    for row, label in labels.items():
        assert 7 * np.log10(label / labels[0]) == pytest.approx(row, abs=0.22)


@given(st.lists(percentages, min_size=1, max_size=300))
def test_pictures_fit_a_terminal(values):
    lines = draw_percentages(values).split("\n")
    assert len(lines) <= 26 and max(map(len, lines)) <= 67
    assert lines[-1].split() == ["1", str(len(values))][: len(values)]


@given(st.lists(percentages, min_size=1, max_size=60))
def test_the_axis_reaches_to_the_least_value_within_three_decades(values):
    labels = read(draw_percentages(values), len(values))[1]
    high, least = labels[max(labels)], min(value for value in [*values, 100] if value > 0)
    assert labels[0] <= max(least, high / 1000, 0.001)


def test_of_many_values_neighbours_are_averaged():
    few = draw_percentages(np.repeat([50.0, 4.0], 30))
    many = draw_percentages([40.0, 60.0] * 30 + [3.0, 5.0] * 30)
    assert many.split("\n")[:-1] == few.split("\n")[:-1]


def test_no_error_at_all_is_no_column():
    assert not read(draw_percentages([0.0, 0.0]), 2)[0].any()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no such encoding"])
def test_a_terminal_without_blocks_gets_plain_characters(encoding):
    values = [50, 20, 7, 3, 1.5]
    plain = draw_percentages(values, encoding)
    assert plain.isascii()
    fine = read(draw_percentages(values), 5)
    coarse = read(plain, 5, PLAIN_BLOCKS)
    np.testing.assert_allclose(coarse[0], fine[0], atol=0.2)
    assert coarse[1] == fine[1]
