"""A few values of each column, before and after: what users check a mapping by.

They are values of the extract: for a terminal, never for a log.
"""

from typing import Any

import orjson

from loader.events.plan import WindowRecords
from loader.formats.unnamed import unnamed
from loader.formats.windows import Window
from loader.mapping.mapping import FileMapping

VALUES = 3
"""Different values that are shown of a column."""

LOOKED_AT = 2_000
"""Records that are looked at for them."""

Samples = dict[str, tuple[tuple[str, str | None], ...]]
"""Column of the records -> its values before and after; None where the record has none."""


def sample_values(window: Window, records: WindowRecords, mapping: FileMapping) -> Samples:
    """Return some values of each column that is no constant, before and after conversion."""
    rows = [row - window.first_row for row in records.rows[:LOOKED_AT]]
    read: list[dict[str, Any]] = [orjson.loads(data) for data in records.data[:LOOKED_AT]]
    samples: Samples = {}
    for column in mapping.columns:
        if column.rule.constant is not None:
            continue
        if column.expression is not None:
            source, _ = column.expression.values(window.frame, "")
        else:
            source = unnamed(window.frame, str(column.rule.column))
        found: dict[str, str | None] = {}
        for row, record in zip(rows, read, strict=True):
            before = source[row]
            if before is None or len(found) == VALUES:
                continue
            after = record.get(column.name)
            found.setdefault(str(before), None if after is None else str(after))
        samples[column.name] = tuple(found.items())
    return samples
