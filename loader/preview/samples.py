"""A few values of each column before and after conversion, so that users can check a mapping.

They are values of the extract: they may go to a terminal, never to a log.
"""

from typing import Any

import orjson
import polars as pl

from loader.events.plan import SliceRecords
from loader.formats.unnamed import unnamed
from loader.formats.windows import Piece
from loader.json_quoting import unquote
from loader.mapping.expressions import with_json_members
from loader.mapping.mapping import FileMapping

VALUES = 3
"""Number of different values to show per column."""

LOOKED_AT = 2_000
"""Number of records that are sampled."""

Samples = dict[str, tuple[tuple[str, str | None], ...]]
"""Column of the records -> its values before and after; None where the record has none."""


def sample_values(piece: Piece, records: SliceRecords, mapping: FileMapping) -> Samples:
    """Return some values of each column that is not a constant, before and after conversion."""
    looked_at = records.frame.filter(pl.col("file") == piece.file).head(LOOKED_AT)
    rows = piece.frame[[row - piece.first_row for row in looked_at["row"]]]
    expressions = [column.expression for column in mapping.columns if column.expression is not None]
    rows = with_json_members(rows, expressions)
    read: list[dict[str, Any]] = [orjson.loads(unquote(record)) for record in looked_at["quoted"]]
    samples: Samples = {}
    for column in mapping.columns:
        if column.rule.constant is not None:
            continue
        if column.expression is not None:
            source, _ = column.expression.values(rows, "")
        else:
            source = unnamed(rows, str(column.rule.column))
        found: dict[str, str | None] = {}
        for before, record in zip(source, read, strict=True):
            if before is None or len(found) == VALUES:
                continue
            after = record.get(column.name)
            found.setdefault(str(before), None if after is None else str(after))
        samples[column.name] = tuple(found.items())
    return samples
