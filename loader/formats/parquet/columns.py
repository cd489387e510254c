"""A column of any nesting: the types of its leaves, and the conversion of what polars reads to its values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from loader.formats.bad_record import BadRecord, RecordFault
from loader.formats.parquet.arrow_schema import ArrowType
from loader.formats.parquet.leaf_types import LeafType, in_calendar, leaf_type, stored
from loader.formats.parquet.leaf_values import Checked
from loader.formats.parquet.schema import Node
from loader.formats.rows import Rows
from loader.formats.spark_calendar import Calendar
from loader.formats.unread import Unread
from loader.row_issues import MAX_VALUE_CHARS, RowIssue
from loader.struct_parts import struct_of, struct_parts

VARIANT = 16


@dataclass(frozen=True, slots=True)
class Column:
    """An outermost column of a file.

    Attributes:
        node: Its part of the schema.
        leaves: How to read the values of its leaves, in file order.
        first_leaf: Position of its first leaf among all leaves of the file.
        unread: A description of its values, if they cannot be read; otherwise empty.
    """

    node: Node
    leaves: Sequence[LeafType]
    first_leaf: int
    unread: str

    @property
    def is_plain(self) -> bool:
        """Whether it is a single leaf with one value per row."""
        return not self.node.children and self.node.repetition_level == 0

    @property
    def has_int96(self) -> bool:
        """Whether one of its leaves is a 96-bit timestamp."""
        return not self.unread and any(leaf.is_int96 for leaf in self.leaves)

    @property
    def as_stored(self) -> "Column":
        """The column, read as the physical values of its leaves."""
        return replace(self, leaves=[stored(leaf) for leaf in self.node.leaves()])

    def dtype_of(self, raw: pl.DataType) -> pl.DataType:
        """Return the type of its values for the type that polars reads."""
        return Unread(self.unread) if self.unread else _dtype(raw, iter(self.leaves))

    def values_of(self, raw: pl.Series) -> Checked:
        """Return its values, and the faults of rows."""
        if self.unread:
            return Checked(raw)
        return _values(raw, iter(self.leaves))


def columns_in(
    nodes: Sequence[Node], arrow: Sequence[ArrowType], missing: dict[str, str], calendar: Calendar
) -> Sequence[Column]:
    """Return the columns of a file.

    Args:
        nodes: Its outermost nodes.
        arrow: Properties of each leaf from the Arrow schema, or empty.
        missing: Why values of columns are not in the file, by column name.
        calendar: The calendar of its dates.
    """
    names = [node.name for node in nodes]
    columns: list[Column] = []
    place = 0
    for node in nodes:
        leaves = [
            in_calendar(leaf_type(leaf, arrow[place + offset] if arrow else None), calendar)
            for offset, leaf in enumerate(node.leaves())
        ]
        unread = missing.get(node.name, "")
        if names.count(node.name) > 1:
            unread = "two columns with this name"
        unread = unread or _unread_group(node) or next((leaf.unread for leaf in leaves if leaf.unread), "")
        columns.append(Column(node, leaves, place, unread))
        place += len(leaves)
    return columns


def _unread_group(node: Node) -> str:
    """Return why a group cannot be read, or an empty text."""
    if not node.children:
        return ""
    logical = node.logical
    if logical is not None and logical[0] == VARIANT:
        return "values of the type VARIANT"
    names = [child.name for child in node.children]
    if len(set(names)) < len(names):
        return "groups with two parts of one name"
    return next(filter(None, map(_unread_group, node.children)), "")


def _dtype(raw: pl.DataType, leaves: Iterator[LeafType]) -> pl.DataType:
    if isinstance(raw, pl.Struct):
        return pl.Struct(
            [pl.Field(field.name, _dtype(_instance(field.dtype), leaves)) for field in raw.fields]
        )
    if isinstance(raw, pl.List):
        return pl.List(_dtype(_instance(raw.inner), leaves))
    return next(leaves).dtype


def _instance(dtype: object) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value] # classes or instances


def _values(raw: pl.Series, leaves: Iterator[LeafType]) -> Checked:
    if isinstance(raw.dtype, pl.Struct):
        return _struct(raw, leaves)
    if isinstance(raw.dtype, pl.List):
        return _list(raw, leaves)
    leaf = next(leaves)
    if leaf.to_gregorian is None:
        return leaf.convert(raw)
    known, unknown = leaf.to_gregorian(raw)
    checked = leaf.convert(known.alias(raw.name))
    return Checked(checked.values, [*unknown, *checked.faults])


def _struct(raw: pl.Series, leaves: Iterator[LeafType]) -> Checked:
    parts = [_values(part, leaves) for part in struct_parts(raw)]
    if not parts:
        return Checked(raw)
    faults = [fault for part in parts for fault in part.faults]

    def joined(series: Sequence[pl.Series]) -> pl.Series:
        struct = struct_of(series, raw.struct.fields, raw.name)
        there = raw.is_not_null()
        if there.all():
            return struct
        return pl.select(pl.when(there).then(pl.lit(struct))).to_series().alias(raw.name)

    return Checked(joined([part.values for part in parts]), faults)


def _list(raw: pl.Series, leaves: Iterator[LeafType]) -> Checked:
    rows = pl.int_range(len(raw), eager=True)
    filled = (raw.list.len() > 0).fill_null(value=False)
    flat = pl.DataFrame({"row": rows, "value": raw}).filter(filled).explode("value")
    inner = _values(flat["value"], leaves)
    if inner.values is flat["value"]:
        return Checked(raw, inner.faults)

    def regrouped(series: pl.Series) -> pl.Series:
        lists = (
            pl.DataFrame({"row": flat["row"], "value": series})
            .group_by("row", maintain_order=True)
            .agg(pl.col("value"))
        )
        by_row = pl.DataFrame({"row": rows}).join(lists, on="row", how="left", maintain_order="left")["value"]
        empty = pl.Series([[]], dtype=pl.List(series.dtype))
        whole = pl.select(
            pl.when(raw.list.len() == 0).then(pl.lit(empty)).otherwise(pl.lit(by_row))
        ).to_series()
        return whole.alias(raw.name)

    faults = [_of_rows(fault, flat["row"], rows) for fault in inner.faults]
    return Checked(regrouped(inner.values), faults)


def _of_rows(fault: RowIssue, row_of_value: pl.Series, rows: pl.Series) -> RowIssue:
    return replace(fault, rows=rows.is_in(row_of_value.filter(fault.rows).unique().to_list()))


def checked_rows(raw_columns: Iterable[tuple[Column, pl.Series]]) -> Rows:
    """Return the values of columns, and the rows with a value that does not fit its type."""
    bad: dict[int, BadRecord] = {}
    series: dict[str, pl.Series] = {}
    for column, raw in raw_columns:
        name = column.node.name
        checked = column.values_of(raw)
        series[name] = checked.values
        for fault in checked.faults:
            for index in fault.rows.arg_true():
                about = RecordFault(fault.code, fault.reason, name)
                bad.setdefault(index, BadRecord(index, about, _shown(raw, index)))
    return Rows(pl.DataFrame(series), [bad[index] for index in sorted(bad)])


def _shown(raw: pl.Series, index: int) -> str:
    """Return a value with a fault as stored, for the rejected row."""
    value: Any = raw[index]
    if isinstance(value, bytes):
        return value[:MAX_VALUE_CHARS].decode(errors="replace")
    if isinstance(value, pl.Series):
        value = value.head(MAX_VALUE_CHARS).to_list()
    return str(value)[:MAX_VALUE_CHARS]
