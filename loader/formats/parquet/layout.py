"""The columns of a Parquet file with the types of their values, found once for files with the same schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from loader.formats.parquet.arrow_schema import ArrowType
from loader.formats.parquet.columns import Column, columns_in
from loader.formats.parquet.footer import Footer, Schema
from loader.formats.parquet.pages import undecodable


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of a file. It is equal to itself only: two files have the same one if it is one object.

    Attributes:
        columns: The columns by name, in file order.
    """

    columns: Mapping[str, Column]

    @property
    def depends_on_values(self) -> bool:
        """Whether the types follow from values (timestamps of 96 bits), so that each file has its own."""
        return any(column.has_int96 and column.is_plain for column in self.columns.values())


def layout_of(footer: Footer) -> Layout:
    """Return the layout that a footer describes."""
    chunks = [chunk for group in footer.groups for chunk in group.chunks]
    reasons = ((chunk.column, chunk.missing or undecodable(chunk)) for chunk in chunks)
    missing = {name: reason for name, reason in reasons if reason}
    return _layout(footer.schema, tuple(footer.arrow_types), tuple(missing.items()))


@lru_cache(maxsize=16)
def _layout(schema: Schema, arrow: Sequence[ArrowType], missing: Sequence[tuple[str, str]]) -> Layout:
    found = columns_in(schema.columns, arrow, dict(missing))
    return Layout({column.node.name: column for column in found})
