"""Parse the rows of several small CSV files at once: a call of polars costs as much as hundreds of rows.

Rule kept here: between the texts of two files, a marker record is inserted that no file contains. If it is
not read back at its exact place, a text was parsed differently than it was counted, and the whole result is
discarded.
"""

import secrets
from collections.abc import Mapping, Sequence

import polars as pl

from loader.formats.csv.parse import parse_csv
from loader.formats.csv.syntax import Syntax


def parse_together(
    texts: Sequence[tuple[bytes, int]], positions: Mapping[str, int], columns: int, syntax: Syntax
) -> Sequence[pl.DataFrame] | None:
    """Return the wanted fields of each text as named columns; None if one text has a fault.

    An empty field is null, quoted or not.

    Args:
        texts: Regular records of each file, each with its line end, and the number of records.
        positions: Positions of the wanted fields, by name of the column.
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
    fields = frame.select(
        pl.when(pl.col(str(at)) != "").then(pl.col(str(at))).alias(name) for name, at in positions.items()
    )
    return [fields.slice(start, rows) for start, (_, rows) in zip(starts, texts, strict=False)]
