"""The columns of a Parquet file with their types, computed once for files with the same schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from loader.formats.parquet.arrow_schema import ArrowType
from loader.formats.parquet.columns import Column, columns_in
from loader.formats.parquet.footer import Footer, Schema
from loader.formats.parquet.pages import undecodable
from loader.formats.spark_calendar import Calendar, calendar_of


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of a file. It is equal only to itself: files have the same layout if they share the object.

    Attributes:
        columns: The columns by name, in file order.
    """

    columns: Mapping[str, Column]

    @property
    def depends_on_values(self) -> bool:
        """Whether the types depend on values (96-bit timestamps), so that each file has its own layout."""
        return any(column.has_int96 for column in self.columns.values())


def layout_of(footer: Footer) -> Layout:
    """Return the layout for a footer."""
    chunks = [chunk for group in footer.groups for chunk in group.chunks]
    reasons = ((chunk.column, chunk.missing or undecodable(chunk)) for chunk in chunks)
    missing = {name: reason for name, reason in reasons if reason}
    return _layout(
        footer.schema, tuple(footer.arrow_types), tuple(missing.items()), calendar_of(footer.calendar)
    )


@lru_cache(maxsize=16)
def _layout(
    schema: Schema, arrow: Sequence[ArrowType], missing: Sequence[tuple[str, str]], calendar: Calendar
) -> Layout:
    found = columns_in(schema.columns, arrow, dict(missing), calendar)
    return Layout({column.node.name: column for column in found})
