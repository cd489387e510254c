"""Detect files of Delta, Iceberg and Hudi tables. The metadata of such a table states which rows are current.

Rule kept here: such files are rejected, whether a file, a folder or a glob was named. Read as plain files,
they would give rows that were deleted or replaced. `delta_table` reads a Delta table whose own folder was
named.
"""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loader.errors import ExtractError
from loader.sources.delta_table import DELTA_LOG, can_read_delta
from loader.sources.partitions import PRIVATE_PREFIXES


@dataclass(frozen=True, slots=True)
class TableFormat:
    """The marks of a table format, and a function that reads its rows.

    Attributes:
        name: The name of the format for messages.
        folder: The folder with the metadata, inside the table's folder.
        mark: Part of the name of a metadata file; empty for any file.
        function: DuckDB's function that reads such a table; empty if there is none.
    """

    name: str
    folder: str
    mark: str
    function: str


TABLE_FORMATS = (
    TableFormat("Delta Lake", DELTA_LOG, "", "delta_scan"),
    TableFormat("Apache Iceberg", "metadata", ".metadata.json", "iceberg_scan"),
    TableFormat("Apache Hudi", ".hoodie", "", ""),
)

Names = Callable[[str], Iterable[str]]
"""Returns the names in a folder, or none if the folder does not exist."""


def refuse_tables(paths: Iterable[str], names_in: Names, top: str) -> None:
    """Raise an error if a file belongs to a table.

    Args:
        paths: The files.
        names_in: Returns the names in a folder.
        top: The folder above which no table is searched: a prefix of all paths.

    Raises:
        ExtractError: A folder above a file is a table of such a format.
    """
    seen: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while len(folder) > len(top) and folder not in seen:
            seen.add(folder)
            if not folder.rpartition("/")[2].startswith(PRIVATE_PREFIXES):
                _refuse_table(folder, names_in)
            folder = folder.rpartition("/")[0]


def _refuse_table(folder: str, names_in: Names) -> None:
    for table_format in TABLE_FORMATS:
        names = names_in(f"{folder}/{table_format.folder}")
        if any(table_format.mark in name for name in names):
            raise _table(folder, table_format)


def _table(folder: str, table_format: TableFormat) -> ExtractError:
    step = ""
    if table_format.folder == DELTA_LOG and not folder.startswith("s3://"):
        extra = "" if can_read_delta() else "install the extra scn-loader[delta] and "
        step = f"{extra}name the folder of the table to load its current rows; or "
    if table_format.function:
        query = f"COPY (FROM {table_format.function}('{folder}')) TO 'rows.parquet'"
        step += "export its current rows, for example with DuckDB, and load the file:"
        step += f"\n  duckdb -c {shlex.quote(query)}"
    else:
        step += "export its current rows, for example with Spark, and load those files"
    return ExtractError(
        f"The extract is part of a table of {table_format.name}.",
        where=folder,
        why=f"only {table_format.folder} states which rows are current; read as plain files, the table "
        "would give rows that were deleted or replaced",
        next_step=step,
    )
