"""Recognize Parquet files of tables whose metadata, which is elsewhere, states which rows count.

`loader.sources.table_formats` refuses such files beside their metadata. Without it they are known by what
their writers note in them. They are read, with a note: they may have only current rows, or also rows that
were deleted or replaced. A file that lists deleted rows has no row of the table and is refused.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loader.errors import ExtractError


@dataclass(frozen=True, slots=True)
class TableWriter:
    """What the writer of a table leaves in its files.

    Attributes:
        table: The kind of table, with an article.
        keys: Keys of a file's metadata, one of which each file has.
        columns: Columns, all of which each file has. Empty if rows that were exported keep such columns.
    """

    table: str
    keys: Collection[bytes] = ()
    columns: Collection[str] = ()


WRITERS = (
    TableWriter("an Apache Iceberg table", keys=[b"iceberg.schema"]),
    TableWriter("an Apache Hudi table", keys=[b"org.apache.hudi.bloomfilter", b"hoodie_min_record_key"]),
    TableWriter("an Apache Paimon table", columns=["_SEQUENCE_NUMBER", "_VALUE_KIND"]),
)

DELETES = b"delete-type"
"""Key in files of Iceberg that list deleted rows, by position or by their values."""


def refuse_deletes(path: str, keys: Collection[object]) -> None:
    """Raise an error if a file lists the deleted rows of a table.

    Raises:
        ExtractError: It does.
    """
    if DELETES in keys and b"iceberg.schema" in keys:
        raise ExtractError(
            "A file of the extract lists deleted rows of an Apache Iceberg table.",
            where=path,
            why="its rows are not rows of the table; loaded as rows, they would return what was deleted",
            next_step="export the current rows of the table, for example with Spark, and load those files",
        )


def table_notes(path: str, keys: Collection[object], columns: Collection[str]) -> Sequence[str]:
    """Return a note if a Parquet file is a part of a table.

    Args:
        path: The file.
        keys: Keys of its metadata.
        columns: Names of its columns.
    """
    return [
        f"{path} was written as a part of {writer.table}, whose metadata states which rows count. Without "
        "it, deleted and replaced rows are read too: load an export of the current rows if there are any."
        for writer in WRITERS
        if any(key in keys for key in writer.keys)
        or (writer.columns and all(column in columns for column in writer.columns))
    ]
