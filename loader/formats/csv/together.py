"""Parse the rows of several small CSV files at once: a call of polars costs as much as hundreds of rows.

Rule kept here: between the texts of two files, a marker record is inserted that no file contains. If it is
not read back at its exact place, a text was parsed differently than it was counted, and the whole result is
discarded.
"""

import secrets
from collections.abc import Sequence

import polars as pl

from loader.formats.csv.parse import parse_csv
from loader.formats.csv.syntax import Syntax


def parse_together(
    texts: Sequence[tuple[bytes, int]], positions: Sequence[int], columns: int, syntax: Syntax
) -> Sequence[pl.DataFrame] | None:
    """Return the wanted fields of each text as columns named by position; None if one text has a fault.

    An empty field is null, quoted or not.

    Args:
        texts: Regular records of each file, each with its line end, and the number of records.
        positions: Positions of the wanted fields.
        columns: Number of fields in a record.
        syntax: The meaning of the characters.
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
