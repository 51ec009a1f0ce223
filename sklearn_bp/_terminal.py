"""Pictures made of characters, for terminals: percentages over the epochs of a fit."""

import numpy as np

ROWS_PER_DECADE = 7
"""Makes 1, 2, 5 and 10 stand at the edges of rows: 7 log10 of them is 0, 2.1, 4.9 and 7."""

N_DECADES = 3
"""How far below the largest value the axis reaches; what is smaller leaves an empty column."""

TICKS = tuple(float(f"{digit}e{exponent}") for exponent in range(-3, 3) for digit in (1, 2, 5))

MAX_COLUMNS = 60
MAX_COLUMN_WIDTH = 6
LABEL_WIDTH = 5

BLOCKS = " ▁▂▃▄▅▆▇█"
PLAIN_BLOCKS = " .:|#"
"""For terminals that cannot show blocks."""


def draw_percentages(values, encoding="utf-8"):
    """Draw percentages, one per epoch, as columns over a logarithmic axis.

    Parameters
    ----------
    values : array-like of shape (n_epochs,)
        The percentages. Of more than 60 neighbours are averaged.
    encoding : str, default="utf-8"
        The terminal's encoding, which may lack the characters of a fine picture.

    Returns
    -------
    str
        The lines of the picture.
    """
    columns = [part.mean() for part in np.array_split(values, min(len(values), MAX_COLUMNS))]
    low, high = _axis_limits(columns)
    labels = {round(_rows(tick, low)): f"{tick:g}" for tick in TICKS if low <= tick <= high}
    width = min(MAX_COLUMN_WIDTH, MAX_COLUMNS // len(columns))
    heights = np.array([_rows(value, low) for value in columns])
    blocks, lines = _choose_blocks(encoding), []
    for row in range(max(labels), 0, -1):
        levels = np.clip(np.rint((heights - row + 1) * (len(blocks) - 1)), 0, len(blocks) - 1)
        bars = "".join(blocks[int(level)] * width for level in levels)
        lines.append(f"{labels.get(row, ''):>{LABEL_WIDTH}} |{bars}".rstrip())
    lines.append(f"{labels[0]:>{LABEL_WIDTH}} +" + "-" * (width * len(columns)))
    last = f"{len(values)}".rjust(width * len(columns) - 1) if len(columns) > 1 else ""
    lines.append(" " * LABEL_WIDTH + "  1" + last)
    return "\n".join(lines)


def _axis_limits(columns):
    """Choose the ticks at the ends of the axis, which hold all columns but the smallest."""
    largest = max(*columns, TICKS[1])
    high = min(tick for tick in TICKS if tick >= largest)
    smallest = min((value for value in columns if value > 0), default=largest)
    smallest = max(smallest, high / 10**N_DECADES, TICKS[0])
    return max(tick for tick in TICKS if tick <= smallest and tick < high), high


def _rows(value, low):
    """Compute how many rows a value is above the axis."""
    return ROWS_PER_DECADE * np.log10(value / low) if value > 0 else -np.inf


def _choose_blocks(encoding):
    """Choose the characters that fill a row, from empty to full."""
    try:
        BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return PLAIN_BLOCKS
    return BLOCKS
