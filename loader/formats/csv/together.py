"""Parse the rows of several small CSV files at once: a call of polars costs as much as hundreds of rows.

Rule kept here: between the texts of two files stands a record that no file holds. If it is not read as the
record that it is, at the place where it belongs, some text was not read as it was counted, and nothing of
what was read is used.
"""

import secrets
from collections.abc import Sequence

import polars as pl

from loader.formats.csv.parse import parse_csv
from loader.formats.csv.syntax import Syntax


def parse_together(
    texts: Sequence[tuple[bytes, int]], positions: Sequence[int], columns: int, syntax: Syntax
) -> Sequence[pl.DataFrame] | None:
    """Return the wanted fields of each text as columns named by their positions; None if one has a fault.

    An empty field is null, quoted or not.

    Args:
        texts: Regular records of each file, each with its line end, and how many they are.
        positions: Which fields are wanted.
        columns: Number of fields that a record has.
        syntax: What the characters mean.
    """
    mark = secrets.token_hex(16)
    border = (mark + syntax.separator * (columns - 1) + syntax.line_end).encode()
    joined = border.join([*(text for text, _ in texts), b""])
    try:
        frame = parse_csv(joined, columns, syntax.separator, syntax.quote, syntax.line_end)
    except pl.exceptions.PolarsError:
        return None
    starts = [0]
    for _, rows in texts:
        starts.append(starts[-1] + rows + 1)
    borders = frame["0"].gather([start - 1 for start in starts[1:]]) if frame.height == starts[-1] else None
    if borders is None or not (borders == mark).all():
        return None
    wanted = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in map(str, positions)]
    fields = frame.select(wanted)
    return [fields.slice(start, rows) for start, (_, rows) in zip(starts, texts, strict=False)]
