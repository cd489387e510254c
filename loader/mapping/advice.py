"""Notes for users about a mapping that do not stop the load."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from loader.formats.nameless import filled_column_note
from loader.formats.unnamed import unnamed
from loader.formats.windows import SIZING_ROWS, Table, first_rows
from loader.mapping.column_sources import MappedColumn
from loader.mapping.mapping import FileMapping

NAIVE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+)?$"
"""An ISO 8601 date, or date and time, without a zone."""


@dataclass(frozen=True, slots=True)
class AdviceSettings:
    """What notes depend on besides the file and its mapping.

    Attributes:
        epoch_ms: Whether timestamps are sent as epoch milliseconds.
        has_time_zone: Whether the user set the zone of timestamps that name none.
        keys_are_groups: Whether records are packed by group, and each primary key is a group of its own.
    """

    epoch_ms: bool
    has_time_zone: bool
    keys_are_groups: bool


def advice_on(
    settings: AdviceSettings, table: Table, mapping: FileMapping, *, closely: bool = True
) -> Iterator[str]:
    """Return one sentence for each note.

    Args:
        settings: What the notes depend on besides the file.
        table: The file.
        mapping: The mapping of its columns.
        closely: Whether to examine the first rows too.
    """
    path = table.file.path
    yield from (filled_column_note(path, name, row) for name, row in mapping.filled_without_name)
    named = set(mapping.left_out) - {name for name, _ in mapping.filled_without_name}
    if named:
        names = ", ".join(f"'{name}'" for name in mapping.left_out if name in named)
        yield f"Columns left out of {path}: {names}."
    for column in mapping.columns:
        dtype = _dtype(column, table)
        if column.type == "string" and dtype is not None and dtype.is_float():
            yield (
                f"'{column.name}' is text, but {_origin(column)} has floating-point numbers: "
                "1001 will arrive as '1001.0'."
            )
        if column.type == "timestamp" and settings.epoch_ms and _finer_than_ms(dtype):
            yield (
                f"'{column.name}' is sent in epoch milliseconds: rows in which {_origin(column)} has "
                "finer digits are rejected."
            )
    naive = [] if settings.has_time_zone else _without_zone(table, mapping, closely=closely)
    if naive:
        yield (
            f"Timestamps of {path} without a zone are read as UTC ({', '.join(naive)}): "
            "set time_zone if they are local times."
        )
    if settings.keys_are_groups:
        yield (
            "Records are packed by group, but each primary key is its own group: "
            "set group_by or group_buckets to fill events."
        )


def _origin(column: MappedColumn) -> str:
    return "its expression" if column.expression is not None else f"the source column '{column.rule.column}'"


def _dtype(column: MappedColumn, table: Table) -> pl.DataType | None:
    """Return the type of the values of a column; None for a constant."""
    if column.expression is not None:
        return column.expression.dtype
    return table.schema[column.rule.column] if column.rule.column is not None else None


def _finer_than_ms(dtype: pl.DataType | None) -> bool:
    return dtype == pl.String or (isinstance(dtype, pl.Datetime) and dtype.time_unit != "ms")


def _without_zone(table: Table, mapping: FileMapping, *, closely: bool) -> Sequence[str]:
    """Return the columns whose timestamps have no zone and whose rules name none."""
    dated = [column for column in (*mapping.columns, mapping.timestamp) if column is not None]
    unsaid = [column for column in dated if column.type == "timestamp" and column.rule.time_zone is None]
    in_question = [
        column for column in unsaid if _dtype(column, table) == pl.String and not column.rule.formats
    ]
    sample = _sample(table, in_question if closely else [])
    naive = [
        column.name
        for column in unsaid
        if (
            closely and _has_naive_text(column, sample) if column in in_question else _is_naive(column, table)
        )
    ]
    return list(dict.fromkeys(naive))


def _is_naive(column: MappedColumn, table: Table) -> bool:
    dtype = _dtype(column, table)
    if isinstance(dtype, pl.Datetime):
        return dtype.time_zone is None
    if dtype == pl.Date:
        return True
    return any("%z" not in text_format and "%" in text_format for text_format in column.rule.formats)


def _has_naive_text(column: MappedColumn, sample: pl.DataFrame) -> bool:
    if column.expression is not None:
        texts, _ = column.expression.values(sample, "")
    else:
        texts = unnamed(sample, str(column.rule.column))
    return bool(texts.str.strip_chars().str.contains(NAIVE).any())


def _sample(table: Table, columns: Sequence[MappedColumn]) -> pl.DataFrame:
    """Return the first rows of the file, with the sources of these columns."""
    names = tuple(dict.fromkeys(name for column in columns for name in column.source_columns))
    if not names:
        return pl.DataFrame()
    first = first_rows(table, names, SIZING_ROWS)
    return first if first is not None else pl.DataFrame(schema=dict.fromkeys(names, pl.String))
