"""Folders whose files mean something only together with the metadata beside them: Delta, Iceberg, Hudi.

Rule kept here: such files are refused, however they were named. Read one by one they would give rows that
were deleted or replaced. `delta_table` reads a Delta table that is named by its own folder.
"""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loader.errors import ExtractError
from loader.sources.delta_table import DELTA_LOG, can_read_delta
from loader.sources.partitions import PRIVATE_PREFIXES


@dataclass(frozen=True, slots=True)
class TableFormat:
    """The signs of a table format, and a way to its rows.

    Attributes:
        name: What people call it.
        folder: The folder with its metadata, inside the table's.
        suffix: How a file of metadata ends; empty for any file.
        function: DuckDB's function that reads such a table, or empty.
    """

    name: str
    folder: str
    suffix: str
    function: str


TABLE_FORMATS = (
    TableFormat("Delta Lake", DELTA_LOG, "", "delta_scan"),
    TableFormat("Apache Iceberg", "metadata", ".metadata.json", "iceberg_scan"),
    TableFormat("Apache Hudi", ".hoodie", "", ""),
)

Names = Callable[[str], Iterable[str]]
"""Returns the names in a folder; none if there is no such folder."""


def refuse_tables(paths: Iterable[str], names_in: Names, top: str) -> None:
    """Refuse files that belong to a table.

    Args:
        paths: The files.
        names_in: Looks into a folder.
        top: Where to stop going up: a prefix of all paths.

    Raises:
        ExtractError: One of their folders, or one around them, is a table of such a format.
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
        if any(name.endswith(table_format.suffix) for name in names):
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
        why=f"only {table_format.folder} states which rows are current: read as plain files, they "
        "would bring back rows that were deleted or replaced",
        next_step=step,
    )
